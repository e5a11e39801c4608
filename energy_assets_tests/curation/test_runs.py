from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from energy_assets.curation.desk_view import source_order
from energy_assets.curation.runs import run_curation
from energy_assets.portfolio import load_desk
from energy_assets_tests.bidding.known_rows import (
    add_outage,
    add_readings,
    desk_of,
    lake_at,
)
from energy_assets_tests.curation.outage_rows import AUTUMN, DAY, HOUR, HOURLY, SPRING, day_of
from energy_assets_tests.lakehouse.frames import frame

DESK = desk_of("wind", "battery")
LATER = datetime(2026, 10, 1, tzinfo=UTC)
TABLES = ("curated.market_series", "curated.unit_generation", "curated.unit_availability")


def add_rows(lake, table_id, day, minutes, value, known, *, source="test", **labels):
    """One value for every period of a day."""
    starts = day.grid(minutes)
    name = "price" if table_id == "raw.market_prices" else "value_mw"
    columns = {
        **{label: [text] * len(starts) for label, text in labels.items()},
        "period_start": starts,
        "resolution_min": [minutes] * len(starts),
        name: [value] * len(starts),
        "currency": ["EUR"] * len(starts),
        "source": [source] * len(starts),
        "knowledge_time": [known] * len(starts),
        "knowledge_basis": ["published"] * len(starts),
    }
    lake.append_if_changed(table_id, frame(table_id, columns), scope=DESK.area)


@pytest.fixture
def lake(tmp_path):
    return lake_at(tmp_path)


def series(lake, name):
    return lake.read("curated.market_series", scope=DESK.area, where={"series": name})


@pytest.mark.parametrize("label", [SPRING, DAY, AUTUMN, HOURLY])
def test_a_curated_day_has_the_mtus_of_its_session_and_a_second_run_writes_nothing(lake, label):
    day = day_of(label)
    minutes = day.mtu_minutes
    add_rows(lake, "raw.market_prices", day, minutes, 50.0, day.start, series="day_ahead")
    add_readings(lake, DESK, day, "wind", [9.0] * day.mtu_count, minutes)
    found = run_curation(lake, DESK, [label], LATER)
    rows = {name: each.rows for name, each in found.items()}
    assert rows == dict(zip(TABLES, (day.mtu_count, day.mtu_count, 2 * day.mtu_count), strict=True))
    stored = {name: lake.read(name) for name in TABLES}
    assert stored[TABLES[1]]["period_start"].to_list() == day.starts
    assert set(stored[TABLES[1]]["delivery_day"]) == {label}
    versions = [lake.version(name) for name in TABLES]
    assert all(each.written == 0 for each in run_curation(lake, DESK, [label], LATER).values())
    assert [lake.version(name) for name in TABLES] == versions


def test_days_curated_together_or_one_by_one_in_any_order_are_the_same(tmp_path):
    days = [SPRING + timedelta(days=n) for n in range(-1, 5)]
    found = []
    for name, calls in (("together", [days]), ("apart", [[day] for day in reversed(days)])):
        lake = lake_at(tmp_path / name)
        for label in days:
            day = day_of(label)
            add_readings(lake, DESK, day, "wind", [9.0] * day.mtu_count, day.mtu_minutes)
        add_outage(lake, DESK, "m", day_of(days[1]).start, day_of(days[3]).end, 5, unit="wind")
        for call in calls:
            run_curation(lake, DESK, call, LATER)
        found.append([lake.read(name).drop("ingested_at") for name in TABLES])
    for one, other in zip(*found, strict=True):
        assert one.equals(other)
    assert set(found[0][1]["delivery_day"]) == set(days)


def test_a_corrected_reading_replaces_its_day_and_no_other(lake):
    days = [DAY, DAY + timedelta(days=1)]
    for label in days:
        add_readings(lake, DESK, day_of(label), "wind", [9.0] * 96, 15)
    run_curation(lake, DESK, days, LATER)
    before = lake.read("curated.unit_generation", scope=DESK.name)
    add_readings(lake, DESK, day_of(DAY), "wind", [10.0] * 96, 15)
    run_curation(lake, DESK, [DAY], LATER)
    after = lake.read("curated.unit_generation", scope=DESK.name)
    assert after.height == 192
    by_day = dict(after.group_by("delivery_day").agg(pl.col("power_mw").mean()).iter_rows())
    assert by_day == pytest.approx({days[0]: 10.0, days[1]: 9.0})
    untouched = pl.col("delivery_day") == days[1]
    assert after.filter(untouched).equals(before.filter(untouched))


def test_prices_are_the_newest_revision_known_and_keep_their_vintage(lake):
    day = day_of()
    add_rows(lake, "raw.market_prices", day, 15, 50.0, day.start, series="day_ahead")
    add_rows(lake, "raw.market_prices", day, 15, 51.0, day.end, series="day_ahead")
    add_rows(lake, "raw.market_prices", day, 15, 99.0, LATER + HOUR, series="day_ahead")
    run_curation(lake, DESK, [DAY], LATER)
    (row,) = series(lake, "price.day_ahead").drop("period_start", "month").unique().to_dicts()
    assert (row["value"], row["revision"], row["knowledge_time"]) == (51.0, 2, day.end)
    assert (row["unit"], row["issue_time"], row["source"]) == ("EUR/MWh", None, "test")


def test_a_forecast_is_the_newest_vintage_known_at_the_days_decision(lake):
    day, decided = day_of(), DESK.decision_time(DAY)
    for hours, value in ((-20, 1.0), (-2, 2.0), (1, 3.0)):
        issued = decided + hours * HOUR
        known = issued + HOUR / 2
        starts = day.grid(60)
        columns = {
            "series": ["load"] * 24,
            "issue_time": [issued] * 24,
            "period_start": starts,
            "resolution_min": [60] * 24,
            "value_mw": [value] * 24,
            "source": ["test"] * 24,
            "knowledge_time": [known] * 24,
            "knowledge_basis": ["published"] * 24,
        }
        rows = frame("raw.system_forecasts", columns)
        lake.append_if_changed("raw.system_forecasts", rows, scope=DESK.area)
        add_rows(lake, "raw.system_actuals", day, 60, value, known, series="load")
    run_curation(lake, DESK, [DAY], LATER)
    forecast, actual = series(lake, "forecast.load"), series(lake, "actual.load")
    assert set(forecast["value"]) == {2.0}
    assert set(forecast["issue_time"]) == {decided - 2 * HOUR}
    assert set(actual["value"]) == {3.0}


def test_the_desks_first_source_gives_the_price_and_the_second_its_gaps(lake, repo):
    desk = load_desk(repo / "data/desks/de_lu.yaml")
    assert source_order(desk)[:2] == ("entsoe", "energy_charts")
    assert source_order(DESK) == ("reference_market_synthetic", "paper_plant")
    day = day_of()
    first = {"source": "reference_market_synthetic", "series": "day_ahead"}
    second = {"source": "another", "series": "day_ahead"}
    add_rows(lake, "raw.market_prices", day, 60, 80.0, day.start, **second)
    add_rows(lake, "raw.market_prices", day, 15, 50.0, day.start, **first)
    run_curation(lake, DESK, [DAY], LATER)
    assert set(series(lake, "price.day_ahead")["value"]) == {50.0}
    other = day_of(DAY + timedelta(days=1))
    add_rows(lake, "raw.market_prices", other, 60, 80.0, day.start, **second)
    run_curation(lake, DESK, [DAY, other.label], LATER)
    found = series(lake, "price.day_ahead").filter(pl.col("delivery_day") == other.label)
    assert set(found["value"]) == {80.0}
    assert found.height == 24
