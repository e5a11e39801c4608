from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from energy_assets.forecasting import scoring
from energy_assets.forecasting.day_ahead import Forecaster, ForecastUnavailableError, seed_of
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.records import scenarios_from_rows
from energy_assets.forecasting.runs import ForecastRun, outcomes, run_forecast, run_scores
from energy_assets.forecasting.target_forecasts import DAY_TYPE, ENSEMBLE, price_forecast
from energy_assets.forecasting.targets import PRICE, TargetReader
from energy_assets.forecasting.vintages import price_matrix
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk
from energy_assets_tests.e2e.desks import fetch, reference_desk, stamp_of
from energy_assets_tests.lakehouse.frames import prices as price_rows

LATE = datetime(2100, 1, 1, tzinfo=UTC)
DESK = reference_desk(units=["wind", "solar", "battery"])
SESSION = load_area(DESK.area).session()
DAY = date(2026, 2, 12)


def forecast(folder: Path, desk: Desk, day: date) -> tuple[Lake, ForecastRun]:
    lake = Lake(folder)
    fetch(lake, desk, folder, day, day)
    return lake, run_forecast(lake, desk, stamp_of(desk, day))


@pytest.mark.parametrize(
    ("day", "periods"),
    [(date(2026, 3, 29), 92), (date(2026, 10, 25), 100), (date(2025, 10, 1), 96)],
    ids=["spring", "autumn", "first quarter-hourly day"],
)
def test_every_kind_of_day_is_forecast_written_and_scored(
    day: date, periods: int, tmp_path: Path
) -> None:
    lake, run = forecast(tmp_path, DESK, day)
    made, delivery = run.forecast, SESSION.delivery_day(day)
    assert made.rung == ENSEMBLE
    assert set(made.targets) == {"price", "wind", "solar", "imbalance_spread"}
    for target in made.targets.values():
        assert target.quantiles.shape == (periods, 99)
        assert np.isfinite(target.quantiles).all()
        assert (np.diff(target.quantiles, axis=1) >= 0).all()
    paths = made.scenarios.paths
    assert {values.shape for values in paths.values()} == {(DESK.scenarios.count, periods)}
    assert made.scenarios.probabilities.sum() == pytest.approx(1.0)
    assert paths["solar"].min() >= 0
    assert paths["wind"].max() <= DESK.unit("wind").capacity_mw

    stored = lake.read(
        "forecasts.scenarios", where={"delivery_day": day}, start=delivery.start, end=delivery.end
    )
    again = scenarios_from_rows(stored, delivery)
    assert again.probabilities.tobytes() == made.scenarios.probabilities.tobytes()
    for name, values in paths.items():
        assert np.array_equal(again.paths[name], values)

    assert run_scores(lake, DESK, delivery, stamp_of(DESK, day), LATE) > 0
    scores = lake.read("forecasts.scores")
    assert set(scores["target"]) == {"price", "wind", "solar", "imbalance_spread"}
    mean_error = scores.filter(metric="mae", target="wind")["value"][0]
    assert 0 < mean_error < 0.3 * DESK.unit("wind").capacity_mw
    crps, pinball = (scores.filter(metric=name)["value"].sum() for name in ("crps", "pinball99"))
    assert crps == pytest.approx(2 * pinball)

    assert np.isfinite(outcomes(lake, DESK, delivery, LATE)["imbalance_spread"]).all()
    known = outcomes(lake, DESK, delivery, LATE)["price"]
    naive = last_weeks_price(lake, delivery)
    error = scores.filter(metric="mae", target="price")["value"][0]
    relative = scores.filter(metric="rmae_weekly", target="price")["value"][0]
    assert relative == pytest.approx(error / np.abs(known - naive).mean())


def last_weeks_price(lake: Lake, day: DeliveryDay) -> np.ndarray:
    """Price of the same wall-clock time a week before, looked up one by one."""
    before = SESSION.delivery_day(day.label - timedelta(days=7))
    prices = outcomes(lake, DESK, before, LATE)["price"]
    zone = ZoneInfo("Europe/Berlin")

    def clock(start: datetime) -> tuple[int, int]:
        local = start.astimezone(zone)
        return local.hour, local.minute // before.mtu_minutes

    by_clock = {clock(start): price for start, price in zip(before.starts, prices, strict=True)}
    return np.array([by_clock[clock(start)] for start in day.starts])


def test_the_ensemble_clearly_beats_last_weeks_price(tmp_path: Path) -> None:
    first, last = date(2025, 6, 10), date(2025, 6, 15)
    desk = reference_desk(units=["battery"])
    lake = Lake(tmp_path)
    fetch(lake, desk, tmp_path, first, last)
    known = PointInTime(lake, LATE)
    series = ["load", "solar", "wind"]
    TargetReader(known, desk, series).preload(PRICE, first, last)
    forecaster = Forecaster()
    days = [first + timedelta(days=n) for n in range(6)]
    made = [
        price_forecast(
            known.for_decision(desk.decision_time(day)),
            desk,
            day,
            series=series,
            forecaster=forecaster,
        )
        for day in days
    ]
    week = timedelta(days=7)
    actual = price_matrix(known, desk.area, first, last, 24)
    naive = price_matrix(known, desk.area, first - week, last - week, 24)
    naive_error = scoring.mae(naive, actual)
    assert scoring.mae(np.stack([one.median for one in made]), actual) < 0.7 * naive_error
    for name in ("lear_21", "lear_28"):
        paths = np.stack([one.members[name] for one in made])
        assert scoring.mae(paths, actual) < naive_error
    quantiles = np.stack([one.quantiles for one in made])
    coverage = scoring.interval_coverage(quantiles, actual, PERCENTILES)
    assert coverage[0.8] == pytest.approx(0.8, abs=0.2)


