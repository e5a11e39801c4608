"""The re-plan of continuous trading and balancing energy: asset, jobs and schedules per area.

`<desk>/intraday/replan` is made again and again for one delivery day; its decision time is the
run's `decision_time` tag, else now. Orders and bids of a re-plan replace those of the one before
for the hours still open. Two jobs make it:

- `intraday__<area>` brings the raw feeds up to date first and runs every hour; an outage or a
  trader starts it at any other time;
- `balancing__<area>`, for desks with reserve products, reads what is in the lake and runs every
  quarter-hour before the gate of the area's balancing energy bids.
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
from energy_assets.defs.jobs import GATE_PRIORITY, REBID_PRIORITY, area_job, raw_selection
from energy_assets.defs.partitions import delivery_days
from energy_assets.defs.resources import Workspace
from energy_assets.defs.schedules import default_status
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.market import load_area
from energy_assets.portfolio import Desk
from energy_assets.trading.runs import earlier_results

_CRON = "5 * * * *"
# Usual time from the tick of the balancing schedule until its bids are in.
_BALANCING_LEAD_MINUTES = 5
BALANCING = "balancing"
PART = "replan"


def replan_definitions(workspace: Workspace) -> dg.Definitions:
    """Assets of desks that trade continuously, a job and a schedule per area."""
    desks = [desk for desk in workspace.desks if trades_continuously(desk)]
    areas = list(dict.fromkeys(desk.area for desk in desks))
    live = [area for area in areas if not load_area(area).benchmark_only]
    balancing = [area for area in areas if _balances(workspace, area)]
    return dg.Definitions(
        assets=[_asset(workspace, desk) for desk in desks],
        jobs=[
            *(_intraday_job(workspace, area) for area in areas),
            *(_balancing_job(workspace, area) for area in balancing),
        ],
        schedules=[
            *(_schedule(workspace, area, INTRADAY, _CRON) for area in live),
            *(
                _schedule(workspace, area, BALANCING, _balancing_cron(workspace, area))
                for area in live
                if area in balancing
            ),
        ],
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
            results = []
            for stamp in _stamps(context, workspace):
                earlier_results(workspace.lake, desk, stamp)
                results.append(run_replan(workspace.lake, desk, stamp, ingested_before=before))
        return dg.MaterializeResult(metadata=bid_metadata(results))

    made: dg.AssetsDefinition = _made
    return made


def _stamps(context: RunContext, workspace: Workspace) -> list[RunStamp]:
    tags = context.run.tags
    given = tags.get(DECISION_TIME)
    at = datetime.fromisoformat(given).astimezone(UTC) if given else workspace.now()
    mode = run_mode(tags) or "live"
    return [RunStamp(INTRADAY, day, at, context.run.run_id, mode) for day in run_days(tags)]


def _intraday_job(workspace: Workspace, area: str) -> "dg.UnresolvedAssetJobDefinition":
    desks = _desks(workspace, area)
    return area_job(
        f"{INTRADAY}__{area}",
        raw_selection(workspace, desks).without_checks() | _replans(desks),
        area,
        "Raw feeds and the re-plan of the hours still open.",
        REBID_PRIORITY,
        max_runtime=900,
        tags={"session": INTRADAY},
    )


def _balancing_job(workspace: Workspace, area: str) -> "dg.UnresolvedAssetJobDefinition":
    desks = [desk for desk in _desks(workspace, area) if desk.markets.reserves]
    return area_job(
        f"{BALANCING}__{area}",
        _replans(desks),
        area,
        "Balancing energy bids and the re-plan, from what is in the lake.",
        GATE_PRIORITY,
        max_runtime=600,
        tags={"session": INTRADAY},
    )


def _desks(workspace: Workspace, area: str) -> list[Desk]:
    return [desk for desk in workspace.desks_of(area) if trades_continuously(desk)]


def _replans(desks: list[Desk]) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*(dg.AssetKey([desk.name, INTRADAY, PART]) for desk in desks))


def _balances(workspace: Workspace, area: str) -> bool:
    has_reserves = any(desk.markets.reserves for desk in _desks(workspace, area))
    return has_reserves and load_area(area).balancing_energy is not None


def _balancing_cron(workspace: Workspace, area: str) -> str:
    """Every quarter-hour, the gate and the usual run time before one."""
    facts = load_area(area).balancing_energy
    assert facts is not None
    minutes = facts.on(workspace.now().date()).gate_minutes + _BALANCING_LEAD_MINUTES
    first = round(-minutes) % 15
    return f"{','.join(str(first + 15 * k) for k in range(4))} * * * *"


def _schedule(workspace: Workspace, area: str, session: str, cron: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{session}__{area}__schedule",
        job_name=f"{session}__{area}",
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=default_status(workspace),
        description=f"Re-plan of the hours of {area} still open.",
    )
    def _request(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        day = _open_day(area, context.scheduled_execution_time)
        tags = {
            "desk": ",".join(desk.name for desk in _desks(workspace, area)),
            "delivery_day": day.isoformat(),
            "session": INTRADAY,
        }
        return dg.RunRequest(partition_key=day.isoformat(), tags=tags)

    return _request


def _open_day(area: str, moment: datetime) -> date:
    """The delivery day of the next whole hour that is still open for a while."""
    session = load_area(area).session()
    return session.delivery_day_of(moment.astimezone(UTC) + timedelta(hours=2)).label
