"""After publication: awards of the orders in force, and the units' schedules for them."""

from collections.abc import Iterator

import dagster as dg

from energy_assets.defs.decisions import decided_stamps, failing_in_one_line
from energy_assets.defs.partitions import delivery_days
from energy_assets.defs.resources import Workspace
from energy_assets.defs.specs import key, table_spec
from energy_assets.portfolio import Desk
from energy_assets.trading.runs import run_results


def result_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    """Awards and schedules of every desk."""
    return [_results(workspace, desk) for desk in workspace.desks]


def _results(workspace: Workspace, desk: Desk) -> dg.AssetsDefinition:
    deps = [key(desk.name, "bids.bid_runs"), key(desk.area, "raw.market_prices")]
    specs = [
        table_spec(desk.name, table_id, area=desk.area, deps=deps)
        for table_id in ("trading.awards", "bids.unit_schedules")
    ]

    @dg.multi_asset(
        name=f"{desk.name}__results",
        specs=specs,
        partitions_def=delivery_days(desk.area),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def _asset(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        with failing_in_one_line():
            runs = [
                run_results(workspace.lake, desk, stamp, workspace.now())
                for stamp in decided_stamps(context, workspace, desk)
            ]
        awards = runs[-1].awards
        hours = awards["resolution_min"][0] / 60
        metadata = {
            "dagster/row_count": sum(run.rows_written for run in runs),
            "sold MWh": float(awards["volume_mw"].clip(lower_bound=0).sum()) * hours,
            "bought MWh": -float(awards["volume_mw"].clip(upper_bound=0).sum()) * hours,
            "mean price": float(awards["price"].mean()),  # type: ignore[arg-type]
        }
        for spec in specs:
            yield dg.MaterializeResult(asset_key=spec.key, metadata=metadata)

    return _asset
