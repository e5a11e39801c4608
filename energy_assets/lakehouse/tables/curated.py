"""Curated tables: series and units as the desk believes them, each value with its vintage."""

from __future__ import annotations

import polars as pl

from energy_assets.lakehouse.tables.model import PERIOD, PERIOD_KEY, UTC_TIME, Column, Table

_VINTAGE = (
    Column("source", pl.String, "Feed the value came from."),
    Column("knowledge_time", UTC_TIME, "When the desk could know it.", "UTC"),
    Column("revision", pl.Int32, "Revision of the raw row.", minimum=1),
)

CURATED = (
    Table(
        "curated",
        "market_series",
        "One value of a market series: newest good revision of the preferred source.",
        "results",
        "area",
        (
            Column("series", pl.String, "What it is: price.day_ahead, forecast.load, actual.wind."),
            *PERIOD,
            Column("value", pl.Float64, "Value in the series' unit."),
            Column("unit", pl.String, "Unit of the value."),
            Column("issue_time", UTC_TIME, "Forecasts: when it was made.", "UTC", nullable=True),
            *_VINTAGE,
        ),
        ("series", *PERIOD_KEY),
        "period_start",
    ),
    Table(
        "curated",
        "unit_generation",
        "Mean power of a unit and MTU from meters, else telemetry, else filled and flagged.",
        "results",
        "desk",
        (
            Column("unit", pl.String, "Unit name."),
            *PERIOD,
            Column("power_mw", pl.Float64, "Time-weighted mean, injection positive.", "MW"),
            Column(
                "coverage", pl.Float64, "Share of the MTU with good data.", minimum=0, maximum=1
            ),
            Column(
                "basis",
                pl.String,
                "Where the value comes from.",
                allowed=("metered", "telemetry", "filled"),
            ),
            Column("available_mw", pl.Float64, "Power available, as known now.", "MW", minimum=0),
        ),
        ("unit", *PERIOD_KEY),
        "period_start",
    ),
    Table(
        "curated",
        "unit_availability",
        "Power available of a unit and MTU, for each span of knowledge in which it was believed.",
        "results",
        "desk",
        (
            Column("unit", pl.String, "Unit name."),
            *PERIOD,
            Column(
                "known_from",
                UTC_TIME,
                "First moment this was known; 1970-01-01 where it held before any message.",
                "UTC",
            ),
            Column(
                "known_until",
                UTC_TIME,
                "First moment something else was known; null: still believed.",
                "UTC",
                nullable=True,
            ),
            Column("available_mw", pl.Float64, "Power available.", "MW", minimum=0),
            Column("capacity_mw", pl.Float64, "Power without any outage.", "MW", minimum=0),
            Column("messages", pl.String, "Ids of the messages in force, joined by `,`."),
            Column(
                "outage_type",
                pl.String,
                "Of the message that limits most; none without one.",
                allowed=("none", "planned", "forced"),
            ),
            Column(
                "unpublished",
                pl.Boolean,
                "Whether a message in force was not yet public at `known_from`.",
            ),
        ),
        ("unit", *PERIOD_KEY, "known_from"),
        "period_start",
    ),
)
