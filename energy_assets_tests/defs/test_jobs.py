"""What runs together, in which order of importance, and for how long at most."""

from __future__ import annotations

import dagster as dg
import pytest

from energy_assets.definitions import build_defs
from energy_assets.portfolio import load_desk
from energy_assets_tests.defs.chain import settings_in
from energy_assets_tests.e2e.desks import reference_desk


@pytest.fixture(scope="module")
def definitions(repo) -> dg.Definitions:
    desks = [
        reference_desk(["battery", "wind"], name="north"),
        reference_desk(["battery"], name="south"),
        load_desk(repo / "data/desks/epf_de.yaml"),
    ]
    return build_defs(settings_in(repo), desks, with_warehouse=False)


def assets_of(definitions: dg.Definitions, job: str) -> set[str]:
    layer = definitions.resolve_job_def(job).asset_layer
    return {key.to_user_string() for key in layer.selected_asset_keys}


def test_a_decision_goes_from_raw_feeds_to_order_file_and_report(definitions):
    found = assets_of(definitions, "day_ahead__SIM_DE_LU")
    assert {
        "SIM_DE_LU/raw/market_prices",
        "north/raw/meter_readings",
        "north/quality/verdicts",
        "north/bids/last_rung",
        "north/forecasts/scenarios",
        "north/bids/bid_runs",
        "north/trading/order_file",
        "north/reports/pre_trade",
    } <= found
    # What is known only after the gate is another job's.
    assert not found & {"north/trading/awards", "north/trading/settlement"}


def test_an_areas_jobs_hold_every_desk_of_the_area_and_no_other(definitions):
    for job in ("day_ahead", "results", "settlement"):
        scopes = {name.split("/")[0] for name in assets_of(definitions, f"{job}__SIM_DE_LU")}
        assert scopes == {"SIM_DE_LU", "north", "south"}
        scopes = {name.split("/")[0] for name in assets_of(definitions, f"{job}__EPF_DE")}
        assert scopes == {"EPF_DE", "epf_de"}


def test_an_ingestion_job_holds_raw_tables_only(definitions):
    for job in ("ingest__reference_market__SIM_DE_LU", "ingest__files__EPF_DE"):
        found = assets_of(definitions, job)
        assert found
        assert {name.split("/")[1] for name in found} == {"raw"}


def test_each_area_of_a_shared_source_has_its_own_ingestion_of_that_sources_tables(repo, tmp_path):
    shared = [
        {"source": "energy_charts"},
        {"source": "fuel_folder", "folder": "fuel"},
        {"source": "own_outages", "folder": "outages"},
    ]
    desks = [
        reference_desk(["battery"], name=f"desk_{area.lower()}", area=area, feeds=shared)
        for area in ("DE_LU", "FR")
    ]
    made = build_defs(settings_in(tmp_path), desks, with_warehouse=False)
    for area in ("DE_LU", "FR"):
        found = {
            source: assets_of(made, f"ingest__{source}__{area}")
            for source in ("energy_charts", "fuel_folder", "own_outages")
        }
        assert f"{area}/raw/market_prices" in found["energy_charts"]
        # Closes of the whole world come in once per area: assets of a job share its days.
        assert found["fuel_folder"] == {f"{area}/raw/fuel_prices"}
        assert found["own_outages"] == {f"desk_{area.lower()}/raw/outages"}
        assert set.union(*found.values()) <= assets_of(made, f"day_ahead__{area}")


def test_checks_on_inputs_run_with_the_decision_they_are_about(definitions):
    def checks(job: str) -> set[str]:
        steps = {node.name for node in definitions.resolve_job_def(job).nodes}
        return {name for name in steps if name.endswith(("input_checks", "market_rules"))}

    assert checks("day_ahead__SIM_DE_LU") == {
        f"{desk}__{check}"
        for desk in ("north", "south")
        for check in ("input_checks", "bids__curve_orders_market_rules")
    }
    for job in (
        "results__SIM_DE_LU",
        "settlement__SIM_DE_LU",
        "ingest__reference_market__SIM_DE_LU",
    ):
        assert checks(job) == set()


def test_gates_come_first_and_every_job_ends(definitions):
    priority, seconds = {}, {}
    for job in definitions.get_repository_def().get_all_jobs():
        if job.name.startswith("__"):
            continue
        assert job.tags["session"] == "day_ahead"
        assert job.name.endswith(f"__{job.tags['area']}")
        priority[job.name.split("__")[0]] = int(job.tags["dagster/priority"])
        seconds[job.name.split("__")[0]] = int(job.tags["dagster/max_runtime"])
    assert priority["day_ahead"] > priority["results"] >= priority["settlement"]
    assert priority["settlement"] > priority["ingest"] > 0
    assert all(0 < value <= 3600 for value in seconds.values())


def test_deadline_jobs_run_in_one_process(definitions):
    for job in definitions.get_repository_def().get_all_jobs():
        if not job.name.startswith("__"):
            assert job.executor_def.name == "in_process"


def test_every_asset_backfills_a_range_in_one_run(definitions):
    for assets in definitions.assets or []:
        assert assets.backfill_policy == dg.BackfillPolicy.single_run(), assets.keys
