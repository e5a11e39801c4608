"""Fan charts of chosen test days: the last week and the day with the greatest error.

Days are drawn on the wall clock with all their slots, as they were scored: a day of 23 or 25 hours
has as many slots as any other.

Belongs here: forecast against outcome, slot by slot. Not here: the day report's fan
(`price_chart`), which is drawn from tables in UTC.
"""

from __future__ import annotations

from datetime import timedelta
from html import escape
from typing import Any

import numpy as np

from energy_assets.forecasting import scoring
from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.evaluation import ForecastEvaluation
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.reports import theme
from energy_assets.reports.forecast_charts import plotted, slot_labels
from energy_assets.reports.page import Panel
from energy_assets.reports.price_chart import BANDS

_WEEK = 7
_DAY_MS = 86_400_000


def week_panel(evaluation: ForecastEvaluation) -> Panel:
    """The last seven test days."""
    count = min(_WEEK, len(evaluation.days))
    rows = slice(len(evaluation.days) - count, None)
    days = evaluation.days[rows]
    error = scoring.mae(evaluation.models[evaluation.main].path[rows], evaluation.outcome[rows])
    heading = f"The last {count} days: MAE {theme.number(error, 2, evaluation.unit)}"
    note = f"{evaluation.main}, {days[0]} to {days[-1]}, local time. {_inside(evaluation, rows)}"
    axis = theme.axis(
        # A fixed angle, or narrow charts are laid out again and again.
        type="date",
        tickformat="%a<br>%d",
        dtick=_DAY_MS,
        ticklabelmode="period",
        tickangle=0,
    )
    return Panel("week", "Last week", heading, note, _fan(evaluation, rows, axis))


def worst_day_panel(evaluation: ForecastEvaluation) -> Panel | None:
    """The day with the greatest mean absolute error; None where no day has one."""
    path = evaluation.models[evaluation.main].path
    errors = scoring.daily_loss(path, evaluation.outcome)
    if not np.isfinite(errors).any():
        return None
    row = int(np.nanargmax(errors))
    rows = slice(row, row + 1)
    day = evaluation.days[row]
    error = theme.number(float(errors[row]), 2, evaluation.unit)
    heading = f"The worst day was {day:%a %Y-%m-%d}: MAE {error}"
    usual = theme.number(float(np.nanmedian(errors)), 2)
    note = f"{evaluation.main}; the median day has {usual}. {_inside(evaluation, rows)}"
    axis = theme.axis("local hour", type="date", tickformat="%H", dtick=_DAY_MS // 8, tickangle=0)
    return Panel("worst", "Worst day", heading, note, _fan(evaluation, rows, axis))


def _inside(evaluation: ForecastEvaluation, rows: slice) -> str:
    quantiles = evaluation.models[evaluation.main].quantiles
    if quantiles is None:
        return ""
    hits = scoring.inside(quantiles[rows], evaluation.outcome[rows], PERCENTILES, 0.8)
    known = hits[np.isfinite(hits)]
    return f"{int(known.sum())} of {known.size} outcomes inside the 80 % band."


def _fan(evaluation: ForecastEvaluation, rows: slice, axis: dict[str, Any]) -> dict[str, Any]:
    model = evaluation.models[evaluation.main]
    labels = slot_labels(evaluation.outcome.shape[1])
    days = evaluation.days[rows]
    x = [f"{day} {label}" for day in days for label in labels]
    x.append(f"{days[-1] + timedelta(days=1)} 00:00")
    unit = escape(evaluation.unit)
    traces: list[dict[str, Any]] = []
    if model.quantiles is not None:
        traces += _bands(x, model.quantiles[rows], unit)
    traces += [
        _line(x, model.path[rows], "median", {"color": theme.BLUE, "width": 2}, unit),
        _line(x, evaluation.outcome[rows], "outcome", {"color": theme.INK_COLOUR, "width": 2}, unit)
        | {"meta": theme.INK},
    ]
    layout = theme.layout(
        400, hovermode="x unified", xaxis=axis, yaxis=theme.axis(unit, zeroline=True)
    )
    return {"data": traces, "layout": layout}


def _bands(x: list[str], quantiles: FloatArray, unit: str) -> list[dict[str, Any]]:
    traces: list[dict[str, Any]] = []
    for share, low, high, opacity in BANDS:
        lower, upper = (quantiles[..., round(100 * level) - 1] for level in (low, high))
        hidden = {"width": 0, "shape": "hv"}
        traces += [
            _line(x, lower, "", hidden, unit) | {"showlegend": False, "hoverinfo": "skip"},
            _line(x, upper, f"middle {share} %", hidden, unit)
            | {
                "fill": "tonexty",
                "fillcolor": theme.faded(theme.BLUE, opacity),
                "customdata": _stepped(lower),
                "hovertemplate": "%{customdata:.2f} to %{y:.2f} " + unit,
            },
        ]
        traces[-2].pop("hovertemplate")
    return traces


def _line(
    x: list[str], values: FloatArray, name: str, line: dict[str, Any], unit: str
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": _stepped(values),
        "name": name,
        "line": {"shape": "hv", **line},
        "hovertemplate": "%{y:.2f} " + unit,
    }


def _stepped(values: FloatArray) -> list[float | None]:
    """Values for a line of steps: the last one holds to the end of its slot."""
    flat = plotted(values.reshape(-1))
    return [*flat, flat[-1]]
