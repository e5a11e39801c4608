from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.errors import LakeError
from energy_assets.lakehouse import Lake, table
from energy_assets.lakehouse.enforcement import content_columns
from energy_assets.lakehouse.hashing import combined_hash, row_hashes
from energy_assets.lakehouse.revisions import Revisions, next_revisions
from energy_assets.market import load_area
from energy_assets_tests.lakehouse.frames import SteppingClock, hours, prices

PRICES = "raw.market_prices"
START = datetime(2024, 1, 31, 12, tzinfo=UTC)
KNOWN = datetime(2024, 1, 30, 12, tzinfo=UTC)
FACT = st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(0, 2))


def hashed(batch: pl.DataFrame) -> pl.DataFrame:
    return batch.with_columns(row_hashes(batch, content_columns(table(PRICES))), scope=pl.lit("X"))


def batch_of(facts: list[tuple[int, int, int]]) -> pl.DataFrame:
    """Facts (key, knowledge hour, value); one value per key and hour."""
    unique = {(key, hour): value for key, hour, value in facts}
    return prices(
        [START + timedelta(hours=key) for key, _ in unique],
        [float(value) for value in unique.values()],
        [KNOWN + timedelta(hours=hour) for _, hour in unique],
    )


def write(stored: pl.DataFrame, batch: pl.DataFrame) -> pl.DataFrame:
    news = next_revisions(table(PRICES), hashed(batch), stored)
    return pl.concat([stored, news.select(stored.columns)])


def empty() -> pl.DataFrame:
    return hashed(prices([], [], [])).with_columns(revision=pl.lit(1, dtype=pl.Int32))


def in_force(stored: pl.DataFrame, at: datetime) -> dict[datetime, float]:
    rows = Revisions(table(PRICES), stored).in_force(at)
    return dict(zip(rows["period_start"], rows["price"], strict=True))


@settings(max_examples=20, deadline=None)
@given(batches=st.lists(st.lists(FACT, max_size=6), min_size=1, max_size=4))
def test_writing_batches_again_in_any_order_adds_nothing(batches):
    stored = empty()
    for facts in batches:
        stored = write(stored, batch_of(facts))
        assert write(stored, batch_of(facts)).height == stored.height
    keys = ["period_start", "revision"]
    assert not stored.select(keys).is_duplicated().any()
    for rows in stored.partition_by("period_start"):
        assert sorted(rows["revision"]) == list(range(1, rows.height + 1))


@settings(max_examples=20, deadline=None)
@given(facts=st.lists(FACT, max_size=12), seed=st.integers(0, 100))
def test_row_order_of_a_batch_does_not_count(facts, seed):
    batch = batch_of(facts)
    shuffled = batch.sample(fraction=1.0, shuffle=True, seed=seed)
    columns = ["period_start", "price", "knowledge_time", "revision"]
    first, second = write(empty(), batch), write(empty(), shuffled)
    assert first.select(columns).sort(columns).equals(second.select(columns).sort(columns))


@settings(max_examples=20, deadline=None)
@given(facts=st.lists(FACT, max_size=12), at=st.integers(-1, 6))
def test_as_of_equals_a_plain_replay_of_what_was_known(facts, at):
    batch = batch_of(facts)
    moment = KNOWN + timedelta(hours=at)
    expected: dict[datetime, float] = {}
    for row in batch.sort("knowledge_time").iter_rows(named=True):
        if row["knowledge_time"] <= moment:
            expected[row["period_start"]] = row["price"]
    assert in_force(write(empty(), batch), moment) == expected


@settings(max_examples=20, deadline=None)
@given(
    before=st.lists(FACT, max_size=8),
    after=st.lists(FACT, max_size=8),
)
def test_what_is_known_later_changes_nothing_seen_before(before, after):
    moment = KNOWN + timedelta(hours=5)
    stored = write(empty(), batch_of(before))
    later = batch_of([(key, hour + 6, value + 10) for key, hour, value in after])
    assert in_force(write(stored, later), moment) == in_force(stored, moment)


