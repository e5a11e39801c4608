"""Which feeds a desk reads: its feed specifications turned into feeds.

Synthetic and real rows never meet: the reference market serves synthetic areas only, files serve
the others. A new kind of source is one module and one line here.
"""

from __future__ import annotations

from pathlib import Path

from energy_assets.errors import InputError
from energy_assets.feeds.epf_files import epf_feeds
from energy_assets.feeds.interface import Feed
from energy_assets.feeds.reference_market import reference_market_feeds
from energy_assets.market import load_area
from energy_assets.portfolio import Desk, FilesFeed


def feeds_for(desk: Desk, data_root: Path) -> list[Feed]:
    """Every feed of a desk, in the order of its desk file.

    Args:
        desk: The desk.
        data_root: Folder of real data files.

    Raises:
        InputError: If a feed does not fit the desk's market area.
    """
    area = load_area(desk.area)
    feeds: list[Feed] = []
    for number, spec in enumerate(desk.feeds):
        is_file = isinstance(spec, FilesFeed)
        if is_file == area.synthetic:
            expected = "reference_market for a synthetic area, files for a real one"
            where = f"desk {desk.name}: feeds[{number}].source"
            raise InputError(where, expected=expected, found=f"{spec.source} for {area.code}")
        if isinstance(spec, FilesFeed):
            feeds.extend(epf_feeds(spec, data_root, area.code))
        else:
            feeds.extend(reference_market_feeds(desk))
    return feeds
