"""Day-ahead prices of Energy-Charts (Fraunhofer ISE): a second source to compare with.

    GET /price?bzn=DE-LU&start=2026-03-01&end=2026-03-02
    {"license_info": …, "unix_seconds": […], "price": […], "unit": "EUR / MWh", "deprecated": false}

Stamps are period starts. The answer states no resolution: it is the shortest step between the
stamps of a delivery day, so that 60-minute days and 15-minute days in one answer (the change of
2025-10-01) and days with a hole are read right. A null price is a gap and gives no row. The
licence differs by zone and stays in the raw answer that is kept.

The answer states no time of publication either: by rule, a price is known some minutes after the
session's publication of its delivery day.

Not here: comparing the sources (`quality`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import polars as pl
from pydantic import TypeAdapter

from energy_assets.feeds.access import Access
from energy_assets.feeds.interface import Feed, Window, known, typed_frame
from energy_assets.feeds.json_answers import AnswerModel, ask_json, unusable
from energy_assets.feeds.knowledge_rules import knowledge_rule, knowledge_time
from energy_assets.feeds.source_session import Policy, SourceSession
from energy_assets.lakehouse import Table, table
from energy_assets.lakehouse.tables import UTC_TIME
from energy_assets.market import Area, Session, load_area
from energy_assets.portfolio import Desk, EnergyChartsFeed, FeedSpec

SOURCE = "energy_charts"
# The source names no limit.
_POLICY = Policy(requests_per_minute=60)
_CHUNK = timedelta(days=92)
_RESOLUTIONS = (15, 30, 60)


class _Prices(AnswerModel):
    unix_seconds: list[int]
    price: list[float | None]
    unit: str


_ANSWER = TypeAdapter(_Prices)


@dataclass(frozen=True)
class EnergyChartsPrices:
    """Day-ahead prices of one bidding zone.

    Attributes:
        bidding_zone: The source's name of the zone.
        area: Market area the zone is.
        session: Requests.
    """

    bidding_zone: str
    area: Area
    session: SourceSession

    @property
    def name(self) -> str:
        """Name of the feed."""
        return f"{SOURCE}.day_ahead"

    @property
    def source(self) -> str:
        """Source of the rows."""
        return SOURCE

    @property
    def table(self) -> Table:
        """Registry table of the rows."""
        return table("raw.market_prices")

    @property
    def scope(self) -> str:
        """Market area."""
        return self.area.code

    @property
    def selection(self) -> dict[str, str]:
        """The source may bring other series one day."""
        return {"series": "day_ahead"}

    def fetch(self, window: Window, as_of: datetime) -> pl.DataFrame:
        """Prices of the window that could be known at `as_of`.

        Raises:
            SourceUnavailableError: No usable answer.
        """
        parts = []
        start = window.start
        while start < window.end:
            end = min(start + _CHUNK, window.end)
            parts.append(self._chunk(start, end))
            start = end
        rows = pl.concat(parts).unique("period_start", keep="last")
        frame = rows.with_columns(
            series=pl.lit("day_ahead"), currency=pl.lit(self.area.currency)
        ).drop_nulls("price")
        typed = typed_frame(self.table, frame, source=SOURCE, basis="rule")
        return known(self.table, typed, window, as_of)

    def _chunk(self, start: datetime, end: datetime) -> pl.DataFrame:
        """Whole delivery days around a span: the resolution is told by all stamps of a day."""
        session = self.area.session()
        first = session.delivery_day_of(start).label
        last = session.delivery_day_of(end - timedelta(microseconds=1)).label
        params = {
            "bzn": self.bidding_zone,
            # Days of the source's own clock: one more on each side covers any zone's.
            "start": (first - timedelta(days=1)).isoformat(),
            "end": (last + timedelta(days=1)).isoformat(),
        }
        asked = f"/price for {self.bidding_zone}, {params['start']} to {params['end']}"
        answer = ask_json(self.session, "price", params, _ANSWER)
        if "".join(answer.unit.split()) != f"{self.area.currency}/MWh":
            raise unusable(self.session, asked, f"prices in {answer.unit!r}")
        if len(answer.unix_seconds) != len(answer.price):
            found = f"{len(answer.unix_seconds)} stamps and {len(answer.price)} prices"
            raise unusable(self.session, asked, found)
        try:
            stamps = [datetime.fromtimestamp(second, UTC) for second in answer.unix_seconds]
        except (ValueError, OverflowError, OSError):
            raise unusable(self.session, asked, "a stamp that is no time") from None
        rows = pl.DataFrame(
            {"period_start": stamps, "price": answer.price},
            schema={"period_start": UTC_TIME, "price": pl.Float64},
        )
        dated = _with_days(rows, session, first, last)
        bad = dated.filter(~pl.col("resolution_min").is_in(_RESOLUTIONS) | ~pl.col("on_grid"))
        if not bad.is_empty():
            found = f"stamps off any grid of 15, 30 or 60 minutes: {bad['period_start'][0]}"
            raise unusable(self.session, asked, found)
        return dated.drop("on_grid")


def feeds_of(spec: FeedSpec, access: Access, desk: Desk) -> list[Feed]:
    """The price feed of a desk's area."""
    assert isinstance(spec, EnergyChartsFeed)
    zone = spec.bidding_zone or desk.area.replace("_", "-")
    session = SourceSession(
        SOURCE, access.endpoint(SOURCE), _POLICY, raw_answers=access.raw_answers
    )
    return [EnergyChartsPrices(zone, load_area(desk.area), session)]


def _with_days(rows: pl.DataFrame, session: Session, first: date, last: date) -> pl.DataFrame:
    """The rows of delivery days first to last with resolution, grid check and knowledge time."""
    days = session.days(first, last)
    known_at = [_known_at(session, day.label) for day in days]
    grid = pl.DataFrame(
        {
            "start": [day.start for day in days],
            "end": [day.end for day in days],
            "usual_min": [day.mtu_minutes for day in days],
            "knowledge_time": known_at,
        },
        schema_overrides={"start": UTC_TIME, "end": UTC_TIME, "knowledge_time": UTC_TIME},
    )
    step = pl.col("period_start").diff().dt.total_minutes().min().over("start")
    into_day = (pl.col("period_start") - pl.col("start")).dt.total_minutes()
    return (
        rows.unique("period_start", keep="last", maintain_order=True)
        .sort("period_start")
        .join_asof(grid.sort("start"), left_on="period_start", right_on="start")
        .filter(pl.col("period_start") < pl.col("end"))
        # A lone stamp tells no step: the market's own unit is taken.
        .with_columns(resolution_min=pl.coalesce(step, "usual_min"))
        .with_columns(on_grid=into_day % pl.col("resolution_min") == 0)
        .select("period_start", "price", "resolution_min", "knowledge_time", "on_grid")
    )


def _known_at(session: Session, day: date) -> datetime:
    published = session.publication(day)
    rule = knowledge_rule(SOURCE, "day_ahead", day)
    return knowledge_time(rule, day=day, period_end=published, issued=published)
