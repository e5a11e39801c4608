"""The report step reads a decision's rows from a lake, whatever has been reached so far."""

from dataclasses import replace

import polars as pl
import pytest

from energy_assets.bidding.runs import run_last_rung
from energy_assets.errors import InputError
from energy_assets.reports import day_report
from energy_assets.reports.runs import report_path, run_day_report
from energy_assets.trading.runs import run_results, run_settlement
from energy_assets_tests.bidding.known_rows import AUTUMN, DAY, SPRING, lake_at
from energy_assets_tests.reports.page_reader import ReportPage
from energy_assets_tests.reports.sample_inputs import day_inputs
from energy_assets_tests.trading.test_runs import DESK, decided, outcome, stamp_of


@pytest.fixture
def lake(tmp_path):
    return lake_at(tmp_path / "lake")


def page_of(path):
    return ReportPage(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("label", [SPRING, DAY, AUTUMN])
def test_a_decision_of_the_last_rung_alone_has_a_report(lake, tmp_path, label):
    """No forecast, so no price quantiles, and no prices known at all."""
    stamp = stamp_of(label)
    run_last_rung(lake, DESK, stamp)
    path = run_day_report(lake, DESK, stamp, tmp_path)
    assert path == report_path(tmp_path, DESK, stamp)
    page = page_of(path)
    assert "There was no price forecast" in page.text
    assert "Price-independent" in page.text
    assert "0 of" in page.text
    assert list(page.charts) == [f"chart-{n}" for n in ("price", "curves", "curve", "dispatch")]
    assert "NaN" not in str(page.charts)


def test_the_same_report_grows_with_results_and_settlement(lake, tmp_path):
    stamp = decided(lake)
    before = page_of(run_day_report(lake, DESK, stamp, tmp_path))
    assert "Before the auction" in before.text
    at = outcome(lake)
    run_results(lake, DESK, stamp, at)
    assert "Cleared" in page_of(run_day_report(lake, DESK, stamp, tmp_path)).text
    run_settlement(lake, DESK, stamp, at)
    page = page_of(run_day_report(lake, DESK, stamp, tmp_path))
    assert "Settled" in page.text
    assert {"chart-value", "chart-imbalance"} <= set(page.charts)
    # Every unit is in the dispatch picture, the load too.
    for unit in DESK.units:
        assert len(page.trace("dispatch", unit.name)["y"]) == 96
    assert len(list(tmp_path.glob("*.html"))) == 1


def test_a_day_without_orders_has_no_report(lake, tmp_path):
    with pytest.raises(InputError, match="expected orders in force"):
        run_day_report(lake, DESK, stamp_of(), tmp_path)
    assert not list(tmp_path.glob("*.html"))


def test_inputs_are_counted_once_however_many_rules_judged_them():
    inputs = day_inputs()
    good = inputs.verdicts.with_columns(verdict=pl.lit("good"))
    count = good["input"].n_unique()
    page = ReportPage(day_report(replace(inputs, verdicts=good)))
    assert f"All {count} inputs were good" in page.text
    twice = pl.concat([good, good.with_columns(rule=pl.lit("another"))])
    worse = twice.with_columns(
        verdict=pl.when(pl.col("input") == good["input"][0])
        .then(pl.lit("missing"))
        .otherwise("verdict")
    )
    page = ReportPage(day_report(replace(inputs, verdicts=worse)))
    assert f"1 of {count} inputs were not good" in page.text


def test_scores_have_names_units_and_shares_in_per_cent():
    page = ReportPage(day_report(day_inputs()))
    for text in ("MAE", "Pinball", "EUR/MWh"):
        assert text in page.text
    assert "pinball99" not in page.text
    assert "coverage_" not in page.text
