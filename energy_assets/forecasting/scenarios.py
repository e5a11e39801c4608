"""Joint scenarios: paths over all periods and variables of a day, and their reduction.

Belongs here: the step from marginal quantile forecasts to joint paths, and from many paths to few
with probabilities. Not here: the marginals (`quantile_regression`), reading past forecasts.

Dependence comes from ranks: where past outcomes fell inside their own forecasts (probability
integral transform, PIT). A Gaussian copula on them (Pinson, Madsen, Nielsen, Papaefthymiou and
Kloeckl 2009, Wind Energy 12(1)) carries shocks across hours and between price, wind, solar and
load. There are often more variables than past days, so the correlation is shrunk to the identity,
and it is never built: a normal vector with that correlation is a random mix of past days plus
independent noise.
"""

from __future__ import annotations

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting.arrays import FloatArray, IntArray

DEFAULT_SHRINKAGE = 0.1
# Ranks are kept off 0 and 1 by this much before the normal quantile is taken.
_RANK_MARGIN = 1e-3


def pit(quantiles: FloatArray, actual: FloatArray, levels: FloatArray) -> FloatArray:
    """Rank of each outcome inside its forecast (probability integral transform), from 0 to 1.

    Linear between quantiles. Where several quantiles equal the outcome, as for solar at night, the
    rank is the middle of their levels. Beyond the outer quantiles the rank is half the outer
    level: how far beyond is left to the tails of `joint_paths`.

    Args:
        quantiles: Non-decreasing along the last axis, (n, V, L).
        actual: Outcomes, (n, V).
        levels: Rising probability levels, (L,).

    Returns:
        Ranks (n, V); NaN where the outcome or any quantile is NaN.
    """
    flat, outcome = quantiles.reshape(-1, len(levels)), actual.reshape(-1)
    below = (flat < outcome[:, None]).sum(axis=1)
    up_to = (flat <= outcome[:, None]).sum(axis=1)
    last = len(levels) - 1
    left, right = np.clip(below - 1, 0, last), np.clip(below, 0, last)
    row = np.arange(len(flat))
    width = flat[row, right] - flat[row, left]
    share = np.divide(outcome - flat[row, left], width, out=np.zeros_like(width), where=width > 0)
    rank = levels[left] + share * (levels[right] - levels[left])
    tie = (levels[np.clip(below, 0, last)] + levels[np.clip(up_to - 1, 0, last)]) / 2
    rank = np.where(up_to > below, tie, rank)
    rank = np.where(up_to == 0, levels[0] / 2, rank)
    rank = np.where(below > last, (1 + levels[-1]) / 2, rank)
    known = np.isfinite(outcome) & np.isfinite(flat).all(axis=1)
    return np.where(known, rank, np.nan).reshape(actual.shape)


def joint_paths(
    past_ranks: FloatArray,
    quantiles: FloatArray,
    levels: FloatArray,
    count: int,
    seed: int,
    *,
    shrinkage: float = DEFAULT_SHRINKAGE,
    lower: FloatArray | None = None,
    upper: FloatArray | None = None,
) -> FloatArray:
    """Draw joint paths whose marginals are the quantile forecasts.

    Args:
        past_ranks: PIT values of past days, (n, V), NaN where missing. With none at all the
            variables are independent.
        quantiles: Forecast of the day, (V, L), non-decreasing.
        levels: Rising probability levels, (L,).
        count: Number of paths S.
        seed: Seed of the generator; equal input and seed give equal paths.
        shrinkage: Weight of the identity in the correlation, 0 to 1.
        lower: Least possible value per variable, (V,), -inf where none.
        upper: Greatest possible value per variable, (V,), inf where none.

    Returns:
        Paths (S, V).

    Raises:
        InputError: Shapes do not fit or the shrinkage lies outside 0 to 1.
    """
    variables = len(quantiles)
    if past_ranks.ndim != 2 or past_ranks.shape[1] != variables:
        raise InputError("past ranks", expected=f"{variables} columns", found=past_ranks.shape)
    if not 0.0 <= shrinkage <= 1.0:
        raise InputError("shrinkage", expected="0 to 1", found=shrinkage)
    ranks = _correlated_ranks(past_ranks, count, seed, shrinkage)
    paths = np.empty((count, variables))
    for v in range(variables):
        paths[:, v] = _invert(ranks[:, v], quantiles[v], levels)
    low = -np.inf if lower is None else lower
    high = np.inf if upper is None else upper
    bounded: FloatArray = np.clip(paths, low, high)
    return bounded


