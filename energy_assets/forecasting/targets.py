"""The targets of a desk and their histories as known at a decision.

Targets are the day-ahead price, the output of each wind, solar and load unit, and, where the area
has an imbalance price, its spread to the day-ahead price. `TargetReader` lays each out as the
`TargetHistory` members see, everything through one `PointInTime`:

| target | outcome | drivers |
|---|---|---|
| price | day-ahead price | the area's system forecasts |
| wind, solar | metered power, past outages taken out | weather forecast of the unit's sites |
| load | metered consumption | none |
| imbalance spread | imbalance less day-ahead price | day-ahead price, forecast on the last day |

A row of a driver is what was known at that day's decision. Not here: members, their combination
(`combination`), hindcasts (`hindcasts`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from energy_assets.curation.outages import as_if_available
from energy_assets.errors import InputError
from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.calendar_features import holiday_columns
from energy_assets.forecasting.members.base import Member
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.registry import member
from energy_assets.forecasting.profiles import slot_matrix, slots_per_day
from energy_assets.forecasting.vintages import price_matrix, vintage_matrix
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import Session, load_area
from energy_assets.portfolio import Desk, LoadUnit, SolarUnit, TargetKind, WindUnit

PRICE = "price"
IMBALANCE_SPREAD = "imbalance_spread"
PRICE_DRIVER = "day_ahead_price"
OutputUnit = WindUnit | SolarUnit | LoadUnit
# Metered energy of the day before is not whole at a morning decision.
_METER_LAG_DAYS = 2


def output_units(desk: Desk) -> list[OutputUnit]:
    """The desk's units whose output is forecast."""
    return [unit for unit in desk.units if isinstance(unit, WindUnit | SolarUnit | LoadUnit)]


def target_names(desk: Desk) -> list[str]:
    """Targets of a desk, the price first: later ones may read its forecast."""
    names = [PRICE, *(unit.name for unit in output_units(desk))]
    if load_area(desk.area).imbalance is not None and desk.imbalance.deviation_penalty is None:
        names.append(IMBALANCE_SPREAD)
    return names


def target_kind(desk: Desk, target: str) -> TargetKind:
    """What a target is: which members forecast it by default."""
    if target == PRICE:
        return "price"
    if target == IMBALANCE_SPREAD:
        return "imbalance_spread"
    unit = desk.unit(target)
    assert isinstance(unit, WindUnit | SolarUnit | LoadUnit)
    return unit.kind


def target_members(desk: Desk, target: str) -> list[Member]:
    """The members a desk uses for a target.

    Raises:
        InputError: A name in the desk file is no member, or it is retrained too rarely.
    """
    found = [member(name) for name in desk.forecast.members_of(target_kind(desk, target))]
    longest = desk.forecast.longest_retrain_days
    for one in found:
        if one.spec.retrain_days > longest:
            where = f"desk {desk.name}: member {one.spec.name}"
            expected = f"retrained at least every {longest} days (forecast.longest_retrain_days)"
            raise InputError(where, expected=expected, found=one.spec.retrain_days)
    return found


