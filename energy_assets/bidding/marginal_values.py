"""What one more unit of each limit is worth, from the duals at a fixed commitment.

    capacity          one more MW a unit may produce or move in an MTU
    storage           one more MWh a battery may hold, over the whole horizon
    stored energy     one more MWh in store in an MTU (a water value)
    position limits   one more MW of net sale or purchase, of imbalance, in an MTU
    reserve           one more MW to be kept in a block (what keeping costs is negative)

All are changes of the model's objective (expected, under a risk weight risk-adjusted; with
aversion) per MW or MWh over an MTU or block, summed over scenarios, with the commitment as decided:
a capacity that would change what is switched on is worth more than this. A dual is one-sided where
the optimum has a kink.

Not here: larger changes (`sensitivities`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy_assets.bidding import feasibility
from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.fixed_commitment import FixedCommitment
from energy_assets.bidding.handoff import Duals
from energy_assets.bidding.model_data import BatteryData, ModelData, ThermalData, model_data
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.bidding.stochastic import Commitment, Seconds, Solved, solve_data
from energy_assets.portfolio.units import LoadUnit

# How near to its bound a column counts as there.
AT_BOUND = 1e-7


@dataclass(frozen=True)
class MarginalValues:
    """Currency per MW or MWh; T MTUs, B blocks.

    Attributes:
        capacity: Per unit, of one more MW in each MTU (T,); of a unit that cannot be curtailed,
            of one more MW of output.
        storage: Per battery, of one more MWh of storage.
        stored_energy: Per battery, of one more MWh in store at the end of each MTU (T,).
        sale_limit: Of one more MW of net sale allowed in each MTU (T,).
        purchase_limit: Of one more MW of net purchase allowed (T,).
        imbalance_limit: Of one more MW of imbalance allowed, either way (T,).
        reserve: Per product, of one more MW to be kept in each block (B,), unpaid.
    """

    capacity: dict[str, FloatArray]
    storage: dict[str, float]
    stored_energy: dict[str, FloatArray]
    sale_limit: FloatArray
    purchase_limit: FloatArray
    imbalance_limit: FloatArray
    reserve: dict[str, FloatArray]


def marginal_values(problem: BiddingProblem) -> MarginalValues:
    """Marginal values of a problem at the commitment its solution decides.

    Raises:
        InfeasibleError: Names the unit and the limit.
        SolverError: If the solver stopped without a solution.
    """
    data = model_data(problem)
    feasibility.check(problem, data)
    decided = solve_data(data, problem.solver, Seconds())[0]
    return marginal_values_at(data, decided.operation.on, problem)


def marginal_values_at(
    data: ModelData, commitment: Commitment, problem: BiddingProblem
) -> MarginalValues:
    """Marginal values at a given commitment, hours on (C, H) of every thermal unit."""
    program = FixedCommitment(problem.solver)
    solved = program.solve(data, commitment)
    read = _Reader(solved, program.solver.duals(), data)
    sale, purchase = _position_limits(read)
    return MarginalValues(
        capacity=_capacity(read, problem, commitment),
        storage={b.unit.name: _storage(read, b) for b in data.batteries},
        stored_energy={b.unit.name: _stored_energy(read, b) for b in data.batteries},
        sale_limit=sale,
        purchase_limit=purchase,
        imbalance_limit=read.upper("long") + read.upper("short"),
        reserve={r.name: read.rows(f"product[{r.name}].shared") for r in data.reserves},
    )


@dataclass(frozen=True)
class _Reader:
    """Duals by family, summed over scenarios."""

    solved: Solved
    duals: Duals
    data: ModelData

    def by_scenario(self, family: str) -> FloatArray:
        """Duals of a row family (S, n), 0 where a row was left out."""
        positions = self.solved.compiled.row_positions(family)
        found = np.where(positions >= 0, self.duals.rows[np.maximum(positions, 0)], 0.0)
        return found.reshape(self.data.scenario_count, -1)

    def rows(self, family: str) -> FloatArray:
        """The same summed over scenarios (n,)."""
        total: FloatArray = self.by_scenario(family).sum(axis=0)
        return total

    def room(self, unit: str, *families: str) -> FloatArray:
        """Duals of a unit's rows that keep room for reserves (n,); 0 where it provides none."""
        if not any(unit in reserve.share_limits for reserve in self.data.reserves):
            return np.zeros(1)
        found = [self.rows(f"unit[{unit}].{family}") for family in families]
        total: FloatArray = np.sum(found, axis=0)
        return total

    def upper(self, family: str) -> FloatArray:
        """What raising the upper bounds of a column family gains (T,)."""
        model, values = self.solved.compiled, self.solved.result.columns
        found = model.positions(family)
        # A direction that was ruled out (`fix_directions`) binds below its own bound.
        binds = (found >= 0) & (values[found] >= model.upper[found] - AT_BOUND)
        gain = np.where(binds, np.maximum(self.duals.columns[found], 0.0), 0.0)
        total: FloatArray = gain.reshape(self.data.scenario_count, -1).sum(axis=0)
        return total


