from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from energy_assets.feeds.interface import Window, known
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.tables import Table, table
from energy_assets.market import load_area
from energy_assets.quality import admit
from energy_assets.quality.catch_up import CHUNK_DAYS, REFRESH_DAYS, catch_up
from energy_assets_tests.e2e.desks import epf_desk
from energy_assets_tests.lakehouse.frames import SteppingClock, hours, prices

DESK = epf_desk()
AREA = load_area(DESK.area)
SESSION = AREA.session()
LAST = date(2016, 6, 30)
FIRST = LAST - timedelta(days=DESK.required_history_days)
LATE = datetime(2030, 1, 1, tzinfo=UTC)


def made_up_prices(first: date = FIRST - timedelta(days=5), last: date = LAST) -> pl.DataFrame:
    days = SESSION.days(first, last)
    frames = [
        prices(day.grid(60), [day.label.toordinal() % 50 + 1.0] * 24, day.start) for day in days
    ]
    return pl.concat(frames).with_columns(source=pl.lit("file"))


@dataclass
class Prices:
    """A feed that serves a frame and remembers what it was asked."""

    rows: pl.DataFrame
    asked: list[Window] = field(default_factory=list)
    name: str = "prices"
    source: str = "file"
    scope: str = AREA.code
    table: Table = field(default_factory=lambda: table("raw.market_prices"))
    selection: dict[str, str] = field(default_factory=lambda: {"series": "day_ahead"})

    def fetch(self, window: Window, as_of: datetime) -> pl.DataFrame:
        self.asked.append(window)
        return known(self.table, self.rows, window, as_of)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path, clock=SteppingClock(datetime(2026, 1, 1, tzinfo=UTC)))


def caught_up(lake: Lake, feed: Prices, last: date = LAST, as_of: datetime = LATE) -> int:
    feed.asked.clear()
    done = catch_up(lake, DESK, feed, last, last, as_of)
    return sum(admission.written for admission in done)


def stored(lake: Lake) -> pl.DataFrame:
    return lake.read("raw.market_prices").drop("ingested_at")


def span(feed: Prices) -> tuple[date, date]:
    return feed.asked[0].start.date(), feed.asked[-1].end.date()


def test_bad_rows_go_to_quarantine_whole_and_once(lake: Lake) -> None:
    batch = made_up_prices(LAST, LAST)
    bad = batch.with_columns(
        price=pl.when(pl.int_range(pl.len()) == 3).then(9999.0).otherwise(pl.col("price"))
    )
    window = Window(SESSION.delivery_day(LAST).start, SESSION.delivery_day(LAST).end)
    for written in (23, 0):
        done = admit(lake, Prices(bad), window, LATE, area=AREA, run_id="r")
        assert (done.fetched, done.written, done.rejected) == (24, written, {"price.limits": 1})
    kept = lake.read("quality.rejected_rows")
    assert kept.height == 1
    row = kept.row(0, named=True)
    assert (row["table"], row["rule"]) == ("raw.market_prices", "price.limits")
    assert "EPF_DE" in row["reason"]
    assert json.loads(row["raw_row"])["price"] == 9999.0
    assert stored(lake).height == 23
    # The feed repairs the row: it comes in, and the quarantine keeps its record.
    assert admit(lake, Prices(batch), window, LATE, area=AREA).written == 1
    assert lake.read("quality.rejected_rows").height == 1


def test_a_cold_lake_gets_the_whole_history_in_chunks_and_a_warm_one_two_weeks(
    lake: Lake,
) -> None:
    feed = Prices(made_up_prices())
    assert caught_up(lake, feed) == 24 * (DESK.required_history_days + 1)
    assert len(feed.asked) == -(-(DESK.required_history_days + 1) // CHUNK_DAYS)
    assert all(a.end == b.start for a, b in zip(feed.asked, feed.asked[1:], strict=False))
    assert caught_up(lake, feed) == 0
    start, _ = span(feed)
    assert timedelta(REFRESH_DAYS) <= LAST - start <= timedelta(REFRESH_DAYS + 1)


def test_day_by_day_and_all_at_once_give_the_same_rows(lake: Lake, tmp_path: Path) -> None:
    feed = Prices(made_up_prices())
    middle = SESSION.delivery_day(LAST - timedelta(days=3))
    caught_up(lake, feed, middle.label, middle.start)
    for number in (2, 1, 0):
        day = SESSION.delivery_day(LAST - timedelta(days=number))
        assert caught_up(lake, feed, day.label, day.start) == 24
    other = Lake(tmp_path / "other", clock=lake.clock)
    caught_up(other, feed)
    one, whole = (
        stored(each).filter(pl.col("period_start") >= SESSION.delivery_day(FIRST).start)
        for each in (lake, other)
    )
    assert_frame_equal(one, whole)


def test_nothing_known_later_is_fetched(lake: Lake) -> None:
    day = SESSION.delivery_day(LAST)
    caught_up(lake, Prices(made_up_prices()), as_of=day.start - timedelta(microseconds=1))
    assert stored(lake)["period_start"].max() == day.start - timedelta(hours=1)


@pytest.mark.parametrize("length", [2, 9])
def test_a_gap_long_ago_is_filled_once_the_source_has_it(lake: Lake, length: int) -> None:
    whole = made_up_prices()
    start = SESSION.delivery_day(LAST - timedelta(days=40)).start
    gap = pl.col("period_start").is_between(start, start + timedelta(days=length), closed="left")
    caught_up(lake, Prices(whole.filter(~gap)))
    feed = Prices(whole)
    assert caught_up(lake, feed) == 24 * length
    assert span(feed)[0] <= start.date()
    assert caught_up(lake, feed) == 0


def test_a_late_revision_within_two_weeks_is_found(lake: Lake) -> None:
    feed = Prices(made_up_prices())
    caught_up(lake, feed)
    start = SESSION.delivery_day(LAST - timedelta(days=10)).start
    changed = feed.rows.filter(pl.col("period_start") == start).with_columns(
        price=pl.lit(77.0), knowledge_time=pl.col("knowledge_time") + timedelta(days=5)
    )
    revised = replace(feed, rows=pl.concat([feed.rows, changed]))
    assert caught_up(lake, revised) == 1
    row = lake.read("raw.market_prices", start=start, end=start + timedelta(hours=1))
    assert row.select("price", "revision").row(0) == (77.0, 2)


def test_progress_is_told_after_every_chunk(lake: Lake) -> None:
    told: list[tuple[str, int, int]] = []
    feed = Prices(made_up_prices())
    catch_up(lake, DESK, feed, LAST, LAST, LATE, progress=lambda *step: told.append(step))
    count = len(feed.asked)
    assert told == [("prices", number + 1, count) for number in range(count)]


def test_a_source_that_starts_late_is_asked_for_all_it_may_have(lake: Lake) -> None:
    feed = Prices(made_up_prices(LAST - timedelta(days=30)))
    caught_up(lake, feed)
    assert caught_up(lake, feed) == 0
    assert span(feed)[0] <= FIRST
    assert hours(SESSION.delivery_day(LAST).start, 1)[0] <= feed.asked[-1].end
