"""The job `what_if__<area>`: one report per desk and day, off the deadline path."""

from __future__ import annotations

import shutil
import warnings

import dagster as dg
import pytest

from energy_assets.bidding.runs import run_bids
from energy_assets.definitions import build_defs
from energy_assets.lakehouse.tables import TABLES
from energy_assets_tests.bidding.test_runs import BATTERY, DAY, with_scenarios
from energy_assets_tests.defs.chain import QUIET, Chain, failures

AREA = BATTERY.area


@pytest.fixture
def chain(tmp_path, repo):
    (tmp_path / "data/scenarios").mkdir(parents=True)
    for name in ("evening_spike", "gas_turbine_out"):
        shutil.copy(repo / f"data/scenarios/{name}.yaml", tmp_path / "data/scenarios")
    return Chain(tmp_path, BATTERY)


def run(chain, day=DAY):
    from energy_assets.defs.resources import Workspace
    from energy_assets.defs.what_if.assets import what_if_definitions

    workspace = Workspace(chain.settings, (BATTERY,), chain.clock)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sources = dg.Definitions(
            assets=[
                dg.AssetSpec([BATTERY.name, *name])
                for name in (("forecasts", "scenarios"), ("bids", "bid_runs"))
            ]
        )
        made = dg.Definitions.merge(what_if_definitions(workspace), sources)
        return made.resolve_job_def(f"what_if__{AREA}").execute_in_process(
            instance=chain.instance,
            partition_key=day.isoformat(),
            raise_on_error=False,
            run_config=QUIET,
        )


def test_a_run_writes_the_report_and_no_table(chain):
    lake = chain.lake
    run_bids(lake, BATTERY, with_scenarios(lake))
    versions = {name: lake.version(name) for name in TABLES}
    result = run(chain)
    assert result.success, failures(result)
    report = chain.settings.reports / f"what_if_{BATTERY.name}_{DAY}.html"
    assert "Price spike in the evening" in report.read_text(encoding="utf-8")
    (made,) = result.asset_materializations_for_node(f"{BATTERY.name}__reports__what_if")
    assert made.metadata["report"].value == str(report)
    assert "evening_spike" in made.metadata["cases"].value
    # The battery desk has no turbine to lose.
    assert "gas_turbine_out" not in made.metadata["cases"].value
    assert {name: lake.version(name) for name in TABLES} == versions


def test_a_day_without_a_decision_fails_in_one_line(chain):
    (line,) = failures(run(chain)).values()
    assert "energy-assets day-ahead --delivery-day" in line


def test_the_job_is_off_the_deadline_path(chain):
    deadline = build_defs(chain.settings, [BATTERY], with_warehouse=False)
    names = {job.name for job in deadline.get_repository_def().get_all_jobs()}
    assert not any(name.startswith("what_if") for name in names)
