from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_assets.lakehouse import Lake
from energy_assets.lakehouse.resolution import is_in_force
from energy_assets.lakehouse.tables import UTC_TIME, table
from energy_assets_tests.lakehouse.frames import hours, prices

PRICES, FORECASTS = table("raw.market_prices"), table("raw.system_forecasts")
# The first delivery day of quarter-hours in the coupled auction starts here.
SWITCH = datetime(2025, 9, 30, 22, tzinfo=UTC)
EARLY, LATE = SWITCH - timedelta(hours=11), SWITCH + timedelta(days=3)


def rows_of(*periods: tuple[int, int], source: str = "exchange", series: str = "day_ahead"):
    """Stored rows of periods given as (minute after the switch, length)."""
    return pl.DataFrame(
        {
            "scope": "DE_LU",
            "series": series,
            "period_start": [SWITCH + timedelta(minutes=start) for start, _ in periods],
            "resolution_min": [length for _, length in periods],
            "source": source,
        },
        schema_overrides={"period_start": UTC_TIME, "resolution_min": pl.Int32},
    )


def kept(*frames: pl.DataFrame) -> list[tuple[int, int, str]]:
    rows = pl.concat(frames).sort("scope", *PRICES.key, "source")
    left = rows.filter(is_in_force(PRICES, rows))
    minutes = (left["period_start"] - SWITCH).dt.total_minutes()
    found = left.with_columns(minute=minutes).select("minute", "resolution_min", "source")
    return list(found.iter_rows())


def spans(*frames: pl.DataFrame) -> list[tuple[int, int]]:
    return [(start, length) for start, length, _ in kept(*frames)]


QUARTERS = ((0, 15), (15, 15), (30, 15), (45, 15))


def test_an_hour_gives_way_to_its_four_quarters():
    assert spans(rows_of((0, 60), *QUARTERS)) == list(QUARTERS)


def test_quarters_that_leave_a_gap_give_way_to_their_hour():
    assert spans(rows_of((0, 60), *QUARTERS[:3])) == [(0, 60)]


def test_quarters_without_an_hour_stay_whatever_is_missing():
    assert spans(rows_of((0, 15), (30, 15), (60, 60))) == [(0, 15), (30, 15), (60, 60)]


def test_half_hours_take_the_place_their_quarters_could_not_fill():
    assert spans(rows_of((0, 60), (0, 30), (30, 30), *QUARTERS[:3])) == [
        (0, 15),
        (15, 15),
        (30, 30),
    ]


def test_series_and_sources_do_not_cover_each_other():
    hour = rows_of((0, 60))
    for others in (
        rows_of(*QUARTERS, source="other"),
        rows_of(*QUARTERS, series="intraday_auction"),
    ):
        assert len(kept(hour, others)) == 5


def test_vintages_do_not_cover_each_other():
    def vintage(issued: datetime, *periods: tuple[int, int]) -> pl.DataFrame:
        return rows_of(*periods, series="load").with_columns(
            issue_time=pl.lit(issued, dtype=UTC_TIME)
        )

    both = [vintage(EARLY, (0, 60)), vintage(LATE, *QUARTERS)]
    rows = pl.concat(both).sort("series", "issue_time", "period_start", "resolution_min")
    assert is_in_force(FORECASTS, rows).all()
    rows = pl.concat([vintage(EARLY, (0, 60)), vintage(EARLY, *QUARTERS)]).sort(
        "series", "issue_time", "period_start", "resolution_min"
    )
    assert is_in_force(FORECASTS, rows).sum() == 4


PERIODS = st.sets(
    st.sampled_from([15, 30, 60]).flatmap(
        lambda length: st.integers(0, 240 // length - 1).map(lambda n: (n * length, length))
    ),
    max_size=24,
)


@given(PERIODS)
def test_every_time_that_had_a_row_keeps_exactly_one(periods):
    def quarters(spans_: list[tuple[int, int]]) -> list[int]:
        return sorted(q for start, length in spans_ for q in range(start, start + length, 15))

    left = spans(rows_of(*sorted(periods))) if periods else []
    assert quarters(left) == sorted(set(quarters(sorted(periods))))
    # Nothing finer was there that could have filled a row that stayed.
    for start, length in left:
        finer = [p for p in periods if p[1] < length and start <= p[0] < start + length]
        assert set(quarters(finer)) != set(range(start, start + length, 15))


@pytest.fixture
def lake(tmp_path) -> Lake:
    """Two days: the first in hours, the second in quarters; later the first again, in quarters."""
    lake = Lake(tmp_path)
    day_before = SWITCH - timedelta(days=1)
    lake.append_if_changed(
        PRICES.id,
        prices(hours(day_before, 24), [float(n) for n in range(24)], EARLY),
        scope="DE_LU",
    )
    one_answer = pl.concat(
        [
            prices(hours(SWITCH, 24), [100.0] * 24, EARLY),
            prices(hours(SWITCH, 96, 15), [90.0, 95.0, 105.0, 110.0] * 24, EARLY, minutes=15),
        ]
    )
    lake.append_if_changed(PRICES.id, one_answer, scope="DE_LU")
    again = prices(hours(day_before, 96, 15), [float(n // 4) for n in range(96)], LATE, minutes=15)
    lake.append_if_changed(PRICES.id, again, scope="DE_LU")
    return lake


def minutes_known(lake: Lake, at: datetime) -> tuple[int, list[int]]:
    rows = lake.as_of(PRICES.id, at, scope="DE_LU")
    return int(rows["resolution_min"].sum()), sorted(rows["resolution_min"].unique().to_list())


def test_a_day_delivered_again_in_quarters_counts_once_and_only_once_it_is_known(lake):
    assert minutes_known(lake, LATE - timedelta(seconds=1)) == (2 * 1440, [15, 60])
    assert minutes_known(lake, LATE) == (2 * 1440, [15])
    # Both are kept: nothing stored is lost.
    assert lake.read(PRICES.id, latest_revision=False)["resolution_min"].sum() == 4 * 1440


def test_models_see_one_value_per_slot_across_the_change(lake):
    from energy_assets.forecasting.profiles import slot_matrix
    from energy_assets.market import load_area

    session = load_area("DE_LU").session()
    first, last = (SWITCH - timedelta(hours=1)).date(), (SWITCH + timedelta(hours=3)).date()
    for at in (LATE - timedelta(seconds=1), LATE):
        rows = lake.as_of(PRICES.id, at, scope="DE_LU")
        hourly = slot_matrix(rows, "price", session, first, last, 24)
        np.testing.assert_array_equal(hourly[0], np.arange(24.0))
        np.testing.assert_array_equal(hourly[1], np.full(24, 100.0))
        quarterly = slot_matrix(rows, "price", session, first, last, 96)
        np.testing.assert_array_equal(quarterly[0], np.repeat(np.arange(24.0), 4))
        np.testing.assert_array_equal(quarterly[1], np.tile([90.0, 95.0, 105.0, 110.0], 24))


def test_the_same_rows_again_in_either_resolution_add_nothing(lake):
    again = prices(hours(SWITCH, 96, 15), [90.0, 95.0, 105.0, 110.0] * 24, LATE, minutes=15)
    assert lake.append_if_changed(PRICES.id, again, scope="DE_LU").rows_written == 0
    again = prices(hours(SWITCH, 24), [100.0] * 24, LATE)
    assert lake.append_if_changed(PRICES.id, again, scope="DE_LU").rows_written == 0
