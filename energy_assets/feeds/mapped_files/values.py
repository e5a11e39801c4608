"""A value column of a file: its unit, its sign, and the codes that stand for no value.

Belongs here: the models, and the expression that turns a cell into the table's unit. Not here:
which rows exist (`cells`), labels and times (`rows`).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from energy_assets.feeds.mapped_files.conversions import (
    PRICE_UNITS,
    conversion,
    price_unit,
    stored_unit,
    units_into,
)
from energy_assets.feeds.mapped_files.tables import TARGETS, Labels
from energy_assets.lakehouse import table
from energy_assets.portfolio.validation import broken_rule


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Missing(_Model):
    """A code the source wrote where it had no value; an empty cell always means that.

    Attributes:
        code: The number or text.
        first: First local day it means that; any if left out.
        last: Last local day.
        where: Only in rows whose columns hold one of these texts, e.g. `{zone: [CH, PT]}`.
    """

    code: float | str
    first: date | None = None
    last: date | None = None
    where: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    def matches(self, cell: pl.Expr) -> pl.Expr:
        """Whether a row's cell holds the code; the cell is a number or, in a CSV, text."""
        if isinstance(self.code, str):
            found = cell.cast(pl.String) == self.code
        else:
            found = cell.cast(pl.Float64, strict=False) == self.code
        if self.first is not None:
            found = found & (pl.col("_day") >= self.first)
        if self.last is not None:
            found = found & (pl.col("_day") <= self.last)
        for name, texts in self.where.items():
            found = found & pl.col(name).cast(pl.String).is_in(list(texts))
        return found.fill_null(value=False)


def _bare_code(value: Any) -> Any:
    return [v if isinstance(v, dict | Missing) else {"code": v} for v in value]


class Value(_Model):
    """One value column.

    Attributes:
        column: Column of the file.
        labels: Label columns of the table that this value sets.
        scope: Scope of these values, where columns stand for areas.
        unit: Unit in the file.
        sign: -1 where the source counts the other way round.
        decimals: Round to so many digits: gives back what a 32-bit file lost.
        missing: Codes for no value.
    """

    column: str
    labels: Labels = Field(default_factory=dict)
    scope: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")] | None = None
    unit: str
    sign: Literal[1, -1] = 1
    decimals: Annotated[int, Field(ge=0, le=12)] | None = None
    missing: Annotated[tuple[Missing, ...], BeforeValidator(_bare_code)] = ()

    @property
    def text_codes(self) -> tuple[str, ...]:
        """Codes that are no numbers."""
        return tuple(str(one.code) for one in self.missing if isinstance(one.code, str))

    def coded(self, cell: pl.Expr) -> pl.Expr:
        """Whether a row holds one of the codes."""
        return pl.any_horizontal(pl.lit(value=False), *(one.matches(cell) for one in self.missing))

    def stored(self, table_id: str, labels: Labels, cell: pl.Expr) -> pl.Expr:
        """The cell (a number) in the unit and sign of the table.

        Args:
            table_id: Table id.
            labels: All constant labels of the value.
            cell: The number in the file's unit.
        """
        if table_id in PRICE_UNITS or table_id == "raw.fuel_prices":
            value = cell
        else:
            quantity = labels.get(TARGETS[table_id].quantity, "")
            target = stored_unit(table_id, quantity, self.unit)
            found = conversion(self.unit, target)
            assert found is not None, self.unit
            value = found.of(cell, pl.col("_minutes") / 60)
        value = -value if self.sign == -1 else value
        return value if self.decimals is None else value.round(self.decimals)


def require_units(table_id: str, labels: Labels, value: Value) -> None:
    """Raise a validation error where a value's unit cannot be stored in its table."""
    where = f"values[{value.column}].unit"
    if table_id in PRICE_UNITS:
        if price_unit(table_id, value.unit) is None:
            ends = " or ".join(f"EUR{end}" for end in PRICE_UNITS[table_id])
            raise broken_rule(where, f"a currency and unit such as {ends}", value.unit)
        return
    if table_id == "raw.fuel_prices":
        return
    stored = stored_unit(table_id, labels.get(TARGETS[table_id].quantity, ""), value.unit)
    if conversion(value.unit, stored) is None:
        raise broken_rule(where, f"one of {', '.join(units_into(stored))}", value.unit)


def require_labels(table_id: str, labels: Labels, value: Value) -> None:
    """Raise a validation error where the registry does not know a label."""
    for name, label in labels.items():
        allowed = table(table_id).column(name).allowed
        if allowed and label not in allowed:
            where = f"values[{value.column}].labels.{name}"
            raise broken_rule(where, f"one of {', '.join(allowed)}", label)


def computed_labels(table_id: str, labels: Labels, value: Value) -> Labels:
    """Currency and unit columns, from the unit of the file."""
    if table_id in PRICE_UNITS:
        found = price_unit(table_id, value.unit)
        assert found is not None, value.unit
        every = {"currency": found[0], "unit": found[1]}
    elif table_id == "raw.fuel_prices":
        every = {"unit": value.unit}
    else:
        quantity = labels.get(TARGETS[table_id].quantity, "")
        every = {"unit": stored_unit(table_id, quantity, value.unit)}
    return {name: every[name] for name in TARGETS[table_id].computed}
