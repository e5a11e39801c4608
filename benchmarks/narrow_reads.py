"""Narrow reads from tables of ten million rows, before and after maintenance, DuckDB and Polars.

Run `python benchmarks/narrow_reads.py [rows] [folder]`. Two tables in a temporary folder (or the
one given, which is kept and used again): `raw.meter_readings` of 50 units in 15-minute values, and
`raw.market_prices` of 4 areas with 8 series, half of them revised two days later. Files lie as the
daily run leaves them, one per scope and day in each month: every day is a commit of its own, on the
lake's commit path, without the comparison with what is stored (the rows are known to be new).

A read is `Lake.read` or `Lake.as_of` (Polars) and a query on the views of `connect` (DuckDB). CPU
milliseconds of the process, all threads. Warm: median of nine on an open lake and connection.
Cold: median of five with a new lake or connection, views made anew, and no file in the page cache.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from energy_assets.lakehouse import Lake, connect, maintain
from energy_assets.lakehouse.enforcement import content_columns
from energy_assets.lakehouse.hashing import row_hashes
from energy_assets.lakehouse.storage import Change
from energy_assets.lakehouse.tables import Table, table

METERS, PRICES = table("raw.meter_readings"), table("raw.market_prices")
START = datetime(2019, 1, 1, tzinfo=UTC)
QUARTERS = 96
DESK, UNITS = "desk", [f"unit_{number:02d}" for number in range(50)]
AREAS = ("DE_LU", "FR", "BE", "NL")
SERIES = tuple(PRICES.column("series").allowed)
REVISED = SERIES[len(SERIES) // 2 :]
REVISED_AFTER = timedelta(days=2)
WARM, COLD = 9, 5
NOW = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Read:
    """One narrow read by an engine; `prepare` opens what a warm read finds open."""

    what: str
    engine: str
    prepare: Callable[[Path], object]
    run: Callable[[object], int]


@dataclass(frozen=True)
class Cost:
    """CPU milliseconds of a read, and the rows it gave."""

    cold: float
    warm: float
    rows: int


def main(rows: int, root: Path) -> None:
    lake = Lake(root)
    if lake.version(PRICES.id) is None:
        build(lake, METERS, DESK, meter_days(rows))
        build(lake, PRICES, "areas", price_days(rows))
        print(f"built: {sizes(lake)}")
    reads = narrow_reads(rows)
    before = [cost(read, root) for read in reads]
    started = time.process_time()
    rewrites = maintain(lake, [METERS.id, PRICES.id], NOW)
    print(f"maintenance: {len(rewrites)} months, {time.process_time() - started:.0f} CPU s")
    print(f"after: {sizes(lake)}")
    after = [cost(read, root) for read in reads]
    print(f"\n{'CPU ms':<46}{'cold':>8}{'after':>8}{'ratio':>7}{'warm':>9}{'after':>8}{'ratio':>7}")
    for read, was, became in zip(reads, before, after, strict=True):
        assert was.rows == became.rows > 0, read
        print(
            f"{read.engine + ': ' + read.what:<46}"
            f"{was.cold:>8.1f}{became.cold:>8.1f}{was.cold / became.cold:>7.1f}"
            f"{was.warm:>9.1f}{became.warm:>8.1f}{was.warm / became.warm:>7.1f}"
        )


def narrow_reads(rows: int) -> list[Read]:
    """A unit-week of meters and an as-of day of prices, from the middle of the tables."""
    week = START + timedelta(days=rows // (len(UNITS) * QUARTERS) // 2)
    day = START + timedelta(days=prices_last_day(rows) // 2)
    weekly = {"start": week, "end": week + timedelta(days=7)}
    daily = {"start": day, "end": day + timedelta(days=1)}
    known = day + timedelta(days=1)
    unit, series = UNITS[17], {"series": REVISED[0]}
    # What an analyst writes: the time range, and neither the month nor the partition.
    in_week = f"unit = '{unit}' AND {within(weekly)}"
    in_day = f"scope = '{AREAS[1]}' AND series = '{REVISED[0]}' AND {within(daily)}"
    as_of_day = f"""SELECT * FROM raw.market_prices
        WHERE {in_day} AND knowledge_time <= TIMESTAMPTZ '{known.isoformat()}'
        QUALIFY row_number() OVER (PARTITION BY scope, series, period_start, resolution_min, source
            ORDER BY knowledge_time DESC, revision DESC) = 1"""
    of_week = f"SELECT * FROM raw.current_meter_readings WHERE scope = '{DESK}' AND {in_week}"
    of_day = f"SELECT * FROM raw.current_market_prices WHERE {in_day}"
    meters = {"scope": DESK, "where": {"unit": unit}, **weekly}
    prices = {"scope": AREAS[1], "where": series, **daily}
    return [
        Read("a unit-week", "Polars", Lake, lambda lake: lake.read(METERS.id, **meters).height),
        Read("a unit-week", "DuckDB", connection, counting(of_week)),
        Read(
            "an as-of day of prices",
            "Polars",
            Lake,
            lambda lake: lake.as_of(PRICES.id, known, **prices).height,
        ),
        Read("an as-of day of prices", "DuckDB", connection, counting(as_of_day)),
        Read("a day of current_market_prices", "DuckDB", connection, counting(of_day)),
        Read(
            "a unit-week, no scope named",
            "DuckDB",
            connection,
            counting(f"SELECT * FROM raw.meter_readings WHERE {in_week}"),
        ),
    ]


def within(span: dict[str, datetime]) -> str:
    return (
        f"period_start >= TIMESTAMPTZ '{span['start'].isoformat()}' "
        f"AND period_start < TIMESTAMPTZ '{span['end'].isoformat()}'"
    )


def connection(root: Path) -> object:
    return connect(Lake(root))


def counting(query: str) -> Callable[[object], int]:
    return lambda opened: len(opened.execute(query).fetchall())  # type: ignore[attr-defined]


def cost(read: Read, root: Path) -> Cost:
    def cold() -> int:
        return read.run(read.prepare(root))

    opened = read.prepare(root)
    rows = read.run(opened)
    warm = statistics.median(milliseconds(lambda: read.run(opened)) for _ in range(WARM))
    seen = []
    for _ in range(COLD):
        forget(root)
        seen.append(milliseconds(cold))
    return Cost(statistics.median(seen), warm, rows)


def milliseconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1000


def forget(root: Path) -> None:
    """Drop the tables' files from the page cache."""
    for path in root.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def build(lake: Lake, target: Table, writer: str, days: Iterator[pl.DataFrame]) -> None:
    """Commit each day's rows, as stored columns."""
    content = content_columns(target)
    for rows in days:
        stamped = rows.with_columns(
            row_hashes(rows, content),
            month=pl.col(target.time_column).dt.strftime("%Y-%m"),
            knowledge_basis=pl.lit("published"),
            ingested_at=pl.col("knowledge_time"),
        )
        # As the write path orders a batch.
        ordered = stamped.select(list(target.schema)).sort("scope", "month", *target.key)
        lake.storage.commit(target, writer, lambda _snapshot, ordered=ordered: Change(ordered))


