"""The columns every decision row carries, put on a frame in one place.

Belongs here: session, delivery day, decision time, run and mode of a decision. Not here: which
rows a decision writes (the packages that decide).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal

import polars as pl

from energy_assets.lakehouse.tables import UTC_TIME, table

Mode = Literal["live", "replay", "what_if"]


@dataclass(frozen=True)
class RunStamp:
    """Which decision rows belong to.

    Attributes:
        session: Session decided.
        delivery_day: Calendar label.
        decision_time: What the run may know, UTC.
        run_id: Run that writes.
        mode: live, replay or what_if.
    """

    session: str
    delivery_day: date
    decision_time: datetime
    run_id: str
    mode: Mode

    def as_mode(self, mode: Mode) -> RunStamp:
        """The same decision in another mode."""
        return replace(self, mode=mode)

    @property
    def where(self) -> dict[str, Any]:
        """Selects this decision's rows in a decision table, whichever run wrote them."""
        return {
            "session": self.session,
            "delivery_day": self.delivery_day,
            "decision_time": self.decision_time,
            "mode": self.mode,
        }

    def on(self, frame: pl.DataFrame, table_id: str) -> pl.DataFrame:
        """The table's own columns in its dtypes, with the decision's columns."""
        return frame.select(
            *(pl.col(c.name).cast(c.dtype) for c in table(table_id).columns),
            session=pl.lit(self.session),
            delivery_day=pl.lit(self.delivery_day),
            decision_time=pl.lit(self.decision_time, dtype=UTC_TIME),
            run_id=pl.lit(self.run_id),
            mode=pl.lit(self.mode),
        )
