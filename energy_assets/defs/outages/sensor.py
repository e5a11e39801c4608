"""The outage sensor: a new or revised message redoes the next open session of every MTU it touches.

Before the gate of a touched delivery day that is a run of `rebid__<area>` for this desk and day;
after it, the next delivery day's decision, as soon as that day can be decided. One run is in flight
per desk, session and day: while a decision of that day runs, the message waits in the cursor, and
if that run read it already, nothing is left to do. Of several messages the latest names the run; it
reads all of them. No run starts later than the gate less the usual run time.

A look reads nothing where the table has not changed.

Belongs here: news to run requests. Not here: which sessions news is about (`curation.outage_news`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl

from energy_assets.curation.outage_news import marks, outage_news, sessions_to_redo
from energy_assets.curation.outages import OUTAGES
from energy_assets.defs.decisions import DECISION_TIME, MODE, SESSION, run_days
from energy_assets.defs.jobs import decision_keys
from energy_assets.defs.outages.cursor import Cursor, Waiting, from_text, to_text
from energy_assets.defs.partitions import delivery_days
from energy_assets.defs.resources import Workspace
from energy_assets.lakehouse.current import runs_in_force
from energy_assets.market import load_area
from energy_assets.portfolio import Desk

# A sensor that starts looks back over one decision cycle: what was missed while it was down.
_FIRST_LOOK = timedelta(days=1)
_INTERVAL_SECONDS = 30
# Until runs have been timed; four times what the reference desk's chain takes on two cores.
_ASSUMED_RUN_TIME = timedelta(minutes=5)
_TIMED_RUNS = 10
_UNDER_WAY = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.MANAGED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def outage_sensors(workspace: Workspace) -> list[dg.SensorDefinition]:
    """One sensor per area that has gates to meet."""
    areas = [area for area in workspace.areas if not load_area(area).benchmark_only]
    return [_sensor(workspace, area) for area in areas]


def _sensor(workspace: Workspace, area: str) -> dg.SensorDefinition:
    running = workspace.settings.schedules_running
    status = dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED

    @dg.sensor(
        name=f"outages__{area}",
        job_name=f"rebid__{area}",
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=status,
        description=f"New or revised outages of own units redo the next open session in {area}.",
    )
    def _outages(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        look = _Look(workspace, area, context.instance)
        cursor = from_text(context.cursor, look.now - _FIRST_LOOK)
        requests, cursor = look.decide(look.read(cursor))
        reason = "; ".join(look.reasons) or "no news about outages of own units"
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else dg.SkipReason(reason),
            cursor=to_text(cursor),
        )

    sensor: dg.SensorDefinition = _outages
    return sensor


class _Look:
    """One evaluation: the time it is made at, and what it has to say."""

    def __init__(self, workspace: Workspace, area: str, instance: dg.DagsterInstance) -> None:
        self.workspace, self.area, self.instance = workspace, area, instance
        self.now = workspace.now()
        self.session = load_area(area).session(SESSION)
        self.reasons: list[str] = []

    def read(self, cursor: Cursor) -> Cursor:
        """The cursor with what news asks for."""
        version = self.workspace.lake.version(OUTAGES)
        if version == cursor.version:
            return cursor
        since, seen = cursor.since, []
        found = cursor
        for desk in self.workspace.desks_of(self.area):
            rows = self.workspace.lake.read(OUTAGES, scope=desk.name, latest_revision=False)
            units = {unit.name for unit in desk.units}
            for news in outage_news(rows, units, cursor.since, cursor.seen):
                days = self._sessions(news.spans)
                for day in days:
                    found = found.wait_for(Waiting(desk.name, day, news))
                if not days:
                    self.reasons.append(f"{news.label} touches no session that is open now")
            since = max([since, *rows["ingested_at"].unique()])
            seen.append(rows)
        kept = [mark for rows in seen for mark in marks(rows, since)]
        return replace(found, version=version, since=since, seen=tuple(kept))

    def decide(self, cursor: Cursor) -> tuple[list[dg.RunRequest], Cursor]:
        """Run requests for what can be redone now, and the cursor with what cannot yet."""
        requests = []
        for asked in cursor.waiting:
            if self._is_too_late(asked):
                cursor = self._moved_on(cursor.without(asked), asked)
            elif reason := self._why_wait(asked):
                self.reasons.append(f"{_name(asked)} waits: {reason}")
            elif self._is_known(asked):
                cursor = cursor.without(asked)
                self.reasons.append(f"{_name(asked)}: the orders in force know it")
            else:
                cursor = cursor.without(asked)
                requests.append(self._request(asked))
        return requests, cursor

    def _sessions(self, spans: tuple[tuple[datetime, datetime], ...]) -> list[date]:
        return sessions_to_redo(self.session, spans, self.now, self._last_day, self._run_time)

    @property
    def _last_day(self) -> date:
        """Last delivery day that has a partition."""
        partitions = delivery_days(self.area)
        today = self.now.astimezone(ZoneInfo(partitions.timezone)).date()
        return today + timedelta(days=partitions.end_offset - 1)

    @cached_property
    def _run_time(self) -> timedelta:
        """The longest of the last runs of the job."""
        done = dg.RunsFilter(job_name=f"rebid__{self.area}", statuses=[dg.DagsterRunStatus.SUCCESS])
        records = self.instance.get_run_records(done, limit=_TIMED_RUNS)
        spent = [r.end_time - r.start_time for r in records if r.end_time and r.start_time]
        return timedelta(seconds=max(spent)) if spent else _ASSUMED_RUN_TIME

    def _is_too_late(self, asked: Waiting) -> bool:
        return self.now > self.session.gate_closure(asked.day) - self._run_time

    def _moved_on(self, cursor: Cursor, asked: Waiting) -> Cursor:
        """The next session's run instead, if the message reaches it."""
        days = [day for day in self._sessions(asked.news.spans) if day > asked.day]
        gate = self.session.gate_closure(asked.day).isoformat()
        then = f"next is {days[0]}" if days else "no session after it is touched"
        self.reasons.append(f"{_name(asked)}: too late for the gate at {gate}; {then}")
        return cursor.wait_for(replace(asked, day=days[0])) if days else cursor

    def _why_wait(self, asked: Waiting) -> str:
        if asked.day > self._last_day:
            return "the gates before it are closed, and it can be decided from the day before on"
        if asked.news.known_from > self.now:
            return f"not to be known before {asked.news.known_from.isoformat()}"
        under_way = self._under_way(asked)
        return f"run {under_way} is deciding that day" if under_way else ""

    def _under_way(self, asked: Waiting) -> str:
        """Id of a run that decides the desk's day now; empty if none does."""
        for job in (f"day_ahead__{self.area}", f"rebid__{self.area}"):
            for run in self.instance.get_runs(dg.RunsFilter(job_name=job, statuses=_UNDER_WAY)):
                if _decides(run.tags, asked):
                    return str(run.run_id)
        return ""

    def _desk(self, name: str) -> Desk:
        return next(desk for desk in self.workspace.desks if desk.name == name)

    def _is_known(self, asked: Waiting) -> bool:
        """Whether the run in force read the message."""
        day = self.session.delivery_day(asked.day)
        rows = self.workspace.lake.read(
            "bids.bid_runs",
            scope=asked.desk,
            start=day.start,
            end=day.end,
            where={"session": SESSION, "delivery_day": asked.day, "mode": "live"},
            latest_revision=False,
        )
        knew = runs_in_force(rows).filter(
            pl.col("ingested_before") > asked.news.ingested_at,
            pl.col("decision_time") >= asked.news.known_from,
        )
        return not knew.is_empty()

    def _request(self, asked: Waiting) -> dg.RunRequest:
        day = asked.day.isoformat()
        return dg.RunRequest(
            run_key="/".join((asked.desk, SESSION, day, asked.news.label)),
            partition_key=day,
            # The other desks of the area have heard nothing new.
            asset_selection=decision_keys(self._desk(asked.desk)),
            tags={
                "desk": asked.desk,
                "session": SESSION,
                "delivery_day": day,
                DECISION_TIME: self.now.isoformat(),
                MODE: "live",
                "outage_message": asked.news.label,
            },
        )


def _decides(tags: Mapping[str, str], asked: Waiting) -> bool:
    """Whether a run with these tags decides a desk's day; one without a desk decides for all."""
    desks = tags.get("desk")
    if desks is not None and asked.desk not in desks.split(","):
        return False
    try:
        return asked.day in run_days(tags)
    except dg.Failure:
        # Launched without a delivery day: it will fail on that by itself.
        return False


def _name(asked: Waiting) -> str:
    return f"{asked.news.label} for {asked.desk} on {asked.day}"
