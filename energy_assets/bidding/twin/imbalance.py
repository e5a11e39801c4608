"""Imbalance: columns and rows of `model.imbalance`.

Not here: what the equations mean (there).
"""

from __future__ import annotations

from energy_assets.bidding.model_data import ModelData
from energy_assets.bidding.twin.assembly import Assembly
from energy_assets.bidding.twin.parts import Amount, Horizon, UnitTerms, scaled


def add_imbalance(
    a: Assembly, horizon: Horizon, data: ModelData, units: list[UnitTerms], sold: list[Amount]
) -> Amount:
    """Add what is long and short and the balance; returns the settlement income (S, T)."""
    cells, most = horizon.cells, data.max_imbalance
    long = a.columns("long", cells, upper=most)
    short = a.columns("short", cells, upper=most)
    long_excess, short_excess = a.columns("long_excess", cells), a.columns("short_excess", cells)
    injected = [terms for unit in units for terms in unit.injection]
    delivered = [terms for part in sold for terms in scaled(part.terms, -1.0)]
    known = data.forced - data.earlier
    for part in sold:
        known = known - part.known
    surplus = [-long, -long_excess, short, short_excess]
    a.equal("balance", cells, [*injected, *delivered, *surplus], -known)
    earned = (data.long_price - data.aversion) * horizon.hours
    paid = (data.short_price + data.aversion) * horizon.hours
    excess = data.excess_price * horizon.hours
    return Amount(
        [
            long * earned,
            short * -paid,
            long_excess * (earned - excess),
            short_excess * -(paid + excess),
        ]
    )
