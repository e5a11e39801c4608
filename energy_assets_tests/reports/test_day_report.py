from __future__ import annotations

from dataclasses import replace
from datetime import date

import plotly.graph_objects as go
import polars as pl
import pytest

from energy_assets.errors import InputError
from energy_assets.reports import day_report, write_report
from energy_assets.trading import profit_cents, totals_cents
from energy_assets.trading.ledger import amount_text
from energy_assets_tests.reports.page_reader import ReportPage
from energy_assets_tests.reports.sample_inputs import KINDS, day_inputs

SPRING, AUTUMN, WINTER = date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 24)
CHARTS = ["price", "curves", "curve", "dispatch", "value", "imbalance"]


@pytest.fixture(scope="module")
def settled():
    inputs = day_inputs()
    return inputs, ReportPage(day_report(inputs))


def test_a_settled_day_has_every_section(settled):
    _, page = settled
    anchors = [section["id"] for section in page.named("section")]
    assert anchors == [*CHARTS, "scores", "inputs", "record"]
    assert list(page.charts) == [f"chart-{name}" for name in CHARTS]
    assert [link["href"] for link in page.named("a")] == [f"#{anchor}" for anchor in anchors]


def test_before_the_auction_nothing_is_said_about_the_outcome():
    page = ReportPage(day_report(day_inputs(settled=False)))
    anchors = [section["id"] for section in page.named("section")]
    assert anchors == ["price", "curves", "curve", "dispatch", "inputs", "record"]
    assert "Before the auction" in page.text
    names = {trace.get("name") for chart in page.charts.values() for trace in chart["data"]}
    assert not names & {"clearing price", "award"}
    assert "Profit" not in page.text


def test_every_figure_is_valid_plotly(settled):
    _, page = settled
    for chart in page.charts.values():
        go.Figure(chart)


def test_the_header_states_the_record(settled):
    inputs, page = settled
    for text in (
        "SYNTHETIC DATA",
        "SIM_DE_LU",
        "Desk reference",
        "2026-11-24, 24 h in 96 MTUs of 15 min",
        "2026-11-23 12:00 Europe/Brussels · 11:00 UTC",
        "2026-11-23 11:00 Europe/Brussels · 10:00 UTC",
        inputs.orders.sha256,
        "53,910 EUR",
        "38,205 EUR",
        "Stochastic",
        "bound 53,975 EUR",
        "0.12 %",
        "18.7 s",
        "inputs good enough",
    ):
        assert text in page.text


def test_the_bridge_adds_up_to_the_ledger_to_the_cent(settled):
    inputs, page = settled
    bridge = page.charts["chart-value"]["data"][0]
    cents = [round(value * 100) for value in bridge["y"]]
    assert sum(cents[:-1]) == cents[-1] == profit_cents(inputs.settlement)
    assert cents[:-1] == list(totals_cents(inputs.settlement).values())
    assert bridge["customdata"][-1] == amount_text(cents[-1])
    assert f"{amount_text(cents[-1])} EUR".replace("-", "−") in page.text


def test_cumulative_imbalance_cash_ends_at_the_ledgers_total(settled):
    inputs, page = settled
    _, bars, cash = page.charts["chart-imbalance"]["data"]
    assert round(cash["y"][-1] * 100) == totals_cents(inputs.settlement)["imbalance"]
    assert len(bars["y"]) == 96


def test_a_bands_hover_is_the_tables_value(settled):
    inputs, page = settled
    frame = inputs.price_quantiles.sort("period_start")
    band = page.trace("price", "middle 80 %")
    for column, level in (("customdata", 0.1), ("y", 0.9)):
        expected = frame.filter(pl.col("level") == level)["value"].to_list()
        assert band[column][:-1] == pytest.approx(expected, abs=1e-4)
    assert page.trace("price", "clearing price")["y"][:-1] == inputs.awards["price"].to_list()


def test_the_curve_viewer_marks_the_award(settled):
    inputs, page = settled
    steps = page.charts["chart-curve"]["layout"]["sliders"][0]["steps"]
    marked = [step["args"][0]["x"][2][0] for step in steps]
    assert marked == pytest.approx(inputs.awards["volume_mw"].to_list(), abs=0.051)


def test_dispatch_shows_each_unit_once_and_the_award(settled):
    inputs, page = settled
    for unit in KINDS:
        schedule = inputs.schedules.filter(pl.col("unit") == unit)["power_mw"].to_list()
        assert page.trace("dispatch", unit)["y"] == pytest.approx(schedule, abs=1e-3)
    award = page.trace("dispatch", "award")["y"]
    assert award[:-1] == inputs.awards["volume_mw"].to_list()


