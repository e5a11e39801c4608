"""Tables of the forecast report: scores, intervals, p-value matrices, kinds of hours, ablation.

Belongs here: tables as panels, with the best figure of a column marked. Not here: the figures
themselves (`forecasting.evaluation`), charts (`forecast_charts`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

import numpy as np

from energy_assets.forecasting import scoring
from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.evaluation import (
    ForecastEvaluation,
    ModelScores,
    path_losses,
    pinball_losses,
    regimes,
)
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.reports import theme
from energy_assets.reports.page import Panel, table

_ROLES = ("ensemble", "stage", "member", "benchmark")
# p-value below, paper, text: blue is significant, orange nearly, the rest is left plain.
_CLASSES = ((0.01, "#08519C", "#fff"), (0.05, "#67A9CF", "#0b1a2a"), (0.1, "#F6C56B", "#2b1d00"))
# What a panel of half the page leaves to a matrix.
_HALF_PANEL_PIXELS = 600
_PLAIN = "background:transparent;color:var(--soft)"


def ordered(evaluation: ForecastEvaluation) -> list[str]:
    """Model names: the main one, then ensembles, stages, members and what is only compared."""
    models = evaluation.models
    return sorted(models, key=lambda n: (n != evaluation.main, _ROLES.index(models[n].role)))


def breakable(name: str) -> str:
    """A model name that a narrow screen may break after its underscores."""
    return name.replace("_", "_\u200b")


def scores_panel(evaluation: ForecastEvaluation, scores: Mapping[str, ModelScores]) -> Panel:
    """Every model's scores; the best of each column is marked."""
    names = ordered(evaluation)
    columns: list[tuple[str, Callable[[ModelScores], float | None], int]] = [
        ("MAE", lambda s: s.mae, 3),
        ("RMSE", lambda s: s.rmse, 3),
        ("rMAE weekly", lambda s: s.rmae_weekly, 3),
        ("rMAE std", lambda s: s.rmae_std, 3),
        ("pinball99", lambda s: s.pinball99, 3),
        ("CRPS", lambda s: s.crps, 3),
    ]
    marked = {
        head: _marked([value(scores[name]) for name in names], digits)
        for head, value, digits in columns
    }
    rows = []
    for place, name in enumerate(names):
        found, model = scores[name], evaluation.models[name]
        hours = (
            None if found.dm_hours is None else f"{found.dm_hours}/{evaluation.outcome.shape[1]}"
        )
        rows.append(
            [
                escape(name),
                *(marked[head][place] for head, _, _ in columns),
                p_text(found.dm_p),
                p_text(found.gw_p),
                hours or "–",
                str(found.missing_days or "–"),
                theme.number(model.seconds, 3),
                escape(model.role),
            ]
        )
    heads = ["Model", *marked, "p DM", "p GW", "hours", "days missing", "CPU s/day", "Kind"]
    best = min(names, key=lambda name: _sortable(scores[name].mae))
    mine = scores[evaluation.main].mae
    heading = f"{breakable(evaluation.main)} has the least error, MAE {theme.number(mine, 3)}"
    if best != evaluation.main:
        heading = f"{breakable(best)} has the least error, MAE {theme.number(scores[best].mae, 3)}"
        heading += f"; {breakable(evaluation.main)} {theme.number(mine, 3)}"
    note = (
        f"{evaluation.unit}; marked: best of the column. MAE is of the median, RMSE of the mean; "
        "rMAE is MAE over that of a naive forecast (a week before; or the day before from Tuesday "
        "to Friday). pinball99 is the mean over 99 percentiles, CRPS twice that. p: one-sided, "
        f"small where {evaluation.main} is better; hours: periods of the day where it is at 5 %."
    )
    return Panel("scores", "Scores", heading, note, body=html_table(heads, rows, 1))


def interval_panel(evaluation: ForecastEvaluation, scores: Mapping[str, ModelScores]) -> Panel:
    """Coverage, width, interval score and the tests of coverage, per model and interval."""
    slots = evaluation.outcome.shape[1]
    rows = []
    for name in evaluation.probabilistic:
        found = scores[name]
        tests = (found.kupiec_hours, found.independence_hours, found.christoffersen_hours)
        for level, share in (found.coverage or {}).items():
            rows.append(
                [
                    escape(name),
                    f"{level} %",
                    percent(share),
                    theme.number(100 * share - float(level), 1),
                    *(
                        theme.number((each or {})[level], 2)
                        for each in (found.width, found.winkler)
                    ),
                    *(f"{(passing or {})[level]}/{slots}" for passing in tests),
                ]
            )
    heads = ["Model", "Interval", "Covers", "off, pp", "Width", "Winkler", "Kupiec"]
    heads += ["Independence", "Christoffersen"]
    note = (
        "Tests: periods of the day that pass at 5 %. Kupiec: right share of outcomes inside; "
        "independence: misses do not follow misses of the day before; Christoffersen: both at "
        f"once. Width and Winkler score in {evaluation.unit}, less is better."
    )
    heading = "Intervals: coverage, width and the hours that pass their tests"
    return Panel("intervals", "Intervals", heading, note, body=html_table(heads, rows, 1))


