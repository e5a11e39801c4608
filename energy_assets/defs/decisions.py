"""Which decisions a Dagster run makes: its partitions and tags, read as `RunStamp`s.

A run names its delivery days by partition or partition range. Tags may narrow it: `decision_time`
(ISO, else the desk's own) and `mode` (else `live` for a run that began before the gate, `replay`
after it). Two moments hold for a whole run, so that its steps agree with each other: the first step
that asks writes them as tags. `run_began` decides the mode; only rows written before
`ingested_before` are read.

Not here: what a step does with its decisions (the packages the assets call).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias, get_args

import dagster as dg

from energy_assets.defs.resources import Workspace
from energy_assets.errors import EnergyAssetsError
from energy_assets.lakehouse.run_stamp import Mode, RunStamp
from energy_assets.market import load_area
from energy_assets.portfolio import Desk

SESSION = "day_ahead"
DECISION_TIME, MODE = "decision_time", "mode"
RUN_BEGAN, INGESTED_BEFORE = "run_began", "ingested_before"
_PARTITION = "dagster/partition"
_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")

RunContext: TypeAlias = dg.AssetExecutionContext | dg.AssetCheckExecutionContext


def run_days(tags: Mapping[str, str]) -> list[date]:
    """Delivery days of a run, in order.

    Raises:
        dg.Failure: The run names none.
    """
    if _PARTITION in tags:
        return [date.fromisoformat(tags[_PARTITION])]
    if all(tag in tags for tag in _RANGE):
        first, last = (date.fromisoformat(tags[tag]) for tag in _RANGE)
        return [first + timedelta(days=i) for i in range((last - first).days + 1)]
    raise dg.Failure(
        description="expected a partition (delivery day) or a range of them, found none",
        allow_retries=False,
    )


def stamps(
    context: RunContext, workspace: Workspace, desk: Desk, session: str = SESSION
) -> list[RunStamp]:
    """The decisions a run makes at a session's gate: one per delivery day."""
    tags, run_id = context.run.tags, context.run.run_id
    area = load_area(desk.area)
    given, began = run_mode(tags), _moment(context, workspace, RUN_BEGAN)
    found = []
    for day in run_days(tags):
        in_time: Mode = "live" if began <= area.gate_closure(session, day) else "replay"
        at = _decision_time(tags) or desk.decision_time(day, session).astimezone(UTC)
        # Asked for before the gate, begun after it: nobody may act on it any more.
        late = given == "live" and in_time == "replay"
        found.append(RunStamp(session, day, at, run_id, in_time if late or not given else given))
    return found


def decided_stamps(
    context: RunContext, workspace: Workspace, desk: Desk, session: str = SESSION
) -> list[RunStamp]:
    """The decisions in force for a run's delivery days, for what follows the gate.

    The live decision made in time counts, else the latest replay; a day without either keeps the
    stamp a replay would have, for the step to say what is missing.
    """
    tags = context.run.tags
    if MODE in tags and DECISION_TIME in tags:
        return stamps(context, workspace, desk, session)
    found = []
    for stamp in stamps(context, workspace, desk, session):
        for mode in get_args(Mode)[:2]:
            runs = workspace.lake.current(
                "bids.bid_runs",
                scope=desk.name,
                session=session,
                delivery_day=stamp.delivery_day,
                mode=mode,
            )
            if len(runs):
                at = runs["decision_time"][0]
                found.append(RunStamp(session, stamp.delivery_day, at, stamp.run_id, mode))
                break
        else:
            found.append(stamp.as_mode("replay"))
    return found


def ingested_before(context: RunContext, workspace: Workspace) -> datetime:
    """The moment from which on rows written are not read by this run."""
    return _moment(context, workspace, INGESTED_BEFORE)


@contextmanager
def failing_in_one_line() -> Iterator[None]:
    """An error meant for people fails the step with its own line, and is not tried again."""
    try:
        yield
    except EnergyAssetsError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error


def _moment(context: RunContext, workspace: Workspace, tag: str) -> datetime:
    """A moment of the run, fixed as a tag by the first step that asks."""
    run = context.instance.get_run_by_id(context.run.run_id)
    found = run.tags.get(tag) if run else None
    if found is None:
        found = workspace.now().isoformat()
        context.instance.add_run_tags(context.run.run_id, {tag: found})
    return datetime.fromisoformat(found)


def _decision_time(tags: Mapping[str, str]) -> datetime | None:
    given = tags.get(DECISION_TIME)
    return None if given is None else datetime.fromisoformat(given).astimezone(UTC)


def run_mode(tags: Mapping[str, str]) -> Mode | None:
    """The mode a run was asked for; None where its gate decides."""
    for mode in get_args(Mode):
        if tags.get(MODE) == mode:
            known: Mode = mode
            return known
    return None
