"""Seconds of an intraday re-plan by array update, by step.

    python benchmarks/replan.py [--scenarios 20] [--repeats 5]

96 MTUs; battery, three thermal units with their commitment decided, wind, solar; an intraday ladder
with one node; CVaR. "prepare" builds the model and solves it from nothing. Every other line is what
came after it in the day, updated in place and solved from that first basis: "check" validates the
problem, "data" makes its arrays, "arrays" the matrix, "hand_over" changes it in HiGHS. CPU seconds,
one thread, the slowest of the repeats; "afresh" is the same plan built and solved anew.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from operator import itemgetter

import numpy as np
from model_build import plant_problem

from energy_assets.bidding import BiddingProblem, solve
from energy_assets.bidding.problem import StartState, make_problem
from energy_assets.bidding.replan import DecidedHours, PreparedReplan

Figures = dict[str, float]
OPEN_FROM = 40
STEPS = ("check", "data", "arrays", "hand_over", "solve", "one_way_solve", "report")


def changed(problem: BiddingProblem, **fields: object) -> BiddingProblem:
    """The problem with other figures, checked."""
    document = {name: getattr(problem, name) for name in type(problem).model_fields}
    return make_problem("re-plan", **(document | fields))


def replan_problem(scenarios: int, seed: int = 0) -> BiddingProblem:
    """The plant after its auction: a position, and the intraday ladder."""
    problem = plant_problem(scenarios, seed)
    rng = np.random.default_rng(seed + 1)
    hour = np.arange(problem.mtu_count) / 4
    return changed(
        problem,
        auction=False,
        earlier_position=60 + 40 * np.sin((hour - 7) / 24 * 4 * np.pi),
        intraday={
            "prices": problem.prices + 6 * rng.normal(size=problem.prices.shape),
            "half_spread": 1.5,
            "depth_mw": [10, 20],
            "impact": [0, 4],
        },
    )


def events(problem: BiddingProblem, seed: int) -> Iterator[tuple[str, BiddingProblem]]:
    """What a day brings, one after the other."""
    rng = np.random.default_rng(seed)
    later = np.arange(problem.mtu_count) >= OPEN_FROM
    wind = problem.availability["wind"]
    fewer = np.clip(wind + 5 * rng.normal() * later, 0, 50)
    problem = changed(problem, availability=problem.availability | {"wind": fewer})
    yield "availability", problem
    traded = problem.earlier_position + 10 * later
    problem = changed(problem, earlier_position=traded)
    yield "earlier position", problem
    states = {"battery": StartState(energy_mwh=8 + 24 * rng.random())}
    problem = changed(problem, start_states=states)
    yield "start state", problem
    problem = changed(problem, power_limits={"battery": np.where(later, 10.0, 20.0)})
    yield "outage", problem
    assert problem.intraday is not None
    moved = 8 * rng.normal(size=(1, problem.mtu_count)) * later
    ladder = problem.intraday.model_copy(update={"prices": problem.intraday.prices + moved})
    assert problem.long_prices is not None
    imbalance = problem.long_prices + moved
    yield (
        "prices",
        changed(problem, intraday=ladder, long_prices=imbalance, short_prices=imbalance),
    )
    yield "all scenarios new", replan_problem(problem.scenario_count, seed + 100)


def timed(prepared: PreparedReplan, problem: BiddingProblem, decided: DecidedHours) -> Figures:
    """Seconds by step from the new figures to the plan, and its objective."""
    before = time.process_time()
    problem = changed(problem)
    checked = time.process_time() - before
    prepared.update(problem, decided)
    before = time.process_time()
    solution = prepared.solve()
    whole = time.process_time() - before
    steps = {"check": checked} | solution.seconds
    solving = steps["solve"] + steps.get("one_way_solve", 0.0)
    return steps | {"report": whole - solving, "objective": solution.objective}


def compared(
    prepared: PreparedReplan, problem: BiddingProblem, decided: DecidedHours, gap: float
) -> Figures:
    """`timed`, and the seconds of the same plan made anew, which must have the same value."""
    figures = timed(prepared, problem, decided)
    before = time.process_time()
    fresh = PreparedReplan(problem, decided).solve()
    afresh = time.process_time() - before
    if abs(fresh.objective - figures["objective"]) > gap * abs(fresh.objective):
        raise SystemExit(f"afresh {fresh.objective}, updated {figures['objective']}")
    whole = sum(figures.get(step, 0.0) for step in STEPS)
    return figures | {"whole": whole, "afresh": afresh}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    problem = replan_problem(arguments.scenarios)
    plan = solve(problem)
    decided = {unit.name: np.array(unit.on, dtype=float) for unit in plan.dispatch if unit.on}
    before = time.process_time()
    prepared = PreparedReplan(problem, decided)
    prepared.solve()
    print(f"prepare: {time.process_time() - before:.2f} s\n")
    slowest: dict[str, Figures] = {}
    for seed in range(arguments.repeats):
        prepared.update(problem, decided)
        prepared.solve()
        for event, revised in events(problem, seed):
            found = compared(prepared, revised, decided, 1e-6)
            slowest[event] = max(slowest.get(event, found), found, key=itemgetter("whole"))
    peaker = decided["peaker"].copy()
    peaker[OPEN_FROM // 4 :] = np.nan
    found = compared(prepared, revised, decided | {"peaker": peaker}, problem.solver.gap)
    slowest["peaker's hours open (MIP)"] = found
    columns = (*STEPS, "whole", "afresh")
    print(f"| event | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for event, found in slowest.items():
        cells = " | ".join(f"{found.get(column, 0.0):.3f}" for column in columns)
        print(f"| {event} | {cells} |")


if __name__ == "__main__":
    main()
