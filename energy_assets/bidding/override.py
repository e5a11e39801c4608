"""Trader override: a manual bid is the reference, and the model may move little from it.

    |result(p) - manual(p)| <= delta      at every price tick p
    result(p) = median(model(p), manual(p) - delta, manual(p) + delta), in whole volume ticks

The manual bid wins: the model's curve is cut to the band around it, whichever was made later; of
several manual bids for an MTU the newest wins. The median of three curves that do not fall does not
fall. Where curves are piecewise linear, the manual curve's own points are kept and every other
point is rounded into the band; both curves are straight between those, so they stay within the
band at every price. Delta 0 is the manual curve itself.

All comparisons are exact: integers in ticks, and fractions of them between points.

Belongs here: the rule and what it cut. Not here: who may override and the record of it
(`governance`), market checks of the result (`market.orders`).
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import pairwise

from energy_assets.errors import InputError
from energy_assets.market.orders import CurveKind, CurveOrder, CurveRules
from energy_assets.portfolio.desk import Limits

Point = tuple[int, int]
Points = tuple[Point, ...]


@dataclass(frozen=True)
class ManualBid:
    """A trader's reference bid for some MTUs.

    Attributes:
        made_at: When it was made; of two for an MTU the newer wins, then the later in the list.
        trader: Who made it.
        curves: By MTU, in ticks (`manual_curve`).
        delta_mw: How far the model may move from it at any price, MW.
    """

    made_at: datetime
    trader: str
    curves: tuple[CurveOrder, ...]
    delta_mw: float


@dataclass(frozen=True)
class Clip:
    """What the band took from the model's curve in one MTU.

    Attributes:
        start: Start of the MTU.
        trader: Whose bid is the reference; empty where there is none.
        most_mw: Largest change of volume at any price.
    """

    start: datetime
    trader: str
    most_mw: float

    @property
    def clipped(self) -> bool:
        """Whether the model wanted to leave the band."""
        return self.most_mw > 0


@dataclass(frozen=True)
class Overridden:
    """The curves to send and, per MTU, what was clipped."""

    curves: tuple[CurveOrder, ...]
    clips: tuple[Clip, ...]


def manual_curve(
    start: datetime, minutes: int, volumes: Mapping[float, float], rules: CurveRules
) -> CurveOrder:
    """A manual curve from volumes (MW) at price points (currency/MWh); flat beyond its ends.

    Raises:
        InputError: Not in whole ticks, beyond the price limits, or falling with the price.
    """
    where = f"manual bid at {start.isoformat()}"
    if not volumes:
        raise InputError(where, expected="a volume", found="none")
    points = sorted(
        (
            _whole(f"{where}: price", price, rules.price_tick),
            _whole(f"{where}: volume", volume, rules.volume_tick_mw),
        )
        for price, volume in volumes.items()
    )
    lowest, highest = rules.price_min_ticks, rules.price_max_ticks
    if points[0][0] > lowest:
        points.insert(0, (lowest, points[0][1]))
    if points[-1][0] < highest:
        points.append((highest, points[-1][1]))
    curve = CurveOrder(start, minutes, tuple(points))
    _require_curve(where, curve, rules)
    return curve


def override(
    model: Sequence[CurveOrder],
    manual: Sequence[ManualBid],
    rules: CurveRules,
    limits: Limits,
) -> Overridden:
    """The model's curves within the bands of the manual bids.

    Args:
        model: One curve per MTU, valid under the rules.
        manual: Manual bids; MTUs that none covers keep the model's curve.
        rules: Ticks, price limits and curve kind.
        limits: The desk's position limits; the model's part of the result keeps them.

    Raises:
        InputError: A manual bid breaks a rule or a limit or is for an unknown MTU.
    """
    reference = _references(model, manual, rules, limits)
    curves, clips = [], []
    for curve in model:
        if curve.start not in reference:
            curves.append(curve)
            clips.append(Clip(curve.start, "", 0.0))
            continue
        bid, wanted = reference[curve.start]
        points = _within_band(curve.points, wanted.points, _delta_ticks(bid, rules), rules, limits)
        curves.append(CurveOrder(curve.start, curve.minutes, points))
        most = _largest_difference(curve.points, points, rules.kind)
        clips.append(Clip(curve.start, bid.trader, float(most) * rules.volume_tick_mw))
    return Overridden(tuple(curves), tuple(clips))


def volume_at(points: Points, price: int, kind: CurveKind) -> Fraction:
    """Exact volume in ticks at a price in ticks."""
    above = bisect.bisect_right(points, price, key=lambda point: point[0])
    if above == 0:
        return Fraction(points[0][1])
    low_price, low_volume = points[above - 1]
    if above == len(points) or kind is CurveKind.STEP:
        return Fraction(low_volume)
    high_price, high_volume = points[above]
    rise = Fraction(high_volume - low_volume, high_price - low_price)
    return low_volume + rise * (price - low_price)


def is_within_band(points: Points, manual: Points, delta: int, kind: CurveKind) -> bool:
    """Whether a curve stays within delta ticks of another at every price.

    Both are straight between their points, so their difference is largest at one of these.
    """
    return _largest_difference(points, manual, kind) <= delta


def _largest_difference(one: Points, other: Points, kind: CurveKind) -> Fraction:
    prices = {price for price, _ in (*one, *other)}
    return max(abs(volume_at(one, p, kind) - volume_at(other, p, kind)) for p in prices)


def _references(
    model: Sequence[CurveOrder], manual: Sequence[ManualBid], rules: CurveRules, limits: Limits
) -> dict[datetime, tuple[ManualBid, CurveOrder]]:
    """The newest manual curve of each MTU."""
    minutes = {curve.start: curve.minutes for curve in model}
    found: dict[datetime, tuple[ManualBid, CurveOrder]] = {}
    # Sorting is stable: of two bids made at one time the later in the list stays.
    for bid in sorted(manual, key=lambda bid: bid.made_at):
        if not (math.isfinite(bid.delta_mw) and bid.delta_mw >= 0):
            where = f"manual bid of {bid.trader}: delta_mw"
            raise InputError(where, expected="a volume from 0", found=bid.delta_mw)
        for curve in bid.curves:
            where = f"manual bid of {bid.trader} at {curve.start.isoformat()}"
            if minutes.get(curve.start) != curve.minutes:
                expected = "an MTU of the model's orders"
                raise InputError(where, expected=expected, found=f"{curve.minutes} min")
            _require_curve(where, curve, rules)
            _require_limits(where, curve, rules, limits)
            found[curve.start] = bid, curve
    return found


def _within_band(
    model: Points, manual: Points, delta: int, rules: CurveRules, limits: Limits
) -> Points:
    if delta == 0:
        return manual
    least, most = _limit_ticks(rules, limits)

    def settled(price: int) -> int:
        centre = volume_at(manual, price, rules.kind)
        lower, upper = math.ceil(centre - delta), math.floor(centre + delta)
        wanted = round(volume_at(model, price, rules.kind))
        # The manual curve keeps the limits, so its side of the band is never empty.
        return min(max(wanted, max(lower, least)), min(upper, most))

    prices = {price for price, _ in (*model, *manual)}
    if rules.kind is CurveKind.PIECEWISE_LINEAR:
        prices |= _crossings(model, manual, delta, prices)
    points = tuple((price, settled(price)) for price in sorted(prices))
    return _thinned(points, manual, delta, rules)


def _crossings(model: Points, manual: Points, delta: int, prices: set[int]) -> set[int]:
    """Price ticks around which the model's curve enters or leaves the band."""
    kind, found = CurveKind.PIECEWISE_LINEAR, set()
    for low, high in pairwise(sorted(prices)):
        at_low, at_high = (
            volume_at(model, price, kind) - volume_at(manual, price, kind) for price in (low, high)
        )
        for edge in (-delta, delta):
            if (at_low - edge) * (at_high - edge) < 0:
                crossing = low + (edge - at_low) / (at_high - at_low) * (high - low)
                found |= {math.floor(crossing), math.ceil(crossing)}
    return found


