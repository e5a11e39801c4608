"""Two ways to build one matrix, and two ways to solve it."""

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from energy_assets.bidding.handoff import compile_model
from energy_assets.bidding.model.build import build_model
from energy_assets.bidding.model_data import model_data
from energy_assets.bidding.stochastic import Seconds, solve_data
from energy_assets_tests.bidding.problems import STEP, mixed_problem


def compiled(data, *, templated, cells=None):
    return compile_model(build_model(data, cells, templated=templated))


@pytest.mark.parametrize("rules", [None, STEP])
@pytest.mark.parametrize("mtus", [92, 96, 100])
def test_templated_and_plain_rules_give_the_same_matrix(mtus, rules):
    changes = {} if rules is None else {"rules": rules}
    data = model_data(mixed_problem(3, mtus, **changes))
    cells = {"battery": [(0, 3), (2, 5)]}
    one = compiled(data, templated=True, cells=cells)
    other = compiled(data, templated=False, cells=cells)
    column = {variable.name: i for i, variable in enumerate(other.columns)}
    same = [column[variable.name] for variable in one.columns]
    assert len(same) == len(column)
    assert [r.constraint.name for r in one.rows] == [r.constraint.name for r in other.rows]
    assert (one.matrix != other.matrix[:, same]).nnz == 0
    for name in ("row_lower", "row_upper"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
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
