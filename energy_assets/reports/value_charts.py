"""Where the money came from: the value bridge, and imbalance by settlement period.

The bridge adds integer cents of `trading.settlement` and nothing else, so it agrees with the ledger
to the cent.

Belongs here: charts of settled cash. Not here: computing it (`trading.settlement`).
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import polars as pl

from energy_assets.reports import theme
from energy_assets.reports.day_inputs import DayReportInputs, resolution_of
from energy_assets.reports.page import Panel, table
from energy_assets.trading.ledger import amount_text, profit_cents, totals_cents

COMPONENT_NAMES = {
    "day_ahead": "Day-ahead",
    "intraday_auction": "Intraday auctions",
    "intraday": "Intraday trades",
    "reserve_capacity": "Reserve capacity",
    "reserve_energy": "Reserve energy",
    "imbalance": "Imbalance",
    "fuel_and_co2": "Fuel & CO2",
    "running": "Running",
    "start": "Starts",
    "wear": "Battery wear",
    "load_shift": "Load shifting",
}


def bridge_panel(inputs: DayReportInputs, settlement: pl.DataFrame) -> Panel:
    """The waterfall from day-ahead cash to profit."""
    totals = totals_cents(settlement)
    profit = profit_cents(settlement)
    currency = inputs.orders.currency
    names = [*(COMPONENT_NAMES[component] for component in totals), "Profit"]
    cents = [*totals.values(), profit]
    figure = {
        "data": [_waterfall(names, cents, currency)],
        "layout": theme.layout(
            400,
            showlegend=False,
            xaxis=theme.axis(),
            yaxis=theme.axis(currency, zeroline=True, tickformat=",.0f"),
            margin={"l": 60, "r": 70, "t": 30, "b": 28},
            **_expectation(inputs),
        ),
    }
    rows = [
        (name, f"{amount_text(value)} {currency}".replace("-", "−"))
        for name, value in zip(names, cents, strict=True)
    ]
    return Panel(
        "value",
        "Value",
        _bridge_heading(inputs, profit),
        "Cash received is positive. Sums of settlement rows, each rounded to the cent once.",
        figure,
        table(("Component", "Cash"), rows, 1),
        wide=False,
    )


def _waterfall(names: list[str], cents: list[int], currency: str) -> dict[str, Any]:
    return {
        "type": "waterfall",
        "x": names,
        "measure": ["relative"] * (len(names) - 1) + ["total"],
        "y": [value / 100 for value in cents],
        "text": [theme.number(value / 100) for value in cents],
        "textposition": "outside",
        "cliponaxis": False,
        "customdata": [amount_text(value) for value in cents],
        "hovertemplate": "%{x}: %{customdata} " + currency + "<extra></extra>",
        "connector": {"line": {"color": theme.AXIS, "width": 1}},
        "increasing": {"marker": {"color": theme.BLUE}},
        "decreasing": {"marker": {"color": theme.ORANGE}},
        "totals": {"marker": {"color": theme.GREEN}},
    }


def _expectation(inputs: DayReportInputs) -> dict[str, Any]:
    expected = inputs.run.expected_value
    if expected is None:
        return {}
    line = {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": expected,
        "y1": expected,
        "line": {"color": theme.PURPLE, "width": 1.5, "dash": "dot"},
    }
    label = {
        "xref": "paper",
        "x": 1,
        "xanchor": "left",
        "xshift": 4,
        "y": expected,
        "align": "left",
        "text": f"expected<br>{theme.number(expected)}",
        "showarrow": False,
        "font": {"color": theme.PURPLE, "size": 11},
    }
    return {"shapes": [line], "annotations": [label]}


def _bridge_heading(inputs: DayReportInputs, profit: int) -> str:
    currency = inputs.orders.currency
    verb = "earned" if profit >= 0 else "lost"
    text = f"The day {verb} {amount_text(abs(profit))} {currency}"
    expected = inputs.run.expected_value
    if expected is None:
        return text
    difference = profit / 100 - expected
    side = "more" if difference >= 0 else "less"
    return f"{text}, {theme.number(abs(difference))} {side} than expected"


def imbalance_panel(inputs: DayReportInputs, settlement: pl.DataFrame) -> Panel:
    """Imbalance volume and its cash by settlement period."""
    rows = settlement.filter(pl.col("component") == "imbalance").sort("period_start")
    minutes = resolution_of(rows)
    volumes = [round(value, 4) for value in inputs.on_grid(rows, "volume_mwh", minutes)]
    cents = [int(value) for value in inputs.on_grid(rows, "cash_cents", minutes)]
    prices = [round(value, 2) for value in inputs.on_grid(rows, "price", minutes)]
    figure = _imbalance_figure(inputs, minutes, volumes, prices, cents)
    note = "Metered minus position: blue is long, orange is short. Below: cash since the day began."
    heading = _imbalance_heading(volumes, sum(cents), settlement, inputs.orders.currency)
    body = _worst_periods(inputs, minutes, volumes, prices, cents)
    return Panel("imbalance", "Imbalance", heading, note, figure, body, wide=False)


def _imbalance_figure(
    inputs: DayReportInputs,
    minutes: int,
    volumes: list[float],
    prices: list[float],
    cents: list[int],
) -> dict[str, Any]:
    colours = [theme.BLUE if volume >= 0 else theme.ORANGE for volume in volumes]
    running = [total / 100 for total in accumulate(cents)]
    currency = inputs.orders.currency
    bars = {
        "type": "bar",
        "x": inputs.axis.starts(minutes),
        "y": volumes,
        "offset": 0,
        "width": minutes * 60_000,
        "marker": {"color": colours, "line": {"width": 0}},
        "customdata": [list(pair) for pair in zip(prices, map(amount_text, cents), strict=True)],
        "hovertemplate": "%{y:.2f} MWh at %{customdata[0]:.2f} "
        + f"{inputs.price_unit}: %{{customdata[1]}} {currency}<extra></extra>",
    }
    cash = {
        "type": "scatter",
        "mode": "lines",
        "x": inputs.axis.edges(minutes),
        "y": [0.0, *running],
        "yaxis": "y2",
        "line": {"color": theme.GREEN, "width": 2},
        "hovertemplate": "since the day's start: %{y:,.2f} " + currency + "<extra></extra>",
    }
    layout = _imbalance_layout(inputs)
    return {"data": [inputs.axis.clock_trace(minutes), bars, cash], "layout": layout}


def _imbalance_layout(inputs: DayReportInputs) -> dict[str, Any]:
    return theme.layout(
        400,
        showlegend=False,
        bargap=0,
        hovermode="x unified",
        xaxis=inputs.axis.ticks(3, anchor="y2"),
        yaxis=theme.axis("MWh", domain=[0.42, 1.0], zeroline=True),
        yaxis2=theme.axis(f"cash, {inputs.orders.currency}", domain=[0.0, 0.32], tickformat=",.0f"),
    )


def _imbalance_heading(
    volumes: list[float], cents: int, settlement: pl.DataFrame, currency: str
) -> str:
    volume = sum(map(abs, volumes))
    day_ahead = settlement.filter(pl.col("component") == "day_ahead")
    awarded = sum(map(abs, day_ahead["volume_mwh"].to_list()))
    share = f", {100 * volume / awarded:.1f} % of awards," if awarded else ""
    verb = "earned" if cents >= 0 else "cost"
    amount = amount_text(abs(cents))
    return f"Imbalance of {theme.number(volume, 1)} MWh{share} {verb} {amount} {currency}"


def _worst_periods(
    inputs: DayReportInputs,
    minutes: int,
    volumes: list[float],
    prices: list[float],
    cents: list[int],
) -> str:
    labels = inputs.axis.labels(minutes)
    worst = sorted(range(len(cents)), key=lambda index: (cents[index], index))[:5]
    rows = [
        (
            labels[index],
            theme.number(volumes[index], 2),
            theme.number(prices[index], 2),
            amount_text(cents[index]).replace("-", "−"),
        )
        for index in worst
    ]
    heads = ("Costliest periods (local)", "MWh", inputs.price_unit, inputs.orders.currency)
    return table(heads, rows, 1)