@dataclass(frozen=True)
class TargetReader:
    """Histories of a desk's targets, read as one decision may know them.

    Attributes:
        known: Rows as of the decision.
        desk: The desk.
        series: System forecasts the price members read.
    """

    known: PointInTime
    desk: Desk
    series: Sequence[str]

    @property
    def session(self) -> Session:
        """The day-ahead session, whose clock and gates the histories follow."""
        return load_area(self.desk.area).session()

    def slots_of(self, day: date) -> int:
        """Slots of a delivery day's own MTU."""
        return slots_per_day(self.session.delivery_day(day).mtu_minutes)

    def at(self, day: date) -> PointInTime:
        """What was known at a day's decision, never more than this reader may know."""
        decision = self.desk.decision_time(day)
        return self.known.for_decision(min(decision, self.known.decision_time))

    def preload(self, target: str, first: date, last: date, reach_days: int = 0) -> None:
        """Read everything that forecasts from first to last day need once, hindcasts included.

        Args:
            target: One of `target_names`.
            first: First delivery day.
            last: Last delivery day.
            reach_days: Days before `first` that are forecast or trained on too, where those are
                more than the desk's own settings ask for.
        """
        days = max(self.desk.required_history_days, self.desk.history_days + reach_days)
        earliest = first - timedelta(days=days)
        start, end = (self.session.delivery_day(day) for day in (earliest, last))
        for table_id, scope, where in self._sources(target):
            self.known.preload(table_id, scope=scope, start=start.start, end=end.end, where=where)

    def history(self, target: str, day: date, slots: int | None = None) -> TargetHistory:
        """The history of a target for a delivery day, as known at that day's decision.

        Args:
            target: One of `target_names`.
            day: The day to forecast, last row.
            slots: Slots a day; those of the day's MTU by default.
        """
        count = slots or self.slots_of(day)
        first = day - timedelta(days=self.desk.history_days)
        read: Callable[[str, date, date, int], TargetHistory] = self._unit
        if target == PRICE:
            read = self._price
        elif target == IMBALANCE_SPREAD:
            read = self._spread
        return _without_empty_start(read(target, first, day, count))

    def _days(self, first: date, day: date) -> list[date]:
        return [first + timedelta(days=n) for n in range((day - first).days + 1)]

    def _price(self, target: str, first: date, day: date, slots: int) -> TargetHistory:
        known = self.at(day)
        rules = self.session.curve_rules(day)
        days = self._days(first, day)
        outcome = price_matrix(known, self.desk.area, first, day, slots)
        # A decision can come after publication; the day to forecast is unknown to it all the same.
        outcome[-1] = np.nan
        return TargetHistory(
            target,
            days,
            outcome,
            drivers={
                name: self._vintages(
                    known, "raw.system_forecasts", {"series": name}, "value_mw", first, day, slots
                )
                for name in self.series
            },
            daily=holiday_columns(load_area(self.desk.area).holiday_country, days),
            bounds=(rules.price(rules.price_min_ticks), rules.price(rules.price_max_ticks)),
        )

    def _unit(self, target: str, first: date, day: date, slots: int) -> TargetHistory:
        unit = self.desk.unit(target)
        assert isinstance(unit, WindUnit | SolarUnit | LoadUnit)
        known = self.at(day)
        days = self._days(first, day)
        outcome = np.full((len(days), slots), np.nan)
        past = day - timedelta(days=_METER_LAG_DAYS)
        outcome[: len(days) - _METER_LAG_DAYS] = self._power(known, unit, first, past, slots)
        most = unit.peak_mw if isinstance(unit, LoadUnit) else unit.capacity_mw
        return TargetHistory(
            target,
            days,
            outcome,
            drivers=self._weather(known, unit, first, day, slots),
            daily=holiday_columns(load_area(self.desk.area).holiday_country, days),
            bounds=(0.0, most),
            outcome_lag=_METER_LAG_DAYS,
        )

    def _spread(self, target: str, first: date, day: date, slots: int) -> TargetHistory:
        known = self.at(day)
        days = self._days(first, day)
        price = price_matrix(known, self.desk.area, first, day, slots)
        price[-1] = np.nan
        imbalance = price_matrix(known, self.desk.area, first, day, slots, "imbalance")
        imbalance[-_METER_LAG_DAYS:] = np.nan
        return TargetHistory(
            target,
            days,
            imbalance - price,
            drivers={PRICE_DRIVER: price},
            outcome_lag=_METER_LAG_DAYS,
        )

    def _power(
        self, known: PointInTime, unit: OutputUnit, first: date, last: date, slots: int
    ) -> FloatArray:
        """Mean power by slot as the whole plant would have made it, consumption for a load."""
        readings = known.as_of(
            "raw.meter_readings",
            scope=self.desk.name,
            start=self.session.delivery_day(first).start,
            end=self.session.delivery_day(last).end,
            where={"unit": unit.name},
            columns=["period_start", "resolution_min", "energy_mwh"],
        ).with_columns(power_mw=pl.col("energy_mwh") * (60 / pl.col("resolution_min")))
        readings = as_if_available(known, self.desk, unit, readings)
        quarters = slot_matrix(readings, "power_mw", self.session, first, last, 96)
        # A slot with a quarter-hour missing stays empty.
        power: FloatArray = quarters.reshape(len(quarters), slots, -1).mean(axis=2)
        return -power if isinstance(unit, LoadUnit) else power

    def _weather(
        self, known: PointInTime, unit: OutputUnit, first: date, day: date, slots: int
    ) -> dict[str, FloatArray]:
        """Forecast of a unit's sites averaged by weight; NaN where a site's is missing."""
        variable = _weather_variable(unit)
        if variable is None:
            return {}
        by_site = [
            share
            * self._vintages(
                known,
                "raw.weather_forecasts",
                {"site": site, "variable": variable},
                "value",
                first,
                day,
                slots,
            )
            for site, share in self.desk.weather_sites(unit.name).items()
        ]
        mean: FloatArray = np.sum(by_site, axis=0)
        return {variable: mean}

    def _vintages(
        self,
        known: PointInTime,
        table_id: str,
        where: dict[str, str],
        value: str,
        first: date,
        day: date,
        slots: int,
    ) -> FloatArray:
        return vintage_matrix(
            known,
            table_id,
            self.desk.area,
            where,
            value,
            desk=self.desk,
            first=first,
            last=day,
            slots=slots,
        )

    def _sources(self, target: str) -> list[tuple[str, str, dict[str, str]]]:
        """Table, scope and selection of everything a target reads."""
        area = self.desk.area
        prices = ("raw.market_prices", area, {"series": "day_ahead"})
        if target == PRICE:
            series = [("raw.system_forecasts", area, {"series": name}) for name in self.series]
            return [prices, *series]
        if target == IMBALANCE_SPREAD:
            return [prices, ("raw.market_prices", area, {"series": "imbalance"})]
        unit = self.desk.unit(target)
        assert isinstance(unit, WindUnit | SolarUnit | LoadUnit)
        found = [("raw.meter_readings", self.desk.name, {"unit": target})]
        variable = _weather_variable(unit)
        if variable is not None:
            found += [
                ("raw.weather_forecasts", area, {"site": site, "variable": variable})
                for site in self.desk.weather_sites(target)
            ]
        return found


def _weather_variable(unit: OutputUnit) -> str | None:
    if isinstance(unit, WindUnit):
        return "wind_speed_100m"
    return "irradiance" if isinstance(unit, SolarUnit) else None


def with_last_driver(history: TargetHistory, name: str, values: FloatArray) -> TargetHistory:
    """The history with a driver of the day to forecast filled in, (S,)."""
    driver = history.drivers[name].copy()
    driver[-1] = values
    return replace(history, drivers={**history.drivers, name: driver})


def _without_empty_start(history: TargetHistory) -> TargetHistory:
    """Leave out days before the first known outcome: members look no further than the data."""
    known = np.flatnonzero(np.isfinite(history.outcome).any(axis=1))
    first = int(known[0]) if known.size else len(history.days) - 1
    return history.newest(len(history.days) - 1 - first)
