from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from deltalake import DeltaTable

from energy_assets.errors import LakeError
from energy_assets.lakehouse import Lake, maintain, maintenance, storage, table
from energy_assets.lakehouse.storage import is_audit
from energy_assets.lakehouse.tables import TABLES
from energy_assets_tests.lakehouse.frames import bid_run, frame, hours, prices
from energy_assets_tests.lakehouse.writers import data_files

PRICES = "raw.market_prices"
START = datetime(2024, 1, 25, tzinfo=UTC)
NOW = datetime(2024, 2, 20, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path):
    lake = Lake(tmp_path)
    for day in range(10):
        starts = hours(START + timedelta(days=day), 24)
        batch = prices(starts, [float(day)] * 24, starts[0])
        lake.append_if_changed(PRICES, batch, scope="A")
        late = prices(starts[::6], [-1.0] * 4, starts[0] + timedelta(days=2))
        lake.append_if_changed(PRICES, late, scope="A")
    return lake


def test_closed_months_become_one_sorted_file_and_reads_stay_bit_identical(lake):
    moments = [START + timedelta(days=day) for day in range(0, 20, 3)]
    before = [lake.as_of(PRICES, moment, scope="A") for moment in moments]
    rewrites = maintain(lake, now=NOW)
    assert [(r.scope, r.month, r.files_before) for r in rewrites] == [("A", "2024-01", 14)]
    after = [lake.as_of(PRICES, moment, scope="A") for moment in moments]
    assert all(one.equals(other) for one, other in zip(before, after, strict=True))
    files = lake.storage.open(table(PRICES)).file_uris()
    closed = [path for path in files if "month=2024-01" in path]
    assert len(closed) == 1
    stored = pl.read_parquet(closed[0], hive_partitioning=False)
    assert stored["period_start"].is_sorted()
    assert maintain(lake, now=NOW) == []


def test_a_table_is_opened_from_a_checkpoint_after_maintenance(lake, tmp_path):
    log = tmp_path / "raw" / "market_prices" / "_delta_log"
    assert not (log / "_last_checkpoint").exists()
    maintain(lake, now=NOW)
    last = json.loads((log / "_last_checkpoint").read_text())
    assert last["version"] == lake.version(PRICES)


def test_writing_goes_on_after_maintenance(lake):
    maintain(lake, now=NOW)
    starts = hours(START, 24)
    again = prices(starts, [0.0] * 24, starts[0])
    assert lake.append_if_changed(PRICES, again, scope="A").rows_written == 0
    changed = prices(starts, [5.0] * 24, NOW)
    assert lake.append_if_changed(PRICES, changed, scope="A").rows_written == 24


def test_a_checksum_that_differs_stops_the_rewrite(lake, monkeypatch):
    version = lake.version(PRICES)
    sums = iter(range(10))
    monkeypatch.setattr(maintenance, "_checksum", lambda _rows: next(sums))
    with pytest.raises(LakeError, match=r"raw\.market_prices A/2024-01: checksum: expected 0"):
        maintain(lake, now=NOW)
    assert lake.version(PRICES) == version


def test_vacuum_keeps_named_versions_and_never_touches_audit_tables(lake, tmp_path):
    lake.append("bids.bid_runs", bid_run("a"), scope="desk")
    lake.append("bids.bid_runs", bid_run("b"), scope="desk")
    named = lake.version(PRICES)
    maintain(lake, now=NOW)
    files = data_files(tmp_path)
    kept = maintenance.vacuum(lake, retention=timedelta(0), keep_versions={PRICES: [named]})
    assert kept[PRICES] == 0
    assert data_files(tmp_path) == files
    deleted = maintenance.vacuum(lake, retention=timedelta(0))
    assert deleted[PRICES] == 14
    assert "bids.bid_runs" not in deleted
    assert lake.as_of(PRICES, NOW, scope="A").height == 10 * 24


def test_each_table_keeps_its_own_retention(lake, monkeypatch):
    other = "raw.outages"
    for revision in (1, 2, 3):
        lake.append_if_changed(other, outage(revision), scope="A")
    before = {name: lake.version(name) for name in (PRICES, other)}
    contents = {name: at_version(lake, name, version) for name, version in before.items()}
    maintain(lake, now=NOW)
    # One table gives its old files up at once, the other keeps them for its own time.
    monkeypatch.setitem(TABLES, PRICES, replace(table(PRICES), retention=timedelta(0)))
    assert table(other).retention > timedelta(days=30)
    deleted = maintenance.vacuum(lake)
    assert deleted[PRICES] == 14
    assert deleted[other] == 0
    assert at_version(lake, other, before[other]).equals(contents[other])
    with pytest.raises(OSError, match=r"(?i)not found|no such file"):
        at_version(lake, PRICES, before[PRICES])


def test_what_was_replaced_within_the_retention_can_still_be_read_as_it_was(lake):
    version = lake.version(PRICES)
    before = at_version(lake, PRICES, version)
    maintain(lake, now=NOW)
    assert maintenance.vacuum(lake)[PRICES] == 0
    assert at_version(lake, PRICES, version).equals(before)


def test_no_audit_table_is_ever_vacuumed_whatever_its_retention(lake, tmp_path):
    lake.ensure_tables()
    lake.append("bids.bid_runs", bid_run("a"), scope="desk")
    audit = {name for name in TABLES if is_audit(table(name))}
    assert {"bids.bid_runs", "quality.rejected_rows"} <= audit
    stray = tmp_path / "bids" / "bid_runs" / "scope=desk" / "month=2024-03" / "stray.parquet"
    stray.write_bytes(b"left behind by a killed writer")
    deleted = maintenance.vacuum(lake, retention=timedelta(0))
    assert not audit & set(deleted)
    assert set(TABLES) - audit == set(deleted)
    assert stray.exists()


def at_version(lake: Lake, table_id: str, version: int) -> pl.DataFrame:
    """A table as one of its versions has it."""
    snapshot = DeltaTable(lake.storage.uri(table(table_id)), version=version)
    rows = pl.DataFrame(snapshot.to_pyarrow_table())
    return rows.sort(rows.columns)


def outage(revision: int) -> pl.DataFrame:
    moment = START + timedelta(hours=revision)
    values = {
        "message_id": "m",
        "message_revision": revision,
        "part": 0,
        "unit": "u",
        "issued_at": moment,
        "published_at": moment,
        "event_start": START,
        "event_end": START + timedelta(days=1),
        "available_mw": 0.0,
        "installed_mw": 10.0,
        "outage_type": "forced",
        "event_status": "active",
        "cause": "",
        "source": "s",
        "knowledge_time": moment,
        "knowledge_basis": "published",
    }
    return frame("raw.outages", {name: [value] for name, value in values.items()})


def test_vacuum_clears_what_a_refused_commit_left(lake, tmp_path, monkeypatch):
    before = data_files(tmp_path)
    write = storage.write_deltalake

    def after_a_rival(*arguments, **settings):
        monkeypatch.setattr(storage, "write_deltalake", write)
        lake.append_if_changed(PRICES, prices([NOW], [1.0], NOW), scope="A")
        write(*arguments, **settings)

    monkeypatch.setattr(storage, "write_deltalake", after_a_rival)
    lake.append_if_changed(PRICES, prices([NOW + timedelta(hours=1)], [2.0], NOW), scope="A")
    assert len(data_files(tmp_path) - before) == 3
    assert maintenance.vacuum(lake, [PRICES], retention=timedelta(0)) == {PRICES: 1}
    assert lake.as_of(PRICES, NOW, scope="A").height == 10 * 24 + 2
