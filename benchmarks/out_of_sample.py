"""CPU seconds to replay a bid policy of the reference desk in fresh scenarios (96 MTUs).

    python benchmarks/out_of_sample.py [--scenarios 1000] [--in-sample 20]

One thread. The policy is solved on a few synthetic scenarios, then its orders are awarded and the
plant dispatched in each fresh one. The second row trades intraday by the nearest node, the third
keeps a reserve product that is called. Values are mechanics of synthetic data, no figure of skill.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from model_build import reference_problem

from energy_assets.bidding import BiddingProblem, make_problem
from energy_assets.bidding.policy import solve_policy
from energy_assets.bidding.replay import replay

NODES = 3


def with_intraday(problem: BiddingProblem, seed: int) -> BiddingProblem:
    """The problem with an intraday ladder; nodes are thirds of the scenarios by mean price."""
    rng = np.random.default_rng(seed)
    rank = problem.prices.mean(axis=1).argsort().argsort()
    return _changed(
        problem,
        intraday={
            "prices": problem.prices + rng.normal(0, 10, problem.prices.shape),
            "half_spread": 1.5,
            "depth_mw": [10, 20],
            "impact": [0, 4],
            "node_of": (rank * NODES // len(rank)).tolist(),
        },
    )


def with_reserve(problem: BiddingProblem, seed: int) -> BiddingProblem:
    """The problem with upward reserve in six blocks, a tenth of it called."""
    rng = np.random.default_rng(seed)
    shape = problem.prices.shape
    return _changed(
        problem,
        reserves=[
            {
                "name": "afrr_up",
                "direction": "up",
                "pricing": "pay_as_bid",
                "block_of": [6 * t // shape[1] for t in range(shape[1])],
                "capacity_prices": rng.uniform(2, 20, (shape[0], 6)),
                "activation": rng.uniform(0, 0.2, shape),
                "energy_prices": problem.prices + 40,
                "providers": {"battery": 10, "gas_turbine": 30},
            }
        ],
    )


def _changed(problem: BiddingProblem, **changes: object) -> BiddingProblem:
    document = {name: getattr(problem, name) for name in type(problem).model_fields}
    return make_problem("benchmark", **(document | changes))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", type=int, default=1000)
    parser.add_argument("--in-sample", type=int, default=20)
    arguments = parser.parse_args()
    print("| problem | scenarios | policy s | replay s | ms each | mean | CVaR | imbalance MWh |")
    print("|---|---|---|---|---|---|---|---|")
    cases = {
        "day-ahead": lambda problem, _: problem,
        "+ intraday": with_intraday,
        "+ reserve": with_reserve,
    }
    for name, extend in cases.items():
        known = extend(reference_problem(arguments.in_sample), 1)
        fresh = extend(reference_problem(arguments.scenarios, seed=7), 2)
        before = time.process_time()
        policy = solve_policy(known)
        solved = time.process_time() - before
        result = replay(policy, fresh)
        mean, tail = result.mean, result.conditional_value_at_risk
        print(
            f"| {name} | {arguments.scenarios} | {solved:.1f} | {result.seconds:.1f} "
            f"| {1000 * result.seconds / arguments.scenarios:.1f} "
            f"| {mean.value:.0f} ({mean.low:.0f} to {mean.high:.0f}) "
            f"| {tail.value:.0f} ({tail.low:.0f} to {tail.high:.0f}) "
            f"| {result.imbalance_mwh:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
