"""Raw data as one desk may know it: a `PointInTime` that prefers sources in the desk's order.

Where two sources bring the same series, a desk reads the first one its desk file names. A mapping
of files names its source itself, so rows of a name nobody knows take its place. What the paper
plant meters comes after everything measured.

Belongs here: that one translation, and the view everything after curation reads through. Not here:
what the order decides (`lakehouse.preference`).
"""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType

from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.preference import OTHERS
from energy_assets.portfolio import Desk

# Where rows carry another name than the desk file.
_IN_ROWS = MappingProxyType(
    {
        "reference_market": "reference_market_synthetic",
        "files": "epf_files",
        "mapped_files": OTHERS,
    }
)
_PAPER_PLANT = "paper_plant"


def desk_view(
    lake: Lake, desk: Desk, at: datetime, ingested_before: datetime | None = None
) -> PointInTime:
    """What a desk may know at a time, one source per value.

    Args:
        lake: The lake.
        desk: Gives the order of sources.
        at: Latest point in time that may be asked for.
        ingested_before: Only rows written before this are read.
    """
    return PointInTime(lake, at, ingested_before, source_order=source_order(desk))


def source_order(desk: Desk) -> tuple[str, ...]:
    """Values of the rows' `source` column, most preferred first."""
    named = (_IN_ROWS.get(feed.source, feed.source) for feed in desk.feeds)
    return tuple(dict.fromkeys((*named, _PAPER_PLANT)))
