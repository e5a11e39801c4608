"""Names that people and other systems hold on to; a change here is a change for them."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from energy_assets.definitions import build_defs
from energy_assets.lakehouse.tables import TABLES, table
from energy_assets_tests.defs.chain import settings_in

AREA_RAW = [
    "raw/fuel_prices",
    "raw/market_prices",
    "raw/system_actuals",
    "raw/system_forecasts",
    "raw/weather_actuals",
    "raw/weather_forecasts",
]
AREA_TABLES = [*AREA_RAW, "curated/market_series"]
DESK_RAW = ["raw/meter_readings", "raw/outages"]
DESK_TABLES = [
    "bids/bid_runs",
    "bids/curve_orders",
    "bids/dispatch_plan",
    "bids/unit_schedules",
    "curated/unit_availability",
    "curated/unit_generation",
    "forecasts/quantiles",
    "forecasts/scenarios",
    "forecasts/scores",
    "quality/verdicts",
    "trading/awards",
    "trading/settlement",
]
DESK_TARGETS = [
    f"forecasts/{name}" for name in ("price", "wind", "solar", "load", "imbalance_spread")
]
DESK_FILES = ["bids/last_rung", "reports/pre_trade", "reports/settled_day", "trading/order_file"]
JOBS = {
    "day_ahead__SIM_DE_LU",
    "ingest__reference_market__SIM_DE_LU",
    "rebid__SIM_DE_LU",
    "results__SIM_DE_LU",
    "settlement__SIM_DE_LU",
}


@pytest.fixture(scope="module")
def definitions(repo) -> dg.Definitions:
    return build_defs(settings_in(repo), with_warehouse=False)


def specs(definitions: dg.Definitions) -> Iterator[dg.AssetSpec]:
    for assets in definitions.assets or []:
        assert isinstance(assets, dg.AssetsDefinition)
        yield from assets.specs


def names(keys: object) -> set[str]:
    return {key.to_user_string() for key in keys}  # type: ignore[attr-defined]


def test_asset_keys_are_scope_stage_table(definitions):
    area = {f"SIM_DE_LU/{name}" for name in AREA_TABLES}
    desk = {f"reference/{name}" for name in [*DESK_RAW, *DESK_TABLES, *DESK_TARGETS, *DESK_FILES]}
    assert names(spec.key for spec in specs(definitions)) == area | desk


def test_nothing_depends_on_an_asset_that_is_not_there(definitions):
    made = names(spec.key for spec in specs(definitions))
    needed = {dep.asset_key.to_user_string() for spec in specs(definitions) for dep in spec.deps}
    assert needed <= made


def test_job_names(definitions):
    repository = definitions.get_repository_def()
    assert {job.name for job in repository.get_all_jobs()} == {*JOBS, "__ASSET_JOB"}


def test_check_names_and_which_of_them_block(definitions):
    checks = definitions.resolve_asset_graph().asset_check_keys
    inputs = {
        f"{key}:{name}__reference"
        for key in [f"SIM_DE_LU/{n}" for n in AREA_RAW] + [f"reference/{n}" for n in DESK_RAW]
        for name in ("inputs_complete", "inputs_fresh", "inputs_plausible", "no_rejected_rows")
    }
    blocking = {"reference/bids/curve_orders:market_rules"}
    others = inputs | {"reference/bids/bid_runs:no_unpublished_outage__reference"}
    assert {f"{c.asset_key.to_user_string()}:{c.name}" for c in checks} == others | blocking
    found = {
        f"{spec.asset_key.to_user_string()}:{spec.name}"
        for group in definitions.asset_checks or []
        for spec in group.check_specs
        if spec.blocking
    }
    assert found == blocking


def test_every_asset_says_what_it_is_and_who_answers_for_it(definitions):
    for spec in specs(definitions):
        where = spec.key.to_user_string()
        assert spec.group_name == spec.key.path[1], where
        assert spec.owners, where
        assert spec.kinds, where
        assert spec.description, where
        assert spec.partitions_def is not None, where


def test_every_table_asset_shows_the_registrys_columns(definitions):
    tables = [spec for spec in specs(definitions) if ".".join(spec.key.path[1:]) in TABLES]
    assert len(tables) == len(AREA_TABLES) + len(DESK_RAW) + len(DESK_TABLES)
    for spec in tables:
        schema = spec.metadata["dagster/column_schema"]
        registered = table(".".join(spec.key.path[1:])).all_columns
        assert [c.name for c in schema.columns] == [c.name for c in registered]
        assert all(column.description for column in schema.columns)
        assert spec.owners == [f"team:{table('.'.join(spec.key.path[1:])).owner}"]


def test_synthetic_assets_are_labelled(definitions):
    for spec in specs(definitions):
        if ".".join(spec.key.path[1:]) in TABLES:
            assert spec.tags["synthetic"] == "true"
            assert "Synthetic data." in spec.description
