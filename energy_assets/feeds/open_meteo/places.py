"""Where weather is read and which variables: the sites of a desk file, by kind of unit.

Wind units need the wind at hub height, solar units the irradiance; each with the temperature, which
is all that other units' sites bring. ICON has levels at 80 and 120 m and none at 100 m (read in an
older copy of the service's code; unverified for today's): its wind at 100 m lies on the logarithmic
profile between the two. Not here: requests (`hourly`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from energy_assets.errors import InputError
from energy_assets.portfolio import Desk, OpenMeteoFeed, SolarUnit, WindUnit


@dataclass(frozen=True)
class Variable:
    """A weather variable.

    Attributes:
        name: In the lake.
        unit: In the lake.
        parameters: As the source names it; two where it lies between two of the source's.
        source_unit: As the source writes the same unit.
        ends_at_stamp: Whether the value is the mean of the hour before its stamp.
        share: How far it lies from the first parameter to the last, 0 to 1.
    """

    name: str
    unit: str
    parameters: tuple[str, ...]
    source_unit: str
    ends_at_stamp: bool = False
    share: float = 0.0


WIND_SPEED = Variable("wind_speed_100m", "m/s", ("wind_speed_100m",), "m/s")
# u(z) = u(80) + (u(120) - u(80)) ln(z / 80) / ln(120 / 80), the logarithmic wind profile.
WIND_SPEED_BETWEEN = Variable(
    "wind_speed_100m",
    "m/s",
    ("wind_speed_80m", "wind_speed_120m"),
    "m/s",
    share=math.log(100 / 80) / math.log(120 / 80),
)
IRRADIANCE = Variable("irradiance", "W/m2", ("shortwave_radiation",), "W/m²", ends_at_stamp=True)
TEMPERATURE = Variable("temperature_2m", "degC", ("temperature_2m",), "°C")


@dataclass(frozen=True)
class Place:
    """A site and what is asked for it."""

    site: str
    latitude: float
    longitude: float
    variables: tuple[Variable, ...]


def places_of(spec: OpenMeteoFeed, desk: Desk) -> tuple[Place, ...]:
    """The places of a feed, in the order of the desk file.

    Raises:
        InputError: Two sites of the desk share a name.
    """
    _require_distinct(desk)
    return tuple(
        Place(site.name, site.latitude, site.longitude, _variables(desk, unit, spec.model))
        for unit, sites in spec.sites.items()
        for site in sites
    )


def _variables(desk: Desk, unit: str, model: str) -> tuple[Variable, ...]:
    found = desk.unit(unit)
    if isinstance(found, WindUnit):
        is_icon = model.startswith("icon_")
        return (WIND_SPEED_BETWEEN if is_icon else WIND_SPEED), TEMPERATURE
    if isinstance(found, SolarUnit):
        return IRRADIANCE, TEMPERATURE
    return (TEMPERATURE,)


def _require_distinct(desk: Desk) -> None:
    """A name twice, be it in two products, would mix two series in one."""
    names = [
        site.name
        for feed in desk.feeds
        if isinstance(feed, OpenMeteoFeed)
        for sites in feed.sites.values()
        for site in sites
    ]
    for name in names:
        if names.count(name) > 1:
            where = f"desk {desk.name}: feeds: open_meteo: sites"
            raise InputError(where, expected="distinct names", found=name)
