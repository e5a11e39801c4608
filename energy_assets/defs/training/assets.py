"""The jobs `model_training__<area>`: models of the coming delivery day, made before its deadline.

One asset per desk, `forecasts/models`, partitioned by delivery day: its run makes every model that
serves the day, and catches up those of the days the combination looks back on: of what the desk is
set to, and of the champion that forecasts while that waits. A second run makes nothing. Then it
offers the configuration of each target as the desk is set to it: the first is champion, another is
validated against the champion and takes over or waits as challenger; a target whose champion cannot
be read is left as it is, with a warning. Off the deadline path: the daily run only loads.

The models are kept in the lake first, then entered in MLflow; where that store cannot be used the
run fails at its end with the reason, every forecast can be made all the same, and the next run
enters what is missing.

Not here: training (`forecasting.lifecycle.training`), validation (`forecasting.lifecycle.
validation`), checks on drift (`checks`).
"""

# No postponed annotations here: Dagster reads the type of `context` from the function.
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from energy_assets.defs.decisions import failing_in_one_line, ingested_before, run_days
from energy_assets.defs.partitions import delivery_days
from energy_assets.defs.resources import Workspace, artefacts, lake_models
from energy_assets.defs.specs import key, table_spec
from energy_assets.defs.training.checks import drift_checks
from energy_assets.errors import InputError
from energy_assets.forecasting.lifecycle import training
from energy_assets.forecasting.lifecycle.champions import Champions, Choice
from energy_assets.forecasting.lifecycle.mlflow_book import MlflowBook
from energy_assets.forecasting.lifecycle.registry import MODELS, LakeModels
from energy_assets.forecasting.lifecycle.training import (
    DeskTargets,
    TrainingReport,
    days_before,
    train_models,
)
from energy_assets.forecasting.lifecycle.validation import Validator
from energy_assets.market import load_area
from energy_assets.portfolio import Desk

# After re-bids and ingestion, before maintenance.
_TAGS = {"dagster/priority": "1", "dagster/max_runtime": "14400"}
_SHOWN = 200


@dataclass(frozen=True)
class _Offered:
    """What became of the configuration a desk is set to, or why nothing did.

    Attributes:
        name: Of the configuration.
        champion: Name of the champion it met; empty where there was none or it cannot be read.
        choice: What it was made, or is; None where the champion cannot be read.
        error: Why not.
    """

    name: str
    champion: str = ""
    choice: Choice | None = None
    error: str = ""


def training_definitions(workspace: Workspace) -> dg.Definitions:
    """Models, checks, one job per area and their schedules."""
    jobs = [_job(workspace, area) for area in workspace.areas]
    live = [area for area in workspace.areas if not load_area(area).benchmark_only]
    return dg.Definitions(
        assets=[models_asset(workspace, desk) for desk in workspace.desks],
        asset_checks=drift_checks(workspace),
        jobs=jobs,
        schedules=[_schedule(workspace, area) for area in live],
    )


def job_name(area: str) -> str:
    """Name of an area's training job."""
    return f"model_training__{area}"


