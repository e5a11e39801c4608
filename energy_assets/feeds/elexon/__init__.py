"""Elexon Insights, Great Britain: index prices, system prices, REMIT messages.

    settlement_periods   settlement date and period to UTC
    prices               market index and system price -> raw.market_prices
    remit                messages about production units -> raw.outages

Insights has no day-ahead auction price. What a desk names `day_ahead_prices` is the market index
(dataset MID), the mean price of short-term trades that each index provider reports per settlement
period: APXMIDP is stored as series `intraday_index`; N2EXMIDP, the index of the exchange that runs
the day-ahead auction, as series `day_ahead`. It is not the auction's result: it is known only
after the period, and N2EX reports hardly any period (others' archives show it in 501 of 172,666
periods since 2016; unverified here). A desk that bids in Great Britain names a source of auction
prices (`mapped_files`) before this one.
"""

from __future__ import annotations

from energy_assets.errors import InputError
from energy_assets.feeds.access import Access
from energy_assets.feeds.elexon.prices import MarketIndex, SystemPrices
from energy_assets.feeds.elexon.remit import RemitMessages
from energy_assets.feeds.elexon.settlement_periods import SOURCE
from energy_assets.feeds.interface import Feed
from energy_assets.feeds.source_session import Policy, SourceSession
from energy_assets.portfolio import Desk, ElexonFeed, FeedSpec

__all__ = ["SOURCE", "MarketIndex", "RemitMessages", "SystemPrices", "feeds_of"]

# No limit is published; users of the service report refusals above 100 a minute (unverified).
_POLICY = Policy(requests_per_minute=100)
_AREA = "GB"
_INDEX_SERIES = (("N2EXMIDP", "day_ahead"), ("APXMIDP", "intraday_index"))


def feeds_of(spec: FeedSpec, access: Access, desk: Desk) -> list[Feed]:
    """The feeds of a desk in Great Britain.

    Raises:
        InputError: The desk is elsewhere.
    """
    assert isinstance(spec, ElexonFeed)
    if desk.area != _AREA:
        where = f"desk {desk.name}: feeds: {SOURCE}"
        raise InputError(where, expected=f"a desk in {_AREA}", found=desk.area)
    session = SourceSession(
        SOURCE, access.endpoint(SOURCE), _POLICY, raw_answers=access.raw_answers
    )
    feeds: list[Feed] = []
    for series in dict.fromkeys(spec.series):
        if series == "day_ahead_prices":
            feeds += [
                MarketIndex(scope=desk.area, session=session, provider=provider, series=name)
                for provider, name in _INDEX_SERIES
            ]
        elif series == "imbalance_prices":
            feeds.append(SystemPrices(scope=desk.area, session=session))
        else:
            feeds.append(RemitMessages(desk.name, dict(spec.unit_codes), session))
    return feeds
