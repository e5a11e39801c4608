"""What a stored series is, for the plausibility checks: its kind, limits and what it should follow.

A series is told by its table and key columns; what is physically possible comes from the desk's
units and the variable, what is expected from companions in the lake: the operator's forecast for a
measured system quantity, the weather at the site for a meter. Belongs here: that mapping. Not
here: reading rows (`judging`), the checks (`plausibility`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from energy_assets.lakehouse.tables import Table
from energy_assets.portfolio import (
    BatteryUnit,
    Desk,
    LoadUnit,
    SolarUnit,
    ThermalUnit,
    Unit,
    WindUnit,
)
from energy_assets.quality.plausibility import Kind

_WEATHER_LIMITS = {
    "wind_speed": (0.0, 75.0),
    "wind_direction": (0.0, 360.0),
    "relative_humidity": (0.0, 100.0),
    "temperature": (-60.0, 60.0),
    "pressure": (500.0, 1100.0),
}
_SYSTEM_KINDS: dict[str, Kind] = {
    "load": "load",
    "wind": "wind",
    "solar": "solar",
    "generation": "generation",
    "renewables": "generation",
}
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Companion:
    """A series that another one should follow.

    Attributes:
        table: Raw table.
        scope: Its data set.
        where: Column values that select it.
        is_driver: Whether a curve has to be learned (another unit), or the values are the same
            quantity and are used as they are.
    """

    table: str
    scope: str
    where: tuple[tuple[str, str], ...]
    is_driver: bool


@dataclass(frozen=True)
class Traits:
    """What is known of a series besides its values.

    Attributes:
        kind: Decides the thresholds.
        low: Lowest physical value.
        high: Highest physical value.
        ramp: Fastest change per hour.
        aggregate: Whether many plants or customers add up in it.
        sign: -1 where the stored sign is turned for the checks (consumption).
        companion: What it should follow.
    """

    kind: Kind
    low: float | None = None
    high: float | None = None
    ramp: float | None = None
    aggregate: bool = False
    sign: float = 1.0
    companion: Companion | None = None


def traits(
    table: Table, scope: str, key: Mapping[str, Any], minutes: int, desk: Desk | None
) -> Traits | None:
    """What a series is; None where nothing is known that a check could use.

    Args:
        table: Raw table.
        scope: Data set.
        key: Key columns of the series.
        minutes: Length of its slots.
        desk: Gives units, their limits and weather sites.
    """
    if table.name == "market_prices":
        return Traits("price")
    if table.name in ("system_forecasts", "system_actuals"):
        return _system(table, scope, str(key["series"]))
    if table.name in ("weather_forecasts", "weather_actuals"):
        low, high = _weather_limits(str(key["variable"]))
        # Rain and the night sun rest for as long as they like; only their range is checked.
        return None if low is None else Traits("weather", low, high)
    if table.name == "fuel_prices":
        return Traits("close")
    unit = None if desk is None else {unit.name: unit for unit in desk.units}.get(str(key["unit"]))
    if desk is None or unit is None:
        return None
    if table.name == "meter_readings":
        return _metered(unit, timedelta(minutes=minutes) / _HOUR, desk)
    return _telemetered(unit, str(key["signal"]), scope)


def _system(table: Table, scope: str, series: str) -> Traits:
    kind = _SYSTEM_KINDS.get(series.split("_")[0], "power")
    companion = None
    if table.name == "system_actuals":
        companion = Companion("raw.system_forecasts", scope, (("series", series),), is_driver=False)
    positive = kind != "power"
    return Traits(kind, low=0.0 if positive else None, aggregate=positive, companion=companion)


def _weather_limits(variable: str) -> tuple[float | None, float | None]:
    for start, limits in _WEATHER_LIMITS.items():
        if variable.startswith(start):
            return limits
    return None, None


def _metered(unit: Unit, hours: float, desk: Desk) -> Traits:
    if isinstance(unit, LoadUnit):
        # One customer's load follows no other series well enough to be held against it.
        return Traits("load", 0.0, unit.peak_mw * hours, sign=-1.0)
    made = _power_traits(unit, hours)
    return made if made.kind == "power" else _following(made, unit, desk)


def _following(made: Traits, unit: Unit, desk: Desk) -> Traits:
    variable = "wind_speed_100m" if made.kind == "wind" else "irradiance"
    site = max(desk.weather_sites(unit.name).items(), key=lambda found: found[1])[0]
    where = (("site", site), ("variable", variable))
    weather = Companion("raw.weather_actuals", desk.area, where, is_driver=True)
    return Traits(made.kind, made.low, made.high, made.ramp, companion=weather)


def _power_traits(unit: Unit, per_mw: float) -> Traits:
    """Limits of a unit's injection; `per_mw` turns MW into the unit of the values."""
    if isinstance(unit, BatteryUnit):
        return Traits("power", -unit.power_mw * per_mw, unit.power_mw * per_mw)
    if isinstance(unit, LoadUnit):
        return Traits("load", 0.0, unit.peak_mw * per_mw, sign=-1.0)
    if isinstance(unit, ThermalUnit):
        # What a unit draws for itself while off is small and negative.
        ramps = (unit.ramp_up_mw_per_hour, unit.ramp_down_mw_per_hour)
        ramp = None if None in ramps else max(each for each in ramps if each is not None)
        low = -0.05 * unit.capacity_mw * per_mw
        return Traits(
            "power", low, unit.capacity_mw * per_mw, None if ramp is None else ramp * per_mw
        )
    kind: Kind = "wind" if isinstance(unit, WindUnit) else "solar"
    assert isinstance(unit, WindUnit | SolarUnit)
    return Traits(kind, 0.0, unit.capacity_mw * per_mw)


def _telemetered(unit: Unit, signal: str, scope: str) -> Traits | None:
    if signal == "power":
        made = _power_traits(unit, 1.0)
        if not isinstance(unit, WindUnit | SolarUnit):
            return made
        driver = "wind_speed" if isinstance(unit, WindUnit) else "irradiance"
        where = (("unit", unit.name), ("signal", driver))
        beside = Companion("raw.telemetry", scope, where, is_driver=True)
        return Traits(made.kind, made.low, made.high, companion=beside)
    if signal == "stored_energy" and isinstance(unit, BatteryUnit):
        return Traits("power", 0.0, unit.energy_mwh)
    low, high = _weather_limits(signal)
    return None if low is None else Traits("weather", low, high)
