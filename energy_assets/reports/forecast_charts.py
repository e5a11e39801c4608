"""Charts of the forecast report: errors by hour, level and month; calibration with its bands.

Belongs here: charts over all test days. Not here: single days (`forecast_fan`), tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from energy_assets.forecasting import scoring
from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.evaluation import ForecastEvaluation, ModelScores
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.reports import theme
from energy_assets.reports.forecast_tables import breakable, ordered
from energy_assets.reports.page import Panel

# More lines than this are there on a click in the legend.
_LINES_SHOWN = 6
_DAYS_BY_MONTH = 62
_BAND_NOTE = (
    "Shaded: where 90 % of calibrated forecasts lie with as many days, the hours of a day erring "
    "together as they did (consistency resampling)."
)


class ModelStyles:
    """Colour and dash of every model, the same in every chart.

    The main model is a heavy blue line; stages are dashed and what is only compared is dotted.
    """

    def __init__(self, evaluation: ForecastEvaluation, scores: Mapping[str, ModelScores]) -> None:
        self._names = ordered(evaluation)
        self._main = evaluation.main
        self._roles = {name: evaluation.models[name].role for name in self._names}
        errors = {name: np.nan_to_num(scores[name].mae, nan=np.inf) for name in self._names}
        best = sorted(self._names, key=lambda name: (name != self._main, errors[name]))
        self._shown = set(best[:_LINES_SHOWN])

    def line(self, name: str) -> dict[str, Any]:
        """Line settings of a model."""
        others = [colour for colour in theme.SERIES if colour != theme.BLUE]
        place = self._names.index(name)
        dashes = {"stage": "dash", "benchmark": "dot"}
        return {
            "color": theme.BLUE if name == self._main else others[(place - 1) % len(others)],
            "width": 2.8 if name == self._main else 1.5,
            "dash": dashes.get(self._roles[name], "solid"),
        }

    def trace(self, name: str, x: Sequence[Any], y: FloatArray, hover: str) -> dict[str, Any]:
        """A line of one model; beyond the best few it waits in the legend."""
        return {
            "type": "scatter",
            "mode": "lines",
            "x": list(x),
            "y": plotted(y),
            "name": escape(name),
            "line": self.line(name),
            "visible": True if name in self._shown else "legendonly",
            "hovertemplate": hover,
        }


def plotted(values: FloatArray, digits: int = 4) -> list[float | None]:
    """Numbers for a chart: rounded, None where there is none."""
    return [round(float(v), digits) if np.isfinite(v) else None for v in values]


def slot_labels(slots: int) -> list[str]:
    """Wall-clock starts of the slots of a day."""
    minutes = 1440 // slots
    return [f"{slot * minutes // 60:02d}:{slot * minutes % 60:02d}" for slot in range(slots)]


def hour_panels(evaluation: ForecastEvaluation, styles: ModelStyles) -> list[Panel]:
    """Mean absolute error and pinball loss by period of the day."""
    labels = slot_labels(evaluation.outcome.shape[1])
    every = [label for label in labels if label.endswith(":00") and int(label[:2]) % 3 == 0]
    ticks = {
        "title": "local hour",
        "type": "category",
        "tickvals": every,
        "ticktext": [label[:2] for label in every],
    }
    errors = {
        name: column_means(np.abs(evaluation.outcome - evaluation.models[name].path))
        for name in ordered(evaluation)
    }
    pinball = {
        name: column_means(scoring.pinball_cells(quantiles, evaluation.outcome, PERCENTILES))
        for name, quantiles in evaluation.probabilistic.items()
    }
    worst = errors[evaluation.main]
    hour = labels[int(np.nanargmax(worst))] if np.isfinite(worst).any() else "–"
    note = "By local start of the period. Lower is better."
    panels = []
    if pinball:
        heading = "Pinball loss by hour"
        figure = _figure(evaluation, styles, labels, pinball, ticks)
        panels.append(Panel("pinball_hour", "By hour", heading, note, figure, wide=False))
    heading = f"Absolute error by hour: {breakable(evaluation.main)} errs most at {hour}"
    figure = _figure(evaluation, styles, labels, errors, ticks)
    panels.append(Panel("mae_hour", "MAE by hour", heading, note, figure, wide=False))
    return panels


def level_panel(evaluation: ForecastEvaluation, styles: ModelStyles) -> Panel:
    """Pinball loss by probability level."""
    levels = [round(100 * float(level)) for level in PERCENTILES]
    losses = {
        name: scoring.pinball(quantiles, evaluation.outcome, PERCENTILES)
        for name, quantiles in evaluation.probabilistic.items()
    }
    axis = {"title": "level, %", "range": [0, 100]}
    figure = _figure(evaluation, styles, levels, losses, axis)
    note = "Mean over all hours. The mean over the levels is pinball99."
    return Panel("pinball_level", "By level", "Pinball loss by level", note, figure, wide=False)


def month_panel(evaluation: ForecastEvaluation, styles: ModelStyles) -> Panel:
    """Mean absolute error by month, by day on short ranges."""
    by_month = len(evaluation.days) > _DAYS_BY_MONTH
    labels = [f"{day:%Y-%m}" if by_month else f"{day:%Y-%m-%d}" for day in evaluation.days]
    buckets = list(dict.fromkeys(labels))
    rows = np.array([buckets.index(label) for label in labels])
    errors = {}
    for name in ordered(evaluation):
        cells = np.abs(evaluation.outcome - evaluation.models[name].path)
        errors[name] = np.array(
            [scoring.mae(cells[rows == b], 0.0 * cells[rows == b]) for b in range(len(buckets))]
        )
    figure = _figure(evaluation, styles, buckets, errors, {"type": "category", "nticks": 16})
    for trace in figure["data"]:
        trace["mode"] = "lines+markers"
    main = errors[evaluation.main]
    period = "month" if by_month else "day"
    heading = f"Absolute error by {period}"
    if np.isfinite(main).any():
        worst = int(np.nanargmax(main))
        amount = theme.number(float(main[worst]), 2, evaluation.unit)
        heading += f": the hardest was {buckets[worst]}, {breakable(evaluation.main)} {amount}"
    note = f"Mean of each {period}. Lower is better."
    return Panel("mae_month", "By month", heading, note, figure)


def coverage_panel(
    evaluation: ForecastEvaluation, scores: Mapping[str, ModelScores], styles: ModelStyles
) -> Panel:
    """How far each interval's coverage is from nominal, in percentage points."""
    traces = []
    for name in evaluation.probabilistic:
        shares = scores[name].coverage or {}
        trace = styles.trace(name, [], np.empty(0), "%{y:+.1f} pp")
        traces.append(
            {
                "type": "bar",
                "x": [f"{level} %" for level in shares],
                "y": plotted(np.array([100 * v - float(k) for k, v in shares.items()]), 2),
                "name": trace["name"],
                "visible": trace["visible"],
                "marker": {"color": trace["line"]["color"]},
                "hovertemplate": "%{x}: %{y:+.1f} pp<extra>" + trace["name"] + "</extra>",
            }
        )
    layout = theme.layout(
        340,
        barmode="group",
        bargap=0.3,
        showlegend=True,
        xaxis=theme.axis("nominal coverage", type="category"),
        yaxis=theme.axis("off nominal, pp", zeroline=True, zerolinewidth=2, tickformat="+.1f"),
    )
    main = scores[evaluation.main].coverage
    heading = "Coverage against nominal"
    if main:
        heading = (
            f"The 90 % interval of {breakable(evaluation.main)} covers {100 * main['90']:.1f} %"
        )
    note = "Below zero: too narrow. Central intervals of 50, 80, 90 and 98 %."
    figure = {"data": traces, "layout": layout}
    return Panel("coverage", "Coverage", heading, note, figure, wide=False)


