"""The paper reserve auction: a desk's offers against the published marginal capacity price.

The desk is a price taker: an offer is accepted whole where its price is not above the marginal
price of its block. What is paid as cleared gets the marginal price, what is paid as bid its own.
An award of several offers carries the mean of what is paid; prices and volumes lie on ticks whose
product is a cent, so that the mean times the volume is the sum of the payments to the cent.

Belongs here: acceptance of capacity. Not here: offers (`bidding`), calls (`reserve_activations`),
cash (`settlement`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import polars as pl

from energy_assets.errors import InputError
from energy_assets.lakehouse.tables import table
from energy_assets.market import load_area
from energy_assets.market.balancing import ReserveRules
from energy_assets.market.reserve_offers import (
    ReserveOffer,
    ReserveOfferSet,
    require_valid_offers,
)
from energy_assets.trading.day_series import exact

_Block = tuple[str, datetime, int]


def clear_offers(offers: ReserveOfferSet, prices: pl.DataFrame) -> pl.DataFrame:
    """The awards of a set of reserve offers.

    Args:
        offers: The offers; checked against their area's rules first.
        prices: Marginal capacity prices: `product`, `period_start`, `resolution_min`, `price` and
            `unit` (currency per MW and hour, or per MW and block); others than the offers' blocks
            do no harm.

    Returns:
        The own columns of `trading.reserve_awards`: one row per product and block offered, with a
        volume and a price of 0 where nothing was accepted.

    Raises:
        MarketRuleError: If the offers break a rule of the area.
        InputError: If a block's price is missing, double or not finite.
    """
    require_valid_offers(offers, load_area(offers.area))
    by_block: dict[_Block, list[ReserveOffer]] = {}
    for offer in sorted(offers.offers):
        by_block.setdefault((offer.product, offer.start, offer.minutes), []).append(offer)
    rows = [
        (
            *block,
            *_award(mine, offers.rules[block[0]], _marginal(block, prices, offers.area)),
            offers.sha256,
            offers.participant_id,
            offers.portfolio_id,
            offers.balance_area,
            offers.order_scope,
        )
        for block, mine in by_block.items()
    ]
    names = ("product", "period_start", "resolution_min", "volume_mw", "price", "marginal_price")
    columns = table("trading.reserve_awards").columns
    assert tuple(column.name for column in columns[: len(names)]) == names
    schema = {column.name: column.dtype for column in columns}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _award(
    offers: Sequence[ReserveOffer], rules: ReserveRules, marginal: Decimal
) -> tuple[float, float, float]:
    """Volume, mean price paid and marginal price of one block."""
    tick = exact(rules.price_tick)
    accepted = [offer for offer in offers if offer.price_ticks * tick <= marginal]
    ticks = sum(offer.volume_ticks for offer in accepted)
    if not ticks:
        return 0.0, 0.0, float(marginal)
    price = marginal
    if rules.pricing == "pay_as_bid":
        price = sum(o.price_ticks * tick * o.volume_ticks for o in accepted) / Decimal(ticks)
    return float(ticks * exact(rules.volume_tick_mw)), float(price), float(marginal)


def _marginal(block: _Block, prices: pl.DataFrame, area: str) -> Decimal:
    """Marginal price of a block, currency per MW and hour."""
    product, start, minutes = block
    where = f"{area} {product} capacity price, block {start.isoformat()}"
    found = prices.filter(
        (pl.col("product") == product)
        & (pl.col("period_start") == start)
        & (pl.col("resolution_min") == minutes)
        & pl.col("price").is_finite()
    )
    if len(found) != 1:
        raise InputError(where, expected="one price", found=f"{len(found)} prices")
    price, unit = found.select("price", "unit").row(0)
    return exact(price) * 60 / minutes if unit == "currency/MW" else exact(price)
