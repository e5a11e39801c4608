"""Benchmark files in EPF format as feeds: day-ahead prices and the forecasts made for them.

Local hours become UTC through the clock of the area's day-ahead session (a fixed offset for the
benchmark areas, so that no hour is invented or dropped). The files carry no publication times; by
rule, a price is known at the session's publication of its delivery day, and a forecast, by the
benchmark's convention, one hour before its gate closure, which is its issue time too.

Not here: reading and checking the file (`epf_format`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Literal

import polars as pl

from energy_assets.errors import InputError
from energy_assets.feeds.access import Access
from energy_assets.feeds.epf_format import EpfFile, read_epf_file
from energy_assets.feeds.interface import Feed, Window, known, typed_frame
from energy_assets.lakehouse import Table, table
from energy_assets.market import Area, load_area
from energy_assets.portfolio import Desk, FeedSpec, FilesFeed

SOURCE = "epf_files"
_RESOLUTION_MINUTES = 60
_FORECAST_LEAD = timedelta(hours=1)

Content = Literal["prices", "forecasts"]


@dataclass(frozen=True)
class EpfFeed:
    """The prices or the forecasts of one file.

    Attributes:
        spec: File and column roles, from the desk file.
        data_root: Folder the file's path is relative to.
        scope: Market area.
        content: Which table the feed serves.
    """

    spec: FilesFeed
    data_root: Path
    scope: str
    content: Content

    @property
    def name(self) -> str:
        """Name of the feed."""
        stem = Path(self.spec.path).name.split(".")[0]
        return f"{SOURCE}.{stem}.{self.content}"

    @property
    def source(self) -> str:
        """Source of the rows."""
        return SOURCE

    @property
    def table(self) -> Table:
        """Registry table of the rows."""
        is_price = self.content == "prices"
        return table("raw.market_prices" if is_price else "raw.system_forecasts")

    @property
    def selection(self) -> dict[str, str]:
        """The table may hold other series of the same source."""
        return {"series": "day_ahead"} if self.content == "prices" else {}

    def fetch(self, window: Window, as_of: datetime) -> pl.DataFrame:
        """Rows of the window that could be known at `as_of`.

        Raises:
            InputError: If the file has a fault anywhere, in the window or not.
        """
        file = read_epf_file(self.data_root / self.spec.path, self.spec.columns)
        area = load_area(self.scope)
        rows = _prices(file, area) if self.content == "prices" else _forecasts(file, area)
        return known(self.table, rows, window, as_of)


def feeds_of(spec: FeedSpec, access: Access, desk: Desk) -> list[Feed]:
    """The feeds of one file of a desk."""
    assert isinstance(spec, FilesFeed)
    return [*epf_feeds(spec, access.data_root, desk.area)]


def epf_feeds(spec: FilesFeed, data_root: Path, area: str) -> list[EpfFeed]:
    """The feeds of one file: prices, and forecasts where the desk names any."""
    contents: list[Content] = ["prices", "forecasts"] if spec.columns.forecasts else ["prices"]
    return [EpfFeed(spec, data_root, area, content) for content in contents]


def _prices(file: EpfFile, area: Area) -> pl.DataFrame:
    frame = _moments(file, area.code).select(
        "period_start",
        knowledge_time="published",
        price=file.prices,
        series=pl.lit("day_ahead"),
        resolution_min=pl.lit(_RESOLUTION_MINUTES),
        currency=pl.lit(area.currency),
    )
    return typed_frame(table("raw.market_prices"), frame, source=SOURCE, basis="rule")


def _forecasts(file: EpfFile, area: Area) -> pl.DataFrame:
    moments = _moments(file, area.code)
    frame = pl.concat(
        moments.select(
            "period_start",
            issue_time="issued",
            knowledge_time="issued",
            value_mw=values,
            series=pl.lit(values.name),
            resolution_min=pl.lit(_RESOLUTION_MINUTES),
        )
        for values in file.forecasts
    )
    return typed_frame(table("raw.system_forecasts"), frame, source=SOURCE, basis="rule")


def _moments(file: EpfFile, area: str) -> pl.DataFrame:
    """`period_start`, `published` and `issued` of every row, in UTC."""
    local = pl.DataFrame({"local": file.local_starts}).with_columns(label=pl.col("local").dt.date())
    times = _session_times(area, *(local.get_column("label")[row] for row in (0, -1)))
    into_day = pl.col("local") - pl.col("local").dt.truncate("1d")
    return local.join(times, on="label", how="left", maintain_order="left").select(
        "published", "issued", period_start=pl.col("start") + into_day
    )


@lru_cache(maxsize=8)
def _session_times(area: str, first: date, last: date) -> pl.DataFrame:
    session = load_area(area).session()
    days = session.days(first, last)
    for day in days:
        if day.hours != 24 or day.mtu_minutes != _RESOLUTION_MINUTES:
            expected = "an area with 24 hourly market time units every day"
            raise InputError(
                f"area {area}", expected=expected, found=f"{day.label} with {day.hours} h"
            )
    utc = pl.Datetime("us", "UTC")
    return pl.DataFrame(
        {
            "label": [day.label for day in days],
            "start": [day.start for day in days],
            "published": [session.publication(day.label) for day in days],
            "issued": [session.gate_closure(day.label) - _FORECAST_LEAD for day in days],
        },
        schema={"label": pl.Date, "start": utc, "published": utc, "issued": utc},
    )
