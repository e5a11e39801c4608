"""Dispatch on one known path: after the auction, in hindsight, or against a price guess.

- `redispatch`: the position is given; the plant follows it as far as it pays under the desk's
  imbalance rule;
- `schedule_for_prices`: position and plant together against one price path (flat bids);
- `perfect_foresight`: the same against the prices that came true.
All three are the stochastic model with one scenario: same units, start and end states, cycle and
wear terms.

Not here: curves (`stochastic`), settlement to the cent (`trading`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_assets.bidding import feasibility
from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.model_data import ModelData, model_data
from energy_assets.bidding.operation import Operation, cash
from energy_assets.bidding.problem import BiddingProblem, StartState
from energy_assets.bidding.stochastic import Seconds, auction_position, solve_model
from energy_assets.errors import InputError
from energy_assets.portfolio import BatteryUnit, LoadUnit, ThermalUnit

Availability = Mapping[str, npt.ArrayLike]
Commitment = Mapping[str, npt.ArrayLike]


@dataclass(frozen=True)
class Schedule:
    """Operation of the plant on one path; T MTUs, H hours.

    Attributes:
        position: Net sale (T,) MW.
        power: Net injection per unit (T,) MW; of a flexible load, what it is lowered by.
        energy: Per battery, MWh at the end of each MTU.
        on: Per thermal unit, by hour (H,).
        imbalance: Injection less position (T,) MW, long positive.
        value: Cash profit: day-ahead, imbalance and costs, currency.
    """

    position: FloatArray
    power: dict[str, FloatArray]
    energy: dict[str, FloatArray]
    on: dict[str, npt.NDArray[np.bool_]]
    imbalance: FloatArray
    value: float

    def end_states(self, problem: BiddingProblem) -> dict[str, StartState]:
        """State of every battery and thermal unit after the last MTU: the next day's start."""
        count = len(self.position)
        states = {
            name: StartState(energy_mwh=float(path[-1])) for name, path in self.energy.items()
        }
        thermals = [unit for unit in problem.units if isinstance(unit, ThermalUnit)]
        return states | {unit.name: self._thermal(problem, unit, count) for unit in thermals}

    def states_after(self, problem: BiddingProblem, count: int) -> dict[str, StartState]:
        """State after the first `count` MTUs, whole hours of them: where a later session starts.

        What limits of the delivery day count (cycles, shifted load) is carried on.
        """
        hours, states = problem.hours_per_mtu, {}
        for unit in problem.units:
            if isinstance(unit, ThermalUnit):
                states[unit.name] = self._thermal(problem, unit, count)
                continue
            power = self.power.get(unit.name, np.zeros(count))[:count]
            state = problem.start_states.get(unit.name, StartState())
            if isinstance(unit, BatteryUnit):
                drawn = hours * float(np.maximum(power, 0.0).sum()) / unit.discharge_efficiency
                energy = float(self.energy[unit.name][count - 1])
                states[unit.name] = StartState(energy_mwh=energy, drawn_mwh=state.drawn_mwh + drawn)
            elif isinstance(unit, LoadUnit) and unit.flexibility is not None:
                window = state.window_hours + count * hours
                states[unit.name] = StartState(
                    shifted_mwh=state.shifted_mwh + hours * float(power.sum()),
                    window_hours=window % unit.flexibility.recovery_hours,
                )
        return states

    def _thermal(self, problem: BiddingProblem, unit: ThermalUnit, count: int) -> StartState:
        state = problem.start_state(unit)
        on = self.on[unit.name][: count * problem.mtu_minutes // 60]
        changes = np.flatnonzero(np.diff(on, prepend=bool(state.on)))
        before = 0.0 if changes.size else state.hours_in_state or 0.0
        hours = len(on) - (int(changes[-1]) if changes.size else 0) + before
        power = float(self.power[unit.name][count - 1]) if on[-1] else 0.0
        return StartState(on=bool(on[-1]), hours_in_state=hours, power_mw=power)


def redispatch(
    problem: BiddingProblem,
    position: npt.ArrayLike,
    availability: Availability,
    prices: npt.ArrayLike,
    *,
    commitment: Commitment | None = None,
    long_prices: npt.ArrayLike | None = None,
    short_prices: npt.ArrayLike | None = None,
) -> Schedule:
    """The best operation once the position is awarded.

    Args:
        problem: Units, states and rules; its scenarios are not used.
        position: Awarded net sale (T,) MW.
        availability: Per wind, solar and load unit (T,) MW.
        prices: Day-ahead prices (T,).
        commitment: Hours on (H,) per thermal unit where they are already decided.
        long_prices: Imbalance price of a surplus (T,), where known or expected.
        short_prices: Imbalance price of a deficit (T,).

    Raises:
        InputError: If the commitment does not fit the units.
        InfeasibleError: Names the unit and the limit.
    """
    changes = {}
    if long_prices is not None and short_prices is not None:
        changes = {
            "long_prices": np.atleast_2d(long_prices),
            "short_prices": np.atleast_2d(short_prices),
        }
    path = one_path(problem, prices, availability, changes)
    given = np.atleast_2d(np.asarray(position, dtype=float))
    data = model_data(path, given)
    fixed = None
    if commitment is not None:
        fixed = {t.unit.name: given_hours(commitment, t.unit.name, data) for t in data.thermals}
    return _schedule(path, data, given, fixed)


def schedule_for_prices(
    problem: BiddingProblem, prices: npt.ArrayLike, availability: Availability
) -> Schedule:
    """The best plan against one price path without imbalance: what a flat bid would offer.

    Raises:
        InfeasibleError: Names the unit and the limit.
    """
    path = one_path(problem, prices, availability, {})
    data = replace(model_data(path), max_imbalance=0.0, risk_weight=0.0)
    return _schedule(path, data, None, None)


def perfect_foresight(
    problem: BiddingProblem, prices: npt.ArrayLike, availability: Availability
) -> Schedule:
    """The best plan had prices and availability been known, under the desk's own constraints.

    Raises:
        InfeasibleError: Names the unit and the limit.
    """
    return schedule_for_prices(problem, prices, availability)


def given_hours(commitment: Commitment, name: str, data: ModelData) -> FloatArray:
    """Hours on (1, H) of a unit.

    Raises:
        InputError: If there are none, or not one per hour.
    """
    where = f"commitment[{name}]"
    if name not in commitment:
        raise InputError(where, expected=f"{data.hour_count} hours", found="nothing")
    hours = np.asarray(commitment[name], dtype=float)
    if hours.shape != (data.hour_count,):
        raise InputError(where, expected=f"{data.hour_count} hours", found=str(hours.shape))
    return hours[None, :]


def one_path(
    problem: BiddingProblem,
    prices: npt.ArrayLike,
    availability: Availability,
    changes: Mapping[str, Any],
) -> BiddingProblem:
    """The problem on one known path, with imbalance priced even where nothing is known of it.

    Args:
        problem: Units, states and rules.
        prices: Day-ahead prices (T,).
        availability: Per wind, solar and load unit (T,) MW.
        changes: Other fields of the problem, such as imbalance prices (1, T).
    """
    imbalance = problem.imbalance
    if "long_prices" not in changes and imbalance.deviation_penalty is None:
        # Without imbalance prices a deviation is worth avoiding, by the aversion alone.
        imbalance = imbalance.model_copy(update={"deviation_penalty": 0.0})
    return problem.under(
        prices, dict(availability), imbalance=imbalance, risk_weight=0.0, **changes
    )


def _schedule(
    problem: BiddingProblem,
    data: ModelData,
    position: FloatArray | None,
    commitment: dict[str, FloatArray] | None,
) -> Schedule:
    feasibility.check(problem, data)
    solved = solve_model(data, problem.solver, Seconds(), "path", commitment)
    if position is None:
        position = auction_position(solved, data)
    return as_schedule(data, solved.operation, position)


def as_schedule(data: ModelData, operation: Operation, position: FloatArray) -> Schedule:
    """The one scenario of an operation as a schedule."""
    power = {name: path[0] for name, path in (operation.output | operation.power).items()}
    for name, discharge in operation.discharge.items():
        power[name] = discharge[0] - operation.charge[name][0]
    for name, lowered in operation.lowered.items():
        power[name] = lowered[0] - operation.raised[name][0]
    return Schedule(
        position=position[0],
        power=power,
        energy={name: path[0] for name, path in operation.energy.items()},
        on={name: on[0].astype(bool) for name, on in operation.on.items()},
        imbalance=operation.surplus(data, position)[0],
        value=float(cash(data, operation, position)[0]),
    )
