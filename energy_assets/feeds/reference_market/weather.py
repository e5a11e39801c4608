"""Synthetic weather: wind speed, irradiance and temperature at sites and as a system mean.

A site's fields are a mix of the system's and its own, so that the desk's wind follows the
country's. Irradiance is a clear sky times a cloud factor; wind speed maps a normal field to a
Weibull shape. A forecast passes the forecast field through the same map: it is never negative and
never shines at night.

Times are period midpoints in UTC minutes; `issue=None` gives the actual weather. Not here: power
(`power_system`, `metering`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy_assets.feeds.reference_market.noise import Field, Minutes, Spectrum, Values, key_of

SYSTEM = "system"
UNITS = {"wind_speed_100m": "m/s", "irradiance": "W/m2", "temperature_2m": "degC"}

_LATITUDE_DEGREES, _LONGITUDE_DEGREES = 51.0, 10.0
_WIND: Spectrum = ((240.0, 0.2), (84.0, 0.4), (30.0, 0.28), (9.0, 0.1), (2.0, 0.02))
_WIND_OWN: Spectrum = ((48.0, 0.35), (12.0, 0.35), (3.0, 0.2), (0.75, 0.1))
_CLOUD: Spectrum = ((168.0, 0.25), (60.0, 0.4), (18.0, 0.25), (5.0, 0.1))
_CLOUD_OWN: Spectrum = ((24.0, 0.3), (6.0, 0.3), (1.5, 0.4))
_TEMPERATURE: Spectrum = ((480.0, 0.35), (120.0, 0.45), (30.0, 0.15), (6.0, 0.05))
_TEMPERATURE_OWN: Spectrum = ((48.0, 0.5), (12.0, 0.5))


@dataclass(frozen=True)
class Weather:
    """The weather of one seed."""

    seed: int

    def value(
        self, variable: str, site: str, minutes: Minutes, issue: Minutes | None = None
    ) -> Values:
        """A variable by its registry name, in the unit of `UNITS`."""
        if variable == "wind_speed_100m":
            return self.wind_speed(site, minutes, issue)
        if variable == "irradiance":
            return self.irradiance(site, minutes, issue)
        return self.temperature(site, minutes, issue)

    def wind_speed(self, site: str, minutes: Minutes, issue: Minutes | None = None) -> Values:
        """Wind speed at 100 m in m/s: Weibull with mean near 7 m/s, windier winters.

        The mean over the country varies less (shape 3) than one site (shape 2.1).
        """
        field = self._mixed("wind", _WIND, _WIND_OWN, 0.19, 0.8, site, minutes, issue)
        field += 0.3 * np.cos(_year_angle(minutes, peak_day=20.0))
        # -ln(1 - Φ(z)) is close to softplus(1.702 z), the logistic approximation of Φ.
        shape = 3.0 if site == SYSTEM else 2.1
        weibull: Values = np.log1p(np.exp(1.702 * field)) ** (1.0 / shape)
        return 7.9 * weibull

    def irradiance(self, site: str, minutes: Minutes, issue: Minutes | None = None) -> Values:
        """Global horizontal irradiance in W/m2.

        Kasten and Czeplak (1980): clear sky x (1 - 0.75 n^3.4) with cloud cover n in [0, 1].
        """
        field = self._mixed("cloud", _CLOUD, _CLOUD_OWN, 0.27, 0.85, site, minutes, issue)
        field += 0.45 * np.cos(_year_angle(minutes, peak_day=5.0))
        cover: Values = 1.0 / (1.0 + np.exp(-(1.3 * field + 0.75)))
        passing: Values = 1.0 - 0.75 * cover**3.4
        return clear_sky(minutes) * passing

    def temperature(self, site: str, minutes: Minutes, issue: Minutes | None = None) -> Values:
        """Air temperature at 2 m in degC: season, time of day, weather systems."""
        field = self._mixed(
            "temperature", _TEMPERATURE, _TEMPERATURE_OWN, 0.22, 0.95, site, minutes, issue
        )
        season = 10.2 - 9.3 * np.cos(_year_angle(minutes, peak_day=20.0))
        hour = (minutes % 1440) / 60.0
        swing = (3.2 - 1.4 * np.cos(_year_angle(minutes, peak_day=5.0))) * np.cos(
            2.0 * np.pi * (hour - 13.5) / 24.0
        )
        return season + swing + 3.8 * field

    def _mixed(
        self,
        name: str,
        shared_spectrum: Spectrum,
        own_spectrum: Spectrum,
        error_sd_24h: float,
        correlation: float,
        site: str,
        minutes: Minutes,
        issue: Minutes | None,
    ) -> Values:
        shared = Field(key_of(self.seed, name), shared_spectrum, error_sd_24h)
        mixed = shared.at(minutes, issue)
        if site == SYSTEM:
            return mixed
        # Local weather is harder to forecast than its mean over the country.
        own = Field(key_of(self.seed, name, site), own_spectrum, min(2.0 * error_sd_24h, 0.6))
        rest = (1.0 - correlation**2) ** 0.5
        local: Values = correlation * mixed + rest * own.at(minutes, issue)
        return local


def clear_sky(minutes: Minutes) -> Values:
    """Clear-sky irradiance in W/m2, zero at night: 1098 s exp(-0.057 / s) (Haurwitz 1945).

    s is the sine of the sun's elevation, with Cooper's declination and Spencer's equation of time
    in its short form (Duffie and Beckman, ch. 1).
    """
    day = minutes / 1440.0
    angle = 2.0 * np.pi * (day % 365.25 - 81.0) / 365.25
    declination = np.radians(23.45) * np.sin(angle)
    equation_minutes = 9.87 * np.sin(2 * angle) - 7.53 * np.cos(angle) - 1.5 * np.sin(angle)
    solar_minutes = minutes + 4.0 * _LONGITUDE_DEGREES + equation_minutes
    hour_angle = 2.0 * np.pi * (solar_minutes / 1440.0 - 0.5)
    latitude = np.radians(_LATITUDE_DEGREES)
    sine = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(
        hour_angle
    )
    above = np.maximum(sine, 1e-3)
    sky: Values = np.where(sine > 0.0, 1098.0 * above * np.exp(-0.057 / above), 0.0)
    return sky


def _year_angle(minutes: Minutes, peak_day: float) -> Values:
    return 2.0 * np.pi * (minutes / 1440.0 - peak_day) / 365.25
