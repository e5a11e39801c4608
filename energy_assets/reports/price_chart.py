"""The price fan: nested quantile bands, median, naive benchmark and the clearing price.

Belongs here: this chart and its message. Not here: scores of the forecast (`day_report` tables).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any

import polars as pl

from energy_assets.errors import InputError
from energy_assets.reports import theme
from energy_assets.reports.day_inputs import DayReportInputs, resolution_of
from energy_assets.reports.page import Panel

BANDS = ((98, 0.01, 0.99, 0.16), (80, 0.10, 0.90, 0.24), (50, 0.25, 0.75, 0.36))
Quantiles = dict[float, list[float]]


def price_panel(inputs: DayReportInputs) -> Panel:
    """The fan chart of the day's price."""
    minutes = inputs.quantile_minutes
    quantiles = quantiles_by_level(inputs, minutes)
    traces = [
        inputs.axis.clock_trace(minutes, _middle(inputs, quantiles)),
        *_fan(inputs, quantiles, minutes),
    ]
    if inputs.naive_prices is not None:
        traces.append(_naive(inputs, inputs.naive_prices))
    if inputs.clearing_prices is not None:
        traces.append(_clearing(inputs, inputs.clearing_prices))
    figure = {
        "data": traces,
        "layout": theme.layout(
            400,
            hovermode="x unified",
            xaxis=inputs.axis.ticks(1, tickangle=0),
            yaxis=theme.axis(inputs.price_unit, zeroline=True),
        ),
    }
    note = f"Ticks are {inputs.day.clock} time; hover shows UTC too."
    if quantiles:
        bands = "Bands hold the middle 50, 80 and 98 % of the forecast distribution of each period."
        note = f"{bands} {note}"
    return Panel("price", "Price", _heading(inputs, quantiles, minutes), note, figure)


def quantiles_by_level(inputs: DayReportInputs, minutes: int) -> Quantiles:
    """Values per level in time order.

    Raises:
        InputError: If quantiles cross: a fan of them would lie; or if they are finer than the MTU.
    """
    frame = inputs.price_quantiles
    if minutes % inputs.day.mtu_minutes:
        expected = f"periods that hold whole {inputs.day.mtu_minutes}-min MTUs"
        raise InputError("price quantiles", expected=expected, found=f"{minutes} min")
    levels = frame["level"].unique().sort().to_list()
    quantiles = {
        round(level, 4): inputs.on_grid(frame.filter(pl.col("level") == level), "value", minutes)
        for level in levels
    }
    for (low, lower), (high, higher) in pairwise(quantiles.items()):
        for index, (below, above) in enumerate(zip(lower, higher, strict=True)):
            if below > above + 1e-9:
                start = inputs.day.grid(minutes)[index].isoformat()
                where = f"price quantiles {low:g} and {high:g}, MTU {start}"
                raise InputError(where, expected="not crossing", found=(below, above))
    return quantiles


def _middle(inputs: DayReportInputs, quantiles: Quantiles) -> float:
    if quantiles:
        return fmean(list(quantiles.values())[len(quantiles) // 2])
    return fmean(known_prices(inputs) or [0.0])


def known_prices(inputs: DayReportInputs) -> list[float]:
    """Prices known without a forecast: the outcome's and the naive benchmark's."""
    naive = [] if inputs.naive_prices is None else inputs.naive_prices["price"].to_list()
    return [*(inputs.clearing_prices or []), *naive]


def _fan(inputs: DayReportInputs, quantiles: Quantiles, minutes: int) -> list[dict[str, Any]]:
    edges = inputs.axis.edges(minutes)
    traces: list[dict[str, Any]] = []
    for share, low, high, opacity in BANDS:
        if low not in quantiles or high not in quantiles:
            continue
        shared = {"type": "scatter", "x": edges, "mode": "lines", "legendgroup": str(share)}
        hidden = {"width": 0, "shape": "hv"}
        lower, upper = stepped(quantiles[low]), stepped(quantiles[high])
        traces += [
            {**shared, "y": lower, "line": hidden, "showlegend": False, "hoverinfo": "skip"},
            {
                **shared,
                "y": upper,
                "line": hidden,
                "fill": "tonexty",
                "fillcolor": theme.faded(theme.BLUE, opacity),
                "name": f"middle {share} %",
                "customdata": lower,
                "hovertemplate": "%{customdata:.2f} to %{y:.2f} " + inputs.price_unit,
            },
        ]
    if 0.5 in quantiles:
        traces.append(
            _line(edges, stepped(quantiles[0.5]), "median", theme.BLUE, 2, inputs.price_unit)
        )
    return traces


def _naive(inputs: DayReportInputs, frame: pl.DataFrame) -> dict[str, Any]:
    minutes = resolution_of(frame)
    values = stepped(inputs.on_grid(frame, "price", minutes))
    edges = inputs.axis.edges(minutes)
    trace = _line(edges, values, "naive benchmark", theme.GREY, 1.3, inputs.price_unit)
    trace["line"]["dash"] = "dot"
    return trace


def _clearing(inputs: DayReportInputs, prices: list[float]) -> dict[str, Any]:
    edges = inputs.axis.edges(inputs.day.mtu_minutes)
    name, ink = "clearing price", theme.INK_COLOUR
    return _line(edges, stepped(prices), name, ink, 2.2, inputs.price_unit) | {"meta": theme.INK}


def _line(
    x: list[str], y: list[float], name: str, colour: str, width: float, unit: str
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "name": name,
        "line": {"color": colour, "width": width, "shape": "hv"},
        "hovertemplate": "%{y:.2f} " + unit,
    }


def stepped(values: Sequence[float]) -> list[float]:
    """Values for a line of steps over the day's edges: the last one holds to the end."""
    rounded = [round(value, 4) for value in values]
    return [*rounded, rounded[-1]]


def _heading(inputs: DayReportInputs, quantiles: Quantiles, minutes: int) -> str:
    unit = inputs.price_unit
    if not quantiles:
        return "There was no price forecast"
    if 0.5 not in quantiles:
        return "Day-ahead price"
    median = quantiles[0.5]
    expected = f"{theme.number(fmean(median), 1)} {unit}"
    clearing = inputs.clearing_prices
    if clearing is None:
        span = f"{theme.number(min(median), 1)} and {theme.number(max(median), 1)}"
        return f"The median price averages {expected}, between {span} over the day"
    message = f"Cleared at {theme.number(fmean(clearing), 1)} {unit} on average, "
    message += f"forecast median {theme.number(fmean(median), 1)}"
    if not {0.1, 0.9} <= quantiles.keys():
        return message
    repeat = minutes // inputs.day.mtu_minutes
    bands = [
        band for band in zip(quantiles[0.1], quantiles[0.9], strict=True) for _ in range(repeat)
    ]
    inside = sum(low <= price <= high for price, (low, high) in zip(clearing, bands, strict=True))
    return f"{message}; {inside} of {len(clearing)} MTUs inside the 80 % band"
