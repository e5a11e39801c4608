"""One table from our option names to each solver's, and the errors solvers share.

HiGHS is set in `handoff`, with the same figures: one thread, seed 0, gap and nodes from the
problem; the clock is only a safety.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

from energy_assets.bidding.handoff import SolverError
from energy_assets.bidding.problem import SolverOptions

THREADS, SEED = 1, 0


class SolverSizeError(SolverError):
    """The problem is larger than the solver's licence allows."""


@dataclass(frozen=True)
class OptionNames:
    """What a solver calls our options.

    Attributes:
        gap: Relative gap at which a mixed-integer solve stops.
        node_limit: Branch-and-bound nodes.
        time_limit: Seconds.
        threads: Threads.
        seed: Random seed.
    """

    gap: str
    node_limit: str
    time_limit: str
    threads: str
    seed: str


OPTION_NAMES = {
    "gurobi": OptionNames("MIPGap", "NodeLimit", "TimeLimit", "Threads", "Seed"),
    "cplex": OptionNames(
        "mip_tolerances_mipgap", "mip_limits_nodes", "timelimit", "threads", "randomseed"
    ),
    "scip": OptionNames(
        "limits/gap",
        "limits/nodes",
        "limits/time",
        "parallel/maxnthreads",
        "randomization/randomseedshift",
    ),
    "ortools": OptionNames(
        "relative_gap_tolerance", "node_limit", "time_limit", "threads", "random_seed"
    ),
}


def settings(solver: str, options: SolverOptions) -> dict[str, float]:
    """A solver's own options for ours."""
    names: tuple[str, ...] = astuple(OPTION_NAMES[solver])
    values = (options.gap, options.node_limit, options.time_limit_seconds, THREADS, SEED)
    return dict(zip(names, values, strict=True))
