"""The bid step: the last rung first, the best rung that holds after it, each on the record."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import polars as pl
import pytest

from energy_assets.bidding import Rung, best_bid, runs, solve
from energy_assets.bidding.rungs import LadderRung
from energy_assets.bidding.runs import best_valid_bid, orders_in_force, run_bids, run_last_rung
from energy_assets.errors import InputError, MarketRuleError
from energy_assets.forecasting.day_ahead import Scenarios
from energy_assets.forecasting.records import scenario_rows
from energy_assets.forecasting.targets import PRICE
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.market import CurveOrder, check_order_set, load_area
from energy_assets_tests.bidding.known_rows import (
    DAY,
    SPRING,
    add_outage,
    day_of,
    desk_of,
    lake_at,
)
from energy_assets_tests.bidding.problems import mixed_problem
from energy_assets_tests.lakehouse.frames import SteppingClock

BATTERY = desk_of("battery", imbalance={"deviation_penalty": 100.0}, price_points=4)


def stamp_of(desk=BATTERY, label=DAY, mode="replay", run_id="run"):
    return RunStamp("day_ahead", label, desk.decision_time(label), run_id, mode)


def with_scenarios(lake, desk=BATTERY, label=DAY, mode="replay", shift=0.0):
    day = day_of(label)
    hour = np.arange(day.mtu_count) / 4
    path = 60 + shift + 40 * np.sin((hour - 6) / 24 * 4 * np.pi)
    paths = {PRICE: np.stack([path, path + 10])}
    frame = scenario_rows(Scenarios(day, np.array([0.5, 0.5]), paths))
    stamp = stamp_of(desk, label, mode)
    rows = stamp.on(frame, "forecasts.scenarios")
    lake.append("forecasts.scenarios", rows, scope=desk.name)
    return stamp


@pytest.fixture
def lake(tmp_path):
    return lake_at(tmp_path)


def bid_rows(lake, desk=BATTERY):
    rows = lake.read("bids.bid_runs", scope=desk.name)
    return {row["rung"]: row for row in rows.iter_rows(named=True)}


def test_the_last_rung_needs_nothing_and_the_better_rung_replaces_it(lake):
    stamp = with_scenarios(lake)
    last = run_last_rung(lake, BATTERY, stamp)
    orders, rung = orders_in_force(lake, BATTERY, stamp)
    assert (orders, rung) == (last.orders, "price_independent")
    best = run_bids(lake, BATTERY, stamp)
    orders, rung = orders_in_force(lake, BATTERY, stamp)
    assert (orders, rung) == (best.orders, "stochastic")
    assert best.solution.expected_value > 0
    assert orders.sha256 == bid_rows(lake)["stochastic"]["orders_sha256"] != last.orders.sha256


@pytest.mark.parametrize("label", [SPRING, DAY])
def test_orders_in_force_keep_the_rules_of_their_day(lake, label):
    stamp = with_scenarios(lake, label=label)
    run_bids(lake, BATTERY, stamp)
    orders, _ = orders_in_force(lake, BATTERY, stamp)
    session = load_area(BATTERY.area).session()
    assert check_order_set(orders, session.delivery_day(label), session.curve_rules(label)) == []


def test_the_same_decision_again_adds_nothing_and_a_new_forecast_a_revision(lake):
    stamp = with_scenarios(lake)
    first = run_bids(lake, BATTERY, stamp)
    assert run_bids(lake, BATTERY, stamp).rows_written == 0
    with_scenarios(lake, shift=300.0)
    second = run_bids(lake, BATTERY, stamp)
    assert second.rows_written > 0
    assert orders_in_force(lake, BATTERY, stamp)[0] == second.orders != first.orders


def test_the_record_names_what_was_read(lake):
    stamp = with_scenarios(lake)
    run_bids(lake, BATTERY, stamp)
    row = bid_rows(lake)["stochastic"]
    scenarios = lake.read("forecasts.scenarios", scope=BATTERY.name)
    assert json.loads(row["model_versions"]) == {"scenarios": scenarios["content_hash"][0]}
    assert row["configuration_hash"] == BATTERY.config_hash
    assert row["gate_closure"] == load_area(BATTERY.area).session().gate_closure(DAY)
    assert row["gap"] <= 0.005


def test_rows_written_while_a_run_reads_are_neither_read_nor_recorded_as_read(tmp_path):
    before = datetime(2026, 11, 1, tzinfo=UTC)
    lake, day = lake_at(tmp_path), day_of()
    desk = desk_of("battery", "gas_turbine")

    class Ingesting(Lake):
        """Another process writes an outage just after the run has begun to read."""

        def revisions(self, table, selection, ingested_before=None):
            if table.id == "raw.outages":
                add_outage(lake, desk, "late", day.start, day.end, 5, unit="battery")
            return super().revisions(table, selection, ingested_before)

    busy = Ingesting(tmp_path, clock=lake.clock)
    stamp = stamp_of(desk)
    run_last_rung(busy, desk, stamp)
    row = bid_rows(lake, desk)["price_independent"]
    outage = lake.read("raw.outages", scope=desk.name).row(0, named=True)
    assert before < row["ingested_before"] <= outage["ingested_at"]
    again = run_last_rung(lake, desk, stamp, ingested_before=row["ingested_before"])
    assert again.rows_written == 0


def test_a_decision_without_scenarios_leaves_the_last_rung_in_force(lake):
    stamp = stamp_of()
    last = run_last_rung(lake, BATTERY, stamp)
    with pytest.raises(InputError, match=r"forecasts.scenarios on 2026-02-12"):
        run_bids(lake, BATTERY, stamp)
    assert orders_in_force(lake, BATTERY, stamp) == (last.orders, "price_independent")


def test_orders_of_another_mode_or_no_run_at_all_are_not_in_force(lake):
    run_last_rung(lake, BATTERY, stamp_of(mode="what_if"))
    with pytest.raises(InputError, match="expected orders in force, found 'none'"):
        orders_in_force(lake, BATTERY, stamp_of())


def test_a_live_run_finished_after_its_gate_does_not_count(tmp_path):
    gate = load_area(BATTERY.area).session().gate_closure(DAY)
    lake = lake_at(tmp_path)
    early = Lake(tmp_path, clock=SteppingClock(gate - timedelta(minutes=30)))
    late = Lake(tmp_path, clock=SteppingClock(gate))
    stamp = with_scenarios(early, mode="live")
    last = run_last_rung(early, BATTERY, stamp)
    run_bids(late, BATTERY, stamp)
    assert orders_in_force(lake, BATTERY, stamp) == (last.orders, "price_independent")


def test_a_model_without_solution_steps_down_with_its_reason(lake):
    """An outage keeps the store from its end energy: no plan exists, orders on the way to it do."""
    unit = BATTERY.units[0].model_dump() | {"start_energy_mwh": 0, "end_energy_mwh": 40}
    desk = BATTERY.model_validate(BATTERY.model_dump() | {"units": [unit]})
    day = day_of()
    add_outage(lake, desk, "m", day.start, day.end, 0.5, unit="battery")
    stamp = with_scenarios(lake, desk)
    result = run_bids(lake, desk, stamp)
    assert result.solution.rung is Rung.MARGINAL_COST
    assert "end_energy_mwh" in bid_rows(lake, desk)["marginal_cost"]["note"]
    assert orders_in_force(lake, desk, stamp) == (result.orders, "marginal_cost")


def falling(solution):
    """The solution with one curve that falls with price."""
    curve = solution.curves[0]
    (low, _), (high, _) = curve.points[0], curve.points[-1]
    bad = CurveOrder(curve.start, curve.minutes, ((low, 5), (high, -5)))
    return (bad, *solution.curves[1:])


def test_orders_that_break_a_rule_step_down_with_the_rule(lake, monkeypatch):
    stamp = with_scenarios(lake)

    def breaks(problem):
        solution = solve(problem)
        object.__setattr__(solution, "curves", falling(solution))
        return solution

    monkeypatch.setattr(runs, "best_bid", partial(best_bid, ladder=[rung_of(breaks)]))
    result = run_bids(lake, BATTERY, stamp)
    assert result.solution.rung is Rung.PRICE_INDEPENDENT
    assert "curve.monotone" in bid_rows(lake)["price_independent"]["note"]
    assert orders_in_force(lake, BATTERY, stamp) == (result.orders, "price_independent")


def test_a_rule_the_curves_break_while_they_are_made_steps_down_too(monkeypatch):
    day = day_of()
    rules = load_area(BATTERY.area).session().curve_rules(DAY)
    problem = mixed_problem(2, 96, start=day.start, rules=rules)

    def refuses(problem):
        raise MarketRuleError("model volumes fall with price")

    monkeypatch.setattr(runs, "best_bid", partial(best_bid, ladder=[rung_of(refuses)]))
    desk = desk_of("battery")
    stamp = RunStamp("day_ahead", DAY, desk.decision_time(DAY), "", "replay")
    bid = best_valid_bid(problem, desk, stamp)
    assert bid.solution.rung is Rung.PRICE_INDEPENDENT
    assert bid.solution.reason == "stochastic: model volumes fall with price"


def rung_of(make):
    return LadderRung(Rung.STOCHASTIC, make)


def test_another_row_read_changes_the_input_hash_and_not_the_orders(lake):
    stamp = with_scenarios(lake)
    first = run_bids(lake, BATTERY, stamp)
    before = bid_rows(lake)["stochastic"]["input_hash"]
    add_outage(lake, BATTERY, "other", day_of().start, day_of().end, 1, unit="elsewhere")
    run_bids(lake, BATTERY, stamp)
    after = bid_rows(lake)["stochastic"]
    assert after["input_hash"] != before
    assert after["orders_sha256"] == first.orders.sha256
    runs_of_day = lake.read("bids.bid_runs", scope=BATTERY.name, latest_revision=False)
    assert runs_of_day.select(pl.col("orders_sha256").n_unique()).item() == 1
