"""Dispatch: power by unit stacked over the day, the market position, stored energy below.

Before the award the expected plan is drawn, after it the schedules.

Belongs here: this chart and its message. Not here: metered deviations (`value_charts`).
"""

from __future__ import annotations

from html import escape
from typing import Any

import polars as pl

from energy_assets.reports import theme
from energy_assets.reports.day_inputs import DayReportInputs, resolution_of
from energy_assets.reports.page import Panel
from energy_assets.reports.price_chart import stepped

_KIND_ORDER = ("load", "thermal", "wind", "solar", "battery")


def dispatch_panel(inputs: DayReportInputs) -> Panel:
    """Power by unit, position against award and state of charge."""
    plan = inputs.dispatch_plan.filter(pl.col("rung") == inputs.run.rung)
    power, minutes = _power(inputs, plan)
    storage = _storage_traces(inputs, plan)
    traces = [
        inputs.axis.clock_trace(minutes),
        *(
            _bar(inputs, unit, values, minutes, place)
            for place, (unit, values) in enumerate(power.items())
        ),
        *_position_traces(inputs, plan),
        *storage,
    ]
    split = [0.36, 1.0] if storage else [0.0, 1.0]
    settings: dict[str, Any] = {
        "xaxis": inputs.axis.ticks(1, anchor="y2" if storage else "y", tickangle=0),
        "yaxis": theme.axis("MW", domain=split, zeroline=True),
    }
    if storage:
        settings["yaxis2"] = theme.axis("stored MWh", domain=[0.0, 0.27], rangemode="tozero")
    layout = theme.layout(
        540 if storage else 400, barmode="relative", bargap=0, hovermode="x unified", **settings
    )
    what = "Expected power over the scenarios" if inputs.schedules is None else "Scheduled power"
    note = f"{what}, injection positive and consumption negative; the lines are the net position."
    heading = _heading(power, minutes, inputs)
    return Panel("dispatch", "Dispatch", heading, note, {"data": traces, "layout": layout})


def _power(inputs: DayReportInputs, plan: pl.DataFrame) -> tuple[dict[str, list[float]], int]:
    if inputs.schedules is not None:
        frame, column = inputs.schedules, "power_mw"
    else:
        frame, column = plan.filter(pl.col("quantity") == "power"), "expected"
    if frame.is_empty():
        return {}, inputs.day.mtu_minutes
    minutes = resolution_of(frame)
    return {
        unit: inputs.on_grid(frame.filter(pl.col("unit") == unit), column, minutes)
        for unit in sorted(frame["unit"].unique().to_list(), key=_place(inputs))
    }, minutes


def _place(inputs: DayReportInputs) -> Any:
    def key(unit: str) -> tuple[int, str]:
        kind = inputs.unit_kinds.get(unit, "")
        return (_KIND_ORDER.index(kind) if kind in _KIND_ORDER else len(_KIND_ORDER), unit)

    return key


def _bar(
    inputs: DayReportInputs, unit: str, values: list[float], minutes: int, place: int
) -> dict[str, Any]:
    colour = theme.unit_colour(inputs.unit_kinds.get(unit, ""), place)
    return {
        "type": "bar",
        "x": inputs.axis.starts(minutes),
        "y": [round(value, 3) for value in values],
        "offset": 0,
        "width": minutes * 60_000,
        "name": escape(unit),
        "marker": {"color": theme.faded(colour, 0.85), "line": {"width": 0}},
        "hovertemplate": "%{y:.1f} MW",
    }


def _position_traces(inputs: DayReportInputs, plan: pl.DataFrame) -> list[dict[str, Any]]:
    traces = []
    position = plan.filter(pl.col("quantity") == "position")
    if not position.is_empty():
        minutes = resolution_of(position)
        values = stepped(inputs.on_grid(position, "expected", minutes))
        line = {"color": theme.PURPLE, "width": 2, "dash": "dot", "shape": "hv"}
        edges = inputs.axis.edges(minutes)
        traces.append(_step_line(edges, values, "expected position", line))
    if inputs.awards is not None:
        minutes = inputs.day.mtu_minutes
        values = stepped(inputs.on_grid(inputs.awards, "volume_mw", minutes))
        line = {"color": theme.INK_COLOUR, "width": 2.2, "shape": "hv"}
        award = _step_line(inputs.axis.edges(minutes), values, "award", line)
        traces.append(award | {"meta": theme.INK})
    return traces


def _step_line(x: list[str], y: list[float], name: str, line: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "name": name,
        "line": line,
        "hovertemplate": "%{y:.1f} MW",
    }


def _storage_traces(inputs: DayReportInputs, plan: pl.DataFrame) -> list[dict[str, Any]]:
    stored = plan.filter(pl.col("quantity") == "stored_energy")
    traces: list[dict[str, Any]] = []
    for unit in stored["unit"].unique().sort().to_list():
        rows = stored.filter(pl.col("unit") == unit)
        minutes = resolution_of(rows)
        low, middle, high = (
            [round(value, 3) for value in inputs.on_grid(rows, column, minutes)]
            for column in ("p05", "expected", "p95")
        )
        shared = {"type": "scatter", "mode": "lines", "x": inputs.axis.ends(minutes), "yaxis": "y2"}
        hidden = {"width": 0}
        name = escape(unit)
        traces += [
            {**shared, "y": low, "line": hidden, "showlegend": False, "hoverinfo": "skip"},
            {
                **shared,
                "y": high,
                "line": hidden,
                "fill": "tonexty",
                "fillcolor": theme.faded(theme.GREEN, 0.18),
                "name": f"{name}: stored, middle 90 %",
                "customdata": low,
                "hovertemplate": "%{customdata:.1f} to %{y:.1f} MWh",
            },
            {
                **shared,
                "y": middle,
                "name": f"{name}: stored, expected",
                "line": {"color": theme.GREEN, "width": 1.6, "dash": "dot"},
                "hovertemplate": "%{y:.1f} MWh",
            },
        ]
    return traces + _scheduled_storage(inputs)


def _scheduled_storage(inputs: DayReportInputs) -> list[dict[str, Any]]:
    if inputs.schedules is None:
        return []
    stored = inputs.schedules.filter(pl.col("stored_energy_mwh").is_not_null())
    traces = []
    for unit in stored["unit"].unique().sort().to_list():
        rows = stored.filter(pl.col("unit") == unit)
        minutes = resolution_of(rows)
        values = inputs.on_grid(rows, "stored_energy_mwh", minutes)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": inputs.axis.ends(minutes),
                "y": [round(value, 3) for value in values],
                "yaxis": "y2",
                "name": f"{escape(unit)}: stored, scheduled",
                "line": {"color": theme.GREEN, "width": 2.4},
                "hovertemplate": "%{y:.1f} MWh",
            }
        )
    return traces


def _heading(power: dict[str, list[float]], minutes: int, inputs: DayReportInputs) -> str:
    hours = minutes / 60
    batteries = [unit for unit in power if inputs.unit_kinds.get(unit) == "battery"]
    made = sum(value for values in power.values() for value in values if value > 0) * hours
    used = -sum(value for values in power.values() for value in values if value < 0) * hours
    verb = "Plan: units inject" if inputs.schedules is None else "Units are scheduled to inject"
    text = f"{verb} {theme.number(made, 0)} MWh and take {theme.number(used, 0)} MWh"
    if batteries:
        given = sum(v for unit in batteries for v in power[unit] if v > 0) * hours
        text += f"; storage discharges {theme.number(given, 1)} MWh"
    return text
