"""What a registered table is: columns, key, time column, service level, and the system columns.

Not here: any table (the modules beside this one, by stage).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

import polars as pl

from energy_assets.errors import LakeError

Kind = Literal["raw", "decision", "results"]
ScopeKind = Literal["area", "desk", "global"]

UTC_TIME = pl.Datetime("us", "UTC")
RESERVE_PRODUCTS = ("fcr", "afrr_up", "afrr_down", "mfrr_up", "mfrr_down")


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: Column name, unit included where it has one.
        dtype: Polars dtype.
        meaning: What the value is, in a sentence.
        unit: Unit, empty for labels.
        nullable: Whether null is allowed.
        minimum: Lowest plausible value, checked by `quality` (not on write).
        maximum: Highest plausible value.
        allowed: Allowed labels, checked by `quality`.
        volatile: Left out of the content hash (differs between equal runs).
    """

    name: str
    dtype: pl.DataType | type[pl.DataType]
    meaning: str
    unit: str = ""
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str, ...] = ()
    volatile: bool = False


@dataclass(frozen=True)
class ServiceLevel:
    """What readers of a table may rely on; quality checks are generated from it.

    Attributes:
        freshness: Oldest acceptable newest knowledge time; None where news comes irregularly.
        completeness: Share of a delivery day's periods that must be there.
        plausibility: Names of the rule groups of `quality.plausibility` that judge its points.
    """

    freshness: timedelta | None = None
    completeness: float | None = None
    plausibility: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One table of the lake.

    Attributes:
        stage: Folder and DuckDB schema, e.g. `raw`.
        name: Table name inside the stage.
        description: What a row is.
        kind: raw (revisions), decision (batches) or results (replaced by scope and day).
        scope_kind: What `scope` names.
        columns: Own columns; system columns are added by `schema`.
        key: Natural key inside a scope (raw: inside scope and source).
        time_column: Orders the table and gives the month partition.
        owner: Team that answers for it.
        service: Service level.
        retention: How long files that a rewrite replaced stay readable (time travel).
        batch_key: Decision tables: the columns that name a batch (inside a scope).
        has_vintages: Raw tables of forecasts: keyed by issue time too.
    """

    stage: str
    name: str
    description: str
    kind: Kind
    scope_kind: ScopeKind
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    time_column: str
    owner: str = "data-engineering"
    service: ServiceLevel = ServiceLevel()
    retention: timedelta = timedelta(days=30)
    batch_key: tuple[str, ...] = ()
    has_vintages: bool = False
    _system: tuple[Column, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "_system", _SYSTEM[self.kind])

    @property
    def id(self) -> str:
        """`stage.name`, as in DuckDB."""
        return f"{self.stage}.{self.name}"

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """Partition columns, own columns, system columns of the kind."""
        return (*_PARTITION, *self.columns, *self._system)

    @property
    def schema(self) -> dict[str, pl.DataType | type[pl.DataType]]:
        """Full polars schema, in stored column order."""
        return {column.name: column.dtype for column in self.all_columns}

    @property
    def volatile(self) -> frozenset[str]:
        """Columns that differ between equal runs."""
        return frozenset(column.name for column in self.all_columns if column.volatile)

    def column(self, name: str) -> Column:
        """A column by name."""
        for column in self.all_columns:
            if column.name == name:
                return column
        msg = f"table {self.id} has no column {name!r}"
        raise LakeError(msg)


_PARTITION = (
    Column("scope", pl.String, "Data set: market area, desk or `global`."),
    Column("month", pl.String, "UTC month of the time column, YYYY-MM; partition.", volatile=True),
)
_SYSTEM: dict[Kind, tuple[Column, ...]] = {
    "raw": (
        Column("source", pl.String, "Feed that delivered the row."),
        Column(
            "knowledge_time",
            UTC_TIME,
            "When this desk could have known the row.",
            "UTC",
            volatile=True,
        ),
        Column(
            "knowledge_basis",
            pl.String,
            "Why that time holds.",
            volatile=True,
            allowed=("published", "observed", "rule"),
        ),
        Column("ingested_at", UTC_TIME, "When the row was written.", "UTC", volatile=True),
        Column(
            "revision",
            pl.Int32,
            "1 for the first value of a key and source, then 2, 3, …",
            volatile=True,
        ),
        Column("content_hash", pl.String, "Hash of the row's content.", volatile=True),
    ),
    "decision": (
        Column("session", pl.String, "Market session the run decided."),
        Column("delivery_day", pl.Date, "Calendar label of the delivery day."),
        Column("decision_time", UTC_TIME, "Point in time the run was allowed to know.", "UTC"),
        Column("run_id", pl.String, "Run that wrote the batch.", volatile=True),
        Column(
            "mode", pl.String, "live, replay or what_if.", allowed=("live", "replay", "what_if")
        ),
        Column("revision", pl.Int32, "Revision of the batch.", volatile=True),
        Column("ingested_at", UTC_TIME, "When the batch was written.", "UTC", volatile=True),
        Column("content_hash", pl.String, "Hash of the batch's content.", volatile=True),
    ),
    "results": (
        Column("delivery_day", pl.Date, "Calendar label of the delivery day."),
        Column("ingested_at", UTC_TIME, "When the row was written.", "UTC", volatile=True),
    ),
}

PERIOD = (
    Column("period_start", UTC_TIME, "Start of the period.", "UTC"),
    Column("resolution_min", pl.Int32, "Length of the period.", "min", minimum=15, maximum=60),
)
PERIOD_KEY = ("period_start", "resolution_min")
BATCH = ("session", "delivery_day", "decision_time", "mode")
ORDER_OWNER = (
    Column("participant_id", pl.String, "Market participant."),
    Column("portfolio_id", pl.String, "Portfolio of the position."),
    Column("balance_area", pl.String, "Balance group that carries the imbalance."),
    Column("order_scope", pl.String, "portfolio or unit.", allowed=("portfolio", "unit")),
)
RUNG = Column(
    "rung",
    pl.String,
    "Rung of the bid ladder that made the batch.",
    # Best first: of two runs of one decision the better rung counts.
    allowed=(
        "stochastic",
        "reduced_scenarios",
        "lp_with_repair",
        "marginal_cost",
        "last_accepted",
        "price_independent",
    ),
)