def _thinned(points: Points, manual: Points, delta: int, rules: CurveRules) -> Points:
    """Without points that change nothing; then, while there are too many, the least ones too.

    Only points whose removal keeps the band go; if that is not enough, the manual curve stands.
    """
    kept = _without_redundant(points, rules.kind)
    prices = sorted({price for price, _ in (*points, *manual)})
    while len(kept) > rules.max_points:
        costs = {
            i: cost
            for i in range(1, len(kept) - 1)
            for cost in [_removal(kept[i - 1], kept[i + 1], points, manual, prices, rules.kind)]
            if cost.from_manual <= delta
        }
        if not costs:
            return manual
        least = min(costs, key=lambda i: costs[i].change)
        kept = kept[:least] + kept[least + 1 :]
    return kept


@dataclass(frozen=True)
class _Removal:
    """What is left between two points once those between them are gone."""

    change: Fraction
    from_manual: Fraction


def _removal(
    low: Point, high: Point, points: Points, manual: Points, prices: list[int], kind: CurveKind
) -> _Removal:
    inside = prices[bisect.bisect_right(prices, low[0]) : bisect.bisect_left(prices, high[0])]
    span = (low, high)

    def largest(other: Points) -> Fraction:
        return max(abs(volume_at(span, p, kind) - volume_at(other, p, kind)) for p in inside)

    return _Removal(largest(points), largest(manual))


