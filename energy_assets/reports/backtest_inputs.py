"""What a backtest report is made of: the results tables, the summary and how it was run.

Belongs here: the inputs and the summary's shape. Not here: how value is attributed
(`backtesting`), charts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import polars as pl

from energy_assets.errors import InputError
from energy_assets.market import Area, load_area

STRATEGY_NAMES = {
    "stochastic": "Stochastic",
    "yesterday": "Yesterday's prices",
    "shape_28d": "28-day mean shape",
    "perfect_foresight": "Perfect foresight",
    "do_nothing": "Do nothing",
}
DAILY_UP_TO = 62


@dataclass(frozen=True)
class StrategySummary:
    """One strategy of the summary that `backtest --json` prints.

    Attributes:
        name: Strategy.
        profit: Profit of the range, currency.
        profit_per_day: Mean profit of a day.
        capture: Value over do-nothing as a share of perfect foresight's.
        capture_by_unit: The same per unit.
        imbalance_mwh: Sum of absolute imbalance.
        cvar95_per_day: Mean profit of the worst 5 % of days.
    """

    name: str
    profit: float
    profit_per_day: float
    capture: float | None
    capture_by_unit: Mapping[str, float | None]
    imbalance_mwh: float
    cvar95_per_day: float | None

    @property
    def label(self) -> str:
        """Name for people."""
        return STRATEGY_NAMES.get(self.name, self.name)

    @classmethod
    def all_of(cls, document: Mapping[str, Any]) -> tuple[StrategySummary, ...]:
        """The strategies of a summary document, the JSON contract of `backtest --json`."""
        names = cls.__dataclass_fields__.keys() - {"name"}
        return tuple(
            cls(name=name, **{key: value for key, value in fields.items() if key in names})
            for name, fields in document["strategies"].items()
        )


@dataclass(frozen=True)
class BacktestReportInputs:
    """Inputs of one report.

    Attributes:
        desk: Desk name.
        area_code: Market area.
        first: First delivery day.
        last: Last delivery day.
        strategies: The summary, in the order to show.
        days: Rows of `results.backtest_days`.
        unit_days: Rows of `results.backtest_unit_days`.
        scores: Rows of `forecasts.scores` of the range (target price), if any.
        parameters: Settings of the run, label to value.
        command: The command that makes the same backtest again.
        seconds: Wall seconds it took.
        main: The strategy the report is about.
        imbalance_limit: Share of awards above which the strategy counts as unreliable.
    """

    desk: str
    area_code: str
    first: date
    last: date
    strategies: tuple[StrategySummary, ...]
    days: pl.DataFrame
    unit_days: pl.DataFrame
    parameters: Mapping[str, str]
    command: str
    seconds: float
    scores: pl.DataFrame | None = None
    main: str = "stochastic"
    imbalance_limit: float = field(default=0.02)

    def __post_init__(self) -> None:
        known = [strategy.name for strategy in self.strategies]
        found = sorted(self.days["strategy"].unique().to_list())
        missing = sorted({self.main, *known} - set(found))
        if missing or self.main not in known:
            raise InputError("backtest_days", expected=f"strategies {known}", found=found)

    @cached_property
    def area(self) -> Area:
        """The market area."""
        return load_area(self.area_code)

    @property
    def currency(self) -> str:
        """Currency of profits."""
        return self.area.currency

    @property
    def bucket(self) -> tuple[str, str]:
        """Period that charts sum over and its date format: days up to two months, else months."""
        short = (self.last - self.first).days < DAILY_UP_TO
        return ("day", "%Y-%m-%d") if short else ("month", "%Y-%m")

    def summary(self, name: str) -> StrategySummary:
        """A strategy's summary."""
        return next(strategy for strategy in self.strategies if strategy.name == name)

    def of(self, name: str) -> pl.DataFrame:
        """A strategy's days in time order."""
        return self.days.filter(pl.col("strategy") == name).sort("delivery_day")
