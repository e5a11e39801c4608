"""Histories of targets as the lake knows them at each day's decision."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from energy_assets.errors import InputError
from energy_assets.forecasting.targets import (
    PRICE_DRIVER,
    TargetReader,
    target_kind,
    target_members,
    target_names,
    with_last_driver,
)
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import load_area
from energy_assets_tests.e2e.desks import REFERENCE_DAY as DAY
from energy_assets_tests.e2e.desks import epf_desk, fetch, reference_desk
from energy_assets_tests.lakehouse.frames import frame

DESK = reference_desk(units=["wind", "solar", "load"])
SESSION = load_area(DESK.area).session()
SERIES = ["load", "solar", "wind"]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("units"))
    fetch(lake, DESK, Path(), DAY, DAY)
    return lake


@pytest.fixture
def reader(lake: Lake) -> TargetReader:
    return TargetReader(PointInTime(lake, DESK.decision_time(DAY)), DESK, SERIES)


def test_the_price_comes_first_and_the_spread_last() -> None:
    assert target_names(DESK) == ["price", "wind", "solar", "load", "imbalance_spread"]
    assert [target_kind(DESK, name) for name in target_names(DESK)] == target_names(DESK)
    assert target_names(epf_desk()) == ["price"]


def test_a_price_history_ends_with_a_day_whose_price_is_unknown(reader: TargetReader) -> None:
    made = reader.history("price", DAY)
    assert made.day == DAY
    assert len(made.days) == DESK.history_days + 1
    assert made.outcome.shape[1] == 96
    assert np.isnan(made.outcome[-1]).all()
    assert np.isfinite(made.outcome[:-1]).all()
    assert list(made.drivers) == SERIES
    assert all(np.isfinite(values).all() for values in made.drivers.values())
    assert made.daily.keys() == {"holiday", "holiday_before", "holiday_after"}
    low, high = made.bounds
    assert low < made.outcome[:-1].min() <= made.outcome[:-1].max() < high


def test_the_history_of_a_past_day_is_what_its_own_decision_knew(
    lake: Lake, reader: TargetReader
) -> None:
    """Read later, a day's history has the same bits as read then."""
    past = DAY - timedelta(days=5)
    then = TargetReader(PointInTime(lake, DESK.decision_time(past)), DESK, SERIES)
    for target in target_names(DESK):
        now, early = reader.history(target, past), then.history(target, past)
        assert now.outcome.tobytes() == early.outcome.tobytes()
        for name, values in early.drivers.items():
            assert now.drivers[name].tobytes() == values.tobytes()


def test_metered_days_are_known_two_days_late(lake: Lake, reader: TargetReader) -> None:
    for unit in DESK.units:
        made = reader.history(unit.name, DAY)
        assert np.isnan(made.outcome[-2:]).all()
        known = made.outcome[-3]
        rows = lake.read(
            "raw.meter_readings",
            scope=DESK.name,
            start=SESSION.delivery_day(DAY - timedelta(days=2)).start,
            end=SESSION.delivery_day(DAY - timedelta(days=2)).end,
            where={"unit": unit.name},
        )
        metered = rows.sort("period_start")["energy_mwh"].to_numpy() * 4
        # Consumption is a positive number.
        np.testing.assert_allclose(known, -metered if unit.name == "load" else metered)
        assert made.outcome_lag == 2
        assert made.bounds[0] == 0


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25), date(2025, 10, 1)], ids=str)
def test_days_of_any_length_are_rows_of_equal_length(day: date, tmp_path: Path) -> None:
    desk = reference_desk(units=["wind"])
    lake = Lake(tmp_path)
    fetch(lake, desk, tmp_path, day, day + timedelta(days=1))
    reader = TargetReader(PointInTime(lake, desk.decision_time(day)), desk, SERIES)
    for target in ("price", "wind"):
        for slots in (24, 96):
            made = reader.history(target, day, slots)
            assert made.slots == slots
            assert all(np.isfinite(values[-1]).all() for values in made.drivers.values())
    after = day + timedelta(days=1)
    later = TargetReader(PointInTime(lake, desk.decision_time(after)), desk, SERIES)
    assert np.isfinite(later.history("price", after).outcome[-2]).all(), "the changed day itself"


def test_the_spread_reads_the_price_forecast_of_its_own_day_only(reader: TargetReader) -> None:
    made = reader.history("imbalance_spread", DAY)
    assert np.isnan(made.drivers[PRICE_DRIVER][-1]).all()
    assert np.isfinite(made.drivers[PRICE_DRIVER][:-1]).all()
    filled = with_last_driver(made, PRICE_DRIVER, np.full(96, 90.0))
    assert (filled.drivers[PRICE_DRIVER][-1] == 90).all()
    assert np.isnan(made.drivers[PRICE_DRIVER][-1]).all(), "the history given is not changed"


def test_hourly_meters_give_the_same_power_as_quarter_hourly_ones(tmp_path: Path) -> None:
    """Energy is shared out over the quarter-hours of a longer reading, not repeated."""
    hourly = Lake(tmp_path)
    for number in range(20, 1, -1):
        day = SESSION.delivery_day(DAY - timedelta(days=number))
        starts = day.grid(60)
        columns = {
            "unit": ["load"] * len(starts),
            "period_start": starts,
            "resolution_min": [60] * len(starts),
            "energy_mwh": [-8.0] * len(starts),
            "source": ["meter"] * len(starts),
            "knowledge_time": [day.end + timedelta(hours=9)] * len(starts),
            "knowledge_basis": ["published"] * len(starts),
        }
        rows = frame("raw.meter_readings", columns)
        hourly.append_if_changed("raw.meter_readings", rows, scope=DESK.name)
    reader = TargetReader(PointInTime(hourly, DESK.decision_time(DAY)), DESK, SERIES)
    made = reader.history("load", DAY)
    assert len(made.days) == 21, "days before the first reading are left out"
    np.testing.assert_allclose(made.outcome[:-2], 8.0)


def test_a_history_starts_where_the_data_does(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    first = SESSION.delivery_day(DAY - timedelta(days=20)).start
    honest = PointInTime.as_of

    def late(self: PointInTime, table_id: str, **asked: object) -> pl.DataFrame:
        return honest(self, table_id, **asked).filter(pl.col("period_start") >= first)

    monkeypatch.setattr(PointInTime, "as_of", late)
    reader = TargetReader(PointInTime(lake, DESK.decision_time(DAY)), DESK, SERIES)
    assert reader.history("price", DAY).days[0] == DAY - timedelta(days=20)


def test_a_desk_that_names_no_member_is_told_what_there_is() -> None:
    desk = reference_desk(forecast={"members": {"price": ("laer_56",)}})
    with pytest.raises(InputError, match=r"forecast member: expected .*lear.*, found 'laer_56'"):
        target_members(desk, "price")
    desk = reference_desk(
        forecast={"members": {"price": ("boosting_91",)}, "longest_retrain_days": 1}
    )
    with pytest.raises(InputError, match=r"boosting_91: expected retrained at least every 1 days"):
        target_members(desk, "price")
