"""What the lake's point-in-time reads and writes cost, as a table.

Run `python benchmarks/lake_reads.py [rows]`; CPU seconds, best of three, in a temporary folder.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from energy_assets.lakehouse import Lake, PointInTime, connect, maintain
from energy_assets.lakehouse.hashing import row_hashes

PRICES = "raw.market_prices"
START = datetime(2020, 1, 1, tzinfo=UTC)
DAYS = 1500
SERIES = ("day_ahead", "imbalance", "other")


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(folder)
        history = batch(START, DAYS * 24)
        end = START + timedelta(days=DAYS)
        once("append 1500 days x 24 h x 3 series", lambda: append(lake, history))
        once("append the same again (0 rows)", lambda: append(lake, history))
        for day in range(25):
            append(lake, batch(end + timedelta(days=day), 24))
        best("append one day (all known already)", lambda: append(lake, batch(end, 24)))
        best("as_of, everything", lambda: lake.as_of(PRICES, end, scope="A"))
        week = {"start": end - timedelta(days=7), "end": end}
        best("as_of, one week", lambda: lake.as_of(PRICES, end, scope="A", **week))
        best("180 snapshots of everything", lambda: hindcast(lake, end))
        connection = connect(lake)
        query = "SELECT series, avg(price) FROM raw.market_prices GROUP BY 1"
        best("DuckDB, average per series", lambda: connection.sql(query).fetchall())
        once("maintenance of the months written by day", lambda: maintain(lake))
    big = batch(START, rows // len(SERIES))
    columns = ["series", "period_start", "resolution_min", "price", "currency", "source"]
    best(f"content hash of {big.height:,} rows", lambda: row_hashes(big, columns))


def append(lake: Lake, frame: pl.DataFrame) -> None:
    lake.append_if_changed(PRICES, frame, scope="A")


def hindcast(lake: Lake, end: datetime) -> None:
    reader = PointInTime(lake, end)
    for day in range(180):
        reader.as_of(PRICES, scope="A", at=end - timedelta(days=day))
    reader.input_hash()


def batch(start: datetime, hours: int) -> pl.DataFrame:
    grid = pl.DataFrame(
        {"period_start": [start + timedelta(hours=i) for i in range(hours)]},
        schema={"period_start": pl.Datetime("us", "UTC")},
    )
    values = np.random.default_rng(hours).normal(60, 30, hours)
    one = grid.with_columns(
        pl.Series("price", values),
        resolution_min=pl.lit(60, dtype=pl.Int32),
        currency=pl.lit("EUR"),
        source=pl.lit("benchmark"),
        knowledge_time=pl.col("period_start") - pl.duration(hours=12),
        knowledge_basis=pl.lit("rule"),
    )
    return pl.concat([one.with_columns(series=pl.lit(name)) for name in SERIES])


def best(what: str, work: Callable[[], object]) -> None:
    report(what, min(seconds(work) for _ in range(3)))


def once(what: str, work: Callable[[], object]) -> None:
    report(what, seconds(work))


def report(what: str, cpu_seconds: float) -> None:
    print(f"{what:<44}{cpu_seconds * 1000:>10.0f} ms")


def seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