def test_unchanged_is_not_inserted_whatever_its_knowledge_time(tmp_path):
    lake = Lake(tmp_path)
    first = prices([START], [10.0], KNOWN)
    assert lake.append_if_changed(PRICES, first, scope="DE_LU").rows_written == 1
    for known in (KNOWN - timedelta(hours=3), KNOWN, KNOWN + timedelta(hours=3)):
        again = prices([START], [10.0], known)
        assert lake.append_if_changed(PRICES, again, scope="DE_LU").rows_written == 0
    assert lake.read(PRICES, latest_revision=False).height == 1


def test_a_change_is_the_next_revision_and_seen_only_once_known(tmp_path):
    lake = Lake(tmp_path)
    lake.append_if_changed(PRICES, prices([START], [10.0], KNOWN), scope="DE_LU")
    corrected = prices([START], [11.0], KNOWN + timedelta(hours=2))
    assert lake.append_if_changed(PRICES, corrected, scope="DE_LU").rows_written == 1
    before = lake.as_of(PRICES, KNOWN + timedelta(hours=1), scope="DE_LU")
    after = lake.as_of(PRICES, KNOWN + timedelta(hours=2), scope="DE_LU")
    assert before.select("price", "revision").row(0) == (10.0, 1)
    assert after.select("price", "revision").row(0) == (11.0, 2)


def test_a_value_may_go_back_to_what_it_was(tmp_path):
    lake = Lake(tmp_path)
    for turn, value in enumerate((10.0, 11.0, 10.0)):
        batch = prices([START], [value], KNOWN + timedelta(hours=turn))
        assert lake.append_if_changed(PRICES, batch, scope="DE_LU").rows_written == 1
    assert lake.read(PRICES)["revision"].to_list() == [3]


def test_two_values_known_at_the_same_time_are_refused(tmp_path):
    batch = pl.concat([prices([START], [10.0], KNOWN), prices([START], [11.0], KNOWN)])
    with pytest.raises(
        LakeError, match=r"raw\.market_prices: expected one row per key.*2024-01-31"
    ):
        Lake(tmp_path).append_if_changed(PRICES, batch, scope="DE_LU")


def test_sources_and_scopes_are_kept_apart(tmp_path):
    lake = Lake(tmp_path)
    for source in ("exchange", "platform"):
        for scope in ("DE_LU", "FR"):
            batch = prices([START], [10.0], KNOWN, source=source)
            assert lake.append_if_changed(PRICES, batch, scope=scope).rows_written == 1
    seen = lake.as_of(PRICES, KNOWN, scope="DE_LU")
    assert seen["source"].to_list() == ["exchange", "platform"]


def test_ranges_over_a_month_border_read_and_write_both_months(tmp_path):
    lake = Lake(tmp_path)
    starts = hours(START, 24)
    batch = prices(starts, [float(i) for i in range(24)], KNOWN)
    assert lake.append_if_changed(PRICES, batch, scope="DE_LU").rows_written == 24
    assert lake.append_if_changed(PRICES, batch, scope="DE_LU").rows_written == 0
    seen = lake.as_of(PRICES, KNOWN, scope="DE_LU", start=starts[10], end=starts[14])
    assert seen["period_start"].to_list() == starts[10:14]
    assert seen["month"].to_list() == ["2024-01", "2024-01", "2024-02", "2024-02"]


@pytest.mark.parametrize(
    ("label", "count"),
    [("2025-03-30", 23), ("2024-10-27", 25), ("2026-03-29", 92), ("2026-10-25", 100)],
)
def test_every_mtu_of_a_clock_change_day_keeps_its_own_key(tmp_path, label, count):
    session = load_area("DE_LU").session("day_ahead")
    day = session.delivery_day(date.fromisoformat(label))
    assert day.mtu_count == count
    batch = prices(
        day.starts, [float(mtu.position) for mtu in day.mtus], day.start, minutes=day.mtu_minutes
    )
    lake = Lake(tmp_path)
    assert lake.append_if_changed(PRICES, batch, scope="DE_LU").rows_written == count
    assert lake.append_if_changed(PRICES, batch, scope="DE_LU").rows_written == 0
    seen = lake.as_of(PRICES, day.end, scope="DE_LU", start=day.start, end=day.end)
    assert seen["price"].to_list() == [float(i + 1) for i in range(count)]


