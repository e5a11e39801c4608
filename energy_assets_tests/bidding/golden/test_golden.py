"""One optimum per golden problem, whichever way the model is built and whoever solves it."""

import importlib.util

import pytest

from energy_assets.bidding.model_data import model_data
from energy_assets.bidding.solvers import SolverSizeError, whole_optimum
from energy_assets.bidding.solvers.named import PACKAGES
from energy_assets_tests.bidding.golden import problems as golden
from energy_assets_tests.bidding.golden.problems import OPTIMUM

BUILDS = ("templated", "plain", "twin")
OTHERS = ("scip", "gurobi", "cplex")
# Each is a process of its own, so only one problem of each kind: modes, commitment, no integers.
EXCHANGED = (
    golden.battery_at_negative_prices,
    golden.late_commitment,
    golden.reserves_awarded,
    golden.tail_risk,
)
problems = pytest.mark.parametrize("make", OPTIMUM, ids=lambda make: make.__name__)


@problems
@pytest.mark.parametrize("build", BUILDS)
def test_every_build_has_the_same_optimum(make, build):
    problem = make()
    solved = whole_optimum(model_data(problem), "highs", problem.solver, build)
    assert solved.result.value == pytest.approx(OPTIMUM[make], rel=1e-6)
    assert solved.bound == pytest.approx(OPTIMUM[make], rel=1e-6)


@problems
@pytest.mark.parametrize("solver", OTHERS)
def test_every_solver_finds_it(make, solver):
    assert found(make, solver) == pytest.approx(OPTIMUM[make], rel=1e-6)


@pytest.mark.parametrize("make", EXCHANGED, ids=lambda make: make.__name__)
def test_or_tools_finds_it_from_a_file(make):
    assert found(make, "ortools") == pytest.approx(OPTIMUM[make], rel=1e-6)


def found(make, solver):
    if importlib.util.find_spec(PACKAGES[solver]) is None:
        pytest.skip(f"{solver} is not installed")
    problem = make()
    try:
        return whole_optimum(model_data(problem), solver, problem.solver).result.value
    except SolverSizeError as error:
        pytest.skip(str(error))
