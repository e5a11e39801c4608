from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_assets.curation.outages import (
    Periods,
    as_if_available,
    available_power,
    lowered_power,
    output_shares,
    parts_in_force,
    scaled_up,
)
from energy_assets.curation.unpublished_outages import unpublished, unpublished_note
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
    rows,
)

DESK = desk_of("wind", "solar", "battery", "gas_turbine", "load")
WIND = DESK.unit("wind")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def lake(tmp_path):
    return lake_at(tmp_path)


def at_decision(lake, label=DAY):
    return PointInTime(lake, DESK.decision_time(label))


def power_of(*messages, unit=WIND, day=None) -> np.ndarray:
    day = day or day_of()
    return available_power(parts_in_force(rows(*messages)), unit, Periods.of_day(day))


@pytest.mark.parametrize("label", [SPRING, DAY, AUTUMN, HOURLY])
def test_a_profile_of_several_parts_lowers_each_mtu_to_its_own_power(label):
    day = day_of(label)
    per_hour = 60 // day.mtu_minutes
    known = {"known": LONG_AGO}
    found = power_of(
        message(day.start, day.start + 3 * HOUR, 20, part=0, **known),
        message(day.start + 3 * HOUR, day.end - HOUR, 35, part=1, **known),
        day=day,
    )
    assert len(found) == day.hours * per_hour
    expected = [20.0] * 3 * per_hour + [35.0] * (day.hours - 4) * per_hour + [50.0] * per_hour
    assert found.tolist() == expected


def test_only_the_parts_of_the_latest_revision_count():
    day = day_of()
    found = power_of(
        message(day.start, day.start + 2 * HOUR, 0, part=0),
        message(day.start + 2 * HOUR, day.end, 10, part=1),
        message(day.start, day.start + HOUR, 30, revision=2),
    )
    assert found.tolist() == [30.0] * 4 + [50.0] * 92


def test_a_withdrawal_ends_all_parts_of_its_message_and_no_other():
    day = day_of()
    found = power_of(
        message(day.start, day.start + HOUR, 0, part=0),
        message(day.start + HOUR, day.end, 10, part=1),
        message(day.start, day.end, 0, revision=2, status="withdrawn"),
        message(day.start, day.start + HOUR, 40, message_id="other"),
    )
    assert found.tolist() == [40.0] * 4 + [50.0] * 92


spans = st.tuples(st.integers(-120, 1500), st.integers(1, 600), st.floats(0, 80))


@given(st.lists(spans, max_size=6), st.sampled_from([DAY, SPRING, AUTUMN, HOURLY]))
def test_power_is_the_least_of_what_touches_an_mtu(found, label):
    day = day_of(label)
    messages = [
        message(day.start + a * MINUTE, day.start + (a + n) * MINUTE, left, message_id=f"m{i}")
        for i, (a, n, left) in enumerate(found)
    ]
    expected = [
        min(
            [50.0]
            + [
                float(m["available_mw"])
                for m in messages
                if m["event_start"] < mtu.end and m["event_end"] > mtu.start
            ]
        )
        for mtu in day.mtus
    ]
    assert power_of(*messages, day=day).tolist() == expected


def test_units_of_others_and_loads_lower_nothing(lake):
    day = day_of()
    add(
        lake,
        DESK.name,
        message(day.start, day.end, 0, unit="load", message_id="a"),
        message(day.start, day.end, 0, unit="neighbour", message_id="b"),
        message(day.start, day.end, 25, unit="wind", message_id="c"),
    )
    assert list(lowered_power(at_decision(lake), DESK, day)) == ["wind"]
    assert set(output_shares(at_decision(lake), DESK, day)["wind"]) == {0.5}


def test_an_outage_known_after_the_decision_changes_nothing_before(lake):
    day, decided = day_of(), DESK.decision_time(DAY)
    add(lake, DESK.name, message(day.start, day.end, 0, known=decided + timedelta(seconds=1)))
    assert lowered_power(at_decision(lake), DESK, day) == {}


def test_past_output_is_scaled_to_the_whole_plant_and_left_out_where_little_of_it_was_there(lake):
    day = day_of()
    add(
        lake,
        DESK.name,
        message(day.start, day.start + HOUR, 30, message_id="a"),
        message(day.start + HOUR, day.start + 2 * HOUR, 10, message_id="b"),
    )
    readings = pl.DataFrame(
        {
            "period_start": [day.start + i * HOUR for i in range(3)],
            "resolution_min": [60] * 3,
            "power_mw": [12.0, 4.0, 21.0],
        }
    )
    found = as_if_available(at_decision(lake), DESK, WIND, readings)["power_mw"].to_list()
    assert found[0] == pytest.approx(20)
    assert np.isnan(found[1])
    assert found[2] == 21
    load = as_if_available(at_decision(lake), DESK, DESK.unit("load"), readings)
    assert load.equals(readings)


@given(
    st.floats(0, 50),
    st.floats(0.5, 1),
)
def test_scaling_up_never_passes_the_rating_nor_lowers_a_reading(power, share):
    (whole,) = scaled_up(np.array([power]), np.array([share]), 50.0)
    assert power <= whole <= 50 + 1e-9


@pytest.mark.parametrize(
    ("published", "is_secret"),
    [(None, True), ("later", True), ("before", False)],
)
def test_a_message_not_public_at_the_decision_is_named(lake, published, is_secret):
    decided, day = DESK.decision_time(DAY), day_of()
    told = {"later": decided + MINUTE, "before": decided, None: None}[published]
    add(lake, DESK.name, message(day.start, day.end, 0, published=told))
    found = unpublished(at_decision(lake), DESK, day)
    assert [each.message_id for each in found] == ["m"] * is_secret
    assert ("wind: m revision 1" in unpublished_note(found)) is is_secret
    assert unpublished(at_decision(lake), DESK, day_of(AUTUMN)) == []


def test_an_earlier_return_that_nobody_was_told_of_is_inside_information(lake):
    day = day_of()
    public = message(day.start, day.end, 0)
    back = message(day.start - 9 * HOUR, day.start - HOUR, 0, revision=2, published=None)
    add(lake, DESK.name, public, back)
    (found,) = unpublished(at_decision(lake), DESK, day)
    assert (found.unit, found.message_revision, found.published_at) == ("wind", 2, None)


def test_a_secret_withdrawal_counts_if_the_outage_was_public_and_a_secret_draft_does_not(lake):
    day = day_of()
    gone = {"revision": 2, "status": "withdrawn", "published": None}
    add(
        lake,
        DESK.name,
        message(day.start, day.end, 0, message_id="public"),
        message(day.start, day.end, 0, message_id="public", **gone),
        message(day.start, day.end, 0, message_id="draft", published=None),
        message(day.start, day.end, 0, message_id="draft", **gone),
        message(day.start, day.end, 0, message_id="foreign", published=None, unit="neighbour"),
    )
    assert [m.message_id for m in unpublished(at_decision(lake), DESK, day)] == ["public"]
