"""The arrays of reserves, block orders and the intraday ladder that the equations use.

Not here: checks (`markets`), units (`model_data`), equations (`model`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.markets import BlockCandidate, IntradayMarket, ReserveMarket
from energy_assets.bidding.price_grid import IntArray


@dataclass(frozen=True)
class ReserveData:
    """A reserve product; S scenarios in canonical order, B blocks, K offer prices, T MTUs.

    Attributes:
        market: Its figures.
        block_of: Block of each MTU (T,); 0 where there is none (its factors are 0 there).
        active: 1 in MTUs that belong to a block (T,).
        prices: Offer prices (B, K), currency per MW and hour, not falling.
        accepted: 1 where a scenario accepts the offer at a price (S, B, K).
        payment: What an accepted MW earns in its block (S, B, K), currency.
        activation: Share called, upward positive (S, T).
        energy_price: Of called energy (S, T), currency/MWh.
        awarded: Known award (B,), or None.
        share_limits: Most MW each unit can keep, by name.
    """

    market: ReserveMarket
    block_of: IntArray
    active: FloatArray
    prices: FloatArray
    accepted: FloatArray
    payment: FloatArray
    activation: FloatArray
    energy_price: FloatArray
    awarded: FloatArray | None
    share_limits: dict[str, float]

    @property
    def name(self) -> str:
        """Product."""
        return self.market.name

    @property
    def block_count(self) -> int:
        """B."""
        return self.market.block_count

    @property
    def up_factor(self) -> FloatArray:
        """MW of room above the metered output a provider keeps per MW of award (S, T).

        What is already called up needs no more room; what is called down will come back.
        """
        kept = 0.0 if self.market.direction == "down" else 1.0
        factor: FloatArray = kept * self.active - self.activation
        return factor

    @property
    def down_factor(self) -> FloatArray:
        """The same below the metered output (S, T)."""
        kept = 0.0 if self.market.direction == "up" else 1.0
        factor: FloatArray = kept * self.active + self.activation
        return factor

    @property
    def up_hours(self) -> FloatArray:
        """Hours of full upward delivery a store has to hold in each MTU (T,)."""
        wanted = 0.0 if self.market.direction == "down" else self.market.duration_hours
        hours: FloatArray = wanted * self.active
        return hours

    @property
    def down_hours(self) -> FloatArray:
        """The same downward (T,)."""
        wanted = 0.0 if self.market.direction == "up" else self.market.duration_hours
        hours: FloatArray = wanted * self.active
        return hours

    def award(self, volumes: FloatArray) -> FloatArray:
        """Award (S, B) for offered volumes (B, K)."""
        if self.awarded is not None:
            return np.broadcast_to(self.awarded, (len(self.accepted), self.block_count))
        award: FloatArray = (self.accepted * volumes).sum(axis=-1)
        return award

    def income(self, volumes: FloatArray) -> FloatArray:
        """Capacity income (S,) for offered volumes (B, K); none where the auction is over."""
        if self.awarded is not None:
            return np.zeros(len(self.accepted))
        income: FloatArray = (self.payment * volumes).sum(axis=(1, 2))
        return income

    def by_block(self, values: FloatArray) -> FloatArray:
        """Sums (S, B) of values (S, T) over the MTUs of each block."""
        inside = np.eye(self.block_count)[self.block_of] * self.active[:, None]
        sums: FloatArray = values @ inside
        return sums

    def called(self, award: FloatArray) -> FloatArray:
        """Called power (S, T) MW of an award (S, B), upward positive."""
        called: FloatArray = self.activation * award[:, self.block_of]
        return called

    def subset(self, scenarios: IntArray) -> ReserveData:
        """The same product in some of the scenarios."""
        return replace(
            self,
            accepted=self.accepted[scenarios],
            payment=self.payment[scenarios],
            activation=self.activation[scenarios],
            energy_price=self.energy_price[scenarios],
        )


@dataclass(frozen=True)
class IntradayData:
    """The intraday ladder; N nodes, J steps.

    Attributes:
        price: Mid price (S, T).
        cost: What a step costs beyond the mid price (J,).
        depth: Volume of a step on each side (T, J); 0 in MTUs no longer open.
        node_of: Node of each scenario (S,).
    """

    price: FloatArray
    cost: FloatArray
    depth: FloatArray
    node_of: IntArray

    @property
    def node_count(self) -> int:
        """N."""
        return int(self.node_of.max()) + 1

    def volume(self, sell: FloatArray, buy: FloatArray) -> FloatArray:
        """Net sale (S, T) for traded steps (N, T, J)."""
        net: FloatArray = (sell - buy).sum(axis=-1)[self.node_of]
        return net

    def income(self, sell: FloatArray, buy: FloatArray, hours: float) -> FloatArray:
        """Cash (S,) of traded steps (N, T, J)."""
        costs = ((sell + buy) @ self.cost).sum(axis=1)[self.node_of]
        income: FloatArray = hours * ((self.price * self.volume(sell, buy)).sum(axis=1) - costs)
        return income

    def subset(self, scenarios: IntArray) -> IntradayData:
        """The ladder in some of the scenarios; nodes none of them is in are dropped."""
        _, node_of = np.unique(self.node_of[scenarios], return_inverse=True)
        return replace(self, price=self.price[scenarios], node_of=node_of.astype(np.int64))


@dataclass(frozen=True)
class BlockData:
    """Block orders that may be offered; J candidates.

    Attributes:
        candidates: Their figures.
        covers: Sign of the volume in each MTU, 0 outside the block (J, T).
        accepted: 1 where a scenario accepts it (S, J).
    """

    candidates: tuple[BlockCandidate, ...]
    covers: FloatArray
    accepted: FloatArray

    def position(self, volumes: FloatArray) -> FloatArray:
        """Net sale (S, T) for offered volumes (J,)."""
        position: FloatArray = (self.accepted * volumes) @ self.covers
        return position

    def subset(self, scenarios: IntArray) -> BlockData:
        """The same candidates in some of the scenarios."""
        return replace(self, accepted=self.accepted[scenarios])


def reserve_data(
    market: ReserveMarket,
    order: IntArray,
    prices: FloatArray,
    probability: FloatArray,
    hours: float,
    share_limits: dict[str, float],
) -> ReserveData:
    """Arrays of a product.

    Args:
        market: The product.
        order: Position of each canonical scenario (S,).
        prices: Auction prices in canonical order (S, T): energy's price for want of another.
        probability: (S,).
        hours: Length of an MTU.
        share_limits: Most MW each provider can keep.
    """
    block_of = np.array(market.block_of, dtype=np.int64)
    active = (block_of >= 0).astype(np.float64)
    clearing = market.capacity_prices[order]
    offers = np.stack(
        [
            _offer_prices(clearing[:, b], probability, market.price_points)
            for b in range(market.block_count)
        ]
    )
    accepted = (offers <= clearing[..., None] + 1e-12).astype(np.float64)
    block_hours = hours * np.bincount(block_of[block_of >= 0], minlength=market.block_count)
    paid = clearing[..., None] if market.pricing == "pay_as_cleared" else offers
    activation = np.zeros(prices.shape)
    if market.activation is not None:
        activation = market.activation[order] * (-1.0 if market.direction == "down" else 1.0)
    energy = prices if market.energy_prices is None else market.energy_prices[order]
    return ReserveData(
        market=market,
        block_of=np.maximum(block_of, 0),
        active=active,
        prices=offers,
        accepted=accepted,
        payment=accepted * paid * block_hours[:, None],
        activation=activation * active,
        energy_price=energy,
        awarded=market.awarded_mw,
        share_limits=share_limits,
    )


def _offer_prices(clearing: FloatArray, probability: FloatArray, count: int) -> FloatArray:
    """Prices (count,) to offer at: rising quantiles of the marginal price, its least one first."""
    order = np.argsort(clearing, kind="stable")
    mass = np.cumsum(probability[order])
    levels = np.arange(count) / count
    at = np.minimum(np.searchsorted(mass, levels, side="right"), len(order) - 1)
    found: FloatArray = clearing[order][at]
    return found


def intraday_data(market: IntradayMarket, order: IntArray) -> IntradayData:
    """Arrays of the ladder, scenarios in canonical order (S,)."""
    count = market.prices.shape[1]
    depth = np.broadcast_to(market.steps_mw, (count, len(market.depth_mw))).copy()
    depth[: market.first_mtu] = 0.0
    given = market.node_of
    nodes = np.zeros(len(order), dtype=np.int64) if given is None else np.array(given)[order]
    return IntradayData(market.prices[order], market.half_spread + market.impact, depth, nodes)


def block_data(candidates: tuple[BlockCandidate, ...], prices: FloatArray) -> BlockData:
    """Arrays of block candidates at auction prices in canonical order (S, T)."""
    covers = np.zeros((len(candidates), prices.shape[1]))
    for row, candidate in zip(covers, candidates, strict=True):
        row[candidate.mtus] = candidate.sign
    accepted = [candidate.accepted(prices) for candidate in candidates]
    return BlockData(candidates, covers, np.stack(accepted, axis=1))
