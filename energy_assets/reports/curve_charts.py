"""The desk's net supply: one picture of all curves, and each curve with its price.

Belongs here: the volume map and the curve viewer. Not here: how curves were made (`bidding`).
"""

from __future__ import annotations

from typing import Any

from energy_assets.market import CurveKind, CurveOrder
from energy_assets.reports import theme
from energy_assets.reports.day_inputs import DayReportInputs
from energy_assets.reports.page import Panel
from energy_assets.reports.price_chart import (
    Quantiles,
    known_prices,
    quantiles_by_level,
    stepped,
)

PRICE_ROWS = 72


def curve_panels(inputs: DayReportInputs) -> tuple[Panel, Panel]:
    """The map of volumes over price and time, and the viewer of single curves."""
    quantiles = quantiles_by_level(inputs, inputs.quantile_minutes)
    low, high = _price_range(inputs, quantiles)
    heading, flexible = _heading(inputs, low, high)
    what = "clearing price" if inputs.clearing_prices else "median forecast"
    line = f" Line: {what}." if inputs.clearing_prices or quantiles else ""
    volume_map = Panel(
        "curves",
        "Orders",
        heading,
        f"Net supply the orders give at each price, MW: blue sells, orange buys.{line}",
        _volume_map(inputs, quantiles, low, high),
        wide=False,
    )
    per_mtu = _bands_per_mtu(inputs, quantiles)
    viewer = Panel(
        "curve",
        "Curve",
        f"The curve of each MTU; {flexible} change with the price",
        "Slide through the day."
        + (" Shaded: middle 80 % of the price forecast of the MTU." if per_mtu else ""),
        _viewer(inputs, per_mtu, low, high),
        wide=False,
    )
    return volume_map, viewer


def _price_range(inputs: DayReportInputs, quantiles: Quantiles) -> tuple[float, float]:
    """Prices worth drawing: the forecast and the outcome, not the order limits."""
    known = [value for values in quantiles.values() for value in values]
    known += (inputs.clearing_prices or []) if known else known_prices(inputs) or [0.0, 100.0]
    low, high = min(known), max(known)
    margin = max(5.0, 0.06 * (high - low))
    return low - margin, high + margin


def _volume_at(curve: CurveOrder, price: float, inputs: DayReportInputs) -> float:
    rules = inputs.orders.rules
    ticks = curve.volume_ticks_at(price / rules.price_tick, rules.kind)
    return round(rules.volume_mw(ticks), 3)


def _heading(inputs: DayReportInputs, low: float, high: float) -> tuple[str, str]:
    volumes = [
        (_volume_at(curve, low, inputs), _volume_at(curve, high, inputs))
        for curve in inputs.orders.curves
    ]
    least, most = min(first for first, _ in volumes), max(last for _, last in volumes)
    flexible = sum(last > first for first, last in volumes)
    return (
        f"Orders run from {theme.number(least, 1)} to {theme.number(most, 1)} MW "
        f"over {len(volumes)} MTUs",
        f"{flexible} of {len(volumes)}",
    )


def _volume_map(
    inputs: DayReportInputs, quantiles: Quantiles, low: float, high: float
) -> dict[str, Any]:
    step = (high - low) / PRICE_ROWS
    prices = [low + step * (row + 0.5) for row in range(PRICE_ROWS)]
    curves = inputs.orders.curves
    volumes = [[_volume_at(curve, price, inputs) for curve in curves] for price in prices]
    largest = max(0.1, *(abs(volume) for row in volumes for volume in row))
    labels = inputs.axis.labels(inputs.day.mtu_minutes)
    heat = {
        "type": "heatmap",
        "x": inputs.axis.edges(inputs.day.mtu_minutes),
        "y": [round(low + step * row, 3) for row in range(PRICE_ROWS + 1)],
        "z": volumes,
        "zmin": -largest,
        "zmax": largest,
        "colorscale": [list(stop) for stop in theme.VOLUME_SCALE],
        "colorbar": {"title": {"text": "MW"}, "thickness": 12, "outlinewidth": 0},
        "customdata": [labels] * PRICE_ROWS,
        "hovertemplate": "%{customdata} local<br>at %{y:.1f} "
        + inputs.price_unit
        + "<br><b>%{z:.1f} MW</b><extra></extra>",
    }
    return {
        "data": [heat, _price_line(inputs, quantiles)],
        "layout": theme.layout(
            430,
            showlegend=False,
            xaxis=inputs.axis.ticks(3),
            yaxis=theme.axis(inputs.price_unit, range=[low, high]),
        ),
    }


