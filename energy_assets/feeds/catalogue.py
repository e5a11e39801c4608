"""Which feeds a desk reads: its feed specifications turned into feeds.

Synthetic and real rows never meet: the reference market serves synthetic areas only, every other
source the real ones. A new kind of source is one module, one model in `portfolio.feed_specs` and
one line here; a source's module is imported when a desk names it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType

from energy_assets.errors import InputError
from energy_assets.feeds.access import Access
from energy_assets.feeds.interface import Feed
from energy_assets.market import load_area
from energy_assets.portfolio import Desk, FeedSpec, ReferenceMarketFeed

Maker = Callable[[FeedSpec, Access, Desk], list[Feed]]
# Source to the function that makes its feeds.
_MAKERS: Mapping[str, str] = MappingProxyType(
    {
        "reference_market": "reference_market:feeds_of",
        "files": "epf_files:feeds_of",
        "mapped_files": "mapped_files:feeds_of",
        "entsoe": "entsoe:feeds_of",
        "open_meteo": "open_meteo:feeds_of",
        "energy_charts": "energy_charts:feeds_of",
        "elexon": "elexon:feeds_of",
        "reserve_auctions": "reserve_auctions:feeds_of",
        "fuel_folder": "fuel_folder:feeds_of",
        "own_outages": "own_outages:feeds_of",
    }
)


def feeds_for(desk: Desk, access: Access) -> list[Feed]:
    """Every feed of a desk, in the order of its desk file.

    Args:
        desk: The desk.
        access: Folders, addresses and tokens.

    Raises:
        InputError: If a feed does not fit the desk's market area.
    """
    area = load_area(desk.area)
    feeds: list[Feed] = []
    for number, spec in enumerate(desk.feeds):
        if isinstance(spec, ReferenceMarketFeed) != area.synthetic:
            expected = "reference_market for a synthetic area, another source for a real one"
            where = f"desk {desk.name}: feeds[{number}].source"
            raise InputError(where, expected=expected, found=f"{spec.source} for {area.code}")
        feeds.extend(_maker(spec.source)(spec, access, desk))
    return feeds


def _maker(source: str) -> Maker:
    module, name = _MAKERS[source].split(":")
    found: Maker = getattr(import_module(f"energy_assets.feeds.{module}"), name)
    return found