def error_boards(evaluation: ForecastEvaluation) -> list[Panel]:
    """Chessboards of p-values on the daily absolute error: Diebold-Mariano, Giacomini-White."""
    losses = path_losses(evaluation)
    series = {name: losses[name] for name in ordered(evaluation)}
    if len(series) < 2:
        return []
    return [
        _board("dm", "DM", "Diebold-Mariano, daily absolute error", series),
        _board("gw", "GW", "Giacomini-White, daily absolute error", series),
    ]


def pinball_boards(evaluation: ForecastEvaluation) -> list[Panel]:
    """The same on the daily pinball loss, of models with quantiles: Diebold-Mariano."""
    losses = pinball_losses(evaluation)
    series = {name: losses[name] for name in ordered(evaluation) if name in losses}
    if len(series) < 2:
        return []
    return [_board("dm_pinball", "DM pinball", "Diebold-Mariano, daily pinball loss", series)]


def _board(anchor: str, name: str, heading: str, losses: Mapping[str, FloatArray]) -> Panel:
    test = scoring.giacomini_white if anchor == "gw" else scoring.diebold_mariano
    pixels = 52 * len(losses) + 8 * max(map(len, losses))
    wide = pixels > _HALF_PANEL_PIXELS
    return Panel(anchor, name, heading, _CHESS_NOTE, body=chessboard(losses, test), wide=wide)


_CHESS_NOTE = (
    "p-value that the column's model is no better than the row's: a small one says that it is. "
    "Columns carry the rows' numbers."
)


def label_style(labels: Sequence[str]) -> str:
    """Style of a first column: stays when scrolled sideways, wraps names on a narrow screen."""
    longest = max(map(len, labels), default=0)
    return (
        "position:sticky;left:0;background:var(--panel);padding-right:10px;"
        f"overflow-wrap:anywhere;min-width:min(40vw,{longest}ch)"
    )


def chessboard(losses: Mapping[str, FloatArray], test: scoring.PairTest) -> str:
    """A matrix of p-values as a table; names stand in the rows, their numbers over the columns."""
    names = list(losses)
    style = label_style([f"{len(names)} · {name}" for name in names])
    matrix = scoring.p_value_matrix(losses, test)
    head = "".join(
        f'<th style="text-align:center" title="{escape(name)}">{number + 1}</th>'
        for number, name in enumerate(names)
    )
    body = ""
    for row, name in enumerate(names):
        label = f"{row + 1} · {escape(name)}"
        cells = "".join(
            _p_cell(matrix[row, column], f"{names[column]} better than {name}", row == column)
            for column in range(len(names))
        )
        body += f'<tr><th style="{style}">{label}</th>{cells}</tr>'
    legend = "".join(
        f'<span style="background:{paper};color:{ink};padding:1px 8px;border-radius:4px;'
        f'margin-right:6px">p &lt; {limit:g}</span>'
        for limit, paper, ink in _CLASSES
    )
    return (
        f'<div style="font-size:12px;margin:2px 0 4px">{legend}</div>'
        '<div class="scroll"><table style="width:auto;border-spacing:2px;border-collapse:separate">'
        f'<thead><tr><th style="{style}"></th>{head}</tr></thead><tbody>{body}</tbody>'
        "</table></div>"
    )


