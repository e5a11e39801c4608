from __future__ import annotations

import json
from datetime import date, timedelta

import polars as pl
import pytest

from energy_assets.feeds import SourceUnavailableError, Window
from energy_assets.lakehouse import Lake
from energy_assets.lakehouse.enforcement import caller_columns
from energy_assets.market import load_area
from energy_assets.quality.admission import admit
from energy_assets_tests.feeds.source_desks import feeds_on, utc
from energy_assets_tests.loopback.energy_charts import energy_charts_handler
from energy_assets_tests.loopback.server import (
    Answer,
    CutShort,
    LoopbackServer,
    Replaced,
    Status,
    json_answer,
)

SPEC = {"source": "energy_charts"}
LATER = utc(2030, 1, 1)
SESSION = load_area("DE_LU").session()


def day_prices(first, last, minutes=None):
    """Prices of delivery days on their own grid: the number of the position."""
    return {
        start: float(position)
        for day in SESSION.days(first, last)
        for position, start in enumerate(day.grid(minutes or day.mtu_minutes))
    }


def window_of(first, last):
    return Window(SESSION.delivery_day(first).start, SESSION.delivery_day(last).end)


def fetched(prices, window, as_of=LATER, **handler):
    with LoopbackServer({"/price": energy_charts_handler(prices, **handler)}) as server:
        return feeds_on(SPEC, url=server.url)[0].fetch(window, as_of)


def test_prices_are_rows_of_the_area_with_a_knowledge_time_by_rule():
    day = date(2026, 3, 2)
    found = fetched(day_prices(day, day), window_of(day, day))
    feed = feeds_on(SPEC)[0]
    assert found.columns == caller_columns(feed.table)
    assert (feed.scope, feed.source, feed.selection) == (
        "DE_LU",
        "energy_charts",
        {"series": "day_ahead"},
    )
    assert found.height == 96
    assert set(found["resolution_min"]) == {15}
    assert set(found["currency"]) == {"EUR"}
    assert set(found["knowledge_basis"]) == {"rule"}
    published = SESSION.publication(day)
    assert set(found["knowledge_time"]) == {published + timedelta(hours=1)}
    assert fetched(day_prices(day, day), window_of(day, day), SESSION.gate_closure(day)).is_empty()


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 3, 30), 24)]
)
def test_a_day_has_its_own_number_of_quarter_hours(day, hours):
    first, last = day - timedelta(days=1), day + timedelta(days=1)
    found = fetched(day_prices(first, last), window_of(day, day))
    assert found.height == 4 * hours
    assert found["price"].to_list() == list(range(4 * hours))


def test_hours_become_quarter_hours_in_the_middle_of_an_answer():
    first, last = date(2025, 9, 29), date(2025, 10, 2)
    found = fetched(day_prices(first, last), window_of(first, last))
    by_day = found.group_by("resolution_min", pl.col("knowledge_time").dt.date().alias("day")).len()
    assert sorted(by_day.rows()) == [
        (15, date(2025, 9, 30), 96),
        (15, date(2025, 10, 1), 96),
        (60, date(2025, 9, 28), 24),
        (60, date(2025, 9, 29), 24),
    ]
    change = found.filter(pl.col("resolution_min") == 15)["period_start"].min()
    assert change == utc(2025, 9, 30, 22)
    gaps = found["period_start"].diff().drop_nulls().dt.total_minutes()
    assert gaps.to_list() == found["resolution_min"].to_list()[:-1]


def test_a_hole_is_a_gap_and_does_not_stretch_its_neighbours():
    day = date(2026, 3, 2)
    prices = day_prices(day, day)
    stamps = list(prices)
    prices[stamps[10]] = None
    for stamp in (*stamps[20:23], stamps[-1]):
        del prices[stamp]
    found = fetched(prices, window_of(day, day))
    assert found.height == 96 - 5
    assert set(found["resolution_min"]) == {15}
    assert stamps[10] not in found["period_start"].to_list()


def test_a_lone_stamp_has_the_markets_own_length():
    day = date(2026, 3, 2)
    alone = dict(list(day_prices(day, day).items())[:1])
    assert fetched(alone, window_of(day, day))["resolution_min"].to_list() == [15]


