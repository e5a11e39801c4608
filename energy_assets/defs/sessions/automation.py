"""Jobs and schedules of every gate beside the day-ahead auction's.

`<session>__<area>` brings the raw feeds up to date and decides the gate; it runs the longest lead
time of the area's desks before it. `<session>_results__<area>` follows the publication. Times come
from the market facts in force; a tick after the gate skips with its reason.
"""

# No postponed annotations here: Dagster reads the type of `context` from the function.
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from energy_assets.defs.jobs import (
    AFTER_GATE_PRIORITY,
    GATE_PRIORITY,
    area_job,
    raw_selection,
)
from energy_assets.defs.resources import Workspace
from energy_assets.defs.schedules import AFTER_PUBLICATION, default_status
from energy_assets.defs.sessions.assets import other_sessions, session_assets, session_key
from energy_assets.errors import MarketRuleError
from energy_assets.market import load_area

_DECISION = ("last_rung", "forecasts", "bids")


def session_definitions(workspace: Workspace) -> dg.Definitions:
    """Assets, jobs and schedules of every gate that a desk decides beside the day-ahead one."""
    jobs, schedules = [], []
    for area in workspace.areas:
        for session in sessions_of(workspace, area):
            jobs += [_decision(workspace, area, session), _results(workspace, area, session)]
            if not load_area(area).benchmark_only:
                schedules += [
                    _at_gate(workspace, area, session),
                    _after_publication(workspace, area, session),
                ]
    return dg.Definitions(assets=session_assets(workspace), jobs=jobs, schedules=schedules)


def sessions_of(workspace: Workspace, area: str) -> list[str]:
    """Gates that any desk of an area decides beside the day-ahead auction's."""
    found = [session for desk in workspace.desks_of(area) for session in other_sessions(desk)]
    return list(dict.fromkeys(found))


def _keys(
    workspace: Workspace, area: str, session: str, parts: tuple[str, ...]
) -> dg.AssetSelection:
    desks = [desk for desk in workspace.desks_of(area) if session in other_sessions(desk)]
    return dg.AssetSelection.assets(
        *(session_key(desk.name, session, part) for desk in desks for part in parts)
    )


def _decision(workspace: Workspace, area: str, session: str) -> "dg.UnresolvedAssetJobDefinition":
    raw = raw_selection(workspace, workspace.desks_of(area)).without_checks()
    return area_job(
        f"{session}__{area}",
        raw | _keys(workspace, area, session, _DECISION),
        area,
        f"Raw feeds to offers before the {session} gate.",
        GATE_PRIORITY,
        max_runtime=1800,
        tags={"session": session},
    )


def _results(workspace: Workspace, area: str, session: str) -> "dg.UnresolvedAssetJobDefinition":
    raw = raw_selection(workspace, workspace.desks_of(area)).without_checks()
    return area_job(
        f"{session}_results__{area}",
        raw | _keys(workspace, area, session, ("results",)),
        area,
        f"Awards of the {session} gate and unit schedules, after publication.",
        AFTER_GATE_PRIORITY,
        max_runtime=900,
        tags={"session": session},
    )


def _at_gate(workspace: Workspace, area: str, session: str) -> dg.ScheduleDefinition:
    facts = load_area(area)
    minutes = max(desk.lead_time_minutes for desk in workspace.desks_of(area))
    lead = timedelta(minutes=minutes)
    gate_today = facts.gate_closure(session, workspace.now().date())

    @dg.schedule(
        name=f"{session}__{area}__schedule",
        job_name=f"{session}__{area}",
        cron_schedule=_daily(gate_today - lead, facts.timezone),
        execution_timezone=facts.timezone,
        default_status=default_status(workspace),
        description=f"{minutes} min before the {session} gate of {area}.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        day = _nearest(area, session, context.scheduled_execution_time + lead)
        gate = facts.gate_closure(session, day)
        if workspace.now() > gate:
            return dg.SkipReason(f"the {session} gate of {day} closed at {gate.isoformat()}")
        return _request(workspace, area, session, day)

    return _schedule


def _after_publication(workspace: Workspace, area: str, session: str) -> dg.ScheduleDefinition:
    facts = load_area(area)
    out_today = facts.publication(session, workspace.now().date())

    @dg.schedule(
        name=f"{session}_results__{area}__schedule",
        job_name=f"{session}_results__{area}",
        cron_schedule=_daily(out_today + AFTER_PUBLICATION, facts.timezone),
        execution_timezone=facts.timezone,
        default_status=default_status(workspace),
        description=f"After the {session} results of {area}.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        moment = context.scheduled_execution_time - AFTER_PUBLICATION
        wait = facts.publication(session, moment.date()) - facts.gate_closure(
            session, moment.date()
        )
        return _request(workspace, area, session, _nearest(area, session, moment - wait))

    return _schedule


def _nearest(area: str, session: str, moment: datetime) -> date:
    """The delivery day whose gate is nearest to a moment.

    Nearest, not next: on a clock-change day the two may lie an hour apart.

    Raises:
        MarketRuleError: The session is not held around that time.
    """
    facts, gates = load_area(area), {}
    for offset in range(-1, 4):
        day = moment.date() + timedelta(days=offset)
        try:
            gates[day] = facts.gate_closure(session, day)
        except MarketRuleError:
            continue
    if not gates:
        msg = f"area {area}: no {session} gate around {moment.isoformat()}"
        raise MarketRuleError(msg)
    return min(gates, key=lambda day: abs(gates[day] - moment))


def _daily(at: datetime, zone: str) -> str:
    local = at.astimezone(ZoneInfo(zone))
    return f"{local.minute} {local.hour} * * *"


def _request(workspace: Workspace, area: str, session: str, day: date) -> dg.RunRequest:
    desks = [desk.name for desk in workspace.desks_of(area) if session in other_sessions(desk)]
    tags = {"desk": ",".join(desks), "delivery_day": day.isoformat(), "session": session}
    return dg.RunRequest(partition_key=day.isoformat(), tags=tags)
