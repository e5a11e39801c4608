"""What a forecasting member sees: one target, day by day, as known at one decision.

Belongs here: `TargetHistory`, cuts of it, which daily values are dummies. Not here: how it is read
from the lake (`forecasting.targets`), models (the other modules of this package).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting.arrays import BoolArray, FloatArray

# The day itself, the day before and the day after (`calendar_features`) begin so.
_DUMMY_PREFIX = "holiday"


@dataclass(frozen=True)
class TargetHistory:
    """One target by delivery day and slot, oldest day first; the day to forecast is the last row.

    A day is a row of 24, 48 or 96 slots of the wall clock whatever its length (`profiles`), so that
    days of 23 and 25 hours are rows like any other. Rows need not be complete: NaN is unknown.

    Attributes:
        target: Name of the target, for messages.
        days: Delivery days, consecutive, (N,).
        outcome: What came true, (N, S); NaN where it was not known at the decision, so at least
            in the last `outcome_lag` rows.
        drivers: Series known ahead (system and weather forecasts, the forecast of another target),
            each (N, S); row i holds what was known at the decision of day i.
        daily: One value a day known at that day's decision (`holiday`, fuel closes), each (N,).
        bounds: Least and greatest possible outcome by physics or market rules.
        outcome_lag: The newest outcome a decision knows is that many rows before its last row:
            1 for a day-ahead price, 2 for metered energy at a morning decision.
    """

    target: str
    days: Sequence[date]
    outcome: FloatArray
    drivers: Mapping[str, FloatArray] = field(default_factory=dict)
    daily: Mapping[str, FloatArray] = field(default_factory=dict)
    bounds: tuple[float, float] = (-np.inf, np.inf)
    outcome_lag: int = 1

    def __post_init__(self) -> None:
        shape = (len(self.days), self.slots)
        for name, values in {"outcome": self.outcome, **self.drivers}.items():
            if values.shape != shape:
                where = f"{self.target}: {name}"
                raise InputError(where, expected=f"days by slots {shape}", found=values.shape)
        for name, values in self.daily.items():
            if values.shape != shape[:1]:
                where = f"{self.target}: {name}"
                raise InputError(where, expected=f"{shape[0]} days", found=values.shape)

    @property
    def slots(self) -> int:
        """Slots of a day."""
        return int(self.outcome.shape[1])

    @property
    def day(self) -> date:
        """The day to forecast."""
        return self.days[-1]

    @property
    def weekday(self) -> FloatArray:
        """Monday 0 to Sunday 6, (N,)."""
        return np.array([day.weekday() for day in self.days], dtype=float)

    @property
    def complete(self) -> BoolArray:
        """Rows whose outcome and drivers are all known, (N,)."""
        known = np.isfinite(self.outcome).all(axis=1)
        for values in self.drivers.values():
            known &= np.isfinite(values).all(axis=1)
        return np.asarray(known, dtype=bool)

    @property
    def trained_until(self) -> date | None:
        """Newest day with any known outcome: what a model fitted on this knows at most."""
        known = np.flatnonzero(np.isfinite(self.outcome).any(axis=1))
        return self.days[int(known[-1])] if known.size else None

    def newest(self, days: int) -> TargetHistory:
        """The last so many days before the day to forecast, and that day."""
        return self._rows(slice(max(len(self.days) - 1 - days, 0), None))

    def before(self, row: int) -> TargetHistory:
        """The history with day `row` as the day to forecast; later outcomes are blanked.

        For series that are never revised. Where rows can be revised, or vintages matter, each
        day's history is read from the lake as of its own decision.
        """
        cut = self._rows(slice(None, row + 1))
        outcome = cut.outcome.copy()
        outcome[max(row + 1 - self.outcome_lag, 0) :] = np.nan
        return replace(cut, outcome=outcome)

    def row_of(self, day: date) -> int:
        """Row of a delivery day.

        Raises:
            InputError: The history does not hold the day.
        """
        row = (day - self.days[0]).days
        if not 0 <= row < len(self.days):
            expected = f"a day from {self.days[0]} to {self.days[-1]}"
            raise InputError(f"{self.target}: day", expected=expected, found=str(day))
        return row

    def _rows(self, rows: slice) -> TargetHistory:
        return replace(
            self,
            days=self.days[rows],
            outcome=self.outcome[rows],
            drivers={name: values[rows] for name, values in self.drivers.items()},
            daily={name: values[rows] for name, values in self.daily.items()},
        )


def is_dummy(name: str) -> bool:
    """Whether a daily value is 0 or 1, by its name: transforms leave such values alone."""
    return name.startswith(_DUMMY_PREFIX)


def rolling(history: TargetHistory, first: date, last: date) -> Iterator[TargetHistory]:
    """The history of every day from first to last, each as if decided then (see `before`)."""
    for row in range(history.row_of(first), history.row_of(last) + 1):
        yield history.before(row)
