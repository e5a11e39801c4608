"""Seconds and memory to build and hand over the bidding model, and to solve it (96 MTUs).

    python benchmarks/model_build.py [--scenarios 10 50 100 200] [--recipe 10 50 100]

CPU seconds, one thread. Scenarios are synthetic: a daily shape with autoregressive errors, one
imbalance price. The first table is battery, three thermal units committed in the first stage, wind
and solar with CVaR, by route: the numpy twin, our two Pyomo builds with one bulk call, linopy, and
Pyomo through `appsi_highs`. "hand-off" is all that passes the model to HiGHS, compilation included.
Every route runs in a process of its own. The second table is the reference desk: the whole recipe
from problem to curves.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any, get_args

import numpy as np

from energy_assets.bidding import BiddingProblem, make_problem, solve
from energy_assets.bidding.handoff import Highs, SparseModel, compile_model
from energy_assets.bidding.model.build import build_model
from energy_assets.bidding.model_data import ModelData, model_data
from energy_assets.bidding.problem import Build, SolverOptions
from energy_assets.bidding.twin.build import build_twin
from energy_assets.market.areas import load_area
from energy_assets.portfolio import ThermalUnit, load_desk

DESK = Path(__file__).parents[1] / "data" / "desks" / "reference.yaml"
DAY = date(2026, 1, 15)


def reference_problem(count: int, seed: int = 0) -> BiddingProblem:
    """The reference desk on `count` synthetic scenarios."""
    desk = load_desk(DESK)
    session = load_area(desk.area).session()
    day = session.delivery_day(DAY)
    rng = np.random.default_rng(seed)
    hour = np.arange(day.mtu_count) * day.mtu_minutes / 60

    def errors(deviation: float, memory: float = 0.97) -> np.ndarray:
        path = rng.normal(size=(count, day.mtu_count))
        for t in range(1, day.mtu_count):
            path[:, t] = memory * path[:, t - 1] + np.sqrt(1 - memory**2) * path[:, t]
        return deviation * path

    noon = np.exp(-(((hour - 13) / 3) ** 2))
    prices = 70 + 25 * np.sin((hour - 7) / 24 * 4 * np.pi) - 15 * noon + errors(20) + errors(3, 0)
    imbalance = prices + errors(30, 0.8)
    return make_problem(
        "benchmark",
        start=day.start,
        mtu_minutes=day.mtu_minutes,
        units=desk.units,
        prices=prices,
        long_prices=imbalance,
        short_prices=imbalance,
        imbalance=desk.imbalance,
        availability={
            "wind": np.clip(20 + errors(8), 0, 50),
            "solar": np.clip(30 * noon * (0.7 + errors(0.2)), 0, 30),
            "load": np.clip(10 + 2 * np.sin(hour / 24 * 2 * np.pi) + errors(0.5), 0, 15),
        },
        marginal_costs={"gas_turbine": 72.0},
        rules=session.curve_rules(DAY),
        limits=desk.limits,
        risk_weight=desk.risk_weight,
        cvar_level=desk.cvar_level,
        price_points=desk.price_points,
        solver={"reduced_scenarios": desk.scenarios.reduced_count},
    )


def plant_problem(count: int, seed: int = 0) -> BiddingProblem:
    """Battery, three thermal units, wind and solar on `count` synthetic scenarios, with CVaR."""
    reference = reference_problem(count, seed)
    thermals = (("coal", 150, 60, 48.0), ("gas", 100, 40, 72.0), ("peaker", 40, 10, 95.0))
    units = [unit for unit in reference.units if unit.kind in ("wind", "solar", "battery")]
    units += [
        ThermalUnit(
            name=name,
            capacity_mw=capacity,
            min_power_mw=least,
            start_cost=20.0 * capacity,
            min_up_hours=4,
            min_down_hours=3,
            ramp_up_mw_per_hour=capacity,
            ramp_down_mw_per_hour=capacity,
            constant_cost=cost,
        )
        for name, capacity, least, cost in thermals
    ]
    document = {name: getattr(reference, name) for name in type(reference).model_fields}
    availability = {name: reference.availability[name] for name in ("wind", "solar")}
    changes = {"units": units, "availability": availability, "marginal_costs": {}}
    return make_problem("benchmark", **(document | changes))


@dataclass(frozen=True)
class Route:
    """One way from a problem's arrays to a model inside HiGHS."""

    build: Callable[[ModelData], Any]
    hand_off: Callable[[Any], Any]


def _pyomo(data: ModelData, *, templated: bool) -> Any:
    return build_model(data, templated=templated)


def _to_highs(compiled: SparseModel) -> Any:
    return Highs(compiled, SolverOptions())._highs


def _compile_to_highs(model: Any) -> Any:
    return _to_highs(compile_model(model))


def _appsi(model: Any) -> Any:
    from pyomo.contrib.appsi.solvers.highs import Highs as AppsiHighs

    solver = AppsiHighs()
    solver.set_instance(model)
    return solver._solver_model


