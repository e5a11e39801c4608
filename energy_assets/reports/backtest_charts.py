"""Charts of a backtest's value: cumulative profit, capture, spread of days, units, imbalance.

Belongs here: charts of the results tables. Not here: forecast scores (`score_chart`), capture's
definition (`backtesting`).
"""

from __future__ import annotations

from html import escape
from typing import Any

import polars as pl

from energy_assets.reports import theme
from energy_assets.reports.backtest_inputs import BacktestReportInputs, StrategySummary
from energy_assets.reports.page import Panel, table

_COLOURS = {
    "stochastic": theme.BLUE,
    "yesterday": theme.ORANGE,
    "shape_28d": theme.PURPLE,
    "perfect_foresight": theme.GREEN,
    "do_nothing": theme.GREY,
}

_A_DAY_MS = 86_400_000


def colour_of(name: str, place: int) -> str:
    """Colour of a strategy, the same in every chart."""
    return _COLOURS.get(name, theme.SERIES[place % len(theme.SERIES)])


def cumulative_panel(inputs: BacktestReportInputs) -> Panel:
    """Profit since the first day, per strategy."""
    traces = []
    for place, strategy in enumerate(inputs.strategies):
        days = inputs.of(strategy.name)
        bound = strategy.name == "perfect_foresight"
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": [str(day) for day in days["delivery_day"].to_list()],
                "y": [round(value, 2) for value in days["profit"].cum_sum().to_list()],
                "name": escape(strategy.label),
                "line": {
                    "color": colour_of(strategy.name, place),
                    "width": 2.6 if strategy.name == inputs.main else 1.6,
                    "dash": "dash" if bound else "solid",
                },
                "hovertemplate": "%{y:,.0f} " + inputs.currency,
            }
        )
    few: dict[str, Any] = (
        {"dtick": _A_DAY_MS, "tickformat": "%d %b"} if len(inputs.of(inputs.main)) <= 14 else {}
    )
    settings = {
        "hovermode": "x unified",
        "xaxis": theme.axis(type="date", hoverformat="%a %d %b %Y", **few),
        "yaxis": theme.axis(inputs.currency, tickformat=",.0f", zeroline=True),
    }
    main = inputs.summary(inputs.main)
    heading = (
        f"{main.label} earned {theme.number(main.profit, 0, inputs.currency)}, "
        f"{theme.number(main.profit_per_day, 2)} a day"
    )
    note = "Cumulative profit. Perfect foresight is the bound, not a strategy anyone could trade."
    figure = {"data": traces, "layout": theme.layout(400, **settings)}
    return Panel("profit", "Profit", heading, note, figure)


def capture_panel(inputs: BacktestReportInputs) -> Panel:
    """Capture per strategy, whole portfolio and each unit."""
    shown = [strategy for strategy in inputs.strategies if strategy.capture is not None]
    units = sorted({unit for strategy in shown for unit in strategy.capture_by_unit})
    groups: list[tuple[str, list[float | None], str]] = [
        ("portfolio", [strategy.capture for strategy in shown], theme.BLUE)
    ]
    if len(units) > 1:  # A lone unit is the portfolio.
        groups += [
            (
                unit,
                [strategy.capture_by_unit.get(unit) for strategy in shown],
                theme.SERIES[(place + 1) % len(theme.SERIES)],
            )
            for place, unit in enumerate(units)
        ]
    traces = [_capture_bars(shown, *group) for group in groups]
    layout = theme.layout(
        380,
        barmode="group",
        bargap=0.3,
        xaxis=theme.axis(),
        yaxis=theme.axis("capture", tickformat=".0%", zeroline=True),
    )
    heading = _capture_heading(inputs, shown)
    note = (
        "Sum of (profit − do nothing) as a share of the same sum under perfect foresight, "
        "over the whole range."
    )
    return Panel(
        "capture", "Capture", heading, note, {"data": traces, "layout": layout}, wide=False
    )


def _capture_bars(
    shown: list[StrategySummary], name: str, shares: list[float | None], colour: str
) -> dict[str, Any]:
    return {
        "type": "bar",
        "name": escape(name),
        "x": [escape(strategy.label) for strategy in shown],
        "y": shares,
        "text": ["" if share is None else f"{100 * share:.0f} %" for share in shares],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": colour},
        "hovertemplate": "%{x}: %{y:.1%}<extra>" + escape(name) + "</extra>",
    }


def _capture_heading(inputs: BacktestReportInputs, shown: list[StrategySummary]) -> str:
    main = inputs.summary(inputs.main)
    if main.capture is None:
        return "Capture is not defined on this range: perfect foresight earns nothing extra"
    text = f"{main.label} captures {100 * main.capture:.1f} % of the possible value"
    others = {s.label: s.capture for s in shown if s.name in ("yesterday", "shape_28d")}
    rival = max(others, key=lambda label: others[label] or 0.0, default=None)
    return f"{text}; {rival} {100 * (others[rival] or 0.0):.1f} %" if rival else text


def distribution_panel(inputs: BacktestReportInputs) -> Panel:
    """How daily profit spreads, per strategy."""
    traces = [
        {
            "type": "box",
            "x": [round(value, 2) for value in inputs.of(strategy.name)["profit"].to_list()],
            "name": escape(strategy.label),
            "boxmean": True,
            "boxpoints": "outliers",
            "line": {"color": colour_of(strategy.name, place), "width": 1.6},
            "marker": {"size": 4, "color": colour_of(strategy.name, place)},
            "hovertemplate": "%{x:,.0f} " + inputs.currency + "<extra></extra>",
        }
        for place, strategy in reversed(list(enumerate(inputs.strategies)))
    ]
    layout = theme.layout(
        380,
        showlegend=False,
        xaxis=theme.axis(f"profit of a day, {inputs.currency}", tickformat=",.0f", zeroline=True),
        yaxis=theme.axis(),
    )
    losing = int((inputs.of(inputs.main)["profit"] < 0).sum())
    main = inputs.summary(inputs.main)
    heading = f"{losing} losing days; the worst 5 % average "
    heading += theme.number(main.cvar95_per_day, 0, inputs.currency)
    return Panel(
        "spread",
        "Spread",
        heading,
        "Box: middle half of the days, line the median, dashed line the mean.",
        {"data": traces, "layout": layout},
        wide=False,
    )


