"""How a file states time: stamps, numbered periods of a day, clock and convention.

Belongs here: the models and their rules. Not here: turning cells into moments (`stamps`), what a
convention does (`clocks`), the rest of a mapping (`mapping`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from energy_assets.feeds.mapped_files.clocks import IN_STAMP, Convention, fixed_offset
from energy_assets.portfolio.validation import broken_rule

ISO_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
)


def _clock(name: str) -> str:
    if name != IN_STAMP:
        fixed_offset(name)
    return name


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Clock = Annotated[str, AfterValidator(_clock)]
Formats = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Stamps(_Model):
    """A moment in each row: one column, or a local day and a period of it.

    Attributes:
        column: Column of the stamp.
        date: Column of the local day, with `period`.
        period: Column of the period's number in its day, from 1.
        formats: strptime formats, the first that fits; ISO by default.
        clock: IANA zone, `UTC`, a fixed offset (`UTC+1`), or `in_stamp` where stamps carry one.
    """

    column: str = ""
    date: str = ""
    period: str = ""
    formats: Formats = ISO_FORMATS
    clock: Clock

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the file it needs."""
        return tuple(name for name in (self.column, self.date, self.period) if name)


class TimeSpec(Stamps):
    """When a row's period starts and how long it is.

    Attributes:
        period_columns: Columns that hold the values of a day's periods 1, 2, … side by side; their
            values are named `value`.
        convention: What the file does when the clock changes (`clocks`).
        stamp: Whether stamps name the start or the end of their period.
        resolution_min: Length of every period, minutes.
        resolution_column: Column that holds it (minutes, or ISO as `PT15M`).
        momentary: Values hold for a moment, not for a period (telemetry).
        start: Local start of the first row, for `row_number`.
    """

    period_columns: tuple[str, ...] = ()
    convention: Convention | None = None
    stamp: Literal["period_start", "period_end"] = "period_start"
    resolution_min: Annotated[int, Field(gt=0)] | None = None
    resolution_column: str = ""
    momentary: bool = False
    start: datetime | None = None

    @model_validator(mode="after")
    def _consistent(self) -> TimeSpec:
        if (self.resolution_min is None) == (not self.resolution_column):
            found = "neither" if self.resolution_min is None else "both"
            raise broken_rule("resolution_min", "it or resolution_column", found)
        periods = bool(self.period or self.period_columns)
        if periods != bool(self.date) or periods == bool(self.column):
            raise broken_rule(
                "column", "a stamp column, or date with period or period_columns", str(self.columns)
            )
        self._check_convention(periods=periods)
        return self

    def _check_convention(self, *, periods: bool) -> None:
        moving = self.clock != IN_STAMP and fixed_offset(self.clock) is None
        allowed = {"utc", "row_number"} if not moving else {*_LOCAL, "row_number"}
        if self.clock == IN_STAMP:
            allowed = {"utc"}
        if periods:
            allowed -= {"row_number", "autumn_hour_dropped"}
        found = self.effective_convention
        if found not in allowed:
            expected = f"one of {', '.join(sorted(allowed))} with clock {self.clock}"
            raise broken_rule("convention", expected, found or "nothing")
        if (found == "row_number") != (self.start is not None):
            raise broken_rule("start", "a local time with row_number, and only then", self.start)

    @property
    def effective_convention(self) -> Convention | None:
        """The convention; `utc` where the clock never changes and none is given."""
        if self.convention is None and self.clock == IN_STAMP:
            return "utc"
        fixed = self.clock != IN_STAMP and fixed_offset(self.clock) is not None
        return "utc" if self.convention is None and fixed else self.convention

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the file it needs."""
        extra = (self.resolution_column,) if self.resolution_column else ()
        return (*super().columns, *self.period_columns, *extra)


_LOCAL = ("local_with_both_hours", "normalised_24", "autumn_hour_dropped", "spring_hour_shifted")


class MomentColumn(Stamps):
    """A moment the file states: an issue time, or when a row was published.

    Attributes:
        period_min: Length of the periods that `period` counts, minutes.
        plus_min: Minutes added.
    """

    kind: Literal["column"]
    period_min: Annotated[int, Field(gt=0)] = 30
    plus_min: float = 0