def test_date_tables_are_cut_by_their_days(tmp_path):
    lake = Lake(tmp_path)
    days = [datetime(2024, 1, 30, tzinfo=UTC) + timedelta(days=i) for i in range(5)]
    batch = pl.DataFrame(
        {
            "product": ["eua"] * 5,
            "price_date": [day.date() for day in days],
            "price": [1.0, 2.0, 3.0, 4.0, 5.0],
            "unit": ["EUR/t CO2"] * 5,
            "source": ["s"] * 5,
            "knowledge_time": [day + timedelta(hours=18) for day in days],
            "knowledge_basis": ["rule"] * 5,
        },
        schema_overrides={"knowledge_time": pl.Datetime("us", "UTC")},
    )
    lake.append_if_changed("raw.fuel_prices", batch, scope="global")
    at = days[3] + timedelta(hours=12)
    seen = lake.as_of("raw.fuel_prices", at, scope="global", start=days[1], end=days[4])
    assert seen["price"].to_list() == [2.0, 3.0]


def test_rows_written_later_are_left_out_by_ingested_before(tmp_path):
    clock = SteppingClock(KNOWN)
    lake = Lake(tmp_path, clock=clock)
    lake.append_if_changed(PRICES, prices([START], [10.0], KNOWN), scope="DE_LU")
    limit = clock.now + timedelta(milliseconds=1)
    lake.append_if_changed(PRICES, prices([START], [11.0], KNOWN), scope="DE_LU")
    at = KNOWN + timedelta(days=1)
    assert lake.as_of(PRICES, at, scope="DE_LU")["price"].to_list() == [11.0]
    seen = lake.as_of(PRICES, at, scope="DE_LU", ingested_before=limit)
    assert seen["price"].to_list() == [10.0]


def test_every_commit_says_who_wrote_what(tmp_path):
    lake = Lake(tmp_path)
    lake.append_if_changed(PRICES, prices([START], [1.0], KNOWN), scope="DE_LU", run_id="run-7")
    snapshot = lake.storage.open(table(PRICES))
    entry = snapshot.history(1)[0]
    assert (entry["run_id"], entry["scope"], entry["months"]) == ("run-7", "DE_LU", "2024-01")
    assert entry["code_version"]


class TestHashes:
    def test_known_answer_holds_in_every_process_and_release(self):
        rows = prices([START], [10.0], KNOWN)
        found = row_hashes(rows, content_columns(table(PRICES))).to_list()
        assert found == ["9f9250748d6683a9fa7a806755bcb234"]

    def test_minus_zero_equals_zero_and_null_differs_from_both(self):
        values = pl.DataFrame({"a": [0.0, -0.0, None]})
        zero, minus, null = row_hashes(values, ["a"])
        assert zero == minus != null

    def test_columns_and_kinds_count(self):
        one = pl.DataFrame({"a": [1], "b": [1]})
        assert row_hashes(one, ["a"])[0] != row_hashes(one, ["b"])[0]
        assert row_hashes(one, ["a"])[0] != row_hashes(one.cast(pl.Float64), ["a"])[0]

    def test_dictionary_of_the_texts_does_not_count(self):
        rows = pl.DataFrame({"a": ["x", "y", None, "", "x"]})
        alone = [row_hashes(rows[i], ["a"])[0] for i in range(rows.height)]
        assert row_hashes(rows, ["a"]).to_list() == alone
        assert len(set(alone)) == 4

    @settings(max_examples=20, deadline=None)
    @given(st.permutations(["a", "b", "c", "d"]))
    def test_a_batch_hash_ignores_row_order(self, hashes):
        assert combined_hash(hashes) == combined_hash(["a", "b", "c", "d"])
