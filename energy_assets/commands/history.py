"""Bringing a desk's lake up to date outside a run, with progress: cold starts and backtests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from energy_assets.feeds import feeds_for
from energy_assets.lakehouse.lake import Lake
from energy_assets.market import load_area
from energy_assets.portfolio import Desk
from energy_assets.quality.catch_up import catch_up
from energy_assets.settings import Settings

Report = Callable[[str, int, int], None]


def open_lake(settings: Settings) -> Lake:
    """The lake of the settings, its tables made."""
    lake = Lake(settings.lake_root, settings.object_store_options)
    lake.ensure_tables()
    return lake


def is_cold(lake: Lake, desk: Desk, day: date) -> bool:
    """Whether the lake holds no price of the week before a delivery day."""
    session = load_area(desk.area).session()
    start = session.delivery_day(day).start
    stored = lake.stored_days("raw.market_prices", scope=desk.area, start=start.replace(year=1970))
    return not any(0 < (day - at).days <= 7 for at in stored)


def fetch_history(
    lake: Lake,
    settings: Settings,
    desk: Desk,
    first: date,
    last: date,
    as_of: datetime,
    report: Report,
) -> int:
    """Catch up every feed of a desk; returns the rows written.

    Raises:
        InputError: A feed's input is bad; nothing of that feed was written.
    """
    written = 0
    for feed in feeds_for(desk, settings.real_data):
        admissions = catch_up(lake, desk, feed, first, last, as_of, progress=report)
        written += sum(admission.written for admission in admissions)
    return written
