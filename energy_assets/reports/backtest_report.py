"""The report of one backtest: what was earned, against which bound, and how to run it again.

Belongs here: what stands on the page and in which order. Not here: single charts, the page's HTML.
"""

from __future__ import annotations

import polars as pl

from energy_assets.reports import theme
from energy_assets.reports.backtest_charts import (
    capture_panel,
    cumulative_panel,
    distribution_panel,
    imbalance_panel,
    imbalance_share,
    unit_panel,
    worst_days_panel,
)
from energy_assets.reports.backtest_inputs import BacktestReportInputs
from energy_assets.reports.page import (
    Card,
    Page,
    Panel,
    code_block,
    facts_table,
    render,
    table,
)
from energy_assets.reports.score_chart import score_panels


def backtest_report(inputs: BacktestReportInputs) -> str:
    """The report as one HTML document."""
    panels = [
        cumulative_panel(inputs),
        capture_panel(inputs),
        distribution_panel(inputs),
        unit_panel(inputs),
        imbalance_panel(inputs),
    ]
    if inputs.scores is not None and not inputs.scores.is_empty():
        prices = inputs.scores.filter(pl.col("target") == "price")
        panels += score_panels(prices, f"{inputs.currency}/MWh", inputs.bucket)
    panels += [_strategies_panel(inputs), worst_days_panel(inputs), _command_panel(inputs)]
    page = Page(
        title=f"Backtest · {inputs.first} to {inputs.last}",
        subtitle=f"Desk {inputs.desk} · {inputs.area.name} · {_day_count(inputs)} delivery days",
        badges=_badges(inputs),
        cards=_cards(inputs),
        panels=panels,
        footer="Every decision read only what was known at its decision time. "
        "This file fetches nothing.",
    )
    return render(page)


def _day_count(inputs: BacktestReportInputs) -> int:
    return len(inputs.of(inputs.main))


def _badges(inputs: BacktestReportInputs) -> list[tuple[str, str]]:
    badges = [(inputs.area.code, "plain")]
    if inputs.area.synthetic:
        # The architecture's rule: no value figure of the reference market is quoted as one.
        badges.insert(0, ("SYNTHETIC DATA · not a value figure", "warn"))
    if inputs.area.benchmark_only:
        badges.append(("real prices, benchmark area", "plain"))
    return badges


def _cards(inputs: BacktestReportInputs) -> list[Card]:
    main, currency = inputs.summary(inputs.main), inputs.currency
    share = imbalance_share(inputs)
    capture = "–" if main.capture is None else f"{100 * main.capture:.1f} %"
    reliable = share <= inputs.imbalance_limit
    return [
        Card("Capture", capture, "of perfect foresight over do nothing", "good"),
        Card("Profit", theme.number(main.profit, 0, currency), main.label),
        Card("Profit per day", theme.number(main.profit_per_day, 2, currency), "mean"),
        Card(
            "CVaR 95 per day", theme.number(main.cvar95_per_day, 2, currency), "worst 5 % of days"
        ),
        Card(
            "Imbalance", f"{100 * share:.2f} %", "of awarded energy", "good" if reliable else "bad"
        ),
        Card("Run time", theme.number(inputs.seconds, 0, "s"), f"{_day_count(inputs)} days"),
    ]


def _strategies_panel(inputs: BacktestReportInputs) -> Panel:
    rows = [
        (
            strategy.label,
            theme.number(strategy.profit, 2),
            theme.number(strategy.profit_per_day, 2),
            "–" if strategy.capture is None else f"{100 * strategy.capture:.2f} %",
            theme.number(strategy.cvar95_per_day, 2),
            theme.number(strategy.imbalance_mwh, 2),
        )
        for strategy in inputs.strategies
    ]
    heads = ("Strategy", "Profit", "Per day", "Capture", "CVaR 95 per day", "Imbalance MWh")
    note = f"Money in {inputs.currency}."
    return Panel("strategies", "Strategies", "All strategies", note, body=table(heads, rows, 1))


def _command_panel(inputs: BacktestReportInputs) -> Panel:
    return Panel(
        "command",
        "Reproduce",
        "How to run it again",
        "The same command on the same data gives the same figures.",
        body=code_block(inputs.command) + facts_table(inputs.parameters.items()),
    )
