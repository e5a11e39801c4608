"""The quality job in-process: warnings with the rows they are about, and the pages."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from energy_assets.definitions import build_defs
from energy_assets.defs.quality.automation import (
    DATA_DOCS,
    check_name,
    quality_definitions,
    scopes,
)
from energy_assets.defs.resources import Workspace
from energy_assets.lakehouse.tables import TABLES
from energy_assets_tests.defs.chain import QUIET, settings_in
from energy_assets_tests.e2e.desks import reference_desk
from energy_assets_tests.lakehouse.frames import SteppingClock, hours, prices

PRICES = "raw.market_prices"
NOW = datetime(2026, 3, 31, 2, 40, tzinfo=UTC)
DESK = reference_desk(["battery"])


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(settings_in(tmp_path), (DESK,), SteppingClock(NOW))


def run(workspace: Workspace) -> dg.ExecuteInProcessResult:
    job = quality_definitions(workspace).resolve_job_def("quality")
    with warnings.catch_warnings(), dg.DagsterInstance.ephemeral() as instance:
        warnings.simplefilter("ignore")
        return job.execute_in_process(instance=instance, run_config=QUIET)


def test_what_is_not_met_warns_with_its_first_rows_and_the_run_succeeds(workspace):
    # The 23-hour day in quarter-hours, one price beyond any limit.
    start = datetime(2026, 3, 28, 23, tzinfo=UTC)
    batch = prices(hours(start, 92, 15), [50.0] * 91 + [20_000.0], start, minutes=15)
    workspace.lake.append_if_changed(PRICES, batch, scope=DESK.area)
    result = run(workspace)
    assert result.success
    checks = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert set(checks) == {check_name(table_id) for table_id in TABLES}
    failed = [name for name, each in checks.items() if not each.passed]
    assert failed == ["raw__market_prices"]
    check = checks["raw__market_prices"]
    assert check.severity == dg.AssetCheckSeverity.WARN
    # The short day is whole.
    (unmet,) = check.metadata["first"].value
    assert (unmet["scope"], unmet["column"], unmet["rows"]) == (DESK.area, "price", 1)
    assert unmet["first"][0]["price"] == "20000.0"
    (event,) = result.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert event.asset_key == DATA_DOCS
    assert metadata["suites"].value == 2
    assert metadata["suites with findings"].value == 1
    index = Path(metadata["data docs"].value)
    assert index == workspace.settings.reports / "data_docs" / "index.html"
    assert "20000.0" in index.read_text()


def test_an_empty_lake_is_no_finding(workspace):
    result = run(workspace)
    assert result.success
    assert all(each.passed for each in result.get_asset_check_evaluations())


def test_every_data_set_of_the_desks_is_looked_at(workspace):
    found = scopes(workspace)
    assert set(found) == {DESK.area, DESK.name, "global"}
    assert found["global"] is None
    assert found[DESK.name].delivery_day(NOW.date()).hours == 24


def test_it_runs_at_a_quiet_hour_where_schedules_run_and_is_in_no_deadline_process(tmp_path):
    settings = settings_in(tmp_path, SCHEDULES="1", QUALITY_CRON="7 4 * * *")
    definitions = quality_definitions(Workspace(settings, (DESK,)))
    (schedule,) = definitions.schedules
    assert (schedule.cron_schedule, schedule.default_status.name) == ("7 4 * * *", "RUNNING")
    assert settings_in(tmp_path).schedules_running is False
    assert int(settings_in(tmp_path).quality_cron.split()[1]) < 5

    def jobs(*, with_warehouse: bool) -> set[str]:
        made = build_defs(settings, [DESK], with_warehouse=with_warehouse)
        return {job.name for job in made.get_repository_def().get_all_jobs()}

    assert {"quality", "maintenance", "warehouse"} <= jobs(with_warehouse=True)
    assert not {"quality", "maintenance", "warehouse"} & jobs(with_warehouse=False)
