"""The maintenance job in-process: what it rewrites, deletes and keeps, and when it runs."""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from energy_assets.defs.maintenance.jobs import maintenance_definitions, maintenance_job
from energy_assets.defs.resources import Workspace
from energy_assets.feeds.answer_retention import KEPT, prune_answers
from energy_assets.lakehouse import table
from energy_assets.lakehouse.tables import TABLES
from energy_assets_tests.defs.chain import QUIET, settings_in
from energy_assets_tests.lakehouse.frames import SteppingClock, hours, prices

PRICES = "raw.market_prices"
START = datetime(2026, 3, 28, tzinfo=UTC)
NOW = datetime(2026, 5, 10, 1, 10, tzinfo=UTC)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(settings_in(tmp_path), (), SteppingClock(NOW))
    # Over the end of March and a clock change, in many small files.
    for day in range(6):
        starts = hours(START + timedelta(days=day), 96, 15)
        batch = prices(starts, [float(day)] * 96, starts[0], minutes=15)
        made.lake.append_if_changed(PRICES, batch, scope="DE_LU")
    return made


def run(job: dg.JobDefinition) -> dict[str, dict[str, object]]:
    """Metadata by op."""
    with warnings.catch_warnings(), dg.DagsterInstance.ephemeral() as instance:
        warnings.simplefilter("ignore")
        result = job.execute_in_process(instance=instance, run_config=QUIET)
    assert result.success
    return {
        event.step_key: {
            name: value.value for name, value in event.step_output_data.metadata.items()
        }
        for event in result.all_events
        if event.is_successful_output
    }


def test_closed_months_are_rewritten_once_and_nothing_is_lost(workspace):
    before = workspace.lake.read(PRICES, latest_revision=False)
    found = run(maintenance_job(workspace))
    assert list(found) == ["rewrite_closed_months", "delete_old_files", "prune_raw_answers"]
    rewritten = found["rewrite_closed_months"]
    assert (rewritten["months rewritten"], rewritten["rows"]) == (2, 6 * 96)
    assert f"| {PRICES} | DE_LU | 2026-03 |" in rewritten["months"]
    assert workspace.lake.read(PRICES, latest_revision=False).equals(before)
    again = run(maintenance_job(workspace))
    assert again["rewrite_closed_months"]["months rewritten"] == 0
    assert again["delete_old_files"]["files deleted"] == 0
    assert again["delete_old_files"]["retention days"][PRICES] == table(PRICES).retention.days


def test_files_past_their_tables_retention_go_but_for_versions_that_must_stay(
    workspace, monkeypatch
):
    version = workspace.lake.version(PRICES)
    monkeypatch.setitem(TABLES, PRICES, replace(table(PRICES), retention=timedelta(0)))
    kept = run(maintenance_job(workspace, lambda: {PRICES: [version]}))
    assert kept["delete_old_files"]["files deleted"] == 0
    deleted = run(maintenance_job(workspace))
    assert deleted["delete_old_files"]["by table"] == {PRICES: 6}
    assert workspace.lake.read(PRICES).height == 6 * 96


def test_raw_answers_past_their_time_go_and_nothing_else_is_touched(workspace):
    folder = workspace.settings.raw_answers
    limit = (NOW - KEPT).date()
    old, young = limit - timedelta(days=1), limit
    for day in (old, young):
        (folder / "entsoe" / day.isoformat()).mkdir(parents=True)
        (folder / "entsoe" / day.isoformat() / "a.gz").write_bytes(b"x")
    (folder / "entsoe" / "notes").mkdir()
    elsewhere = workspace.settings.root / "elsewhere" / old.isoformat()
    elsewhere.mkdir(parents=True)
    (folder / "linked").symlink_to(elsewhere.parent)
    (folder / "entsoe" / "2001-01-01").symlink_to(elsewhere)
    found = run(maintenance_job(workspace))["prune_raw_answers"]
    assert (found["days deleted"], found["by source"]) == (1, {"entsoe": 1})
    left = {path.name for path in (folder / "entsoe").iterdir()}
    assert left == {young.isoformat(), "notes", "2001-01-01"}
    assert elsewhere.is_dir()


def test_no_folder_of_raw_answers_is_nothing_to_prune(tmp_path):
    assert prune_answers(tmp_path / "nowhere", NOW) == {}


def test_it_runs_at_night_after_everything_else_where_schedules_run(tmp_path):
    for running, expected in (("0", "STOPPED"), ("1", "RUNNING")):
        settings = settings_in(tmp_path, SCHEDULES=running, MAINTENANCE_CRON="5 2 * * 6")
        definitions = maintenance_definitions(Workspace(settings, ()))
        (schedule,) = definitions.schedules
        assert schedule.cron_schedule == "5 2 * * 6"
        assert schedule.default_status.name == expected
        job = definitions.resolve_job_def("maintenance")
        assert int(job.tags["dagster/priority"]) < 0
        assert job.executor_def.name == "in_process"
    default = settings_in(tmp_path).maintenance_cron.split()
    assert int(default[1]) < 5
