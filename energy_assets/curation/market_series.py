"""Market series with their vintage: the newest good revision of the preferred source.

| series | from | as known |
|---|---|---|
| `price.<series>` | raw.market_prices | now |
| `actual.<series>` | raw.system_actuals | now |
| `forecast.<series>` | raw.system_forecasts, newest vintage | at the day's decision time |

Each value keeps source, issue time, knowledge time and revision, so that a reader can tell what a
decision saw from what came out later.

Not here: weather (its vintages belong to units' forecasts), reads themselves (`runs`).
"""

from __future__ import annotations

import polars as pl

from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.preference import newest_vintage
from energy_assets.lakehouse.tables import UTC_TIME, table
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk

_PERIOD = ("series", "period_start", "resolution_min")


def market_series(known: PointInTime, desk: Desk, day: DeliveryDay) -> pl.DataFrame:
    """Rows of `curated.market_series` of the desk's area and one delivery day.

    Args:
        known: Rows as of now, one source per value (`desk_view`).
        desk: Gives the area and its decision time.
        day: The delivery day.
    """
    currency = load_area(desk.area).currency
    decided = min(desk.decision_time(day.label), known.decision_time)

    def rows(table_id: str, prefix: str, value: str, unit: str) -> pl.DataFrame:
        is_forecast = table(table_id).has_vintages
        found = known.as_of(
            table_id,
            scope=desk.area,
            at=decided if is_forecast else None,
            start=day.start,
            end=day.end,
        )
        newest = newest_vintage(found, known.source_order, _PERIOD) if is_forecast else found
        issued = pl.col("issue_time") if is_forecast else pl.lit(None, dtype=UTC_TIME)
        return newest.select(
            pl.format("{}.{}", pl.lit(prefix), pl.col("series")).alias("series"),
            "period_start",
            "resolution_min",
            pl.col(value).alias("value"),
            pl.lit(unit).alias("unit"),
            issued.alias("issue_time"),
            "source",
            "knowledge_time",
            "revision",
        )

    return pl.concat(
        [
            rows("raw.market_prices", "price", "price", f"{currency}/MWh"),
            rows("raw.system_actuals", "actual", "value_mw", "MW"),
            rows("raw.system_forecasts", "forecast", "value_mw", "MW"),
        ]
    ).sort(_PERIOD)
