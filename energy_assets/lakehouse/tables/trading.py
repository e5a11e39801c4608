"""Trading tables: awards and settlement."""

from __future__ import annotations

import polars as pl

from energy_assets.lakehouse.tables.model import (
    BATCH,
    ORDER_OWNER,
    PERIOD,
    PERIOD_KEY,
    Column,
    Table,
)

TRADING = (
    Table(
        "trading",
        "awards",
        "Cleared net position of one MTU.",
        "decision",
        "desk",
        (
            *PERIOD,
            Column("price", pl.Float64, "Clearing price.", "currency/MWh"),
            Column("volume_mw", pl.Float64, "Awarded net supply, sale positive.", "MW"),
            Column("orders_sha256", pl.String, "Orders the award answers."),
            *ORDER_OWNER,
        ),
        PERIOD_KEY,
        "period_start",
        owner="trading",
        batch_key=BATCH,
    ),
    Table(
        "trading",
        "settlement",
        "Cash of one component and MTU, in integer cents.",
        "decision",
        "desk",
        (
            *PERIOD,
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
        ("component", "unit", *PERIOD_KEY),
        "period_start",
        owner="back-office",
        batch_key=BATCH,
    ),
)