@pytest.mark.parametrize(("label", "hours"), [(SPRING, 23), (WINTER, 24), (AUTUMN, 25)])
def test_ticks_are_wall_clock_and_every_hour_has_one(label, hours):
    page = ReportPage(day_report(day_inputs(label)))
    axis = page.charts["chart-price"]["layout"]["xaxis"]
    assert len(axis["ticktext"]) == hours
    assert f"{hours} h in {hours * 4} MTUs" in page.text
    repeated = ["02:00<br>+0200", "02:00<br>+0100"]
    assert [tick for tick in axis["ticktext"] if "+" in tick] == (repeated if hours == 25 else [])
    assert ("02:00" in axis["ticktext"]) == (hours == 24)
    assert axis["ticktext"][-1] == "23:00"
    assert len(page.trace("dispatch", "gas_turbine")["y"]) == hours * 4


def test_nothing_is_fetched_and_plotly_is_there_once():
    html = day_report(day_inputs())
    page = ReportPage(html)
    assert not page.named("link")
    assert not page.named("iframe")
    assert not [tag for tag, attrs in page.tags if (attrs.get("src") or "").startswith("http")]
    assert all("src" not in attributes for attributes in page.named("script"))
    assert html.count("plotly.js v") == 1
    policy = page.named("meta")[1]["content"]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert len(html.encode()) < 6_000_000


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


def test_text_from_outside_is_shown_not_run():
    inputs = day_inputs(note=HOSTILE, detail=HOSTILE)
    page = ReportPage(day_report(replace(inputs, desk=HOSTILE)))
    assert page.text.count(HOSTILE) >= 4
    assert not page.named("img")
    assert len(page.named("script")) == 2


def test_a_hostile_unit_name_stays_text_in_charts():
    inputs = day_inputs(settled=False)
    plan = inputs.dispatch_plan.with_columns(pl.col("unit").str.replace("gas_turbine", HOSTILE))
    html = day_report(replace(inputs, dispatch_plan=plan))
    page = ReportPage(html)
    assert len(page.named("script")) == 2
    names = {str(trace.get("name")) for trace in page.charts["chart-dispatch"]["data"]}
    assert not any("<" in name for name in names)


def test_no_quantile_is_called_a_confidence_interval(settled):
    inputs, _ = settled
    page = ReportPage(day_report(inputs))
    charts = str(page.charts)
    assert "confidence" not in (page.text + charts).lower()


def test_crossing_quantiles_are_refused():
    inputs = day_inputs()
    crossed = inputs.price_quantiles.with_columns(
        value=pl.when(pl.col("level") == 0.9).then(pl.col("value") - 500).otherwise("value")
    )
    with pytest.raises(InputError, match=r"quantiles 0.75 and 0.9, MTU 2026-11-23T23:00"):
        day_report(replace(inputs, price_quantiles=crossed))


def test_a_gap_is_an_error_not_a_straight_line():
    inputs = day_inputs()
    with pytest.raises(InputError, match="2026-11-24T22:45"):
        day_report(
            replace(
                inputs,
                price_quantiles=inputs.price_quantiles.filter(
                    pl.col("period_start") < inputs.day.starts[-1]
                ),
            )
        )


def test_orders_of_another_run_are_refused():
    inputs = day_inputs()
    runs = inputs.bid_runs.with_columns(orders_sha256=pl.lit("0" * 64))
    with pytest.raises(InputError, match="bid_runs"):
        day_report(replace(inputs, bid_runs=runs))


def test_equal_inputs_give_equal_reports():
    assert day_report(day_inputs()) == day_report(day_inputs())


def test_a_report_is_replaced_whole(tmp_path):
    path = tmp_path / "reports" / "day.html"
    write_report(path, "old")
    assert write_report(path, "new") == path
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_a_repeated_row_is_refused():
    inputs = day_inputs()
    twice = pl.concat([inputs.awards, inputs.awards[:1]])
    with pytest.raises(InputError, match="97 rows"):
        day_report(replace(inputs, awards=twice))


def test_the_last_rung_has_a_report_too():
    inputs = day_inputs(settled=False)
    runs = inputs.bid_runs.with_columns(
        rung=pl.lit("price_independent"),
        expected_value=pl.lit(None, pl.Float64),
        cvar95=pl.lit(None, pl.Float64),
        gap=pl.lit(None, pl.Float64),
        bound=pl.lit(None, pl.Float64),
    )
    flat = tuple(
        replace(curve, points=((curve.points[0][0], 120), (curve.points[-1][0], 120)))
        for curve in inputs.orders.curves
    )
    orders = replace(inputs.orders, curves=flat)
    runs = runs.with_columns(orders_sha256=pl.lit(orders.sha256))
    page = ReportPage(
        day_report(
            replace(
                inputs, orders=orders, bid_runs=runs, dispatch_plan=inputs.dispatch_plan.clear()
            )
        )
    )
    assert "Price-independent" in page.text
    assert "0 of 96 change with the price" in page.text
