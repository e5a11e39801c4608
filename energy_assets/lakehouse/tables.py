"""The table registry: one statement per table, used by writes, metadata, checks, docs and views.

A `Table` states its columns (dtype, unit, meaning, bounds), natural key, time column, write mode
and scope. System columns follow from the kind and are appended by `Table.schema`:

- every table: `scope` (area, desk or `global`) and `month` (UTC month of the time column), the
  partition columns;
- raw: `source`, `knowledge_time`, `knowledge_basis`, `ingested_at`, `revision`, `content_hash`;
- decision: `session`, `delivery_day`, `decision_time`, `run_id`, `mode`, `revision`,
  `ingested_at`, `content_hash`.

A decision *batch* is the rows that share scope, `batch_key`; its content hash leaves out volatile
columns (run id, seconds, time stamps of making), so that a re-run with equal economic content
appends nothing.

Not here: reading and writing (`lake`), checks (`quality`), the DuckDB session (`analysts`).
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
        max_age: Freshness service level, if the table has one.
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
    max_age: timedelta | None = None
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

_PERIOD = (
    Column("period_start", UTC_TIME, "Start of the period.", "UTC"),
    Column("resolution_min", pl.Int32, "Length of the period.", "min", minimum=15, maximum=60),
)
_PERIOD_KEY = ("period_start", "resolution_min")
_BATCH = ("session", "delivery_day", "decision_time", "mode")
_ORDER_OWNER = (
    Column("participant_id", pl.String, "Market participant."),
    Column("portfolio_id", pl.String, "Portfolio of the position."),
    Column("balance_area", pl.String, "Balance group that carries the imbalance."),
    Column("order_scope", pl.String, "portfolio or unit.", allowed=("portfolio", "unit")),
)
_RUNG = Column(
    "rung",
    pl.String,
    "Rung of the bid ladder that made the batch.",
    allowed=("stochastic", "price_independent"),
)

RAW = (
    Table(
        "raw",
        "market_prices",
        "One published price of a market area and period.",
        "raw",
        "area",
        (
            Column(
                "series", pl.String, "What the price is of.", allowed=("day_ahead", "imbalance")
            ),
            *_PERIOD,
            Column("price", pl.Float64, "Price.", "currency/MWh", minimum=-15000, maximum=15000),
            Column("currency", pl.String, "ISO 4217 currency."),
        ),
        ("series", *_PERIOD_KEY),
        "period_start",
        max_age=timedelta(hours=26),
    ),
    Table(
        "raw",
        "system_forecasts",
        "One forecast value of a system quantity, by vintage (issue time).",
        "raw",
        "area",
        (
            Column("series", pl.String, "Quantity: load, wind, solar, renewables, …"),
            Column("issue_time", UTC_TIME, "When the forecast was made.", "UTC"),
            *_PERIOD,
            Column("value_mw", pl.Float64, "Mean power.", "MW", minimum=0, maximum=500_000),
        ),
        ("series", "issue_time", *_PERIOD_KEY),
        "period_start",
        max_age=timedelta(hours=26),
        has_vintages=True,
    ),
    Table(
        "raw",
        "system_actuals",
        "One measured value of a system quantity.",
        "raw",
        "area",
        (
            Column("series", pl.String, "Quantity: load, wind, solar."),
            *_PERIOD,
            Column("value_mw", pl.Float64, "Mean power.", "MW", minimum=0, maximum=500_000),
        ),
        ("series", *_PERIOD_KEY),
        "period_start",
        max_age=timedelta(hours=26),
    ),
    Table(
        "raw",
        "weather_forecasts",
        "One forecast weather value at a site, by vintage.",
        "raw",
        "area",
        (
            Column("site", pl.String, "Site name."),
            Column(
                "variable",
                pl.String,
                "Weather variable.",
                allowed=("wind_speed_100m", "irradiance", "temperature_2m"),
            ),
            Column("issue_time", UTC_TIME, "When the forecast was made.", "UTC"),
            *_PERIOD,
            Column("value", pl.Float64, "Value in the variable's unit.", minimum=-80, maximum=1500),
            Column("unit", pl.String, "m/s, W/m2 or degC.", allowed=("m/s", "W/m2", "degC")),
        ),
        ("site", "variable", "issue_time", *_PERIOD_KEY),
        "period_start",
        max_age=timedelta(hours=26),
        has_vintages=True,
    ),
    Table(
        "raw",
        "weather_actuals",
        "One measured weather value at a site.",
        "raw",
        "area",
        (
            Column("site", pl.String, "Site name."),
            Column(
                "variable",
                pl.String,
                "Weather variable.",
                allowed=("wind_speed_100m", "irradiance", "temperature_2m"),
            ),
            *_PERIOD,
            Column("value", pl.Float64, "Value in the variable's unit.", minimum=-80, maximum=1500),
            Column("unit", pl.String, "m/s, W/m2 or degC.", allowed=("m/s", "W/m2", "degC")),
        ),
        ("site", "variable", *_PERIOD_KEY),
        "period_start",
        max_age=timedelta(hours=26),
    ),
    Table(
        "raw",
        "fuel_prices",
        "One daily close of a fuel or carbon product.",
        "raw",
        "global",
        (
            Column("product", pl.String, "Product, basis named: gas_hhv, eua."),
            Column("price_date", pl.Date, "Trading day of the close."),
            Column("price", pl.Float64, "Close.", minimum=-100, maximum=5000),
            Column("unit", pl.String, "Unit and basis: EUR/MWh HHV, EUR/t CO2."),
        ),
        ("product", "price_date"),
        "price_date",
        max_age=timedelta(days=4),
    ),
    Table(
        "raw",
        "outages",
        "One revision of an outage message of a unit; the latest revision counts.",
        "raw",
        "desk",
        (
            Column("message_id", pl.String, "Message id, stable over revisions."),
            Column("message_revision", pl.Int32, "Revision number of the message.", minimum=1),
            Column("unit", pl.String, "Unit name."),
            Column("published_at", UTC_TIME, "When the market was told.", "UTC"),
            Column("event_start", UTC_TIME, "Start of the unavailability.", "UTC"),
            Column("event_end", UTC_TIME, "End of the unavailability.", "UTC"),
            Column("available_mw", pl.Float64, "Power left during the event.", "MW", minimum=0),
            Column("outage_type", pl.String, "Planned or forced.", allowed=("planned", "forced")),
            Column(
                "event_status", pl.String, "active or withdrawn.", allowed=("active", "withdrawn")
            ),
            Column("cause", pl.String, "Free text as received; untrusted."),
        ),
        ("message_id", "message_revision"),
        "published_at",
    ),
    Table(
        "raw",
        "meter_readings",
        "One metered energy of a unit and period.",
        "raw",
        "desk",
        (
            Column("unit", pl.String, "Unit name."),
            *_PERIOD,
            Column(
                "energy_mwh",
                pl.Float64,
                "Injection positive, withdrawal negative.",
                "MWh",
                minimum=-10_000,
                maximum=10_000,
            ),
        ),
        ("unit", *_PERIOD_KEY),
        "period_start",
        max_age=timedelta(hours=40),
    ),
)

QUALITY = (
    Table(
        "quality",
        "verdicts",
        "One verdict on an input, as seen by a decision.",
        "decision",
        "desk",
        (
            Column("input", pl.String, "Table and series checked."),
            Column("rule", pl.String, "Rule id; `all` for the input's overall verdict."),
            Column("verdict", pl.String, "Outcome.", allowed=("good", "suspect", "missing")),
            Column("window_start", UTC_TIME, "Start of the window checked.", "UTC"),
            Column("window_end", UTC_TIME, "End of the window checked.", "UTC"),
            Column("detail", pl.String, "Expected and found, in words."),
        ),
        ("input", "rule"),
        "window_start",
        batch_key=_BATCH,
    ),
    Table(
        "quality",
        "rejected_rows",
        "One row refused by a check, kept whole.",
        "raw",
        "area",
        (
            Column("table", pl.String, "Table the row was meant for."),
            Column("rule", pl.String, "Rule id."),
            Column("reason", pl.String, "Expected and found, in words."),
            Column("row_hash", pl.String, "Hash of the raw row."),
            Column("raw_row", pl.String, "The row as JSON."),
            Column("rejected_at", UTC_TIME, "When it was refused.", "UTC", volatile=True),
        ),
        ("table", "rule", "row_hash"),
        "rejected_at",
    ),
)

FORECASTS = (
    Table(
        "forecasts",
        "quantiles",
        "One quantile of one target and period.",
        "decision",
        "desk",
        (
            Column("target", pl.String, "price, imbalance_spread or a unit's name."),
            Column("model", pl.String, "Model or ensemble; members carry level 0.5 only."),
            Column("model_version", pl.String, "Configuration hash of the model."),
            *_PERIOD,
            Column("level", pl.Float64, "Quantile level.", minimum=0, maximum=1),
            Column("value", pl.Float64, "Value in the target's unit."),
        ),
        ("target", "model", *_PERIOD_KEY, "level"),
        "period_start",
        owner="quants",
        batch_key=(*_BATCH, "target", "model"),
    ),
    Table(
        "forecasts",
        "scenarios",
        "One value of one joint path.",
        "decision",
        "desk",
        (
            Column("target", pl.String, "price, imbalance_spread or a unit's name."),
            Column("scenario", pl.Int32, "Path number, from 0.", minimum=0),
            Column("probability", pl.Float64, "Probability of the path.", minimum=0, maximum=1),
            *_PERIOD,
            Column("value", pl.Float64, "Value in the target's unit."),
        ),
        ("target", "scenario", *_PERIOD_KEY),
        "period_start",
        owner="quants",
        batch_key=_BATCH,
    ),
    Table(
        "forecasts",
        "scores",
        "One score of a forecast of one delivery day.",
        "decision",
        "desk",
        (
            Column("target", pl.String, "Target scored."),
            Column("model", pl.String, "Model scored."),
            Column("metric", pl.String, "pinball99, crps, mae, rmse, coverage_80, …"),
            Column("value", pl.Float64, "Score."),
            Column("period_start", UTC_TIME, "Start of the delivery day.", "UTC"),
        ),
        ("target", "model", "metric"),
        "period_start",
        owner="quants",
        batch_key=_BATCH,
    ),
)

BIDS = (
    Table(
        "bids",
        "curve_orders",
        "One point of a net supply curve.",
        "decision",
        "desk",
        (
            *_PERIOD,
            Column("point", pl.Int32, "Point number, from 0, in price order."),
            Column("price_ticks", pl.Int64, "Price in ticks.", "ticks"),
            Column("volume_ticks", pl.Int64, "Net supply in ticks.", "ticks"),
            Column("price", pl.Float64, "Price.", "currency/MWh"),
            Column("volume_mw", pl.Float64, "Net supply, sale positive.", "MW"),
            _RUNG,
            *_ORDER_OWNER,
        ),
        ("rung", *_PERIOD_KEY, "point"),
        "period_start",
        owner="trading",
        batch_key=(*_BATCH, "rung"),
    ),
    Table(
        "bids",
        "dispatch_plan",
        "Planned power of a unit and period over the scenarios.",
        "decision",
        "desk",
        (
            Column("unit", pl.String, "Unit name, or `position` for the market position."),
            Column(
                "quantity",
                pl.String,
                "power, stored_energy or position.",
                allowed=("power", "stored_energy", "position"),
            ),
            *_PERIOD,
            Column("expected", pl.Float64, "Mean over scenarios.", "MW or MWh"),
            Column("p05", pl.Float64, "5 % quantile over scenarios.", "MW or MWh"),
            Column("p50", pl.Float64, "Median over scenarios.", "MW or MWh"),
            Column("p95", pl.Float64, "95 % quantile over scenarios.", "MW or MWh"),
            _RUNG,
        ),
        ("rung", "unit", "quantity", *_PERIOD_KEY),
        "period_start",
        owner="trading",
        batch_key=(*_BATCH, "rung"),
    ),
    Table(
        "bids",
        "unit_schedules",
        "Schedule of a unit after the award.",
        "decision",
        "desk",
        (
            Column("unit", pl.String, "Unit name."),
            *_PERIOD,
            Column("power_mw", pl.Float64, "Injection positive.", "MW"),
            Column(
                "stored_energy_mwh",
                pl.Float64,
                "Battery: energy at period end.",
                "MWh",
                nullable=True,
            ),
            Column("committed", pl.Boolean, "Thermal: unit on.", nullable=True),
        ),
        ("unit", *_PERIOD_KEY),
        "period_start",
        owner="trading",
        batch_key=_BATCH,
    ),
    Table(
        "bids",
        "bid_runs",
        "One finished bid run; written last, it makes the run readable.",
        "decision",
        "desk",
        (
            Column("period_start", UTC_TIME, "Start of the delivery day.", "UTC"),
            _RUNG,
            Column("orders_sha256", pl.String, "Hash of the orders' economic content."),
            Column("expected_value", pl.Float64, "Expected profit.", "currency", nullable=True),
            Column(
                "cvar95", pl.Float64, "Mean of the worst 5 % of profits.", "currency", nullable=True
            ),
            Column(
                "ingested_before",
                UTC_TIME,
                "Only rows written before this were read.",
                "UTC",
                volatile=True,
            ),
            Column("input_hash", pl.String, "Hash of the rows read."),
            Column("configuration_hash", pl.String, "Hash of the desk's configuration."),
            Column("model_versions", pl.String, "Models used, as JSON."),
            Column("code_version", pl.String, "Version of energy_assets."),
            Column("solver_status", pl.String, "Status the solver ended with."),
            Column("objective", pl.Float64, "Objective of the model.", "currency", nullable=True),
            Column("bound", pl.Float64, "Best bound on the objective.", "currency", nullable=True),
            Column("gap", pl.Float64, "Relative gap.", nullable=True),
            Column("seconds", pl.Float64, "Wall seconds of the rung.", "s", volatile=True),
            Column("gate_closure", UTC_TIME, "Gate of the session.", "UTC"),
            Column("note", pl.String, "Why this rung, in words."),
        ),
        ("rung",),
        "period_start",
        owner="trading",
        batch_key=(*_BATCH, "rung"),
    ),
)

TRADING = (
    Table(
        "trading",
        "awards",
        "Cleared net position of one MTU.",
        "decision",
        "desk",
        (
            *_PERIOD,
            Column("price", pl.Float64, "Clearing price.", "currency/MWh"),
            Column("volume_mw", pl.Float64, "Awarded net supply, sale positive.", "MW"),
            Column("orders_sha256", pl.String, "Orders the award answers."),
            *_ORDER_OWNER,
        ),
        _PERIOD_KEY,
        "period_start",
        owner="trading",
        batch_key=_BATCH,
    ),
    Table(
        "trading",
        "settlement",
        "Cash of one component and MTU, in integer cents.",
        "decision",
        "desk",
        (
            *_PERIOD,
            Column(
                "component",
                pl.String,
                "What the cash is for.",
                allowed=("day_ahead", "imbalance", "fuel_and_co2", "start", "wear"),
            ),
            Column("unit", pl.String, "Unit of a cost; `portfolio` for market cash."),
            Column("volume_mwh", pl.Float64, "Energy the cash is computed on.", "MWh"),
            Column("price", pl.Float64, "Price or cost.", "currency/MWh"),
            Column("cash_cents", pl.Int64, "Cash received positive.", "0.01 currency"),
        ),
        ("component", "unit", *_PERIOD_KEY),
        "period_start",
        owner="back-office",
        batch_key=_BATCH,
    ),
)

RESULTS = (
    Table(
        "results",
        "backtest_days",
        "Value of one strategy on one delivery day.",
        "results",
        "desk",
        (
            Column("backtest", pl.String, "Hash of desk, configuration and code."),
            Column("strategy", pl.String, "Strategy replayed."),
            Column("period_start", UTC_TIME, "Start of the delivery day.", "UTC"),
            Column("profit", pl.Float64, "Profit of the day.", "currency"),
            Column("awarded_mwh", pl.Float64, "Sum of absolute awarded energy.", "MWh"),
            Column("imbalance_mwh", pl.Float64, "Sum of absolute imbalance.", "MWh"),
        ),
        ("backtest", "strategy"),
        "period_start",
        owner="quants",
    ),
    Table(
        "results",
        "backtest_unit_days",
        "Value of one unit under one strategy and day.",
        "results",
        "desk",
        (
            Column("backtest", pl.String, "Hash of desk, configuration and code."),
            Column("strategy", pl.String, "Strategy replayed."),
            Column("unit", pl.String, "Unit name."),
            Column("period_start", UTC_TIME, "Start of the delivery day.", "UTC"),
            Column("profit", pl.Float64, "Profit attributed to the unit.", "currency"),
        ),
        ("backtest", "strategy", "unit"),
        "period_start",
        owner="quants",
    ),
)

TABLES: dict[str, Table] = {
    table.id: table for table in (*RAW, *QUALITY, *FORECASTS, *BIDS, *TRADING, *RESULTS)
}


def table(table_id: str) -> Table:
    """The registered table `stage.name`.

    Raises:
        LakeError: If no such table is registered.
    """
    if table_id not in TABLES:
        msg = f"table {table_id!r} is not registered; registered: {', '.join(sorted(TABLES))}"
        raise LakeError(msg)
    return TABLES[table_id]
