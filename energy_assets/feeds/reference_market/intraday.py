"""Synthetic intraday prices: the day-ahead price plus what traders expect imbalance to cost.

By each intraday auction the market knows a newer forecast of residual load than the day-ahead
auction did. The part of that surprise which intraday trading leaves open is the shortage expected,
and a price is the mean of the imbalance price given it, plus the auction's own noise. So each later
auction is nearer to the imbalance price. Continuous trading is represented by its mean around two
hours before delivery, when traders also see shortages that last.

Not here: imbalance prices (`imbalance`), when results are out (`balancing_rows`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

import numpy as np

from energy_assets.feeds.reference_market.imbalance import (
    ImbalanceMarket,
    QuarterHours,
    mean_surcharge,
    short_left_gw,
)
from energy_assets.feeds.reference_market.noise import Minutes, Spectrum, Values, key_of, noise
from energy_assets.feeds.reference_market.price_ticks import on_ticks, within_rules
from energy_assets.feeds.reference_market.time_axis import MIDPOINT, quarter_hours, utc_minutes
from energy_assets.market import DeliveryDay, Session
from energy_assets.market.areas import ContinuousRules
from energy_assets.market.facts import Fact

# What each auction adds of its own, EUR/MWh.
_AUCTION_NOISE_SD: Mapping[str, float] = MappingProxyType({"ida1": 6.0, "ida2": 5.0, "ida3": 4.0})
_OWN_NOISE: Spectrum = ((3.0, 0.4), (0.75, 0.6))
_CONTINUOUS_NOISE_SD = 3.0
_MARKET_ISSUE_BEFORE_GATE = timedelta(hours=1)
_CONTINUOUS_ISSUE_BEFORE_DELIVERY = 120


@dataclass(frozen=True)
class AuctionResult:
    """Prices of one intraday auction.

    Attributes:
        starts: UTC minutes of the quarter-hours sold (N).
        prices: In EUR/MWh (N).
        published: UTC minutes at which each is out (N).
    """

    starts: Minutes
    prices: Values
    published: Minutes


@dataclass(frozen=True)
class IntradayMarket:
    """Intraday auctions and continuous trading of the market area."""

    imbalance: ImbalanceMarket

    def auction(self, session: Session, quarters: QuarterHours) -> AuctionResult:
        """Clearing prices of what an auction sells of the days it is held for."""
        days = [session.delivery_day(day.label) for day in quarters.days if _is_held(session, day)]
        if not days:
            none = np.zeros(0, dtype=np.int64)
            return AuctionResult(none, np.zeros(0), none)
        sold = [quarter_hours(day) for day in days]
        counts = [len(starts) for starts in sold]
        starts = np.concatenate(sold)
        gates = [session.gate_closure(day.label) for day in days]
        issue = np.repeat([utc_minutes(gate - _MARKET_ISSUE_BEFORE_GATE) for gate in gates], counts)
        expected = self._expected(quarters, starts, issue)
        own = self._own_noise(session.name, starts, _AUCTION_NOISE_SD[session.name])
        published = [utc_minutes(session.publication(day.label)) for day in days]
        return AuctionResult(
            starts,
            _within_limits(session, days, np.split(expected + own, np.cumsum(counts)[:-1])),
            np.repeat(published, counts),
        )

    def index(self, rules: Fact[ContinuousRules], quarters: QuarterHours) -> Values:
        """Volume-weighted mean price of continuous trading, one per quarter-hour."""
        starts = quarters.starts
        lasting = self.imbalance.lasting_shortage_gw(starts + MIDPOINT)
        issue = starts - _CONTINUOUS_ISSUE_BEFORE_DELIVERY
        expected = self._expected(quarters, starts, issue, lasting)
        prices = expected + self._own_noise("continuous", starts, _CONTINUOUS_NOISE_SD)
        return within_rules(prices, [rules.on(day.label) for day in quarters.days], quarters.day_of)

    def _expected(
        self, quarters: QuarterHours, starts: Minutes, issue: Minutes, seen_gw: Values | float = 0.0
    ) -> Values:
        """Mean imbalance price given the forecast made at `issue` and a shortage seen."""
        place = np.searchsorted(quarters.starts, starts)
        residual = self.imbalance.day_ahead.system.residual_load(starts + MIDPOINT, issue)
        short = short_left_gw(residual - quarters.expected_mw[place]) + seen_gw
        return quarters.day_ahead[place] + mean_surcharge(short)

    def _own_noise(self, name: str, starts: Minutes, sd: float) -> Values:
        seed = self.imbalance.day_ahead.system.weather.seed
        return sd * noise(key_of(seed, "intraday", name), starts + MIDPOINT, _OWN_NOISE)


def _is_held(session: Session, day: DeliveryDay) -> bool:
    rows = session.facts.gate_closure.rows
    return any(row.valid_from <= day.label <= row.valid_to for row in rows)


def _within_limits(session: Session, days: list[DeliveryDay], prices: list[Values]) -> Values:
    rules = [session.curve_rules(day.label) for day in days]
    return np.concatenate(
        [
            on_ticks(
                values,
                rule.price_tick,
                rule.price(rule.price_min_ticks),
                rule.price(rule.price_max_ticks),
            )
            for values, rule in zip(prices, rules, strict=True)
        ]
    )
