"""The report of one delivery day, before the auction and after settlement.

Belongs here: what stands on the page and in which order. Not here: single charts, the page's HTML.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl

from energy_assets.reports import theme
from energy_assets.reports.curve_charts import curve_panels
from energy_assets.reports.day_inputs import DayReportInputs, RunRecord
from energy_assets.reports.dispatch_chart import dispatch_panel
from energy_assets.reports.page import Card, Page, Panel, facts_table, render, table
from energy_assets.reports.price_chart import price_panel
from energy_assets.reports.value_charts import bridge_panel, imbalance_panel
from energy_assets.trading.ledger import amount_text, profit_cents

RUNG_NAMES = {
    "stochastic": "Stochastic",
    "reduced_scenarios": "Reduced scenarios",
    "lp_with_repair": "LP with repair",
    "marginal_cost": "Marginal cost",
    "last_accepted": "Last accepted",
    "price_independent": "Price-independent",
}
_VERDICT_ORDER = {"missing": 0, "suspect": 1, "good": 2}
_METRIC_NAMES = {"mae": "MAE", "rmse": "RMSE", "pinball99": "Pinball", "crps": "CRPS"}
_COVERAGE = "coverage_"


def day_report(inputs: DayReportInputs) -> str:
    """The report as one HTML document.

    Raises:
        InputError: If a frame does not cover the day or quantiles cross.
    """
    panels = [price_panel(inputs), *curve_panels(inputs), dispatch_panel(inputs)]
    if inputs.settlement is not None:
        panels.append(bridge_panel(inputs, inputs.settlement))
        panels.append(imbalance_panel(inputs, inputs.settlement))
    if inputs.scores is not None and not inputs.scores.is_empty():
        panels.append(_scores_panel(inputs.scores, inputs.price_unit))
    panels += [_verdicts_panel(inputs), _record_panel(inputs)]
    day = inputs.orders.delivery_day
    page = Page(
        title=f"Day-ahead report · {day:%A} {day.day} {day:%B %Y}",
        subtitle=f"Desk {inputs.desk} · {inputs.area.name} · {_session_name(inputs)}",
        badges=_badges(inputs),
        cards=_cards(inputs),
        facts=_facts(inputs),
        panels=panels,
        footer=(
            "Signs: injection, sale, discharge and cash received are positive; imbalance is "
            "metered minus position, long positive. This file fetches nothing."
        ),
    )
    return render(page)


def _session_name(inputs: DayReportInputs) -> str:
    return inputs.orders.session.replace("_", "-")


def _badges(inputs: DayReportInputs) -> list[tuple[str, str]]:
    badges = [(inputs.area.code, "plain")]
    if inputs.area.synthetic:
        badges.insert(0, ("SYNTHETIC DATA", "warn"))
    if inputs.area.benchmark_only:
        badges.append(("benchmark only", "warn"))
    if inputs.run.mode != "live":
        badges.append((inputs.run.mode.replace("_", " "), "plain"))
    if inputs.settlement is not None:
        badges.append(("Settled", "good"))
    else:
        badges.append(("Cleared" if inputs.awards is not None else "Before the auction", "plain"))
    return badges


def _cards(inputs: DayReportInputs) -> list[Card]:
    run, currency = inputs.run, inputs.orders.currency
    cards = []
    if inputs.settlement is not None:
        profit = profit_cents(inputs.settlement)
        text = f"{amount_text(profit)} {currency}".replace("-", "−")
        cards.append(Card("Profit", text, "settled to the cent", "good" if profit >= 0 else "bad"))
    cards += [
        Card("Expected value", theme.number(run.expected_value, 0, currency), "mean of scenarios"),
        Card("CVaR 95", theme.number(run.cvar95, 0, currency), "mean of the worst 5 %"),
        _position_card(inputs),
        Card(
            "Rung",
            RUNG_NAMES.get(run.rung, run.rung),
            run.solver_status,
            "" if run.rung == "stochastic" else "bad",
        ),
        Card(
            "Solver gap",
            _percent(run.gap),
            f"objective bound {theme.number(run.bound, 0, currency)}",
        ),
        Card("Solver time", theme.number(run.seconds, 1, "s"), "model and solver, this rung"),
    ]
    return cards


def _position_card(inputs: DayReportInputs) -> Card:
    if inputs.awards is None:
        return Card("Orders", f"{len(inputs.orders.curves)} curves", "net supply, one per MTU")
    hours = inputs.day.mtu_minutes / 60
    volumes = inputs.awards["volume_mw"].to_list()
    sold = sum(volume for volume in volumes if volume > 0) * hours
    bought = -sum(volume for volume in volumes if volume < 0) * hours
    return Card("Sold", theme.number(sold, 0, "MWh"), f"bought {theme.number(bought, 0, 'MWh')}")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f} %"


def _facts(inputs: DayReportInputs) -> list[tuple[str, str]]:
    day, run = inputs.day, inputs.run
    clock = day.clock
    return [
        (
            "Delivery day",
            f"{day.label}, {day.hours} h in {day.mtu_count} MTUs of {day.mtu_minutes} min",
        ),
        ("Gate closure", _both_clocks(run.gate_closure, clock)),
        ("Decision time", _both_clocks(run.decision_time, clock)),
        ("Delivery", f"{day.start:%Y-%m-%d %H:%M} to {_utc(day.end)}"),
        ("Orders hash", inputs.orders.sha256),
        ("Why this rung", run.note or "–"),
    ]


def _both_clocks(moment: datetime, clock: str) -> str:
    local = moment.astimezone(ZoneInfo(clock))
    utc = f"{moment:%H:%M} UTC" if local.date() == moment.date() else _utc(moment)
    return f"{local:%Y-%m-%d %H:%M} {clock} · {utc}"


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _scores_panel(scores: pl.DataFrame, price_unit: str) -> Panel:
    found = scores["metric"].unique().sort().to_list()
    metrics = [metric for metric in _METRIC_NAMES if metric in found]
    metrics += [metric for metric in found if metric not in _METRIC_NAMES]
    rows = []
    price_first = scores.sort(pl.col("target") != "price", "target", "model")
    for (target, model), group in price_first.group_by("target", "model", maintain_order=True):
        values = dict(group.select("metric", "value").iter_rows())
        figures = (_score(metric, values.get(metric)) for metric in metrics)
        unit = price_unit if target in ("price", "imbalance_spread") else "MW"
        rows.append((str(target), str(model), unit, *figures))
    best = scores.filter(pl.col("metric") == "mae", pl.col("target") == "price").sort("value")
    heading = "Forecast scores of the day"
    if len(best):
        value = theme.number(best["value"][0], 2, price_unit)
        heading = f"The price forecast ({best['model'][0]}) missed by {value} on average"
    return Panel(
        "scores",
        "Scores",
        heading,
        "Errors in the target's unit: lower is better. Inside: share of outcomes in the middle "
        "band of that width.",
        body=table(("Target", "Model", "Unit", *map(_metric_name, metrics)), rows, 3),
    )


def _metric_name(metric: str) -> str:
    if metric.startswith(_COVERAGE):
        return f"Inside {metric.removeprefix(_COVERAGE)} %"
    return _METRIC_NAMES.get(metric, metric)


def _score(metric: str, value: float | None) -> str:
    if value is not None and metric.startswith(_COVERAGE):
        return f"{100 * value:.0f} %"
    return theme.number(value, 2)


def _verdicts_panel(inputs: DayReportInputs) -> Panel:
    verdicts = inputs.verdicts.sort(
        pl.col("verdict").replace_strict(_VERDICT_ORDER, default=0), "input", "rule"
    )
    count = verdicts["input"].n_unique()
    doubtful = verdicts.filter(pl.col("verdict") != "good")["input"].n_unique()
    heading = f"All {count} inputs were good" if count else "No input was judged"
    if doubtful:
        heading = f"{doubtful} of {count} inputs were not good"
    rows = [
        (
            row["verdict"],
            row["input"],
            row["rule"],
            f"{row['window_start']:%d %b %H:%M} – {row['window_end']:%d %b %H:%M} UTC",
            row["detail"],
        )
        for row in verdicts.iter_rows(named=True)
    ]
    heads = ("Verdict", "Input", "Rule", "Window", "Expected and found")
    note = "As seen at the decision time. Inputs that are not good move the bid down the ladder."
    return Panel("inputs", "Inputs", heading, note, body=table(heads, rows))


def _record_panel(inputs: DayReportInputs) -> Panel:
    run, currency = inputs.run, inputs.orders.currency
    rows = [
        (
            "used" if row["orders_sha256"] == inputs.orders.sha256 else "",
            RUNG_NAMES.get(row["rung"], row["rung"]),
            row["solver_status"],
            theme.number(row["expected_value"], 0, currency),
            theme.number(row["cvar95"], 0, currency),
            _percent(row["gap"]),
            theme.number(row["seconds"], 1, "s"),
        )
        for row in inputs.bid_runs.iter_rows(named=True)
    ]
    heads = ("", "Rung", "Solver", "Expected value", "CVaR 95", "Gap", "Time")
    return Panel(
        "record",
        "Record",
        "How the orders can be made again",
        "Equal hashes of inputs, configuration and code give equal orders.",
        body=table(heads, rows, 3) + facts_table(_hashes(run)),
    )


def _hashes(run: RunRecord) -> list[tuple[str, str]]:
    return [
        ("Inputs", run.input_hash),
        ("Configuration", run.configuration_hash),
        ("Code", run.code_version),
        ("Models", run.models or "–"),
    ]
