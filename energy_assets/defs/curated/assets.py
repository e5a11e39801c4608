"""Curated tables per area and desk, as known when they are made; made again they only correct.

Off the deadline path: they follow results and settlement, and any range of days in one run.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime

import dagster as dg

from energy_assets.curation.runs import (
    AVAILABILITY,
    GENERATION,
    SERIES,
    Curated,
    curate_availability,
    curate_generation,
    curate_series,
)
from energy_assets.defs.decisions import failing_in_one_line, run_days
from energy_assets.defs.partitions import delivery_days
from energy_assets.defs.quality.assets import raw_keys
from energy_assets.defs.resources import Workspace
from energy_assets.defs.specs import key, table_spec
from energy_assets.lakehouse.lake import Lake
from energy_assets.portfolio import Desk

Curate = Callable[[Lake, Desk, Sequence[date], datetime], Curated]


def curated_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    """Market series of every area; availability and generation of every desk."""
    made = []
    for area in workspace.areas:
        # Desks of an area share its feeds, so any of them gives the same series.
        desk = workspace.desks_of(area)[0]
        deps = _present(workspace, desk, area, "market_prices", "system_actuals")
        deps += _present(workspace, desk, area, "system_forecasts")
        made.append(_asset(workspace, desk, area, SERIES, curate_series, deps))
    for desk in workspace.desks:
        outages = _present(workspace, desk, desk.name, "outages")
        meters = _present(workspace, desk, desk.name, "meter_readings", "telemetry")
        # Settlement meters the units that follow a schedule.
        meters.append(key(desk.name, "trading.settlement"))
        made += [
            _asset(workspace, desk, desk.name, AVAILABILITY, curate_availability, outages),
            _asset(workspace, desk, desk.name, GENERATION, curate_generation, [*outages, *meters]),
        ]
    return made


def _present(workspace: Workspace, desk: Desk, scope: str, *tables: str) -> list[dg.AssetKey]:
    """Raw assets of these tables that the desk's feeds bring."""
    there = set(raw_keys(workspace, desk))
    return [found for name in tables if (found := key(scope, f"raw.{name}")) in there]


def _asset(
    workspace: Workspace,
    desk: Desk,
    scope: str,
    table_id: str,
    curate: Curate,
    deps: list[dg.AssetKey],
) -> dg.AssetsDefinition:
    spec = table_spec(scope, table_id, area=desk.area, deps=deps)

    @dg.multi_asset(
        name=f"{scope}__{table_id.replace('.', '__')}",
        specs=[spec],
        partitions_def=delivery_days(desk.area),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def _curated(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with failing_in_one_line():
            done = curate(workspace.lake, desk, run_days(context.run.tags), workspace.now())
        return dg.MaterializeResult(
            asset_key=spec.key,
            metadata={"dagster/row_count": done.rows, "rows written": done.written},
        )

    return _curated
