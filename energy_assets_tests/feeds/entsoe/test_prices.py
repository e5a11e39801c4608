from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from energy_assets.feeds import SourceUnavailableError, Window
from energy_assets.feeds.entsoe.documents import read_documents
from energy_assets.feeds.entsoe.prices import imbalance_prices
from energy_assets.lakehouse import table
from energy_assets.lakehouse.enforcement import caller_columns
from energy_assets.market import load_area
from energy_assets_tests.feeds.entsoe.conftest import LATER, utc
from energy_assets_tests.loopback import entsoe_market as figures
from energy_assets_tests.loopback.entsoe import DE_LU, Market
from energy_assets_tests.loopback.entsoe_documents import market_document, time_series
from energy_assets_tests.loopback.server import Replaced

# 30 September 2025 is the last hourly delivery day, 1 October the first of quarter-hours.
SWITCH = utc(2025, 9, 30, 22)


def micros(frame):
    return frame["period_start"].dt.epoch("us").to_numpy()


def test_prices_are_those_served_in_the_table_the_registry_states(loopback):
    with loopback() as platform:
        found = platform.fetch("day_ahead_prices", utc(2025, 11, 1), utc(2025, 11, 3))
    assert found.columns == caller_columns(table("raw.market_prices"))
    assert found.height == 2 * 96
    assert np.array_equal(found["price"].to_numpy(), figures.day_ahead_price(micros(found)))
    assert set(found["series"]) == {"day_ahead"}
    assert set(found["source"]) == {"entsoe"}
    assert set(found["knowledge_basis"]) == {"rule"}


@pytest.mark.parametrize("curve", ["A01", "A03"])
def test_hours_and_quarter_hours_of_one_answer_meet_at_the_switch(loopback, curve):
    with loopback(Market(curve=curve)) as platform:
        found = platform.fetch("day_ahead_prices", utc(2025, 9, 29, 22), utc(2025, 10, 1, 22))
    before = found.filter(pl.col("period_start") < SWITCH)
    after = found.filter(pl.col("period_start") >= SWITCH)
    assert (before.height, set(before["resolution_min"])) == (24, {60})
    assert (after.height, set(after["resolution_min"])) == (96, {15})
    assert np.array_equal(found["price"].to_numpy(), figures.day_ahead_price(micros(found)))


def test_a_second_auctions_prices_stay_out(loopback):
    span = utc(2025, 12, 1, 23), utc(2025, 12, 4, 23)
    with loopback(Market(local_auction=True)) as both, loopback(Market(local_auction=False)) as one:
        assert_frame_equal(
            both.fetch("day_ahead_prices", *span), one.fetch("day_ahead_prices", *span)
        )


def test_another_resolution_stays_where_a_day_has_no_other(loopback):
    to_hours = Replaced(
        lambda body: body.replace(b"PT15M", b"PT60M").replace(
            b"2025-12-02T23:00Z</end>", b"2025-12-05T23:00Z</end>"
        )
    )
    with loopback(Market(local_auction=False, curve="A01")) as platform:
        platform.server.inject(to_hours)
        found = platform.fetch("day_ahead_prices", utc(2025, 12, 1, 23), utc(2025, 12, 2, 23))
    assert set(found["resolution_min"]) == {60}


@pytest.mark.parametrize(
    ("start", "end", "count"),
    [
        (utc(2025, 3, 29, 23), utc(2025, 3, 30, 22), 23),
        (utc(2024, 10, 26, 22), utc(2024, 10, 27, 23), 25),
        (utc(2025, 10, 25, 22), utc(2025, 10, 26, 23), 100),
        (utc(2026, 3, 28, 23), utc(2026, 3, 29, 22), 92),
    ],
)
def test_clock_change_days_have_their_own_number_of_blocks(loopback, start, end, count):
    with loopback() as platform:
        found = platform.fetch("day_ahead_prices", start, end)
        system = platform.fetch("load_actual", start, end)
    assert found.height == count
    assert found["period_start"].is_unique().all()
    assert system.height == (end - start) // timedelta(minutes=15)


@pytest.mark.parametrize("curve", ["A01", "A03"])
@pytest.mark.parametrize("name", ["day_ahead_prices", "load_forecast", "imbalance_prices"])
def test_a_gap_is_a_gap_never_a_zero_or_a_repeat(loopback, curve, name):
    gap = utc(2025, 11, 1, 10), utc(2025, 11, 1, 13)
    with loopback(Market(curve=curve, gaps=(gap,))) as platform:
        found = platform.fetch(name, utc(2025, 10, 31, 23), utc(2025, 11, 1, 23))
    inside = pl.col("period_start").is_between(*gap, closed="left")
    assert found.filter(inside).is_empty()
    assert found.height == 96 - 12


def test_prices_are_known_at_the_sessions_publication(loopback):
    span = utc(2025, 11, 1, 23), utc(2025, 11, 2, 23)
    with loopback() as platform:
        found = platform.fetch("day_ahead_prices", *span)
        assert set(found["knowledge_time"]) == {utc(2025, 11, 1, 11, 57)}
        assert platform.fetch("day_ahead_prices", *span, as_of=utc(2025, 11, 1, 11)).is_empty()


def test_more_than_a_page_of_days_is_fetched_page_by_page(loopback):
    with loopback() as platform:
        found = platform.fetch("day_ahead_prices", utc(2024, 11, 1), utc(2025, 5, 1))
        assert found.height == 181 * 24
        offsets = [request.query["offset"] for request in platform.server.requests]
    assert offsets == ["0", "100", "200", "300"]


