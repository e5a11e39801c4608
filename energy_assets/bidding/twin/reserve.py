"""Reserve products: columns and rows of `model.reserve`.

Not here: what the equations mean (there).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy_assets.bidding.market_data import ReserveData
from energy_assets.bidding.model_data import ModelData
from energy_assets.bidding.twin.assembly import Assembly, Terms
from energy_assets.bidding.twin.parts import Amount, Held, Horizon


@dataclass(frozen=True)
class _Product:
    """A product's columns: what units keep (U, S, B), called power (S, T) and income (S, ...)."""

    data: ReserveData
    share: Terms
    called: Amount
    income: Amount

    def kept_by(self, unit: str) -> Terms:
        """What a unit keeps in each MTU (S, T), MW."""
        number = list(self.data.share_limits).index(unit)
        return self.share[number][:, self.data.block_of]


@dataclass(frozen=True)
class Reserves:
    """What reserves add: called power, income, and what each unit has to keep."""

    called: list[Amount]
    incomes: list[Amount]
    held: dict[str, Held]


def add_reserves(a: Assembly, horizon: Horizon, data: ModelData) -> Reserves:
    """Add all products."""
    products = [
        _add_product(a.within(f"product[{reserve.name}]"), horizon, data, reserve)
        for reserve in data.reserves
    ]
    held = {name: _held(name, products) for name in data.unit_names}
    return Reserves(
        [product.called for product in products],
        [product.income for product in products],
        {name: kept for name, kept in held.items() if kept.up},
    )


def _add_product(a: Assembly, horizon: Horizon, data: ModelData, reserve: ReserveData) -> _Product:
    limits = np.array(list(reserve.share_limits.values()))
    blocks = np.arange(reserve.block_count)
    axes = (np.arange(len(limits)), horizon.scenarios, blocks)
    share = a.columns("share", axes, upper=limits[:, None, None])
    kept = Terms(np.moveaxis(share.columns, 0, -1), np.moveaxis(share.factors, 0, -1))
    by_block = (horizon.scenarios, blocks)
    energy = reserve.activation * reserve.energy_price * horizon.hours
    if reserve.awarded is not None:
        missing = a.columns("missing", by_block, upper=reserve.awarded)
        a.equal("shared", by_block, [kept, missing], reserve.awarded)
        sold = reserve.awarded[reserve.block_of]
        hours = horizon.hours * reserve.active.sum() / reserve.block_count
        income = Amount([missing * (-data.excess_price * hours)], (energy * sold).sum(axis=1))
        return _Product(reserve, share, Amount([], reserve.activation * sold), income)
    most = limits.sum()
    prices = np.arange(reserve.prices.shape[1])
    volume = a.columns("volume", (blocks, prices), upper=most)
    award = a.columns("award", by_block, upper=most)
    a.equal("shared", by_block, [kept, -award], 0.0)
    a.equal("accept", by_block, [volume * reserve.accepted, -award], 0.0)
    sold_terms = award[:, reserve.block_of]
    income = Amount([volume * reserve.payment, sold_terms * (energy * reserve.active)])
    return _Product(reserve, share, Amount([sold_terms * reserve.activation]), income)


def _held(unit: str, products: list[_Product]) -> Held:
    keeping = [p for p in products if unit in p.data.share_limits]
    return Held(
        up=[p.kept_by(unit) * p.data.up_factor for p in keeping],
        down=[p.kept_by(unit) * p.data.down_factor for p in keeping],
        up_energy=[p.kept_by(unit) * p.data.up_hours for p in keeping],
        down_energy=[p.kept_by(unit) * p.data.down_hours for p in keeping],
    )
