"""Synthetic metering of the desk's wind, solar and load units, in MWh per quarter-hour.

A unit's energy follows the actual weather at its site (the site's name is the unit's) through a
power curve with losses, partial availability and metering noise, or a business-day shape for a
load. On a few days the first reading of some hours is a substitute value, corrected days later.

Injection is positive, a load's reading negative. Not here: batteries and thermal units, whose
output follows from dispatch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from energy_assets.feeds.reference_market.german_calendar import is_holiday, local_time, weekday
from energy_assets.feeds.reference_market.noise import (
    Minutes,
    Spectrum,
    Values,
    key_of,
    noise,
    uniforms,
)
from energy_assets.feeds.reference_market.time_axis import MIDPOINT
from energy_assets.feeds.reference_market.weather import Weather
from energy_assets.portfolio import LoadUnit, SolarUnit, WindUnit

MeteredUnit: TypeAlias = WindUnit | SolarUnit | LoadUnit

_HOURS = 0.25
_AVAILABILITY: Spectrum = ((400.0, 0.5), (90.0, 0.3), (20.0, 0.2))
_FLUCTUATION: Spectrum = ((3.0, 0.4), (0.75, 0.6))
_REVISED_DAYS = 0.04
_CUT_IN, _RATED = 2.8, 13.0

# Share of peak consumption by local hour on a working day; other days fall to a base.
# fmt: off
_WORKING_DAY = np.array([
    0.38, 0.37, 0.37, 0.37, 0.39, 0.45, 0.58, 0.74, 0.84, 0.88, 0.9, 0.9,
    0.86, 0.87, 0.88, 0.85, 0.8, 0.73, 0.65, 0.58, 0.51, 0.46, 0.42, 0.4,
])
# fmt: on
_DAY_OFF = 0.36 + 0.1 * np.sin(np.pi * np.clip((np.arange(24) - 6) / 14, 0, 1))


@dataclass(frozen=True)
class Revision:
    """How one day's first readings of a unit differ from the final ones.

    Attributes:
        first: First quarter-hour with a substitute value, from 0.
        last: First quarter-hour after them.
        factor: Substitute value over final value.
        days_late: Days after the first reading until the correction.
    """

    first: int
    last: int
    factor: float
    days_late: int


@dataclass(frozen=True)
class Metering:
    """Meters of one seed."""

    weather: Weather

    def energy(self, unit: MeteredUnit, starts: Minutes) -> Values:
        """Final readings in MWh for quarter-hours that start at UTC minutes."""
        if isinstance(unit, WindUnit):
            power = self._wind(unit, starts + MIDPOINT)
        elif isinstance(unit, SolarUnit):
            power = self._solar(unit, starts + MIDPOINT)
        else:
            power = -self._load(unit, starts + MIDPOINT)
        return np.round(power * _HOURS, 4) + 0.0

    def revision(self, unit: MeteredUnit, day_number: int) -> Revision | None:
        """The correction of a delivery day's readings (days since 1970-01-01), if there is one."""
        key = key_of(self.weather.seed, "meter revision", unit.name)
        happens, where, length, error, late = uniforms(
            key, np.full(5, day_number), np.arange(5)
        ).tolist()
        if happens >= _REVISED_DAYS:
            return None
        first = int(where * 76)
        days_late = 3 + int(late * 6)
        return Revision(first, first + 4 + int(length * 12), 0.85 + 0.3 * error, days_late)

    def _wind(self, unit: WindUnit, minutes: Minutes) -> Values:
        speed = self.weather.wind_speed(unit.name, minutes)
        share = np.clip((speed - _CUT_IN) / (_RATED - _CUT_IN), 0.0, 1.0)
        # A smooth step is close to a farm's power curve, whose turbines see different winds.
        curve = share * share * (3.0 - 2.0 * share)
        return self._delivered(unit, minutes, 0.93 * curve)

    def _solar(self, unit: SolarUnit, minutes: Minutes) -> Values:
        irradiance = self.weather.irradiance(unit.name, minutes)
        warmth = self.weather.temperature(unit.name, minutes) - 25.0
        share = 0.98 * irradiance / 1000.0 * (1.0 - 0.004 * warmth)
        return self._delivered(unit, minutes, share)

    def _delivered(self, unit: WindUnit | SolarUnit, minutes: Minutes, share: Values) -> Values:
        seed = self.weather.seed
        standing = noise(key_of(seed, "availability", unit.name), minutes, _AVAILABILITY)
        fluctuation = noise(key_of(seed, "fluctuation", unit.name), minutes, _FLUCTUATION)
        available = 1.0 - 0.03 * np.abs(standing)
        delivered: Values = np.clip(share * available * (1.0 + 0.03 * fluctuation), 0.0, 1.0)
        return unit.capacity_mw * delivered

    def _load(self, unit: LoadUnit, minutes: Minutes) -> Values:
        local = local_time(minutes)
        off = (weekday(local.day) >= 5) | is_holiday(local.day)
        hour = local.hour.astype(np.int64)
        shapes = np.stack([_WORKING_DAY, _DAY_OFF])
        kind = off.astype(np.int64)
        before, after = shapes[kind, hour], shapes[kind, (hour + 1) % 24]
        shape = before + (local.hour - hour) * (after - before)
        key = key_of(self.weather.seed, "consumption", unit.name)
        unexplained = noise(key, minutes, ((60.0, 0.4), (6.0, 0.3), (1.0, 0.3)))
        share: Values = np.clip(shape * (1.0 + 0.04 * unexplained), 0.0, 1.0)
        return unit.peak_mw * share
