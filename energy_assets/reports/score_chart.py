"""Forecast scores by month (or day): one chart per metric, one line per model.

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


def score_panels(scores: pl.DataFrame, unit: str, bucket: tuple[str, str]) -> list[Panel]:
    """MAE and pinball by period; metrics without rows are left out.

    Args:
        scores: Rows of `forecasts.scores` of one target.
        unit: Unit of the target.
        bucket: Period and its date format.
    """
    return [
        _panel(rows, metric, unit, bucket)
        for metric in ("mae", "pinball99")
        if len(rows := scores.filter(pl.col("metric") == metric))
    ]


def _panel(scores: pl.DataFrame, metric: str, unit: str, bucket: tuple[str, str]) -> Panel:
    period, date_format = bucket
    rows = (
        scores.with_columns(pl.col("delivery_day").dt.strftime(date_format).alias("label"))
        .group_by("model", "label")
        .agg(pl.col("value").mean())
        .sort("model", "label")
    )
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
    means = dict(scores.group_by("model").agg(pl.col("value").mean()).sort("model").iter_rows())
    best = min(means, key=lambda model: means[model])
    praise = "is best with" if len(means) > 1 else "averages"
    heading = f"{name} by {period}: {best} {praise} {theme.number(means[best], 2, unit)}"
    figure = {"data": traces, "layout": layout}
    note = f"Mean of each {period}; the heading's is that of all days. Lower is better."
    return Panel(metric, _SHORT_NAMES[metric], heading, note, figure, wide=False)
