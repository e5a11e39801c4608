"""The synthetic system: load, wind and solar power of the market area, actual and forecast.

Installed power is constant over the years and near Germany's: 68 GW wind, 92 GW solar, load
between 35 and 80 GW with a weekly, holiday and seasonal shape in German local time. All results
are in MW, at period midpoints in UTC minutes; `issue=None` gives actuals.

Not here: prices (`day_ahead`, `imbalance`) and the desk's own units (`metering`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy_assets.feeds.reference_market.german_calendar import is_holiday, local_time, weekday
from energy_assets.feeds.reference_market.noise import Field, Minutes, Spectrum, Values, key_of
from energy_assets.feeds.reference_market.weather import SYSTEM, Weather, clear_sky

SERIES = ("load", "wind", "solar")
WIND_CAPACITY_MW = 68_000.0
SOLAR_CAPACITY_MW = 92_000.0

# Mean load by local hour in GW: working day, Saturday, Sunday or holiday.
# fmt: off
_LOAD_SHAPES = np.array([
    [46, 44.5, 44, 44, 45, 48, 54, 60, 63, 64, 65, 66,
     65.5, 64, 62.5, 61.5, 61.5, 63, 64, 62.5, 59, 56, 53, 49],
    [45, 43, 42, 41.5, 42, 43, 45, 49, 53, 56, 57.5, 58,
     57.5, 55.5, 54, 53, 53, 55, 56.5, 55, 52, 50, 48.5, 46],
    [44, 42, 41, 40, 39.5, 39.5, 40, 42, 45.5, 48.5, 51, 53,
     53, 51, 49, 48, 48.5, 51, 54, 54, 52, 50.5, 48.5, 46],
])
# fmt: on
_LOAD_NOISE: Spectrum = ((240.0, 0.4), (60.0, 0.3), (12.0, 0.2), (2.0, 0.1))


@dataclass(frozen=True)
class PowerSystem:
    """Load and renewable power of the market area for one seed."""

    weather: Weather

    def value(self, series: str, minutes: Minutes, issue: Minutes | None = None) -> Values:
        """A series by its registry name, in MW."""
        if series == "load":
            return self.load(minutes, issue)
        if series == "wind":
            return self.wind(minutes, issue)
        return self.solar(minutes, issue)

    def residual_load(self, minutes: Minutes, issue: Minutes | None = None) -> Values:
        """Load minus wind minus solar."""
        return self.load(minutes, issue) - self.wind(minutes, issue) - self.solar(minutes, issue)

    def wind(self, minutes: Minutes, issue: Minutes | None = None) -> Values:
        """Wind power: a logistic fleet curve of the mean wind speed."""
        speed = self.weather.wind_speed(SYSTEM, minutes, issue)
        share: Values = 1.0 / (1.0 + np.exp(-(speed - 9.9) / 2.0))
        return WIND_CAPACITY_MW * np.maximum(share - 0.02, 0.0) * 0.93

    def solar(self, minutes: Minutes, issue: Minutes | None = None) -> Values:
        """Solar power: irradiance times a performance ratio that falls with heat."""
        irradiance = self.weather.irradiance(SYSTEM, minutes, issue)
        warmth = self.weather.temperature(SYSTEM, minutes, issue) - 25.0
        return SOLAR_CAPACITY_MW * 0.6 * irradiance / 1000.0 * (1.0 - 0.004 * warmth)

    def load(self, minutes: Minutes, issue: Minutes | None = None) -> Values:
        """Load: calendar shape, darkness, heating and cooling, and what nobody explains."""
        field = Field(key_of(self.weather.seed, "load"), _LOAD_NOISE, 0.55)
        temperature = self.weather.temperature(SYSTEM, minutes, issue)
        heating = 0.38 * np.maximum(14.0 - temperature, 0.0)
        cooling = 0.3 * np.maximum(temperature - 23.0, 0.0)
        gigawatts = load_shape(minutes) + heating + cooling + 1.25 * field.at(minutes, issue)
        return np.maximum(gigawatts, 20.0) * 1000.0


def load_shape(minutes: Minutes) -> Values:
    """Expected load in GW by day type, hour and daylight, before weather."""
    local = local_time(minutes)
    hour = local.hour.astype(np.int64)
    after_day = np.where(hour == 23, local.day + 1, local.day)
    before = _LOAD_SHAPES[_day_type(local.day), hour]
    after = _LOAD_SHAPES[_day_type(after_day), (hour + 1) % 24]
    shape = before + (local.hour - hour) * (after - before)
    awake = (local.hour >= 6.0) & (local.hour < 23.0)
    darkness = np.exp(-clear_sky(minutes) / 60.0)
    return np.asarray(_vacation(local.day) * (shape - 1.5) + 2.4 * awake * darkness)


def _day_type(day: Minutes) -> Minutes:
    by_weekday = np.array([0, 0, 0, 0, 0, 1, 2])[weekday(day)]
    return np.where(is_holiday(day), 2, by_weekday)


def _vacation(day: Minutes) -> Values:
    """Factor on load: down to 0.92 around the turn of the year, 0.98 in high summer."""
    into_year = (day % 365.25) / 365.25
    turn = np.exp(-(((into_year + 0.5) % 1.0 - 0.493) ** 2) / (2 * 0.011**2))
    summer = np.exp(-((into_year - 0.59) ** 2) / (2 * 0.05**2))
    return np.asarray(1.0 - 0.08 * turn - 0.02 * summer)
