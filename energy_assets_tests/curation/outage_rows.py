"""Rows of raw.outages as a feed hands them in, and the days the curation tests look at."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl

from energy_assets.lakehouse.lake import Lake
from energy_assets.market import DeliveryDay, load_area
from energy_assets_tests.lakehouse.frames import frame

DAY, SPRING, AUTUMN = date(2026, 2, 12), date(2026, 3, 29), date(2025, 10, 26)
HOURLY = date(2025, 6, 12)
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def day_of(label: date = DAY) -> DeliveryDay:
    return load_area("SIM_DE_LU").session().delivery_day(label)


def message(
    start: datetime,
    end: datetime,
    left: float,
    *,
    unit: str = "wind",
    message_id: str = "m",
    revision: int = 1,
    part: int = 0,
    status: str = "active",
    known: datetime | None = None,
    published: datetime | str | None = "when known",
    kind: str = "forced",
) -> dict[str, object]:
    """One part of one revision."""
    known = known or LONG_AGO + timedelta(minutes=revision)
    return {
        "message_id": message_id,
        "message_revision": revision,
        "part": part,
        "unit": unit,
        "issued_at": known,
        "published_at": known if published == "when known" else published,
        "event_start": start,
        "event_end": end,
        "available_mw": left,
        "installed_mw": None,
        "outage_type": kind,
        "event_status": status,
        "cause": "",
        "source": "test",
        "knowledge_time": known,
        "knowledge_basis": "observed",
    }


def rows(*messages: dict[str, object]) -> pl.DataFrame:
    names = list(message(LONG_AGO, LONG_AGO, 0))
    return frame("raw.outages", {name: [m[name] for m in messages] for name in names})


def add(lake: Lake, desk: str, *messages: dict[str, object], **options: object) -> None:
    lake.append_if_changed("raw.outages", rows(*messages), scope=desk, **options)
