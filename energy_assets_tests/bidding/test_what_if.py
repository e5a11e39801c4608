"""What if: cases against the base, the regret of kept orders, and a lake that stays as it was."""

import json
from datetime import timedelta

import numpy as np
import pytest

from energy_assets.bidding.runs import orders_in_force, run_bids, run_last_rung
from energy_assets.bidding.shocks import ShockContext
from energy_assets.bidding.what_if import compare, what_if
from energy_assets.errors import InputError
from energy_assets.lakehouse.analysts import connect
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.tables import TABLES
from energy_assets.market import load_area
from energy_assets_tests.bidding.known_rows import AUTUMN, DAY, SPRING, desk_of, lake_at
from energy_assets_tests.bidding.problems import battery, engine, mixed_problem, problem
from energy_assets_tests.bidding.test_runs import BATTERY, stamp_of, with_scenarios
from energy_assets_tests.bidding.test_shocks import case_of
from energy_assets_tests.lakehouse.frames import SteppingClock

CONTEXT = ShockContext("Europe/Berlin", {})
SPIKE = case_of({"kind": "price", "at_least": 500, "hours": [17, 20]}, name="spike")
NOTHING = case_of({"kind": "price", "factor": 1}, name="nothing")


def small_problem(**changes):
    rng = np.random.default_rng(3)
    prices = 40 + 15 * np.sin(np.arange(24) / 24 * 4 * np.pi) + 6 * rng.normal(size=(2, 24))
    units = [battery(power_mw=5, energy_mwh=10), engine()]
    return problem(units, prices, **({"solver": {"gap": 1e-3}} | changes))


def compared(bidding, *cases):
    base, found = compare(bidding, cases, CONTEXT)
    return base, {outcome.case.name: outcome for outcome in found}


def test_a_case_that_changes_nothing_costs_nothing():
    base, found = compared(small_problem(), NOTHING)
    same = found["nothing"]
    assert same.rebid.curves == base.curves
    assert same.rebid.expected_value == base.expected_value
    assert same.kept.awarded.tolist() == base.awarded.tolist()
    assert same.regret == 0


def test_keeping_the_base_orders_is_never_better_than_bidding_anew():
    out = case_of({"kind": "outage", "unit": "engine"}, name="out")
    cheap = case_of({"kind": "price", "at_most": -50, "hours": [8, 14]}, name="cheap")
    base, found = compared(small_problem(), SPIKE, out, cheap)
    for name, outcome in found.items():
        assert outcome.regret > -0.5, name
        assert outcome.rebid.rung == "stochastic"
    # The engine's sales are bought back as imbalance, at the penalty.
    kept = found["out"].kept
    assert kept.dispatch["engine"].max() == 0
    assert kept.imbalance.min() < -0.5
    assert found["out"].regret > 50
    assert found["out"].rebid.expected_value < base.expected_value
    assert found["spike"].rebid.expected_value > base.expected_value


def test_a_step_of_quarter_hours_with_every_unit():
    bidding = mixed_problem(3, 16, minutes=15)
    out = case_of({"kind": "outage", "unit": "turbine"}, name="out")
    base, found = compared(bidding, out)
    kept = found["out"].kept
    assert base.awarded.shape == kept.awarded.shape == (16,)
    # Prices are as in the base, so the same orders are awarded the same.
    assert kept.awarded == pytest.approx(base.awarded)
    assert set(kept.dispatch) == {unit.name for unit in bidding.units}


def test_a_case_the_plant_cannot_keep_falls_down_the_ladder_and_says_so():
    full = battery(power_mw=5, energy_mwh=10, start_energy_mwh=10)
    bidding = problem([full], np.full((2, 24), 40.0))
    out = case_of({"kind": "outage", "unit": "battery"}, name="out")
    _, found = compared(bidding, out)
    assert found["out"].rebid.rung == "marginal_cost"
    assert "battery" in found["out"].rebid.reason
    assert found["out"].kept is None
    assert found["out"].regret is None
    assert "battery" in found["out"].kept_reason


def test_block_orders_are_refused():
    block = {"first_mtu": 0, "mtu_count": 4, "side": "sale", "limit_price": 10, "max_volume_mw": 1}
    with pytest.raises(InputError, match="blocks: expected curves alone"):
        compare(small_problem(blocks=[block]), [NOTHING], CONTEXT)


