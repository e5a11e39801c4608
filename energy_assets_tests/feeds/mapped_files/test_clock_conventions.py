from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.errors import InputError
from energy_assets.feeds.mapped_files.clocks import moments
from energy_assets.market.clock import delivery_day
from energy_assets_tests.feeds.mapped_files.written import (
    AUTUMN,
    SPRING,
    actuals,
    feed_in,
    hours,
    starts,
    utc,
    values,
    write,
)

BERLIN = {"time_clock": "Europe/Berlin"}
# UTC start of the Berlin days of the clock changes.
SPRING_START, AUTUMN_START = utc("2026-03-28T23:00"), utc("2026-10-24T22:00")
HOUR = timedelta(hours=1)


def run(first: datetime, count: int, step: timedelta = HOUR) -> list[datetime]:
    return [first + step * i for i in range(count)]


def test_utc_and_fixed_offsets_never_change(tmp_path):
    for day in (SPRING, AUTUMN):
        midnight = utc(f"{day}T00:00")
        assert starts(tmp_path, hours(day, list(range(24)))) == run(midnight, 24)
        found = starts(tmp_path, hours(day, list(range(24))), time_clock="UTC+1")
        assert found == run(midnight - HOUR, 24)
        found = starts(tmp_path, hours(day, list(range(24))), time_clock="UTC-05:30")
        assert found == run(midnight + timedelta(hours=5, minutes=30), 24)


def test_stamps_that_carry_their_offset_name_both_autumn_hours(tmp_path):
    lines = [f"{AUTUMN} 02:00:00+0200,1", f"{AUTUMN} 02:00:00+0100,2"]
    found = starts(tmp_path, lines, time_clock="in_stamp", time_formats="%Y-%m-%d %H:%M:%S%z")
    assert found == [utc(f"{AUTUMN}T00:00"), utc(f"{AUTUMN}T01:00")]


def test_local_with_both_hours_covers_23_and_25_hours(tmp_path):
    both = {**BERLIN, "time_convention": "local_with_both_hours"}
    spring = hours(SPRING, [0, 1, *range(3, 24)])
    assert starts(tmp_path, spring, **both) == run(SPRING_START, 23)
    autumn = hours(AUTUMN, [0, 1, 2, *range(2, 24)])
    assert starts(tmp_path, autumn, **both) == run(AUTUMN_START, 25)


def test_local_with_both_hours_in_quarter_hours_and_falling_order(tmp_path):
    both = {**BERLIN, "time_convention": "local_with_both_hours", "time_resolution_min": 15}
    wall = [f"{AUTUMN} 0{hour}:{q:02d}" for hour in (1, 2, 2, 3) for q in (0, 15, 30, 45)]
    quarters = run(utc("2026-10-24T23:00"), 16, timedelta(minutes=15))
    lines = [f"{stamp},{row}" for row, stamp in enumerate(wall)]
    assert starts(tmp_path, lines, **both) == quarters
    assert starts(tmp_path, lines[::-1], **both) == quarters[::-1]


def test_both_autumn_hours_are_counted_for_each_series_of_a_long_file(tmp_path):
    wall = [1, 2, 2, 3]
    rows = [f"{AUTUMN} {hour:02d}:00,{unit},1" for hour in wall for unit in "ab"]
    write(tmp_path, ["t,unit,mw", *rows])
    document = actuals(
        **BERLIN,
        time_convention="local_with_both_hours",
        table_table="raw.telemetry",
        table_label_columns={"unit": "unit"},
        value_labels={"signal": "power"},
    )
    found = feed_in(tmp_path, document).rows.sort("unit", "measured_at")
    assert found["unit"].to_list() == ["a"] * 4 + ["b"] * 4
    assert found["measured_at"].to_list() == run(utc("2026-10-24T23:00"), 4) * 2


