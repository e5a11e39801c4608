"""Results tables: value of strategies in backtests."""

from __future__ import annotations

import polars as pl

from energy_assets.lakehouse.tables.model import UTC_TIME, Column, Table

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
