"""Row checks generated from the registry and the market rules, as Polars expressions.

`screen` splits a batch into rows that may be stored and rejections with their rule id. Rules:

- `range.<column>`: outside the registry's minimum and maximum, or not finite;
- `label.<column>`: not one of the registry's labels;
- `price.limits`: a day-ahead price outside the limits of its delivery day;
- `grid.<column>`: a period that does not start on its own resolution;
- `duplicate`: the same key, source, knowledge time and content twice (one is kept);
- `conflict`: the same key, source and knowledge time with different content (all are refused,
  since nothing says which one is right).

Belongs here: rules a row breaks by itself or within its batch. Not here: completeness (`verdicts`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from energy_assets.lakehouse.tables import UTC_TIME, Column, Table
from energy_assets.market import Area

_CHECKED_BY_LAKE = frozenset({"revision", "content_hash", "ingested_at", "month", "scope"})


@dataclass(frozen=True)
class Rejection:
    """Rows of a batch that broke one rule.

    Attributes:
        rule: Rule id.
        reason: Expected, in words.
        rows: The rows, unchanged.
    """

    rule: str
    reason: str
    rows: pl.DataFrame


def screen(
    table: Table, frame: pl.DataFrame, area: Area | None
) -> tuple[pl.DataFrame, list[Rejection]]:
    """Split a batch into storable rows and rejections.

    Args:
        table: Registered table the batch is meant for.
        frame: Own columns and source, knowledge time and basis.
        area: Market area, for price limits; None for tables without one.

    Returns:
        The good rows and one rejection per broken rule; a row is rejected by its first rule.
    """
    rejections = []
    rejected = pl.repeat(value=False, n=frame.height, eager=True)
    for rule, reason, is_bad in _row_rules(table, frame, area):
        bad = frame.select(bad=is_bad)["bad"] & ~rejected
        if bad.any():
            rejections.append(Rejection(rule, reason, frame.filter(bad)))
            rejected |= bad
    good, repeated = _repeats(table, frame.filter(~rejected))
    return good, rejections + repeated


def _row_rules(
    table: Table, frame: pl.DataFrame, area: Area | None
) -> list[tuple[str, str, pl.Expr]]:
    rules = []
    for column in table.all_columns:
        if column.name in frame.columns and column.name not in _CHECKED_BY_LAKE:
            rules += _column_rules(column)
    if {"period_start", "resolution_min"} <= set(frame.columns):
        rules.append(_grid_rule())
    if table.id == "raw.market_prices" and area is not None:
        rules.insert(0, _price_limit_rule(frame, area))
    return rules


def _column_rules(column: Column) -> list[tuple[str, str, pl.Expr]]:
    value = pl.col(column.name)
    rules = []
    if column.minimum is not None or column.maximum is not None:
        low = -float("inf") if column.minimum is None else column.minimum
        high = float("inf") if column.maximum is None else column.maximum
        reason = f"{column.name} between {low:g} and {high:g} {column.unit}".strip()
        outside = ~value.cast(pl.Float64).is_between(low, high).fill_null(value=column.nullable)
        rules.append((f"range.{column.name}", reason, outside))
    elif column.dtype == pl.Float64:
        finite = value.is_finite().fill_null(value=column.nullable)
        rules.append((f"range.{column.name}", f"{column.name} is a finite number", ~finite))
    if column.allowed:
        reason = f"{column.name} is one of {', '.join(column.allowed)}"
        known = value.is_in(list(column.allowed)).fill_null(value=column.nullable)
        rules.append((f"label.{column.name}", reason, ~known))
    return rules


def _grid_rule() -> tuple[str, str, pl.Expr]:
    # Longer blocks follow the wall clock, which is off their grid for half the year.
    minutes = pl.min_horizontal(pl.col("resolution_min").cast(pl.Int64), pl.lit(60))
    length = minutes * 60_000_000
    since_epoch = pl.col("period_start").dt.epoch("us")
    off_grid = (since_epoch % length != 0).fill_null(value=True)
    return "grid.period_start", "period_start on a multiple of resolution_min", off_grid


def _price_limit_rule(frame: pl.DataFrame, area: Area) -> tuple[str, str, pl.Expr]:
    limits = (
        frame.select("period_start")
        .with_row_index("row")
        .sort("period_start")
        .join_asof(_limits_by_day(frame, area), left_on="period_start", right_on="start")
        .sort("row")
    )
    low, high = pl.lit(limits["low"]), pl.lit(limits["high"])
    outside = (pl.col("series") == "day_ahead") & ~pl.col("price").is_between(low, high)
    # A null is left to the rule of its column; unanswered here, the row would vanish.
    outside = outside.fill_null(value=False)
    return "price.limits", f"price within the limits of {area.code} on its delivery day", outside


def _limits_by_day(frame: pl.DataFrame, area: Area) -> pl.DataFrame:
    session = area.session()
    first, last = frame["period_start"].min(), frame["period_start"].max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return pl.DataFrame(schema={"start": UTC_TIME, "low": pl.Float64, "high": pl.Float64})
    days = session.days(session.delivery_day_of(first).label, session.delivery_day_of(last).label)
    rules = [session.curve_rules(day.label) for day in days]
    return pl.DataFrame(
        {
            "start": [day.start for day in days],
            "low": [rule.price(rule.price_min_ticks) for rule in rules],
            "high": [rule.price(rule.price_max_ticks) for rule in rules],
        },
        schema={"start": UTC_TIME, "low": pl.Float64, "high": pl.Float64},
    )


def _repeats(table: Table, frame: pl.DataFrame) -> tuple[pl.DataFrame, list[Rejection]]:
    identity = [*table.key, "source", "knowledge_time"]
    content = [column for column in frame.columns if column != "ingested_at"]
    if not frame.select(identity).is_duplicated().any():
        return frame, []
    again = pl.struct(content).is_first_distinct().not_()
    copies = frame.filter(again)
    once = frame.filter(~again)
    conflicting = pl.struct(identity).is_duplicated()
    conflicts = once.filter(conflicting)
    rejections = [
        Rejection(rule, reason, rows)
        for rule, reason, rows in (
            ("duplicate", "one row per key, source and knowledge time", copies),
            ("conflict", "one content per key, source and knowledge time", conflicts),
        )
        if rows.height
    ]
    return once.filter(~conflicting), rejections
