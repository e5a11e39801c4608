"""The forecast of one delivery day: quantiles per target, joint scenarios, and the rung used.

Targets are the day-ahead price, the output of each wind, solar and load unit, and, where the area
has an imbalance price, its spread to the day-ahead price. Everything is read through one
`PointInTime`; seeds derive from desk, session and delivery day, so that the same knowledge gives
the same bits.

Forecast rungs: `ensemble` (LEAR members, quantile regression averaging) steps down to `climatology`
when an input of the price is missing or its history too short. A unit whose inputs are missing
cannot be forecast: `ForecastUnavailableError`, and the bid ladder steps down.

Not here: the models (`price`, `unit_output`, `climatology`), frames and tables (`records`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from energy_assets.curation.outages import output_shares
from energy_assets.errors import EnergyAssetsError
from energy_assets.forecasting import quantile_regression, scenarios
from energy_assets.forecasting.climatology import price_climatology
from energy_assets.forecasting.price import (
    MINIMUM_HINDCASTS,
    MemberStore,
    Progress,
    combine,
    hindcast_members,
    member_names,
    member_version,
)
from energy_assets.forecasting.profiles import FloatArray, IntArray, mtu_slots, slots_per_day
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.unit_output import (
    IMBALANCE_SPREAD,
    OutputUnit,
    SlotForecast,
    TooLittleHistoryError,
    spread_forecast,
    unit_forecast,
    window,
)
from energy_assets.forecasting.vintages import price_matrix
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk, LoadUnit, SolarUnit, WindUnit

PRICE = "price"
ENSEMBLE, CLIMATOLOGY = "ensemble", "climatology"


class ForecastUnavailableError(EnergyAssetsError):
    """A target cannot be forecast at all from what is known."""


@dataclass(frozen=True)
class TargetForecast:
    """Quantiles of one target on the MTUs of the delivery day.

    Attributes:
        target: `price`, `imbalance_spread` or a unit's name.
        model: Model that made the quantiles.
        version: Its version.
        quantiles: (MTUs, 99), currency/MWh or MW (consumption for a load).
        members: Member paths by name, each (MTUs,).
    """

    target: str
    model: str
    version: str
    quantiles: FloatArray
    members: dict[str, FloatArray]

    @property
    def median(self) -> FloatArray:
        """The 50 % quantile, (MTUs,)."""
        return self.quantiles[:, len(PERCENTILES) // 2]


@dataclass(frozen=True)
class Scenarios:
    """Joint paths of all targets over one delivery day.

    Attributes:
        day: The delivery day.
        probabilities: Of the paths, (S,).
        paths: By target, each (S, MTUs).
    """

    day: DeliveryDay
    probabilities: FloatArray
    paths: dict[str, FloatArray]

    def expected(self, target: str) -> FloatArray:
        """Mean path of a target, (MTUs,)."""
        mean: FloatArray = self.probabilities @ self.paths[target]
        return mean


@dataclass(frozen=True)
class DayForecast:
    """The forecast of one delivery day.

    Attributes:
        day: The delivery day.
        rung: Forecast rung of the price.
        targets: By target.
        scenarios: Joint paths.
        note: Why a rung below the first was used.
    """

    day: DeliveryDay
    rung: str
    targets: dict[str, TargetForecast]
    scenarios: Scenarios
    note: str = ""


def forecast_day(
    known: PointInTime,
    desk: Desk,
    day: date,
    *,
    series: Sequence[str],
    store: MemberStore | None = None,
    price_inputs_good: bool = True,
    progress: Progress | None = None,
) -> DayForecast:
    """Forecast a delivery day from what was known at the decision time.

    Args:
        known: Rows as of the decision.
        desk: The desk.
        day: Delivery day.
        series: System forecasts the price models read.
        store: Keeps member hindcasts between runs.
        price_inputs_good: False steps the price down to climatology.
        progress: Told about hindcasts made.

    Raises:
        ForecastUnavailableError: A target cannot be forecast at all.
    """
    session = load_area(desk.area).session()
    delivery = session.delivery_day(day)
    slots = slots_per_day(delivery.mtu_minutes)
    slot_of = mtu_slots(delivery, session, slots)
    try:
        price, members, rung, note = _price(
            known,
            desk,
            day,
            series,
            store or MemberStore(),
            inputs_good=price_inputs_good,
            progress=progress,
        )
        others = _other_targets(known, desk, day, price)
    except TooLittleHistoryError as error:
        raise ForecastUnavailableError(str(error)) from error
    version = member_version(desk, series)
    targets = {PRICE: TargetForecast(PRICE, rung, version, price.quantiles[slot_of], members)}
    for name, forecast in others.items():
        targets[name] = TargetForecast(name, "analogues", version, forecast.quantiles[slot_of], {})
    paths = _joint_paths(desk, session.name, day, {PRICE: price, **others}, slot_of)
    # By MTU, since the two hours of an autumn day that share a slot may differ in what is out.
    for name, share in output_shares(known, desk, delivery).items():
        targets[name] = replace(targets[name], quantiles=targets[name].quantiles * share[:, None])
        paths[name] = paths[name] * share
    probabilities = np.full(desk.scenarios.count, 1.0 / desk.scenarios.count)
    return DayForecast(delivery, rung, targets, Scenarios(delivery, probabilities, paths), note)


def price_forecast(
    known: PointInTime, desk: Desk, day: date, *, series: Sequence[str], store: MemberStore
) -> TargetForecast:
    """The price alone, on the MTUs of a delivery day: what a forecast benchmark scores.

    Raises:
        ForecastUnavailableError: Too little history.
    """
    session = load_area(desk.area).session()
    delivery = session.delivery_day(day)
    slot_of = mtu_slots(delivery, session, slots_per_day(delivery.mtu_minutes))
    try:
        price, members, rung, _ = _price(known, desk, day, series, store)
    except TooLittleHistoryError as error:
        raise ForecastUnavailableError(str(error)) from error
    version = member_version(desk, series)
    return TargetForecast(PRICE, rung, version, price.quantiles[slot_of], members)


def seed_of(*parts: object) -> int:
    """A seed that depends on the parts only (desk, session, delivery day, use)."""
    text = "/".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def output_units(desk: Desk) -> list[OutputUnit]:
    """The desk's units whose output is forecast."""
    return [unit for unit in desk.units if isinstance(unit, WindUnit | SolarUnit | LoadUnit)]


