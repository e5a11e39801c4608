from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_assets.feeds.entsoe.documents import read_documents
from energy_assets.feeds.entsoe.periods import blocks_of, stretches_of
from energy_assets.feeds.entsoe.xml_screen import UnusableAnswerError
from energy_assets_tests.loopback.entsoe_documents import (
    PointSeries,
    market_document,
    period,
    periods,
    time_series,
)

START = datetime(2025, 9, 30, 22, tzinfo=UTC)
MICROS = int(START.timestamp()) * 1_000_000


def series_of(body, curve="A03"):
    head = {"quantity_Measure_Unit.name": "MAW"}
    document = market_document("GL", "A65", time_series(1, head, curve, body))
    return read_documents(document, "A65")[0].time_series[0]


def raw_period(points, resolution="PT60M", start="2025-01-01T00:00Z", end="2025-01-01T04:00Z"):
    lines = "".join(
        f"<Point><position>{position}</position>"
        + (f"<quantity>{value}</quantity>" if value is not None else "")
        + "</Point>"
        for position, value in points
    )
    return (
        f"<Period><timeInterval><start>{start}</start><end>{end}</end></timeInterval>"
        f"<resolution>{resolution}</resolution>{lines}</Period>"
    )


def hours(blocks):
    day = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
    return ((blocks.starts / 1e6 - day) / 3600).tolist()


values = st.lists(st.one_of(st.none(), st.integers(-3, 3)), min_size=1, max_size=60)


@given(values=values, curve=st.sampled_from(["A01", "A03"]), minutes=st.sampled_from([15, 30, 60]))
def test_any_series_comes_back_whatever_its_curve_type_leaves_out(values, curve, minutes):
    texts = tuple(None if value is None else str(value) for value in values)
    written = periods(PointSeries(MICROS, minutes, texts, "quantity"), curve)
    found = blocks_of(series_of(written, curve), "quantity")
    step = minutes * 60_000_000
    pairs = [pair for blocks in found for pair in zip(blocks.starts, blocks.values, strict=True)]
    expected = [(MICROS + n * step, value) for n, value in enumerate(values) if value is not None]
    assert pairs == expected
    spans = [
        (start, end, value)
        for part in stretches_of(series_of(written, curve), "quantity", "Period")
        for start, end, value in zip(part.starts, part.ends, part.values, strict=True)
    ]
    assert sum(end - start for start, end, _ in spans) == step * len(expected)
    for moment, value in expected:
        assert [v for start, end, v in spans if start <= moment < end] == [value]


def test_a_missing_position_is_a_gap_in_a01_and_a_repeat_in_a03():
    body = raw_period([(1, 5), (3, 7)])
    (gaps,) = blocks_of(series_of(body, "A01"), "quantity")
    (held,) = blocks_of(series_of(body, "A03"), "quantity")
    assert (hours(gaps), gaps.values.tolist()) == ([0, 2], [5, 7])
    assert (hours(held), held.values.tolist()) == ([0, 1, 2, 3], [5, 5, 7, 7])


def test_a_position_without_a_value_ends_a_held_value():
    (held,) = blocks_of(series_of(raw_period([(1, 5), (2, None), (4, 9)])), "quantity")
    assert (hours(held), held.values.tolist()) == ([0, 3], [5, 9])


def test_nothing_is_held_before_the_first_position():
    (held,) = blocks_of(series_of(raw_period([(3, 5)])), "quantity")
    assert hours(held) == [2, 3]


def test_points_out_of_order_are_put_in_order():
    (held,) = blocks_of(series_of(raw_period([(3, 7), (1, 5)])), "quantity")
    assert held.values.tolist() == [5, 5, 7, 7]


@pytest.mark.parametrize(
    ("day", "length"), [("2025-03-29", 23), ("2025-10-25", 25), ("2025-06-01", 24)]
)
def test_days_have_the_hours_the_clock_gives_them(day, length):
    start = datetime.fromisoformat(day + "T23:00").replace(tzinfo=UTC)
    start -= timedelta(hours=0 if day == "2025-03-29" else 1)
    micros = int(start.timestamp()) * 1_000_000
    texts = tuple(str(n) for n in range(length))
    (blocks,) = blocks_of(
        series_of(period(PointSeries(micros, 60, texts, "quantity"), "A01"), "A01"), "quantity"
    )
    assert blocks.values.tolist() == list(range(length))
    assert set(np.diff(blocks.starts)) == {3_600_000_000}


@pytest.mark.parametrize(
    ("start", "end", "hours_utc"),
    [
        ("2025-03-29T23:00Z", "2025-03-30T22:00Z", [0, 3, 7, 11, 15, 19]),
        ("2025-10-25T22:00Z", "2025-10-26T23:00Z", [0, 5, 9, 13, 17, 21]),
    ],
)
def test_four_hour_blocks_follow_the_wall_clock(start, end, hours_utc):
    body = raw_period([(n, n) for n in range(1, 7)], "PT4H", start, end)
    (blocks,) = blocks_of(series_of(body, "A01"), "quantity")
    assert ((blocks.starts - blocks.starts[0]) / 3.6e9).tolist() == hours_utc
    assert blocks.minutes == 240


def test_a_day_stays_one_block_on_the_long_day():
    body = raw_period([(1, 4)], "P1D", "2025-10-25T22:00Z", "2025-10-26T23:00Z")
    (blocks,) = blocks_of(series_of(body, "A01"), "quantity")
    assert (blocks.values.tolist(), blocks.minutes) == ([4], 1440)


def test_years_in_minutes_are_read_without_expanding_them():
    body = raw_period([(1, 0), (600, 200)], "PT1M", "2020-01-01T00:00Z", "2040-01-01T00:00Z")
    (found,) = stretches_of(series_of(body), "quantity", "Period")
    assert found.values.tolist() == [0, 200]
    assert (found.ends[0] - found.starts[0]) / 6e7 == 599


@pytest.mark.parametrize(
    ("body", "curve", "found"),
    [
        (raw_period([(5, 1)]), "A01", "position 5 of 4"),
        (raw_period([(0, 1)]), "A01", "position 0 of 4"),
        (raw_period([(1, 1), (1, 2)]), "A01", "a position twice"),
        (raw_period([("x", 1)]), "A01", "position 'x'"),
        (raw_period([(1, "1_0")]), "A01", "quantity '1_0', not a number"),
        (raw_period([(1, "nan")]), "A01", "quantity 'nan', not a number"),
        (raw_period([(1, 1)], "P1M"), "A01", "resolution 'P1M'"),
        (raw_period([(1, 1)], "PT7M"), "A01", "not a whole number of 7-minute blocks"),
        (raw_period([(1, 1)], end="2025-01-01T00:00Z"), "A01", "ends before it starts"),
        (raw_period([(1, 1)], end="2025-01-01T04:00"), "A01", "not a UTC moment"),
        (raw_period([(1, 1)]), "A05", "curveType 'A05', not A01 or A03"),
    ],
)
def test_what_cannot_be_used_is_named_with_document_and_place(body, curve, found):
    with pytest.raises(UnusableAnswerError) as caught:
        blocks_of(series_of(body, curve), "quantity")
    assert found in str(caught.value)
    assert str(caught.value).startswith("GL_MarketDocument 'a1b2c3d4e5f6', TimeSeries 1")
