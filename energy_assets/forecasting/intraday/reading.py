"""One unit's rolling history as known at one moment, read through a `PointInTime`.

- outcome: mean power by MTU from meters, else from telemetry; live: telemetry, else the meter.
  Wind and solar stand as the whole plant would have made them (`curation.outages`);
- weather: every vintage of the forecasts of the unit's sites;
- day-ahead forecasts: the decision that counted at each time, as vintages of three quantiles.

The grid is regular in UTC at the shortest MTU of the horizon, so that a day of 23 or 25 hours is
nothing special; a delivery day of longer MTUs gets the mean of its parts.

Belongs here: rows to arrays. Not here: what is made of them (`desk`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
import polars as pl

from energy_assets.curation.outages import (
    LEAST_SHARE,
    OUTAGES,
    Periods,
    available_power,
    parts_in_force,
    rating_mw,
    scaled_up,
)
from energy_assets.curation.step_series import StepSeries, meter_steps, telemetry_steps
from energy_assets.errors import InputError
from energy_assets.forecasting.arrays import FloatArray, IntArray
from energy_assets.forecasting.intraday.history import RollingHistory, Vintages
from energy_assets.forecasting.intraday.weather_guidance import WeatherSeries
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.targets import OutputUnit
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.tables import UTC_TIME
from energy_assets.market import DeliveryDay, Session, load_area
from energy_assets.portfolio import Desk, LoadUnit, WindUnit

_LEAST_COVERAGE = 0.5
_MINUTE = 60_000_000
# Vintages of weather are told apart by how long before the period they were known, in such steps.
_VINTAGE_HOURS, _VINTAGE_ROWS = 6, 10
DRIVER_LEVELS = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class UnitReading:
    """What can be read about a unit at a moment.

    Attributes:
        known: Rows as of the decision.
        desk: The desk.
        unit: The unit.
        at: The moment.
        horizon_hours: How far the history reaches beyond it.
        past_days: How far back.
        day_ahead: Rows of `forecasts.quantiles` of day-ahead decisions made by then.
    """

    known: PointInTime
    desk: Desk
    unit: OutputUnit
    at: datetime
    horizon_hours: int
    past_days: int
    day_ahead: pl.DataFrame | None = None

    def __post_init__(self) -> None:
        if self.at.tzinfo is None or self.at > self.known.decision_time:
            expected = f"a time with a zone, not after {self.known.decision_time.isoformat()}"
            raise InputError("intraday forecast", expected=expected, found=str(self.at))

    @cached_property
    def session(self) -> Session:
        """The session whose delivery days and MTUs count."""
        return load_area(self.desk.area).session()

    @cached_property
    def days(self) -> list[DeliveryDay]:
        """Delivery days the horizon touches."""
        last = self.at + timedelta(hours=self.horizon_hours)
        found = [self.session.delivery_day_of(self.at)]
        while found[-1].end < last:
            found.append(self.session.delivery_day(found[-1].label + timedelta(days=1)))
        return found

    @cached_property
    def minutes(self) -> int:
        """Shortest MTU of the horizon."""
        return min(day.mtu_minutes for day in self.days)

    @cached_property
    def origin_time(self) -> datetime:
        """Start of the MTU the moment lies in."""
        today = self.days[0]
        return today.mtus[today.position_of(self.at.astimezone(UTC)) - 1].start

    @cached_property
    def periods(self) -> Periods:
        """The regular grid, past and horizon."""
        step = timedelta(minutes=self.minutes)
        end = self.at + timedelta(hours=self.horizon_hours)
        ahead = -(-(end - self.origin_time) // step)
        # A last MTU longer than the grid's step is forecast whole.
        per_mtu = self.days[-1].mtu_minutes // self.minutes
        ahead += -ahead % per_mtu
        starts = [self.origin_time + step * i for i in range(-self._past, ahead)]
        return Periods.regular(starts, self.minutes)

    @property
    def _past(self) -> int:
        return self.past_days * 1440 // self.minutes

    @cached_property
    def start(self) -> datetime:
        """Start of the grid."""
        return self.origin_time - timedelta(minutes=self.minutes) * self._past

    @cached_property
    def end(self) -> datetime:
        """End of the grid."""
        return self.start + timedelta(minutes=self.minutes) * len(self.periods.starts)

    @cached_property
    def share(self) -> FloatArray:
        """Share of the plant that is there in each period, as known now; 1 for a load."""
        return self._share_known_at(self.at)

    def history(self, guidance: Vintages | None = None) -> RollingHistory:
        """The unit's history with a guidance, or with none."""
        metered, live = self._metered, self._telemetered
        outcome = np.where(np.isfinite(metered), metered, live)
        seen = np.where(np.isfinite(live), live, metered)
        for values in (outcome, seen):
            values[self._past :] = np.nan
        return RollingHistory(
            self.unit.name,
            self.start,
            self.minutes,
            outcome,
            origin=self._past,
            first=self._past,
            live=seen,
            guidance=guidance,
            drivers=self.day_ahead_vintages,
            bounds=(0.0, rating_mw(self.unit)),
            clock=self.session.facts.clock.on(self.days[0].label),
        )

    @cached_property
    def _metered(self) -> FloatArray:
        rows = self._rows("raw.meter_readings", {"unit": self.unit.name})
        return self._power(meter_steps(rows))

    @cached_property
    def _telemetered(self) -> FloatArray:
        rows = self._rows("raw.telemetry", {"unit": self.unit.name, "signal": "power"})
        return self._power(telemetry_steps(rows))

    def _rows(self, table_id: str, where: dict[str, str]) -> pl.DataFrame:
        return self.known.as_of(
            table_id,
            scope=self.desk.name,
            at=self.at,
            start=self.start,
            end=self.origin_time,
            where=where,
        )

    def _power(self, steps: StepSeries) -> FloatArray:
        """Mean power (N,) of the whole plant, consumption of a load; NaN where half is unknown."""
        mean, coverage = steps.mean(self.periods)
        power = np.where(coverage >= _LEAST_COVERAGE, mean, np.nan)
        if isinstance(self.unit, LoadUnit):
            return -power
        return scaled_up(power, self.share, rating_mw(self.unit))

    def _share_known_at(self, moment: datetime) -> FloatArray:
        if isinstance(self.unit, LoadUnit):
            return np.ones(len(self.periods.starts))
        parts = parts_in_force(self.known.as_of(OUTAGES, scope=self.desk.name, at=moment))
        return available_power(parts, self.unit, self.periods) / rating_mw(self.unit)

    @cached_property
    def weather(self) -> WeatherSeries | None:
        """Vintages of the unit's weather: value, its neighbours an hour away, hour and season."""
        if isinstance(self.unit, LoadUnit):
            return None
        variable = "wind_speed_100m" if isinstance(self.unit, WindUnit) else "irradiance"
        size = len(self.periods.starts)
        total = np.zeros((_VINTAGE_ROWS, size))
        known_from = np.full((_VINTAGE_ROWS, size), -(2**40), dtype=np.int64)
        for site, weight in self.desk.weather_sites(self.unit.name).items():
            rows = self.known.as_of(
                "raw.weather_forecasts",
                scope=self.desk.area,
                at=self.at,
                start=self.start - timedelta(hours=1),
                end=self.end,
                where={"site": site, "variable": variable},
            )
            values, since = self._vintages(rows, "value")
            total += weight * values
            known_from = np.maximum(known_from, since)
        if not np.isfinite(total).any():
            return None
        return self._with_neighbours(total, known_from)

    def _with_neighbours(self, values: FloatArray, known_from: IntArray) -> WeatherSeries:
        hour = 60 // self.minutes
        beside = []
        for shift in (-hour, hour):
            moved = np.roll(values, shift, axis=1)
            # A neighbour of a later run than its own was not known with it.
            later = np.roll(known_from, shift, axis=1) > known_from
            edge = slice(shift, None) if shift < 0 else slice(None, shift)
            later[:, edge] = True
            beside.append(np.where(later, np.nan, moved))
        local = pl.Series(self.periods.starts).cast(UTC_TIME)
        local = local.dt.convert_time_zone(self.session.facts.clock.on(self.days[0].label))
        clock = [
            local.dt.hour().to_numpy() + local.dt.minute().to_numpy() / 60,
            local.dt.ordinal_day().to_numpy().astype(np.float64),
        ]
        columns = [values, *beside, *(np.broadcast_to(c, values.shape) for c in clock)]
        return WeatherSeries(np.stack(columns, axis=2), known_from)

    def _vintages(self, rows: pl.DataFrame, column: str) -> tuple[FloatArray, IntArray]:
        """Values by age of the vintage (oldest first) and period, and the period known from."""
        step = self.minutes * _MINUTE
        origin = self.periods.starts[0]
        parts = _split_rows(rows.sort("issue_time", maintain_order=True), self.minutes)
        begin = parts["period_start"].to_physical().to_numpy().astype(np.int64)
        known = parts["knowledge_time"].to_physical().to_numpy().astype(np.int64)
        size = len(self.periods.starts)
        values = np.full((_VINTAGE_ROWS, size), np.nan)
        since = np.full((_VINTAGE_ROWS, size), 2**40, dtype=np.int64)
        period = (begin - origin) // step
        age = (begin - known) // (_VINTAGE_HOURS * 60 * _MINUTE)
        usable = (period >= 0) & (period < size) & (age >= 0)
        row = _VINTAGE_ROWS - 1 - np.minimum(age[usable], _VINTAGE_ROWS - 1)
        values[row, period[usable]] = parts[column].to_numpy()[usable]
        since[row, period[usable]] = -((origin - known[usable]) // step)
        return values, since

    @cached_property
    def day_ahead_vintages(self) -> dict[str, Vintages]:
        """Three quantiles of the day-ahead forecasts by period; NaN where none is kept."""
        values, since = self._day_ahead_arrays
        return {
            f"day_ahead_{round(100 * level)}": Vintages(
                values[None, :, round(100 * level) - 1], since[None]
            )
            for level in DRIVER_LEVELS
        }

    @property
    def day_ahead_median(self) -> Vintages:
        """The median of the day-ahead forecasts."""
        return self.day_ahead_vintages[f"day_ahead_{round(100 * DRIVER_LEVELS[1])}"]

    def day_ahead_in_force(self) -> FloatArray:
        """Day-ahead quantiles of the horizon for the whole plant, (H, 99); NaN where none is."""
        values, _ = self._day_ahead_arrays
        return values[self._past :]

    @cached_property
    def _day_ahead_arrays(self) -> tuple[FloatArray, IntArray]:
        size = len(self.periods.starts)
        values = np.full((size, len(PERCENTILES)), np.nan)
        since = np.full(size, 2**40, dtype=np.int64)
        if self.day_ahead is None or self.day_ahead.is_empty():
            return values, since
        rows = self.day_ahead.filter(
            pl.col("target") == self.unit.name,
            pl.col("decision_time") <= self.at,
            pl.col("period_start") >= self.start,
            pl.col("period_start") < self.end,
            pl.len().over("target", "model", "decision_time", "period_start") == len(PERCENTILES),
        )
        newest = pl.col("decision_time") == pl.col("decision_time").max().over("delivery_day")
        rows = rows.filter(newest).sort("period_start", "level")
        for (moment,), batch in rows.group_by("decision_time", maintain_order=True):
            self._place(batch, moment, values, since)
        return values, since

    def _place(
        self, batch: pl.DataFrame, moment: datetime, values: FloatArray, since: IntArray
    ) -> None:
        """Put one decision's quantiles on the grid, without the outages known when it was made."""
        step = self.minutes * _MINUTE
        first = batch.group_by("period_start", maintain_order=True).first()
        begin = first["period_start"].to_physical().to_numpy().astype(np.int64)
        made = batch["value"].to_numpy().reshape(len(first), len(PERCENTILES))
        per_row = np.maximum(first["resolution_min"].to_numpy() // self.minutes, 1)
        row = np.repeat(np.arange(len(first)), per_row)
        part = np.arange(len(row)) - np.repeat(np.cumsum(per_row) - per_row, per_row)
        place = (begin[row] - self.periods.starts[0]) // step + part
        inside = (place >= 0) & (place < len(since))
        place, row = place[inside], row[inside]
        values[place] = made[row]
        moment_us = round(moment.timestamp() * 1_000_000)
        since[place] = -((self.periods.starts[0] - moment_us) // step)
        share = self._share_known_at(moment)[place]
        scale = np.where(share >= LEAST_SHARE, 1.0 / np.maximum(share, LEAST_SHARE), np.nan)
        values[place] *= scale[:, None]


def _split_rows(rows: pl.DataFrame, minutes: int) -> pl.DataFrame:
    """Rows longer than the grid's step repeated, one per step."""
    if rows.is_empty() or not (rows["resolution_min"] > minutes).any():
        return rows
    return (
        rows.with_columns(part=pl.int_ranges(0, pl.col("resolution_min"), minutes))
        .explode("part")
        .with_columns(period_start=pl.col("period_start") + pl.duration(minutes=pl.col("part")))
    )
