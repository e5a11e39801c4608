"""`ingest files`: historical files into the lake by a declared mapping, through the one write path.

Every file is read and checked before the first row is written; rows are then admitted table by
table and scope by scope, in windows of whole months. Running it again adds no row.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table as RichTable

from energy_assets.commands.history import Report
from energy_assets.feeds import Window
from energy_assets.feeds.mapped_files import MappedFeed, load_mapping, mapped_feeds
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.quarantine import REJECTED_ROWS
from energy_assets.market import Area, load_area
from energy_assets.market.areas import area_codes
from energy_assets.quality import admit
from energy_assets.settings import Settings

CHUNK_ROWS = 250_000
_SUMMED = ("rows", "written", "unchanged")
# Files hold the past; a row whose knowledge time lies ahead is stored and read only from then on.
_EVER = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class FeedCount:
    """What one table and scope of a file set came to.

    Attributes:
        files: Name of the file set.
        table: Table id.
        scope: Scope.
        rows_read: Rows of the files.
        skipped: Rows of the files left out, by reason.
        averaged_hours: Rows of an averaged autumn hour, stored as its first occurrence.
        empty: Empty cells, by column.
        coded: Cells holding a code for a missing value, by column.
        rows: Table rows made.
        written: Of these, new or changed.
        unchanged: Of these, already in the lake.
        rejected: Of these, refused, by rule.
        series: Rows, first and last time and gaps per series.
    """

    files: str
    table: str
    scope: str
    rows_read: int
    skipped: dict[str, int]
    averaged_hours: int
    empty: dict[str, int]
    coded: dict[str, int]
    rows: int
    written: int
    unchanged: int
    rejected: dict[str, int]
    series: list[dict[str, Any]]


@dataclass(frozen=True)
class IngestSummary:
    """What the command prints.

    Attributes:
        mapping: Name of the mapping file.
        source: Source of the rows.
        counts: One per file set, table and scope.
        seconds: How long it took.
    """

    mapping: str
    source: str
    counts: list[FeedCount]
    seconds: float

    def document(self) -> dict[str, Any]:
        """The JSON contract."""
        return {
            "mapping": self.mapping,
            "source": self.source,
            "rows": self.total("rows"),
            "written": self.total("written"),
            "unchanged": self.total("unchanged"),
            "rejected": sum(sum(count.rejected.values()) for count in self.counts),
            "seconds": round(self.seconds, 3),
            "tables": [asdict(count) for count in self.counts],
        }

    def total(self, name: str) -> int:
        """Sum of one of the counts."""
        return sum(getattr(count, name) for count in self.counts)

    def table(self) -> Group:
        """For people: one line per file set and table over its scopes, and what was left out."""
        rate = self.total("rows") / self.seconds if self.seconds else 0
        title = (
            f"{self.source} · {self.total('rows'):,} rows in {self.seconds:.1f} s"
            f" · {rate:,.0f} rows/s"
        )
        stored = _plain_table("files\ntable, scope", title=title)
        for name in (*_SUMMED, "refused", "gaps\na series", "first\nlast"):
            stored.add_column(name, justify="right", no_wrap=True)
        left_out = _plain_table("files", title="rows of the files, and what was left out of them")
        left_out.add_column("what")
        left_out.add_column("", justify="right")
        for counts in self._by_table():
            stored.add_row(*_stored_line(counts))
        for name, what, number in self._left_out():
            left_out.add_row(name, what, f"{number:,}")
        return Group(stored, left_out)

    def _by_table(self) -> list[list[FeedCount]]:
        groups: dict[tuple[str, str], list[FeedCount]] = {}
        for count in self.counts:
            groups.setdefault((count.files, count.table), []).append(count)
        return list(groups.values())

    def _left_out(self) -> Iterator[tuple[str, str, int]]:
        for name in dict.fromkeys(count.files for count in self.counts):
            mine = [count for count in self.counts if count.files == name]
            yield name, "rows read", mine[0].rows_read
            numbers = Counter(mine[0].skipped)
            numbers["averaged autumn hours"] += mine[0].averaged_hours
            for count in mine:
                numbers.update({f"{column}: empty": n for column, n in count.empty.items()})
                numbers.update({f"{column}: code": n for column, n in count.coded.items()})
                numbers.update({f"refused by {rule}": n for rule, n in count.rejected.items()})
            yield from ((name, what, number) for what, number in numbers.items() if number)


def run_ingest_files(
    settings: Settings, mapping_file: Path, scope: str | None, report: Report
) -> IngestSummary:
    """Load the files of a mapping.

    Args:
        settings: Lake and data folder.
        mapping_file: The mapping.
        scope: Only this scope; it also names the scope of rows whose mapping names none.
        report: Told about progress.

    Raises:
        InputError: The mapping or a file has a fault; nothing has been written.
    """
    began = time.perf_counter()
    mapping = load_mapping(mapping_file)
    feeds = mapped_feeds(mapping, settings.real_data, scope)
    for done, feed in enumerate(feeds, start=1):
        _ = feed.prepared
        report("reading files", done, len(feeds))
    lake = Lake(settings.lake_root, settings.object_store_options)
    lake.ensure_tables([*{feed.table.id for feed in feeds}, REJECTED_ROWS])
    counts = []
    of = len(feeds)
    for done in range(of):
        # A feed keeps its rows: let go of each one before the next is made.
        counts.append(_admitted(lake, feeds.pop(0)))
        report("storing tables", done + 1, of)
    seconds = time.perf_counter() - began
    return IngestSummary(mapping_file.name, mapping.source, counts, seconds)


def chunks(times: pl.Series, rows: int = CHUNK_ROWS) -> Iterator[Window]:
    """Windows of whole UTC months, each with about so many rows or one month.

    Args:
        times: The table's time column, UTC moments or dates.
        rows: Rows a window is filled up to.
    """
    months = times.cast(pl.Date).dt.truncate("1mo").alias("month")
    counted = months.value_counts().sort("month")
    first, held = None, 0
    last: date | None = None
    for month, count in counted.iter_rows():
        if first is not None and last is not None and held + count > rows:
            yield _months(first, last)
            first, held = None, 0
        first = month if first is None else first
        last, held = month, held + count
    if first is not None and last is not None:
        yield _months(first, last)


def _admitted(lake: Lake, feed: MappedFeed) -> FeedCount:
    area = _area(feed)
    rejected: dict[str, int] = {}
    written = 0
    for window in chunks(feed.rows[feed.table.time_column]):
        done = admit(lake, feed, window, _EVER, area=area, run_id=f"ingest files {feed.source}")
        written += done.written
        for rule, number in done.rejected.items():
            rejected[rule] = rejected.get(rule, 0) + number
    rows = feed.rows.height
    ready = feed.prepared
    return FeedCount(
        files=feed.files.name,
        table=feed.table.id,
        scope=feed.scope,
        rows_read=ready.rows_read,
        skipped=ready.skipped,
        averaged_hours=ready.averaged,
        empty={column: count for column, count in feed.missing.empty.items() if count},
        coded={column: count for column, count in feed.missing.coded.items() if count},
        rows=rows,
        written=written,
        unchanged=rows - written - sum(rejected.values()),
        rejected=rejected,
        series=[
            {**asdict(span), "first": span.first.isoformat(), "last": span.last.isoformat()}
            for span in feed.series()
        ],
    )


def _area(feed: MappedFeed) -> Area | None:
    """The market area of a scope, for its price limits; historical scopes may have none."""
    known = feed.table.scope_kind == "area" and feed.scope in area_codes()
    return load_area(feed.scope) if known else None


def _months(first: date, last: date) -> Window:
    after = date(last.year + last.month // 12, last.month % 12 + 1, 1)
    return Window(
        datetime(first.year, first.month, 1, tzinfo=UTC),
        datetime(after.year, after.month, 1, tzinfo=UTC),
    )


def _plain_table(first: str, *, title: str) -> RichTable:
    table = RichTable(title=title, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first)
    return table


def _stored_line(counts: list[FeedCount]) -> list[str]:
    scopes = list(dict.fromkeys(count.scope for count in counts))
    scope = scopes[0] if len(scopes) == 1 else f"{len(scopes)} scopes"
    series = [one for count in counts for one in count.series]
    gaps = [one["gaps"] for one in series if one["gaps"] is not None]
    return [
        f"{counts[0].files}\n{counts[0].table.removeprefix('raw.')}\n{scope}",
        *(f"{sum(getattr(count, name) for count in counts):,}" for name in _SUMMED),
        f"{sum(sum(count.rejected.values()) for count in counts):,}",
        "\n".join(f"{gap:,}" for gap in dict.fromkeys((min(gaps), max(gaps)))) if gaps else "",
        "\n".join(
            (min(one["first"] for one in series)[:10], max(one["last"] for one in series)[:10])
        )
        if series
        else "",
    ]
