"""The tables a mapping can fill, and which of their columns it has to give.

Read off the registry, so that a column named there is asked for here. Not here: the tables
themselves (`lakehouse.tables`), units (`conversions`).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from energy_assets.lakehouse import table

Labels = dict[str, str]


@dataclass(frozen=True)
class Target:
    """How a table is filled.

    Attributes:
        value: Column of the number.
        time: Column of the period's start (or day).
        length: Column of its length; empty if the table has none.
        vintages: Rows carry an issue time.
        labels: Columns a mapping has to give.
        computed: Columns that follow from the value's unit.
        quantity: Label that decides the unit; empty where the table does.
    """

    value: str
    time: str
    length: str
    vintages: bool
    labels: tuple[str, ...]
    computed: tuple[str, ...]
    quantity: str


_VALUE = {
    "raw.market_prices": "price",
    "raw.system_forecasts": "value_mw",
    "raw.system_actuals": "value_mw",
    "raw.weather_forecasts": "value",
    "raw.weather_actuals": "value",
    "raw.fuel_prices": "price",
    "raw.telemetry": "value",
    "raw.auction_results": "price",
    "raw.meter_readings": "energy_mwh",
}
_COMPUTED = ("unit", "currency")
_QUANTITY = ("variable", "signal")


def _target(table_id: str, value: str) -> Target:
    registered = table(table_id)
    names = [column.name for column in registered.columns if not column.nullable]
    length = next((name for name in names if name in ("resolution_min", "interval_seconds")), "")
    # The unit of telemetry and metering is the plant's unit, a label.
    computed = tuple(name for name in names if name in _COMPUTED and "unit" not in registered.key)
    filled = {value, registered.time_column, length, "issue_time", *computed}
    labels = tuple(name for name in names if name not in filled)
    return Target(
        value=value,
        time=registered.time_column,
        length=length,
        vintages=registered.has_vintages,
        labels=labels,
        computed=computed,
        quantity=next((name for name in labels if name in _QUANTITY), ""),
    )


TARGETS = MappingProxyType({table_id: _target(table_id, v) for table_id, v in _VALUE.items()})
