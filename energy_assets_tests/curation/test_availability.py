from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest

from energy_assets.curation.availability import SINCE_EVER, unit_availability
from energy_assets.curation.outages import Periods, available_power, parts_in_force
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets_tests.bidding.known_rows import desk_of, lake_at
from energy_assets_tests.curation.outage_rows import (
    AUTUMN,
    DAY,
    HOUR,
    HOURLY,
    LONG_AGO,
    SPRING,
    add,
    day_of,
    message,
)

DESK = desk_of("wind", "gas_turbine", "load")
OUT, BACK = LONG_AGO + timedelta(days=20), LONG_AGO + timedelta(days=21)


def believed(lake: Lake, label=DAY) -> pl.DataFrame:
    revisions = lake.read("raw.outages", scope=DESK.name, latest_revision=False)
    return unit_availability(DESK, day_of(label), revisions)


def at(found: pl.DataFrame, moment: datetime, unit: str = "wind") -> pl.DataFrame:
    """What a reader sees who asks as of a moment."""
    until = pl.col("known_until").is_null() | (pl.col("known_until") > moment)
    return found.filter(pl.col("unit") == unit, pl.col("known_from") <= moment, until).sort(
        "period_start"
    )


@pytest.mark.parametrize("label", [SPRING, DAY, AUTUMN, HOURLY])
def test_without_messages_units_are_whole_since_ever_and_loads_are_left_out(tmp_path, label):
    found = believed(lake_at(tmp_path), label)
    assert set(found["unit"]) == {"wind", "gas_turbine"}
    assert found.height == 2 * day_of(label).mtu_count
    assert (found["available_mw"] == found["capacity_mw"]).all()
    assert set(found["known_from"]) == {SINCE_EVER}
    assert found["known_until"].null_count() == found.height
    assert set(found["outage_type"]) == {"none"}


def test_each_revision_opens_a_span_only_where_it_changes_something(tmp_path):
    lake, day = lake_at(tmp_path), day_of()
    add(lake, DESK.name, message(day.start, day.start + 2 * HOUR, 20, known=OUT))
    add(lake, DESK.name, message(day.start, day.start + HOUR, 20, revision=2, known=BACK))
    found = believed(lake).filter(pl.col("unit") == "wind")
    spans = found.group_by("period_start", maintain_order=True).len()["len"].to_list()
    # Changed and confirmed, changed and withdrawn in part, never touched.
    assert spans == [2] * 4 + [3] * 4 + [1] * 88
    first = found.filter(pl.col("period_start") == day.start)
    assert first["known_from"].to_list() == [SINCE_EVER, OUT]
    assert first["known_until"].to_list() == [OUT, None]
    assert first["available_mw"].to_list() == [50.0, 20.0]
    assert first["messages"].to_list() == ["", "m"]
    fifth = found.filter(pl.col("period_start") == day.starts[4])
    assert fifth["available_mw"].to_list() == [50.0, 20.0, 50.0]


@pytest.mark.parametrize("label", [SPRING, AUTUMN])
def test_the_spans_say_what_a_decision_at_any_time_would_have_read(tmp_path, label):
    lake, day = lake_at(tmp_path), day_of(label)
    wind = DESK.unit("wind")
    for revision, (hours, left) in enumerate([((0, 9), 10), ((4, 25), 30), ((2, 5), 0)]):
        start, end = (day.start + h * HOUR for h in hours)
        known = OUT + revision * HOUR
        add(lake, DESK.name, message(start, end, left, revision=revision + 1, known=known))
    second = message(day.start, day.end, 25, message_id="n", kind="planned", known=OUT + 5 * HOUR)
    add(lake, DESK.name, second)
    found = believed(lake, label)
    for hours in range(-1, 8):
        moment = OUT + hours * HOUR
        rows = PointInTime(lake, moment).as_of("raw.outages", scope=DESK.name)
        seen = available_power(parts_in_force(rows), wind, Periods.of_day(day))
        assert at(found, moment)["available_mw"].to_list() == seen.tolist()
    last = at(found, OUT + 9 * HOUR)
    limiting = dict(last.select("available_mw", "outage_type").unique().iter_rows())
    assert limiting == {25.0: "planned", 0.0: "forced"}
    assert set(last["messages"]) == {"n", "m,n"}


def test_a_message_is_marked_unpublished_until_the_market_is_told(tmp_path):
    lake, day = lake_at(tmp_path), day_of()
    add(lake, DESK.name, message(day.start, day.end, 0, known=OUT, published=BACK))
    found = believed(lake)
    hidden = {moment: set(at(found, moment)["unpublished"]) for moment in (OUT, BACK)}
    assert hidden == {OUT: {True}, BACK: {False}}
    assert not at(found, OUT, "gas_turbine")["unpublished"].any()


def test_a_withdrawn_message_gives_the_power_back(tmp_path):
    lake, day = lake_at(tmp_path), day_of()
    add(lake, DESK.name, message(day.start, day.end, 0, known=OUT))
    gone = message(day.start, day.end, 0, revision=2, status="withdrawn", known=BACK)
    add(lake, DESK.name, gone)
    found = believed(lake)
    assert set(at(found, OUT)["available_mw"]) == {0.0}
    assert set(at(found, BACK)["available_mw"]) == {50.0}
