"""When rows without a publication time were known: the dated rule of their question.

Day-ahead prices are known at the session's publication of their delivery day; everything else by
`rules/entsoe.yaml`. Not here: the rules' kinds (`knowledge_rules`), outages (they say when).
"""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from energy_assets.feeds.entsoe.platform import SOURCE
from energy_assets.feeds.interface import Window
from energy_assets.feeds.knowledge_rules import AfterPeriod, knowledge_rule, knowledge_time
from energy_assets.lakehouse.tables.model import UTC_TIME
from energy_assets.market import Area
from energy_assets.market.clock import DeliveryDay

PUBLISHED_BY_SESSION = "day_ahead_prices"


def delivery_days(area: Area, span: Window) -> list[DeliveryDay]:
    """Every delivery day of the area's day-ahead session that touches the span."""
    session = area.session()
    last = session.delivery_day_of(span.end - timedelta(microseconds=1))
    return session.days(session.delivery_day_of(span.start).label, last.label)


def with_knowledge_time(frame: pl.DataFrame, area: Area, question: str) -> pl.DataFrame:
    """The rows with their `knowledge_time`.

    Args:
        frame: `period_start` and `resolution_min`, and any other columns.
        area: Market area.
        question: Name of the series asked for.
    """
    if frame.is_empty():
        return frame.with_columns(knowledge_time=pl.lit(None, UTC_TIME))
    first, last = frame.select(
        first=pl.col("period_start").min(), last=pl.col("period_start").max()
    ).row(0)
    days = delivery_days(area, Window(first, last + timedelta(minutes=1)))
    moments = pl.DataFrame(
        [_known(area, question, day) for day in days],
        schema={"day_start": UTC_TIME, "at": UTC_TIME, "minutes": pl.Float64},
        orient="row",
    )
    ends = pl.col("period_start") + pl.duration(minutes="resolution_min")
    after = ends + pl.duration(seconds=pl.col("minutes") * 60)
    return (
        frame.sort("period_start")
        .join_asof(moments, left_on="period_start", right_on="day_start", strategy="backward")
        .with_columns(knowledge_time=pl.coalesce("at", after))
        .drop("day_start", "at", "minutes")
    )


def _known(
    area: Area, question: str, day: DeliveryDay
) -> tuple[datetime, datetime | None, float | None]:
    """Start of the day, and when its rows were known: a moment, or minutes after each period."""
    if question == PUBLISHED_BY_SESSION:
        return day.start, area.session().publication(day.label), None
    rule = knowledge_rule(SOURCE, question, day.label)
    if isinstance(rule, AfterPeriod):
        return day.start, None, rule.minutes
    return day.start, knowledge_time(rule, day=day.label, period_end=day.end), None
