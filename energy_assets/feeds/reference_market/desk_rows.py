"""Rows of the desk's tables: outage messages of its thermal units, readings of its meters.

Same contract as `area_rows`. Not here: meters of batteries and thermal units, whose output follows
from dispatch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, time, timedelta

import numpy as np
import polars as pl

from energy_assets.feeds.interface import Window
from energy_assets.feeds.reference_market.metering import MeteredUnit, Metering
from energy_assets.feeds.reference_market.noise import Minutes, Values
from energy_assets.feeds.reference_market.outages import outage_messages
from energy_assets.feeds.reference_market.time_axis import (
    QUARTER,
    day_number,
    delivery_days,
    quarter_hours,
    utc_minutes,
    utc_times,
)
from energy_assets.feeds.reference_market.weather import Weather
from energy_assets.lakehouse import table
from energy_assets.market import DeliveryDay, Session
from energy_assets.market.clock import wall_clock
from energy_assets.portfolio import Desk, LoadUnit, SolarUnit, ThermalUnit, WindUnit

_METER_TIME = time(9)
_MOMENTS = ("issued_at", "published_at", "event_start", "event_end")


@dataclass(frozen=True)
class DeskRows:
    """Rows of one desk.

    Attributes:
        seed: Seed of the world.
        session: Session whose delivery days the meters follow.
        desk: The desk.
    """

    seed: int
    session: Session
    desk: Desk

    def outages(self, window: Window) -> pl.DataFrame:
        """Outage messages published in the window."""
        start, end = utc_minutes(window.start), utc_minutes(window.end)
        messages = outage_messages(self.seed, self.desk.units_of(ThermalUnit), start, end)
        own = [column.name for column in table("raw.outages").columns]
        if not messages:
            schema = table("raw.outages").schema
            return pl.DataFrame(schema={name: schema[name] for name in (*own, "knowledge_time")})
        frame = pl.DataFrame([asdict(message) for message in messages]).with_columns(
            part=pl.lit(0),
            issued_at="published_at",
            installed_mw=pl.col("unit").replace_strict(
                {unit.name: unit.capacity_mw for unit in self.desk.units_of(ThermalUnit)}
            ),
        )
        moments = [pl.col(name) for name in _MOMENTS]
        return frame.with_columns(
            (moment * 60_000_000).cast(pl.Datetime("us", "UTC")) for moment in moments
        ).with_columns(knowledge_time=pl.col("published_at"))

    def meter_readings(self, window: Window) -> pl.DataFrame:
        """First readings of the window's delivery days, and their corrections."""
        days = delivery_days(self.session, window)
        metering = Metering(Weather(self.seed))
        metered: list[MeteredUnit] = [
            *self.desk.units_of(WindUnit),
            *self.desk.units_of(SolarUnit),
            *self.desk.units_of(LoadUnit),
        ]
        frames = [frame for unit in metered for frame in self._unit_readings(metering, unit, days)]
        return pl.concat(frames) if frames else _readings("", _NO_TIMES, _NO_VALUES, _NO_TIMES)

    def _unit_readings(
        self, metering: Metering, unit: MeteredUnit, days: list[DeliveryDay]
    ) -> list[pl.DataFrame]:
        quarters = [quarter_hours(day) for day in days]
        starts = np.concatenate(quarters)
        final = metering.energy(unit, starts)
        first = final.copy()
        out = np.repeat([_read_at(day, 1) for day in days], [len(quarter) for quarter in quarters])
        frames = []
        begin = 0
        for day, quarter in zip(days, quarters, strict=True):
            revision = metering.revision(unit, day_number(day.label))
            if revision is not None:
                block = slice(begin + revision.first, begin + revision.last)
                first[block] = np.round(final[block] * revision.factor, 4) + 0.0
                wrong = first[block] != final[block]
                known = np.full(int(wrong.sum()), _read_at(day, revision.days_late))
                frames.append(
                    _readings(unit.name, starts[block][wrong], final[block][wrong], known)
                )
            begin += len(quarter)
        return [_readings(unit.name, starts, first, out), *frames]


_NO_TIMES: Minutes = np.zeros(0, dtype=np.int64)
_NO_VALUES: Values = np.zeros(0)


def _read_at(day: DeliveryDay, days_later: int) -> int:
    label: date = day.label + timedelta(days=days_later)
    return utc_minutes(wall_clock(label, _METER_TIME, day.clock))


def _readings(unit: str, starts: Minutes, energy: Values, known: Minutes) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "period_start": utc_times(starts),
            "energy_mwh": energy,
            "knowledge_time": utc_times(known),
        }
    ).with_columns(unit=pl.lit(unit), resolution_min=pl.lit(QUARTER))
