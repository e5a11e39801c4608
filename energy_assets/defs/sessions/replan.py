"""The re-plan of continuous trading: asset, job and schedule per area.

`<desk>/intraday/replan` is made again and again for one delivery day; its decision time is the
run's `decision_time` tag, else now. `intraday__<area>` brings the raw feeds up to date first and
runs every hour by default; an outage or a trader starts it at any other time. Orders of a re-plan
replace those of the one before for the hours still open.
"""

# No postponed annotations here: Dagster reads the type of `context` from the function.
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from energy_assets.bidding.replan_run import run_replan
from energy_assets.bidding.session_problem import INTRADAY
from energy_assets.defs.bids.assets import bid_metadata
from energy_assets.defs.decisions import (
    DECISION_TIME,
    RunContext,
    failing_in_one_line,
    ingested_before,
    run_days,
    run_mode,
)
from energy_assets.defs.jobs import REBID_PRIORITY, area_job, raw_selection
from energy_assets.defs.partitions import delivery_days
from energy_assets.defs.resources import Workspace
from energy_assets.defs.schedules import default_status
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.market import load_area
from energy_assets.portfolio import Desk

_CRON = "5 * * * *"
PART = "replan"


def replan_definitions(workspace: Workspace) -> dg.Definitions:
    """Assets of desks that trade continuously, a job and a schedule per area."""
    desks = [desk for desk in workspace.desks if trades_continuously(desk)]
    areas = list(dict.fromkeys(desk.area for desk in desks))
    live = [area for area in areas if not load_area(area).benchmark_only]
    return dg.Definitions(
        assets=[_asset(workspace, desk) for desk in desks],
        jobs=[_job(workspace, area) for area in areas],
        schedules=[_schedule(workspace, area) for area in live],
    )


def trades_continuously(desk: Desk) -> bool:
    """Whether a desk re-plans for continuous trading."""
    intraday = desk.markets.intraday
    return intraday is not None and intraday.continuous


def _asset(workspace: Workspace, desk: Desk) -> dg.AssetsDefinition:
    @dg.asset(
        key=dg.AssetKey([desk.name, INTRADAY, PART]),
        group_name=INTRADAY,
        owners=["team:trading"],
        kinds={"deltalake"},
        description="intraday: limit orders for the hours still open, from the newest knowledge.",
        partitions_def=delivery_days(desk.area),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def _made(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        before = ingested_before(context, workspace)
        with failing_in_one_line():
            results = [
                run_replan(workspace.lake, desk, stamp, ingested_before=before)
                for stamp in _stamps(context, workspace)
            ]
        return dg.MaterializeResult(metadata=bid_metadata(results))

    made: dg.AssetsDefinition = _made
    return made


def _stamps(context: RunContext, workspace: Workspace) -> list[RunStamp]:
    tags = context.run.tags
    given = tags.get(DECISION_TIME)
    at = datetime.fromisoformat(given).astimezone(UTC) if given else workspace.now()
    mode = run_mode(tags) or "live"
    return [RunStamp(INTRADAY, day, at, context.run.run_id, mode) for day in run_days(tags)]


def _job(workspace: Workspace, area: str) -> "dg.UnresolvedAssetJobDefinition":
    desks = [desk for desk in workspace.desks_of(area) if trades_continuously(desk)]
    keys = [dg.AssetKey([desk.name, INTRADAY, PART]) for desk in desks]
    return area_job(
        f"intraday__{area}",
        raw_selection(workspace, desks).without_checks() | dg.AssetSelection.assets(*keys),
        area,
        "Raw feeds and the re-plan of the hours still open.",
        REBID_PRIORITY,
        max_runtime=900,
        tags={"session": INTRADAY},
    )


def _schedule(workspace: Workspace, area: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"intraday__{area}__schedule",
        job_name=f"intraday__{area}",
        cron_schedule=_CRON,
        execution_timezone="UTC",
        default_status=default_status(workspace),
        description=f"Re-plan of the hours of {area} still open, every hour.",
    )
    def _request(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        day = _open_day(area, context.scheduled_execution_time)
        desks = [desk.name for desk in workspace.desks_of(area) if trades_continuously(desk)]
        tags = {
            "desk": ",".join(desks),
            "delivery_day": day.isoformat(),
            "session": INTRADAY,
        }
        return dg.RunRequest(partition_key=day.isoformat(), tags=tags)

    return _request


def _open_day(area: str, moment: datetime) -> date:
    """The delivery day of the next whole hour that is still open for a while."""
    session = load_area(area).session()
    return session.delivery_day_of(moment.astimezone(UTC) + timedelta(hours=2)).label