def _capacity(
    read: _Reader, problem: BiddingProblem, commitment: Commitment
) -> dict[str, FloatArray]:
    found = {}
    data = read.data
    for part in data.renewables:
        output = read.upper(f"unit[{part.name}].output")
        found[part.name] = output + read.room(part.name, "room_up")
    for battery in data.batteries:
        name = battery.unit.name
        power = read.upper(f"unit[{name}].charge") + read.upper(f"unit[{name}].discharge")
        found[name] = power + read.room(name, "room_up", "room_down")
    for thermal in data.thermals:
        found[thermal.unit.name] = _thermal_capacity(read, thermal, commitment)
    forced = -read.rows("balance")
    return {
        unit.name: found.get(unit.name, forced)
        for unit in problem.units
        if not isinstance(unit, LoadUnit)
    }


def _thermal_capacity(read: _Reader, thermal: ThermalData, commitment: Commitment) -> FloatArray:
    name = thermal.unit.name
    on = np.repeat(commitment[name], read.data.mtus_per_hour, axis=1)[thermal.case_of]
    limit = (read.by_scenario(f"unit[{name}].max_power") * on).sum(axis=0)
    total: FloatArray = limit + read.upper(f"unit[{name}].power")
    return total


def _storage(read: _Reader, battery: BatteryData) -> float:
    unit = battery.unit
    name = unit.name
    value = float(read.upper(f"unit[{name}].energy").sum())
    room = ("energy_down", "first_energy_down", "block_energy_down")
    value += sum(float(read.room(name, family).sum()) for family in room)
    if unit.max_cycles_per_day is not None:
        days = max(1, round(read.data.mtu_count * read.data.hours / 24))
        per_cycle = float(read.rows(f"unit[{name}].cycle_limit").sum())
        value += per_cycle * unit.max_cycles_per_day * days
    return value


def _stored_energy(read: _Reader, battery: BatteryData) -> FloatArray:
    name = battery.unit.name
    first = read.rows(f"unit[{name}].start_energy")
    return np.concatenate([first, read.rows(f"unit[{name}].energy_recursion")])


def _position_limits(read: _Reader) -> tuple[FloatArray, FloatArray]:
    """Worth of one more MW of net sale and of net purchase (T,)."""
    data = read.data
    sale, purchase = np.zeros(data.mtu_count), np.zeros(data.mtu_count)
    if data.intraday is not None:
        sale, purchase = read.rows("sale_limit"), -read.rows("purchase_limit")
    if data.grid is None:
        return sale, purchase
    reduced = read.duals.columns[read.solved.compiled.positions("volume")]
    mtu = np.repeat(np.arange(data.mtu_count), np.diff(data.grid.offsets))
    least, most = data.position_limits
    # Elsewhere the curve is bounded by what the plant can deliver.
    np.add.at(sale, mtu, np.where(data.highest[mtu] == most, np.maximum(reduced, 0.0), 0.0))
    np.add.at(purchase, mtu, np.where(data.lowest[mtu] == least, np.maximum(-reduced, 0.0), 0.0))
    return sale, purchase