@pytest.fixture(scope="module")
def light_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("light"))
    fetch(lake, DESK, Path(), DAY, DAY)
    return lake


def hide(monkeypatch: pytest.MonkeyPatch, hidden: Callable[[str], pl.Expr | None]) -> None:
    """Rows for which the table's expression holds are not known to anyone."""
    honest = Lake.revisions

    def without(self: Lake, table: object, *asked: object) -> pl.DataFrame:
        rows = honest(self, table, *asked)
        expression = hidden(table.id)
        return rows if expression is None else rows.filter(~expression)

    monkeypatch.setattr(Lake, "revisions", without)


def test_a_unit_without_meters_cannot_be_forecast_and_nothing_is_written(
    light_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(
        monkeypatch,
        lambda table: {
            "raw.meter_readings": pl.col("unit") == "wind",
            # The price is cheap to forecast one rung below.
            "raw.system_forecasts": pl.col("series") == "load",
        }.get(table),
    )
    with pytest.raises(ForecastUnavailableError, match=r"^wind: expected 7 whole days .* found 0$"):
        run_forecast(light_lake, DESK, stamp_of(DESK, DAY))
    assert light_lake.read("forecasts.scenarios", where={"delivery_day": DAY}).is_empty()


def test_a_unit_without_weather_is_forecast_from_its_meters_alone(
    light_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hidden(table: str) -> pl.Expr | None:
        if table == "raw.weather_forecasts":
            return pl.col("site") == "wind"
        return pl.col("series") == "load" if table == "raw.system_forecasts" else None

    hide(monkeypatch, hidden)
    made = run_forecast(light_lake, DESK, stamp_of(DESK, DAY, mode="what_if")).forecast
    wind = made.targets["wind"]
    assert wind.model == DAY_TYPE
    assert "raw.weather_forecasts:wind" in wind.note
    assert wind.quantiles.min() >= 0
    assert wind.quantiles.max() <= DESK.unit("wind").capacity_mw
    assert made.targets["solar"].model == ENSEMBLE


def test_a_missing_system_forecast_steps_the_price_down_only(
    light_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(
        monkeypatch,
        lambda table: pl.col("series") == "load" if table == "raw.system_forecasts" else None,
    )
    made = run_forecast(light_lake, DESK, stamp_of(DESK, DAY, mode="what_if")).forecast
    assert made.rung == DAY_TYPE
    assert made.note.startswith("price: raw.system_forecasts:load")
    assert made.targets["wind"].model == ENSEMBLE
    assert all(np.isfinite(paths).all() for paths in made.scenarios.paths.values())


@pytest.mark.parametrize(
    ("day", "minutes"),
    [(date(2025, 6, 12), 60), (date(2026, 10, 25), 15)],
    ids=["hourly prices", "25 hours"],
)
def test_the_spread_that_came_true_is_the_imbalance_price_of_each_mtu_less_the_days(
    day: date, minutes: int, tmp_path: Path
) -> None:
    """Imbalance prices come by quarter-hour; the price of a longer MTU meets their mean."""
    delivery, lake = SESSION.delivery_day(day), Lake(tmp_path)
    prices = np.arange(delivery.mtu_count) ** 1.5
    quarters = np.random.default_rng(5).normal(80, 40, len(delivery.grid(15)))
    known, late = delivery.end, delivery.end + timedelta(days=1)
    frames = [
        price_rows(delivery.starts, prices, known, minutes=minutes),
        price_rows(delivery.grid(15), quarters, late, minutes=15).with_columns(
            series=pl.lit("imbalance")
        ),
    ]
    lake.append_if_changed("raw.market_prices", pl.concat(frames), scope=DESK.area)
    found = outcomes(lake, DESK, delivery, late)
    np.testing.assert_array_equal(found["price"], prices)
    mean = quarters.reshape(delivery.mtu_count, -1).mean(axis=1)
    np.testing.assert_allclose(found["imbalance_spread"], mean - prices)
    early = outcomes(lake, DESK, delivery, known)
    assert np.isnan(early["imbalance_spread"]).all()
    written = lake.read("raw.market_prices")["ingested_at"].min()
    assert np.isnan(outcomes(lake, DESK, delivery, late, written)["price"]).all()


def test_a_seed_depends_on_its_parts_alone() -> None:
    assert seed_of(1, "desk", DAY) == seed_of(1, "desk", DAY)
    assert len({seed_of(1, "desk", DAY), seed_of(2, "desk", DAY), seed_of(1, "d", DAY)}) == 3
