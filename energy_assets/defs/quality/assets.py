"""One verdict per input of each decision; the bid ladder steps down on them."""

import dagster as dg

from energy_assets.defs.decisions import failing_in_one_line, ingested_before, stamps
from energy_assets.defs.partitions import delivery_days
from energy_assets.defs.raw.assets import raw_key
from energy_assets.defs.resources import Workspace
from energy_assets.defs.specs import table_spec
from energy_assets.feeds import feeds_for
from energy_assets.forecasting.runs import run_verdicts
from energy_assets.portfolio import Desk
from energy_assets.quality.verdicts import overall


def raw_keys(workspace: Workspace, desk: Desk) -> list[dg.AssetKey]:
    """Keys of the raw assets a desk reads."""
    feeds = feeds_for(desk, workspace.access)
    return sorted({raw_key(desk, feed) for feed in feeds})


def verdict_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    """One verdict asset per desk."""
    return [_verdicts(workspace, desk) for desk in workspace.desks]


def _verdicts(workspace: Workspace, desk: Desk) -> dg.AssetsDefinition:
    spec = table_spec(desk.name, "quality.verdicts", area=desk.area, deps=raw_keys(workspace, desk))

    @dg.multi_asset(
        name=f"{desk.name}__verdicts",
        specs=[spec],
        partitions_def=delivery_days(desk.area),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def _asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        before = ingested_before(context, workspace)
        lines, worst = [], []
        for stamp in stamps(context, workspace, desk):
            with failing_in_one_line():
                found = run_verdicts(workspace.lake, desk, stamp, before)
            worst.append(overall(found))
            lines += [
                f"| {stamp.delivery_day} | {v.source.name} | {v.verdict} | {v.detail} |"
                for v in found
            ]
        table = "| day | input | verdict | expected and found |\n|---|---|---|---|\n"
        return dg.MaterializeResult(
            asset_key=spec.key,
            metadata={
                "verdicts": dg.MetadataValue.md(table + "\n".join(lines[:400])),
                "worst verdict": max(worst, key=["good", "suspect", "missing"].index),
                "dagster/row_count": len(lines),
            },
        )

    return _asset
