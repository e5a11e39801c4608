from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from energy_assets.errors import LakeError
from energy_assets.lakehouse import Lake, table
from energy_assets_tests.lakehouse.frames import (
    DAY,
    GATE,
    SteppingClock,
    backtest_days,
    bid_run,
    curve,
)

ORDERS = "bids.curve_orders"
RUNS = "bids.bid_runs"


@pytest.fixture
def clock():
    return SteppingClock(GATE - timedelta(hours=1))


@pytest.fixture
def lake(tmp_path, clock):
    return Lake(tmp_path, clock=clock)


def bid(lake, volumes, sha, **slot):
    lake.append(ORDERS, curve(volumes, **slot), scope="desk")
    lake.append(RUNS, bid_run(sha, **slot), scope="desk")


def volumes(lake, **slot):
    return lake.current(ORDERS, scope="desk", **slot)["volume_ticks"].to_list()


def test_an_equal_batch_appends_nothing_whatever_its_run_and_row_order(lake):
    assert lake.append(ORDERS, curve([1, 2, 3]), scope="desk").rows_written == 3
    again = curve([1, 2, 3], run_id="run-2").reverse()
    assert lake.append(ORDERS, again, scope="desk").rows_written == 0
    assert lake.append(ORDERS, curve([1, 2]), scope="desk").rows_written == 2
    newest = lake.read(ORDERS)
    assert newest["revision"].to_list() == [2, 2]
    assert lake.read(ORDERS, latest_revision=False).height == 5


def test_only_the_changed_batches_of_a_frame_are_appended(lake):
    both = pl.concat([curve([1]), curve([2], day=DAY + timedelta(days=1))])
    lake.append(ORDERS, both, scope="desk")
    changed = pl.concat([curve([1]), curve([3], day=DAY + timedelta(days=1))])
    assert lake.append(ORDERS, changed, scope="desk").rows_written == 1


def test_a_batch_over_a_month_border_is_one_batch(lake):
    start = datetime(2024, 3, 31, 22, tzinfo=UTC)
    batch = curve([1, 2, 3, 4], day=date(2024, 4, 1), start=start)
    assert lake.append(ORDERS, batch, scope="desk").rows_written == 4
    assert lake.append(ORDERS, batch, scope="desk").rows_written == 0
    shorter = curve([9], day=date(2024, 4, 1), start=start)
    assert lake.append(ORDERS, shorter, scope="desk").rows_written == 1
    april = datetime(2024, 4, 1, tzinfo=UTC)
    assert lake.read(ORDERS, scope="desk", start=april).is_empty()
    assert lake.read(ORDERS, scope="desk", end=april)["volume_ticks"].to_list() == [9]


def test_a_key_twice_in_a_batch_is_refused(lake):
    with pytest.raises(LakeError, match=r"bids\.curve_orders: expected one row per key, found 2"):
        lake.append(ORDERS, pl.concat([curve([1]), curve([2])]), scope="desk")


def test_a_run_without_its_last_row_is_not_read(lake):
    lake.append(ORDERS, curve([1]), scope="desk")
    assert volumes(lake) == []
    lake.append(RUNS, bid_run("one"), scope="desk")
    assert volumes(lake) == [1]
    lake.append(ORDERS, curve([2], run_id="killed"), scope="desk")
    assert volumes(lake) == [1]
    lake.append(RUNS, bid_run("two"), scope="desk")
    assert volumes(lake) == [2]


def test_the_better_rung_replaces_the_last_one_in_either_order(lake):
    bid(lake, [5], "flat", rung="price_independent")
    assert volumes(lake) == [5]
    bid(lake, [7], "model", rung="stochastic")
    assert volumes(lake) == [7]
    bid(lake, [6], "flat again", rung="price_independent")
    assert volumes(lake) == [7]
    assert lake.current(RUNS, scope="desk")["rung"].to_list() == ["stochastic"]


def test_a_later_decision_outranks_an_earlier_better_rung(lake):
    bid(lake, [7], "model")
    bid(lake, [4], "rebid", rung="price_independent", decision_time=GATE - timedelta(minutes=30))
    assert volumes(lake) == [4]


