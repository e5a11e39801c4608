"""Reserve offers in integer ticks, and every check a reserve auction applies to them.

An offer is a volume at a capacity price for one product block. The offers of a desk for a block
stand side by side: each is accepted whole where its price is not above the marginal price.

Not here: which offers pay (`bidding`), awards (`trading`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from energy_assets.market.areas import Area
from energy_assets.market.balancing import ReserveRules
from energy_assets.market.orders import RuleBreach, refuse


@dataclass(frozen=True, order=True)
class ReserveOffer:
    """One offer.

    Attributes:
        product: Reserve product.
        start: UTC start of its block.
        minutes: Length of its block.
        price_ticks: Capacity price in ticks, per MW and hour.
        volume_ticks: Volume in ticks.
    """

    product: str
    start: datetime
    minutes: int
    price_ticks: int
    volume_ticks: int


@dataclass(frozen=True)
class ReserveOfferSet:
    """All offers of one desk at one gate.

    Attributes:
        area: Market area code.
        session: Gate decided, as `afrr`.
        delivery_day: Calendar label.
        currency: Currency of the prices.
        rules: Figures in force, by product.
        offers: Offers, sorted.
        participant_id: Market participant.
        portfolio_id: Portfolio the offers belong to.
        balance_area: Balance group or area.
        order_scope: `portfolio` or `unit`.
    """

    area: str
    session: str
    delivery_day: date
    currency: str
    rules: dict[str, ReserveRules]
    offers: tuple[ReserveOffer, ...]
    participant_id: str
    portfolio_id: str
    balance_area: str
    order_scope: str = "portfolio"

    @property
    def sha256(self) -> str:
        """Hash over the economic content only: no run id, no time stamp of making."""
        content = {
            "area": self.area,
            "session": self.session,
            "delivery_day": self.delivery_day.isoformat(),
            "currency": self.currency,
            "rules": {
                name: rules.model_dump(mode="json") for name, rules in sorted(self.rules.items())
            },
            "owner": [
                self.participant_id,
                self.portfolio_id,
                self.balance_area,
                self.order_scope,
            ],
            "offers": [
                [o.product, o.start.isoformat(), o.minutes, o.price_ticks, o.volume_ticks]
                for o in sorted(self.offers)
            ],
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def price(self, offer: ReserveOffer) -> float:
        """Capacity price, currency per MW and hour."""
        return offer.price_ticks * self.rules[offer.product].price_tick

    def volume_mw(self, offer: ReserveOffer) -> float:
        """Volume, MW."""
        return offer.volume_ticks * self.rules[offer.product].volume_tick_mw


def check_reserve_offers(offers: ReserveOfferSet, area: Area) -> list[RuleBreach]:
    """Every breach of the auction's rules for the delivery day; empty when the offers are valid."""
    breaches = []
    grids = {
        name: {
            start: round((end - start).total_seconds() / 60)
            for start, end in area.reserve(name).blocks(offers.delivery_day)
        }
        for name in area.products(offers.session)
    }
    for offer in offers.offers:
        where = f"{offer.product} {offer.start.isoformat()}"
        if offer.product not in grids:
            expected = f"one of {', '.join(grids) or 'no products'}"
            breaches.append(RuleBreach("product", where, expected, offer.product))
        elif grids[offer.product].get(offer.start) != offer.minutes:
            expected = "a product block of the delivery day"
            breaches.append(RuleBreach("block.grid", where, expected, f"{offer.minutes} min"))
        else:
            breaches.extend(_offer_breaches(offer, offers.rules[offer.product], where))
    for name in sorted({offer.product for offer in offers.offers} & set(grids)):
        rules = area.reserve(name).rules(offers.delivery_day)
        if offers.rules.get(name) != rules:
            expected = f"rules of {offers.delivery_day}"
            breaches.append(RuleBreach("rules.in_force", name, expected, "other figures"))
    return [*breaches, *_double(offers.offers)]


def require_valid_offers(offers: ReserveOfferSet, area: Area) -> None:
    """Raise if the offers break a rule.

    Raises:
        MarketRuleError: Names the first breach and how many there are.
    """
    where = f"{offers.area} {offers.session} {offers.delivery_day}"
    refuse(check_reserve_offers(offers, area), where)


def _offer_breaches(offer: ReserveOffer, rules: ReserveRules, where: str) -> list[RuleBreach]:
    breaches = [
        RuleBreach("tick", where, "integer ticks", repr(part))
        for part in (offer.price_ticks, offer.volume_ticks)
        if not isinstance(part, int) or isinstance(part, bool)
    ]
    volume = offer.volume_ticks * rules.volume_tick_mw
    if volume < rules.min_volume_mw - 1e-9:
        expected = f"at least {rules.min_volume_mw:g} MW"
        breaches.append(RuleBreach("volume.minimum", where, expected, f"{volume:g} MW"))
    if offer.price_ticks < 0:
        breaches.append(RuleBreach("price.minimum", where, "no negative price", "a negative one"))
    return breaches


def _double(offers: Iterable[ReserveOffer]) -> list[RuleBreach]:
    seen, breaches = set(), []
    for offer in offers:
        key = (offer.product, offer.start, offer.price_ticks)
        if key in seen:
            where = f"{offer.product} {offer.start.isoformat()}"
            expected = "one offer per price"
            breaches.append(RuleBreach("offer.double", where, expected, str(offer.price_ticks)))
        seen.add(key)
    return breaches