def _without_redundant(points: Points, kind: CurveKind) -> Points:
    kept = [points[0]]
    for point, after in pairwise(points[1:]):
        straight = (kept[-1], after) if kind is CurveKind.PIECEWISE_LINEAR else (kept[-1],)
        if volume_at(straight, point[0], kind) != point[1]:
            kept.append(point)
    return (*kept, points[-1])


def _delta_ticks(bid: ManualBid, rules: CurveRules) -> int:
    return math.floor(bid.delta_mw / rules.volume_tick_mw + 1e-9)


def _limit_ticks(rules: CurveRules, limits: Limits) -> tuple[int, int]:
    tick = rules.volume_tick_mw
    least = -math.floor(limits.max_purchase_mw / tick + 1e-6)
    return least, math.floor(limits.max_sale_mw / tick + 1e-6)


def _whole(where: str, value: float, tick: float) -> int:
    ticks = value / tick
    if not math.isfinite(ticks) or abs(ticks - round(ticks)) > 1e-6:
        raise InputError(where, expected=f"whole ticks of {tick:g}", found=value)
    return round(ticks)


def _require_curve(where: str, curve: CurveOrder, rules: CurveRules) -> None:
    prices = [price for price, _ in curve.points]
    volumes = [volume for _, volume in curve.points]
    ends = (rules.price_min_ticks, rules.price_max_ticks)
    checks: tuple[tuple[str, Callable[[], bool]], ...] = (
        (
            f"{rules.min_points} to {rules.max_points} points",
            lambda: rules.min_points <= len(prices) <= rules.max_points,
        ),
        (f"end points at {ends} ticks", lambda: (prices[0], prices[-1]) == ends),
        ("rising prices", lambda: all(a < b for a, b in pairwise(prices))),
        ("volumes that do not fall", lambda: all(a <= b for a, b in pairwise(volumes))),
    )
    for expected, holds in checks:
        if not holds():
            raise InputError(where, expected=expected, found=list(curve.points))


def _require_limits(where: str, curve: CurveOrder, rules: CurveRules, limits: Limits) -> None:
    least, most = _limit_ticks(rules, limits)
    volumes = [volume for _, volume in curve.points]
    if volumes[0] < least or volumes[-1] > most:
        tick = rules.volume_tick_mw
        expected = f"volumes from {least * tick:g} to {most * tick:g} MW"
        raise InputError(where, expected=expected, found=(volumes[0] * tick, volumes[-1] * tick))