def models_asset(workspace: Workspace, desk: Desk) -> dg.AssetsDefinition:
    """The trained models of a desk."""
    deps = [key(desk.area, "raw.market_prices"), key(desk.area, "raw.system_forecasts")]
    spec = table_spec(
        desk.name,
        MODELS,
        area=desk.area,
        deps=deps,
        note="Artefacts lie under the artefact root; MLflow has a run and a version of each.",
    )

    @dg.multi_asset(
        name=f"{desk.name}__models",
        specs=[spec],
        partitions_def=delivery_days(desk.area),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def _asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        before = ingested_before(context, workspace)
        days = run_days(context.run.tags)
        now, run_id = workspace.now(), context.run.run_id
        reach = training.looked_back_days(workspace.lake, desk, now, before)
        served = days_before(days[-1], (days[-1] - days[0]).days + reach)
        targets = training.desk_targets(workspace.lake, desk, served, now, before)
        models = lake_models(workspace, desk, run_id=run_id)
        with failing_in_one_line():
            report = train_models(
                targets,
                models,
                served,
                decision_time=desk.decision_time,
                at=now,
                progress=lambda what, done, of: _tell(context, what, done, of),
            )
        for name, reason in report.refused.items():
            context.log.warning(f"not trained: {name}: {reason}")
        champions = Champions(workspace.lake, desk.name, run_id)
        validator = Validator(
            workspace.lake,
            desk,
            models,
            at=now,
            ingested_before=before,
            run_id=run_id,
            progress=lambda what, done, of: _tell(context, what, done, of),
        )
        with failing_in_one_line():
            offered = _offer(champions, validator, targets, days[-1])
            for target, each in offered.items():
                if each.error:
                    context.log.warning(f"{target}: {each.error}")
            readable = [target for target, each in offered.items() if not each.error]
            entered = _enter(context, workspace, models, champions, readable)
        metadata = _metadata(report, entered, len(models.records()))
        return dg.MaterializeResult(
            asset_key=spec.key, metadata={**metadata, "champions": _table(offered)}
        )

    found: dg.AssetsDefinition = _asset
    return found


def _offer(
    champions: Champions, validator: Validator, targets: DeskTargets, day: date
) -> dict[str, _Offered]:
    """Offer what the desk is set to: first champion, or a challenger held against the champion."""
    found = {}
    for target in targets.targets():
        configuration = targets.configuration(target, day)
        try:
            champion = champions.in_role(target, "champion", validator.at)
            choice = validator.offer(champions, target, configuration)
        except InputError as error:
            found[target] = _Offered(configuration.name, error=str(error))
        else:
            reigning = champion.configuration.name if champion else ""
            found[target] = _Offered(configuration.name, reigning, choice)
    return found


def _enter(
    context: dg.AssetExecutionContext,
    workspace: Workspace,
    models: LakeModels,
    champions: Champions,
    targets: Sequence[str],
) -> list[str]:
    book = MlflowBook(workspace.settings.mlflow.get_secret_value(), artefacts(workspace))
    entered = book.enter_models(
        models.records().values(), lambda what, done, of: _tell(context, what, done, of)
    )
    champions.enter(book, targets, workspace.now())
    return entered


def _tell(context: dg.AssetExecutionContext, what: str, done: int, of: int) -> None:
    # A line per step of a few per cent, not per day.
    if done == of or done % max(1, of // 20) == 0:
        context.log.info(f"{what}: {done}/{of}")


def _metadata(report: TrainingReport, entered: list[str], on_record: int) -> dict[str, Any]:
    lines = [
        f"| {m.key.target} | {m.key.member} | {m.key.anchor} | {m.seconds:.2f} |"
        for m in report.trained[:_SHOWN]
    ]
    head = "| target | member | anchor | CPU seconds |\n|---|---|---|---|\n"
    refused = [f"{name}: {reason}" for name, reason in report.refused.items()]
    seconds = training.seconds_by_member(report.trained)
    return {
        "dagster/row_count": on_record,
        "models trained": len(report.trained),
        "models found": len(report.kept) - len(report.trained),
        "models mended": dg.MetadataValue.json(report.mended[:_SHOWN]),
        "not trained": dg.MetadataValue.json(refused[:_SHOWN]),
        "entered in MLflow": len(entered),
        "CPU seconds by member": dg.MetadataValue.json(seconds),
        "trained": dg.MetadataValue.md(head + "\n".join(lines)),
    }


def _table(offered: Mapping[str, _Offered]) -> dg.MetadataValue:
    """Challenger, champion, scores and decision by target."""
    lines = [
        f"| {target} | {each.name} | {each.champion or 'none'} | {_scores(each.choice)} "
        f"| {_decision(each)} |"
        for target, each in offered.items()
    ]
    head = (
        "| target | offered | champion | pinball99 | champion's | p of being worse | decision |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    return dg.MetadataValue.md(head + "\n".join(lines))


def _scores(choice: Choice | None) -> str:
    values = (
        (choice.pinball99, choice.champion_pinball99, choice.p_worse) if choice else (None,) * 3
    )
    return " | ".join("" if value is None else f"{value:.4g}" for value in values)


def _decision(offered: _Offered) -> str:
    choice = offered.choice
    if choice is None:
        return f"left as it is: {offered.error}"
    return f"{choice.role} since {choice.chosen_at:%Y-%m-%d %H:%M} UTC: {choice.reason}"


def _job(workspace: Workspace, area: str) -> "dg.UnresolvedAssetJobDefinition":
    keys = [key(desk.name, MODELS) for desk in workspace.desks_of(area)]
    return dg.define_asset_job(
        job_name(area),
        selection=dg.AssetSelection.assets(*keys),
        description="Models of the coming delivery day, before its deadline; drift checks.",
        partitions_def=delivery_days(area),
        executor_def=dg.in_process_executor,
        tags={"area": area, "session": "day_ahead", **_TAGS},
    )


def _schedule(workspace: Workspace, area: str) -> dg.ScheduleDefinition:
    zone = ZoneInfo(load_area(area).timezone)
    running = workspace.settings.schedules_running

    @dg.schedule(
        name=f"{job_name(area)}__schedule",
        job_name=job_name(area),
        cron_schedule=workspace.settings.training_cron,
        execution_timezone="UTC",
        default_status=(
            dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED
        ),
        description=f"Models that serve the next delivery day of {area}.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        today = context.scheduled_execution_time.astimezone(zone).date()
        day = today + timedelta(days=1)
        desks = ",".join(desk.name for desk in workspace.desks_of(area))
        return dg.RunRequest(
            partition_key=day.isoformat(),
            tags={"desk": desks, "delivery_day": day.isoformat(), "session": "day_ahead"},
        )

    return _schedule
