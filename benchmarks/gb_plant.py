"""The GB hybrid plant: scenarios of price, imbalance price and output as known at 09:50, by day.

Hornsea 1 and the solar of one region, offered half-hour by half-hour (as the HEFTcom competition
trades it; the auction itself sells hours). Quantiles are those of `gb_heftcom`; joint paths of the
day-ahead price, the spread of the imbalance price over it and the output by Gaussian copula on the
ranks known at the gate (84 days; imbalance and output two days back). The paths of the spread are
shifted to the mean of its quantiles: the sign of an expected spread of a few pounds must not be
that of sampling noise. Output is not curtailed: what a curtailment could know of the imbalance
price is not in the data.

Not here: strategies and figures (`bid_value`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from gb_heftcom import LAG_DAYS, PARTS, forecasts
from gb_market import SLOTS, Market

from energy_assets.bidding import BiddingProblem, make_problem
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.scenarios import joint_paths, pit
from energy_assets.market import load_area
from energy_assets.portfolio import ImbalanceTerms, Limits, WindUnit

TARGETS = ("day-ahead", "spread", "hybrid")
RANK_DAYS = 84
HOURS = 0.5
# The competition's largest trade, 1,800 MWh a half-hour.
RATING_MW = 3600.0
PLANT = "plant"


@dataclass(frozen=True)
class PlantDay:
    """One delivery day; S scenarios, T half-hours (46, 48 or 50).

    Attributes:
        label: The day.
        prices: Day-ahead (S, T), GBP/MWh.
        imbalance_prices: (S, T).
        output: (S, T) MW.
        median_price: Of the forecast (T,).
        median_output: Of the forecast (T,) MW.
        real_price: (T,).
        real_imbalance_price: (T,).
        real_output: (T,) MW.
    """

    label: date
    prices: np.ndarray
    imbalance_prices: np.ndarray
    output: np.ndarray
    median_price: np.ndarray
    median_output: np.ndarray
    real_price: np.ndarray
    real_imbalance_price: np.ndarray
    real_output: np.ndarray

    @property
    def is_whole(self) -> bool:
        """Whether everything that came true is known."""
        real = (self.real_price, self.real_imbalance_price, self.real_output)
        return all(bool(np.isfinite(values).all()) for values in real)

    def problem(self, risk_weight: float, limit_mw: float) -> BiddingProblem:
        """The bidding problem with the desk's limit on imbalance."""
        day = load_area("GB").session().delivery_day(self.label)
        return make_problem(
            f"GB plant {self.label}",
            start=day.start,
            mtu_minutes=30,
            units=[WindUnit(name=PLANT, capacity_mw=RATING_MW, curtailable=False)],
            prices=self.prices,
            long_prices=self.imbalance_prices,
            short_prices=self.imbalance_prices,
            availability={PLANT: self.output},
            imbalance=ImbalanceTerms(),
            rules=load_area("GB").session().curve_rules(self.label),
            limits=Limits(max_sale_mw=RATING_MW, max_purchase_mw=0, max_imbalance_mw=limit_mw),
            risk_weight=risk_weight,
            solver={"build": "twin"},
        )


def plant_days(count: int, scenarios: int, kept: Path) -> list[PlantDay]:
    """Days of 2023 with nothing missing, from the first one that has 84 days of ranks before it."""
    market = Market()
    first, last = (market.row_of(day) for day in PARTS["test"])
    rows = range(first, last + 1)
    quantiles = {
        target: market.on_rows(values, rows) for target, values in _kept(market, rows, kept).items()
    }
    outcomes = {target: market.by_slot(market.outcomes[target])[rows] for target in TARGETS}
    ranks = {target: pit(quantiles[target], outcomes[target], PERCENTILES) for target in TARGETS}
    days = []
    for number in range(RANK_DAYS + max(LAG_DAYS.values()), len(rows)):
        day = _day(market, rows, number, quantiles, ranks, scenarios)
        if day.is_whole:
            days.append(day)
        if len(days) == count:
            break
    return days


def _kept(market: Market, rows: range, file: Path) -> dict[str, np.ndarray]:
    """Quantiles by half-hour of every target, made once (four CPU minutes) and kept."""
    if not file.exists():
        made = {target: by["forecast"] for target, by in forecasts(market, rows).items()}
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(file, allow_pickle=False, **made)
    with np.load(file) as found:
        return {target: found[target] for target in TARGETS}


def _day(
    market: Market,
    rows: range,
    number: int,
    quantiles: dict[str, np.ndarray],
    ranks: dict[str, np.ndarray],
    scenarios: int,
) -> PlantDay:
    past = np.hstack([_known(ranks[target], number, LAG_DAYS[target]) for target in TARGETS])
    label = market.days[rows[number]]
    forecast = [quantiles[target][number] for target in TARGETS]
    lower = np.repeat([-np.inf, -np.inf, 0.0], SLOTS)
    paths = joint_paths(
        past, np.vstack(forecast), PERCENTILES, scenarios, label.toordinal(), lower=lower
    )
    price, spread, output = np.split(paths, 3, axis=1)
    spread = spread + forecast[1].mean(axis=1) - spread.mean(axis=0)
    cells = market.cells(range(rows[number], rows[number] + 1))
    slot = market.slot[cells]
    real = {name: values[cells] for name, values in market.outcomes.items()}
    return PlantDay(
        label,
        price[:, slot],
        (price + spread)[:, slot],
        np.minimum(output[:, slot] / HOURS, RATING_MW),
        forecast[0][slot, 49],
        forecast[2][slot, 49] / HOURS,
        real["day-ahead"],
        real["imbalance"],
        real["hybrid"] / HOURS,
    )


def _known(ranks: np.ndarray, number: int, lag: int) -> np.ndarray:
    """Ranks (84, 48) of the days before; later ones than the lag allows are missing."""
    past = ranks[number - RANK_DAYS : number].copy()
    if lag > 1:
        past[len(past) + 1 - lag :] = np.nan
    return past
