"""Curated assets over ranges of days, and the check on outages the market was not told of."""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from energy_assets.bidding.runs import run_last_rung
from energy_assets.defs.curated.assets import curated_assets
from energy_assets.defs.outages.checks import publication_checks
from energy_assets.defs.resources import Workspace
from energy_assets_tests.bidding.known_rows import add_readings
from energy_assets_tests.curation.outage_rows import add, day_of, message
from energy_assets_tests.defs.chain import LATER, QUIET, settings_in
from energy_assets_tests.e2e.desks import reference_desk, stamp_of
from energy_assets_tests.lakehouse.frames import SteppingClock

DESK = reference_desk(["wind", "battery"])
DAYS = (date(2026, 3, 28), date(2026, 3, 29), date(2026, 3, 30))
RANGE = {
    "dagster/asset_partition_range_start": DAYS[0].isoformat(),
    "dagster/asset_partition_range_end": DAYS[-1].isoformat(),
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(settings_in(tmp_path), (DESK,), SteppingClock(LATER))


def materialize(workspace: Workspace, **options: object) -> dg.ExecuteInProcessResult:
    with warnings.catch_warnings(), dg.DagsterInstance.ephemeral() as instance:
        warnings.simplefilter("ignore")
        assets = curated_assets(workspace)
        return dg.materialize(assets, instance=instance, run_config=QUIET, **options)  # type: ignore[arg-type]


def written(result: dg.ExecuteInProcessResult) -> dict[str, tuple[object, object]]:
    """Rows of the days and rows written, by table."""
    found = {}
    for event in result.get_asset_materialization_events():
        made = event.step_materialization_data.materialization
        counts = made.metadata["dagster/row_count"].value, made.metadata["rows written"].value
        found[made.asset_key.path[-1]] = counts
    return found


def test_a_range_over_the_clock_change_is_curated_in_one_run_and_again_writes_nothing(workspace):
    for label in DAYS:
        day = day_of(label)
        add_readings(workspace.lake, DESK, day, "wind", [9.0] * day.mtu_count, 15)
    periods = 96 + 92 + 96
    found = written(materialize(workspace, tags=RANGE))
    assert found["unit_generation"] == (periods, periods)
    assert found["unit_availability"] == (2 * periods, 2 * periods)
    assert found["market_series"] == (0, 0)
    again = written(materialize(workspace, tags=RANGE))
    assert again["unit_generation"] == (periods, 0)
    one = written(materialize(workspace, partition_key=DAYS[1].isoformat()))
    assert one["unit_availability"] == (2 * 92, 0)


def checked(workspace: Workspace) -> dg.AssetCheckEvaluation:
    definitions = dg.Definitions(
        asset_checks=publication_checks(workspace),
        jobs=[dg.define_asset_job("checks", selection=dg.AssetSelection.all_asset_checks())],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        job = definitions.resolve_job_def("checks")
        result = job.execute_in_process(tags=RANGE, run_config=QUIET)
    (found,) = result.get_asset_check_evaluations()
    return found


def test_an_unpublished_outage_warns_names_its_days_and_is_on_the_record_of_the_bid(workspace):
    day = day_of(DAYS[1])
    assert checked(workspace).passed
    known = datetime(2026, 3, 1, tzinfo=UTC)
    out = message(day.start, day.end, 5, unit="battery", known=known, published=None)
    add(workspace.lake, DESK.name, out)
    found = checked(workspace)
    assert found.check_name == "no_unpublished_outage__reference_light"
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.WARN
    named = "battery: m revision 1 (no time set)"
    assert found.metadata["messages by day"].value == {"2026-03-29": [named]}
    for label, note in zip(DAYS, ("", f"unpublished outages: {named}", ""), strict=True):
        bid = run_last_rung(workspace.lake, DESK, stamp_of(DESK, label))
        assert bool(bid.unpublished) == bool(note)
        rows = workspace.lake.read("bids.bid_runs", where={"delivery_day": label})
        assert rows["note"][0].endswith(note)
        assert ("unpublished" in rows["note"][0]) == bool(note)
