"""The markets around the auction at hand: reserve products, block orders, the intraday ladder.

A problem is one gate's. The auction whose gate it is offers a curve (`BiddingProblem.prices`) and
may take block orders; reserve products are offered at their own gate, recourse before it and fixed
awards after it; what is traded intraday afterwards is one price-volume ladder for the intraday
auctions and the continuous market together. Shapes: S scenarios, T MTUs, B product blocks.

Belongs here: what is known of each market at the decision, typed and checked. Not here: market
facts (`market.areas`), equations (`model`).
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from energy_assets.bidding.arrays import FloatArray, Matrix, Vector
from energy_assets.portfolio.fields import FrozenModel, Name, NonNegative, Power
from energy_assets.portfolio.validation import broken_rule

Direction = Literal["symmetric", "up", "down"]
Pricing = Literal["pay_as_cleared", "pay_as_bid"]


class ReserveMarket(FrozenModel):
    """One reserve product over the delivery day.

    Attributes:
        name: As `fcr`, `afrr_up`.
        direction: `symmetric` keeps room both ways.
        pricing: What an accepted offer is paid: the marginal capacity price or its own.
        block_of: Product block of each MTU (T,), 0 to B-1; -1 where there is none.
        capacity_prices: Marginal capacity price (S, B), currency per MW and hour.
        awarded_mw: Award of each block (B,) where its auction is over; its income is then history.
        activation: Share of the award called (S, T): of a symmetric product signed, upward
            positive; 0 where left out.
        energy_prices: Price of called energy (S, T), currency/MWh: received for upward energy, paid
            for downward energy; the auction's price where left out.
        duration_hours: Time for which a store has to be able to deliver all of the award.
        full_activation_minutes: Time in which a thermal unit has to reach it.
        min_volume_mw: Smallest offer.
        volume_tick_mw: Step of offers.
        price_points: Most prices at which volume is offered.
        providers: Most MW each unit is prequalified for.
    """

    name: Name
    direction: Direction
    pricing: Pricing
    block_of: tuple[Annotated[int, Field(ge=-1)], ...]
    capacity_prices: Matrix
    awarded_mw: Vector | None = None
    activation: Matrix | None = None
    energy_prices: Matrix | None = None
    duration_hours: Power = 1.0
    full_activation_minutes: Power = 15.0
    min_volume_mw: NonNegative = 1.0
    volume_tick_mw: Power = 1.0
    price_points: Annotated[int, Field(ge=1)] = 6
    providers: dict[Name, Power] = Field(min_length=1)

    @model_validator(mode="after")
    def _blocks_agree(self) -> ReserveMarket:
        count = self.block_count
        if set(self.block_of) - {-1} != set(range(count)):
            raise broken_rule("block_of", f"every block from 0 to {count - 1}", self.block_of)
        if self.awarded_mw is not None:
            require_shape("awarded_mw", self.awarded_mw, (count,))
            if float(self.awarded_mw.min()) < 0:
                raise broken_rule("awarded_mw", "no negative award", float(self.awarded_mw.min()))
        least = -1.0 if self.direction == "symmetric" else 0.0
        if self.activation is not None and not (
            float(self.activation.min()) >= least and float(self.activation.max()) <= 1.0
        ):
            found = (float(self.activation.min()), float(self.activation.max()))
            raise broken_rule("activation", f"shares from {least:g} to 1", found)
        return self

    @property
    def block_count(self) -> int:
        """B."""
        return int(self.capacity_prices.shape[1])

    def require_fit(self, scenarios: int, mtus: int) -> None:
        """Check shapes against the problem's."""
        where = f"reserves[{self.name}]"
        if len(self.block_of) != mtus:
            raise broken_rule(f"{where}.block_of", f"{mtus} MTUs", len(self.block_of))
        shape = (scenarios, self.block_count)
        require_shape(f"{where}.capacity_prices", self.capacity_prices, shape)
        for name in ("activation", "energy_prices"):
            values = getattr(self, name)
            if values is not None:
                require_shape(f"{where}.{name}", values, (scenarios, mtus))


