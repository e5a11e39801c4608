from __future__ import annotations

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from energy_assets.forecasting import scoring
from energy_assets.forecasting.evaluation import ModelForecast, evaluate
from energy_assets.reports.forecast_report import forecast_report
from energy_assets_tests.reports.page_reader import ReportPage
from energy_assets_tests.reports.sample_evaluation import LEVELS, LONG_NAME, sample_evaluation


@pytest.fixture(scope="module")
def report():
    evaluation = sample_evaluation()
    return evaluation, ReportPage(forecast_report(evaluation))


@pytest.fixture(scope="module")
def html(report):
    return forecast_report(report[0])


def sections(page: ReportPage) -> list[str]:
    return [section["id"] for section in page.named("section")]


def test_every_section_is_there_and_valid_plotly(report):
    _, page = report
    assert sections(page) == [
        *("scores", "dm", "gw", "intervals", "dm_pinball", "coverage", "pinball_level"),
        *("reliability", "pit", "pinball_hour", "mae_hour", "mae_month", "regimes"),
        *("week", "worst", "ablation", "seconds", "command"),
    ]
    assert len(page.charts) == 9
    for chart in page.charts.values():
        go.Figure(chart)


def test_the_scores_are_those_of_the_evaluation(report):
    evaluation, page = report
    scores = evaluate(evaluation.models, evaluation.outcome, evaluation.days)
    texts = page.texts[page.texts.index("Model") :]
    for name, found in scores.items():
        row = texts[texts.index(name) :][:10]
        assert f"{found.mae:.3f}" in row, name
        assert found.pinball99 is None or f"{found.pinball99:.3f}" in row, name


def test_only_the_best_of_each_score_is_marked(report, html):
    evaluation, _ = report
    scores = evaluate(evaluation.models, evaluation.outcome, evaluation.days)
    table = html[html.index('id="scores"') : html.index('id="dm"')]
    assert table.count("chip good") == 6
    best = min(scores.values(), key=lambda s: s.mae)
    assert f'<span class="chip good">{best.mae:.3f}</span>' in table


def test_the_chessboard_holds_every_pair_with_its_p_value(report, html):
    evaluation, _ = report
    board = html[html.index('<section id="dm"') : html.index('<section id="gw"')]
    board = board[board.index("<tbody>") :]
    names = len(evaluation.models)
    assert board.count(" better than ") == names * (names - 1)
    losses = (
        scoring.daily_loss(evaluation.models[name].path, evaluation.outcome)
        for name in ("lear_84", "lear_1092")
    )
    p = float(scoring.diebold_mariano(*losses))
    cell = board[board.index("lear_1092 better than lear_84") :].split("</td>")[0]
    expected = "&lt;.001" if p < 0.001 else f"{p:.3f}".removeprefix("0")
    assert cell.endswith(">" + expected)
    assert f">3 · {LONG_NAME}<" in board


def test_reliability_and_pit_are_drawn_with_their_bands(report):
    evaluation, page = report
    quantiles = evaluation.models["narrow"].quantiles
    observed = scoring.reliability(quantiles, evaluation.outcome, LEVELS)
    drawn = page.trace("reliability", "narrow")["y"]
    np.testing.assert_allclose(drawn, 100 * (observed - LEVELS), atol=1e-3)
    density = scoring.pit_histogram(
        evaluation.models["ensemble"].quantiles, evaluation.outcome, LEVELS
    )
    np.testing.assert_allclose(page.trace("pit", "ensemble")["y"], density, atol=1e-3)
    for chart in ("reliability", "pit"):
        low, high = page.charts[f"chart-{chart}"]["data"][:3][-2:]
        if chart == "reliability":
            low, high = page.charts[f"chart-{chart}"]["data"][:2]
        assert all(a <= b for a, b in zip(low["y"], high["y"], strict=True))


def test_the_worst_day_and_the_last_week_are_shown(report):
    evaluation, page = report
    errors = scoring.daily_loss(evaluation.models["ensemble"].path, evaluation.outcome)
    worst = evaluation.days[int(np.nanargmax(errors))]
    assert f"The worst day was {worst:%a %Y-%m-%d}" in page.text
    assert max(page.trace("worst", "outcome")["y"]) == 400.0
    week = page.trace("week", "outcome")
    assert len(week["y"]) == 7 * 24 + 1
    assert week["x"][0] == f"{evaluation.days[-7]} 00:00"
    np.testing.assert_allclose(week["y"][:-1], evaluation.outcome[-7:].ravel(), atol=1e-4)


def test_fan_bands_are_the_quantiles(report):
    evaluation, page = report
    band = page.trace("week", "middle 80 %")
    quantiles = evaluation.models["ensemble"].quantiles[-7:].reshape(-1, 99)
    np.testing.assert_allclose(band["y"][:-1], quantiles[:, 89], atol=1e-4)
    np.testing.assert_allclose(band["customdata"][:-1], quantiles[:, 9], atol=1e-4)


def test_months_and_hours_are_means_of_the_errors(report):
    evaluation, page = report
    error = np.abs(evaluation.outcome - evaluation.models["lear_84"].path)
    by_month = page.trace("mae_month", "lear_84")
    assert by_month["x"] == ["2021-03", "2021-04", "2021-05", "2021-06"]
    assert by_month["y"][0] == pytest.approx(np.nanmean(error[:31]), abs=1e-3)
    by_hour = page.trace("mae_hour", "lear_84")
    np.testing.assert_allclose(by_hour["y"], np.nanmean(error, axis=0), atol=1e-3)


def test_a_gap_in_the_outcome_is_a_gap_in_the_chart():
    evaluation = sample_evaluation()
    outcome = evaluation.outcome.copy()
    outcome[-2, 5] = np.nan
    page = ReportPage(forecast_report(replace(evaluation, outcome=outcome)))
    assert page.trace("week", "outcome")["y"][5 * 24 + 5] is None


def test_names_are_escaped(report):
    _, page = report
    assert "published <LEAR>" in page.texts
    assert "without <b>" in page.texts
    assert not page.named("lear")
    assert not page.named("b")


def test_a_member_with_a_missing_day_says_so(report):
    _, page = report
    start = page.texts.index("boosting_364")
    assert "1" in page.texts[start : start + 12]


def test_points_alone_make_a_report():
    evaluation = sample_evaluation(days=20)
    models = {
        name: ModelForecast(model.path, role=model.role)
        for name, model in evaluation.models.items()
        if name in ("ensemble", "lear_56")
    }
    page = ReportPage(
        forecast_report(replace(evaluation, models=models, ablation=(), seconds={}, command=""))
    )
    assert "pit" not in sections(page)
    assert {"scores", "dm", "mae_hour", "worst"} <= set(sections(page))
    assert len(page.trace("mae_month", "ensemble")["x"]) == 20


def test_one_model_with_quarter_hours_makes_a_report():
    evaluation = sample_evaluation(days=30, slots=96)
    models = {"ensemble": evaluation.models["ensemble"]}
    page = ReportPage(forecast_report(replace(evaluation, models=models)))
    assert "dm" not in sections(page)
    trace = page.trace("mae_hour", "ensemble")
    assert trace["x"][:2] == ["00:00", "00:15"]
    assert page.trace("week", "outcome")["x"][1].endswith("00:15")
    assert "/96" in page.text


def test_the_same_forecasts_give_the_same_report():
    first, again = (forecast_report(sample_evaluation(days=20)) for _ in range(2))
    assert first == again
