"""What the child processes of the concurrency and kill tests run; imported by name there."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from energy_assets.lakehouse import Lake, maintain, storage
from energy_assets_tests.lakehouse.frames import DAY, GATE, bid_run, curve, hours, prices

START = datetime(2024, 1, 31, tzinfo=UTC)
NOW = datetime(2024, 6, 1, tzinfo=UTC)
BATCH_ROWS = 24
KILLED = 17


def clock() -> datetime:
    return GATE - timedelta(hours=1)


def write_day(lake: Lake, day: int, scope: str, value: float | None = None) -> int:
    starts = hours(START + timedelta(days=day), BATCH_ROWS)
    price = float(day) if value is None else value
    batch = prices(starts, [price] * BATCH_ROWS, START)
    return lake.append_if_changed("raw.market_prices", batch, scope=scope).rows_written


def write_shared_and_own_keys(root: str, writer: int, days: int, ready: Any) -> int:
    """The same keys as every other writer, then keys of a scope of one's own."""
    lake = Lake(root)
    ready.wait()
    written = sum(write_day(lake, (day + writer) % days, "SHARED") for day in range(days))
    own = sum(write_day(lake, day, f"OWN_{writer}") for day in range(days))
    assert own == days * BATCH_ROWS
    return written


@dataclass(frozen=True)
class Hammering:
    """What one process met: rows written, pauses after a lost commit, most of them in one write."""

    rows: int
    retries: int
    most_retries: int
    longest_seconds: float


def hammer(root: str, writer: int, rounds: int, ready: Any) -> Hammering:
    """One scope without a break: a day all write alike, an own day, a day all revise; in turn."""
    lake, retries = Lake(root), [0] * rounds
    seconds, rows = [], 0
    ready.wait()
    for number in range(rounds):
        started = time.perf_counter()

        def pause(delay: float, number: int = number) -> None:
            retries[number] += 1
            time.sleep(delay)

        object.__setattr__(lake.storage, "sleep", pause)
        kind, day = number % 3, number // 3 * 3
        if kind == 0:
            rows += write_day(lake, day, "ONE")
        elif kind == 1:
            rows += write_day(lake, 10_000 * (writer + 1) + day, "ONE")
        else:
            rows += write_day(lake, 1000 + day, "ONE", value=float(writer))
        seconds.append(time.perf_counter() - started)
    return Hammering(rows, sum(retries), max(retries), max(seconds))


def hammered_rows(writers: int, rounds: int) -> int:
    """Rows that so many processes and rounds of `hammer` must leave."""
    alike, own, revised = (len(range(kind, rounds, 3)) for kind in range(3))
    return BATCH_ROWS * (alike + writers * own + writers * revised)


def require_whole(rows: pl.DataFrame, writers: int, rounds: int) -> None:
    """No row lost, doubled or numbered twice."""
    assert rows.height == hammered_rows(writers, rounds)
    assert not rows.select("period_start", "price").is_duplicated().any()
    numbers = rows.group_by("period_start").agg(pl.col("revision").sort())
    for revisions in numbers["revision"].to_list():
        assert revisions == list(range(1, len(revisions) + 1))
    assert set(rows.group_by("period_start").len()["len"]) == {1, writers}


def bid(lake: Lake) -> None:
    """The tables of one run, `bid_runs` last."""
    lake.append("bids.curve_orders", curve([1, 2, 3], day=DAY), scope="desk")
    lake.append("bids.bid_runs", bid_run("sha", day=DAY), scope="desk")


def _die(*_args: Any, **_kwargs: Any) -> None:
    os._exit(KILLED)


def die_before_the_data_file(root: str) -> None:
    storage.write_deltalake = _die
    write_day(Lake(root), 0, "DE_LU")


def die_before_the_log_entry(root: str) -> None:
    """Data files are on disk, the commit never happens: its transaction number is taken."""
    write = storage.write_deltalake

    def write_files_only(snapshot: Any, rows: Any, **arguments: Any) -> None:
        write_day(Lake(root), 9, "OTHER")
        taken = storage.CommitProperties(
            app_transactions=arguments["commit_properties"].app_transactions
        )
        rival = rows.head(1).with_columns(scope=storage.pl.lit("RIVAL"))
        write(storage.DeltaTable(snapshot.table_uri), rival, mode="append", commit_properties=taken)
        try:
            write(snapshot, rows, **arguments)
        except storage.CommitFailedError:
            os._exit(KILLED)

    def only_once(snapshot: Any, rows: Any, **arguments: Any) -> None:
        storage.write_deltalake = write
        write_files_only(snapshot, rows, **arguments)

    storage.write_deltalake = only_once
    write_day(Lake(root), 0, "DE_LU")


def die_between_two_tables(root: str) -> None:
    lake = Lake(root, clock=clock)
    lake.append("bids.curve_orders", curve([1, 2, 3], day=DAY), scope="desk")
    os._exit(KILLED)


def die_during_maintenance(root: str) -> None:
    """The first month is rewritten, the second is not."""
    write = storage.write_deltalake
    rewritten: list[int] = []

    def second_dies(snapshot: Any, rows: Any, **arguments: Any) -> None:
        if rewritten:
            os._exit(KILLED)
        rewritten.append(1)
        write(snapshot, rows, **arguments)

    storage.write_deltalake = second_dies
    maintain(Lake(root), now=NOW)


def data_files(root: str | Path) -> set[str]:
    return {str(path) for path in Path(root).rglob("*.parquet")}
