"""The report of a forecast benchmark: how good, how sure, where it errs, what each part is worth.

Belongs here: what stands on the page and in which order. Not here: scores
(`forecasting.evaluation`), single charts and tables, the page's HTML.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from energy_assets.forecasting.evaluation import ForecastEvaluation, ModelScores, evaluate
from energy_assets.reports import forecast_charts, forecast_fan, forecast_tables, theme
from energy_assets.reports.page import Card, Page, Panel, code_block, facts_table, render


def forecast_report(
    evaluation: ForecastEvaluation, scores: Mapping[str, ModelScores] | None = None
) -> str:
    """The report as one HTML document.

    Args:
        evaluation: Forecasts of all models.
        scores: Their scores where these are at hand; else they are computed.
    """
    scores = scores or evaluate(
        evaluation.models, evaluation.outcome, evaluation.days, evaluation.main
    )
    page = Page(
        title=f"Forecast benchmark · {evaluation.target}",
        subtitle=f"{evaluation.days[0]} to {evaluation.days[-1]} · {len(evaluation.days)} test "
        f"days · {len(evaluation.models)} models",
        badges=[(evaluation.main, "good"), (evaluation.unit, "plain")],
        cards=_cards(evaluation, scores),
        panels=_panels(evaluation, scores),
        footer="Scores follow Lago et al. (2021) and Nowotarski and Weron (2018). "
        "This file fetches nothing.",
    )
    return render(page)


def _panels(evaluation: ForecastEvaluation, scores: Mapping[str, ModelScores]) -> list[Panel]:
    styles = forecast_charts.ModelStyles(evaluation, scores)
    panels = [forecast_tables.scores_panel(evaluation, scores)]
    panels += forecast_tables.error_boards(evaluation)
    if evaluation.probabilistic:
        panels += [
            forecast_tables.interval_panel(evaluation, scores),
            *forecast_tables.pinball_boards(evaluation),
            forecast_charts.coverage_panel(evaluation, scores, styles),
            forecast_charts.level_panel(evaluation, styles),
            *forecast_charts.calibration_panels(evaluation, styles),
        ]
    panels += forecast_charts.hour_panels(evaluation, styles)
    # It fills the row where the half-width panels before it are odd in number.
    odd = sum(not panel.wide for panel in panels) % 2 == 1
    panels += [
        replace(forecast_charts.month_panel(evaluation, styles), wide=not odd),
        forecast_tables.regime_panel(evaluation),
        forecast_fan.week_panel(evaluation),
    ]
    worst = forecast_fan.worst_day_panel(evaluation)
    panels += [worst] if worst else []
    if evaluation.ablation:
        panels.append(forecast_tables.ablation_panel(evaluation))
    if evaluation.seconds:
        panels.append(forecast_tables.seconds_panel(evaluation))
    return [*panels, *_record_panel(evaluation)]


def _cards(evaluation: ForecastEvaluation, scores: Mapping[str, ModelScores]) -> list[Card]:
    main, unit = scores[evaluation.main], evaluation.unit
    cards = [
        Card(
            "MAE",
            theme.number(main.mae, 3),
            f"{unit}, {forecast_tables.breakable(evaluation.main)}",
            "good",
        ),
        Card("rMAE weekly", theme.number(main.rmae_weekly, 3), f"std {main.rmae_std:.3f}"),
        Card("RMSE", theme.number(main.rmse, 3), unit),
    ]
    if main.pinball99 is not None:
        cards.append(Card("pinball99", theme.number(main.pinball99, 3), f"CRPS {main.crps:.3f}"))
    if main.coverage and main.kupiec_hours:
        hours = f"{main.kupiec_hours['90']} of {evaluation.outcome.shape[1]} hours pass Kupiec"
        share = forecast_tables.percent(main.coverage["90"])
        cards.append(Card("90 % interval covers", share, hours))
    rivals = {name: s for name, s in scores.items() if name != evaluation.main and s.mae == s.mae}
    if rivals:
        best = min(rivals, key=lambda name: rivals[name].mae)
        value = theme.number(rivals[best].mae, 3)
        cards.append(Card("Best other, MAE", value, forecast_tables.breakable(best)))
    return cards


def _record_panel(evaluation: ForecastEvaluation) -> list[Panel]:
    body = code_block(evaluation.command) if evaluation.command else ""
    body += facts_table(evaluation.facts.items()) if evaluation.facts else ""
    if not body:
        return []
    note = "The same command on the same data gives the same figures."
    return [Panel("command", "Reproduce", "How to run it again", note, body=body)]
