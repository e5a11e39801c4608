"""Dispatch of many scenarios, one after the other, once everything before it is decided.

With position, awards and commitment given, scenarios share nothing, so the model has one scenario.
It is handed over once; every further scenario changes figures only and starts from the basis of the
one before (`benchmarks/out_of_sample.py`). A battery never moves both ways at once: each value is
that of a schedule the plant can run.

Belongs here: the one-scenario program and its updates. Not here: what is given (`policy`,
`replay`), equations (`twin`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.fixed_commitment import FixedCommitment
from energy_assets.bidding.model_data import ModelData
from energy_assets.bidding.operation import Operation, UnitPaths
from energy_assets.bidding.problem import SolverOptions


@dataclass(frozen=True)
class Given:
    """What dispatch takes as given, scenarios in canonical order.

    Attributes:
        data: Arrays of all scenarios with the auction's position.
        on: Per thermal unit, hours on (S, H).
        awards: Per reserve product, award (S, B) MW.
        traded: Net intraday sale (S, T) MW; None lets each path trade with full knowledge of it.
    """

    data: ModelData
    on: UnitPaths
    awards: UnitPaths
    traded: FloatArray | None

    def one(self, scenario: int) -> ModelData:
        """The arrays of one scenario."""
        data = self.data.subset(np.array([scenario]), np.ones(1))
        reserves = tuple(
            replace(reserve, awarded=self.awards[reserve.name][scenario])
            for reserve in data.reserves
        )
        data = replace(data, reserves=reserves, risk_weight=0.0)
        if self.traded is None:
            return data
        assert data.position is not None
        return replace(data, position=data.position + self.traded[scenario], intraday=None)

    def commitment(self, scenario: int) -> UnitPaths:
        """Hours on (1, H) of every thermal unit in one scenario."""
        return {unit: on[scenario][None, :] for unit, on in self.on.items()}


def dispatch_scenarios(given: Given, options: SolverOptions) -> Operation:
    """The best operation of every scenario on its own; decisions (S, T).

    Raises:
        InfeasibleError: If the commitment cannot be kept.
        SolverError: If the solver stopped without a solution.
    """
    program = FixedCommitment(options)
    operations = [
        program.solve(given.one(scenario), given.commitment(scenario)).operation
        for scenario in range(given.data.scenario_count)
    ]
    return _joined(operations, given)


def _joined(operations: list[Operation], given: Given) -> Operation:
    def joined(field: str) -> UnitPaths:
        names = getattr(operations[0], field)
        return {name: np.vstack([getattr(o, field)[name] for o in operations]) for name in names}

    sell, buy = _trades(operations, given)
    return Operation(
        output=joined("output"),
        charge=joined("charge"),
        discharge=joined("discharge"),
        energy=joined("energy"),
        power=joined("power"),
        lowered=joined("lowered"),
        raised=joined("raised"),
        missing=joined("missing"),
        on=given.on,
        sell=sell,
        buy=buy,
    )


def _trades(
    operations: list[Operation], given: Given
) -> tuple[FloatArray | None, FloatArray | None]:
    """Traded steps (S, T, J): a net volume fills the ladder from its cheapest step."""
    ladder = given.data.intraday
    if ladder is None:
        return None, None
    if given.traded is None:
        sold = [operation.sell for operation in operations if operation.sell is not None]
        bought = [operation.buy for operation in operations if operation.buy is not None]
        return np.concatenate(sold), np.concatenate(bought)
    before = np.cumsum(ladder.depth, axis=1) - ladder.depth
    sides = [np.maximum(side, 0.0)[..., None] for side in (given.traded, -given.traded)]
    sell, buy = (np.clip(side - before, 0.0, ladder.depth) for side in sides)
    return sell, buy
