"""The ENTSO-E Transparency Platform: prices, load, generation, reserves and outage messages.

Needs a token (`entsoe`). Public face: `feeds_of(spec, access, desk)`, one feed per series and, for
outages, one for the desk's own units and one for the rest of the area. entsoe-py and pandas are
imported when a feed first asks.

Inside: `platform` asks, `xml_screen` and `documents` read what came, `periods` fills blocks,
`prices`, `system_series`, `reserve_prices` and `outages` give it meaning, `knowledge` says when it
was known, `series_feed` and `outage_feed` are the feeds. Not here: storing rows (`lakehouse`),
judging them (`quality`).
"""

from __future__ import annotations

from energy_assets.feeds.access import Access
from energy_assets.feeds.entsoe.outage_feed import EntsoeOutageFeed, OutageMessages
from energy_assets.feeds.entsoe.platform import Platform
from energy_assets.feeds.entsoe.series_feed import EntsoeSeriesFeed
from energy_assets.feeds.interface import Feed
from energy_assets.market import load_area
from energy_assets.portfolio import Desk, EntsoeFeed, FeedSpec

__all__ = ["feeds_of"]


def feeds_of(spec: FeedSpec, access: Access, desk: Desk) -> list[Feed]:
    """The feeds a desk reads from the platform, in the order of its file."""
    assert isinstance(spec, EntsoeFeed)
    return list(entsoe_feeds(spec, Platform(access), desk))


def entsoe_feeds(spec: EntsoeFeed, platform: Platform, desk: Desk) -> list[Feed]:
    """The feeds of one specification on one platform."""
    area = load_area(desk.area)
    feeds: list[Feed] = []
    for series in spec.series:
        if series == "outages":
            messages = OutageMessages(platform, area)
            units = {code: name for name, code in spec.unit_codes.items()}
            if units:
                feeds.append(EntsoeOutageFeed(messages, desk.name, units, is_own=True))
            feeds.append(EntsoeOutageFeed(messages, area.code, units, is_own=False))
        else:
            feeds.append(EntsoeSeriesFeed(series, platform, area))
    return feeds
