"""Prices and calls of the markets around the auction, drawn from the desk's recent past.

Reserve capacity prices, calls of reserves, prices of called energy and intraday prices depend on
each other in ways a few weeks of data cannot model. So each scenario of the day-ahead forecast is
given one past day, with all of these series as they were on it: capacity prices and shares called
as such, prices of energy as their distance to that day's day-ahead price. Days are dealt in an
order that the seed shuffles, each as often as any other.

A series without enough whole days is left out: no calls, energy at the day-ahead price, no offer
of a product whose price is unknown, no intraday trading.

Belongs here: reading those series at a decision and dealing days. Not here: the forecast of prices
and output (`forecasting`), the problem (`session_problem`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.price_grid import IntArray
from energy_assets.forecasting.arrays import BoolArray
from energy_assets.forecasting.profiles import mtu_slots, slot_matrix, slots_per_day
from energy_assets.forecasting.vintages import actual_matrix, price_matrix
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk

LEAST_DAYS = 7
# Price series of an intraday market, the first one that the area has counts.
INTRADAY_SERIES = ("intraday_index", "intraday_auction_1", "intraday_auction")
AUCTION_SERIES = {
    "ida1": ("intraday_auction_1", "intraday_auction"),
    "ida2": ("intraday_auction_2", "intraday_auction"),
    "ida3": ("intraday_auction_3", "intraday_auction"),
}


@dataclass(frozen=True)
class MarketOutlook:
    """Series of the dealt days; S scenarios, T MTUs, B product blocks.

    Attributes:
        capacity: Marginal capacity price by product, (S, B) currency per MW and hour.
        called: Share of an award called by product, (S, T).
        energy_spread: Price of called energy less the day-ahead price by direction (`up`, `down`),
            (S, T).
        intraday_spread: Price of an intraday market less the day-ahead price, by market, (S, T).
        days: The day dealt to each scenario, (S,); empty where nothing was known.
        notes: What is missing.
    """

    capacity: Mapping[str, FloatArray]
    called: Mapping[str, FloatArray]
    energy_spread: Mapping[str, FloatArray]
    intraday_spread: Mapping[str, FloatArray]
    days: tuple[date, ...]
    notes: tuple[str, ...]


def market_outlook(
    known: PointInTime, desk: Desk, day: DeliveryDay, count: int, seed: int
) -> MarketOutlook:
    """Deal past days to scenarios.

    Args:
        known: Rows as of the decision.
        desk: The desk; its markets say which series are wanted.
        day: Delivery day.
        count: Scenarios S.
        seed: Of the order in which days are dealt.
    """
    reader = _Reader(known, desk, day)
    wanted = reader.series()
    usable, notes = _usable(wanted)
    whole = np.ones(reader.days, dtype=bool)
    for values in usable.values():
        whole &= np.isfinite(values).all(axis=1)
    rows = np.flatnonzero(whole)
    if not len(rows):
        return MarketOutlook({}, {}, {}, {}, (), notes)
    order = np.random.default_rng(seed).permutation(rows)
    dealt = np.resize(order, count)

    def kind(name: str) -> dict[str, FloatArray]:
        return {key: values[dealt] for (group, key), values in usable.items() if group == name}

    labels = tuple(reader.first + timedelta(days=int(row)) for row in dealt)
    return MarketOutlook(
        kind("capacity"), kind("called"), kind("energy"), kind("intraday"), labels, notes
    )


class _Reader:
    """Matrices (days, B) or (days, T) of the desk's market series before a delivery day."""

    def __init__(self, known: PointInTime, desk: Desk, day: DeliveryDay) -> None:
        self._known, self._desk, self._day = known, desk, day
        self._area = load_area(desk.area)
        self._session = self._area.session()
        self.days = desk.markets.history_days
        self.last = day.label - timedelta(days=1)
        self.first = day.label - timedelta(days=self.days)
        self._slots = slots_per_day(day.mtu_minutes)
        self._at = mtu_slots(day, self._session, self._slots)

    def series(self) -> dict[tuple[str, str], FloatArray]:
        """Every series the desk's markets ask for, by kind and name."""
        markets = self._desk.markets
        found: dict[tuple[str, str], FloatArray] = {}
        for product in markets.reserves:
            found["capacity", product] = self._capacity(product)
            found["called", product] = self._called(product)
        base = self._price(("day_ahead",))
        if markets.reserves:
            for direction in ("up", "down"):
                found["energy", direction] = self._price((f"balancing_{direction}",)) - base
        if markets.intraday is not None:
            found["intraday", "continuous"] = self._price(INTRADAY_SERIES) - base
            for auction in markets.intraday.auctions:
                spread = self._price(AUCTION_SERIES[auction]) - base
                # What an auction does not sell is never traded at it.
                found["intraday", auction] = np.where(self._sold_at(auction), spread, 0.0)
        return found

    def _sold_at(self, auction: str) -> BoolArray:
        """MTUs of the delivery day that an auction sells, (T,)."""
        part = self._area.delivery_day(auction, self._day.label)
        return np.array([part.start <= mtu.start < part.end for mtu in self._day.mtus])

    def _price(self, names: Iterable[str]) -> FloatArray:
        """The first of some price series that is known, by MTU of the delivery day."""
        found = np.full((self.days, self._day.mtu_count), np.nan)
        for name in names:
            matrix = price_matrix(
                self._known, self._desk.area, self.first, self.last, self._slots, name
            )
            if np.isfinite(matrix).any():
                return matrix[:, self._at]
        return found

    def _called(self, product: str) -> FloatArray:
        """Share of an award called, by MTU."""
        matrix = actual_matrix(
            self._known,
            "raw.called_reserves",
            self._desk.area,
            {"product": product},
            "called_share",
            session=self._session,
            first=self.first,
            last=self.last,
            slots=self._slots,
        )
        return matrix[:, self._at]

    def _capacity(self, product: str) -> FloatArray:
        """Marginal price by product block of the delivery day, (days, B)."""
        rows = self._known.as_of(
            "raw.auction_results",
            scope=self._desk.area,
            start=self._session.delivery_day(self.first).start,
            end=self._session.delivery_day(self.last).end,
            where={"product": product, "component": "capacity", "statistic": "marginal"},
            columns=["period_start", "resolution_min", "price", "unit"],
        )
        per_block = pl.col("unit") == "currency/MW"
        hours = pl.col("resolution_min") / 60
        rows = rows.with_columns(
            price=pl.when(per_block).then(pl.col("price") / hours).otherwise(pl.col("price"))
        )
        hourly = slot_matrix(rows, "price", self._session, self.first, self.last, 24)
        return hourly[:, self._first_hours(product)]

    def _first_hours(self, product: str) -> IntArray:
        auction = self._area.reserve(product)
        hours = auction.rules(self._day.label).block_hours
        return np.arange(0, 24, hours, dtype=np.int64)


def _usable(
    wanted: Mapping[tuple[str, str], FloatArray],
) -> tuple[dict[tuple[str, str], FloatArray], tuple[str, ...]]:
    usable, notes = {}, []
    for (group, name), values in wanted.items():
        days = int(np.isfinite(values).all(axis=1).sum())
        if days >= LEAST_DAYS:
            usable[group, name] = values
        else:
            notes.append(f"{group} {name}: {days} whole days known, {LEAST_DAYS} needed")
    return usable, tuple(notes)
