"""Dated market facts: a value, when it holds, where it is from and how sure it is.

Not here: which facts there are (`areas`, `balancing`).
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from energy_assets.errors import MarketRuleError
from energy_assets.market.clock import wall_clock

T = TypeVar("T")
Status = Literal["C", "S", "OLD", "G", "decision"]


class FactModel(BaseModel):
    """A model without extra fields that does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Row(FactModel, Generic[T]):
    """One dated fact: in force for delivery days in [valid_from, valid_to], ends included."""

    value: T
    unit: str = ""
    valid_from: date = date.min
    valid_to: date = date.max
    source: str
    status: Status

    @property
    def unverified(self) -> bool:
        """True where no source was found or the source is years old."""
        return self.status in {"G", "OLD"}


class Fact(FactModel, Generic[T]):
    """A dated fact: rows that do not overlap, in date order."""

    rows: tuple[Row[T], ...] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _accept_bare_list(cls, data: Any) -> Any:
        return {"rows": data} if isinstance(data, list | tuple) else data

    @model_validator(mode="after")
    def _in_order(self) -> Fact[T]:
        for earlier, later in pairwise(self.rows):
            if earlier.valid_to >= later.valid_from:
                msg = f"dated rows overlap: {earlier.valid_to} and {later.valid_from}"
                raise ValueError(msg)
        return self

    def on(self, day: date) -> T:
        """The value in force on a delivery day.

        Raises:
            MarketRuleError: If no row covers the day.
        """
        return self.row_on(day).value

    def row_on(self, day: date) -> Row[T]:
        """The row in force, with its source and status."""
        for row in self.rows:
            if row.valid_from <= day <= row.valid_to:
                return row
        msg = f"no market fact in force on {day}; rows start {self.rows[0].valid_from}"
        raise MarketRuleError(msg)


class WallClock(FactModel):
    """A wall-clock moment relative to a delivery day: 12:00 one day before, Brussels time."""

    time: time
    days_before: int = 0
    clock: str

    def on(self, day: date) -> datetime:
        """The UTC moment for a delivery day."""
        return wall_clock(day - timedelta(days=self.days_before), self.time, self.clock)
