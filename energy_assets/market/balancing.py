"""Reserve auctions, balancing energy and imbalance: products, gates and blocks.

Not here: facts (`areas/*.yaml`), auctions of energy (`areas`).
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Literal

from pydantic import Field

from energy_assets.market.clock import wall_clock
from energy_assets.market.facts import Fact, FactModel, WallClock


class ImbalanceRules(FactModel):
    """How deviations settle.

    Attributes:
        isp_minutes: Imbalance settlement period.
        pricing: One price for both signs, or two.
        intentional: Whether taking imbalance on purpose is allowed.
    """

    isp_minutes: Literal[15, 30, 60]
    pricing: Literal["single", "dual"]
    intentional: Literal["allowed", "forbidden"]


class ReserveRules(FactModel):
    """One reserve product, as its auction defines it.

    Attributes:
        direction: `symmetric` keeps room both ways.
        pricing: Paid the marginal price, or its own.
        block_hours: Length of a product block on the wall clock.
        min_volume_mw: Smallest offer.
        volume_tick_mw: Step of offers.
        price_tick: Step of prices, currency per MW and hour.
        full_activation_minutes: Time to full delivery.
        duration_hours: Full delivery a store has to hold.
    """

    direction: Literal["symmetric", "up", "down"]
    pricing: Literal["pay_as_cleared", "pay_as_bid"]
    block_hours: int = Field(ge=1)
    min_volume_mw: float
    volume_tick_mw: float
    price_tick: float
    full_activation_minutes: float
    duration_hours: float


class ReserveFacts(FactModel):
    """The dated facts of one reserve auction."""

    clock: Fact[str]
    gate_closure: Fact[WallClock]
    publication: Fact[WallClock]
    product: Fact[ReserveRules]


class BalancingEnergyRules(FactModel):
    """Balancing energy bids.

    Attributes:
        gate_minutes: Bids for a quarter-hour close so long before it.
        min_volume_mw: Smallest bid.
        volume_tick_mw: Step of volumes.
        price_tick: Step of prices, currency/MWh.
        minimum: Lowest bid price.
        maximum: Highest bid price.
    """

    gate_minutes: float
    min_volume_mw: float
    volume_tick_mw: float
    price_tick: float
    minimum: float
    maximum: float


class ReserveAuction:
    """One reserve product of an area, bound to its dated facts."""

    def __init__(self, area: str, name: str, facts: ReserveFacts) -> None:
        self.area = area
        self.name = name
        self.facts = facts

    def rules(self, day: date) -> ReserveRules:
        """The product's figures for a delivery day."""
        return self.facts.product.on(day)

    def gate_closure(self, day: date) -> datetime:
        """UTC gate closure for a delivery day."""
        return self.facts.gate_closure.on(day).on(day)

    def publication(self, day: date) -> datetime:
        """UTC moment at which results are normally out."""
        return self.facts.publication.on(day).on(day)

    def blocks(self, day: date) -> list[tuple[datetime, datetime]]:
        """UTC bounds of the product blocks of a delivery day.

        Blocks are cut on the wall clock: on the day of a clock change one of them has an hour less
        or more.
        """
        clock, hours = self.facts.clock.on(day), self.rules(day).block_hours
        starts = [wall_clock(day, time(hour), clock) for hour in range(0, 24, hours)]
        starts.append(wall_clock(day + timedelta(days=1), time(), clock))
        return list(pairwise(starts))
