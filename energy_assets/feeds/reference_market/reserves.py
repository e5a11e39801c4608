"""Synthetic capacity prices of reserve auctions, per product block.

Reserve is dear when the plants that can give it would rather do something else: upward reserve when
residual load is high and every plant runs for energy, downward reserve when it is low and few run
that could be turned down. The price of a block is a level, times the exponential of a slope on the
residual load expected before the gate, times noise that lasts for days. What is paid as bid has an
average and a minimum below its marginal price.

Not here: gates and blocks (`market/areas/*.yaml`), energy called (`balancing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from energy_assets.feeds.reference_market.noise import (
    Minutes,
    Spectrum,
    Values,
    key_of,
    noise,
    uniforms,
)
from energy_assets.feeds.reference_market.power_system import PowerSystem
from energy_assets.feeds.reference_market.price_ticks import on_ticks
from energy_assets.feeds.reference_market.time_axis import means_of, utc_minutes
from energy_assets.market import DeliveryDay
from energy_assets.market.balancing import ReserveAuction


@dataclass(frozen=True)
class _Level:
    """Capacity price in EUR/MW/h at usual residual load, and its slope in logarithms.

    Attributes:
        price: At usual residual load.
        slope: Change of the log price per standard deviation of residual load.
        log_sd: Standard deviation of the log price around that.
    """

    price: float
    slope: float
    log_sd: float


_LEVELS: Mapping[str, _Level] = MappingProxyType(
    {
        "fcr": _Level(12.0, -0.1, 0.25),
        "afrr_up": _Level(9.0, 0.45, 0.35),
        "afrr_down": _Level(9.0, -0.5, 0.35),
        "mfrr_up": _Level(3.0, 0.6, 0.45),
        "mfrr_down": _Level(2.5, -0.7, 0.45),
    }
)
CONTRACTED_MW: Mapping[str, float] = MappingProxyType(
    {"fcr": 570.0, "afrr_up": 2000.0, "afrr_down": 2000.0, "mfrr_up": 1000.0, "mfrr_down": 700.0}
)
"""Reserve that the area's operators contract, by product."""
_DAY = 24.0
_SPECTRUM: Spectrum = ((20 * _DAY, 0.4), (5 * _DAY, 0.35), (8.0, 0.25))
_USUAL_MW, _USUAL_SD_MW = 30_000.0, 15_000.0
_EXTREME = 3.0
_PARTS = 4
_MARKET_ISSUE_BEFORE_GATE = timedelta(hours=1)


@dataclass(frozen=True)
class CapacityPrices:
    """Result of one product's auctions, one value per block.

    Attributes:
        starts: UTC minutes of the blocks' starts (N).
        minutes: Their lengths (N).
        published: UTC minutes at which each is out (N).
        is_paid_as_bid: Where awards are paid their own price (N).
        prices: EUR/MW/h by statistic (N): marginal, average and minimum award.
    """

    starts: Minutes
    minutes: Minutes
    published: Minutes
    is_paid_as_bid: NDArray[np.bool_]
    prices: dict[str, Values]


@dataclass(frozen=True)
class ReserveMarket:
    """Auctions of reserve capacity in the market area."""

    system: PowerSystem

    def capacity_prices(self, auction: ReserveAuction, days: list[DeliveryDay]) -> CapacityPrices:
        """Prices of every block of the days."""
        labels = [day.label for day in days]
        blocks = [auction.blocks(label) for label in labels]
        rules = [auction.rules(label) for label in labels]
        gates = [auction.gate_closure(label) for label in labels]

        def per_block(values: list[Any]) -> NDArray[Any]:
            return np.repeat(values, [len(bounds) for bounds in blocks])

        starts, ends = (
            np.array([utc_minutes(bounds[end]) for of_day in blocks for bounds in of_day])
            for end in (0, 1)
        )
        issue = per_block([utc_minutes(gate - _MARKET_ISSUE_BEFORE_GATE) for gate in gates])
        marginal = self._marginal(auction.name, starts, ends - starts, issue)
        tick = per_block([rule.price_tick for rule in rules])
        shares = self._shares_of_marginal(auction.name, starts)
        return CapacityPrices(
            starts=starts,
            minutes=ends - starts,
            published=per_block([utc_minutes(auction.publication(label)) for label in labels]),
            is_paid_as_bid=per_block([rule.pricing == "pay_as_bid" for rule in rules]),
            prices={
                statistic: on_ticks(marginal * share, tick, 0.0, np.inf)
                for statistic, share in shares.items()
            },
        )

    def _marginal(self, product: str, starts: Minutes, minutes: Minutes, issue: Minutes) -> Values:
        level = _LEVELS[product]
        # The middles of equal parts, so that blocks of three and five hours count like others.
        parts = 2 * np.arange(_PARTS, dtype=np.int64) + 1
        moments = (starts[:, None] + minutes[:, None] * parts // (2 * _PARTS)).ravel()
        residual = means_of(self.system.residual_load(moments, np.repeat(issue, _PARTS)), _PARTS)
        tightness = np.clip((residual - _USUAL_MW) / _USUAL_SD_MW, -_EXTREME, _EXTREME)
        key = key_of(self.system.weather.seed, "reserve", product)
        field = noise(key, starts + minutes // 2, _SPECTRUM)
        price: Values = level.price * np.exp(level.slope * tightness + level.log_sd * field)
        return price

    def _shares_of_marginal(self, product: str, starts: Minutes) -> dict[str, Values]:
        key = key_of(self.system.weather.seed, "reserve", product, "awards")
        draws = [uniforms(key, starts, np.full_like(starts, number)) for number in range(2)]
        return {
            "marginal": np.ones(len(starts)),
            "average": 0.75 + 0.2 * draws[0],
            "minimum": 0.2 + 0.5 * draws[1],
        }