def _correlated_ranks(
    past_ranks: FloatArray, count: int, seed: int, shrinkage: float
) -> FloatArray:
    """Uniform ranks (S, V) with the shrunk normal-score correlation of the past.

    With Z the standardised normal scores (n, V), z = sqrt(1 - a) Z'w / sqrt(n) + sqrt(a) e for
    standard normal w (n) and e (V) has covariance (1 - a) Z'Z / n + a I. Each column is then
    replaced by stratified normal ranks, so that few paths still fill every marginal evenly.
    """
    from scipy.special import ndtri

    generator = np.random.default_rng(seed)
    days, variables = past_ranks.shape
    scores = ndtri(np.clip(past_ranks, _RANK_MARGIN, 1 - _RANK_MARGIN))
    known = np.isfinite(scores)
    observed = np.maximum(known.sum(axis=0), 1)
    scores = np.where(known, scores, 0.0)
    scores = np.where(known, scores - scores.sum(axis=0) / observed, 0.0)
    deviation = np.sqrt((scores**2).sum(axis=0) / max(days, 1))
    varies = deviation > 1e-9
    scores = np.where(varies, scores / np.where(varies, deviation, 1.0), 0.0)
    mix = generator.standard_normal((count, days))
    noise = generator.standard_normal((count, variables))
    common = mix @ scores / np.sqrt(max(days, 1))
    # A variable without history gets its whole variance from the noise.
    own = np.where(varies, shrinkage, 1.0)
    drawn = np.sqrt(1 - own) * common + np.sqrt(own) * noise
    order = drawn.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    ranks: FloatArray = (order + generator.random((count, variables))) / count
    return ranks


def _invert(ranks: FloatArray, quantiles: FloatArray, levels: FloatArray) -> FloatArray:
    """Value at each rank: linear between quantiles, exponential tails beyond them.

    A tail continues with the slope of the outermost tenth of levels per log-probability:
    q_1 - b log(p_1 / p) with b = (q_m - q_1) / log(p_m / p_1), where p_m is the level nearest ten
    times p_1. It is exact for an exponential tail, finite for any rank above 0, and at the 0.1 %
    rank adds as much as lies between the 1 % and the 10 % quantile.
    """
    values: FloatArray = np.interp(ranks, levels, quantiles)
    values = np.where(
        ranks < levels[0], quantiles[0] - _tail(ranks, levels, quantiles, levels[0]), values
    )
    mirrored_levels, mirrored = 1 - levels[::-1], -quantiles[::-1]
    return np.where(
        ranks > levels[-1],
        quantiles[-1] + _tail(1 - ranks, mirrored_levels, mirrored, mirrored_levels[0]),
        values,
    )


def _tail(ranks: FloatArray, levels: FloatArray, quantiles: FloatArray, outer: float) -> FloatArray:
    """Distance below the lowest quantile at each rank under the exponential tail."""
    inner = int(np.abs(levels - min(10 * outer, 0.5)).argmin())
    if inner == 0:
        return np.zeros_like(ranks)
    slope = (quantiles[inner] - quantiles[0]) / np.log(levels[inner] / outer)
    distance: FloatArray = slope * np.log(outer / np.clip(ranks, 1e-12, outer))
    return distance


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
