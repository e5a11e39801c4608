"""Great Expectations suites generated from the table registry.

One suite per table: its columns and no other, dtype, nulls, bounds, labels, and one row per key.
For tables with a completeness level a second suite over `day_coverage`: one row per series and
ended delivery day with the share of its minutes that rows cover.

The suites repeat, over what is stored, what the write path and `screening` held every row to on its
way in: they find what came past them. They run off the deadline path; decisions step down on
`verdicts`, never on these.

Belongs here: what is expected, as plain data. Not here: running it (`validation`), the pages
(`data_docs`). `great_expectations` is imported where a suite is made, since it costs seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from energy_assets.lakehouse.tables import UTC_TIME, Column, Table
from energy_assets.market import Session

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

DAYS_SUITE = ".days"
# How a registry dtype arrives in pandas; a column with nulls may need a wider one.
_PANDAS_TYPES: dict[object, tuple[str, ...]] = {
    pl.String: ("str",),
    pl.Float64: ("float64",),
    pl.Int32: ("int32",),
    pl.Int64: ("int64",),
    pl.Boolean: ("bool",),
    pl.Date: ("datetime64[ms]",),
    # Without a zone: Great Expectations knows no type of a moment in UTC.
    UTC_TIME: ("datetime64[us]",),
}
_WIDER_WITH_NULLS: dict[object, tuple[str, ...]] = {
    pl.Int32: ("float64",),
    pl.Int64: ("float64",),
    pl.Boolean: ("object",),
}
_QUARTER = 15


@dataclass(frozen=True)
class Expected:
    """One expectation.

    Attributes:
        kind: Class of `great_expectations.expectations`.
        arguments: Its arguments.
    """

    kind: str
    arguments: dict[str, Any]


def table_expectations(table: Table) -> list[Expected]:
    """What every stored row of a table is expected to fulfil."""
    names = [column.name for column in table.all_columns]
    expected = [Expected("ExpectTableColumnsToMatchSet", {"column_set": names})]
    for column in table.all_columns:
        expected += _column_expectations(column)
    identity = {"column_list": row_identity(table)}
    return [*expected, Expected("ExpectCompoundColumnsToBeUnique", identity)]


def day_expectations(table: Table) -> list[Expected]:
    """What every row of `day_coverage` is expected to fulfil; empty without a level."""
    share = table.service.completeness
    if share is None or "resolution_min" not in table.schema:
        return []
    bounds = {"column": "share", "min_value": share, "max_value": 1.0}
    return [Expected("ExpectColumnValuesToBeBetween", bounds)]


def row_identity(table: Table) -> list[str]:
    """Columns of which no two stored rows may agree in all."""
    if table.kind == "raw":
        return ["scope", *table.key, "source", "revision"]
    if table.kind == "decision":
        return list(dict.fromkeys(("scope", *table.batch_key, "revision", *table.key)))
    return list(dict.fromkeys(("scope", "delivery_day", *table.key)))


def series_columns(table: Table) -> list[str]:
    """Key columns that tell one series of a table from another."""
    times = {table.time_column, "issue_time", "resolution_min"}
    return [name for name in table.key if name not in times]


def suite(name: str, expected: list[Expected]) -> ExpectationSuite:
    """The suite of some expectations."""
    import great_expectations as gx
    import great_expectations.expectations as gxe

    made = [getattr(gxe, each.kind)(**each.arguments) for each in expected]
    return gx.ExpectationSuite(name=name, expectations=made)


def day_coverage(
    table: Table, rows: pl.DataFrame, session: Session, first: date, now: datetime
) -> pl.DataFrame:
    """Covered share of every series and delivery day that should be whole by now.

    A day counts once it ended longer ago than the table's freshness, and from the first day its
    series appears on.

    Args:
        table: A table with `resolution_min` and a completeness level.
        rows: Its rows, any revision and vintage.
        session: Gives the days' hours: 23 and 25 where the clock changes.
        first: First delivery day looked at.
        now: The current time, UTC.

    Returns:
        Series columns, `delivery_day`, `expected_minutes`, `covered_minutes`, `share`.
    """
    settled = now - (table.service.freshness or timedelta())
    last = session.delivery_day_of(settled).label - timedelta(days=1)
    series = series_columns(table)
    days = session.days(first, last) if last >= first else []
    calendar = pl.DataFrame(
        {
            "delivery_day": [day.label for day in days],
            "start": [day.start for day in days],
            "end": [day.end for day in days],
        },
        schema={"delivery_day": pl.Date, "start": UTC_TIME, "end": UTC_TIME},
    )
    covered = _covered_minutes(table, rows, calendar, series)
    begun = covered.group_by(series).agg(begun=pl.col("delivery_day").min())
    return (
        begun.join(calendar, how="cross")
        .filter(pl.col("delivery_day") >= pl.col("begun"))
        .join(covered, on=[*series, "delivery_day"], how="left")
        .with_columns(
            expected_minutes=(pl.col("end") - pl.col("start")).dt.total_minutes(),
            covered_minutes=pl.col("covered_minutes").fill_null(0),
        )
        .with_columns(share=pl.col("covered_minutes") / pl.col("expected_minutes"))
        .select(*series, "delivery_day", "expected_minutes", "covered_minutes", "share")
        .sort(*series, "delivery_day")
    )


def _covered_minutes(
    table: Table, rows: pl.DataFrame, calendar: pl.DataFrame, series: list[str]
) -> pl.DataFrame:
    """Minutes by series and delivery day; overlapping periods count once."""
    quarters = (
        rows.select(
            *series,
            table.time_column,
            part=pl.int_ranges(0, pl.col("resolution_min"), _QUARTER),
        )
        .explode("part")
        .select(*series, quarter=pl.col(table.time_column) + pl.duration(minutes=pl.col("part")))
        .unique()
        .sort("quarter")
    )
    return (
        quarters.join_asof(calendar, left_on="quarter", right_on="start")
        .filter(pl.col("quarter") < pl.col("end"))
        .group_by(*series, "delivery_day")
        .agg(covered_minutes=pl.len() * _QUARTER)
    )


def _column_expectations(column: Column) -> list[Expected]:
    name = {"column": column.name}
    types = _PANDAS_TYPES[column.dtype]
    if column.nullable:
        types += _WIDER_WITH_NULLS.get(column.dtype, ())
    expected = [Expected("ExpectColumnValuesToBeInTypeList", {**name, "type_list": list(types)})]
    if not column.nullable:
        expected.append(Expected("ExpectColumnValuesToNotBeNull", name))
    if column.minimum is not None or column.maximum is not None:
        bounds = {"min_value": column.minimum, "max_value": column.maximum}
        expected.append(Expected("ExpectColumnValuesToBeBetween", {**name, **bounds}))
    if column.allowed:
        labels = {"value_set": list(column.allowed)}
        expected.append(Expected("ExpectColumnValuesToBeInSet", {**name, **labels}))
    return expected
