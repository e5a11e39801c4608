"""The price points of the bid curves, and where each scenario's price falls between them.

The points of an MTU are quantiles of its price scenarios, plus the prices at which a unit's merit
changes (marginal costs, curtailment): there the volume may jump, which in a piecewise-linear area
takes two points one tick apart. Outside the scenarios a curve is flat up to the price limits, so
the limits need no variables.

Points of all MTUs are numbered in one row ("flat" index), so that one Pyomo variable and two index
arrays describe every curve.

Not here: the equations (`model.curve`) or the finished orders (`curves`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from energy_assets.bidding.arrays import FloatArray
from energy_assets.market.orders import CurveKind, CurveRules

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PriceGrid:
    """Price points of every MTU and the accepted share of each at every scenario price.

    The accepted volume of scenario s in MTU t is
    `low_weight[s, t] * q[low[s, t]] + high_weight[s, t] * q[high[s, t]]`.

    Attributes:
        ticks: Per MTU, its price points in ticks, strictly rising.
        offsets: Per MTU, the flat index of its first point (T + 1 entries).
        low: Flat index of the point below the price (S, T).
        high: Flat index of the next point (S, T).
        low_weight: Share of the point below (S, T).
        high_weight: Share of the next point (S, T).
        step_tops: Flat indices at which the volume jumps to what the next point has.
    """

    ticks: tuple[tuple[int, ...], ...]
    offsets: IntArray
    low: IntArray
    high: IntArray
    low_weight: FloatArray
    high_weight: FloatArray
    step_tops: frozenset[int]

    @property
    def size(self) -> int:
        """Number of points of all MTUs."""
        return int(self.offsets[-1])

    @property
    def neighbours(self) -> list[int]:
        """Flat indices whose successor belongs to the same MTU."""
        last = set((self.offsets[1:] - 1).tolist())
        return [k for k in range(self.size) if k not in last]

    def volumes(self, points: FloatArray) -> FloatArray:
        """Accepted volume (S, T) for volumes at the points (flat)."""
        return self.low_weight * points[self.low] + self.high_weight * points[self.high]

    def subset(self, scenarios: IntArray) -> PriceGrid:
        """The same points seen by some of the scenarios."""
        return PriceGrid(
            self.ticks,
            self.offsets,
            self.low[scenarios],
            self.high[scenarios],
            self.low_weight[scenarios],
            self.high_weight[scenarios],
            self.step_tops,
        )

    def settle(self, points: FloatArray) -> FloatArray:
        """Volumes with those of points no scenario sees set: the model leaves them open.

        The top of a step takes the next point's volume and any other point the one before, so that
        the volume jumps at the merit price and nowhere in between.
        """
        settled = points.copy()
        seen = np.zeros(self.size)
        np.add.at(seen, self.low, self.low_weight)
        np.add.at(seen, self.high, self.high_weight)
        followed = set(self.neighbours)
        for k in range(self.size):
            if seen[k] == 0 and k not in self.step_tops and k - 1 in followed:
                settled[k] = settled[k - 1]
        for k in reversed(range(self.size)):
            if seen[k] == 0 and k in self.step_tops and k in followed:
                settled[k] = settled[k + 1]
        return settled


def price_grid(
    prices: FloatArray,
    weights: FloatArray,
    merit_prices: Sequence[FloatArray],
    rules: CurveRules,
    points: int,
) -> PriceGrid:
    """Choose the points of every MTU and locate every scenario price.

    Args:
        prices: Scenarios (S, T), currency/MWh.
        weights: Probabilities (S,).
        merit_prices: Prices (T,) at which a unit's merit changes.
        rules: Ticks, limits, curve kind.
        points: Most points per MTU, without the limits.
    """
    # The two limits take up to two of the points a curve may have.
    points = max(1, min(points, rules.max_points - 2))
    in_ticks = prices / rules.price_tick
    steps = [
        _steps(in_ticks[:, t], [m[t] for m in merit_prices], rules) for t in range(len(prices.T))
    ]
    ticks = tuple(
        _points(in_ticks[:, t], weights, tops, rules, points) for t, tops in enumerate(steps)
    )
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in ticks])]).astype(np.int64)
    step_tops = frozenset(
        int(first) + row.index(top)
        for first, row, tops in zip(offsets, ticks, steps, strict=False)
        for top in tops
        if top in row
    )
    return _locate(in_ticks, ticks, offsets, step_tops, rules.kind)


def _rounded(in_ticks: FloatArray, rules: CurveRules) -> IntArray:
    # A step is accepted from its price upwards, so its point must not lie above the price.
    rounded = np.floor(in_ticks) if rules.kind is CurveKind.STEP else np.rint(in_ticks)
    return np.clip(rounded, rules.price_min_ticks, rules.price_max_ticks).astype(np.int64)


def _steps(in_ticks: FloatArray, merit_prices: list[float], rules: CurveRules) -> list[int]:
    """Lowest tick at which each merit price is reached, where the scenarios surround it."""
    rounded = _rounded(in_ticks, rules)
    tops = {math.ceil(round(float(price) / rules.price_tick, 6)) for price in merit_prices}
    return sorted(top for top in tops if rounded.min() < top <= rounded.max())


def _points(
    in_ticks: FloatArray, weights: FloatArray, tops: list[int], rules: CurveRules, count: int
) -> tuple[int, ...]:
    width = 1 if rules.kind is CurveKind.STEP else 2
    # Two quantiles always stay, so that a curve spans its scenarios.
    tops = tops[: max(0, count - 2) // width]
    steps = {top - below for top in tops for below in range(width)}
    quantiles = _quantiles(_rounded(in_ticks, rules), weights, count - len(steps))
    return tuple(sorted({*steps, *quantiles}))


def _quantiles(values: IntArray, weights: FloatArray, count: int) -> list[int]:
    distinct, inverse = np.unique(values, return_inverse=True)
    if len(distinct) <= count:
        return [int(value) for value in distinct]
    mass = np.bincount(inverse, weights=weights)
    middle = np.cumsum(mass) - mass / 2
    levels = np.linspace(middle[0], middle[-1], count)
    nearest = [int(np.argmin(np.abs(middle - level))) for level in levels]
    return sorted({int(distinct[i]) for i in nearest})


def _locate(
    in_ticks: FloatArray,
    ticks: tuple[tuple[int, ...], ...],
    offsets: IntArray,
    step_tops: frozenset[int],
    kind: CurveKind,
) -> PriceGrid:
    shape = in_ticks.shape
    low = np.zeros(shape, dtype=np.int64)
    share = np.zeros(shape)
    for t, row in enumerate(ticks):
        points = np.array(row, dtype=np.float64)
        below = np.clip(np.searchsorted(points, in_ticks[:, t], side="right") - 1, 0, None)
        following = np.minimum(below + 1, len(row) - 1)
        gap = np.maximum(points[following] - points[below], 1.0)
        share[:, t] = np.clip((in_ticks[:, t] - points[below]) / gap, 0.0, 1.0)
        share[following == below, t] = 0.0
        low[:, t] = offsets[t] + below
    if kind is CurveKind.STEP:
        share[:] = 0.0
    high = np.minimum(low + 1, (offsets[1:] - 1)[None, :])
    return PriceGrid(ticks, offsets, low, high, 1.0 - share, share, step_tops)
