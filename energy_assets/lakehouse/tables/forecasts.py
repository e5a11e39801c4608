"""Forecast tables: quantiles, joint scenarios, scores."""

from __future__ import annotations

import polars as pl

from energy_assets.lakehouse.tables.model import BATCH, PERIOD, PERIOD_KEY, UTC_TIME, Column, Table

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
            *PERIOD,
            Column("level", pl.Float64, "Quantile level.", minimum=0, maximum=1),
            Column("value", pl.Float64, "Value in the target's unit."),
        ),
        ("target", "model", *PERIOD_KEY, "level"),
        "period_start",
        owner="quants",
        batch_key=(*BATCH, "target", "model"),
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
            *PERIOD,
            Column("value", pl.Float64, "Value in the target's unit."),
        ),
        ("target", "scenario", *PERIOD_KEY),
        "period_start",
        owner="quants",
        batch_key=BATCH,
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
        batch_key=BATCH,
    ),
)
