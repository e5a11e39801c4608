"""Contract of the reference market: determinism, knowledge, grids, schemas."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from energy_assets.errors import InputError
from energy_assets.feeds import Access, Window, feeds_for
from energy_assets.feeds.reference_market import SOURCE, reference_market_feeds
from energy_assets.lakehouse import Lake
from energy_assets.lakehouse.enforcement import caller_columns, conform
from energy_assets.market import load_area

SESSION = load_area("SIM_DE_LU").session()
NAMES = [
    "day_ahead_prices",
    "imbalance_prices",
    "system_forecasts",
    "system_actuals",
    "weather_forecasts",
    "weather_actuals",
    "fuel_prices",
    "outages",
    "meter_readings",
]
# Sums over 17 March 2026.
PINNED = {
    "day_ahead_prices": 10444.18,
    "imbalance_prices": 12553.45,
    "system_forecasts": 15708429.8,
    "weather_actuals": 8392.42,
    "meter_readings": 542.9269,
}
DESK_TABLES = {"outages", "meter_readings"}


def span(first: date, last: date) -> Window:
    """The delivery days from first to last."""
    return Window(SESSION.delivery_day(first).start, SESSION.delivery_day(last).end)


def one_day(day: date) -> Window:
    return span(day, day)


@pytest.mark.parametrize("name", NAMES)
def test_rows_match_the_registry_and_say_they_are_synthetic(feeds, later, name):
    feed = feeds[name]
    rows = feed.fetch(span(date(2025, 9, 1), date(2025, 10, 15)), later)
    assert rows.columns == caller_columns(feed.table)
    assert_frame_equal(conform(feed.table, rows), rows)
    assert rows.height > 0
    assert set(rows["source"]) == {SOURCE}
    assert set(rows["knowledge_basis"]) == {"published"}
    assert "synthetic" in SOURCE
    assert not rows.select(*feed.table.key, "knowledge_time").is_duplicated().any()
    for column in feed.table.columns:
        if column.allowed:
            assert set(rows[column.name]) <= set(column.allowed)
        if column.minimum is not None:
            assert rows[column.name].min() >= column.minimum
        if column.maximum is not None:
            assert rows[column.name].max() <= column.maximum


def test_scopes_are_the_area_or_the_desk_and_never_global(feeds, reference_desk):
    for name, feed in feeds.items():
        assert feed.scope == (reference_desk.name if name in DESK_TABLES else "SIM_DE_LU")


@pytest.mark.parametrize("name", NAMES)
def test_single_days_in_any_order_equal_the_whole_range(feeds, later, name):
    feed = feeds[name]
    # Both the switch to quarter-hours and the autumn clock change lie in the range.
    first, days = date(2025, 9, 28), 30
    whole = feed.fetch(span(first, first + timedelta(days=days - 1)), later)
    order = np.random.default_rng(0).permutation(days).tolist()
    parts = [feed.fetch(one_day(first + timedelta(days=day)), later) for day in order]
    together = pl.concat(parts).sort(*feed.table.key, "knowledge_time")
    assert_frame_equal(together, whole, check_exact=True)


@given(st.integers(0, 3000), st.integers(15, 5000), st.sampled_from(NAMES))
@settings(max_examples=25, deadline=None)
def test_any_window_equals_the_same_cut_of_a_larger_one(feeds, later, start, length, name):
    begin = datetime(2026, 3, 27, tzinfo=UTC)
    window = Window(begin + timedelta(minutes=start), begin + timedelta(minutes=start + length))
    feed = feeds[name]
    part = feed.fetch(window, later)
    large = feed.fetch(window.widened(timedelta(days=2), timedelta(days=3)), later)
    moment = pl.col(feed.table.time_column)
    if name == "fuel_prices":
        moment = moment.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    cut = large.filter(moment >= window.start, moment < window.end)
    assert_frame_equal(part, cut, check_exact=True)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_known_before_its_time_and_knowing_less_changes_no_value(feeds, later, name):
    feed = feeds[name]
    window = span(date(2026, 4, 1), date(2026, 6, 30))
    as_of = datetime(2026, 5, 10, 9, tzinfo=UTC)
    then, now = feed.fetch(window, as_of), feed.fetch(window, later)
    assert then["knowledge_time"].max() <= as_of
    assert_frame_equal(then, now.filter(pl.col("knowledge_time") <= as_of), check_exact=True)
    assert then.height < now.height


def test_measured_values_are_known_only_after_their_period(feeds, later):
    window = one_day(date(2026, 2, 3))
    for name in ("imbalance_prices", "system_actuals", "weather_actuals", "meter_readings"):
        rows = feeds[name].fetch(window, later)
        end = pl.col("period_start") + pl.duration(minutes=pl.col("resolution_min"))
        assert rows.select((pl.col("knowledge_time") > end).all()).item()
    for name in ("system_forecasts", "weather_forecasts"):
        rows = feeds[name].fetch(window, later)
        assert (rows["knowledge_time"] > rows["issue_time"]).all()


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25), date(2031, 6, 1)])
def test_before_the_gate_a_desk_knows_all_forecasts_of_the_day_and_no_price(feeds, day):
    decision = SESSION.gate_closure(day) - timedelta(hours=1)
    window = one_day(day)
    hours = SESSION.delivery_day(day).hours
    system = feeds["system_forecasts"].fetch(window, decision)
    assert system.group_by("series").len()["len"].to_list() == [4 * hours] * 3
    weather = feeds["weather_forecasts"].fetch(window, decision)
    newest = weather.filter(pl.col("issue_time") == pl.col("issue_time").max())
    assert newest.group_by("site", "variable").len()["len"].to_list() == [hours] * 7
    for name in ("day_ahead_prices", "imbalance_prices", "system_actuals", "meter_readings"):
        assert feeds[name].fetch(window, decision).is_empty()
    week_before = Window(decision - timedelta(days=7), decision)
    assert feeds["fuel_prices"].fetch(week_before, decision)["product"].n_unique() == 3
    assert not feeds["day_ahead_prices"].fetch(week_before, decision).is_empty()


@pytest.mark.parametrize(
    ("day", "quarters"),
    [(date(2026, 3, 29), 92), (date(2026, 3, 30), 96), (date(2026, 10, 25), 100)],
)
def test_days_with_a_clock_change_are_complete(feeds, later, day, quarters):
    delivery = SESSION.delivery_day(day)
    window = one_day(day)
    for name in ("day_ahead_prices", "imbalance_prices"):
        assert feeds[name].fetch(window, later)["period_start"].to_list() == delivery.starts
    for name, group in (("system_actuals", "series"), ("meter_readings", "unit")):
        rows = feeds[name].fetch(window, later).unique([group, "period_start"])
        counts = rows.group_by(group).len()["len"].to_list()
        assert counts == [quarters] * 3


def test_prices_turn_from_hours_to_quarter_hours_on_the_market_date(feeds, later):
    feed = feeds["day_ahead_prices"]
    before = feed.fetch(one_day(date(2025, 9, 30)), later)
    after = feed.fetch(one_day(date(2025, 10, 1)), later)
    assert (before.height, set(before["resolution_min"])) == (24, {60})
    assert (after.height, set(after["resolution_min"])) == (96, {15})
    publication = SESSION.publication(date(2025, 10, 1))
    assert set(after["knowledge_time"]) == {publication}
    assert feed.fetch(one_day(date(2025, 10, 1)), publication).height == 96
    just_before = publication - timedelta(seconds=1)
    assert feed.fetch(one_day(date(2025, 10, 1)), just_before).is_empty()


def test_another_seed_is_another_world(feeds, reference_desk, later):
    window = one_day(date(2026, 1, 5))
    other = reference_market_feeds(reference_desk, seed=1)
    for feed in other:
        name = feed.name.split(".")[-1]
        if name not in {"outages", "fuel_prices"}:
            assert not feed.fetch(window, later).equals(feeds[name].fetch(window, later))


def test_area_rows_do_not_depend_on_the_desk(feeds, reference_desk, later, tmp_path):
    same_units = reference_desk.model_copy(update={"name": "other", "seed": 1})
    window = one_day(date(2026, 1, 5))
    for feed in feeds_for(same_units, Access(tmp_path)):
        mine = feeds[feed.name.split(".")[-1]]
        assert feed.scope == (mine.scope if mine.scope == "SIM_DE_LU" else "other")
        assert_frame_equal(feed.fetch(window, later), mine.fetch(window, later))


def test_the_world_has_not_changed(feeds, later):
    """Pinned values: a change here changes every result on the reference desk."""
    window = one_day(date(2026, 3, 17))
    found = {
        name: feeds[name].fetch(window, later)[column].sum()
        for name, column in (
            ("day_ahead_prices", "price"),
            ("imbalance_prices", "price"),
            ("system_forecasts", "value_mw"),
            ("weather_actuals", "value"),
            ("meter_readings", "energy_mwh"),
        )
    }
    assert found == pytest.approx(PINNED, rel=1e-6)


def test_naive_times_are_refused(feeds):
    naive = datetime(2026, 1, 1)  # noqa: DTZ001
    with pytest.raises(InputError, match="time zone"):
        Window(naive, datetime(2026, 1, 2, tzinfo=UTC))
    with pytest.raises(InputError, match="an end after its start"):
        Window(datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    with pytest.raises(InputError, match="time zone"):
        feeds["outages"].fetch(one_day(date(2026, 1, 1)), naive)


def test_the_lake_takes_the_rows_once_and_knows_corrections_only_later(feeds, later, tmp_path):
    feed = feeds["meter_readings"]
    rows = feed.fetch(span(date(2026, 4, 1), date(2026, 4, 30)), later)
    lake = Lake(tmp_path)
    assert lake.append_if_changed(feed.table.id, rows, scope=feed.scope).rows_written == rows.height
    assert lake.append_if_changed(feed.table.id, rows, scope=feed.scope).rows_written == 0
    corrected = rows.filter(pl.struct("unit", "period_start").is_first_distinct().not_())
    correction = corrected.row(0, named=True)
    this = (pl.col("unit") == correction["unit"]) & (
        pl.col("period_start") == correction["period_start"]
    )
    known = correction["knowledge_time"]
    for moment in (known - timedelta(minutes=1), known):
        seen = lake.as_of(feed.table.id, moment, scope=feed.scope).filter(this)
        value = rows.filter(this, pl.col("knowledge_time") <= moment)["energy_mwh"][-1]
        assert seen["energy_mwh"].to_list() == [value]


def test_a_desk_without_meters_or_thermal_units_gets_empty_typed_rows(
    reference_desk, later, tmp_path
):
    battery = reference_desk.model_copy(update={"units": (reference_desk.unit("battery"),)})
    for feed in feeds_for(battery, Access(tmp_path)):
        rows = feed.fetch(one_day(date(2026, 1, 5)), later)
        assert rows.columns == caller_columns(feed.table)
        assert rows.is_empty() == (feed.scope == battery.name)