def meter_days(rows: int) -> Iterator[pl.DataFrame]:
    for number in range(rows // (len(UNITS) * QUARTERS)):
        day = START + timedelta(days=number)
        values = np.random.default_rng(number).normal(5, 3, len(UNITS) * QUARTERS).round(3)
        yield (
            pl.DataFrame({"unit": UNITS})
            .join(quarters(day), how="cross")
            .with_columns(
                pl.Series("energy_mwh", values),
                scope=pl.lit(DESK),
                source=pl.lit("meters"),
                knowledge_time=pl.lit(
                    day + timedelta(hours=33), dtype=PRICES.schema["period_start"]
                ),
                revision=pl.lit(1, dtype=pl.Int32),
            )
        )


def prices_last_day(rows: int) -> int:
    return rows // (len(AREAS) * QUARTERS * (len(SERIES) + len(REVISED)))


def price_days(rows: int) -> Iterator[pl.DataFrame]:
    """A day's first values, and the second ones of the day that is due for revision."""
    for number in range(prices_last_day(rows)):
        day = START + timedelta(days=number)
        first = price_rows(day, SERIES, 1, day - timedelta(hours=11))
        revised = day - REVISED_AFTER
        second = price_rows(revised, REVISED, 2, day + timedelta(hours=9))
        yield pl.concat([first, second]) if revised >= START else first


def price_rows(
    day: datetime, series: tuple[str, ...], revision: int, known: datetime
) -> pl.DataFrame:
    keys = pl.DataFrame({"scope": AREAS}).join(pl.DataFrame({"series": series}), how="cross")
    rows = keys.join(quarters(day), how="cross")
    values = np.random.default_rng([day.toordinal(), revision]).normal(60, 30, rows.height)
    return rows.with_columns(
        pl.Series("price", values.round(2)),
        currency=pl.lit("EUR"),
        source=pl.lit("exchange"),
        knowledge_time=pl.lit(known, dtype=PRICES.schema["period_start"]),
        revision=pl.lit(revision, dtype=pl.Int32),
    )


def quarters(day: datetime) -> pl.DataFrame:
    starts = [day + timedelta(minutes=15 * number) for number in range(QUARTERS)]
    return pl.DataFrame(
        {"period_start": starts}, schema={"period_start": PRICES.schema["period_start"]}
    ).with_columns(resolution_min=pl.lit(15, dtype=pl.Int32))


def sizes(lake: Lake) -> str:
    found = []
    for target in (METERS, PRICES):
        snapshot = lake.storage.open(target)
        assert snapshot is not None
        actions = pl.DataFrame(snapshot.get_add_actions(flatten=True))
        found.append(f"{target.id} {actions['num_records'].sum():,} rows in {len(actions):,} files")
    return "; ".join(found)


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    if len(sys.argv) > 2:
        main(count, Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(count, Path(folder))
