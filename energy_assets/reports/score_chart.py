"""Forecast scores by month: one chart per metric, one line per model.

Belongs here: this chart. Not here: computing scores (`forecasting`).
"""

from __future__ import annotations

from html import escape
from typing import Any

import polars as pl

from energy_assets.reports import theme
from energy_assets.reports.page import Panel

_METRIC_NAMES = {"mae": "MAE", "pinball99": "Mean pinball loss (99 levels)"}
_SHORT_NAMES = {"mae": "MAE", "pinball99": "Pinball"}


def score_panels(scores: pl.DataFrame, unit: str) -> list[Panel]:
    """MAE and pinball by month; metrics without rows are left out.

    Args:
        scores: Rows of `forecasts.scores` of one target.
        unit: Unit of the target.
    """
    monthly = (
        scores.with_columns(pl.col("delivery_day").dt.strftime("%Y-%m").alias("label"))
        .group_by("metric", "model", "label")
        .agg(pl.col("value").mean())
        .sort("model", "label")
    )
    return [
        _panel(rows, metric, unit)
        for metric in ("mae", "pinball99")
        if len(rows := monthly.filter(pl.col("metric") == metric))
    ]


def _panel(rows: pl.DataFrame, metric: str, unit: str) -> Panel:
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": group["label"].to_list(),
            "y": [round(value, 4) for value in group["value"].to_list()],
            "name": escape(str(model)),
            "line": {"color": theme.SERIES[place % len(theme.SERIES)]},
            "hovertemplate": "%{y:.2f} " + unit,
        }
        for place, ((model,), group) in enumerate(rows.group_by("model", maintain_order=True))
    ]
    layout = theme.layout(
        340,
        hovermode="x unified",
        xaxis=theme.axis(type="category"),
        yaxis=theme.axis(unit, rangemode="tozero"),
    )
    name = _METRIC_NAMES[metric]
    means = dict(rows.group_by("model").agg(pl.col("value").mean()).sort("model").iter_rows())
    best = min(means, key=lambda model: means[model])
    heading = f"{name} by month: {best} is best with {theme.number(means[best], 2, unit)}"
    figure = {"data": traces, "layout": layout}
    note = "Mean over the days of each month; the heading averages months. Lower is better."
    return Panel(metric, _SHORT_NAMES[metric], heading, note, figure, wide=False)
