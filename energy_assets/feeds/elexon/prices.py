"""Prices of Elexon Insights: market index data (MID) and system prices, by settlement period.

    GET /datasets/MID?from=…&to=…&dataProviders=APXMIDP
    GET /balancing/settlement/system-prices/{date}

Market index: a row whose price and volume are both zero says that the provider reported nothing; it
is a gap. The answer states no time of publication, a rule does.

System price: since November 2015 the buy and the sell price are one, series `imbalance`; where they
differ (earlier days) the sell price is `imbalance_long`, the buy price `imbalance_short`. The
answer holds the newest settlement run's price and says when that was made: that is its knowledge
time, so that a price recalculated days later is not known before.

Not here: settlement periods (`settlement_periods`), what deviations cost (`trading`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Generic, TypeVar

import polars as pl
from pydantic import AwareDatetime, ConfigDict, TypeAdapter
from pydantic.alias_generators import to_camel

from energy_assets.feeds.elexon.settlement_periods import (
    RESOLUTION_MINUTES,
    SOURCE,
    period_start,
    settlement_days,
    zulu,
)
from energy_assets.feeds.interface import Window, known, typed_frame
from energy_assets.feeds.json_answers import AnswerModel, ask_json, unusable
from energy_assets.feeds.knowledge_rules import knowledge_rule, knowledge_time
from energy_assets.feeds.source_session import SourceSession
from energy_assets.lakehouse import Table, table
from energy_assets.lakehouse.tables import UTC_TIME
from energy_assets.market import load_area

RowT = TypeVar("RowT")
_Row = dict[str, Any]
# The longest span of one request (general knowledge; a refusal would name it).
_INDEX_CHUNK = timedelta(days=7)
_PERIOD = timedelta(minutes=RESOLUTION_MINUTES)


class _Answer(AnswerModel):
    model_config = ConfigDict(alias_generator=to_camel)


class _Data(_Answer, Generic[RowT]):
    data: list[RowT]


class _PeriodRow(_Answer):
    settlement_date: date
    settlement_period: int
    start_time: AwareDatetime | None = None


class _IndexRow(_PeriodRow):
    data_provider: str
    price: float | None
    volume: float | None


class _SystemPriceRow(_PeriodRow):
    created_date_time: AwareDatetime | None = None
    system_sell_price: float | None
    system_buy_price: float | None


_INDEX = TypeAdapter(_Data[_IndexRow])
_SYSTEM_PRICES = TypeAdapter(_Data[_SystemPriceRow])


@dataclass(frozen=True, kw_only=True)
class _Prices:
    """What both feeds share.

    Attributes:
        scope: Market area.
        session: Requests.
    """

    scope: str
    session: SourceSession

    @property
    def source(self) -> str:
        """Source of the rows."""
        return SOURCE

    @property
    def table(self) -> Table:
        """Registry table of the rows."""
        return table("raw.market_prices")

    def _start(self, row: _PeriodRow, asked: str) -> datetime:
        try:
            return period_start(
                self.scope, row.settlement_date, row.settlement_period, row.start_time
            )
        except ValueError as error:
            raise unusable(self.session, asked, str(error)) from None

    def _row(self, series: str, start: datetime, price: float, known_at: datetime) -> _Row:
        return {
            "series": series,
            "period_start": start,
            "resolution_min": RESOLUTION_MINUTES,
            "price": price,
            "currency": load_area(self.scope).currency,
            "knowledge_time": known_at,
        }

    def _typed(self, rows: list[_Row], basis: str) -> pl.DataFrame:
        schema = {column.name: column.dtype for column in self.table.columns}
        frame = pl.DataFrame(rows, schema={**schema, "knowledge_time": UTC_TIME})
        return typed_frame(self.table, frame, source=SOURCE, basis=basis)


@dataclass(frozen=True, kw_only=True)
class MarketIndex(_Prices):
    """The index of one provider, stored as one series.

    Attributes:
        provider: APXMIDP or N2EXMIDP.
        series: Series of its rows.
    """

    provider: str
    series: str

    @property
    def name(self) -> str:
        """Name of the feed."""
        return f"{SOURCE}.{self.series}"

    @property
    def selection(self) -> dict[str, str]:
        """The other provider's rows are another feed's."""
        return {"series": self.series}

    def fetch(self, window: Window, as_of: datetime) -> pl.DataFrame:
        """Index prices of the window that could be known at `as_of`.

        Raises:
            SourceUnavailableError: No usable answer.
        """
        rows: dict[datetime, _Row] = {}
        # Nothing of the future is there to be asked for.
        start, last = window.start, min(window.end, as_of)
        while start < last:
            end = min(start + _INDEX_CHUNK, last)
            rows |= {row["period_start"]: row for row in self._chunk(start, end)}
            start = end
        typed = self._typed(list(rows.values()), "rule")
        return known(self.table, typed, window, as_of)

    def _chunk(self, start: datetime, end: datetime) -> list[_Row]:
        params = {"from": zulu(start), "to": zulu(end), "dataProviders": self.provider}
        asked = f"/datasets/MID from {params['from']} to {params['to']}"
        answer = ask_json(self.session, "datasets/MID", params, _INDEX)
        rows = []
        for found in answer.data:
            reported = found.price is not None and (found.price != 0 or bool(found.volume))
            if found.data_provider != self.provider or found.price is None or not reported:
                continue
            period = self._start(found, asked)
            rule = knowledge_rule(SOURCE, "market_index", found.settlement_date)
            known_at = knowledge_time(rule, day=found.settlement_date, period_end=period + _PERIOD)
            rows.append(self._row(self.series, period, found.price, known_at))
        return rows


@dataclass(frozen=True, kw_only=True)
class SystemPrices(_Prices):
    """The price of imbalance."""

    @property
    def name(self) -> str:
        """Name of the feed."""
        return f"{SOURCE}.imbalance"

    @property
    def selection(self) -> dict[str, str]:
        """Days with two prices have other series beside it."""
        return {"series": "imbalance"}

    def fetch(self, window: Window, as_of: datetime) -> pl.DataFrame:
        """System prices of the window that were made by `as_of`.

        Raises:
            SourceUnavailableError: No usable answer.
        """
        published: list[_Row] = []
        by_rule: list[_Row] = []
        end = min(window.end, as_of)
        days = settlement_days(self.scope, window.start, end) if window.start < end else []
        for day in days:
            path = f"balancing/settlement/system-prices/{day.label.isoformat()}"
            answer = ask_json(self.session, path, {}, _SYSTEM_PRICES)
            for found in answer.data:
                if found.settlement_date != day.label:
                    what = f"a row of {found.settlement_date}"
                    raise unusable(self.session, f"/{path}", what)
                rows = self._series(found, f"/{path}")
                (by_rule if found.created_date_time is None else published).extend(rows)
        typed = pl.concat([self._typed(published, "published"), self._typed(by_rule, "rule")])
        return known(self.table, typed, window, as_of)

    def _series(self, found: _SystemPriceRow, asked: str) -> list[_Row]:
        start = self._start(found, asked)
        known_at = found.created_date_time
        if known_at is None:
            rule = knowledge_rule(SOURCE, "system_price", found.settlement_date)
            known_at = knowledge_time(rule, day=found.settlement_date, period_end=start + _PERIOD)
        prices = {
            "imbalance_long": found.system_sell_price,
            "imbalance_short": found.system_buy_price,
        }
        if found.system_sell_price == found.system_buy_price:
            prices = {"imbalance": found.system_sell_price}
        return [
            self._row(series, start, price, known_at)
            for series, price in prices.items()
            if price is not None
        ]
