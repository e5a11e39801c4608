"""Member forecasts of past days: the same bits however they came about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from energy_assets.forecasting.day_ahead import (
    Forecaster,
    ForecastUnavailableError,
    forecast_day,
)
from energy_assets.forecasting.ensembles import Ensemble
from energy_assets.forecasting.hindcasts import KEPT_LEVELS, Hindcaster, HindcastStore, MemberKey
from energy_assets.forecasting.members.base import MemberUnavailableError
from energy_assets.forecasting.members.registry import member
from energy_assets.forecasting.members.serving import MemoryModels
from energy_assets.forecasting.records import LakeHindcasts
from energy_assets.forecasting.target_forecasts import (
    CHEAPER_MEMBERS,
    CLIMATOLOGY,
    DAY_TYPE,
    ENSEMBLE,
)
from energy_assets.forecasting.targets import TargetReader
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
    write_epf_file(folder, DAY - timedelta(days=90), DAY + timedelta(days=3))
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


def since(day: date) -> pl.Expr:
    return (pl.col("period_start") + timedelta(hours=1)).dt.date() >= day


def hindcaster(
    lake: Lake,
    store: HindcastStore,
    desk: Desk = DESK,
    day: date = DAY,
    lead: timedelta | None = None,
) -> Hindcaster:
    known = PointInTime(lake, desk.decision_time(day) - (lead or timedelta()))
    return Hindcaster(TargetReader(known, desk, SERIES), store, MemoryModels())


def test_stored_and_fresh_forecasts_are_the_same_bits_in_any_order(
    lake_of: Callable[..., Lake],
) -> None:
    lake = lake_of()
    fresh = hindcaster(lake, HindcastStore()).members("price", DAY)
    # Another day first, by another process; then the day itself, from what that left.
    other = DAY - timedelta(days=3)
    hindcaster(lake, LakeHindcasts(lake, DESK, "a"), day=other).members("price", other)
    stored = hindcaster(lake, LakeHindcasts(lake, DESK, "b")).members("price", DAY)
    again = hindcaster(lake, LakeHindcasts(lake, DESK, "c")).members("price", DAY)
    for name, values in fresh.forecasts.points.items():
        assert np.isfinite(values).all()
        assert stored.forecasts.points[name].tobytes() == values.tobytes()
        assert again.forecasts.points[name].tobytes() == values.tobytes()
    kept = lake.read("forecasts.quantiles")
    assert kept["model"].unique().sort().to_list() == ["lear_21", "lear_28"]
    assert kept.height == 2 * 24 * (29 + 3)


def test_a_quantile_member_is_kept_at_21_levels_and_comes_back_whole(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    key = MemberKey("wind", "analogues", "v")
    values = np.sort(np.random.default_rng(2).normal(20, 9, (24, len(KEPT_LEVELS))))
    store = LakeHindcasts(lake, DESK, "run")
    store.put(key, DAY, values)
    assert lake.read("forecasts.quantiles").is_empty(), "nothing is written before the flush"
    store.flush()
    found = LakeHindcasts(lake, DESK, "run")
    found.load([key], [DAY, DAY + timedelta(days=1)])
    np.testing.assert_array_equal(found.get(key, DAY), values)
    assert found.get(key, DAY + timedelta(days=1)) is None
    other = LakeHindcasts(lake, epf_desk(lead_time_minutes=90), "run")
    other.load([key], [DAY])
    assert other.get(key, DAY) is None, "another decision time is another forecast"


def test_an_early_decision_is_not_forecast_with_later_knowledge(
    lake_of: Callable[..., Lake],
) -> None:
    lake = lake_of()
    regular = hindcaster(lake, HindcastStore()).members("price", DAY)
    # The system forecasts of the benchmark are issued 30 minutes before the decision.
    store = LakeHindcasts(lake, DESK, "early")
    early = hindcaster(lake, store, lead=timedelta(hours=2)).members("price", DAY)
    for name in ("lear_21", "lear_28"):
        assert not np.array_equal(early.today[name], regular.today[name])
        np.testing.assert_array_equal(
            early.forecasts.points[name][:-1], regular.forecasts.points[name][:-1]
        )


def test_a_member_with_too_few_whole_days_is_left_out_and_the_others_are_not(
    lake_of: Callable[..., Lake],
) -> None:
    desk = epf_desk(
        forecast={
            "members": {"price": ("lear_14", "lear_28")},
            "qra_window_days": 29,
            "fold_days": 0,
            "longest_retrain_days": 1,
        }
    )
    gaps = pl.any_horizontal(at(DAY - timedelta(days=n)) for n in (9, 10, 11))
    lake = lake_of(market_prices=~gaps)
    made = hindcaster(lake, HindcastStore(), desk).members("price", DAY)
    assert set(made.today) == {"lear_28"}
    assert "lear_14" in made.missing["lear_14"]


def forecast(lake: Lake, desk: Desk = DESK, **how: object):
    known = PointInTime(lake, desk.decision_time(DAY))
    return forecast_day(known, desk, DAY, series=SERIES, **how)


def test_months_without_system_forecasts_step_down_to_past_days_of_the_type(
    lake_of: Callable[..., Lake],
) -> None:
    """Enough prices, but no complete row to fit on: never an error."""
    made = forecast(lake_of(system_forecasts=at(DAY) | at(DAY - timedelta(days=1))))
    assert made.rung == DAY_TYPE
    assert made.note
    assert made.targets["price"].members == {}


def test_short_history_steps_down_and_stores_no_member(lake_of: Callable[..., Lake]) -> None:
    lake = lake_of(market_prices=since(DAY - timedelta(days=8)))
    made = forecast(lake, forecaster=Forecaster(store=LakeHindcasts(lake, DESK, "a")))
    assert made.rung == CLIMATOLOGY or made.rung == DAY_TYPE
    assert lake.read("forecasts.quantiles").is_empty()


def test_a_price_gap_weeks_ago_costs_its_days_and_not_the_ensemble(
    lake_of: Callable[..., Lake],
) -> None:
    desk = epf_desk(
        forecast={
            "members": {"price": ("lear_21", "lear_28")},
            "qra_window_days": 33,
            "fold_days": 0,
            "longest_retrain_days": 1,
        }
    )
    gap = at(DAY - timedelta(days=19)) & (pl.col("period_start").dt.hour() == 9)
    made = forecast(lake_of(market_prices=~gap), desk)
    assert made.rung == ENSEMBLE
    price = made.targets["price"]
    assert np.isfinite(price.quantiles).all()
    assert (np.diff(price.quantiles, axis=1) >= 0).all()
    assert np.isfinite(made.scenarios.paths["price"]).all()


def test_a_missing_input_steps_down_and_every_forecast_stays_in_range(
    lake_of: Callable[..., Lake],
) -> None:
    lake = lake_of()
    made = forecast(lake, unusable={"price": "load is missing"})
    assert (made.rung, made.note) == (DAY_TYPE, "price: load is missing")
    known = PointInTime(lake, DESK.decision_time(DAY))
    past = TargetReader(known, DESK, SERIES).history("price", DAY).outcome[-57:-1]
    quantiles = made.targets["price"].quantiles
    assert (quantiles >= np.nanmin(past, axis=0)[:, None]).all()
    assert (quantiles <= np.nanmax(past, axis=0)[:, None]).all()


def test_hardly_any_outcome_cannot_be_forecast_at_all(lake_of: Callable[..., Lake]) -> None:
    with pytest.raises(ForecastUnavailableError, match=r"expected 7 whole days .*, found 1"):
        forecast(lake_of(market_prices=at(DAY - timedelta(days=1))))


class _Broken(MemoryModels):
    """A store whose models cannot be loaded."""

    def load(self, key: object, member: object) -> None:
        msg = "boosting_21 for price: expected the model of its hash, found other bytes"
        raise MemberUnavailableError(msg)


@pytest.mark.parametrize(
    ("models", "said"), [(_Broken(), "other bytes"), (MemoryModels(), "no model was trained")]
)
def test_a_model_that_does_not_load_leaves_its_member_out_and_says_so(
    models: MemoryModels, said: str, lake_of: Callable[..., Lake]
) -> None:
    desk = epf_desk(
        forecast={
            "members": {"price": ("lear_21", "boosting_21")},
            "qra_window_days": 29,
            "fold_days": 0,
            "longest_retrain_days": 28,
        }
    )
    made = forecast(lake_of(), desk, forecaster=Forecaster(models=models, may_train=False))
    assert made.rung == CHEAPER_MEMBERS
    assert said in made.note
    assert set(made.targets["price"].members) == {"lear_21"}


def test_the_version_names_what_forecasts_depend_on(lake_of: Callable[..., Lake]) -> None:
    lake = lake_of()
    one = member("lear_21")
    version = hindcaster(lake, HindcastStore()).version(one)
    renamed = epf_desk(risk_weight=0.5, name="other")
    assert version == hindcaster(lake, HindcastStore(), renamed).version(one)
    late = epf_desk(lead_time_minutes=45)
    assert version != hindcaster(lake, HindcastStore(), late).version(one)
    assert version != hindcaster(lake, HindcastStore()).version(member("lear_28"))


def test_what_reads_the_price_forecast_is_another_forecast_by_another_price_ensemble(
    lake_of: Callable[..., Lake],
) -> None:
    own, other = hindcaster(lake_of(), HindcastStore()), hindcaster(lake_of(), HindcastStore())
    other.ensembles = {"price": Ensemble((member("lear_14"),), own.ensemble("price").recipe)}
    one = member("analogues")
    assert own.version(one, "imbalance_spread") != other.version(one, "imbalance_spread")
    assert own.version(one, "wind") == other.version(one, "wind")