def test_a_live_run_after_the_gate_does_not_count_and_replay_does(lake, clock):
    bid(lake, [1], "in time")
    clock.now = GATE
    bid(lake, [2], "too late")
    bid(lake, [3], "replay", mode="replay")
    assert volumes(lake) == [1]
    assert volumes(lake, mode="replay") == [3]


def test_current_reads_the_asked_session_and_days(lake):
    bid(lake, [1], "a")
    bid(lake, [2], "b", day=DAY + timedelta(days=1))
    bid(lake, [3], "c", session="ida1")
    assert volumes(lake, session="day_ahead") == [1, 2]
    assert volumes(lake, session="day_ahead", delivery_day=DAY) == [1]
    assert volumes(lake, delivery_day=[DAY, DAY + timedelta(days=1)]) == [1, 2, 3]
    assert lake.current(ORDERS, scope="other").is_empty()


def test_audit_tables_refuse_to_drop_rows(lake):
    lake.append(RUNS, bid_run("a"), scope="desk")
    snapshot = lake.storage.open(table(RUNS))
    with pytest.raises(Exception, match="append-only"):
        snapshot.delete()


class TestReplace:
    DAYS = tuple(date(2024, 1, 30) + timedelta(days=i) for i in range(4))

    def test_only_the_named_days_change(self, lake):
        frame = backtest_days(self.DAYS, [1.0, 2.0, 3.0, 4.0])
        others = backtest_days(self.DAYS, [9.0] * 4, strategy="other")
        lake.replace("results.backtest_days", pl.concat([frame, others]), scope="desk")
        lake.replace("results.backtest_days", others, scope="another")
        changed = backtest_days(self.DAYS[1:3], [20.0, 30.0])
        result = lake.replace("results.backtest_days", changed, scope="desk")
        assert result.rows_written == 2
        rows = lake.read("results.backtest_days", scope="desk")
        mine = rows.filter(pl.col("strategy") == "s").sort("delivery_day")
        assert mine["profit"].to_list() == [1.0, 20.0, 30.0, 4.0]
        assert rows.filter(pl.col("strategy") == "other")["profit"].to_list() == [9.0] * 4
        assert lake.read("results.backtest_days", scope="another").height == 4

    def test_equal_results_are_not_written_again(self, lake):
        frame = backtest_days(self.DAYS, [1.0, 2.0, 3.0, 4.0])
        first = lake.replace("results.backtest_days", frame, scope="desk")
        second = lake.replace("results.backtest_days", frame.reverse(), scope="desk")
        assert (second.rows_written, second.version) == (0, first.version)

    def test_a_coarser_slot_drops_what_the_new_run_no_longer_has(self, lake):
        frame = pl.concat(
            [backtest_days(self.DAYS, [1.0] * 4, strategy=name) for name in ("s", "t")]
        )
        lake.replace("results.backtest_days", frame, scope="desk")
        only = backtest_days(self.DAYS[:1], [2.0], strategy="s")
        by = ("backtest", "delivery_day")
        lake.replace("results.backtest_days", only, scope="desk", by=by)
        rows = lake.read("results.backtest_days", scope="desk")
        assert rows.filter(pl.col("delivery_day") == self.DAYS[0]).height == 1
        assert rows.height == 7


def test_quarantine_keeps_the_row_whole_and_once(lake):
    bad = pl.DataFrame({"price": ["n/a"], "at": [datetime(2024, 1, 1, tzinfo=UTC)]})
    for _ in range(2):
        result = lake.quarantine(
            "raw.market_prices", bad, rule="dtype", reason="text", scope="DE_LU", source="file"
        )
    assert result.rows_written == 0
    row = lake.read("quality.rejected_rows", scope="DE_LU").row(0, named=True)
    assert row["raw_row"] == '{"at": "2024-01-01T00:00:00+00:00", "price": "n/a"}'
    assert (row["table"], row["rule"], row["source"]) == ("raw.market_prices", "dtype", "file")
