from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from energy_assets.errors import InputError
from energy_assets.forecasting.benchmark import forecast_benchmark
from energy_assets.forecasting.climatology import price_climatology
from energy_assets.forecasting.day_ahead import (
    CLIMATOLOGY,
    ENSEMBLE,
    ForecastUnavailableError,
    forecast_day,
    price_forecast,
)
from energy_assets.forecasting.price import (
    MemberStore,
    combine,
    hindcast_members,
    history_start,
    member_paths,
    member_version,
    price_inputs,
)
from energy_assets.forecasting.records import LakeMemberStore
from energy_assets.forecasting.unit_output import TooLittleHistoryError
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.portfolio import Desk
from energy_assets_tests.e2e import rewriting
from energy_assets_tests.e2e.desks import EPF_DAY as DAY
from energy_assets_tests.e2e.desks import epf_desk, fetch, write_epf_file

DESK = epf_desk()
SERIES = ["load", "renewables"]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> rewriting.Rows:
    folder = tmp_path_factory.mktemp("epf")
    write_epf_file(folder, DAY - timedelta(days=80), DAY + timedelta(days=3))
    lake = Lake(folder / "lake")
    fetch(lake, DESK, folder, DAY, DAY)
    return rewriting.raw_rows(lake)


@pytest.fixture
def lake_of(rows: rewriting.Rows, tmp_path: Path) -> Callable[..., Lake]:
    """A lake with the rows for which the expressions by table hold."""

    def make(**kept: pl.Expr) -> Lake:
        lake = Lake(tmp_path / str(len(list(tmp_path.iterdir()))))
        lake.ensure_tables(["forecasts.quantiles"])
        for (table_id, scope), frame in rows.items():
            name = table_id.split(".")[1]
            lake.append_if_changed(table_id, frame.filter(kept.get(name, True)), scope=scope)
        return lake

    return make


def at(day: date) -> pl.Expr:
    """Rows of one delivery day (the benchmark's clock is UTC+1)."""
    return (pl.col("period_start") + timedelta(hours=1)).dt.date() == day


def view(lake: Lake, desk: Desk = DESK, day: date = DAY) -> PointInTime:
    known = PointInTime(lake, desk.decision_time(day))
    start = desk.decision_time(day - timedelta(days=90))
    end = desk.decision_time(day + timedelta(days=3))
    for table_id, names in (("market_prices", ["day_ahead"]), ("system_forecasts", SERIES)):
        for name in names:
            window = {"start": start, "end": end, "where": {"series": name}}
            known.preload(f"raw.{table_id}", scope=desk.area, **window)
    return known


def days_before(count: int) -> list[date]:
    return [DAY - timedelta(days=n) for n in range(count, -1, -1)]


def test_inputs_end_with_a_day_whose_price_is_unknown(lake_of: Callable[..., Lake]) -> None:
    inputs = price_inputs(view(lake_of()), DESK, DAY, SERIES)
    assert inputs.days[-1] == DAY
    assert len(inputs.days) == 28 + 7 + 1
    assert np.isnan(inputs.hourly[-1]).all()
    assert np.isfinite(inputs.hourly[:-1]).all()
    assert all(np.isfinite(series).all() for series in inputs.exogenous)


def test_history_starts_where_the_data_does(lake_of: Callable[..., Lake]) -> None:
    first = DAY - timedelta(days=20)
    late = lake_of(market_prices=(pl.col("period_start") + timedelta(hours=1)).dt.date() >= first)
    assert history_start(view(late), DESK, DAY) == first
    assert history_start(view(late), DESK, DAY - timedelta(days=40)) == DAY - timedelta(days=40)


def test_stored_and_fresh_member_forecasts_are_the_same_in_any_order(
    lake_of: Callable[..., Lake],
) -> None:
    lake, days = lake_of(), days_before(3)
    fresh = hindcast_members(view(lake), DESK, days, SERIES, MemberStore())
    version = member_version(DESK, SERIES)
    for part in (days[2:], days[:3]):
        hindcast_members(view(lake), DESK, part, SERIES, LakeMemberStore(lake, DESK, version, "a"))
    stored = LakeMemberStore(lake, DESK, version, "b").load(days)
    assert sorted(stored) == days
    for day in days:
        assert stored[day].tobytes() == fresh[day].tobytes()
    assert LakeMemberStore(lake, DESK, "another version", "c").load(days) == {}


def test_an_early_decision_is_not_forecast_with_later_knowledge(
    lake_of: Callable[..., Lake],
) -> None:
    lake = lake_of()
    regular = hindcast_members(view(lake), DESK, [DAY], SERIES, MemberStore())[DAY]
    # The system forecasts of the benchmark are issued 30 minutes before the decision.
    early = PointInTime(lake, DESK.decision_time(DAY) - timedelta(hours=2))
    store = MemberStore()
    found = hindcast_members(early, DESK, [DAY - timedelta(days=1), DAY], SERIES, store)
    assert not np.array_equal(found[DAY], regular)
    assert list(store.load([DAY - timedelta(days=1), DAY])) == [DAY - timedelta(days=1)]
    only_prices = member_paths(price_inputs(early, DESK, DAY, SERIES), (21, 28))
    np.testing.assert_array_equal(found[DAY], only_prices)


