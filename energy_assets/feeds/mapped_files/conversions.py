"""Units of files and the units tables hold: kW to MW, km/h to m/s, MWh per period to MW.

Belongs here: factors, and which unit a table wants. Not here: reading cells (`cells`), rows
(`rows`).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

SERIES_UNITS = {
    "raw.system_forecasts": "MW",
    "raw.system_actuals": "MW",
    "raw.meter_readings": "MWh",
}
# Start of a weather variable's or a telemetry signal's name to the unit it is stored in.
_QUANTITY_UNITS = {
    "power_share": "1",
    "power": "MW",
    "available_power": "MW",
    "scheduled_power": "MW",
    "stored_energy": "MWh",
    "wind_speed": "m/s",
    "wind_direction": "deg",
    "irradiance": "W/m2",
    "direct_radiation": "W/m2",
    "temperature": "degC",
    "relative_humidity": "%",
    "precipitation": "mm",
    "pressure": "hPa",
}
PRICE_UNITS = {
    "raw.market_prices": ("/MWh",),
    "raw.auction_results": ("/MW/h", "/MW", "/MWh"),
}


@dataclass(frozen=True)
class Conversion:
    """stored = (value + shift) x factor x hours ** per_hours, hours being the period's length."""

    factor: float = 1.0
    shift: float = 0.0
    per_hours: int = 0

    def of(self, value: pl.Expr, hours: pl.Expr) -> pl.Expr:
        """The expression in the stored unit."""
        if self.shift:
            value = value + self.shift
        # A division keeps more digits than a product with 1 / 3.6 or 0.001.
        if self.factor >= 1:
            value = value * self.factor if self.factor != 1 else value
        else:
            value = value / (1 / self.factor)
        if self.per_hours:
            value = value * hours if self.per_hours > 0 else value / hours
        return value


CONVERSIONS: dict[tuple[str, str], Conversion] = {
    ("W", "MW"): Conversion(1e-6),
    ("kW", "MW"): Conversion(1e-3),
    ("GW", "MW"): Conversion(1e3),
    ("GWh/h", "MW"): Conversion(1e3),
    ("GWh/period", "MW"): Conversion(1e3, per_hours=-1),
    ("MWh/period", "MW"): Conversion(per_hours=-1),
    ("kWh/period", "MW"): Conversion(1e-3, per_hours=-1),
    ("MWh/period", "MWh"): Conversion(),
    ("kWh/period", "MWh"): Conversion(1e-3),
    ("Wh/period", "MWh"): Conversion(1e-6),
    ("kWh", "MWh"): Conversion(1e-3),
    ("MW", "MWh"): Conversion(per_hours=1),
    ("kW", "MWh"): Conversion(1e-3, per_hours=1),
    ("km/h", "m/s"): Conversion(1 / 3.6),
    ("knots", "m/s"): Conversion(1852 / 3600),
    ("degF", "degC"): Conversion(5 / 9, shift=-32.0),
    ("K", "degC"): Conversion(shift=-273.15),
    ("Pa", "hPa"): Conversion(1e-2),
    ("kPa", "hPa"): Conversion(10.0),
    ("1", "%"): Conversion(100.0),
}


def stored_unit(table: str, quantity: str, unit: str) -> str:
    """The unit a table holds a quantity in.

    Args:
        table: Table id.
        quantity: Weather variable or telemetry signal; empty for other tables.
        unit: Unit of the file, kept where the table sets none.
    """
    if table in SERIES_UNITS:
        return SERIES_UNITS[table]
    fitting = [name for name in _QUANTITY_UNITS if quantity.startswith(name)]
    return _QUANTITY_UNITS[max(fitting, key=len)] if fitting else unit


def conversion(unit: str, stored: str) -> Conversion | None:
    """How to get from one unit to another; None if there is no way."""
    return Conversion() if unit == stored else CONVERSIONS.get((unit, stored))


def units_into(stored: str) -> list[str]:
    """Every unit that can be turned into a stored one."""
    return [stored, *(unit for unit, into in CONVERSIONS if into == stored)]


def price_unit(table: str, unit: str) -> tuple[str, str] | None:
    """Currency and stored unit of a price unit such as `EUR/MWh`; None if it is none."""
    currency, rest = unit[:3], unit[3:]
    if not (currency.isalpha() and currency.isupper() and rest in PRICE_UNITS[table]):
        return None
    return currency, f"currency{rest}"
