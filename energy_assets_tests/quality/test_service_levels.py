from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.lakehouse.tables import TABLES, UTC_TIME
from energy_assets.market import load_area
from energy_assets.quality.service_levels import (
    GOOD,
    MISSING,
    SUSPECT,
    completeness,
    freshness,
    plausibility,
)

SESSION = load_area("DE_LU").session()
NOON = datetime(2026, 3, 28, 11, tzinfo=UTC)
SHORT, NORMAL, LONG = date(2026, 3, 29), date(2026, 3, 30), date(2026, 10, 25)
ORDER = [GOOD, SUSPECT, MISSING]


def periods(start: datetime, count: int, minutes: int) -> pl.DataFrame:
    step = timedelta(minutes=minutes)
    return pl.DataFrame(
        {"period_start": [start + step * i for i in range(count)], "resolution_min": minutes},
        schema={"period_start": UTC_TIME, "resolution_min": pl.Int32},
    )


def known_at(*moments: datetime) -> pl.DataFrame:
    return pl.DataFrame({"knowledge_time": list(moments)}, schema={"knowledge_time": UTC_TIME})


@pytest.mark.parametrize("minutes", [15, 30, 60])
@pytest.mark.parametrize(("day", "hours"), [(SHORT, 23), (NORMAL, 24), (LONG, 25)])
def test_a_day_is_complete_with_its_own_hours_on_any_grid(day, hours, minutes):
    delivery = SESSION.delivery_day(day)
    whole = periods(delivery.start, hours * 60 // minutes, minutes)
    found = completeness(whole, delivery.start, delivery.end, 60, 1.0)
    assert found.verdict == GOOD
    assert found.detail == f"expected {hours} periods of 60 min, found {hours}"
    short = completeness(whole[:-1], delivery.start, delivery.end, 60, 1.0)
    assert short.verdict == MISSING
    assert short.detail.endswith(f"found {hours - 1}")


def test_overlapping_periods_of_two_lengths_count_once():
    delivery = SESSION.delivery_day(NORMAL)
    mixed = pl.concat([periods(delivery.start, 24, 60), periods(delivery.start, 8, 15)])
    assert completeness(mixed, delivery.start, delivery.end, 60, 1.0).verdict == GOOD
    halves = periods(delivery.start, 24, 60).with_columns(resolution_min=pl.lit(30, dtype=pl.Int32))
    assert completeness(halves, delivery.start, delivery.end, 60, 1.0).verdict == MISSING


@given(lost=st.integers(0, 96), share=st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_less_than_the_share_is_missing_and_less_than_all_suspect(lost, share):
    delivery = SESSION.delivery_day(NORMAL)
    rows = periods(delivery.start, 96, 15)[lost:]
    found = completeness(rows, delivery.start, delivery.end, 15, share).verdict
    if lost == 0:
        assert found == GOOD
    elif lost == 96 or 96 - lost < share * 96:
        assert found == MISSING
    else:
        assert found == SUSPECT


@given(
    ages=st.lists(st.integers(0, 200), min_size=1, max_size=5),
    later=st.integers(0, 100),
    level=st.integers(1, 100),
)
@settings(max_examples=80, deadline=None)
def test_news_only_gets_older_and_the_newest_row_counts(ages, later, level):
    rows = known_at(*(NOON - timedelta(hours=age) for age in ages))
    allowed = timedelta(hours=level)
    now = freshness(rows, NOON, allowed).verdict
    assert (now == MISSING) == (min(ages) > level)
    then = freshness(rows, NOON + timedelta(hours=later), allowed).verdict
    assert ORDER.index(then) >= ORDER.index(now)


def test_nothing_at_all_is_not_fresh():
    found = freshness(known_at(), NOON, timedelta(hours=26))
    assert found.verdict == MISSING
    assert found.detail == "expected news within 26.0 h, found none"


@pytest.mark.parametrize("day", [SHORT, NORMAL, LONG, LONG + timedelta(days=1)])
def test_a_days_price_in_its_ordinary_rhythm_is_good_also_over_a_clock_change(day):
    # Out at 12:45 of one day, used at 11:00 of the next.
    published = SESSION.gate_closure(day - timedelta(days=1)) + timedelta(minutes=45)
    decided = SESSION.gate_closure(day) - timedelta(hours=1)
    level = TABLES["raw.market_prices"].service.freshness
    assert freshness(known_at(published), decided, level).verdict == GOOD
    assert freshness(known_at(published - timedelta(days=1)), decided, level).verdict == MISSING


def judged(*verdicts: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "series": "series=load",
            "row_source": "a",
            "point_time": [NOON + timedelta(hours=i) for i in range(len(verdicts))],
            "rule": [f"rule_{i}" for i in range(len(verdicts))],
            "verdict": list(verdicts),
        }
    )


def test_points_cleared_again_do_not_count():
    assert plausibility(judged("good", "good")).verdict == GOOD
    found = plausibility(judged("good", "suspect", "quarantined"))
    assert found.verdict == SUSPECT
    assert found.detail == (
        "expected no doubtful point, found 2, 1 of them quarantined (rules: rule_1, rule_2)"
    )


def test_every_table_with_a_level_can_be_held_to_it():
    for table in TABLES.values():
        service = table.service
        assert service.freshness is None or service.freshness > timedelta()
        assert service.completeness is None or 0 < service.completeness <= 1
        assert table.retention >= timedelta(days=1)
