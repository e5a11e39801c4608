"""The numpy twin and the Pyomo model, built independently, are one and the same problem."""

import numpy as np
import pytest

from energy_assets.bidding import make_problem, solve
from energy_assets.bidding.builds import compiled_model
from energy_assets.bidding.feasibility import explain
from energy_assets.bidding.handoff import Highs
from energy_assets.bidding.model_data import model_data
from energy_assets.bidding.problem import SolverOptions
from energy_assets.bidding.twin.build import build_twin
from energy_assets.portfolio import ThermalUnit
from energy_assets_tests.bidding.problems import (
    STEP,
    battery,
    engine,
    mixed_problem,
    multi_market_problem,
    problem,
)

CELLS = {"battery": [(0, 3), (1, 5)]}


def cold(base, **changes):
    """The problem with a turbine whose starts may be cold and whose part load costs more."""
    figures = {"cold_start_cost": 5000, "cold_after_hours": 4, "part_load_efficiency": 0.85}
    units = [unit.model_dump() for unit in base.units]
    units = [unit | figures if unit["name"] == "turbine" else unit for unit in units]
    fields = {name: getattr(base, name) for name in type(base).model_fields}
    return make_problem("problem", **(fields | {"units": units} | changes))


def re_plan(**changes):
    late = {"auction": False, "blocks": (), "awarded": True}
    return multi_market_problem(3, 16, **(late | changes))


PROBLEMS = {
    "96 quarter-hours": lambda: mixed_problem(2, 96),
    "23-hour day": lambda: mixed_problem(2, 92, rules=STEP),
    "25-hour day": lambda: mixed_problem(2, 100),
    "half-hours": lambda: mixed_problem(3, 20, minutes=30, rules=STEP),
    "hours": lambda: mixed_problem(3, 25, minutes=60, risk_weight=0.0),
    "all markets": lambda: multi_market_problem(3, 16),
    "awarded, step curves": lambda: multi_market_problem(
        3, 16, awarded=True, rules=STEP, risk_weight=0.0
    ),
    "late commitment": lambda: multi_market_problem(3, 16, commit_late=("turbine",)),
    "cold starts, part load": lambda: cold(multi_market_problem(3, 16, nodes=2)),
    "cold starts, late, on before": lambda: cold(
        mixed_problem(3, 16),
        commit_late=("turbine",),
        start_states={"turbine": {"on": True, "hours_in_state": 1, "power_mw": 60}},
    ),
    "outage": lambda: mixed_problem(
        3, 16, power_limits={"turbine": [100] * 6 + [30] * 4 + [70] * 6, "battery": [10] * 16}
    ),
    "no auction": re_plan,
    "no auction, one node": lambda: re_plan(nodes=1, risk_weight=0.0),
}


def assert_equal(twin, pyomo):
    """Same rows, columns and figures, matched by name; a column in no row may be left out."""
    rows = {twin.row_name(i): i for i in range(twin.matrix.shape[0])}
    columns = {twin.column_name(i): i for i in range(twin.matrix.shape[1])}
    row_names = [pyomo.row_name(i) for i in range(pyomo.matrix.shape[0])]
    column_names = [pyomo.column_name(i) for i in range(pyomo.matrix.shape[1])]
    assert len(rows) == twin.matrix.shape[0]
    assert len(columns) == twin.matrix.shape[1]
    assert sorted(rows) == sorted(row_names)
    left_out = [columns[name] for name in set(columns) - set(column_names)]
    assert not twin.cost[left_out].any()
    assert not np.diff(twin.matrix.indptr)[left_out].any()
    row, column = [rows[n] for n in row_names], [columns[n] for n in column_names]
    found, expected = twin.matrix[row][:, column].tocsc(), pyomo.matrix.tocsc()
    for matrix in (found, expected):
        matrix.sort_indices()
    np.testing.assert_array_equal(found.indptr, expected.indptr)
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.data, expected.data, rtol=1e-9)
    for name in ("row_lower", "row_upper"):
        figures = getattr(pyomo, name)
        np.testing.assert_allclose(getattr(twin, name)[row], figures, rtol=1e-9, atol=1e-12)
    for name in ("cost", "lower", "upper", "integer"):
        figures = getattr(pyomo, name)
        np.testing.assert_allclose(getattr(twin, name)[column], figures, rtol=1e-9, err_msg=name)
    assert twin.offset == pyomo.offset


