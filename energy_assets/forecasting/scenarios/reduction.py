"""From many equally likely paths to few with probabilities.

Belongs here: choosing paths that stand for all. Not here: drawing them (`paths`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting.arrays import FloatArray, IntArray


def reduce_scenarios(paths: FloatArray, keep: int) -> tuple[IntArray, FloatArray]:
    """Choose few paths that stand for all, by fast forward selection.

    Heitsch and Roemisch (2003, Comput. Optim. Appl. 24(2), algorithm 2.4): take the path that
    leaves the least sum of distances from each path to the nearest one kept; repeat. Distances are
    Euclidean after scaling each variable to unit deviation. Paths dropped give their probability
    to the nearest path kept.

    Args:
        paths: Equally likely paths, (S, V).
        keep: Number of paths to keep, 1 to S.

    Returns:
        Indices of the paths kept, rising, (R,), and their probabilities, (R,), with sum 1.

    Raises:
        InputError: `keep` is outside 1 to S.
    """
    count = len(paths)
    if not 1 <= keep <= count:
        raise InputError("scenarios to keep", expected=f"1 to {count}", found=keep)
    distance = _distances(paths)
    nearest = np.full(count, np.inf)
    chosen: list[int] = []
    for _ in range(keep):
        remaining = np.minimum(distance, nearest[:, None]).sum(axis=0)
        remaining[chosen] = np.inf
        best = int(remaining.argmin())
        chosen.append(best)
        nearest = np.minimum(nearest, distance[:, best])
    indices = np.sort(np.array(chosen, dtype=np.int64))
    holder = distance[:, indices].argmin(axis=1)
    # A path kept stands for itself even where another kept path is identical.
    holder[indices] = np.arange(keep)
    return indices, np.bincount(holder, minlength=keep) / count


def _distances(paths: FloatArray) -> FloatArray:
    """Euclidean distance between standardised paths, (S, S)."""
    deviation = paths.std(axis=0)
    scaled = (paths - paths.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    squares = (scaled**2).sum(axis=1)
    squared = squares[:, None] + squares - 2 * scaled @ scaled.T
    np.fill_diagonal(squared, 0.0)
    distance: FloatArray = np.sqrt(np.maximum(squared, 0.0))
    return distance
