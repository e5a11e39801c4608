"""Which decisions a Dagster run makes: its partitions and tags, read as `RunStamp`s.

A run names its delivery days by partition or partition range. Tags may narrow it: `decision_time`
(ISO, else the desk's own), `ingested_before` (set by the first step that reads, so that every step
of a run reads the same rows). A decision after its gate is a replay.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from energy_assets.defs.resources import Workspace
from energy_assets.lakehouse.run_stamp import Mode, RunStamp
from energy_assets.market import load_area
from energy_assets.portfolio import Desk

SESSION = "day_ahead"
_PARTITION = "dagster/partition"
_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
DECISION_TIME = "decision_time"
INGESTED_BEFORE = "ingested_before"


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


def stamps(context: dg.AssetExecutionContext, workspace: Workspace, desk: Desk) -> list[RunStamp]:
    """One stamp per delivery day of the run."""
    return stamps_of(context.run.tags, context.run.run_id, workspace, desk)


def stamps_of(
    tags: Mapping[str, str], run_id: str, workspace: Workspace, desk: Desk
) -> list[RunStamp]:
    """Stamps from a run's tags: its delivery days, their decision times and mode."""
    session = load_area(desk.area).session(SESSION)
    given = tags.get(DECISION_TIME)
    found = []
    for day in run_days(tags):
        at = desk.decision_time(day) if given is None else datetime.fromisoformat(given)
        mode: Mode = "live" if workspace.now() <= session.gate_closure(day) else "replay"
        found.append(RunStamp(SESSION, day, at.astimezone(UTC), run_id, mode))
    return found


def ingested_before(context: dg.AssetExecutionContext, workspace: Workspace) -> datetime:
    """The moment from which on rows written are not read by this run.

    The first step that asks fixes it as a tag of the run.
    """
    run = context.instance.get_run_by_id(context.run.run_id)
    tags = run.tags if run else {}
    if INGESTED_BEFORE not in tags:
        moment = workspace.now().isoformat()
        context.instance.add_run_tags(context.run.run_id, {INGESTED_BEFORE: moment})
        return datetime.fromisoformat(moment)
    return datetime.fromisoformat(tags[INGESTED_BEFORE])
