"""Solvers by name: options, limits, faults, and the whole problem beside the daily recipe."""

from importlib.util import find_spec

import numpy as np
import pytest

from energy_assets.bidding import SolverOptions, solve
from energy_assets.bidding.builds import compiled_model
from energy_assets.bidding.handoff import SolverError, SolverInfeasibleError, compile_model
from energy_assets.bidding.model_data import model_data
from energy_assets.bidding.solvers import (
    SOLVERS,
    SolverSizeError,
    available_solvers,
    exchange,
    named,
    solve_compiled,
    solve_whole,
    solver_state,
)
from energy_assets.bidding.solvers.options import OPTION_NAMES, settings
from energy_assets.errors import InfeasibleError, InputError
from energy_assets_tests.bidding.golden import problems as golden
from energy_assets_tests.bidding.problems import battery, mixed_problem, problem

pyo = pytest.importorskip("pyomo.environ")
USABLE = [name for name, package in named.PACKAGES.items() if find_spec(package)]
each_solver = pytest.mark.parametrize("solver", USABLE)


def knapsack(columns=60, most=None):
    """A problem no solver proves in one node; none at all where the capacity is negative."""
    rng = np.random.default_rng(1)
    weights = rng.integers(100, 999, (2, columns))
    m = pyo.ConcreteModel()
    m.x = pyo.Var(range(columns), within=pyo.Binary)
    m.rows = pyo.ConstraintList()
    for row in weights:
        capacity = int(row.sum()) // 2 if most is None else most
        m.rows.add(sum(int(w) * m.x[i] for i, w in enumerate(row)) <= capacity)
    values = weights[0] + rng.integers(-50, 50, columns)
    m.value = pyo.Objective(
        expr=sum(int(v) * m.x[i] for i, v in enumerate(values)), sense=pyo.maximize
    )
    return compile_model(m)


def test_one_table_sets_every_solver():
    options = SolverOptions(gap=0.01, node_limit=7, time_limit_seconds=9)
    assert settings("gurobi", options) == {
        "MIPGap": 0.01,
        "NodeLimit": 7,
        "TimeLimit": 9,
        "Threads": 1,
        "Seed": 0,
    }
    assert {*OPTION_NAMES, "highs"} == set(SOLVERS)
    for names in OPTION_NAMES:
        assert sorted(settings(names, options).values()) == [0, 0.01, 1, 7, 9]


@each_solver
def test_values_come_in_the_order_of_the_columns(solver):
    compiled = knapsack(8)
    result = solve_compiled(compiled, solver, SolverOptions(gap=0))
    assert compiled.cost @ result.columns == pytest.approx(result.value)
    used = compiled.matrix @ result.columns
    assert (used <= compiled.row_upper + 1e-6).all()
    assert result.bound == pytest.approx(result.value)


@each_solver
def test_the_node_limit_leaves_a_solution_with_its_bound(solver):
    options = SolverOptions(gap=0, node_limit=1)
    try:
        result = solve_compiled(knapsack(), solver, options)
    except SolverSizeError as error:
        pytest.skip(str(error))
    assert result.value <= result.bound + 1e-6
    assert "limit" in result.status or result.value == pytest.approx(result.bound)


@each_solver
def test_an_infeasible_model_is_told_apart(solver):
    with pytest.raises(SolverInfeasibleError):
        solve_compiled(knapsack(4, most=-1), solver, SolverOptions())


@pytest.mark.parametrize("solver", [name for name in ("gurobi", "cplex") if name in USABLE])
def test_a_licence_too_small_is_one_clear_line(solver):
    if solver_state(solver).most_columns is None:
        pytest.skip("its licence has no size limit here")
    bidding = mixed_problem(2, 96)
    compiled = compiled_model(model_data(bidding), "plain")
    assert compiled.matrix.shape[1] > 2000
    with pytest.raises(SolverSizeError, match=f"{solver}: the problem is larger than its free"):
        solve_compiled(compiled, solver, bidding.solver)


