r"""Reserve products: offered volumes v, awards A, shares r of the units that provide them.

    A[s,b] = sum_k accepted[s,b,k] v[b,k]             (known figures where the auction is over)
    sum_u r[u,s,b] = A[s,b] - missing[s,b]            (missing only where the auction is over)
    0 <= r[u,s,b] <= prequalified[u]
    called energy  a[s,t] A[s,b(t)] h,  paid its energy price

An offer is accepted where its price is not above the marginal capacity price of the scenario, which
is data once offer prices are chosen (`market_data`), so volumes stay linear. Offers are made before
any scenario is known; how units share an award may differ by scenario and block. Room a unit keeps
above its metered output is (1 - a) r for what it may still be called, and -a r of what is called
down already; below it the other way round: `held` gives both to the units' own rows, and the hours
of full delivery a store has to hold.

An award the plant cannot cover (an outage) is no reason to have no orders: the missing part costs
the price limit and is listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from energy_assets.bidding.market_data import ReserveData
from energy_assets.bidding.model.parts import Cost, Held, Injection, parameter
from energy_assets.bidding.model_data import ModelData


@dataclass(frozen=True)
class ReserveTerms:
    """What reserves add to balance and profit.

    Attributes:
        called: (scenario, MTU) to called power, upward positive; None without calls.
        income: Scenario to capacity and energy income less what missing awards cost.
        held: Room to keep by unit.
    """

    called: Injection | None
    income: Cost
    held: dict[str, Held]


def add_reserves(m: Any, data: ModelData) -> ReserveTerms | None:
    """Add all products; None where there are none."""
    import pyomo.environ as pyo

    if not data.reserves:
        return None
    m.product = pyo.Block([reserve.name for reserve in data.reserves])
    for reserve in data.reserves:
        _add_product(m, m.product[reserve.name], reserve)
    called = [_called(m.product[r.name]) for r in data.reserves if r.activation.any()]
    incomes = [_income(m, m.product[r.name], r, data) for r in data.reserves]
    units = [name for name in data.unit_names if any(name in r.share_limits for r in data.reserves)]
    return ReserveTerms(
        _summed(called) if called else None,
        lambda s: reduce(add, (income(s) for income in incomes)),
        {name: _held(m, name, data) for name in units},
    )


def _add_product(m: Any, block: Any, reserve: ReserveData) -> None:
    import pyomo.environ as pyo

    block.B = pyo.RangeSet(0, reserve.block_count - 1)
    # Units by number: a template cannot carry a name as an index.
    block.U = pyo.RangeSet(0, len(reserve.share_limits) - 1)
    block.block_of = parameter(reserve.block_of, m.T)
    block.up_factor = parameter(reserve.up_factor, m.S, m.T)
    block.down_factor = parameter(reserve.down_factor, m.S, m.T)
    block.up_hours = parameter(reserve.up_hours, m.T)
    block.down_hours = parameter(reserve.down_hours, m.T)
    if reserve.activation.any():
        block.activation = parameter(reserve.activation, m.S, m.T)
    limits = list(reserve.share_limits.values())
    block.share = pyo.Var(block.U, m.S, block.B, bounds=lambda _, u, __, ___: (0.0, limits[u]))
    if reserve.awarded is None:
        _add_offer(m, block, reserve)
        block.shared = pyo.Constraint(
            m.S,
            block.B,
            rule=lambda b, s, k: sum(b.share[u, s, k] for u in b.U) == b.award[s, k],
        )
        return
    awarded = reserve.awarded.tolist()
    block.award = parameter(reserve.award(reserve.prices), m.S, block.B)
    block.missing = pyo.Var(m.S, block.B, bounds=lambda _, __, k: (0.0, awarded[k]))
    block.shared = pyo.Constraint(
        m.S,
        block.B,
        rule=lambda b, s, k: sum(b.share[u, s, k] for u in b.U) + b.missing[s, k] == b.award[s, k],
    )


def _add_offer(m: Any, block: Any, reserve: ReserveData) -> None:
    import pyomo.environ as pyo

    most = sum(reserve.share_limits.values())
    block.K = pyo.RangeSet(0, reserve.prices.shape[1] - 1)
    block.volume = pyo.Var(block.B, block.K, bounds=(0.0, most))
    block.award = pyo.Var(m.S, block.B, bounds=(0.0, most))
    block.accepted = parameter(reserve.accepted, m.S, block.B, block.K)
    block.payment = parameter(reserve.payment, m.S, block.B, block.K)
    block.accept = pyo.Constraint(
        m.S,
        block.B,
        rule=lambda b, s, k: (
            sum(b.accepted[s, k, i] * b.volume[k, i] for i in b.K) == b.award[s, k]
        ),
    )


def _income(m: Any, block: Any, reserve: ReserveData, data: ModelData) -> Cost:
    """Capacity income, called energy and the price of what is missing."""
    energy = reserve.activation * reserve.energy_price * data.hours
    if reserve.awarded is not None:
        known = (energy * reserve.award(reserve.prices)[:, reserve.block_of]).sum(axis=1)
        block.known_income = parameter(known, m.S)
        hours = data.hours * reserve.active.sum() / reserve.block_count
        price = data.excess_price * hours
        return lambda s: block.known_income[s] - sum(price * block.missing[s, k] for k in block.B)
    by_block = reserve.by_block(energy)
    block.energy_income = parameter(by_block, m.S, block.B)
    return lambda s: (
        sum(block.payment[s, k, i] * block.volume[k, i] for k in block.B for i in block.K)
        + sum(block.energy_income[s, k] * block.award[s, k] for k in block.B)
    )


def _called(block: Any) -> Injection:
    return lambda s, t: block.activation[s, t] * block.award[s, block.block_of[t]]


def _held(m: Any, unit: str, data: ModelData) -> Held:
    products = [
        (m.product[reserve.name], list(reserve.share_limits).index(unit))
        for reserve in data.reserves
        if unit in reserve.share_limits
    ]

    def room(factor: str) -> Injection:
        return _summed([_room(getattr(b, factor), b, u) for b, u in products])

    def energy(hours: str) -> Injection:
        return _summed([_energy(getattr(b, hours), b, u) for b, u in products])

    return Held(
        up=room("up_factor"),
        down=room("down_factor"),
        up_energy=energy("up_hours"),
        down_energy=energy("down_hours"),
    )


def _room(factor: Any, block: Any, unit: int) -> Injection:
    return lambda s, t: factor[s, t] * block.share[unit, s, block.block_of[t]]


def _energy(hours: Any, block: Any, unit: int) -> Injection:
    return lambda s, t: hours[t] * block.share[unit, s, block.block_of[t]]


def _summed(terms: list[Injection]) -> Injection:
    def total(s: Any, t: Any) -> Any:
        return reduce(add, (term(s, t) for term in terms))

    return total
