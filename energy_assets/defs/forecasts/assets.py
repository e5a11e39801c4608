"""Quantiles and joint scenarios per desk and delivery day, as known at the decision time."""

from collections.abc import Iterator
from datetime import datetime

import dagster as dg

from energy_assets.defs.decisions import (
    RunContext,
    failing_in_one_line,
    ingested_before,
    stamps,
)
from energy_assets.defs.partitions import delivery_days
from energy_assets.defs.resources import Workspace, lake_models
from energy_assets.defs.specs import key, table_spec
from energy_assets.forecasting.runs import ForecastRun, run_forecast
from energy_assets.forecasting.targets import PRICE, target_kind, target_names
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.portfolio import Desk


def forecast_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    """One forecast asset pair per desk."""
    return [_forecast(workspace, desk) for desk in workspace.desks]


def _forecast(workspace: Workspace, desk: Desk) -> dg.AssetsDefinition:
    deps = [key(desk.name, "quality.verdicts")]
    targets = {target: _target_spec(desk, target, deps) for target in target_names(desk)}
    tables = [
        table_spec(
            desk.name, table_id, area=desk.area, deps=[spec.key for spec in targets.values()]
        )
        for table_id in ("forecasts.quantiles", "forecasts.scenarios")
    ]

    @dg.multi_asset(
        name=f"{desk.name}__forecasts",
        specs=[*targets.values(), *tables],
        partitions_def=delivery_days(desk.area),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def _asset(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        before = ingested_before(context, workspace)
        runs = []
        for stamp in stamps(context, workspace, desk):
            with failing_in_one_line():
                runs.append(forecast_of(context, workspace, desk, stamp, before))
        for target, spec in targets.items():
            yield dg.MaterializeResult(asset_key=spec.key, metadata=_of_target(runs, target))
        for spec in tables:
            yield dg.MaterializeResult(asset_key=spec.key, metadata=forecast_metadata(runs))

    return _asset


def forecast_of(
    context: RunContext, workspace: Workspace, desk: Desk, stamp: RunStamp, before: datetime
) -> ForecastRun:
    """One decision's forecast, written.

    A deadline run loads what `model_training` made; only a replay makes its own models.
    """
    return run_forecast(
        workspace.lake,
        desk,
        stamp,
        ingested_before=before,
        models=lake_models(
            workspace, desk, at=stamp.decision_time, before=before, run_id=stamp.run_id
        ),
        may_train=stamp.mode != "live",
        progress=lambda what, done, of: context.log.debug(f"{what}: {done}/{of}"),
    )


def _target_spec(desk: Desk, target: str, deps: list[dg.AssetKey]) -> dg.AssetSpec:
    """One target of a desk: its rows of `forecasts.quantiles`, and how they came about."""
    table = table_spec(desk.name, "forecasts.quantiles", area=desk.area, deps=deps)
    members = ", ".join(desk.forecast.members_of(target_kind(desk, target)))
    return table.replace_attributes(
        key=dg.AssetKey([desk.name, "forecasts", target]),
        description=(
            f"99 quantiles of {target} by MTU of the delivery day, made by the champion as of the "
            f"decision; the desk is set to {members}."
        ),
        metadata={**table.metadata, "members": members},
    )


def forecast_metadata(runs: list[ForecastRun]) -> dict[str, dg.MetadataValue]:
    """What a forecast step shows: rows, the rung and quantiles of the price, and notes."""
    return {
        "dagster/row_count": dg.MetadataValue.int(sum(run.rows_written for run in runs)),
        **_of_target(runs, PRICE),
        "note": dg.MetadataValue.text("; ".join(filter(None, (r.forecast.note for r in runs)))),
    }


def _of_target(runs: list[ForecastRun], target: str) -> dict[str, dg.MetadataValue]:
    made = [run.forecast.targets[target] for run in runs]
    last = made[-1]
    labels = runs[-1].forecast.day.local_labels()
    levels = (4, 24, 49, 74, 94)
    rows = [
        f"| {label} | " + " | ".join(f"{last.quantiles[i, level]:.1f}" for level in levels) + " |"
        for i, label in enumerate(labels)
        if label.endswith(":00")
    ]
    head = "| local | 5 % | 25 % | median | 75 % | 95 % |\n|---|---|---|---|---|---|\n"
    return {
        "forecast rung": dg.MetadataValue.text(", ".join(sorted({one.model for one in made}))),
        "forecast by": dg.MetadataValue.text(", ".join(last.members) or "outcomes alone"),
        "model version": dg.MetadataValue.text(last.version),
        "note": dg.MetadataValue.text("; ".join(one.note for one in made if one.note)),
        f"{target} quantiles": dg.MetadataValue.md(head + "\n".join(rows)),
    }