def _price(
    known: PointInTime,
    desk: Desk,
    day: date,
    series: Sequence[str],
    store: MemberStore,
    *,
    inputs_good: bool = True,
    progress: Progress | None = None,
) -> tuple[SlotForecast, dict[str, FloatArray], str, str]:
    if not inputs_good:
        return price_climatology(known, desk, day), {}, CLIMATOLOGY, "a price input is missing"
    session = load_area(desk.area).session()
    past = [day - timedelta(days=n) for n in range(desk.forecast.qra_window_days, 0, -1)]
    paths = hindcast_members(known, desk, [*past, day], series, store, progress)
    today = paths[day]
    slots = slots_per_day(session.delivery_day(day).mtu_minutes)
    by_slot = np.stack([_to_slots(paths[d], session.delivery_day(d), desk, slots) for d in past])
    actual = price_matrix(known, desk.area, past[0], past[-1], slots)
    made = np.isfinite(today).all(axis=1)
    usable = np.isfinite(by_slot[:, made]).all(axis=(1, 2)) & np.isfinite(actual).all(axis=1)
    if not made.any() or usable.sum() < MINIMUM_HINDCASTS:
        note = f"{usable.sum()} days of member forecasts, {MINIMUM_HINDCASTS} needed"
        if not made.any():
            note = "too few days without gaps for any member forecast"
        return price_climatology(known, desk, day), {}, CLIMATOLOGY, note
    now = _to_slots(today, session.delivery_day(day), desk, slots)
    ensemble = _quantile_ensemble(by_slot[usable][:, made], actual[usable], now[made])
    ranks = np.full(actual.shape, np.nan)
    ranks[usable] = ensemble.ranks
    return (
        SlotForecast(ensemble.quantiles, ranks),
        dict(zip(member_names(desk), today, strict=True)),
        ENSEMBLE,
        "",
    )


