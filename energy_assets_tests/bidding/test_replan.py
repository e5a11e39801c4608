"""A re-plan updated in place is the re-plan built afresh."""

import numpy as np
import pytest

from energy_assets.bidding import make_problem
from energy_assets.bidding.handoff import Highs
from energy_assets.bidding.model_data import model_data
from energy_assets.bidding.replan import PreparedReplan
from energy_assets.bidding.twin.build import build_twin
from energy_assets.errors import InputError
from energy_assets_tests.bidding.problems import mixed_problem, multi_market_problem

MTUS = 16


def changed(base, **fields):
    document = {name: getattr(base, name) for name in type(base).model_fields}
    return make_problem("problem", **(document | fields))


@pytest.fixture(scope="module")
def base():
    made = multi_market_problem(4, MTUS, nodes=1, awarded=True)
    reserves = [r for r in made.reserves if r.awarded_mw is not None]
    solver = {"gap": 1e-7, "reduced_scenarios": 4}
    return changed(made, auction=False, blocks=(), reserves=reserves, solver=solver)


EVENTS = (
    "availability",
    "prices",
    "negative prices",
    "earlier position",
    "start states",
    "outage",
    "cost",
    "gate passed",
    "as it was",
)


def events(base):
    later = np.arange(MTUS) >= 6
    ladder = base.intraday.model_copy(update={"prices": base.intraday.prices[::-1] - 7 * later})
    turbine_on = {"on": True, "hours_in_state": 1, "power_mw": 55}
    return {
        "availability": {"availability": base.availability | {"wind": np.full((4, MTUS), 7.0)}},
        "prices": {
            "intraday": ladder,
            "long_prices": base.long_prices - 40 * later,
            "short_prices": base.short_prices - 40 * later,
        },
        "negative prices": {
            "long_prices": base.long_prices - 300,
            "short_prices": base.short_prices - 300,
        },
        "earlier position": {"earlier_position": base.earlier_position + 12 * later},
        "start states": {"start_states": {"battery": {"energy_mwh": 5}, "turbine": turbine_on}},
        "outage": {
            "power_limits": {
                "turbine": np.where(later, 35.0, 100.0),
                "battery": np.where(later, 0.0, 20.0),
            }
        },
        "cost": {"marginal_costs": {"turbine": 41.0}},
        "gate passed": {"intraday": ladder.model_copy(update={"first_mtu": 5})},
        "as it was": {},
    }


@pytest.fixture(scope="module")
def prepared(base):
    replan = PreparedReplan(base)
    replan.solve()
    return replan


@pytest.mark.parametrize("event", EVENTS)
def test_update_has_the_optimum_of_a_fresh_build(base, prepared, event):
    revised = changed(base, **events(base)[event])
    prepared.update(revised)
    found, fresh = prepared.solve(), PreparedReplan(revised).solve()
    assert found.objective == pytest.approx(fresh.objective, rel=1e-6)
    assert found.expected_value == pytest.approx(fresh.expected_value, rel=1e-3)


def test_updated_solver_holds_the_arrays_of_a_fresh_one(base):
    solver = Highs(build_twin(model_data(base), keep_pattern=True), base.solver)
    solver.fix(solver.compiled.positions("unit[turbine].on"), np.ones(MTUS // 4))
    for change in events(base).values():
        compiled = build_twin(model_data(changed(base, **change)), keep_pattern=True)
        solver.update(compiled)
        fresh = Highs(compiled, base.solver)
        assert_same_lp(solver._highs.getLp(), fresh._highs.getLp())


def assert_same_lp(one, other):
    from scipy.sparse import csc_array

    for name in ("col_cost_", "col_lower_", "col_upper_", "row_lower_", "row_upper_"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert list(one.integrality_) == list(other.integrality_)
    matrices = [
        csc_array(
            (lp.a_matrix_.value_, lp.a_matrix_.index_, lp.a_matrix_.start_),
            shape=(lp.num_row_, lp.num_col_),
        )
        for lp in (one, other)
    ]
    assert abs(matrices[0] - matrices[1]).max() == 0


def test_directions_fixed_in_one_plan_are_free_in_the_next(base):
    replan = PreparedReplan(changed(base, **events(base)["negative prices"]))
    replan.solve()
    assert "one_way_solve" in replan.seconds.by_step
    replan.update(base)
    found, fresh = replan.solve(), PreparedReplan(base).solve()
    assert found.objective == pytest.approx(fresh.objective, rel=1e-6)


def test_a_plan_does_not_depend_on_the_plans_before_it(base):
    revised = changed(base, **events(base)["prices"])
    straight, detour = PreparedReplan(base), PreparedReplan(base)
    for event in ("outage", "negative prices"):
        detour.update(changed(base, **events(base)[event]))
        detour.solve()
    straight.update(revised)
    detour.update(revised)
    one, other = straight.solve(), detour.solve()
    np.testing.assert_array_equal(one.profit, other.profit)
    np.testing.assert_array_equal(one.imbalance.mean, other.imbalance.mean)


def test_decided_hours_stand_and_open_ones_are_chosen_anew(base):
    hours = MTUS // 4
    decided = np.array([np.nan, 1, 1, 1])
    replan = PreparedReplan(base, {"turbine": np.zeros(hours)})
    off = replan.solve()
    assert not any(plan.on and any(plan.on) for plan in off.dispatch)
    replan.update(base, {"turbine": decided})
    on = next(plan.on for plan in replan.solve().dispatch if plan.name == "turbine")
    assert on[1:] == (True,) * 3
    replan.update(base)
    assert replan.solve().objective >= off.objective - 1e-6


def test_another_plant_or_horizon_is_refused(base):
    replan = PreparedReplan(base)
    fewer = changed(base, units=base.units[:-1], availability=without(base, "cold_store"))
    with pytest.raises(InputError, match="another model"):
        replan.update(fewer)
    with pytest.raises(InputError, match="without an auction"):
        PreparedReplan(mixed_problem(2, 4))
    with pytest.raises(InputError, match="4 hours"):
        replan.update(base, {"turbine": [1.0]})
    with pytest.raises(InputError, match="turbine"):
        replan.update(base, {"turbin": np.ones(4)})


def without(base, name):
    return {unit: paths for unit, paths in base.availability.items() if unit != name}
