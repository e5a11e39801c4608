from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from energy_assets.errors import LakeError
from energy_assets.lakehouse import Lake, maintain, maintenance, table
from energy_assets_tests.lakehouse.frames import bid_run, hours, prices
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
    kept = maintenance.vacuum(lake, retention=timedelta(0), keep_versions=[named])
    assert kept[PRICES] == 0
    assert data_files(tmp_path) == files
    deleted = maintenance.vacuum(lake, retention=timedelta(0))
    assert deleted[PRICES] == 14
    assert "bids.bid_runs" not in deleted
    assert lake.as_of(PRICES, NOW, scope="A").height == 10 * 24
