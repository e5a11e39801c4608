"""How long each rung may take, derived from the gate.

A budget only decides which rung stands: a rung's result depends on gap and nodes, never on time.

Not here: keeping a budget (`solver_child`); a decision without one (replay, backtest) runs every
rung to its end in this process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from energy_assets.bidding.solution import Rung

# Rows of a run, its order file and their checks, several times what they take on a busy machine.
WRITE_RESERVE_SECONDS = 60.0
# A run that needs longer is stuck; trying a lower rung is then worth more than waiting.
LONGEST_SECONDS = 900.0
# What is not shared out here is for the rungs that need no solver and take milliseconds.
SHARES: Mapping[Rung, float] = {
    # The linear program on all scenarios grows faster than their number: most of the recipe.
    Rung.STOCHASTIC: 0.55,
    # Its mixed-integer solve is the first third of the rung above.
    Rung.REDUCED_SCENARIOS: 0.25,
    # Two linear programs on a few scenarios: seconds where the rung above takes a minute.
    Rung.LP_WITH_REPAIR: 0.15,
}


@dataclass(frozen=True)
class Budgets:
    """Wall seconds each rung that needs a solver may take; 0 skips it."""

    seconds: Mapping[Rung, float]

    @classmethod
    def sharing(cls, seconds: float) -> Budgets:
        """Split the seconds until orders have to be there."""
        total = min(max(seconds, 0.0), LONGEST_SECONDS)
        return cls({rung: share * total for rung, share in SHARES.items()})

    @classmethod
    def until(cls, gate: datetime, now: datetime) -> Budgets:
        """Split what is left before a gate, less the time to write."""
        return cls.sharing((gate - now).total_seconds() - WRITE_RESERVE_SECONDS)