def calibration_panels(evaluation: ForecastEvaluation, styles: ModelStyles) -> list[Panel]:
    """PIT histogram and reliability diagram, the main model's bands behind them."""
    quantiles = evaluation.probabilistic
    first = next(iter(quantiles))
    bands = scoring.consistency_bands(quantiles[first], evaluation.outcome, PERCENTILES)
    observed = {
        name: scoring.reliability(values, evaluation.outcome, PERCENTILES)
        for name, values in quantiles.items()
    }
    density = {
        name: scoring.pit_histogram(values, evaluation.outcome, PERCENTILES)
        for name, values in quantiles.items()
    }
    return [
        _reliability_panel(first, observed, bands.reliability, styles),
        _pit_panel(first, density, bands.histogram, styles),
    ]


def column_means(cells: FloatArray) -> FloatArray:
    """Mean of each column over its known cells; NaN where there is none."""
    return scoring.daily_mean(cells.T)


def _figure(
    evaluation: ForecastEvaluation,
    styles: ModelStyles,
    x: Sequence[Any],
    series: Mapping[str, FloatArray],
    axis: dict[str, Any],
) -> dict[str, Any]:
    hover = "%{y:.3f} " + escape(evaluation.unit)
    traces = [styles.trace(name, x, values, hover) for name, values in series.items()]
    layout = theme.layout(
        # The legend takes its room from the chart.
        340 + 9 * len(traces),
        hovermode="x unified",
        showlegend=True,
        xaxis=theme.axis(**axis),
        yaxis=theme.axis(escape(evaluation.unit), rangemode="tozero"),
    )
    return {"data": traces, "layout": layout}


