"""Replays of a light desk on a file in EPF format: ranges, forecasts, rows and document."""

import json
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from energy_assets.backtesting import STRATEGIES, replay
from energy_assets.backtesting.records import backtest_document, backtest_id, write_backtest
from energy_assets.errors import InputError
from energy_assets.forecasting.day_ahead import Forecaster
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.portfolio import Desk
from energy_assets_tests.backtesting.market_days import MIXED
from energy_assets_tests.e2e.desks import EPF_DAY, epf_desk, fetch, write_epf_file

FIRST, SECOND, LAST = (EPF_DAY + timedelta(days=n) for n in range(3))
DESK = epf_desk(units=[unit.model_dump() for unit in MIXED.units], limits=MIXED.limits.model_dump())
CHEAP = [MIXED.units[0].model_dump(), MIXED.units[1].model_dump() | {"constant_cost": 1.0}]
KNOWN_BY = datetime(2016, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("epf")
    write_epf_file(folder, FIRST - timedelta(days=75), LAST + timedelta(days=1))
    return folder


@pytest.fixture(scope="module")
def lake(data):
    lake = Lake(data / "lake")
    lake.ensure_tables()
    fetch(lake, DESK, data, FIRST, LAST)
    return lake


def known(lake):
    return PointInTime(lake, KNOWN_BY)


@pytest.fixture(scope="module")
def members():
    """Member forecasts of the tests that are not about them."""
    return Forecaster()


@pytest.fixture(scope="module")
def whole(lake, members):
    return replay(known(lake), DESK, FIRST, LAST, forecaster=members)


def test_every_strategy_has_a_row_for_every_day(whole):
    names = {*STRATEGIES, "do_nothing"}
    assert set(whole.days.select("strategy", "delivery_day").iter_rows()) == {
        (name, FIRST + timedelta(days=i)) for name in names for i in range(3)
    }
    assert whole.unit_days.height == 2 * whole.days.height
    assert whole.scores["mae"].is_between(0.01, 30).all()


def test_the_bounds_are_perfect_foresight_and_doing_nothing(whole):
    assert whole.strategies["perfect_foresight"].capture == 1
    nothing = whole.days.filter(pl.col("strategy") == "do_nothing")
    assert nothing["profit"].to_list() == [0, 0, 0]
    best = whole.strategies["perfect_foresight"].profit
    assert all(value.profit <= best for value in whole.strategies.values())


def test_a_days_store_starts_and_ends_alike_so_a_range_may_be_split(lake, whole):
    """The engine's state is carried, the store's is not: without an engine any split is equal."""
    desk, names = epf_desk(), ["stochastic"]
    together = replay(known(lake), desk, SECOND, LAST, strategies=names)
    alone = replay(known(lake), desk, LAST, LAST, strategies=names)
    assert together.days.filter(pl.col("delivery_day") == LAST).equals(alone.days)
    # The forecast does not depend on the range, nor on the units.
    last = whole.scores.filter(pl.col("delivery_day") == LAST)
    assert alone.scores.equals(last)
    assert together.scores.filter(pl.col("delivery_day") == LAST).equals(last)


def test_a_days_engine_state_is_the_days_before(lake, members):
    """An engine that runs for 1 EUR/MWh: the second day alone pays the start it had paid."""
    desk = Desk.model_validate(DESK.model_dump() | {"units": CHEAP})

    def engine(first):
        result = replay(
            known(lake), desk, first, LAST, strategies=["perfect_foresight"], forecaster=members
        )
        rows = result.unit_days.filter(
            pl.col("unit") == "engine",
            pl.col("strategy") == "perfect_foresight",
            pl.col("delivery_day") == LAST,
        )
        return rows["profit"].item()

    assert engine(SECOND) - engine(LAST) == pytest.approx(30)


def test_only_the_strategies_asked_for_run_and_perfect_foresight(lake, members):
    result = replay(
        known(lake), epf_desk(), FIRST, FIRST, strategies=["yesterday"], forecaster=members
    )
    assert list(result.strategies) == ["yesterday", "perfect_foresight"]
    with pytest.raises(InputError, match="expected some of stochastic, yesterday"):
        replay(known(lake), epf_desk(), FIRST, FIRST, strategies=["tomorrow"])


def test_a_day_without_clearing_prices_is_named(lake):
    with pytest.raises(InputError, match=r"raw.market_prices of EPF_DE on 2016-02-01"):
        replay(
            known(lake), epf_desk(), date(2016, 2, 1), date(2016, 2, 1), strategies=["yesterday"]
        )


def test_results_are_replaced_and_not_added_to(lake, whole):
    assert write_backtest(lake, DESK, whole) == whole.days.height + whole.unit_days.height
    assert write_backtest(lake, DESK, whole) == 0
    rows = lake.read("results.backtest_days", scope=DESK.name)
    assert rows["backtest"].unique().to_list() == [backtest_id(DESK)]
    totals = dict(rows.group_by("strategy").agg(pl.col("profit").sum()).iter_rows())
    for name, value in whole.strategies.items():
        assert totals[name] == pytest.approx(value.profit)


def test_the_document_is_strict_json_and_keeps_its_contract(whole):
    document = json.loads(json.dumps(backtest_document(whole), allow_nan=False))
    assert (document["from"], document["to"], document["days"]) == (str(FIRST), str(LAST), 3)
    assert set(document["strategies"]) == set(STRATEGIES)
    for value in document["strategies"].values():
        assert {
            "profit",
            "profit_per_day",
            "capture",
            "capture_by_unit",
            "imbalance_mwh",
            "cvar95_per_day",
        } <= set(value)
        assert set(value["capture_by_unit"]) == {"battery", "engine"}


def test_a_unit_without_flexibility_has_a_null_capture(whole):
    for value in whole.strategies.values():
        value.capture_by_unit["load"] = float("nan")
    document = backtest_document(whole)
    for value in whole.strategies.values():
        del value.capture_by_unit["load"]
    assert document["strategies"]["stochastic"]["capture_by_unit"]["load"] is None
