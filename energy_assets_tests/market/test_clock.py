from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.market import area_codes, load_area

SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
DAYS = st.dates(date(2015, 1, 1), date(2035, 12, 31))


@pytest.mark.parametrize(
    ("code", "day", "hours", "count"),
    [
        ("DE_LU", date(2026, 1, 15), 24, 96),
        ("DE_LU", SPRING, 23, 92),
        ("DE_LU", AUTUMN, 25, 100),
        ("DE_LU", date(2025, 9, 30), 24, 24),
        ("DE_LU", date(2025, 10, 1), 24, 96),
        ("DE_LU", date(2025, 3, 30), 23, 23),
        ("DE_LU", date(2024, 10, 27), 25, 25),
        ("SIM_DE_LU", AUTUMN, 25, 100),
        ("EPF_DE", date(2016, 3, 27), 24, 24),
        ("EPF_PJM", date(2016, 11, 6), 24, 24),
        ("GB", SPRING, 23, 23),
        ("GB", AUTUMN, 25, 25),
    ],
)
def test_delivery_day_has_the_markets_length_and_grid(code, day, hours, count):
    delivery_day = load_area(code).session().delivery_day(day)
    assert (delivery_day.hours, delivery_day.mtu_count) == (hours, count)
    assert len(delivery_day.mtus) == count


def test_gb_settlement_day_has_46_48_and_50_periods():
    session = load_area("GB").session("settlement")
    assert [session.delivery_day(d).mtu_count for d in (SPRING, date(2026, 5, 1), AUTUMN)] == [
        46,
        48,
        50,
    ]


def test_gb_day_ahead_day_runs_from_23_to_23_uk_time():
    day = load_area("GB").session().delivery_day(date(2026, 7, 1))
    assert day.start == datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert day.end == datetime(2026, 7, 1, 22, tzinfo=UTC)


@given(code=st.sampled_from(area_codes()), day=DAYS)
@settings(max_examples=150, deadline=None)
def test_days_tile_time_without_gap_or_overlap(code, day):
    session = load_area(code).session()
    today, tomorrow = session.days(day, day + timedelta(days=1))
    assert today.end == tomorrow.start
    assert today.mtus[-1].end == today.end
    starts = today.starts
    assert all(b - a == timedelta(minutes=today.mtu_minutes) for a, b in itertools.pairwise(starts))
    assert session.delivery_day_of(today.start) == today
    assert session.delivery_day_of(today.end - timedelta(microseconds=1)) == today


@given(code=st.sampled_from(area_codes()), day=DAYS)
@settings(max_examples=100, deadline=None)
def test_gate_and_publication_come_before_delivery_and_in_order(code, day):
    session = load_area(code).session()
    delivery = session.delivery_day(day)
    assert session.gate_closure(day) < session.publication(day) < delivery.start


@pytest.mark.parametrize("day", [date(2026, 1, 10), date(2026, 7, 10), SPRING, AUTUMN])
def test_sdac_gate_is_noon_in_brussels_the_day_before(day):
    gate = load_area("BE").session().gate_closure(day).astimezone(ZoneInfo("Europe/Brussels"))
    assert (gate.hour, gate.minute, gate.date()) == (12, 0, day - timedelta(days=1))


def test_repeated_hour_gets_labels_that_tell_the_two_apart():
    labels = load_area("DE_LU").session().delivery_day(AUTUMN).local_labels()
    assert len(set(labels)) == 100
    assert "02:15+0200" in labels
    assert "02:15+0100" in labels


def test_position_of_a_moment_outside_the_day_is_refused():
    day = load_area("DE_LU").session().delivery_day(SPRING)
    assert day.position_of(day.start) == 1
    assert day.position_of(day.end - timedelta(minutes=1)) == 92
    with pytest.raises(ValueError, match="not in delivery day"):
        day.position_of(day.end)
