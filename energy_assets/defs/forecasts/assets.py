"""Quantiles and joint scenarios per desk and delivery day, as known at the decision time."""

from collections.abc import Iterator

import dagster as dg

from energy_assets.defs.decisions import failing_in_one_line, ingested_before, stamps
from energy_assets.defs.partitions import delivery_days
from energy_assets.defs.resources import Workspace
from energy_assets.defs.specs import key, table_spec
from energy_assets.forecasting.day_ahead import PRICE
from energy_assets.forecasting.runs import ForecastRun, run_forecast
from energy_assets.portfolio import Desk


def forecast_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    """One forecast asset pair per desk."""
    return [_forecast(workspace, desk) for desk in workspace.desks]


def _forecast(workspace: Workspace, desk: Desk) -> dg.AssetsDefinition:
    deps = [key(desk.name, "quality.verdicts")]
    specs = [
        table_spec(desk.name, table_id, area=desk.area, deps=deps)
        for table_id in ("forecasts.quantiles", "forecasts.scenarios")
    ]

    @dg.multi_asset(
        name=f"{desk.name}__forecasts",
        specs=specs,
        partitions_def=delivery_days(desk.area),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def _asset(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        before = ingested_before(context, workspace)
        runs = []
        for stamp in stamps(context, workspace, desk):
            with failing_in_one_line():
                run = run_forecast(
                    workspace.lake,
                    desk,
                    stamp,
                    ingested_before=before,
                    progress=lambda what, done, of: context.log.debug(f"{what}: {done}/{of}"),
                )
            runs.append(run)
        for spec in specs:
            yield dg.MaterializeResult(asset_key=spec.key, metadata=_metadata(runs))

    return _asset


def _metadata(runs: list[ForecastRun]) -> dict[str, dg.MetadataValue]:
    last = runs[-1].forecast
    price = last.targets[PRICE]
    labels = last.day.local_labels()
    levels = (4, 24, 49, 74, 94)
    rows = [
        f"| {label} | " + " | ".join(f"{price.quantiles[i, level]:.1f}" for level in levels) + " |"
        for i, label in enumerate(labels)
        if label.endswith(":00")
    ]
    head = "| local | 5 % | 25 % | median | 75 % | 95 % |\n|---|---|---|---|---|---|\n"
    return {
        "dagster/row_count": dg.MetadataValue.int(sum(run.rows_written for run in runs)),
        "forecast rung": dg.MetadataValue.text(", ".join({run.forecast.rung for run in runs})),
        "note": dg.MetadataValue.text("; ".join(filter(None, (r.forecast.note for r in runs)))),
        "price quantiles": dg.MetadataValue.md(head + "\n".join(rows)),
    }