def unit_panel(inputs: BacktestReportInputs) -> Panel:
    """Profit of the main strategy by unit and month (day on short ranges)."""
    period, date_format = inputs.bucket
    rows = (
        inputs.unit_days.filter(pl.col("strategy") == inputs.main)
        .with_columns(pl.col("delivery_day").dt.strftime(date_format).alias("label"))
        .group_by("unit", "label")
        .agg(pl.col("profit").sum())
        .sort("unit", "label")
    )
    traces = []
    for place, ((unit,), group) in enumerate(rows.group_by("unit", maintain_order=True)):
        traces.append(
            {
                "type": "bar",
                "x": group["label"].to_list(),
                "y": [round(value, 2) for value in group["profit"].to_list()],
                "name": escape(str(unit)),
                "marker": {"color": theme.SERIES[place % len(theme.SERIES)]},
                "hovertemplate": "%{y:,.0f} " + inputs.currency,
            }
        )
    totals = dict(rows.group_by("unit").agg(pl.col("profit").sum()).sort("unit").iter_rows())
    heading = f"Profit by unit and {period}"
    if totals:
        best = max(totals, key=lambda unit: totals[unit])
        total = theme.number(sum(totals.values()), 0, inputs.currency)
        heading = f"{best} brings {theme.number(totals[best], 0)} of {total}"
    layout = theme.layout(
        340,
        barmode="relative",
        bargap=0.35,
        hovermode="x unified",
        xaxis=theme.axis(type="category"),
        yaxis=theme.axis(inputs.currency, tickformat=",.0f", zeroline=True),
    )
    note = f"{inputs.summary(inputs.main).label}, profit attributed to each unit, by {period}."
    return Panel("units", "Units", heading, note, {"data": traces, "layout": layout}, wide=False)


def imbalance_panel(inputs: BacktestReportInputs) -> Panel:
    """Imbalance as a share of awards, by month (day on short ranges)."""
    period, date_format = inputs.bucket
    shares = (
        inputs.days.with_columns(pl.col("delivery_day").dt.strftime(date_format).alias("label"))
        .group_by("strategy", "label")
        .agg(pl.col("imbalance_mwh").sum(), pl.col("awarded_mwh").sum())
        .filter(pl.col("awarded_mwh") > 0)
        .with_columns((pl.col("imbalance_mwh") / pl.col("awarded_mwh")).alias("share"))
        .sort("label")
    )
    traces: list[dict[str, Any]] = []
    for place, strategy in enumerate(inputs.strategies):
        rows = shares.filter(pl.col("strategy") == strategy.name)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": rows["label"].to_list(),
                "y": [round(value, 6) for value in rows["share"].to_list()],
                "name": escape(strategy.label),
                "line": {"color": colour_of(strategy.name, place)},
                "hovertemplate": "%{y:.2%}",
            }
        )
    limit = inputs.imbalance_limit
    layout = theme.layout(
        340,
        hovermode="x unified",
        xaxis=theme.axis(type="category"),
        yaxis=theme.axis("imbalance / awards", tickformat=".1%", rangemode="tozero"),
        shapes=[_limit_line(limit)],
    )
    share = imbalance_share(inputs)
    side = "within" if share <= limit else "above"
    heading = f"Imbalance is {100 * share:.2f} % of awards, {side} the limit of {100 * limit:g} %"
    note = f"Sum of absolute imbalance over sum of absolute awards, by {period}. Dotted: the limit."
    return Panel(
        "imbalance", "Imbalance", heading, note, {"data": traces, "layout": layout}, wide=False
    )


def imbalance_share(inputs: BacktestReportInputs) -> float:
    """The main strategy's imbalance as a share of its awards over the range."""
    days = inputs.of(inputs.main)
    awarded = float(days["awarded_mwh"].sum())
    return float(days["imbalance_mwh"].sum()) / awarded if awarded else 0.0


def _limit_line(limit: float) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": limit,
        "y1": limit,
        "line": {"color": theme.VERMILLION, "width": 1.5, "dash": "dot"},
    }


def worst_days_panel(inputs: BacktestReportInputs, count: int = 10) -> Panel:
    """The days on which the main strategy earned least, beside the others."""
    wide = inputs.days.pivot("strategy", index="delivery_day", values="profit")
    worst = wide.sort(inputs.main, "delivery_day").head(count)
    names = [strategy.name for strategy in inputs.strategies]
    rows = []
    for row in worst.iter_rows(named=True):
        cells = [theme.number(row[name], 2) for name in names]
        if "perfect_foresight" in names:
            cells.append(theme.number(row[inputs.main] - row["perfect_foresight"], 2))
        rows.append((f"{row['delivery_day']:%a %Y-%m-%d}", *cells))
    heads = ["Delivery day", *(strategy.label for strategy in inputs.strategies)]
    if "perfect_foresight" in names:
        heads.append("Short of the bound")
    first = rows[0][0] if rows else "–"
    return Panel(
        "worst",
        "Worst days",
        f"The worst day was {first}",
        f"The {len(rows)} lowest daily profits of the main strategy, {inputs.currency}.",
        body=table(heads, rows, 1),
    )
