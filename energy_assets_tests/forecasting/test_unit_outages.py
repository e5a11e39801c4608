"""What outages of wind and solar do to their forecasts, ahead and in the past."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from energy_assets.bidding.desk_problem import recent_outputs
from energy_assets.forecasting.day_ahead import DayForecast, forecast_day
from energy_assets.forecasting.targets import PRICE, TargetReader
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import DeliveryDay, load_area
from energy_assets_tests.curation.outage_rows import HOUR, LONG_AGO, message, rows
from energy_assets_tests.e2e.desks import fetch, reference_desk
from energy_assets_tests.e2e.rewriting import Rows, raw_rows, store

DAYS = (date(2026, 2, 12), date(2026, 3, 29), date(2025, 10, 26))
DESK = reference_desk(units=["wind", "solar"])
SESSION = load_area(DESK.area).session()
WIND = DESK.unit("wind")


@pytest.fixture(scope="module")
def day(request: pytest.FixtureRequest) -> DeliveryDay:
    return SESSION.delivery_day(getattr(request, "param", DAYS[0]))


@pytest.fixture(scope="module")
def world(day: DeliveryDay, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    lake = Lake(tmp_path_factory.mktemp("world"))
    fetch(lake, DESK, Path(), day.label, day.label)
    return raw_rows(lake)


def known(folder: Path, world: Rows, day: DeliveryDay, *messages: dict) -> PointInTime:
    """The world with some outage messages, at the day's decision."""
    lake = Lake(folder)
    store(lake, world)
    if messages:
        lake.append_if_changed("raw.outages", rows(*messages), scope=DESK.name)
    return PointInTime(lake, DESK.decision_time(day.label))


def made(view: PointInTime, day: DeliveryDay) -> DayForecast:
    return forecast_day(view, DESK, day.label, series=[], unusable={PRICE: "not of interest"})


def newest_metered(day: DeliveryDay) -> date:
    """The last day whose meters a decision knows whole."""
    return day.label - timedelta(days=2)


def power(view: PointInTime, day: DeliveryDay) -> np.ndarray:
    """Power of the whole wind farm as forecasts learn it, by day and slot."""
    return TargetReader(view, DESK, []).history("wind", day.label).outcome


@pytest.mark.parametrize("day", DAYS, indirect=True, ids=str)
def test_a_farm_at_sixty_percent_is_forecast_at_sixty_percent_and_not_capped_there(
    tmp_path: Path, world: Rows, day: DeliveryDay
) -> None:
    late = message(
        day.start, day.end, 0, message_id="z", known=DESK.decision_time(day.label) + HOUR
    )
    whole = made(known(tmp_path / "whole", world, day, late), day)
    # The hour of the clock change: in autumn its twin, which shares its wall-clock slots, is whole.
    out = message(day.start + 2 * HOUR, day.start + 3 * HOUR, 0.6 * WIND.capacity_mw)
    partial = made(known(tmp_path / "partial", world, day, out), day)
    share = np.ones(day.mtu_count)
    share[8:12] = 0.6
    wind, before = partial.targets["wind"].quantiles, whole.targets["wind"].quantiles
    np.testing.assert_array_equal(wind, before * share[:, None])
    assert before[8:12].max() > 0
    np.testing.assert_array_equal(
        partial.scenarios.paths["wind"], whole.scenarios.paths["wind"] * share
    )
    for other in ("solar", PRICE):
        np.testing.assert_array_equal(partial.scenarios.paths[other], whole.scenarios.paths[other])


def halved(world: Rows, day: DeliveryDay, first: date, last: date, factor: float) -> Rows:
    """The world in which the wind farm made less over some past days."""
    key = ("raw.meter_readings", DESK.name)
    start, end = SESSION.delivery_day(first).start, SESSION.delivery_day(last).end
    is_hit = (pl.col("unit") == "wind") & pl.col("period_start").is_between(start, end, "left")
    energy = pl.when(is_hit).then(pl.col("energy_mwh") * factor).otherwise("energy_mwh")
    return {**world, key: world[key].with_columns(energy_mwh=energy)}


def test_a_past_outage_does_not_teach_the_forecast_that_wind_gives_less(
    tmp_path: Path, world: Rows, day: DeliveryDay
) -> None:
    last = newest_metered(day)
    first = last - timedelta(days=9)
    hit = halved(world, day, first, last, 0.5)
    start, end = SESSION.delivery_day(first).start, SESSION.delivery_day(last).end
    out = message(start, end, 0.5 * WIND.capacity_mw, known=LONG_AGO)

    truth = known(tmp_path / "truth", world, day)
    explained = known(tmp_path / "explained", hit, day, out)
    unexplained = known(tmp_path / "unexplained", hit, day)
    np.testing.assert_allclose(power(explained, day), power(truth, day), atol=1e-9)
    assert np.nanmax(np.abs(power(unexplained, day) - power(truth, day))) > 1
    recent = [recent_outputs(v, DESK, day)["wind"] for v in (explained, truth, unexplained)]
    np.testing.assert_allclose(recent[0], recent[1], atol=1e-9)
    assert recent[2].sum() < 0.8 * recent[1].sum()


def test_hours_in_which_hardly_any_of_the_plant_was_there_are_left_out(
    tmp_path: Path, world: Rows, day: DeliveryDay
) -> None:
    last = newest_metered(day)
    hit = halved(world, day, last, last, 0.0)
    out = message(SESSION.delivery_day(last).start, SESSION.delivery_day(last).end, 0)
    view = known(tmp_path, hit, day, out)
    known_power = power(view, day)
    assert np.isnan(known_power[-3]).all()
    assert np.isfinite(known_power[-4]).all()


def test_the_last_rung_expects_the_share_of_the_plant_that_is_there(
    tmp_path: Path, world: Rows, day: DeliveryDay
) -> None:
    whole = recent_outputs(known(tmp_path / "whole", world, day), DESK, day)
    out = [
        message(day.end - HOUR, day.end + HOUR, 10, message_id="a"),
        message(day.end - 13 * HOUR, day.end - 12 * HOUR, 0, unit="solar", message_id="b"),
    ]
    lowered = recent_outputs(known(tmp_path / "lowered", world, day, *out), DESK, day)
    share = np.ones(day.mtu_count)
    share[-4:] = 10 / WIND.capacity_mw
    np.testing.assert_allclose(lowered["wind"], whole["wind"] * share)
    assert (lowered["solar"][-52:-48] == 0).all()
    assert whole["solar"][-52:-48].min() > 0
