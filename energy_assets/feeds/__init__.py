"""Feeds: where raw rows come from, each source behind one interface.

Belongs here: one module (or package) per source, giving rows with a knowledge time. Not here:
storing them (`lakehouse`), judging them (`quality`), building features from them (`forecasting`).

Public face:
    `feeds_for(desk, access)` -> list of `Feed`
    `Feed.fetch(Window(start, end), as_of)` -> rows for `Lake.append_if_changed(table, rows, scope)`
"""

from energy_assets.feeds.access import Access
from energy_assets.feeds.catalogue import feeds_for
from energy_assets.feeds.interface import Feed, Window
from energy_assets.feeds.source_session import SourceUnavailableError

__all__ = ["Access", "Feed", "SourceUnavailableError", "Window", "feeds_for"]