# On a lake


@pytest.fixture
def lake(tmp_path):
    return lake_at(tmp_path)


@pytest.mark.parametrize("label", [SPRING, AUTUMN])
def test_the_base_is_the_decision_in_force_and_the_lake_stays_as_it_was(lake, label):
    stamp = with_scenarios(lake, label=label)
    run_last_rung(lake, BATTERY, stamp)
    run_bids(lake, BATTERY, stamp)
    versions = {name: lake.version(name) for name in TABLES}
    orders = orders_in_force(lake, BATTERY, stamp)
    found = what_if(lake, BATTERY, label, [SPIKE])
    assert found.base.curves == orders[0].curves
    assert (found.mode, found.decision_time) == ("replay", stamp.decision_time)
    count = {SPRING: 92, AUTUMN: 100}[label]
    for outcome in found.cases:
        assert len(outcome.rebid.awarded) == len(outcome.kept.awarded) == count
    spiked = np.flatnonzero(found.cases[0].rebid.awarded > found.base.awarded + 0.05) + 1
    assert set(found.changed_mtus(found.cases[0])) <= set(range(1, count + 1))
    assert spiked.size
    assert orders_in_force(lake, BATTERY, stamp) == orders
    assert {name: lake.version(name) for name in TABLES} == versions


def test_the_document_is_json_with_figures_by_case(lake):
    stamp = with_scenarios(lake)
    run_bids(lake, BATTERY, stamp)
    found = what_if(lake, BATTERY, DAY, [SPIKE])
    document = json.loads(json.dumps(found.as_json(), allow_nan=False))
    (case,) = document["cases"]
    assert document["delivery_day"] == DAY.isoformat()
    assert len(document["mtu_starts"]) == len(document["base"]["awarded_mw"]) == 96
    assert case["shocks"] == ["prices at least 500 per MWh, 17:00 to 20:00 local"]
    assert case["value_change"] == pytest.approx(
        case["rebid"]["expected_value"] - document["base"]["expected_value"]
    )
    assert case["regret"] == pytest.approx(
        case["rebid"]["weighed_value"] - case["kept"]["weighed_value"]
    )


def test_a_live_decision_comes_before_a_replay_and_what_if_rows_never_count(tmp_path):
    gate = load_area(BATTERY.area).session().gate_closure(DAY)
    early = Lake(tmp_path, clock=SteppingClock(gate - timedelta(minutes=30)))
    with_scenarios(early, mode="what_if", shift=900.0)
    run_bids(early, BATTERY, stamp_of(mode="what_if"))
    with pytest.raises(InputError, match="energy-assets day-ahead --delivery-day 2026-02-12"):
        what_if(early, BATTERY, DAY, [])
    with_scenarios(early, shift=5.0)
    with_scenarios(early, mode="live")
    run_bids(early, BATTERY, stamp_of(mode="live"))
    assert what_if(early, BATTERY, DAY, []).mode == "live"
    connection = connect(early)
    for name in ("bid_runs", "curve_orders", "dispatch_plan"):
        modes = connection.sql(f"select distinct mode from bids.current_{name}").fetchall()
        assert modes == [("live",)]


def test_cases_for_other_plant_are_left_out_only_where_asked(lake):
    run_bids(lake, BATTERY, with_scenarios(lake))
    out = case_of({"kind": "outage", "unit": "gas_turbine"}, name="out")
    with pytest.raises(InputError, match="gas_turbine"):
        what_if(lake, BATTERY, DAY, [out])
    found = what_if(lake, BATTERY, DAY, [out], skip_misfits=True)
    assert found.cases == ()
    assert "gas_turbine" in found.left_out["out"]


def test_a_desk_that_bids_with_stress_has_that_as_its_base(lake):
    desk = desk_of(
        "battery",
        imbalance={"deviation_penalty": 100.0},
        price_points=4,
        stress=[case_of({"kind": "price", "limit": "lowest", "hours": [6, 8]}, weight=0.3)],
    )
    stamp = with_scenarios(lake, desk)
    bid = run_bids(lake, desk, stamp)
    found = what_if(lake, desk, DAY, [])
    assert found.base.curves == bid.orders.curves
    assert bid.solution.profit.shape == (4,)
