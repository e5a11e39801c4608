"""The feeds of the platform's series: a question, its reader and its knowledge rule in one row.

Not here: asking (`platform`), reading (`prices`, `system_series`, `reserve_prices`), outage
messages (`outage_feed`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

import polars as pl

from energy_assets.feeds.entsoe import prices, reserve_prices, system_series
from energy_assets.feeds.entsoe.documents import Document
from energy_assets.feeds.entsoe.knowledge import delivery_days, with_knowledge_time
from energy_assets.feeds.entsoe.platform import SOURCE, Platform, Question
from energy_assets.feeds.entsoe.xml_screen import UnusableAnswerError
from energy_assets.feeds.interface import Window, known, require_aware, typed_frame
from energy_assets.feeds.source_session import SourceUnavailableError
from energy_assets.lakehouse import Table, table
from energy_assets.market import Area

Reader = Callable[[list[Document], Area], pl.DataFrame]


@dataclass(frozen=True)
class Content:
    """What a series is made of.

    Attributes:
        table: Registry table of its rows.
        selection: Column values that tell its rows from others of the source.
        parts: Questions and the reader of their answers.
        is_measured: Known only after the period, so nothing later than `as_of` is asked for.
    """

    table: str
    selection: Mapping[str, str]
    parts: tuple[tuple[Question, Reader], ...]
    is_measured: bool = False


def _reserve_reader(reserve: str) -> Reader:
    return lambda documents, area: reserve_prices.reserve_prices(documents, area, reserve)


CONTENTS: Mapping[str, Content] = MappingProxyType(
    {
        "day_ahead_prices": Content(
            "raw.market_prices",
            {"series": "day_ahead"},
            ((prices.DAY_AHEAD, prices.day_ahead_prices),),
        ),
        "imbalance_prices": Content(
            "raw.market_prices",
            {"series": "imbalance"},
            ((prices.IMBALANCE, prices.imbalance_prices),),
            is_measured=True,
        ),
        "load_forecast": Content(
            "raw.system_forecasts",
            {"series": "load"},
            ((system_series.LOAD_FORECAST, system_series.load),),
        ),
        "wind_solar_forecast": Content(
            "raw.system_forecasts",
            {"series": "wind"},
            ((system_series.WIND_SOLAR_FORECAST, system_series.generation),),
        ),
        "load_actual": Content(
            "raw.system_actuals",
            {"series": "load"},
            ((system_series.LOAD_ACTUAL, system_series.load),),
            is_measured=True,
        ),
        "generation_actual": Content(
            "raw.system_actuals",
            {"series": "wind"},
            ((system_series.GENERATION_ACTUAL, system_series.generation),),
            is_measured=True,
        ),
        "reserve_prices": Content(
            "raw.auction_results",
            {"component": "capacity"},
            tuple(
                (question, _reserve_reader(reserve))
                for reserve, question in reserve_prices.QUESTIONS.items()
            ),
        ),
    }
)


@dataclass(frozen=True)
class EntsoeSeriesFeed:
    """One series of an area.

    Attributes:
        series: Name, one of `CONTENTS`.
        platform: Where to ask.
        area: Market area.
    """

    series: str
    platform: Platform
    area: Area

    @property
    def name(self) -> str:
        """Name of the feed."""
        return f"{SOURCE}.{self.series}"

    @property
    def source(self) -> str:
        """Source of the rows."""
        return SOURCE

    @property
    def table(self) -> Table:
        """Registry table of the rows."""
        return table(self._content.table)

    @property
    def scope(self) -> str:
        """The market area."""
        return self.area.code

    @property
    def selection(self) -> Mapping[str, str]:
        """Column values that tell this feed's rows from others of the source."""
        if self.series == "imbalance_prices" and not prices.is_single(self.area):
            return {"series": "imbalance_long"}
        return self._content.selection

    def fetch(self, window: Window, as_of: datetime) -> pl.DataFrame:
        """Rows of the window that could be known at `as_of`.

        Raises:
            SourceUnavailableError: If the platform does not answer, or not usably.
        """
        require_aware("as_of", as_of)
        rows = pl.concat(self._read(part, window, as_of) for part in self._content.parts)
        rows = with_knowledge_time(rows, self.area, self.series)
        if self.table.has_vintages:
            rows = rows.with_columns(issue_time="knowledge_time")
        frame = typed_frame(self.table, rows, source=SOURCE, basis="rule")
        return known(self.table, frame, window, as_of)

    @property
    def _content(self) -> Content:
        return CONTENTS[self.series]

    def _read(self, part: tuple[Question, Reader], window: Window, as_of: datetime) -> pl.DataFrame:
        question, read = part
        end = min(window.end, as_of) if self._content.is_measured else window.end
        if end <= window.start:
            return read([], self.area)
        # Whole delivery days: the platform answers prices by the day, and pages stay comparable.
        days = delivery_days(self.area, Window(window.start, end))
        span = Window(days[0].start, days[-1].end)
        documents = self.platform.documents(question, self.area, span)
        try:
            return read(documents, self.area)
        except UnusableAnswerError as error:
            asked = f"{self.series} of {self.area.code} from {span.start:%Y-%m-%dT%H:%MZ}"
            raise SourceUnavailableError(SOURCE, asked, str(error)) from None
