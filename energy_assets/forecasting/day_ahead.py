"""The forecast of one delivery day: quantiles per target, and joint scenarios of all of them.

Each target is forecast by itself (`target_forecasts`); all targets together become joint paths.
Everything is read through one `PointInTime`; seeds derive from desk, session and delivery day, so
that the same knowledge gives the same bits.

Not here: rungs and members of a target (`target_forecasts`), frames and tables (`records`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from energy_assets.curation.outages import output_shares
from energy_assets.forecasting import scenarios
from energy_assets.forecasting.profiles import FloatArray, IntArray
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.target_forecasts import (
    Forecaster,
    ForecastUnavailableError,
    TargetForecast,
    TargetForecasts,
    with_share,
)
from energy_assets.forecasting.targets import PRICE, TargetReader, target_names
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import DeliveryDay
from energy_assets.portfolio import Desk

# What a caller of `forecast_day` hands in, gets and catches.
__all__ = [
    "DayForecast",
    "ForecastUnavailableError",
    "Forecaster",
    "Scenarios",
    "TargetForecast",
    "forecast_day",
    "seed_of",
]


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
        targets: By target.
        scenarios: Joint paths.
    """

    day: DeliveryDay
    targets: dict[str, TargetForecast]
    scenarios: Scenarios

    @property
    def rung(self) -> str:
        """Forecast rung of the price."""
        return self.targets[PRICE].model

    @property
    def note(self) -> str:
        """What was left out or stepped down, and why."""
        return "; ".join(f.note for f in self.targets.values() if f.note)


def forecast_day(
    known: PointInTime,
    desk: Desk,
    day: date,
    *,
    series: Sequence[str],
    forecaster: Forecaster | None = None,
    unusable: Mapping[str, str] | None = None,
) -> DayForecast:
    """Forecast a delivery day from what was known at the decision time.

    Args:
        known: Rows as of the decision.
        desk: The desk.
        day: Delivery day.
        series: System forecasts the price members read.
        forecaster: Stores shared with other days.
        unusable: Targets whose inputs are missing, and what is: they are forecast from outcomes
            alone.

    Raises:
        ForecastUnavailableError: A target cannot be forecast at all.
    """
    made = TargetForecasts(TargetReader(known, desk, series), day, forecaster or Forecaster())
    for target in target_names(desk):
        made.add(target, (unusable or {}).get(target, ""))
    delivery = made.delivery
    targets, paths = made.targets, _joint_paths(desk, made)
    # By MTU, since the two hours of an autumn day that share a slot may differ in what is out.
    for name, share in output_shares(known, desk, delivery).items():
        targets[name] = with_share(targets[name], share)
        paths[name] = paths[name] * share
    probabilities = np.full(desk.scenarios.count, 1.0 / desk.scenarios.count)
    return DayForecast(delivery, targets, Scenarios(delivery, probabilities, paths))


def seed_of(*parts: object) -> int:
    """A seed that depends on the parts only (desk, session, delivery day, use)."""
    text = "/".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _joint_paths(desk: Desk, made: TargetForecasts) -> dict[str, FloatArray]:
    """Paths of all targets together, mapped to MTUs."""
    rows = max(len(forecast.ranks) for forecast in made.by_slot.values())
    ranks = [_on_calendar(forecast.ranks, rows) for forecast in made.by_slot.values()]
    lower, upper = (
        np.concatenate([np.full(made.slots, bounds[side]) for bounds in made.bounds.values()])
        for side in (0, 1)
    )
    paths = scenarios.joint_paths(
        np.hstack(ranks),
        np.vstack([forecast.quantiles for forecast in made.by_slot.values()]),
        PERCENTILES,
        desk.scenarios.count,
        seed_of(desk.seed, desk.name, "day_ahead", made.delivery.label, "scenarios"),
        lower=lower,
        upper=upper,
        dependence=desk.scenarios.dependence,
    )
    parts = np.split(paths, len(made.by_slot), axis=1)
    slot_of: IntArray = made.slot_of
    return {name: part[:, slot_of] for name, part in zip(made.by_slot, parts, strict=True)}


def _on_calendar(ranks: FloatArray, days: int) -> FloatArray:
    """Ranks as the last rows of a calendar of so many days."""
    calendar = np.full((days, ranks.shape[1]), np.nan)
    calendar[days - len(ranks) :] = ranks
    return calendar