def _linopy(data: ModelData) -> Any:
    from linopy_plant import build_linopy

    return build_linopy(data)


ROUTES = {
    "twin": Route(build_twin, _to_highs),
    "templated": Route(partial(_pyomo, templated=True), _compile_to_highs),
    "plain": Route(partial(_pyomo, templated=False), _compile_to_highs),
    "linopy": Route(_linopy, lambda model: model.to_highspy()),
    "appsi_highs": Route(partial(_pyomo, templated=False), _appsi),
}


def measure(name: str, count: int, *, relaxed: bool) -> dict[str, Any]:
    """CPU seconds, peak memory and size of one route in this process."""
    route = ROUTES[name]
    # The first build pays for imports.
    route.hand_off(route.build(model_data(plant_problem(2))))
    data = model_data(plant_problem(count))
    before = time.process_time()
    model = route.build(data)
    built = time.process_time()
    solver = route.hand_off(model)
    handed = time.process_time()
    figures: dict[str, Any] = {
        "build": built - before,
        "hand_off": handed - built,
        "peak_mb": getrusage(RUSAGE_SELF).ru_maxrss / 1024,
        "rows": solver.getNumRow(),
        "columns": solver.getNumCol(),
        "entries": solver.getNumNz(),
    }
    if relaxed:
        columns = np.arange(solver.getNumCol(), dtype=np.int32)
        solver.changeColsIntegrality(len(columns), columns, np.zeros(len(columns), dtype=np.uint8))
        solver.setOptionValue("output_flag", False)
        solver.run()
        figures["relaxed"] = solver.getInfo().objective_function_value
    return figures


def measured_apart(name: str, count: int, *, relaxed: bool) -> dict[str, Any]:
    """`measure` in a process of its own, so that its peak memory is its own."""
    command = [sys.executable, __file__, "--route", name, "--scenarios", str(count)]
    answer = subprocess.run(
        [*command, *(["--relaxed"] if relaxed else [])], check=True, capture_output=True, text=True
    )
    return json.loads(answer.stdout.splitlines()[-1])


def print_routes(counts: list[int]) -> None:
    """Build and hand-off of every route; on the fewest scenarios the same relaxed optimum."""
    print("| S | route | build s | hand-off s | sum s | peak MB | rows x columns, entries |")
    print("|---|---|---|---|---|---|---|")
    optima = {}
    for count in counts:
        for name in ROUTES:
            found = measured_apart(name, count, relaxed=count == min(counts))
            size = f"{found['rows']} x {found['columns']}, {found['entries']}"
            whole = found["build"] + found["hand_off"]
            print(
                f"| {count} | {name} | {found['build']:.2f} | {found['hand_off']:.2f} "
                f"| {whole:.2f} | {found['peak_mb']:.0f} | {size} |",
                flush=True,
            )
            optima |= {name: found["relaxed"]} if "relaxed" in found else {}
    spread = max(optima.values()) - min(optima.values())
    relative = spread / abs(optima["twin"])
    print(f"\nrelaxed optimum at S={min(counts)}: {optima['twin']:.6f}, apart by {relative:.0e}")
    if relative > 1e-6:
        raise SystemExit(f"the routes differ: {optima}")


def print_recipe(counts: list[int], build: Build) -> None:
    """The whole recipe from problem to curves."""
    print(f"\n| S | whole s ({build}) | build + hand-off s | expected value | CVaR | gap |")
    print("|---|---|---|---|---|---|")
    for count in counts:
        problem = reference_problem(count)
        options = problem.solver.model_copy(update={"build": build})
        before = time.process_time()
        solution = solve(problem.model_copy(update={"solver": options}))
        whole = time.process_time() - before
        steps = solution.seconds.items()
        model = sum(spent for step, spent in steps if step.endswith(("_build", "_hand_off")))
        print(
            f"| {count} | {whole:.1f} | {model:.2f} | {solution.expected_value:.0f} "
            f"| {solution.cvar:.0f} | {solution.gap:.2%} |"
        )


def main() -> None:
    """Print both tables, or measure one route."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", type=int, nargs="+", default=[10, 50, 100, 200])
    parser.add_argument("--recipe", type=int, nargs="*", default=[10, 50, 100])
    parser.add_argument("--build", choices=get_args(Build), default="templated")
    parser.add_argument("--route", choices=ROUTES, help="measure one route, print JSON")
    parser.add_argument("--relaxed", action="store_true", help="with --route: solve it, relaxed")
    arguments = parser.parse_args()
    if arguments.route:
        figures = measure(arguments.route, arguments.scenarios[0], relaxed=arguments.relaxed)
        print(json.dumps(figures))
        return
    print_routes(arguments.scenarios)
    if arguments.recipe:
        print_recipe(arguments.recipe, arguments.build)


if __name__ == "__main__":
    main()