def _price_line(inputs: DayReportInputs, quantiles: Quantiles) -> dict[str, Any]:
    if inputs.clearing_prices is not None:
        prices, minutes = inputs.clearing_prices, inputs.day.mtu_minutes
    else:
        prices, minutes = quantiles.get(0.5, []), inputs.quantile_minutes
    return {
        "type": "scatter",
        "mode": "lines",
        "x": inputs.axis.edges(minutes) if prices else [],
        "y": stepped(prices) if prices else [],
        "line": {"color": "#111827", "width": 2, "shape": "hv"},
        "hoverinfo": "skip",
    }


def _bands_per_mtu(inputs: DayReportInputs, quantiles: Quantiles) -> list[tuple[float, float]]:
    if not {0.1, 0.9} <= quantiles.keys():
        return []
    repeat = inputs.quantile_minutes // inputs.day.mtu_minutes
    pairs = zip(quantiles[0.1], quantiles[0.9], strict=True)
    return [pair for pair in pairs for _ in range(repeat)]


def _viewer(
    inputs: DayReportInputs, bands: list[tuple[float, float]], low: float, high: float
) -> dict[str, Any]:
    curves = inputs.orders.curves
    ends = [_volume_at(curve, price, inputs) for curve in curves for price in (low, high)]
    margin = max(1.0, 0.06 * (max(ends) - min(ends)))
    left, right = min(ends) - margin, max(ends) + margin
    frames = [
        _frame(inputs, curve, index, bands[index] if bands else None, (left, right))
        for index, curve in enumerate(curves)
    ]
    spans = [_volume_at(curve, high, inputs) - _volume_at(curve, low, inputs) for curve in curves]
    active = spans.index(max(spans))
    slider = {
        "active": active,
        "currentvalue": {"prefix": "MTU from ", "suffix": " local", "font": {"size": 13}},
        "pad": {"t": 46},
        "ticklen": 3,
        "bgcolor": theme.AXIS,
        "bordercolor": theme.AXIS,
        "activebgcolor": theme.BLUE,
        "font": {"size": 10},
        "steps": [
            {"label": label, "method": "restyle", "args": [frame, [0, 1, 2]]}
            for label, frame in zip(map(inputs.axis.label, inputs.day.starts), frames, strict=True)
        ],
    }
    return {
        "data": _viewer_traces(inputs, frames[active]),
        "layout": theme.layout(
            430,
            sliders=[slider],
            xaxis=theme.axis("net supply, MW (sale positive)", range=[left, right], zeroline=True),
            yaxis=theme.axis(inputs.price_unit, range=[low, high]),
        ),
    }


def _frame(
    inputs: DayReportInputs,
    curve: CurveOrder,
    index: int,
    band: tuple[float, float] | None,
    span: tuple[float, float],
) -> dict[str, list[list[float]]]:
    rules = inputs.orders.rules
    volumes = [round(rules.volume_mw(volume), 3) for _, volume in curve.points]
    prices = [round(rules.price(price), 4) for price, _ in curve.points]
    bottom, top = band or (0.0, 0.0)
    box_x = [span[0], span[1], span[1], span[0]] if band else []
    box_y = [round(value, 3) for value in (bottom, bottom, top, top)] if band else []
    clearing = inputs.clearing_prices
    mark_y = [clearing[index]] if clearing else []
    mark_x = [_volume_at(curve, clearing[index], inputs)] if clearing else []
    return {"x": [box_x, volumes, mark_x], "y": [box_y, prices, mark_y]}


def _viewer_traces(
    inputs: DayReportInputs, frame: dict[str, list[list[float]]]
) -> list[dict[str, Any]]:
    # Price stands upright, so a step curve first rises at its volume and then moves sideways.
    shape = "vh" if inputs.orders.rules.kind is CurveKind.STEP else "linear"
    (box_x, volumes, mark_x), (box_y, prices, mark_y) = frame["x"], frame["y"]
    hover = "%{x:.1f} MW at %{y:.2f} " + inputs.price_unit + "<extra></extra>"
    return [
        {
            **_xy(box_x, box_y),
            "mode": "lines",
            "fill": "toself",
            "fillcolor": theme.faded(theme.BLUE, 0.14),
            "line": {"width": 0},
            "name": "middle 80 % of price",
            "showlegend": bool(box_x),
            "hoverinfo": "skip",
        },
        {
            **_xy(volumes, prices),
            "mode": "lines+markers",
            "line": {"color": theme.BLUE, "width": 2.4, "shape": shape},
            "marker": {"size": 6, "color": theme.BLUE},
            "name": "net supply",
            "hovertemplate": hover,
        },
        {
            **_xy(mark_x, mark_y),
            "mode": "markers",
            "marker": {"size": 13, "symbol": "diamond", "color": theme.INK_COLOUR},
            "meta": theme.INK,
            "name": "clearing",
            "showlegend": bool(mark_x),
            "hovertemplate": "cleared: " + hover,
        },
    ]


def _xy(x: list[float], y: list[float]) -> dict[str, Any]:
    return {"type": "scatter", "x": x, "y": y}
