"""The daily decision replayed over a range, in day order, every strategy on the same days.

Each day is decided at its own decision time through `PointInTime`, cleared by the paper exchange
at the real price, scheduled and settled with the same functions as the daily jobs. Every strategy
carries its own plant state from day to day; the forecast of a day is made once and shared.

Not here: strategies (`strategies`), capture (`capture`), the results tables (`records`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from energy_assets.backtesting.capture import StrategyValue, capture_values
from energy_assets.backtesting.one_day import day_context, price_scores, settle_strategy
from energy_assets.backtesting.strategies import (
    DO_NOTHING,
    PERFECT,
    STRATEGIES,
    Strategy,
    do_nothing,
)
from energy_assets.bidding.desk_problem import StartStates
from energy_assets.errors import InputError
from energy_assets.forecasting.day_ahead import Forecaster
from energy_assets.forecasting.targets import TargetReader, target_names
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.portfolio import Desk
from energy_assets.quality.verdicts import system_series

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class BacktestResult:
    """A replayed range.

    Attributes:
        desk: Desk name.
        first: First delivery day.
        last: Last delivery day.
        seconds: Wall seconds.
        days: One row per strategy and day (columns of `results.backtest_days`).
        unit_days: One row per strategy, unit and day.
        scores: `delivery_day`, `mae`, `pinball99` of the price forecast.
        strategies: Value by strategy.
    """

    desk: str
    first: date
    last: date
    seconds: float
    days: pl.DataFrame
    unit_days: pl.DataFrame
    scores: pl.DataFrame
    strategies: dict[str, StrategyValue]


def replay(
    known: PointInTime,
    desk: Desk,
    first: date,
    last: date,
    *,
    strategies: Sequence[str] = tuple(STRATEGIES),
    forecaster: Forecaster | None = None,
    progress: Progress | None = None,
) -> BacktestResult:
    """Replay every day from first to last, both included.

    Args:
        known: Rows as of a time after the last settlement; each day decides as of its own time.
        desk: The desk.
        first: First delivery day.
        last: Last delivery day.
        strategies: Strategies wanted; perfect foresight and do-nothing always run.
        forecaster: Keeps member forecasts and trained models.
        progress: Told after each day.

    Raises:
        InputError: Unknown strategy, or no prices for a day of the range.
    """
    chosen = _chosen(strategies)
    started = time.perf_counter()
    forecaster = forecaster or Forecaster()
    preload(known, desk, first, last)
    states: dict[str, StartStates] = {name: {} for name in chosen}
    rows, unit_rows, scores = [], [], []
    count = (last - first).days + 1
    for number in range(count):
        context = day_context(known, desk, first + timedelta(days=number), forecaster)
        label = context.day.label
        scores.append((label, *price_scores(context)))
        for name, strategy in chosen.items():
            offer = strategy(context, states[name])
            outcome = settle_strategy(known, context, states[name], offer)
            states[name] = outcome.end_states
            rows.append(
                (
                    name,
                    label,
                    context.day.start,
                    outcome.profit,
                    outcome.awarded_mwh,
                    outcome.imbalance_mwh,
                )
            )
            unit_rows += [
                (name, unit, label, context.day.start, profit)
                for unit, profit in outcome.by_unit.items()
            ]
        if progress:
            progress("days", number + 1, count)
    days = pl.DataFrame(
        rows,
        orient="row",
        schema=[
            "strategy",
            "delivery_day",
            "period_start",
            "profit",
            "awarded_mwh",
            "imbalance_mwh",
        ],
    )
    unit_days = pl.DataFrame(
        unit_rows,
        orient="row",
        schema=["strategy", "unit", "delivery_day", "period_start", "profit"],
    )
    return BacktestResult(
        desk=desk.name,
        first=first,
        last=last,
        seconds=time.perf_counter() - started,
        days=days,
        unit_days=unit_days,
        scores=pl.DataFrame(scores, orient="row", schema=["delivery_day", "mae", "pinball99"]),
        strategies=capture_values(days, unit_days),
    )


def preload(known: PointInTime, desk: Desk, first: date, last: date) -> None:
    """Read the range's history once."""
    reader = TargetReader(known, desk, system_series(desk, last))
    for target in target_names(desk):
        reader.preload(target, first, last)


def _chosen(strategies: Sequence[str]) -> dict[str, Strategy]:
    for name in strategies:
        if name not in STRATEGIES:
            raise InputError("strategies", expected=f"some of {', '.join(STRATEGIES)}", found=name)
    wanted = [name for name in STRATEGIES if name in {*strategies, PERFECT}]
    return {DO_NOTHING: do_nothing, **{name: STRATEGIES[name] for name in wanted}}
