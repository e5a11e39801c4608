"""The auction: columns and rows of `model.curve` and `model.blocks`, or a position given as data.

Not here: what the equations mean (there).
"""

from __future__ import annotations

import numpy as np

from energy_assets.bidding.market_data import BlockData
from energy_assets.bidding.model_data import ModelData
from energy_assets.bidding.price_grid import PriceGrid
from energy_assets.bidding.twin.assembly import Assembly, Terms
from energy_assets.bidding.twin.parts import Amount, Horizon


def add_auction(a: Assembly, horizon: Horizon, data: ModelData) -> tuple[Amount, Amount]:
    """Add curve and blocks; returns the position (S, T) and its income (S, T)."""
    value = data.price * horizon.hours
    if data.grid is None:
        assert data.position is not None
        return Amount([], data.position), Amount([], (value * data.position).sum(axis=1))
    position = _curve(a, data, data.grid)
    if data.blocks is not None:
        position.append(_blocks(a, data.blocks))
    income = [
        terms * value.reshape(value.shape + (1,) * (terms.columns.ndim - 2)) for terms in position
    ]
    return Amount(position), Amount(income)


def _curve(a: Assembly, data: ModelData, grid: PriceGrid) -> list[Terms]:
    mtu_of = np.repeat(np.arange(data.mtu_count), np.diff(grid.offsets))
    points = np.arange(grid.size)
    volume = a.columns("volume", (points,), data.lowest[mtu_of], data.highest[mtu_of])
    followed = points[:-1][mtu_of[:-1] == mtu_of[1:]]
    a.at_most("monotone", (followed,), [volume[followed], -volume[followed + 1]], 0.0)
    return [volume[grid.low] * grid.low_weight, volume[grid.high] * grid.high_weight]


def _blocks(a: Assembly, data: BlockData) -> Terms:
    """Volumes of the candidates as scenarios and MTUs see them (S, T, J)."""
    most = [candidate.max_volume_mw for candidate in data.candidates]
    volume = a.columns("block_volume", (np.arange(len(most)),), upper=most)
    return volume * (data.accepted[:, None, :] * data.covers.T[None, :, :])
