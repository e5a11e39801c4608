"""Seconds to build, hand over and solve the bidding model of the reference desk (96 MTUs).

    python benchmarks/model_build.py [--scenarios 10 50 100]

CPU seconds, one thread. Scenarios are synthetic: a daily shape with autoregressive errors, one
imbalance price. "build" is the Pyomo model, "hand-off" its compilation and the one call that
passes it to HiGHS; "solve" is the whole recipe from problem to curves.
"""

from __future__ import annotations

import argparse
import time
from datetime import date
from pathlib import Path

import numpy as np

from energy_assets.bidding import BiddingProblem, make_problem, solve
from energy_assets.bidding.handoff import Highs, compile_model
from energy_assets.bidding.model.build import build_model
from energy_assets.bidding.model_data import model_data
from energy_assets.market.areas import load_area
from energy_assets.portfolio import load_desk

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


def build_seconds(problem: BiddingProblem, *, templated: bool) -> tuple[float, float, str]:
    """CPU seconds of build and hand-off, and the size of the matrix."""
    data = model_data(problem)
    before = time.process_time()
    model = build_model(data, templated=templated)
    built = time.process_time()
    compiled = compile_model(model)
    Highs(compiled, problem.solver)
    handed = time.process_time()
    rows, columns = compiled.matrix.shape
    return built - before, handed - built, f"{rows} x {columns}, {compiled.matrix.nnz} nonzeros"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", type=int, nargs="+", default=[10, 50, 100])
    counts = parser.parse_args().scenarios
    # The first build pays for imports.
    build_seconds(reference_problem(2), templated=True)
    print("| S | rules | build s | hand-off s | matrix |\n|---|---|---|---|---|")
    for count in counts:
        for templated in (True, False):
            build, hand_off, size = build_seconds(reference_problem(count), templated=templated)
            rules = "templated" if templated else "plain"
            print(f"| {count} | {rules} | {build:.2f} | {hand_off:.2f} | {size} |")
    print("\n| S | whole s | build + hand-off s | expected value | CVaR | gap |")
    print("|---|---|---|---|---|---|")
    for count in counts:
        problem = reference_problem(count)
        before = time.process_time()
        solution = solve(problem)
        whole = time.process_time() - before
        steps = solution.seconds.items()
        model = sum(spent for step, spent in steps if step.endswith(("_build", "_hand_off")))
        print(
            f"| {count} | {whole:.1f} | {model:.2f} | {solution.expected_value:.0f} "
            f"| {solution.cvar:.0f} | {solution.gap:.2%} |"
        )


if __name__ == "__main__":
    main()
