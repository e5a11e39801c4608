"""Raw tables: what the feeds brought, every revision of it."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from energy_assets.lakehouse.tables.model import (
    PERIOD,
    PERIOD_KEY,
    RESERVE_PRODUCTS,
    UTC_TIME,
    Column,
    ServiceLevel,
    Table,
)

# Rule groups of `quality.plausibility`, by what a series is.
# A price of its own auction is never doubted for being unusual: spikes are what a desk lives on.
PRICE_RULES = ("frozen", "replay", "scale", "agreement")
# No "scale": a calm day's forecast is a hundredth of the last one's, and rightly so.
FORECAST_RULES = ("limits", "zero", "frozen", "replay")
MEASURED_RULES = (*FORECAST_RULES, "scale", "residual", "level_shift", "skew")
WEATHER_RULES = ("limits", "frozen", "replay")
UNIT_RULES = (*MEASURED_RULES, "ramp")
WEATHER_VARIABLES = (
    "wind_speed_10m",
    "wind_speed_40m",
    "wind_speed_50m",
    "wind_speed_60m",
    "wind_speed_80m",
    "wind_speed_100m",
    "wind_direction_10m",
    "wind_direction_50m",
    "wind_direction_80m",
    "wind_direction_100m",
    "irradiance",
    "direct_radiation",
    "temperature_2m",
    "relative_humidity_2m",
    "precipitation",
    "pressure",
)
WEATHER_UNITS = ("m/s", "deg", "W/m2", "degC", "%", "mm", "hPa")
TELEMETRY_RULES = (*UNIT_RULES, "energy_balance")

RAW = (
    Table(
        "raw",
        "market_prices",
        "One published price of a market area and period.",
        "raw",
        "area",
        (
            Column(
                "series",
                pl.String,
                "What the price is of.",
                allowed=(
                    "day_ahead",
                    "intraday_auction",
                    "intraday_auction_1",
                    "intraday_auction_2",
                    "intraday_auction_3",
                    "intraday_index",
                    "imbalance",
                    "imbalance_long",
                    "imbalance_short",
                    "balancing_up",
                    "balancing_down",
                ),
            ),
            *PERIOD,
            Column("price", pl.Float64, "Price.", "currency/MWh", minimum=-15000, maximum=15000),
            Column("currency", pl.String, "ISO 4217 currency."),
        ),
        ("series", *PERIOD_KEY),
        "period_start",
        service=ServiceLevel(timedelta(hours=26), 1.0, PRICE_RULES),
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
            *PERIOD,
            Column("value_mw", pl.Float64, "Mean power.", "MW", minimum=0, maximum=500_000),
        ),
        ("series", "issue_time", *PERIOD_KEY),
        "period_start",
        service=ServiceLevel(timedelta(hours=26), 1.0, FORECAST_RULES),
        has_vintages=True,
    ),
    Table(
        "raw",
        "system_actuals",
        "One measured value of a system quantity.",
        "raw",
        "area",
        (
            Column("series", pl.String, "Quantity: load, wind, solar, imbalance, …"),
            *PERIOD,
            Column("value_mw", pl.Float64, "Mean power.", "MW", minimum=-500_000, maximum=500_000),
        ),
        ("series", *PERIOD_KEY),
        "period_start",
        service=ServiceLevel(timedelta(hours=26), 1.0, MEASURED_RULES),
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
                allowed=WEATHER_VARIABLES,
            ),
            Column("issue_time", UTC_TIME, "When the forecast was made.", "UTC"),
            *PERIOD,
            Column("value", pl.Float64, "Value in the variable's unit.", minimum=-80, maximum=1500),
            Column("unit", pl.String, "Unit of the value.", allowed=WEATHER_UNITS),
        ),
        ("site", "variable", "issue_time", *PERIOD_KEY),
        "period_start",
        service=ServiceLevel(timedelta(hours=26), 1.0, WEATHER_RULES),
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
                allowed=WEATHER_VARIABLES,
            ),
            *PERIOD,
            Column("value", pl.Float64, "Value in the variable's unit.", minimum=-80, maximum=1500),
            Column("unit", pl.String, "Unit of the value.", allowed=WEATHER_UNITS),
        ),
        ("site", "variable", *PERIOD_KEY),
        "period_start",
        service=ServiceLevel(timedelta(hours=26), 1.0, WEATHER_RULES),
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
        # The close of Thursday before Easter is still the newest on the Tuesday after.
        service=ServiceLevel(freshness=timedelta(days=7), plausibility=("jump",)),
    ),
    Table(
        "raw",
        "outages",
        "One part of one revision of an outage message; the latest revision of a message counts.",
        "raw",
        "desk",
        (
            Column("message_id", pl.String, "Message id, stable over revisions."),
            Column("message_revision", pl.Int32, "Revision number of the message.", minimum=1),
            Column(
                "part",
                pl.Int32,
                "Part of the availability profile, from 0; most messages have one.",
                minimum=0,
            ),
            Column("unit", pl.String, "Unit name; the resource's own code where it is no desk's."),
            Column("issued_at", UTC_TIME, "When this revision was made.", "UTC"),
            Column(
                "published_at",
                UTC_TIME,
                "When the market was or will be told; null while not decided.",
                "UTC",
                nullable=True,
            ),
            Column("event_start", UTC_TIME, "Start of the part.", "UTC"),
            Column("event_end", UTC_TIME, "End of the part.", "UTC"),
            Column("available_mw", pl.Float64, "Power left during the part.", "MW", minimum=0),
            Column(
                "installed_mw",
                pl.Float64,
                "Power without the outage.",
                "MW",
                nullable=True,
                minimum=0,
            ),
            Column("outage_type", pl.String, "Planned or forced.", allowed=("planned", "forced")),
            Column(
                "event_status", pl.String, "active or withdrawn.", allowed=("active", "withdrawn")
            ),
            Column("cause", pl.String, "Free text as received; untrusted."),
        ),
        ("message_id", "message_revision", "part"),
        "issued_at",
        retention=timedelta(days=365),
    ),
    Table(
        "raw",
        "telemetry",
        "One telemetered value of a unit, as it came.",
        "raw",
        "desk",
        (
            Column("unit", pl.String, "Unit name."),
            Column(
                "signal",
                pl.String,
                "What was measured: power (MW, injection positive), stored_energy (MWh), "
                "available_power, scheduled_power (MW), wind_speed (m/s), irradiance (W/m2), …",
            ),
            Column("measured_at", UTC_TIME, "Moment, or start of the averaging interval.", "UTC"),
            Column(
                "interval_seconds",
                pl.Int32,
                "Length of the averaging interval; 0 for a moment.",
                "s",
                minimum=0,
                maximum=86_400,
            ),
            Column(
                "value",
                pl.Float64,
                "Value in the signal's unit.",
                minimum=-100_000,
                maximum=100_000,
            ),
        ),
        ("unit", "signal", "measured_at", "interval_seconds"),
        "measured_at",
        service=ServiceLevel(timedelta(minutes=15), 0.9, TELEMETRY_RULES),
    ),
    Table(
        "raw",
        "auction_results",
        "One published result of a reserve auction or of balancing energy.",
        "raw",
        "area",
        (
            Column(
                "product",
                pl.String,
                "Reserve product and direction.",
                allowed=RESERVE_PRODUCTS,
            ),
            Column("component", pl.String, "What is paid.", allowed=("capacity", "energy")),
            Column(
                "statistic",
                pl.String,
                "Which price of the auction.",
                allowed=("marginal", "average", "minimum", "maximum"),
            ),
            Column("period_start", UTC_TIME, "Start of the product period.", "UTC"),
            Column("resolution_min", pl.Int32, "Length.", "min", minimum=15, maximum=1440),
            Column("price", pl.Float64, "Price.", minimum=-100_000, maximum=100_000),
            Column(
                "unit",
                pl.String,
                "Unit of the price: per MW and hour, per MW and block, or per MWh.",
                allowed=("currency/MW/h", "currency/MW", "currency/MWh"),
            ),
            Column("volume_mw", pl.Float64, "Volume awarded.", "MW", nullable=True, minimum=0),
            Column("currency", pl.String, "ISO 4217 currency."),
        ),
        ("product", "component", "statistic", "period_start", "resolution_min"),
        "period_start",
    ),
    Table(
        "raw",
        "called_reserves",
        "Share of an area's contracted reserve that was called in a period.",
        "raw",
        "area",
        (
            Column(
                "product", pl.String, "Reserve product and direction.", allowed=RESERVE_PRODUCTS
            ),
            *PERIOD,
            Column(
                "called_share",
                pl.Float64,
                "Mean power called per MW contracted; of a symmetric product net, upward positive.",
                "MW/MW",
                minimum=-1,
                maximum=1,
            ),
        ),
        ("product", *PERIOD_KEY),
        "period_start",
    ),
    Table(
        "raw",
        "meter_readings",
        "One metered energy of a unit and period.",
        "raw",
        "desk",
        (
            Column("unit", pl.String, "Unit name."),
            *PERIOD,
            Column(
                "energy_mwh",
                pl.Float64,
                "Injection positive, withdrawal negative.",
                "MWh",
                minimum=-10_000,
                maximum=10_000,
            ),
        ),
        ("unit", *PERIOD_KEY),
        "period_start",
        # Of the four weeks that a unit's forecast looks at, two carry it.
        service=ServiceLevel(timedelta(hours=40), 0.5, UNIT_RULES),
    ),
)
