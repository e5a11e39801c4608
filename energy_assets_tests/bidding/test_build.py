"""Two ways to build one matrix, and two ways to solve it."""

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from energy_assets.bidding.handoff import compile_model
from energy_assets.bidding.model.build import build_model
from energy_assets.bidding.model_data import model_data
from energy_assets.bidding.problem import SolverOptions
from energy_assets.bidding.stochastic import Seconds, solve_data
from energy_assets_tests.bidding.problems import STEP, mixed_problem, multi_market_problem


def compiled(data, *, templated, cells=None):
    return compile_model(build_model(data, cells, templated=templated))


@pytest.mark.parametrize(
    "made",
    [
        lambda: mixed_problem(3, 96),
        lambda: mixed_problem(3, 92, rules=STEP),
        lambda: mixed_problem(3, 100, rules=STEP),
        lambda: multi_market_problem(3, 24),
        lambda: multi_market_problem(3, 24, awarded=True, commit_late=("turbine",)),
    ],
    ids=["linear", "23 hours", "25 hours", "all markets", "awarded, late"],
)
def test_templated_and_plain_rules_give_the_same_matrix(made):
    data = model_data(made())
    cells = {"battery": [(0, 3), (2, 5)]}
    one = compiled(data, templated=True, cells=cells)
    other = compiled(data, templated=False, cells=cells)
    column = {variable.name: i for i, variable in enumerate(other.columns)}
    same = [column[variable.name] for variable in one.columns]
    assert len(same) == len(column)
    assert [r.constraint.name for r in one.rows] == [r.constraint.name for r in other.rows]
    # Templates may add an entry's terms in another order.
    difference = one.matrix - other.matrix[:, same]
    assert abs(difference).max() <= 1e-12 * abs(one.matrix).max()
    for name in ("row_lower", "row_upper"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-12)
    for name in ("cost", "lower", "upper", "integer"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name)[same])


def test_templating_switch_is_put_back():
    from pyomo.core.base import constraint

    build_model(model_data(mixed_problem(2, 4)), templated=True)
    assert constraint.TEMPLATIZE_CONSTRAINTS is False


def test_hand_off_keeps_the_optimum_of_an_independent_solver_call():
    problem = mixed_problem(3, 24, minutes=60, solver={"gap": 1e-6, "reduced_scenarios": 3})
    data = model_data(problem)
    solved, _, scope = solve_data(data, problem.solver, Seconds())
    c = compiled(data, templated=False)
    twin = milp(
        -c.cost,
        constraints=LinearConstraint(c.matrix, c.row_lower, c.row_upper),
        bounds=Bounds(c.lower, c.upper),
        integrality=c.integer,
        options={"mip_rel_gap": 1e-6},
    )
    assert scope == "all scenarios"
    assert solved.result.value == pytest.approx(c.offset - twin.fun, rel=1e-5)


def test_recipe_stays_close_to_the_full_problem_and_reports_its_gap():
    full = mixed_problem(9, 24, minutes=60, solver={"gap": 1e-4, "reduced_scenarios": 9})
    recipe = mixed_problem(9, 24, minutes=60, solver={"gap": 1e-4, "reduced_scenarios": 4})
    best, no_gap, _ = solve_data(model_data(full), full.solver, Seconds())
    found, gap, scope = solve_data(model_data(recipe), recipe.solver, Seconds())
    assert no_gap is None
    assert (scope, gap <= 1e-4) == ("reduced scenarios", True)
    assert found.result.value <= best.bound + 1e-6
    assert found.result.value >= 0.98 * best.result.value


def test_same_problem_twice_gives_the_same_bits():
    problem = mixed_problem(6, 96)
    first, _, _ = solve_data(model_data(problem), problem.solver, Seconds())
    second, _, _ = solve_data(model_data(problem), problem.solver, Seconds())
    np.testing.assert_array_equal(first.result.columns, second.result.columns)


def test_an_unknown_build_is_refused():
    with pytest.raises(ValueError, match="build"):
        SolverOptions(build="other")