def test_a_long_window_is_asked_for_in_parts_and_brings_each_stamp_once():
    first, last = date(2025, 1, 1), date(2025, 9, 1)
    prices = day_prices(first, last)
    with LoopbackServer({"/price": energy_charts_handler(prices)}) as server:
        feed = feeds_on(SPEC, url=server.url)[0]
        found = feed.fetch(window_of(first, last), LATER)
        assert server.count("/price") == 3
    assert found["period_start"].to_list() == list(prices)


def test_a_refusal_for_now_is_asked_again_and_the_licence_stays_in_the_raw_answer(tmp_path):
    day = date(2026, 3, 2)
    handlers = {"/price": energy_charts_handler(day_prices(day, day))}
    with LoopbackServer(handlers) as server:
        feed = feeds_on(SPEC, url=server.url, raw_answers=tmp_path)[0]
        server.inject(Status(429, retry_after="1"), CutShort())
        found = feed.fetch(window_of(day, day), LATER)
        assert found.height == 96
        assert server.count("/price") == 3
        server.inject(*[Status(503)] * 3)
        with pytest.raises(SourceUnavailableError, match=r"^energy_charts: .*HTTP 503") as caught:
            feed.fetch(window_of(day, day), LATER)
        assert "\n" not in str(caught.value)
    assert not [column for column in found.columns if "licen" in column]
    assert list(tmp_path.rglob("index.jsonl"))


def replaced(**fields):
    def change(body):
        return json.dumps({**json.loads(body), **fields}).encode()

    return Replaced(change)


UNUSABLE = {
    "cut in the middle": (Replaced(lambda body: body[:-30]), "Invalid JSON"),
    "a page": (Replaced(lambda _: b"<html>busy</html>"), "Invalid JSON"),
    "another currency": (replaced(unit="CHF / MWh"), "CHF / MWh"),
    "another unit": (replaced(unit="EUR / kWh"), "EUR / kWh"),
    "text for a price": (replaced(price=["12.5"]), "price.0"),
    "fewer prices than stamps": (replaced(price=[1.0]), "96 stamps and 1 prices"),
    "a renamed field": (Replaced(lambda body: body.replace(b"price", b"preis")), "price"),
    "stamps off the grid": (
        replaced(unix_seconds=[1772406060, 1772406960], price=[1.0, 2.0]),
        "stamps off any grid",
    ),
    "a step of seven minutes": (
        replaced(unix_seconds=[1772406000, 1772406420], price=[1.0, 2.0]),
        "stamps off any grid",
    ),
    "a stamp in no century": (replaced(unix_seconds=[10**18], price=[1.0]), "no time"),
    "not a number": (Replaced(lambda body: body.replace(b"[0.0,", b"[NaN,")), "price.0"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_an_unusable_answer_is_one_line_and_no_row(case):
    fault, what = UNUSABLE[case]
    day = date(2026, 3, 2)
    with LoopbackServer({"/price": energy_charts_handler(day_prices(day, day))}) as server:
        feed = feeds_on(SPEC, url=server.url)[0]
        server.inject(fault)
        with pytest.raises(SourceUnavailableError) as caught:
            feed.fetch(window_of(day, day), LATER)
    message = str(caught.value)
    assert message.startswith("energy_charts: expected an answer to ")
    assert what in message
    assert "\n" not in message
    assert len(message) < 600


def test_an_unknown_zone_is_told_as_the_source_says_it():
    day = date(2026, 3, 2)
    with pytest.raises(SourceUnavailableError, match="no such bidding zone"):
        fetched(day_prices(day, day), window_of(day, day), zone="XX")


def test_an_empty_answer_is_no_rows():
    day = date(2026, 3, 2)
    found = fetched({}, window_of(day, day))
    assert found.is_empty()
    assert found.columns == caller_columns(feeds_on(SPEC)[0].table)


def test_a_flood_of_repeated_stamps_is_one_row_each_and_fetching_again_adds_none(tmp_path):
    day = date(2026, 3, 2)
    start = int(SESSION.delivery_day(day).start.timestamp())
    stamps = [start + 900 * position for position in range(96)]
    body = {"unix_seconds": stamps * 50, "price": [1.0] * 96 * 50, "unit": "EUR / MWh"}

    def handle(request) -> Answer:
        return json_answer(body)

    lake = Lake(tmp_path / "lake")
    with LoopbackServer({"/price": handle}) as server:
        feed = feeds_on(SPEC, url=server.url)[0]
        area = load_area("DE_LU")
        assert admit(lake, feed, window_of(day, day), LATER, area=area).written == 96
        assert admit(lake, feed, window_of(day, day), LATER, area=area).written == 0
