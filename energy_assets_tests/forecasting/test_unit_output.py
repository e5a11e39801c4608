from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from energy_assets.forecasting.unit_output import (
    TooLittleHistoryError,
    analogue_forecast,
    spread_forecast,
    unit_forecast,
    window,
)
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import load_area
from energy_assets_tests.e2e.desks import REFERENCE_DAY as DAY
from energy_assets_tests.e2e.desks import fetch, reference_desk
from energy_assets_tests.lakehouse.frames import frame

DESK = reference_desk(units=["wind", "solar", "load"])
SESSION = load_area(DESK.area).session()


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("units"))
    fetch(lake, DESK, Path(), DAY, DAY)
    return lake


@pytest.fixture
def known(lake: Lake) -> PointInTime:
    return PointInTime(lake, DESK.decision_time(DAY))


def metered(lake: Lake, name: str, first: date, last: date) -> np.ndarray:
    """Mean power by quarter-hour, injection positive, (N,)."""
    rows = lake.read(
        "raw.meter_readings",
        scope=DESK.name,
        start=SESSION.delivery_day(first).start,
        end=SESSION.delivery_day(last).end,
        where={"unit": name},
    )
    return rows["energy_mwh"].to_numpy() * 4


def test_quantiles_lie_in_what_the_unit_can_do(lake: Lake, known: PointInTime) -> None:
    first, last = window(DESK, DAY)
    for unit in DESK.units:
        made = unit_forecast(known, DESK, unit, DAY)
        assert made.quantiles.shape == (96, 99)
        assert (np.diff(made.quantiles, axis=1) >= 0).all()
        # A load's consumption is forecast as a positive number.
        history = metered(lake, unit.name, first, last) * (-1 if unit.name == "load" else 1)
        assert made.quantiles.min() >= history.min() - 1e-9
        assert made.quantiles.max() <= history.max() + 1e-9
        assert made.ranks.shape == (DESK.forecast.qra_window_days, 96)
        assert np.nanmean(made.ranks) == pytest.approx(0.5, abs=0.1)


def test_the_sun_does_not_shine_at_night_and_noon_is_uncertain(known: PointInTime) -> None:
    made = unit_forecast(known, DESK, DESK.unit("solar"), DAY)
    assert (made.quantiles[:16] == 0).all()
    assert made.quantiles[48, 89] > made.quantiles[48, 9] + 0.5


def test_a_wind_forecast_beats_its_own_climatology(lake: Lake, known: PointInTime) -> None:
    first, last = window(DESK, DAY)
    history = metered(lake, "wind", first, last).reshape(-1, 96)
    outcome = metered(lake, "wind", DAY, DAY)
    made = unit_forecast(known, DESK, DESK.unit("wind"), DAY)
    errors = np.abs(made.quantiles[:, 49] - outcome).mean()
    assert errors < 0.7 * np.abs(np.median(history, axis=0) - outcome).mean()


def test_hourly_meters_give_the_same_power_as_quarter_hourly_ones(tmp_path: Path) -> None:
    """Energy is shared out over the quarter-hours of a longer reading, not repeated."""
    hourly = Lake(tmp_path)
    first, last = window(DESK, DAY)
    for number in range((last - first).days + 1):
        day = SESSION.delivery_day(first + timedelta(days=number))
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
    known = PointInTime(hourly, DESK.decision_time(DAY))
    np.testing.assert_allclose(unit_forecast(known, DESK, DESK.unit("load"), DAY).quantiles, 8.0)


def test_the_spread_forecast_is_about_imbalance_prices(known: PointInTime) -> None:
    made = spread_forecast(known, DESK, DAY, np.full(96, 90.0))
    assert made.quantiles.shape == (96, 99)
    assert made.quantiles[:, 4].max() < made.quantiles[:, 94].min()
    assert np.isfinite(made.ranks).mean() > 0.95


def test_a_unit_without_meters_or_weather_says_what_is_missing(
    lake: Lake, known: PointInTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = SESSION.delivery_day(DAY - timedelta(days=13)).start
    honest = PointInTime.as_of

    def without_old_meters(self: PointInTime, table_id: str, **asked: object) -> pl.DataFrame:
        rows = honest(self, table_id, **asked)
        is_meter = table_id == "raw.meter_readings"
        return rows.filter(pl.col("period_start") >= early) if is_meter else rows

    with monkeypatch.context() as patch:
        patch.setattr(PointInTime, "as_of", without_old_meters)
        with pytest.raises(TooLittleHistoryError, match=r"wind: expected 14 days of .* 12\.0"):
            unit_forecast(known, DESK, DESK.unit("wind"), DAY)
    renamed = DESK.unit("wind").model_copy(update={"name": "no_such_site"})
    with pytest.raises(TooLittleHistoryError, match=r"no_such_site: .* found 0\.0"):
        unit_forecast(known, DESK, renamed, DAY)


def test_a_gap_in_the_delivery_days_predictors_is_refused() -> None:
    predictors, outcome = np.zeros((30, 24, 1)), np.zeros((28, 24))
    predictors[-1, 3] = np.nan
    with pytest.raises(TooLittleHistoryError, match="every period of the delivery day"):
        analogue_forecast(predictors, outcome, "wind")