class IntradayMarket(FrozenModel):
    """Trading after the auction at hand, as one price-volume ladder per MTU and side.

    Attributes:
        prices: Mid price (S, T), currency/MWh.
        half_spread: What a trade costs around it, currency/MWh.
        depth_mw: Volume of each step of the ladder on each side, MW.
        impact: What a step costs beyond the half spread, currency/MWh; not falling.
        max_volume_mw: Most net volume per MTU, by the desk's limits; no such limit if left out.
        first_mtu: First MTU still open for trading.
        node_of: Node of each scenario (S,): scenarios of one node cannot be told apart when
            intraday trades are made, so they share one position. One for all if left out.
    """

    prices: Matrix
    half_spread: NonNegative = 0.0
    depth_mw: Vector
    impact: Vector
    max_volume_mw: NonNegative | None = None
    first_mtu: Annotated[int, Field(ge=0)] = 0
    node_of: tuple[Annotated[int, Field(ge=0)], ...] | None = None

    @model_validator(mode="after")
    def _ladder_rises(self) -> IntradayMarket:
        require_shape("intraday.impact", self.impact, self.depth_mw.shape)
        if float(self.depth_mw.min()) < 0:
            raise broken_rule("intraday.depth_mw", "volumes", float(self.depth_mw.min()))
        if float(np.diff(self.impact, prepend=0.0).min()) < 0:
            raise broken_rule("intraday.impact", "figures that do not fall", self.impact.tolist())
        return self

    def require_fit(self, scenarios: int, mtus: int) -> None:
        """Check shapes against the problem's."""
        require_shape("intraday.prices", self.prices, (scenarios, mtus))
        if self.node_of is not None:
            count = len(self.node_of)
            if count != scenarios:
                raise broken_rule("intraday.node_of", f"{scenarios} scenarios", count)
            if set(self.node_of) != set(range(max(self.node_of) + 1)):
                expected = f"every node from 0 to {max(self.node_of)}"
                raise broken_rule("intraday.node_of", expected, sorted(set(self.node_of)))

    @property
    def steps_mw(self) -> FloatArray:
        """Volume of each step, cut so that all of them stay within the limit."""
        most = np.inf if self.max_volume_mw is None else self.max_volume_mw
        used = np.cumsum(self.depth_mw) - self.depth_mw
        steps: FloatArray = np.minimum(self.depth_mw, np.maximum(most - used, 0.0))
        return steps


class BlockCandidate(FrozenModel):
    """A block order that may be offered: the same volume over a run of MTUs, all or none.

    Whether it is accepted in a scenario is known from the mean price over its MTUs, so only its
    volume is decided. Auctions may reject a block in the money but never accept one out of it: a
    mean price less than `rejection_margin` better than the limit counts as rejected.

    Attributes:
        first_mtu: First MTU.
        mtu_count: MTUs.
        side: `sale` or `purchase`.
        limit_price: Currency/MWh.
        max_volume_mw: Most volume.
        rejection_margin: Currency/MWh.
    """

    first_mtu: Annotated[int, Field(ge=0)]
    mtu_count: Annotated[int, Field(ge=1)]
    side: Literal["sale", "purchase"]
    limit_price: Annotated[float, Field(allow_inf_nan=False)]
    max_volume_mw: Power
    rejection_margin: NonNegative = 0.0

    @property
    def mtus(self) -> slice:
        """Its MTUs."""
        return slice(self.first_mtu, self.first_mtu + self.mtu_count)

    def accepted(self, prices: FloatArray) -> FloatArray:
        """1 where prices (S, T) accept it, else 0, (S,)."""
        mean = prices[:, self.mtus].mean(axis=1)
        gain = mean - self.limit_price if self.side == "sale" else self.limit_price - mean
        accepted: FloatArray = (gain >= self.rejection_margin).astype(np.float64)
        return accepted

    @property
    def sign(self) -> float:
        """1 for a sale, -1 for a purchase."""
        return 1.0 if self.side == "sale" else -1.0


def require_shape(field: str, array: FloatArray, shape: tuple[int, ...]) -> None:
    """Raise the validation error of an array of another shape."""
    if array.shape != shape:
        raise broken_rule(field, f"shape {shape}", str(array.shape))
