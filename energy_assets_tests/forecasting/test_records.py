from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from energy_assets.errors import InputError
from energy_assets.forecasting.day_ahead import DayForecast, Scenarios, TargetForecast
from energy_assets.forecasting.hindcasts import KeptForecast, MemberKey
from energy_assets.forecasting.records import (
    LakeHindcasts,
    quantile_rows,
    scenario_rows,
    scenarios_from_rows,
    score_rows,
)
from energy_assets.forecasting.runs import quantiles_by_target
from energy_assets.lakehouse.lake import Lake
from energy_assets.market import load_area
from energy_assets_tests.e2e.desks import reference_desk, stamp_of

DESK = reference_desk(units=["wind", "battery"])
SESSION = load_area(DESK.area).session()
DAYS = [date(2026, 3, 29), date(2026, 10, 25), date(2025, 9, 30), date(2026, 6, 1)]


def made(day: date, seed: int = 1) -> DayForecast:
    delivery = SESSION.delivery_day(day)
    rng = np.random.default_rng(seed)
    quantiles = np.sort(rng.normal(50, 20, (delivery.mtu_count, 99)), axis=1)
    members = {f"lear_{days}": rng.normal(50, 20, delivery.mtu_count) for days in (21, 28)}
    targets = {
        "price": TargetForecast(
            "price",
            "ensemble",
            "v",
            quantiles,
            members,
            kept={name: KeptForecast("v", path) for name, path in members.items()},
        ),
        "wind": TargetForecast("wind", "analogues", "v", quantiles / 2, {}),
    }
    paths = {name: rng.normal(50, 20, (12, delivery.mtu_count)) for name in targets}
    scenarios = Scenarios(delivery, np.full(12, 1 / 12), paths)
    return DayForecast(delivery, targets, scenarios)


@pytest.mark.parametrize("day", DAYS)
def test_a_forecast_comes_back_from_the_lake_bit_by_bit(day: date, tmp_path: Path) -> None:
    lake, forecast = Lake(tmp_path), made(day)
    stamp = stamp_of(DESK, day)
    for table_id, frame in (
        ("forecasts.quantiles", quantile_rows(forecast)),
        ("forecasts.scenarios", scenario_rows(forecast.scenarios)),
    ):
        stamped = stamp.on(frame, table_id)
        assert lake.append(table_id, stamped, scope=DESK.name).rows_written == frame.height
        assert lake.append(table_id, stamped, scope=DESK.name).rows_written == 0
    quantiles, models = quantiles_by_target(lake.read("forecasts.quantiles"), forecast.day)
    assert models == {"price": "ensemble", "wind": "analogues"}
    for name, target in forecast.targets.items():
        assert np.array_equal(quantiles[name], target.quantiles)
    again = scenarios_from_rows(lake.read("forecasts.scenarios"), forecast.day)
    for name, paths in forecast.scenarios.paths.items():
        assert np.array_equal(again.paths[name], paths)
    assert again.expected("wind") == pytest.approx(forecast.scenarios.paths["wind"].mean(axis=0))


def test_a_member_with_too_little_history_is_not_written() -> None:
    forecast = made(DAYS[-1])
    forecast.targets["price"].kept["lear_21"].values[:] = np.nan
    assert "lear_21" not in quantile_rows(forecast)["model"].to_list()
    assert "lear_28" in quantile_rows(forecast)["model"].to_list()


def test_no_scenarios_is_one_clear_line(tmp_path: Path) -> None:
    rows = Lake(tmp_path).read("forecasts.scenarios")
    with pytest.raises(InputError, match=r"forecasts.scenarios on 2026-06-01: expected scenarios"):
        scenarios_from_rows(rows, SESSION.delivery_day(DAYS[-1]))


def test_scores_leave_out_targets_with_a_missing_outcome() -> None:
    forecast = made(DAYS[-1])
    quantiles = {name: target.quantiles for name, target in forecast.targets.items()}
    price = quantiles["price"][:, 49].copy()
    wind = np.full(len(price), np.nan)
    outcome = {"price": price, "wind": wind}
    rows = score_rows(forecast.day, outcome, quantiles, {"price": "e"}, outcome)
    assert set(rows["target"]) == {"price"}
    assert rows.filter(metric="rmae_weekly").is_empty(), "a naive without error has no ratio"
    assert rows.filter(metric="mae")["value"][0] == 0.0
    assert rows.filter(metric="coverage_80")["value"][0] == 1.0


def test_member_paths_are_kept_by_day_whatever_their_length(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    rng = np.random.default_rng(2)
    key = MemberKey("price", "lear_21", "v")
    paths = {day: rng.normal(50, 9, SESSION.delivery_day(day).mtu_count) for day in DAYS}
    store = LakeHindcasts(lake, DESK, "run")
    for day, path in paths.items():
        store.put(key, day, path)
    store.flush()
    found = LakeHindcasts(lake, DESK, "run")
    found.load([key], DAYS)
    for day, path in paths.items():
        assert found.get(key, day).tobytes() == path.tobytes()
    other_decision = reference_desk(units=["wind", "battery"], lead_time_minutes=90)
    other = LakeHindcasts(lake, other_decision, "run")
    other.load([key], DAYS)
    assert all(other.get(key, day) is None for day in DAYS)