def test_one_imbalance_price_is_one_series_and_two_are_two(loopback):
    span = utc(2025, 11, 1), utc(2025, 11, 2)
    with loopback() as platform:
        found = platform.fetch("imbalance_prices", *span)
    assert set(found["series"]) == {"imbalance"}
    assert np.array_equal(found["price"].to_numpy(), figures.imbalance_price(micros(found)))
    with loopback(Market(two_imbalance_prices=True)) as platform:
        found = platform.fetch("imbalance_prices", *span)
    assert found.group_by("series").len().sort("series").rows() == [
        ("imbalance_long", 96),
        ("imbalance_short", 96),
    ]
    short, long = (
        found.filter(pl.col("series") == f"imbalance_{side}")["price"] for side in ("short", "long")
    )
    assert (short - long - 25).abs().max() < 1e-9


def test_imbalance_prices_of_a_period_are_known_after_it(loopback):
    with loopback() as platform:
        found = platform.fetch(
            "imbalance_prices", utc(2025, 11, 1), utc(2025, 11, 2), as_of=utc(2025, 11, 1, 12)
        )
    assert found["period_start"].max() == utc(2025, 11, 1, 9, 45)
    assert found["knowledge_time"].max() == utc(2025, 11, 1, 12)


def test_germanys_imbalance_price_is_asked_by_dated_area_code(loopback):
    with loopback() as platform:
        found = platform.fetch("imbalance_prices", utc(2022, 6, 1), utc(2022, 7, 1))
        asked = [
            (request.query["controlArea_Domain"], request.query["periodEnd"])
            for request in platform.server.requests
        ]
    assert asked == [(DE_LU, "202206212200"), ("10YDE-RWENET---I", "202207012200")]
    assert found.height == 30 * 96


def imbalance_document(points, curve="A03"):
    lines = "".join(
        f"<Point><position>{position}</position>"
        f"<imbalance_Price.amount>{price}</imbalance_Price.amount>"
        + (f"<imbalance_Price.category>{side}</imbalance_Price.category>" if side else "")
        + "</Point>"
        for position, price, side in points
    )
    body = (
        "<Period><timeInterval><start>2025-11-01T00:00Z</start><end>2025-11-01T01:00Z</end>"
        f"</timeInterval><resolution>PT15M</resolution>{lines}</Period>"
    )
    head = {"currency_Unit.name": "EUR", "price_Measure_Unit.name": "MWH"}
    written = market_document("Balancing", "A85", time_series(1, head, curve, body))
    return read_documents(written, "A85")


def rows_of(points, area="DE_LU", curve="A03"):
    found = imbalance_prices(imbalance_document(points, curve), load_area(area))
    ordered = found.sort("series", "period_start")
    return [(row["series"], row["period_start"].minute, row["price"]) for row in ordered.to_dicts()]


def test_a_category_that_changes_from_point_to_point_ends_the_held_price():
    found = rows_of([(1, 10, "A04"), (3, 90, "A05")])
    assert found == [("imbalance", m, p) for m, p in ((0, 10), (15, 10), (30, 90), (45, 90))]


def test_positions_repeated_per_category_are_two_prices():
    found = rows_of([(1, 10, "A04"), (1, 20, "A05"), (3, 30, "A04"), (3, 30, "A05")])
    assert found == [
        ("imbalance", 30, 30),
        ("imbalance", 45, 30),
        ("imbalance_long", 0, 10),
        ("imbalance_long", 15, 10),
        ("imbalance_short", 0, 20),
        ("imbalance_short", 15, 20),
    ]


def test_a_price_without_a_category_is_the_one_price():
    assert rows_of([(1, 10, ""), (2, 20, "")], curve="A01") == [
        ("imbalance", 0, 10),
        ("imbalance", 15, 20),
    ]


def test_a_point_without_a_price_is_a_gap():
    found = rows_of([(1, 10, "A04"), (2, "", "A04"), (4, 12, "A04")])
    assert found == [("imbalance", 0, 10), ("imbalance", 45, 12)]


@pytest.mark.parametrize(
    ("name", "market", "field"),
    [
        ("day_ahead_prices", Market(currency="SEK"), "currency_Unit.name 'SEK', not EUR"),
        ("imbalance_prices", Market(currency="PLN"), "currency_Unit.name 'PLN', not EUR"),
        ("reserve_prices", Market(currency="CHF"), "currency_Unit.name 'CHF', not EUR"),
        ("load_actual", Market(power_unit="KWT"), "quantity_Measure_Unit.name 'KWT', not MAW"),
        ("wind_solar_forecast", Market(power_unit="MWH"), "'MWH', not MAW"),
    ],
)
def test_another_unit_is_refused_naming_series_document_and_field(loopback, name, market, field):
    with loopback(market) as platform, pytest.raises(SourceUnavailableError) as caught:
        platform.fetch(name, utc(2025, 11, 1), utc(2025, 11, 2))
    message = str(caught.value)
    assert message.startswith(f"entsoe: expected an answer to {name} of DE_LU from 2025-10-31")
    assert field in message
    assert "MarketDocument 'a1b2c3d4e5f6', TimeSeries 1" in message
    assert "\n" not in message


def test_a_window_outside_the_served_days_gives_nothing_but_the_columns(loopback):
    with loopback(Market(until=utc(2025, 1, 1))) as platform:
        for name, feed in platform.feeds().items():
            found = feed.fetch(Window(utc(2025, 11, 1), utc(2025, 11, 2)), LATER)
            # Auctions have no end in the pseudo-data.
            assert found.is_empty() or name == "reserve_prices"
            assert found.columns == caller_columns(feed.table)