@pytest.mark.parametrize("name", PROBLEMS)
def test_twin_has_the_rows_columns_and_figures_of_pyomo(name):
    data = model_data(PROBLEMS[name]())
    twin = compiled_model(data, "twin", CELLS)
    assert_equal(twin, compiled_model(data, "templated", CELLS))
    assert_equal(twin, compiled_model(data, "plain", CELLS))


def test_twin_equals_pyomo_where_the_position_is_given():
    made = multi_market_problem(3, 16)
    position = np.random.default_rng(3).uniform(-20, 60, made.prices.shape)
    data = model_data(made, position)
    assert_equal(compiled_model(data, "twin"), compiled_model(data, "templated"))


def test_names_and_positions_are_those_of_pyomo():
    twin = build_twin(model_data(multi_market_problem(3, 16)))
    charge = twin.positions("unit[battery].charge").reshape(3, 16)
    assert twin.column_name(charge[0, 3]) == "unit[battery].charge[0,3]"
    row = twin.row_positions("unit[turbine].switch")[1]
    assert twin.row_name(row) == "unit[turbine].switch[0,2]"
    assert twin.column_name(twin.positions("threshold")[0]) == "threshold"
    share = twin.positions("product[afrr_down].share")
    assert twin.column_name(share[-1]) == "product[afrr_down].share[3,2,1]"


def test_a_kept_pattern_holds_the_same_problem():
    data = model_data(multi_market_problem(4, 16))
    kept, bare = build_twin(data, keep_pattern=True), build_twin(data)
    assert kept.matrix.nnz > bare.matrix.nnz
    options = SolverOptions(gap=1e-7)
    one, other = Highs(kept, options).solve(), Highs(bare, options).solve()
    assert one.value == pytest.approx(other.value, rel=1e-6)


@pytest.mark.parametrize(
    "made",
    [
        lambda: mixed_problem(3, 24, minutes=60),
        lambda: multi_market_problem(3, 16, awarded=True),
        lambda: multi_market_problem(3, 16, auction=False, blocks=()),
    ],
    ids=["mixed", "all markets", "no auction"],
)
def test_every_build_gives_the_same_optimum(made):
    base = made()
    found = {
        build: solve(base.model_copy(update={"solver": SolverOptions(gap=1e-8, build=build)}))
        for build in ("templated", "plain", "twin")
    }
    objective = found["twin"].objective
    assert found["templated"].objective == pytest.approx(objective, rel=1e-6)
    assert found["plain"].objective == pytest.approx(objective, rel=1e-6)
    assert found["templated"].expected_value == pytest.approx(
        found["twin"].expected_value, rel=1e-4
    )


def test_twin_explains_infeasibility_in_the_same_words():
    made = problem(
        [engine(min_up_hours=4, ramp_up_mw_per_hour=0.2), battery()],
        np.full(4, 50.0),
        start_states={"engine": {"on": True, "hours_in_state": 1, "power_mw": 0}},
    )
    stuck = model_data(made)
    words = {str(explain(stuck, SolverOptions(build=build))) for build in ("templated", "twin")}
    assert len(words) == 1
    assert "engine" in words.pop()


def test_a_unit_without_minimum_or_ramps_has_no_such_rows():
    peaker = ThermalUnit(name="peaker", capacity_mw=5, constant_cost=40)
    data = model_data(problem((peaker,), [[30.0, 60.0], [50.0, 20.0]]))
    twin = compiled_model(data, "twin")
    assert_equal(twin, compiled_model(data, "plain"))