def _band(
    x: Sequence[float], low: FloatArray, high: FloatArray, shape: str = "linear"
) -> list[dict[str, Any]]:
    line = {"width": 0, "shape": shape}
    shared = {"type": "scatter", "mode": "lines", "x": list(x), "line": line, "hoverinfo": "skip"}
    return [
        {**shared, "y": plotted(low), "showlegend": False},
        {
            **shared,
            "y": plotted(high),
            "fill": "tonexty",
            "fillcolor": theme.faded(theme.GREY, 0.28),
            "name": "by chance",
        },
    ]


def _reliability_panel(
    first: str, observed: Mapping[str, FloatArray], band: FloatArray, styles: ModelStyles
) -> Panel:
    percent = [round(100 * float(level)) for level in PERCENTILES]
    traces = _band(percent, *(100 * (edge - PERCENTILES) for edge in band))
    for name, shares in observed.items():
        deviation = 100 * (shares - PERCENTILES)
        traces.append(styles.trace(name, percent, deviation, "%{y:+.1f} pp"))
    layout = theme.layout(
        380,
        hovermode="x unified",
        showlegend=True,
        xaxis=theme.axis("nominal level, %", range=[0, 100]),
        yaxis=theme.axis("observed − nominal, pp", zeroline=True, zerolinewidth=2),
    )
    within = (band[0] <= observed[first]) & (observed[first] <= band[1])
    count = f"{int(within.sum())} of {len(within)} levels"
    heading = f"Reliability: {count} of {breakable(first)} within chance"
    note = "Share of outcomes below each quantile, minus its level; zero is calibrated. "
    figure = {"data": traces, "layout": layout}
    return Panel("reliability", "Reliability", heading, note + _BAND_NOTE, figure, wide=False)


def _pit_panel(
    first: str, density: Mapping[str, FloatArray], band: FloatArray, styles: ModelStyles
) -> Panel:
    bins = len(density[first])
    edges = [round(100 * i / bins, 2) for i in range(bins + 1)]
    steps = {name: np.append(values, values[-1]) for name, values in density.items()}
    main = styles.line(first)["color"]
    bars = {
        "type": "bar",
        "x": edges[:-1],
        "y": plotted(density[first]),
        "offset": 0,
        "width": 100 / bins,
        "name": escape(first),
        "marker": {"color": theme.faded(main, 0.55), "line": {"color": main, "width": 1}},
        "hovertemplate": "%{y:.2f}",
    }
    low, high = (np.append(edge, edge[-1]) for edge in band)
    traces: list[dict[str, Any]] = [bars, *_band(edges, low, high, "hv")]
    for name, values in steps.items():
        if name == first:
            continue
        trace = styles.trace(name, edges, values, "%{y:.2f}")
        trace["line"] = {**trace["line"], "shape": "hv"}
        traces.append({**trace, "visible": "legendonly"})
    layout = theme.layout(
        380,
        hovermode="x unified",
        showlegend=True,
        bargap=0,
        xaxis=theme.axis("rank of the outcome in its forecast, %", range=[0, 100]),
        yaxis=theme.axis("density", rangemode="tozero"),
    )
    within = (band[0] <= density[first]) & (density[first] <= band[1])
    heading = (
        f"PIT histogram: {int(within.sum())} of {bins} bins of {breakable(first)} within chance"
    )
    note = "Flat is calibrated, a cup too narrow, a hump too wide, a slope biased. "
    figure = {"data": traces, "layout": layout}
    return Panel("pit", "PIT", heading, note + _BAND_NOTE, figure, wide=False)
