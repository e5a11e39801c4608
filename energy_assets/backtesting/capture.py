"""Capture: how much of the value that flexibility could have earned a strategy earned.

capture = sum(profit - do nothing) / sum(perfect foresight - do nothing) over the range, in total
and per unit. A unit's profit is its energy at the day-ahead price less its own costs; what
imbalance costs or earns against that price belongs to the portfolio, or to the unit where the desk
has only one.

Belongs here: that formula and the tail of daily profits. Not here: how days are made (`replay`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from energy_assets.backtesting.strategies import DO_NOTHING, PERFECT
from energy_assets.bidding.model.risk import conditional_value_at_risk

TAIL_LEVEL = 0.95
# Profits are sums of cents: less than half of one is no value to capture.
_NO_VALUE = 0.005


@dataclass(frozen=True)
class StrategyValue:
    """Value of one strategy over a range.

    Attributes:
        profit: Sum, currency.
        profit_per_day: Mean, currency.
        capture: Share of the value of perfect foresight; NaN where that is none.
        capture_by_unit: The same per unit.
        imbalance_mwh: Sum of absolute imbalance.
        imbalance_share: That over the sum of absolute awarded energy.
        cvar95_per_day: Mean profit of the worst twentieth of days.
    """

    profit: float
    profit_per_day: float
    capture: float
    capture_by_unit: dict[str, float]
    imbalance_mwh: float
    imbalance_share: float
    cvar95_per_day: float


def capture_values(days: pl.DataFrame, unit_days: pl.DataFrame) -> dict[str, StrategyValue]:
    """Value of every strategy but do-nothing.

    Args:
        days: `strategy`, `delivery_day`, `profit`, `awarded_mwh`, `imbalance_mwh`.
        unit_days: `strategy`, `unit`, `delivery_day`, `profit`.
    """
    totals = dict(days.group_by("strategy").agg(pl.col("profit").sum()).iter_rows())
    by_unit = {
        (strategy, unit): profit
        for strategy, unit, profit in unit_days.group_by("strategy", "unit")
        .agg(pl.col("profit").sum())
        .iter_rows()
    }
    units = unit_days["unit"].unique().sort().to_list()
    names = days["strategy"].unique(maintain_order=True).to_list()
    return {
        name: _value(
            days.filter(pl.col("strategy") == name),
            _share(totals[name], totals[DO_NOTHING], totals[PERFECT]),
            {
                unit: _share(*(by_unit[s, unit] for s in (name, DO_NOTHING, PERFECT)))
                for unit in units
            },
        )
        for name in names
        if name != DO_NOTHING
    }


def _share(profit: float, nothing: float, perfect: float) -> float:
    available = perfect - nothing
    return (profit - nothing) / available if abs(available) >= _NO_VALUE else math.nan


def _value(rows: pl.DataFrame, capture: float, by_unit: dict[str, float]) -> StrategyValue:
    profits = rows["profit"].to_numpy()
    equal = np.full(len(profits), 1.0 / len(profits))
    awarded = float(rows["awarded_mwh"].sum())
    imbalance = float(rows["imbalance_mwh"].sum())
    return StrategyValue(
        profit=float(profits.sum()),
        profit_per_day=float(profits.mean()),
        capture=capture,
        capture_by_unit=by_unit,
        imbalance_mwh=imbalance,
        imbalance_share=imbalance / awarded if awarded else 0.0,
        cvar95_per_day=conditional_value_at_risk(profits, equal, TAIL_LEVEL),
    )
