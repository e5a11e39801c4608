"""The marts as assets: keys, owners and dependencies over what dbt says about its project.

`dagster_dbt` reads the manifest, which `make` writes (`dbt parse`): definitions load without
parsing anything. Marts are built whole, whatever part of them is selected, since the file is
replaced whole; what was not selected is built but not reported. They are in no deadline job.

Where the manifest is missing the rest of the graph still loads, and one asset says what to run.

Not here: running dbt and replacing the file (`build`), models and tests (`dbt_project/`).
"""

# No postponed annotations here: Dagster reads the type of `context` from the function.
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from energy_assets.defs.specs import key
from energy_assets.defs.warehouse.build import (
    SKIPPED,
    WARNED,
    NodeResult,
    WarehouseBuild,
    WarehouseError,
    build_warehouse,
    project_folder,
)
from energy_assets.settings import Settings

if TYPE_CHECKING:
    from dagster_dbt import DagsterDbtTranslator

GROUP = "warehouse"
OWNER = "team:data-engineering"
KINDS = {"dbt", "duckdb"}
MART = dg.AssetKey(["warehouse", "marts", "desk_days"])
PARSE = "dbt parse --project-dir dbt_project --profiles-dir dbt_project"

_UNIQUE_ID = "dagster_dbt/unique_id"
_ANY_DESK = "any_desk"

warehouse_job = dg.define_asset_job(
    "warehouse",
    selection=dg.AssetSelection.groups(GROUP),
    description="Rebuild the marts and replace the warehouse file.",
    executor_def=dg.in_process_executor,
    tags={"dagster/priority": "-1", "dagster/max_runtime": "1800"},
)


def manifest_file(settings: Settings) -> Path:
    """Where set-up puts what dbt knows about its project."""
    return project_folder(settings) / "target" / "manifest.json"


def warehouse_assets(
    settings: Settings, desks: Sequence[str] | None = None, manifest: Path | None = None
) -> list[dg.AssetsDefinition]:
    """The models as assets with dbt's tests as their checks.

    Args:
        settings: Names lake and warehouse.
        desks: Desks whose tables the marts are said to depend on; the settings' by default. The
            marts hold every desk of the lake.
        manifest: dbt manifest; the one made at set-up by default.
    """
    desks = settings.desks if desks is None else desks
    manifest = manifest or manifest_file(settings)
    if not manifest.is_file():
        return [_unparsed(manifest, desks)]
    # 1.2 CPU seconds: paid only by processes that show the warehouse.
    from dagster_dbt import dbt_assets

    @dbt_assets(manifest=manifest, name="marts", dagster_dbt_translator=_translator(desks))
    def marts(context: dg.AssetExecutionContext) -> Iterator[Any]:
        """Build the warehouse, report what was selected, fail if anything did."""
        try:
            build = build_warehouse(settings)
        except WarehouseError as error:
            raise dg.Failure(str(error)) from error
        yield from _events(context, build)
        _require_published(build)

    return [marts]


def _translator(desks: Sequence[str]) -> "DagsterDbtTranslator":
    from dagster_dbt import DagsterDbtTranslator

    class WarehouseTranslator(DagsterDbtTranslator):
        """Keys by folder; a source stands for the same table of every desk."""

        def get_asset_spec(
            self, manifest: Mapping[str, Any], unique_id: str, project: Any
        ) -> dg.AssetSpec:
            spec = super().get_asset_spec(manifest, unique_id, project)
            if unique_id.startswith("source."):
                return spec
            # No partition mapping is wanted: a mart reads every day of its sources.
            deps = [key for dep in spec.deps for key in _of_every_desk(dep.asset_key, desks)]
            return spec.replace_attributes(deps=deps, group_name=GROUP, owners=[OWNER], kinds=KINDS)

        def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
            if dbt_resource_props["resource_type"] == "source":
                stage, name = dbt_resource_props["source_name"], dbt_resource_props["name"]
                return key(_ANY_DESK, f"{stage}.{name}")
            return dg.AssetKey(["warehouse", *dbt_resource_props["fqn"][1:]])

    return WarehouseTranslator()


def _of_every_desk(found: dg.AssetKey, desks: Sequence[str]) -> list[dg.AssetKey]:
    if found.path[0] != _ANY_DESK:
        return [found]
    return [dg.AssetKey([desk, *found.path[1:]]) for desk in desks]


def _events(
    context: dg.AssetExecutionContext, build: WarehouseBuild
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Materialisations only of what readers can see; checks in any case."""
    specs = {spec.metadata[_UNIQUE_ID]: spec for spec in context.assets_def.specs}
    checks = {spec.metadata[_UNIQUE_ID]: spec for spec in context.assets_def.check_specs}
    # In dbt's order: Dagster wants every asset after those it depends on.
    for node in build.nodes:
        spec, check = specs.get(node.unique_id), checks.get(node.unique_id)
        if spec and build.published and spec.key in context.selected_asset_keys:
            metadata = {"dagster/row_count": node.rows, "seconds": node.seconds}
            yield dg.MaterializeResult(asset_key=spec.key, metadata=metadata)
        if check and node.status != SKIPPED and check.key in context.selected_asset_check_keys:
            yield _check_result(check.key, node)


def _check_result(check: dg.AssetCheckKey, node: NodeResult) -> dg.AssetCheckResult:
    warned = node.status == WARNED
    return dg.AssetCheckResult(
        asset_key=check.asset_key,
        check_name=check.name,
        passed=node.passed,
        severity=dg.AssetCheckSeverity.WARN if warned else dg.AssetCheckSeverity.ERROR,
        description=node.message or node.status,
        metadata={"status": node.status, "rows found": node.failures or 0},
    )


def _require_published(build: WarehouseBuild) -> None:
    if build.published:
        return
    failed = "; ".join(f"{node.unique_id}: {node.message}" for node in build.failed)
    raise dg.Failure(f"the warehouse is as it was, the new one did not pass: {failed}")


def _unparsed(manifest: Path, desks: Sequence[str]) -> dg.AssetsDefinition:
    instruction = f"dbt's manifest is missing at {manifest}: run `make ui`, or `{PARSE}`"

    @dg.asset(
        key=MART,
        deps=[key(desk, "trading.settlement") for desk in desks],
        group_name=GROUP,
        owners=[OWNER],
        kinds=KINDS,
        description=f"Not ready: {instruction}, then reload.",
    )
    def desk_days() -> None:
        raise dg.Failure(instruction)

    return desk_days
