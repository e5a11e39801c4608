"""Schedules from the area's gates, and the sensor that tells people about failures.

Every time of day comes from the market facts in force; a tick after the gate skips with its reason.
Schedules and sensors start RUNNING where the settings say so.
"""

import json
import logging
import urllib.request
from datetime import date, datetime, timedelta
from http.client import HTTPException
from zoneinfo import ZoneInfo

import dagster as dg

from energy_assets.defs.decisions import SESSION
from energy_assets.defs.jobs import ingest_name, sources_of
from energy_assets.defs.launch import failure_line
from energy_assets.defs.partitions import delivery_days
from energy_assets.defs.resources import Workspace
from energy_assets.market import Session, load_area

_LOGGER = logging.getLogger(__name__)
# Prices come out some minutes after the nominal time; meters of a day by nine the next morning.
AFTER_PUBLICATION = timedelta(minutes=8)
_SETTLEMENT_HOUR = 10
_WEBHOOK_SECONDS = 10


def schedules(workspace: Workspace) -> list[dg.ScheduleDefinition]:
    """The schedules of every area that is not a benchmark, and hourly ingestion of its sources."""
    made = []
    for area in workspace.areas:
        if load_area(area).benchmark_only:
            continue
        made += [
            _day_ahead(workspace, area),
            _results(workspace, area),
            _settlement(workspace, area),
        ]
        made += [_ingest(workspace, source, area) for source in sources_of(workspace, area)]
    return made


def _day_ahead(workspace: Workspace, area: str) -> dg.ScheduleDefinition:
    session = load_area(area).session(SESSION)
    minutes = max(desk.lead_time_minutes for desk in workspace.desks_of(area))
    lead = timedelta(minutes=minutes)
    today = workspace.now().date()
    cron, zone = _daily(session, today, session.gate_closure(today) - lead)

    @dg.schedule(
        name=f"day_ahead__{area}__schedule",
        job_name=f"day_ahead__{area}",
        cron_schedule=cron,
        execution_timezone=zone,
        default_status=default_status(workspace),
        description=f"{minutes} min before the day-ahead gate of {area}.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        day = _decided_day(session, context.scheduled_execution_time, lead)
        gate = session.gate_closure(day)
        if workspace.now() > gate:
            return dg.SkipReason(f"the gate of {day} closed at {gate.isoformat()}")
        return _request(workspace, area, day)

    return _schedule


def _results(workspace: Workspace, area: str) -> dg.ScheduleDefinition:
    session = load_area(area).session(SESSION)
    today = workspace.now().date()
    cron, zone = _daily(session, today, session.publication(today) + AFTER_PUBLICATION)

    @dg.schedule(
        name=f"results__{area}__schedule",
        job_name=f"results__{area}",
        cron_schedule=cron,
        execution_timezone=zone,
        default_status=default_status(workspace),
        description=f"After the day-ahead results of {area}.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        tick = context.scheduled_execution_time - AFTER_PUBLICATION
        return _request(workspace, area, _published_day(session, tick))

    return _schedule


def _settlement(workspace: Workspace, area: str) -> dg.ScheduleDefinition:
    zone = load_area(area).timezone

    @dg.schedule(
        name=f"settlement__{area}__schedule",
        job_name=f"settlement__{area}",
        cron_schedule=f"0 {_SETTLEMENT_HOUR} * * *",
        execution_timezone=zone,
        default_status=default_status(workspace),
        description=f"Yesterday's delivery of {area}, once metered.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        local = context.scheduled_execution_time.astimezone(ZoneInfo(zone)).date()
        return _request(workspace, area, local - timedelta(days=1))

    return _schedule


def _ingest(workspace: Workspace, source: str, area: str) -> dg.ScheduleDefinition:
    name = ingest_name(source, area)
    zone = ZoneInfo(delivery_days(area).timezone)

    @dg.schedule(
        name=f"{name}__schedule",
        job_name=name,
        cron_schedule=workspace.settings.ingest_cron,
        execution_timezone="UTC",
        default_status=default_status(workspace),
        description=f"News from {source} for {area}.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        tick = context.scheduled_execution_time
        # The last day with a partition: what its decision needs is fetched ahead of its gate.
        tomorrow = tick.astimezone(zone).date() + timedelta(days=1)
        return dg.RunRequest(
            run_key=f"{name}/{tick.isoformat()}", partition_key=tomorrow.isoformat()
        )

    return _schedule


def failure_sensor(workspace: Workspace) -> dg.SensorDefinition:
    """Run failures to the log and, where one is set, to the webhook, by owner."""
    running = workspace.settings.schedules_running
    status = dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED

    @dg.run_failure_sensor(name="run_failures", default_status=status)
    def _failures(context: dg.RunFailureSensorContext) -> None:
        run = context.dagster_run
        desks = workspace.desks_of(run.tags.get("area", "")) or workspace.desks
        lines = [failure_line(event) for event in context.get_step_failure_events()]
        message = {
            "job": run.job_name,
            "run_id": run.run_id,
            "delivery_day": run.tags.get("dagster/partition", ""),
            "owner": ", ".join(sorted({desk.owner for desk in desks})),
            "error": "; ".join(lines) or context.failure_event.message,
        }
        _LOGGER.error("run failed: %s", json.dumps(message))
        _post(workspace, message)

    sensor: dg.SensorDefinition = _failures
    return sensor


def _post(workspace: Workspace, message: dict[str, str | None]) -> None:
    secret = workspace.settings.webhook_url
    if secret is None:
        return
    url = secret.get_secret_value()
    if not url.startswith(("https://", "http://")):
        _LOGGER.error("webhook: expected an http(s) address")
        return
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
        url,
        data=json.dumps(message).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=_WEBHOOK_SECONDS):  # noqa: S310
            pass
    # An address that cannot be used raises with the address in its text: only its type is logged.
    except (OSError, HTTPException, ValueError) as error:
        _LOGGER.error("webhook did not answer: %s", type(error).__name__)


def _request(workspace: Workspace, area: str, day: date) -> dg.RunRequest:
    desks = workspace.desks_of(area)
    tags = {
        "desk": ",".join(desk.name for desk in desks),
        "delivery_day": day.isoformat(),
        "session": SESSION,
    }
    return dg.RunRequest(partition_key=day.isoformat(), tags=tags)


def _decided_day(session: Session, tick: datetime, lead: timedelta) -> date:
    """The delivery day whose gate minus the lead time is nearest to the tick.

    Nearest, not next: on a clock-change day the two may lie an hour apart.
    """
    near = (tick + lead).date()
    return min(
        (near + timedelta(days=offset) for offset in range(-1, 4)),
        key=lambda day: abs(session.gate_closure(day) - lead - tick),
    )


def _published_day(session: Session, moment: datetime) -> date:
    """The last delivery day whose results are out."""
    day = moment.date() + timedelta(days=2)
    while session.publication(day) > moment:
        day -= timedelta(days=1)
    return day


def _daily(session: Session, day: date, at: datetime) -> tuple[str, str]:
    zone = session.facts.gate_closure.on(day).clock
    local = at.astimezone(ZoneInfo(zone))
    return f"{local.minute} {local.hour} * * *", zone


def default_status(workspace: Workspace) -> dg.DefaultScheduleStatus:
    """Running or stopped at start, by setting."""
    running = workspace.settings.schedules_running
    return dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED
