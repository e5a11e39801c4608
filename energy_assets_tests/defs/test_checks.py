"""Checks on raw tables: what they look at, how hard they judge, and which days they name."""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from energy_assets.defs.quality.checks import input_checks
from energy_assets.defs.resources import Workspace
from energy_assets.lakehouse.run_stamp import Mode
from energy_assets_tests.defs.chain import LATER, QUIET, settings_in
from energy_assets_tests.e2e.desks import reference_desk, stamp_of
from energy_assets_tests.lakehouse.frames import SteppingClock, frame, prices

DESK = reference_desk(["battery"])
DAYS = (date(2026, 3, 28), date(2026, 3, 29))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(settings_in(tmp_path), (DESK,), SteppingClock(LATER))


def judge(
    workspace: Workspace,
    day: date,
    verdict: str,
    name: str = "raw.market_prices:day_ahead",
    mode: Mode = "replay",
    rule: str = "completeness",
) -> None:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    row = pl.DataFrame(
        {
            "input": [name],
            "rule": [rule],
            "verdict": [verdict],
            "window_start": [start - timedelta(days=7)],
            "window_end": [start],
            "detail": ["expected 168 periods of 60 min, found 150"],
        }
    )
    frame = stamp_of(DESK, day, mode).on(row, "quality.verdicts")
    workspace.lake.append("quality.verdicts", frame, scope=DESK.name)


def evaluations(workspace: Workspace) -> dict[str, dg.AssetCheckEvaluation]:
    """`table:check` to result, for a run over both days."""
    tags = {
        "dagster/asset_partition_range_start": DAYS[0].isoformat(),
        "dagster/asset_partition_range_end": DAYS[1].isoformat(),
    }
    checks = input_checks(workspace)
    definitions = dg.Definitions(
        asset_checks=checks,
        jobs=[dg.define_asset_job("checks", selection=dg.AssetSelection.all_asset_checks())],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = definitions.resolve_job_def("checks").execute_in_process(
            tags=tags, run_config=QUIET
        )
    return {
        f"{e.asset_key.path[-1]}:{e.check_name.removesuffix('__reference_light')}": e
        for e in result.get_asset_check_evaluations()
    }


def not_passed(found: dict[str, dg.AssetCheckEvaluation]) -> set[str]:
    """Checks that warn, but for those on the age of tables these lakes have nothing in."""
    failed = {name for name, evaluation in found.items() if not evaluation.passed}
    return {name for name in failed if not name.endswith(":inputs_fresh")}


def test_all_is_well_where_every_input_is_good_and_nothing_was_refused(workspace):
    for day in DAYS:
        judge(workspace, day, "good")
    found = evaluations(workspace)
    assert {name.split(":")[0] for name in found} >= {"market_prices", "outages"}
    assert not_passed(found) == set()
    assert {name.split(":")[1] for name in found} == {
        "inputs_complete",
        "inputs_fresh",
        "inputs_plausible",
        "no_rejected_rows",
    }


def test_a_bad_input_warns_on_its_own_table_and_names_the_day(workspace):
    judge(workspace, DAYS[0], "good")
    judge(workspace, DAYS[1], "missing")
    found = evaluations(workspace)
    assert not_passed(found) == {"market_prices:inputs_complete"}
    evaluation = found["market_prices:inputs_complete"]
    assert evaluation.severity == dg.AssetCheckSeverity.WARN
    (row,) = evaluation.metadata["first"].value
    assert row["delivery_day"] == "2026-03-29"
    assert row["verdict"] == "missing"
    assert "found 150" in row["detail"]


def test_verdicts_of_another_mode_or_day_say_nothing_about_this_run(workspace):
    for day in DAYS:
        judge(workspace, day, "good")
    judge(workspace, DAYS[0], "missing", mode="live")
    judge(workspace, DAYS[1] + timedelta(days=1), "missing")
    assert not_passed(evaluations(workspace)) == set()


def test_a_later_verdict_of_the_same_decision_replaces_the_first(workspace):
    judge(workspace, DAYS[0], "missing")
    judge(workspace, DAYS[0], "good")
    assert evaluations(workspace)["market_prices:inputs_complete"].passed


def test_refused_rows_warn_on_their_table_with_rule_and_reason(workspace):
    start = datetime(2026, 3, 28, 12, tzinfo=UTC)
    rows = prices([start], [99_999.0], start)
    workspace.lake.quarantine(
        "raw.market_prices",
        rows,
        rule="price_limit",
        reason="above the harmonised maximum",
        scope=DESK.area,
        source="test",
    )
    found = evaluations(workspace)
    assert not_passed(found) == {"market_prices:no_rejected_rows"}
    (row,) = found["market_prices:no_rejected_rows"].metadata["first"].value
    assert row == {"rule": "price_limit", "reason": "above the harmonised maximum"}


@pytest.mark.parametrize(
    ("rule", "check"), [("freshness", "inputs_fresh"), ("plausibility", "inputs_plausible")]
)
def test_each_rule_of_the_service_level_warns_in_its_own_check(workspace, rule, check):
    judge(workspace, DAYS[0], "good", rule=rule)
    judge(workspace, DAYS[1], "suspect", rule=rule)
    found = evaluations(workspace)
    assert not_passed(found) <= {f"market_prices:{check}"}
    assert not found[f"market_prices:{check}"].passed
    (row,) = found[f"market_prices:{check}"].metadata["first"].value
    assert (row["delivery_day"], row["rule"]) == ("2026-03-29", rule)


def test_a_table_no_verdict_is_about_has_to_be_fresh_at_each_decision(workspace):
    def measured(known: datetime) -> None:
        start = datetime(2026, 3, 27, 6, tzinfo=UTC)
        row = {
            "series": "load",
            "period_start": start,
            "resolution_min": 15,
            "value_mw": known.day * 1.0,
            "source": "test",
            "knowledge_time": known,
            "knowledge_basis": "published",
        }
        batch = frame("raw.system_actuals", {name: [value] for name, value in row.items()})
        workspace.lake.append_if_changed("raw.system_actuals", batch, scope=DESK.area)

    first, second = (DESK.decision_time(day) for day in DAYS)
    measured(first - timedelta(hours=3))
    check = evaluations(workspace)["system_actuals:inputs_fresh"]
    assert not check.passed
    (row,) = check.metadata["first"].value
    assert row["delivery_day"] == "2026-03-29"
    assert row["detail"] == "expected news within 26.0 h, found the newest 27.0 h old"
    measured(second - timedelta(hours=1))
    assert evaluations(workspace)["system_actuals:inputs_fresh"].passed
