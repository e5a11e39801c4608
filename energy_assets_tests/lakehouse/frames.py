"""Small frames of registered tables for the lakehouse tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import polars as pl

from energy_assets.lakehouse.enforcement import caller_columns
from energy_assets.lakehouse.tables import table

DAY = date(2024, 3, 15)
GATE = datetime(2024, 3, 14, 11, tzinfo=UTC)


def prices(
    starts: Sequence[datetime],
    values: Sequence[float],
    known: datetime | Sequence[datetime],
    *,
    minutes: int = 60,
    source: str = "exchange",
) -> pl.DataFrame:
    """Rows of raw.market_prices as a caller hands them in."""
    count = len(starts)
    return frame(
        "raw.market_prices",
        {
            "series": ["day_ahead"] * count,
            "period_start": list(starts),
            "resolution_min": [minutes] * count,
            "price": list(values),
            "currency": ["EUR"] * count,
            "source": [source] * count,
            "knowledge_time": [known] * count if isinstance(known, datetime) else list(known),
            "knowledge_basis": ["published"] * count,
        },
    )


def curve(
    volumes: Sequence[int],
    *,
    rung: str = "stochastic",
    day: date = DAY,
    run_id: str = "run-1",
    mode: str = "live",
    session: str = "day_ahead",
    decision_time: datetime = GATE - timedelta(hours=1),
    start: datetime | None = None,
) -> pl.DataFrame:
    """A batch of bids.curve_orders, one point per hour."""
    count = len(volumes)
    first = start or datetime(day.year, day.month, day.day, tzinfo=UTC)
    return frame(
        "bids.curve_orders",
        {
            "period_start": [first + timedelta(hours=i) for i in range(count)],
            "resolution_min": [60] * count,
            "point": [0] * count,
            "price_ticks": [-5000] * count,
            "volume_ticks": list(volumes),
            "price": [-500.0] * count,
            "volume_mw": [volume / 10 for volume in volumes],
            "rung": [rung] * count,
            "participant_id": ["p"] * count,
            "portfolio_id": ["f"] * count,
            "balance_area": ["b"] * count,
            "order_scope": ["portfolio"] * count,
            **decision_columns(count, session, day, decision_time, run_id, mode),
        },
    )


def bid_run(
    sha: str,
    *,
    rung: str = "stochastic",
    day: date = DAY,
    run_id: str = "run-1",
    mode: str = "live",
    session: str = "day_ahead",
    decision_time: datetime = GATE - timedelta(hours=1),
    gate_closure: datetime = GATE,
) -> pl.DataFrame:
    """One row of bids.bid_runs."""
    values: dict[str, object] = {
        "period_start": datetime(day.year, day.month, day.day, tzinfo=UTC),
        "rung": rung,
        "orders_sha256": sha,
        "expected_value": 1.0,
        "cvar95": None,
        "ingested_before": decision_time,
        "input_hash": "input",
        "configuration_hash": "configuration",
        "model_versions": "{}",
        "code_version": "1",
        "solver_status": "optimal",
        "objective": 1.0,
        "bound": None,
        "gap": 0.0,
        "seconds": 1.0,
        "gate_closure": gate_closure,
        "note": "",
    }
    columns = {name: [value] for name, value in values.items()}
    columns |= decision_columns(1, session, day, decision_time, run_id, mode)
    return frame("bids.bid_runs", columns)


def backtest_days(
    days: Sequence[date], profits: Sequence[float], *, backtest: str = "b", strategy: str = "s"
) -> pl.DataFrame:
    """Rows of results.backtest_days."""
    count = len(days)
    return frame(
        "results.backtest_days",
        {
            "backtest": [backtest] * count,
            "strategy": [strategy] * count,
            "period_start": [datetime(d.year, d.month, d.day, tzinfo=UTC) for d in days],
            "profit": list(profits),
            "awarded_mwh": [1.0] * count,
            "imbalance_mwh": [0.0] * count,
            "delivery_day": list(days),
        },
    )


def frame(table_id: str, columns: dict[str, list[object]]) -> pl.DataFrame:
    """Columns in the dtypes of a registered table."""
    target = table(table_id)
    names = caller_columns(target)
    return pl.DataFrame(
        {name: columns[name] for name in names}, schema={n: target.schema[n] for n in names}
    )


def decision_columns(
    count: int, session: str, day: date, decision_time: datetime, run_id: str, mode: str
) -> dict[str, list[object]]:
    """The system columns a caller of a decision table hands in."""
    return {
        "session": [session] * count,
        "delivery_day": [day] * count,
        "decision_time": [decision_time] * count,
        "run_id": [run_id] * count,
        "mode": [mode] * count,
    }


def hours(start: datetime, count: int, minutes: int = 60) -> list[datetime]:
    """Consecutive period starts."""
    return [start + timedelta(minutes=minutes * i) for i in range(count)]


class SteppingClock:
    """A clock that moves one second per reading, from a start that tests may set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now
