"""Small files written for the tests, and the mapping of the plainest of them."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

from energy_assets.feeds.mapped_files.feed import MappedFeed, mapped_feeds
from energy_assets.feeds.mapped_files.mapping import Mapping

SPRING, AUTUMN = "2026-03-29", "2026-10-25"
KNOWN = {"kind": "after_period", "minutes": 15}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def write(folder: Path, lines: list[str], name: str = "a.csv") -> Path:
    path = folder / name
    content = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def actuals(**changes: object) -> dict:
    """A mapping of `t,mw` to measured load in area X; keyword `time_…` changes its time."""
    time = {"column": "t", "clock": "UTC", "resolution_min": 60}
    value = {"column": "mw", "unit": "MW", "labels": {"series": "load"}}
    files = {"name": "a", "path": "a.csv", "format": "csv", "scope": "X", "time": time}
    table = {"table": "raw.system_actuals", "knowledge": KNOWN, "values": [value]}
    for name, change in changes.items():
        if name.startswith("time_"):
            time[name.removeprefix("time_")] = change
        elif name.startswith("value_"):
            value[name.removeprefix("value_")] = change
        elif name.startswith("table_"):
            table[name.removeprefix("table_")] = change
        else:
            files[name] = change
    for part in (time, value, table, files):
        for name in [name for name, change in part.items() if change is None]:
            del part[name]
    return {"source": "written", "files": [{**files, "tables": [table]}]}


def feeds_in(folder: Path, document: dict, scope: str | None = None) -> list[MappedFeed]:
    return mapped_feeds(Mapping.model_validate(document), folder, scope)


def feed_in(folder: Path, document: dict) -> MappedFeed:
    (feed,) = feeds_in(folder, document)
    return feed


def starts(folder: Path, lines: list[str], **changes: object) -> list[datetime]:
    """UTC starts of the rows of a file with header `t,mw`, in the order of the file."""
    write(folder, ["t,mw", *lines])
    return feed_in(folder, actuals(**changes)).rows["period_start"].to_list()


def hours(day: str, wall: list[int]) -> list[str]:
    """Lines of a day: one per wall-clock hour, the value being its row number."""
    return [f"{day} {hour:02d}:00,{row}" for row, hour in enumerate(wall)]


def values(feed: MappedFeed) -> list[float]:
    target = "value_mw" if "value_mw" in feed.rows.columns else "value"
    return feed.rows[target].to_list()