def test_a_window_with_too_few_whole_days_is_empty_and_the_others_are_not(
    lake_of: Callable[..., Lake],
) -> None:
    gaps = pl.any_horizontal(at(DAY - timedelta(days=n)) for n in (9, 10, 11))
    inputs = price_inputs(view(lake_of(market_prices=~gaps)), DESK, DAY, SERIES)
    paths = member_paths(inputs, (14, 28))
    assert np.isnan(paths[0]).all()
    assert np.isfinite(paths[1]).all()


def test_months_without_system_forecasts_step_down_to_climatology(
    lake_of: Callable[..., Lake],
) -> None:
    """Enough prices, but no complete row to fit on: never an error."""
    known = view(lake_of(system_forecasts=at(DAY) | at(DAY - timedelta(days=1))))
    made = forecast_day(known, DESK, DAY, series=SERIES)
    assert made.rung == CLIMATOLOGY
    assert made.note
    assert made.targets["price"].members == {}


def test_short_history_steps_down_and_stores_no_empty_member(
    lake_of: Callable[..., Lake],
) -> None:
    since = (pl.col("period_start") + timedelta(hours=1)).dt.date() >= DAY - timedelta(days=12)
    lake = lake_of(market_prices=since)
    store = LakeMemberStore(lake, DESK, member_version(DESK, SERIES), "a")
    made = price_forecast(view(lake), DESK, DAY, series=SERIES, store=store)
    assert made.model == CLIMATOLOGY
    assert lake.read("forecasts.quantiles").is_empty()


def test_a_price_gap_weeks_ago_costs_its_days_and_not_the_ensemble(
    lake_of: Callable[..., Lake],
) -> None:
    desk = epf_desk(forecast={"lear_windows_days": (21, 28), "qra_window_days": 33})
    gap = at(DAY - timedelta(days=19)) & (pl.col("period_start").dt.hour() == 9)
    known = view(lake_of(market_prices=~gap))
    made = forecast_day(known, desk, DAY, series=SERIES)
    assert made.rung == ENSEMBLE
    price = made.targets["price"]
    assert np.isfinite(price.quantiles).all()
    assert (np.diff(price.quantiles, axis=1) >= 0).all()
    assert np.isfinite(made.scenarios.paths["price"]).all()


def test_a_missing_input_steps_down_and_every_forecast_stays_in_range(
    lake_of: Callable[..., Lake],
) -> None:
    known = view(lake_of())
    made = forecast_day(known, DESK, DAY, series=SERIES, price_inputs_good=False)
    assert (made.rung, made.note) == (CLIMATOLOGY, "a price input is missing")
    last_month = price_inputs(known, DESK, DAY, SERIES).hourly[-29:-1]
    quantiles = made.targets["price"].quantiles
    assert (quantiles >= last_month.min(axis=0)[:, None]).all()
    assert (quantiles <= last_month.max(axis=0)[:, None]).all()


def test_climatology_ranks_keep_their_days(lake_of: Callable[..., Lake]) -> None:
    newest = DAY - timedelta(days=1)
    found = price_climatology(view(lake_of(market_prices=~at(newest))), DESK, DAY)
    assert found.ranks.shape == (28, 24)
    assert np.isnan(found.ranks[-1]).all()
    assert np.isfinite(found.ranks[:-1]).all()
    few = lake_of(market_prices=at(newest))
    with pytest.raises(TooLittleHistoryError, match="expected 7 whole days"):
        price_climatology(view(few), DESK, DAY)
    with pytest.raises(ForecastUnavailableError, match="found 1"):
        forecast_day(view(few), DESK, DAY, series=SERIES)


def test_a_member_that_is_missing_today_is_left_out_of_the_combination() -> None:
    rng = np.random.default_rng(1)
    actual = rng.normal(50, 10, 400)
    past = actual[:, None] + rng.normal(0, 3, (400, 2))
    members = np.array([[50.0, 60.0], [np.nan, np.nan]])
    quantiles = combine(past, actual, members)
    np.testing.assert_allclose(quantiles, combine(past[:, :1], actual, members[:1]))
    assert (np.diff(quantiles, axis=1) >= 0).all()


def test_member_version_names_what_members_depend_on() -> None:
    version = member_version(DESK, SERIES)
    assert version == member_version(epf_desk(risk_weight=0.5, name="other"), SERIES)
    assert version != member_version(DESK, SERIES[:1])
    assert version != member_version(epf_desk(lead_time_minutes=45), SERIES)


def test_benchmark_needs_enough_history_and_says_so(lake_of: Callable[..., Lake]) -> None:
    lake = lake_of()
    known = view(lake, day=DAY + timedelta(days=2))
    result = forecast_benchmark(known, DESK, DAY, DAY, series=SERIES)
    assert set(result.models) == {"ensemble", "lear_21", "lear_28"}
    ensemble = result.models["ensemble"]
    assert ensemble.mae == pytest.approx(np.abs(result.median - result.actual).mean())
    assert ensemble.crps == pytest.approx(2 * ensemble.pinball99)
    assert all(0 <= share <= 1 for share in ensemble.coverage.values())
    assert result.models["lear_21"].pinball99 is None
    early = DAY - timedelta(days=45)
    with pytest.raises(InputError, match=r"history before .*: expected 66 days .*climatology"):
        forecast_benchmark(known, DESK, early, early, series=SERIES)
