"""Backtests as rows of the `results` tables, and as the JSON document of the command line.

Not here: the replay (`replay`), charts (`reports`).
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict
from typing import Any

import polars as pl

from energy_assets import __version__
from energy_assets.backtesting.replay import BacktestResult
from energy_assets.lakehouse.lake import Lake
from energy_assets.portfolio import Desk


def backtest_id(desk: Desk) -> str:
    """Names a backtest's configuration: desk configuration and code."""
    return hashlib.sha256(f"{desk.config_hash}/{__version__}".encode()).hexdigest()[:16]


def write_backtest(lake: Lake, desk: Desk, result: BacktestResult) -> int:
    """Replace the replayed days in `results.*`; returns the rows written."""
    written = 0
    for table_id, frame in (
        ("results.backtest_days", result.days),
        ("results.backtest_unit_days", result.unit_days),
    ):
        rows = frame.with_columns(backtest=pl.lit(backtest_id(desk)))
        written += lake.replace(table_id, rows, scope=desk.name).rows_written
    return written


def backtest_document(result: BacktestResult) -> dict[str, Any]:
    """The JSON contract of `backtest --json`; a capture without any value to capture is null."""
    return {
        "desk": result.desk,
        "from": result.first.isoformat(),
        "to": result.last.isoformat(),
        "days": (result.last - result.first).days + 1,
        "seconds": round(result.seconds, 3),
        "forecast": {
            "mae": float(result.scores["mae"].mean()),  # type: ignore[arg-type]
            "pinball99": float(result.scores["pinball99"].mean()),  # type: ignore[arg-type]
        },
        "strategies": {
            name: _without_nan(asdict(value)) for name, value in result.strategies.items()
        },
    }


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