def _quantile_ensemble(past: FloatArray, actual: FloatArray, now: FloatArray) -> SlotForecast:
    """Quantiles for the day and in-window ranks.

    Args:
        past: Member paths of past days, (days, M, slots).
        actual: Their outcomes, (days, slots).
        now: Member paths of the delivery day, (M, slots).
    """
    days, members, slots = past.shape
    pooled = past.transpose(0, 2, 1).reshape(days * slots, members)
    both = np.hstack([now, pooled.T])
    regressed = combine(pooled, actual.reshape(-1), both).reshape(days + 1, slots, -1)
    # The members' mean with its past errors by period catches what pooling over periods misses.
    mean = np.nanmean(np.concatenate([now[None], past]), axis=1)
    errors = actual - mean[1:]
    quantiles = np.stack(
        [
            quantile_regression.average_quantiles(
                regressed[row], quantile_regression.historical_simulation(errors, mean[row])
            )
            for row in range(days + 1)
        ]
    )
    return SlotForecast(quantiles[0], scenarios.pit(quantiles[1:], actual, PERCENTILES))


def _to_slots(paths: FloatArray, delivery: DeliveryDay, desk: Desk, slots: int) -> FloatArray:
    """Member paths of a day from its MTUs to slots, (members, slots)."""
    session = load_area(desk.area).session()
    own = slots_per_day(delivery.mtu_minutes)
    result = np.full((len(paths), own), np.nan)
    result[:, mtu_slots(delivery, session, own)] = paths
    missing = np.isnan(result).all(axis=0)
    if missing.any() and not missing.all():
        # The hour a spring day lacks: any finite value serves, its outcome is interpolated too.
        before = np.maximum.accumulate(np.where(missing, 0, np.arange(own)))
        result = result[:, before]
    if slots >= own:
        return np.repeat(result, slots // own, axis=1)
    coarser: FloatArray = result.reshape(len(paths), slots, -1).mean(axis=2)
    return coarser


def _other_targets(
    known: PointInTime, desk: Desk, day: date, price: SlotForecast
) -> dict[str, SlotForecast]:
    forecasts = {unit.name: unit_forecast(known, desk, unit, day) for unit in output_units(desk)}
    if load_area(desk.area).imbalance is not None and desk.imbalance.deviation_penalty is None:
        median = price.quantiles[:, len(PERCENTILES) // 2]
        forecasts[IMBALANCE_SPREAD] = spread_forecast(known, desk, day, median)
    return forecasts


def _joint_paths(
    desk: Desk, session: str, day: date, forecasts: dict[str, SlotForecast], slot_of: IntArray
) -> dict[str, FloatArray]:
    """Gaussian-copula paths of all targets together, mapped to MTUs."""
    rules = load_area(desk.area).session(session).curve_rules(day)
    first, _ = window(desk, day)
    ranks, lower, upper = [], [], []
    for name, forecast in forecasts.items():
        slots = len(forecast.quantiles)
        # Price ranks reach to the day before, unit ranks to the day before that: one calendar.
        ranks.append(_on_calendar(forecast.ranks, (day - first).days, newest_gap=name != PRICE))
        low, high = _bounds(
            desk, name, rules.price(rules.price_min_ticks), rules.price(rules.price_max_ticks)
        )
        lower.append(np.full(slots, low))
        upper.append(np.full(slots, high))
    paths = scenarios.joint_paths(
        np.hstack(ranks),
        np.vstack([forecast.quantiles for forecast in forecasts.values()]),
        PERCENTILES,
        desk.scenarios.count,
        seed_of(desk.seed, desk.name, session, day, "scenarios"),
        lower=np.concatenate(lower),
        upper=np.concatenate(upper),
    )
    parts = np.split(paths, len(forecasts), axis=1)
    return {name: part[:, slot_of] for name, part in zip(forecasts, parts, strict=True)}


def _on_calendar(ranks: FloatArray, days: int, *, newest_gap: bool) -> FloatArray:
    """Ranks as the last rows of a window of so many days, the newest row empty if unknown."""
    calendar = np.full((days, ranks.shape[1]), np.nan)
    end = days - 1 if newest_gap else days
    count = min(len(ranks), end)
    calendar[end - count : end] = ranks[len(ranks) - count :]
    return calendar


def _bounds(desk: Desk, name: str, price_low: float, price_high: float) -> tuple[float, float]:
    if name == PRICE:
        return price_low, price_high
    if name == IMBALANCE_SPREAD:
        return -np.inf, np.inf
    unit = desk.unit(name)
    if isinstance(unit, LoadUnit):
        return 0.0, unit.peak_mw
    assert isinstance(unit, WindUnit | SolarUnit)
    return 0.0, unit.capacity_mw
