"""From the model's reserve volumes to offers in ticks that an auction accepts.

Volumes are cumulated over rising prices, cut down to whole ticks and cut apart again: at every
marginal price at most what the model would have sold is sold, so what the plant can hold for the
model's award it can hold for the rounded one. Prices are cut down to the tick, so that an offer is
accepted wherever the model's is. Steps smaller than the smallest offer wait for the next price.

Not here: checks of offers (`market.reserve_offers`), volumes (`stochastic`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from energy_assets.bidding.solution import ReserveOffer as PlannedOffer
from energy_assets.market import DeliveryDay, ReserveRules, load_area
from energy_assets.market.reserve_offers import (
    ReserveOffer,
    ReserveOfferSet,
    require_valid_offers,
)
from energy_assets.portfolio import Desk


def reserve_offers(
    planned: Iterable[PlannedOffer], desk: Desk, day: DeliveryDay, session: str
) -> ReserveOfferSet:
    """The desk's offers at a gate, checked against the rules in force.

    Args:
        planned: What the model offers.
        desk: The desk.
        day: Delivery day.
        session: Gate decided; products of other gates are left out.

    Raises:
        MarketRuleError: If an offer breaks a rule.
    """
    area = load_area(desk.area)
    rules = {name: area.reserve(name).rules(day.label) for name in area.products(session)}
    by_block: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for offer in planned:
        if offer.product in rules:
            key = (offer.product, offer.block)
            by_block.setdefault(key, []).append((offer.price, offer.volume_mw))
    found: list[ReserveOffer] = []
    for (name, block), steps in by_block.items():
        start, end = area.reserve(name).blocks(day.label)[block]
        minutes = round((end - start).total_seconds() / 60)
        found += [
            ReserveOffer(name, start, minutes, price, volume)
            for price, volume in _in_ticks(sorted(steps), rules[name])
        ]
    offers = ReserveOfferSet(
        area=desk.area,
        session=session,
        delivery_day=day.label,
        currency=area.currency,
        rules=rules,
        offers=tuple(sorted(found)),
        participant_id=desk.participant_id,
        portfolio_id=desk.portfolio_id,
        balance_area=desk.balance_area,
    )
    require_valid_offers(offers, area)
    return offers


def _in_ticks(steps: list[tuple[float, float]], rules: ReserveRules) -> list[tuple[int, int]]:
    """(price ticks, volume ticks) of one block from its steps in price order."""
    least = math.ceil(rules.min_volume_mw / rules.volume_tick_mw - 1e-9)
    ticks = [max(0, math.floor(price / rules.price_tick + 1e-6)) for price, _ in steps]
    # The solver keeps rows to 1e-7: a hair below a tick is that tick.
    held = np.floor(np.cumsum([v for _, v in steps]) / rules.volume_tick_mw + 1e-5)
    sold: dict[int, int] = {}
    done = 0
    for price, total in zip(ticks, held.astype(int).tolist(), strict=True):
        if total - done >= least:
            sold[price] = sold.get(price, 0) + total - done
            done = total
    return sorted(sold.items())