def test_normalised_days_lose_the_filled_hour_and_leave_a_gap_in_autumn(tmp_path):
    normal = {**BERLIN, "time_convention": "normalised_24"}
    assert starts(tmp_path, hours(SPRING, list(range(24))), **normal) == run(SPRING_START, 23)
    feed = feed_in(tmp_path, actuals(**normal))
    assert values(feed) == [0, 1, *range(3, 24)]
    assert feed.prepared.skipped == {"hour_does_not_exist": 1}
    found = starts(tmp_path, hours(AUTUMN, list(range(24))), **normal)
    every_hour = run(AUTUMN_START, 25)
    assert found == every_hour[:3] + every_hour[4:]
    feed = feed_in(tmp_path, actuals(**normal))
    assert (feed.prepared.averaged, feed.series()[0].gaps, feed.prepared.skipped) == (1, 1, {})


def test_a_dropped_autumn_hour_is_the_second_one(tmp_path):
    dropped = {**BERLIN, "time_convention": "autumn_hour_dropped"}
    every_hour = run(AUTUMN_START, 25)
    found = starts(tmp_path, hours(AUTUMN, list(range(24))), **dropped)
    assert found == every_hour[:3] + every_hour[4:]
    assert starts(tmp_path, hours(SPRING, [0, 1, *range(3, 24)]), **dropped) == run(
        SPRING_START, 23
    )


@pytest.mark.parametrize("convention", ["local_with_both_hours", "autumn_hour_dropped"])
def test_an_hour_that_does_not_exist_is_refused_where_none_is_filled(tmp_path, convention):
    with pytest.raises(InputError) as refused:
        starts(tmp_path, hours(SPRING, [0, 1, 2]), **BERLIN, time_convention=convention)
    assert str(refused.value).startswith("a.csv: row 4, column 't': expected a time that exists")


def test_a_shifted_spring_day_is_numbered_from_midnight(tmp_path):
    shifted = {**BERLIN, "time_convention": "spring_hour_shifted"}
    assert starts(tmp_path, hours(SPRING, list(range(23))), **shifted) == run(SPRING_START, 23)
    # A 24th row of a 23-hour day stands for no hour.
    assert starts(tmp_path, hours(SPRING, list(range(24))), **shifted) == run(SPRING_START, 23)
    assert feed_in(tmp_path, actuals(**shifted)).prepared.skipped == {"hour_does_not_exist": 1}
    found = starts(tmp_path, hours(AUTUMN, list(range(24))), **shifted)
    every_hour = run(AUTUMN_START, 25)
    assert found == every_hour[:3] + every_hour[4:]


def test_row_numbers_replace_stamps_that_drift(tmp_path):
    lines = [f"2026-03-29 0{h}:{q:02d}:00.{7 * h + q:03d},1" for h in (0, 1) for q in (0, 15, 30)]
    grid = {
        "time_clock": "UTC+1",
        "time_convention": "row_number",
        "time_start": "2026-03-29T00:00",
        "time_resolution_min": 15,
        "time_formats": "%Y-%m-%d %H:%M:%S%.f",
    }
    found = starts(tmp_path, lines[:3], **grid)
    assert found == run(utc("2026-03-28T23:00"), 3, timedelta(minutes=15))
    with pytest.raises(InputError, match="row 5, column 't': expected a time near"):
        starts(tmp_path, lines, **grid)


def test_hour_ending_stamps_name_the_hour_before(tmp_path):
    ends = {"time_stamp": "period_end"}
    assert starts(tmp_path, [f"{SPRING} 01:00,1"], **ends) == [utc(f"{SPRING}T00:00")]
    both = {**BERLIN, **ends, "time_convention": "local_with_both_hours"}
    # The clock shows 03:00 when the hour from 01:00 on is over.
    spring = hours(SPRING, [1, 3, 4])
    assert starts(tmp_path, spring, **both) == run(SPRING_START, 3)
    autumn = hours(AUTUMN, [1, 2, 2, 3, 4])
    assert starts(tmp_path, autumn, **both) == run(AUTUMN_START, 5)
    labels = {**BERLIN, **ends, "time_convention": "normalised_24"}
    lines = [*hours(SPRING, list(range(1, 24))), "2026-03-30 00:00,23"]
    assert starts(tmp_path, lines, **labels) == run(SPRING_START, 23)


