from __future__ import annotations

from dataclasses import replace

import plotly.graph_objects as go
import polars as pl
import pytest

from energy_assets.errors import InputError
from energy_assets.reports import StrategySummary, backtest_report
from energy_assets_tests.reports.page_reader import ReportPage
from energy_assets_tests.reports.sample_inputs import STRATEGIES, backtest_inputs


@pytest.fixture(scope="module")
def report():
    inputs = backtest_inputs()
    return inputs, ReportPage(backtest_report(inputs))


def test_every_section_is_there_and_valid_plotly(report):
    _, page = report
    anchors = [section["id"] for section in page.named("section")]
    charts = ["profit", "capture", "spread", "units", "imbalance", "mae", "pinball99"]
    assert anchors == [*charts, "strategies", "worst", "command"]
    for chart in page.charts.values():
        go.Figure(chart)


def test_cumulative_profit_ends_at_the_summary(report):
    inputs, page = report
    for strategy in inputs.strategies:
        line = page.trace("profit", strategy.label)
        assert line["y"][-1] == pytest.approx(strategy.profit, abs=0.01)
        assert len(line["y"]) == 88


def test_capture_is_shown_whole_and_by_unit(report):
    inputs, page = report
    whole = page.trace("capture", "portfolio")["y"]
    assert whole == [strategy.capture for strategy in inputs.strategies]
    battery = page.trace("capture", "battery")["y"]
    assert battery == [strategy.capture_by_unit["battery"] for strategy in inputs.strategies]


def test_months_add_up_to_the_units_profit(report):
    inputs, page = report
    bars = page.trace("units", "battery")
    rows = inputs.unit_days.filter(pl.col("strategy") == "stochastic", pl.col("unit") == "battery")
    assert bars["x"] == ["2016-01", "2016-02", "2016-03"]
    assert sum(bars["y"]) == pytest.approx(rows["profit"].sum(), abs=0.02)


def test_the_worst_day_is_first_in_its_table(report):
    inputs, page = report
    worst = inputs.of("stochastic").sort("profit").row(0, named=True)
    assert f"The worst day was {worst['delivery_day']:%a %Y-%m-%d}" in page.text


def test_imbalance_above_the_limit_is_said():
    inputs = backtest_inputs()
    days = inputs.days.with_columns(imbalance_mwh=pl.col("awarded_mwh") * 0.03)
    page = ReportPage(backtest_report(replace(inputs, days=days)))
    assert "Imbalance is 3.00 % of awards, above the limit of 2 %" in page.text


def test_the_command_is_there_and_escaped():
    inputs = backtest_inputs()
    page = ReportPage(backtest_report(replace(inputs, command="run <b> && rm </script>")))
    assert "run <b> && rm </script>" in page.text
    assert len(page.named("script")) == 2
    assert "Risk weight" in page.text


def test_a_synthetic_market_is_never_quoted_as_value():
    page = ReportPage(backtest_report(replace(backtest_inputs(), area_code="SIM_DE_LU")))
    assert "SYNTHETIC DATA · not a value figure" in page.text


def test_scores_are_optional():
    page = ReportPage(backtest_report(replace(backtest_inputs(), scores=None)))
    assert "mae" not in [section["id"] for section in page.named("section")]


def test_a_strategy_without_days_is_refused():
    inputs = backtest_inputs()
    with pytest.raises(InputError, match="strategies"):
        replace(inputs, days=inputs.days.filter(pl.col("strategy") != "yesterday"))


def test_a_summary_may_hold_more_keys_than_are_shown():
    fields = {
        "profit": 1.0,
        "profit_per_day": 1.0,
        "capture": None,
        "capture_by_unit": {},
        "imbalance_mwh": 0.0,
        "cvar95_per_day": None,
        "later": 3,
    }
    (summary,) = StrategySummary.all_of({"strategies": {"stochastic": fields}})
    assert (summary.label, summary.capture) == ("Stochastic", None)
    assert STRATEGIES[0] == summary.name
