from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from energy_assets.errors import LakeError
from energy_assets.lakehouse import Lake, PointInTime
from energy_assets_tests.lakehouse.frames import hours, prices

PRICES = "raw.market_prices"
START = datetime(2024, 1, 30, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path):
    lake = Lake(tmp_path)
    starts = hours(START, 96)
    known = [start - timedelta(hours=12) for start in starts]
    lake.append_if_changed(PRICES, prices(starts, [float(i) for i in range(96)], known), scope="A")
    corrections = prices(starts[::5], [-1.0] * 20, [k + timedelta(hours=30) for k in known[::5]])
    lake.append_if_changed(PRICES, corrections, scope="A")
    return lake


def test_snapshots_from_memory_equal_reads_of_the_lake(lake):
    reader = PointInTime(lake, START + timedelta(days=6))
    for offset in range(-20, 140, 7):
        at = START + timedelta(hours=offset)
        window = {"start": START + timedelta(hours=3), "end": START + timedelta(hours=60)}
        seen = reader.as_of(PRICES, scope="A", at=at, **window)
        assert seen.equals(lake.as_of(PRICES, at, scope="A", **window))
        assert seen["knowledge_time"].max() is None or seen["knowledge_time"].max() <= at


def test_a_preloaded_window_serves_narrower_ones(lake):
    wide, narrow = PointInTime(lake, START + timedelta(days=6)), None
    wide.preload(PRICES, scope="A")
    for day in range(4):
        start = START + timedelta(days=day)
        window = {"start": start, "end": start + timedelta(days=1)}
        narrow = PointInTime(lake, START + timedelta(days=6))
        rows = wide.as_of(PRICES, scope="A", **window)
        assert rows.equals(narrow.as_of(PRICES, scope="A", **window))
        assert rows.height == 24
        other = wide.for_decision(START + timedelta(days=6))
        other.as_of(PRICES, scope="A", **window)
        assert other.input_hash() == narrow.input_hash()


def test_looking_past_the_decision_is_refused(lake):
    reader = PointInTime(lake, START)
    with pytest.raises(LakeError, match="expected a time not after the decision time"):
        reader.as_of(PRICES, scope="A", at=START + timedelta(seconds=1))


def test_only_raw_tables_are_read_as_of(lake):
    with pytest.raises(LakeError, match=r"bids\.curve_orders: only raw tables"):
        PointInTime(lake, START).as_of("bids.curve_orders", scope="A")


def test_where_on_a_value_holds_for_the_revision_in_force_only(lake):
    at = START + timedelta(days=10)
    assert lake.as_of(PRICES, at, scope="A", where={"price": 5.0}).is_empty()
    assert lake.as_of(PRICES, at, scope="A", where={"price": [6.0, 7.0]}).height == 2


def test_input_hash_follows_content_not_order_or_later_rows(lake, tmp_path):
    def read(source: Lake, reverse: bool) -> str:
        reader = PointInTime(source, START + timedelta(hours=12))
        windows = [(0, 10), (10, 20)]
        for first, last in reversed(windows) if reverse else windows:
            reader.as_of(
                PRICES,
                scope="A",
                start=START + timedelta(hours=first),
                end=START + timedelta(hours=last),
            )
        return reader.input_hash()

    before = read(lake, reverse=False)
    assert before == read(lake, reverse=True)
    later = prices(hours(START, 20), [99.0] * 20, START + timedelta(hours=13))
    lake.append_if_changed(PRICES, later, scope="A")
    assert read(lake, reverse=False) == before
    other = Lake(tmp_path / "other")
    other.append_if_changed(PRICES, prices(hours(START, 20), [1.0] * 20, START), scope="A")
    assert read(other, reverse=False) != before


def test_outages_keep_their_newest_message_when_the_window_cuts_it(tmp_path):
    lake = Lake(tmp_path)
    base = {
        "message_id": "m",
        "message_revision": 1,
        "part": 0,
        "unit": "gas",
        "published_at": None,
        "installed_mw": None,
        "event_start": START,
        "event_end": START + timedelta(days=1),
        "available_mw": 0.0,
        "outage_type": "forced",
        "cause": "",
        "source": "s",
        "knowledge_basis": "published",
    }
    rows = [
        {**base, "issued_at": START, "knowledge_time": START, "event_status": "active"},
        {
            **base,
            "issued_at": START + timedelta(days=40),
            "knowledge_time": START + timedelta(days=40),
            "event_status": "withdrawn",
        },
    ]
    schema = Lake(tmp_path).read("raw.outages").schema
    for row in rows:
        frame = pl.DataFrame([row], schema_overrides={n: t for n, t in schema.items() if n in row})
        assert lake.append_if_changed("raw.outages", frame, scope="desk").rows_written == 1
    at, end = START + timedelta(days=50), START + timedelta(days=1)
    assert lake.as_of("raw.outages", at, scope="desk", end=end).is_empty()
    active = {"event_status": "active"}
    assert lake.as_of("raw.outages", at, scope="desk", where=active).is_empty()
    assert lake.as_of("raw.outages", START, scope="desk", where=active).height == 1


def test_180_hindcast_snapshots_of_1500_days_stay_cheap(tmp_path):
    lake = Lake(tmp_path)
    starts = hours(datetime(2020, 1, 1, tzinfo=UTC), 1500 * 24)
    known = [start - timedelta(hours=12) for start in starts]
    for scope_source in ("a", "b", "c"):
        batch = prices(starts, [1.0] * len(starts), known, source=scope_source)
        lake.append_if_changed(PRICES, batch, scope="A")
    end = starts[-1]
    used = time.process_time()
    assert lake.as_of(PRICES, end, scope="A").height == 3 * len(starts)
    assert time.process_time() - used < 1.0
    reader = PointInTime(lake, end)
    used = time.process_time()
    for day in range(180):
        reader.as_of(PRICES, scope="A", at=end - timedelta(days=day))
    assert time.process_time() - used < 5.0