@pytest.mark.parametrize(
    ("day", "count", "resolution"),
    [
        (SPRING, 46, 30),
        (AUTUMN, 50, 30),
        ("2026-06-01", 48, 30),
        (SPRING, 92, 15),
        (AUTUMN, 100, 15),
    ],
)
def test_settlement_periods_are_counted_from_midnight(tmp_path, day, count, resolution):
    write(tmp_path, ["d,p,mw", *(f"{day},{p},{p}" for p in range(1, count + 1))])
    periods = actuals(
        time_column=None,
        time_date="d",
        time_period="p",
        time_clock="Europe/London",
        time_convention="local_with_both_hours",
        time_resolution_min=resolution,
    )
    bounds = delivery_day(
        date.fromisoformat(day),
        clock="Europe/London",
        start_offset=timedelta(),
        mtu_minutes=resolution,
    )
    assert feed_in(tmp_path, periods).rows["period_start"].to_list() == bounds.starts
    write(tmp_path, ["d,p,mw", f"{day},{count + 1},0"])
    with pytest.raises(InputError, match=f"row 2, column 'p': expected a {resolution}-minute"):
        _ = feed_in(tmp_path, periods).rows


def test_hours_side_by_side_follow_the_same_conventions_as_stamps(tmp_path):
    names = [str(hour) for hour in range(24)]
    for day in (SPRING, AUTUMN):
        for convention in ("normalised_24", "spring_hour_shifted"):
            wide = actuals(
                time_column=None,
                time_date="d",
                time_period_columns=names,
                **BERLIN,
                time_convention=convention,
                value_column="value",
            )
            write(tmp_path, [",".join(["d", *names]), ",".join([day, *names])])
            feed = feed_in(tmp_path, wide)
            sideways = dict(feed.rows.select("period_start", "value_mw").iter_rows())
            stamped = starts(
                tmp_path, hours(day, list(range(24))), **BERLIN, time_convention=convention
            )
            number = values(feed_in(tmp_path, actuals(**BERLIN, time_convention=convention)))
            assert sideways == dict(zip(stamped, number, strict=True))


def test_hours_side_by_side_are_periods_of_their_day(tmp_path):
    names = [str(hour) for hour in range(24)]
    write(tmp_path, [",".join(["d", *names]), ",".join([SPRING, *names])])
    document = actuals(
        time_column=None,
        time_date="d",
        time_period_columns=names,
        **BERLIN,
        time_convention="normalised_24",
        value_column="value",
    )
    feed = feed_in(tmp_path, document)
    assert feed.rows.sort("period_start")["period_start"].to_list() == run(SPRING_START, 23)
    assert sorted(values(feed)) == [0, 1, *range(3, 24)]
    assert feed.prepared.rows_read == 1


@settings(max_examples=60, deadline=None)
@given(
    day=st.dates(date(2015, 1, 1), date(2030, 12, 31)),
    zone=st.sampled_from(["Europe/Berlin", "Europe/London", "Europe/Athens", "America/New_York"]),
    minutes=st.sampled_from([15, 30, 60]),
)
def test_wall_clocks_with_both_hours_give_back_every_period(day, zone, minutes):
    known = delivery_day(day, clock=zone, start_offset=timedelta(), mtu_minutes=minutes)
    grid = pl.Series(known.starts, dtype=pl.Datetime("us", "UTC"))
    wall = grid.dt.convert_time_zone(zone).dt.replace_time_zone(None)
    assert moments(wall, zone, "local_with_both_hours").utc.to_list() == known.starts
