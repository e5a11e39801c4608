"""Bringing a desk's lake up to date outside a run, with progress: cold starts and backtests."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta

from energy_assets.feeds import SourceUnavailableError, feeds_for
from energy_assets.feeds.access import access_of
from energy_assets.feeds.epf_format import read_epf_file
from energy_assets.forecasting.lifecycle.training import (
    days_before,
    desk_targets,
    looked_back_days,
    train_models,
)
from energy_assets.forecasting.model_store import model_store
from energy_assets.lakehouse.lake import Lake
from energy_assets.market import load_area
from energy_assets.portfolio import Desk, FilesFeed
from energy_assets.quality.catch_up import catch_up
from energy_assets.settings import Settings

_LOGGER = logging.getLogger(__name__)
Report = Callable[[str, int, int], None]


def require_readable_feeds(settings: Settings, desk: Desk) -> None:
    """Read the desk's files once before anything is written; what was read is kept.

    Raises:
        InputError: Names file, row and column of the first fault.
    """
    feeds_for(desk, access_of(settings))
    for spec in desk.feeds:
        if isinstance(spec, FilesFeed):
            read_epf_file(settings.resolve_feed_path(spec.path), spec.columns)


def open_lake(settings: Settings) -> Lake:
    """The lake of the settings, its tables made."""
    lake = Lake(settings.lake_root, settings.object_store_options)
    lake.ensure_tables()
    return lake


def train_missing(
    lake: Lake, settings: Settings, desk: Desk, day: date, now: datetime, report: Report
) -> None:
    """Make the models of a delivery day that are not there yet, as the training job would."""
    days = days_before(day, looked_back_days(lake, desk, now))
    trained = train_models(
        desk_targets(lake, desk, days, now),
        model_store(settings, lake, desk),
        days,
        decision_time=desk.decision_time,
        at=now,
        progress=report,
    )
    for name, reason in trained.refused.items():
        _LOGGER.warning("not trained: %s: %s", name, reason)


def is_cold(lake: Lake, desk: Desk, day: date) -> bool:
    """Whether the lake holds no price of the week before a delivery day."""
    session = load_area(desk.area).session()
    week_before = session.delivery_day(day).start - timedelta(days=7)
    stored = lake.stored_days("raw.market_prices", scope=desk.area, start=week_before)
    return not any(at < day for at in stored)


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

    A remote source that does not answer is left out with one line: what is stored may do, and the
    verdicts say so where it does not.

    Raises:
        InputError: A feed's input is bad; nothing of that feed was written.
    """
    written = 0
    for feed in feeds_for(desk, access_of(settings)):
        try:
            admissions = catch_up(lake, desk, feed, first, last, as_of, progress=report)
        except SourceUnavailableError as error:
            _LOGGER.warning("%s left out: %s", feed.name, error)
            continue
        written += sum(admission.written for admission in admissions)
    return written
