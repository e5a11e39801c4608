"""Intraday ladder and position limits: columns and rows of `model.intraday` and `model.curve`.

Not here: what the equations mean (there).
"""

from __future__ import annotations

import numpy as np

from energy_assets.bidding.market_data import IntradayData
from energy_assets.bidding.model_data import ModelData
from energy_assets.bidding.twin.assembly import Assembly
from energy_assets.bidding.twin.parts import Amount, Horizon


def add_intraday(a: Assembly, horizon: Horizon, data: IntradayData) -> tuple[Amount, Amount]:
    """Add the ladder; returns its net sale (S, T, J) and income (S, T, J)."""
    axes = (np.arange(data.node_count), horizon.mtus, np.arange(len(data.cost)))
    sell = a.columns("sell", axes, upper=data.depth)[data.node_of]
    buy = a.columns("buy", axes, upper=data.depth)[data.node_of]
    price, cost = data.price[..., None] * horizon.hours, data.cost * horizon.hours
    return Amount([sell, -buy]), Amount([sell * (price - cost), buy * -(price + cost)])


def add_position_limits(
    a: Assembly, horizon: Horizon, data: ModelData, position: Amount, traded: Amount
) -> None:
    """Keep what is sold in all sessions within the desk's limits."""
    least, most = data.position_limits
    known = data.earlier + position.known + traded.known
    terms = [*position.terms, *traded.terms]
    a.at_most("sale_limit", horizon.cells, terms, most - known)
    a.at_least("purchase_limit", horizon.cells, terms, least - known)
