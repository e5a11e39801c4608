from __future__ import annotations

import pytest
import yaml

from energy_assets.commands.ingest import chunks
from energy_assets.errors import InputError
from energy_assets.feeds import Access, Window
from energy_assets.feeds.mapped_files import feeds_of
from energy_assets.lakehouse.enforcement import caller_columns
from energy_assets.portfolio import MappedFilesFeed
from energy_assets_tests.e2e.desks import epf_desk
from energy_assets_tests.feeds.mapped_files.written import (
    actuals,
    feed_in,
    feeds_in,
    hours,
    utc,
    values,
    write,
)

DESK = epf_desk()
SPEC = MappedFilesFeed(source="mapped_files", mapping="meters/mapping.yaml")


def desk_feeds(folder, document):
    path = folder / SPEC.mapping
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return feeds_of(SPEC, Access(folder), DESK)


def metering(scope=None):
    return actuals(
        scope=scope,
        table_table="raw.meter_readings",
        value_unit="kWh",
        value_labels={"unit": "wind"},
    )


def test_a_feed_gives_only_what_was_known_inside_its_window(tmp_path):
    write(tmp_path, ["t,mw", *hours("2026-01-01", list(range(24)))])
    feed = feed_in(tmp_path, actuals())
    window = Window(utc("2026-01-01T03:00"), utc("2026-01-01T09:00"))
    # A period is known 15 minutes after its end.
    found = feed.fetch(window, utc("2026-01-01T06:15"))
    assert found["value_mw"].to_list() == [3, 4, 5]
    assert found.columns == caller_columns(feed.table)
    assert feed.selection == {"series": "load"}
    assert feed.name == "written.a.0.system_actuals.X"


def test_metering_without_a_scope_belongs_to_the_desk_that_reads_it(tmp_path):
    write(tmp_path, ["t,mw", "2026-01-01 00:00,1"])
    (feed,) = desk_feeds(tmp_path, metering())
    assert feed.scope == DESK.name
    window = Window(utc("2026-01-01T00:00"), utc("2026-01-02T00:00"))
    assert feed.fetch(window, utc("2026-02-01T00:00"))["energy_mwh"].to_list() == [0.001]


def test_a_desk_reads_no_other_scope(tmp_path):
    with pytest.raises(InputError, match=r"expected rows of .* or global, found 'other'"):
        desk_feeds(tmp_path, metering("other"))


def test_rows_without_a_scope_need_one_by_hand(tmp_path):
    with pytest.raises(InputError, match=r"--scope: expected a scope for the rows of files\[a\]"):
        feeds_in(tmp_path, metering())
    (feed,) = feeds_in(tmp_path, metering(), "north")
    assert feed.scope == "north"


def test_a_changed_file_is_read_again(tmp_path):
    write(tmp_path, ["t,mw", "2026-01-01 00:00,1"])
    assert values(feed_in(tmp_path, actuals())) == [1]
    write(tmp_path, ["t,mw", "2026-01-01 00:00,21"])
    assert values(feed_in(tmp_path, actuals())) == [21]


def test_a_glob_reads_all_its_files(tmp_path):
    for day in ("2026-01-01", "2026-01-02"):
        write(tmp_path, ["t,mw", *hours(day, list(range(24)))], f"load_{day}.csv")
    feed = feed_in(tmp_path, actuals(path="load_*.csv"))
    (series,) = feed.series()
    assert (feed.prepared.rows_read, series.rows, series.gaps) == (48, 48, 0)
    assert (series.first, series.last) == (utc("2026-01-01T00:00"), utc("2026-01-02T23:00"))


def test_chunks_are_whole_months_that_cover_every_row_once(tmp_path):
    days = [f"2025-{month:02d}-{day:02d}" for month in (1, 2, 5, 12) for day in (1, 28)]
    write(tmp_path, ["t,mw", *(line for day in days for line in hours(day, list(range(24))))])
    feed = feed_in(tmp_path, actuals())
    times = feed.rows["period_start"]
    found = list(chunks(times, 100))
    assert [(w.start.month, w.end.month) for w in found] == [(1, 3), (5, 1)]
    assert sum(feed.fetch(w, utc("2030-01-01T00:00")).height for w in found) == len(times)
    assert len(list(chunks(times, 10))) == 4