def test_an_absent_solver_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(named.PACKAGES, "scip", "no_such_package")
    with pytest.raises(SolverError, match=r"scip: not installed \(pip install"):
        solve_compiled(knapsack(4), "scip", SolverOptions())
    states = {state.name: state for state in available_solvers()}
    assert (states["scip"].usable, states["scip"].reason) == (False, "not installed")
    assert states["highs"].usable
    for name in {*USABLE} - {"scip"}:
        assert states[name].usable, states[name].reason


def test_an_unknown_solver_is_refused():
    with pytest.raises(InputError, match="expected one of highs, gurobi, cplex, scip, ortools"):
        solve_compiled(knapsack(4), "oracle", SolverOptions())


def test_a_dead_process_is_a_solver_error(monkeypatch, tmp_path):
    child = tmp_path / "child.py"
    child.write_text("raise SystemExit('no room left')")
    monkeypatch.setattr(exchange, "_CHILD", child)
    with pytest.raises(SolverError, match="ortools: its process ended with code 1: no room left"):
        exchange.solve_by_exchange(knapsack(4), SolverOptions())


def test_pyomo_interfaces_refuse_a_model_that_is_not_pyomos():
    twin = compiled_model(model_data(problem([battery()], [20.0, 80.0])), "twin")
    with pytest.raises(TypeError, match="plain rules"):
        solve_compiled(twin, "scip", SolverOptions())


def test_the_whole_problem_is_never_worse_than_the_recipe():
    bidding = mixed_problem(6, 24, minutes=60, solver={"gap": 1e-6, "reduced_scenarios": 2})
    recipe, whole = solve(bidding), solve_whole(bidding, "highs")
    assert recipe.objective <= whole.bound + 1e-6
    assert whole.objective >= recipe.objective - 1e-6 * abs(recipe.objective)
    assert (whole.bound_scope, whole.status) == ("all scenarios", "highs: optimal")


def test_no_battery_moves_both_ways_in_the_whole_problem():
    solution = solve_whole(golden.battery_at_negative_prices(), "highs")
    alone = problem(
        [battery(power_mw=5, energy_mwh=8)], golden.scenarios(3) - 45, solver=golden.EXACT
    )
    # Both ways at once would earn more where prices are negative.
    relaxed = solve_compiled(compiled_model(model_data(alone), "plain"), "highs", alone.solver)
    assert solution.objective < relaxed.value - 1


def test_infeasibility_is_named_whoever_solves():
    unit = battery(start_energy_mwh=0, end_energy_mwh=2, energy_mwh=2)
    limits = {"battery": [0.0, 0.0]}
    with pytest.raises(InfeasibleError, match="battery"):
        solve_whole(problem([unit], [20.0, 80.0], power_limits=limits), "scip")


def test_orders_of_every_market_are_in_the_solution():
    blocks = solve_whole(golden.block_orders(), "highs").block_orders
    assert [(order.side, order.mtu_count, order.limit_price) for order in blocks] == [
        ("sale", 3, 60)
    ]
    assert blocks[0].volume_mw == pytest.approx(37)
    bidding = golden.intraday_ladder_by_node()
    solution = solve_whole(bidding, "highs")
    assert [plan.node for plan in solution.intraday] == [0, 1]
    assert sum(plan.probability for plan in solution.intraday) == pytest.approx(1)
    market = bidding.intraday
    for plan in solution.intraday:
        assert np.abs(plan.net_sale).max() <= market.steps_mw.sum() + 1e-6


def test_reserve_offers_add_up_to_the_highest_award():
    solution = solve_whole(golden.reserves_offered(), "highs")
    for product, award in solution.reserve_awards.items():
        offered = np.zeros(len(award.mean))
        for offer in solution.reserve_offers:
            if offer.product == product:
                offered[offer.block] += offer.volume_mw
        # The dearest offer need not be accepted in any scenario.
        assert (award.p95 <= offered + 1e-6).all()
    assert any(award.mean.max() > 0.1 for award in solution.reserve_awards.values())


def test_a_known_award_is_not_offered_again():
    solution = solve_whole(golden.reserves_awarded(), "highs")
    assert "fcr" not in {offer.product for offer in solution.reserve_offers}
    np.testing.assert_allclose(solution.reserve_awards["fcr"].mean, [3, 5], atol=1e-6)
