"""Synthetic balancing energy: its prices, and how much of the contracted reserve is called.

What the system lacks is called up, what it has too much is called down, and a little of both to
follow swings inside the quarter-hour: automatic reserve (aFRR) first, manual reserve (mFRR) for
what goes beyond it. Upward energy is worth the imbalance price when that lies above the cheapest
upward bid, downward energy when it lies below the dearest downward bid; so downward <= imbalance <=
upward price, and the side that balances the system sets the imbalance price. Frequency containment
reserve (FCR) follows the whole continent's frequency, in which this area has a part.

Not here: capacity prices (`reserves`), the system's balance (`imbalance`).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from energy_assets.feeds.reference_market.imbalance import QuarterHours
from energy_assets.feeds.reference_market.noise import Spectrum, Values, key_of, noise
from energy_assets.feeds.reference_market.price_ticks import within_rules
from energy_assets.feeds.reference_market.reserves import CONTRACTED_MW
from energy_assets.feeds.reference_market.time_axis import MIDPOINT
from energy_assets.market.balancing import BalancingEnergyRules
from energy_assets.market.facts import Fact

_DIRECTIONS = MappingProxyType({"up": 1.0, "down": -1.0})
_SWING_GW = 0.08
_SWING: Spectrum = ((6.0, 0.3), (0.5, 0.7))
# The first bid of the merit order lies this far from the day-ahead price.
_FIRST_BID_DISTANCE = 6.0
_FIRST_BID_LOG_SD = 0.4
_FIRST_BID: Spectrum = ((48.0, 0.5), (6.0, 0.5))
_FREQUENCY: Spectrum = ((2.0, 0.3), (0.5, 0.7))
_FCR_SHARE_SD = 0.09
_FCR_SHARE_PER_GW = 0.05


@dataclass(frozen=True)
class BalancingMarket:
    """Balancing energy of the market area for one seed."""

    seed: int

    def prices(
        self, direction: str, rules: Fact[BalancingEnergyRules], quarters: QuarterHours
    ) -> Values:
        """Price of upward or downward energy in EUR/MWh, one per quarter-hour."""
        sign = _DIRECTIONS[direction]
        field = self._noise(f"first_bid_{direction}", quarters, _FIRST_BID)
        distance = _FIRST_BID_DISTANCE * np.exp(_FIRST_BID_LOG_SD * field)
        first_bid = quarters.day_ahead + sign * distance
        outer = np.maximum if sign > 0 else np.minimum
        return within_rules(
            outer(quarters.imbalance, first_bid),
            [rules.on(day.label) for day in quarters.days],
            quarters.day_of,
        )

    def called_shares(self, quarters: QuarterHours) -> dict[str, Values]:
        """Share of each contracted product called per quarter-hour, FCR signed with up positive."""
        shares = {"fcr": self._fcr_share(quarters)}
        swing = _SWING_GW * np.abs(self._noise("swing", quarters, _SWING))
        for direction, sign in _DIRECTIONS.items():
            called_mw = 1000.0 * (np.maximum(sign * quarters.short_gw, 0.0) + swing)
            automatic, manual = f"afrr_{direction}", f"mfrr_{direction}"
            beyond = called_mw - CONTRACTED_MW[automatic]
            shares[automatic] = _share(called_mw / CONTRACTED_MW[automatic])
            shares[manual] = _share(beyond / CONTRACTED_MW[manual])
        return shares

    def _fcr_share(self, quarters: QuarterHours) -> Values:
        elsewhere = _FCR_SHARE_SD * self._noise("frequency", quarters, _FREQUENCY)
        return _share(elsewhere + _FCR_SHARE_PER_GW * quarters.short_gw, lowest=-1.0)

    def _noise(self, name: str, quarters: QuarterHours, spectrum: Spectrum) -> Values:
        return noise(key_of(self.seed, "balancing", name), quarters.starts + MIDPOINT, spectrum)


def _share(values: Values, lowest: float = 0.0) -> Values:
    share: Values = np.clip(values, lowest, 1.0)
    return share.round(4) + 0.0