def regime_panel(evaluation: ForecastEvaluation) -> Panel:
    """Errors in spikes, at negative outcomes and in the rest."""
    names = ordered(evaluation)
    kinds = regimes(evaluation.outcome)
    absolute = {name: np.abs(evaluation.outcome - evaluation.models[name].path) for name in names}
    pinball = {
        name: scoring.pinball_cells(quantiles, evaluation.outcome, PERCENTILES)
        for name, quantiles in evaluation.probabilistic.items()
    }
    columns: dict[str, list[str]] = {}
    for kind, cells in kinds.items():
        columns[f"MAE, {kind}"] = _marked([_mean(absolute[name][cells]) for name in names], 2)
        columns[f"pinball99, {kind}"] = _marked(
            [_mean(pinball[name][cells]) if name in pinball else None for name in names], 2
        )
    rows = [
        [escape(name), *(column[place] for column in columns.values())]
        for place, name in enumerate(names)
    ]
    shares = [f"{kind}: {int(cells.sum())}" for kind, cells in kinds.items()]
    note = (
        f"{evaluation.unit}. A spike is more than three robust deviations above the median "
        "outcome of the test period. Scores given the outcome favour forecasts that exaggerate: "
        "they say where errors arise, not which model is best."
    )
    heading = "Spikes and negative values apart; periods " + ", ".join(shares)
    return Panel("regimes", "Regimes", heading, note, body=html_table(["Model", *columns], rows, 1))


def ablation_panel(evaluation: ForecastEvaluation) -> Panel:
    """What each member and stage adds: score and difference to the whole forecast."""
    whole = evaluation.ablation[0]
    metrics = list(dict.fromkeys([*whole.validation, *whole.test]))
    heads = ["Change"]
    rows = [[escape(row.change)] for row in evaluation.ablation]
    for metric in metrics:
        for period in ("validation", "test"):
            if metric not in getattr(whole, period):
                continue
            heads += [f"{metric}, {period}", "change"]
            base = getattr(whole, period)[metric]
            for place, row in enumerate(evaluation.ablation):
                value = getattr(row, period).get(metric)
                rows[place] += [theme.number(value, 3), _change(value, base, place)]
    note = f"{evaluation.unit}; change against the first row; less is better."
    heading = "What each member and stage is worth"
    return Panel("ablation", "Ablation", heading, note, body=html_table(heads, rows, 1))


def seconds_panel(evaluation: ForecastEvaluation) -> Panel:
    """CPU seconds by step."""
    total = sum(evaluation.seconds.values())
    rows = [
        (step, theme.number(seconds, 3), percent(seconds / total if total else 0.0))
        for step, seconds in evaluation.seconds.items()
    ]
    heading = f"{theme.number(total, 2, 'CPU seconds')} in all"
    body = table(("Step", "CPU seconds", "Share"), rows, 1)
    return Panel("seconds", "Seconds", heading, body=body)


def html_table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers_from: int) -> str:
    """A table of cells that are HTML already; the first column stays when scrolled sideways."""
    first = label_style([row[0] for row in rows])

    def cell(tag: str, place: int, content: str) -> str:
        style = first if place == 0 else "padding-left:8px"
        kind = " class=number" if place >= numbers_from else ""
        return f'<{tag}{kind} style="{style}">{content}</{tag}>'

    head = "".join(cell("th", place, escape(text)) for place, text in enumerate(heads))
    body = "".join(
        "<tr>" + "".join(cell("td", place, text) for place, text in enumerate(row)) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
        "</table></div>"
    )


def p_text(value: float | None) -> str:
    """A p-value for people: three digits, below a thousandth as such."""
    if value is None or math.isnan(value):
        return "–"
    return "&lt;.001" if value < 0.001 else f"{value:.3f}".replace("0.", ".", 1)


def percent(share: float) -> str:
    """A share with one digit; an en dash for nothing."""
    return "–" if math.isnan(share) else f"{100 * share:.1f} %"


def _p_cell(value: float, title: str, diagonal: bool) -> str:
    style = _PLAIN
    for limit, paper, ink in reversed(_CLASSES):
        if value < limit:
            style = f"background:{paper};color:{ink}"
    text = "" if diagonal else p_text(value)
    if diagonal:
        style = "background:var(--line)"
    return (
        f'<td title="{escape("" if diagonal else title)}" style="{style};text-align:center;'
        f'border:0;border-radius:4px;padding:5px 6px;min-width:44px">{text}</td>'
    )


def _marked(values: Sequence[float | None], digits: int) -> list[str]:
    """Texts of a column; the least value stands out if it has rivals."""
    known = [value for value in values if value is not None and not math.isnan(value)]
    best = min(known) if len(known) > 1 else None
    texts = [theme.number(value if value in known else None, digits) for value in values]
    return [
        f'<span class="chip good">{text}</span>' if value is not None and value == best else text
        for value, text in zip(values, texts, strict=True)
    ]


def _change(value: float | None, base: float, place: int) -> str:
    if value is None or place == 0 or not base:
        return "–"
    return ("+" if value > base else "") + theme.number(100 * (value / base - 1), 2, "%")


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _sortable(value: float) -> float:
    return math.inf if math.isnan(value) else value
