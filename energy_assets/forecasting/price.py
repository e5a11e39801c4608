"""Day-ahead price: LEAR members, their stored hindcasts, and 99 quantiles by averaging.

For a delivery day and its decision time:

1. `PriceHistory` lays out prices and system forecasts as known (`vintages`);
2. each LEAR window gives one member path; hindcasts of the days before, made the same way at those
   days' decision times, are read from `forecasts.quantiles` or made and stored once;
3. quantile regression averaging on the last window of hindcasts gives the quantiles.

A member's forecast depends on (day, decision time, configuration) only, so it does not matter when,
in which order or in which process it was made.

Not here: fallback when history is missing (`climatology`), scenarios (`day_ahead`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta

import numpy as np

from energy_assets import __version__
from energy_assets.forecasting import lear, quantile_regression
from energy_assets.forecasting.profiles import FloatArray, mtu_slots, slots_per_day
from energy_assets.forecasting.vintages import price_matrix, vintage_matrix
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import load_area
from energy_assets.portfolio import Desk

# Lags reach back seven days, so a window of W days needs W + 7 days of history.
LAG_DAYS = 7
MINIMUM_HINDCASTS = 28
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class PriceInputs:
    """What the price models see for one delivery day, oldest day first, that day last.

    Attributes:
        days: Calendar labels, (N,).
        hourly: Prices by hour, (N, 24); NaN on the delivery day.
        targets: Prices by slot of the delivery day's MTU, (N, slots).
        exogenous: System forecasts by hour, each (N, 24).
    """

    days: list[date]
    hourly: FloatArray
    targets: FloatArray
    exogenous: list[FloatArray]


def member_names(desk: Desk) -> list[str]:
    """Names of the desk's price members."""
    return [f"lear_{window}" for window in desk.forecast.lear_windows_days]


def member_version(desk: Desk, series: Sequence[str]) -> str:
    """Hash of everything but data that a member depends on."""
    content = {
        "lear": asdict(lear.DEFAULT_CONFIG),
        "windows": desk.forecast.lear_windows_days,
        "series": list(series),
        "lead_time_minutes": desk.lead_time_minutes,
        "code": __version__,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def price_inputs(known: PointInTime, desk: Desk, day: date, series: Sequence[str]) -> PriceInputs:
    """Lay out what was known of prices and system forecasts for a delivery day."""
    session = load_area(desk.area).session()
    slots = slots_per_day(session.delivery_day(day).mtu_minutes)
    first = history_start(known, desk, day)

    hourly = price_matrix(known, desk.area, first, day, 24)
    exogenous = [
        vintage_matrix(
            known,
            "raw.system_forecasts",
            desk.area,
            {"series": name},
            "value_mw",
            desk=desk,
            first=first,
            last=day,
            slots=24,
        )
        for name in series
    ]
    days = [first + timedelta(days=i) for i in range(len(hourly))]
    by_slot = hourly if slots == 24 else price_matrix(known, desk.area, first, day, slots)
    return PriceInputs(days, hourly, by_slot, exogenous)


def history_start(known: PointInTime, desk: Desk, day: date) -> date:
    """First day of the prices the members read: as far back as they look, or what there is."""
    session = load_area(desk.area).session()
    longest = max(desk.forecast.lear_windows_days) + LAG_DAYS
    earliest = day - timedelta(days=min(longest, desk.history_days))
    rows = known.as_of(
        "raw.market_prices",
        scope=desk.area,
        start=session.delivery_day(earliest).start,
        end=session.delivery_day(day).end,
        where={"series": "day_ahead"},
        columns=["period_start"],
    )
    if rows.is_empty():
        return day
    return session.delivery_day_of(rows["period_start"][0]).label


def member_paths(inputs: PriceInputs, windows: Sequence[int]) -> FloatArray:
    """One forecast path per LEAR window for the last day of the inputs, (windows, slots).

    A window without enough complete days is a row of NaN.
    """
    paths = np.full((len(windows), inputs.targets.shape[1]), np.nan)
    if len(inputs.days) <= LAG_DAYS:
        return paths
    weekday = np.array([day.weekday() for day in inputs.days])
    features, dummies = lear.feature_matrix(inputs.hourly, inputs.exogenous, weekday)
    used = np.isfinite(features[-1])
    rows = np.hstack([features[:-1, used], inputs.targets[:-1]])
    complete = np.asarray(np.isfinite(rows).all(axis=1))
    fitted = [n for n, days in enumerate(windows) if complete[-days:].sum() >= lear.MINIMUM_ROWS]
    if fitted:
        paths[fitted] = lear.fit_predict_windows(
            features[:-1],
            inputs.targets[:-1],
            features[-1],
            [windows[n] for n in fitted],
            dummies=dummies,
        )
    return paths


class MemberStore:
    """Where member paths of past decisions are kept between runs.

    The base class keeps them in memory; `LakeMemberStore` in `forecasts.quantiles`.
    """

    def __init__(self) -> None:
        self._paths: dict[date, FloatArray] = {}

    def load(self, days: Sequence[date]) -> Mapping[date, FloatArray]:
        """Paths (members, MTUs of the day) of those days that are kept."""
        return {day: self._paths[day] for day in days if day in self._paths}

    def save(self, paths: Mapping[date, FloatArray]) -> None:
        """Keep paths."""
        self._paths.update(paths)


def hindcast_members(
    known: PointInTime,
    desk: Desk,
    days: Sequence[date],
    series: Sequence[str],
    store: MemberStore,
    progress: Progress | None = None,
) -> dict[date, FloatArray]:
    """Member paths of every day, from the store or made at that day's decision time.

    A day whose decision time `known` does not reach (a decision made early) is forecast from what
    `known` holds and not stored.

    Returns:
        Day to (members, MTUs of the day).
    """
    session = load_area(desk.area).session()
    reached = {day for day in days if desk.decision_time(day) <= known.decision_time}
    paths = dict(store.load(sorted(reached)))
    missing = [day for day in days if day not in paths]
    made = {}
    for number, day in enumerate(missing):
        view = known.for_decision(min(desk.decision_time(day), known.decision_time))
        slot_paths = member_paths(
            price_inputs(view, desk, day, series), desk.forecast.lear_windows_days
        )
        delivery = session.delivery_day(day)
        made[day] = slot_paths[:, mtu_slots(delivery, session, slot_paths.shape[1])]
        if progress:
            progress("member forecasts", number + 1, len(missing))
    store.save({day: path for day, path in made.items() if day in reached})
    return paths | made


def combine(past: FloatArray, actual: FloatArray, members: FloatArray) -> FloatArray:
    """Quantile regression averaging: past member values to outcomes, applied to new ones.

    Args:
        past: Past member values, (n, M), periods pooled; members all NaN are left out.
        actual: Outcomes, (n,).
        members: New member values, (M, P).

    Returns:
        (P, 99), non-decreasing along the levels.
    """
    usable = np.isfinite(members).all(axis=1) & np.isfinite(past).any(axis=0)
    fitted = quantile_regression.fit(past[:, usable], actual)
    return fitted.predict(members[usable].T)
