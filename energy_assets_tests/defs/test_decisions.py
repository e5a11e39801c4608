"""Which decisions a run makes, and which one it follows up."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from energy_assets.defs import decisions
from energy_assets.defs.decisions import (
    decided_stamps,
    failing_in_one_line,
    ingested_before,
    stamps,
)
from energy_assets.defs.partitions import delivery_days
from energy_assets.defs.resources import Workspace
from energy_assets.errors import InputError
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets_tests.defs.chain import QUIET, settings_in
from energy_assets_tests.e2e.desks import reference_desk
from energy_assets_tests.lakehouse.frames import SteppingClock, bid_run

DESK = reference_desk(["battery"])
DAY = date(2026, 3, 29)
DECIDED = DESK.decision_time(DAY).astimezone(UTC)
GATE = DECIDED + timedelta(minutes=DESK.lead_time_minutes)
Step = Callable[[dg.AssetExecutionContext, Workspace], object]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(settings_in(tmp_path), (DESK,), SteppingClock(DECIDED))


def at(workspace: Workspace, now: datetime) -> None:
    assert isinstance(workspace.clock, SteppingClock)
    workspace.clock.now = now


def run(workspace: Workspace, *each: Step, **tags: str) -> list[object]:
    """What the steps of one run find, each in a step of its own."""
    found: list[object] = []

    def asset(number: int, step: Step) -> dg.AssetsDefinition:
        @dg.asset(
            name=f"step_{number}",
            deps=[f"step_{number - 1}"] if number else [],
            partitions_def=delivery_days(DESK.area),
            backfill_policy=dg.BackfillPolicy.single_run(),
        )
        def _asset(context):
            found.append(step(context, workspace))
            return dg.MaterializeResult()

        return _asset

    given = {name.replace("__", "/"): value for name, value in tags.items()}
    ranged = "dagster/asset_partition_range_start" in given
    with warnings.catch_warnings(), dg.DagsterInstance.ephemeral() as instance:
        warnings.simplefilter("ignore")
        dg.materialize(
            [asset(number, step) for number, step in enumerate(each)],
            instance=instance,
            partition_key=None if ranged else DAY.isoformat(),
            tags=given,
            run_config=QUIET,
        )
    return found


def made(context: dg.AssetExecutionContext, workspace: Workspace) -> list[RunStamp]:
    return stamps(context, workspace, DESK)


def followed(context: dg.AssetExecutionContext, workspace: Workspace) -> list[RunStamp]:
    return decided_stamps(context, workspace, DESK)


def bid(workspace: Workspace, mode: str, decision_time: datetime = DECIDED) -> None:
    row = bid_run("sha", day=DAY, mode=mode, decision_time=decision_time, gate_closure=GATE)
    workspace.lake.append("bids.bid_runs", row, scope=DESK.name)


@pytest.mark.parametrize(
    ("offset", "mode"), [(timedelta(seconds=-30), "live"), (timedelta(seconds=1), "replay")]
)
def test_a_decision_is_live_up_to_its_gate(workspace, offset, mode):
    at(workspace, GATE + offset)
    ((stamp,),) = run(workspace, made)
    assert (stamp.delivery_day, stamp.decision_time, stamp.mode) == (DAY, DECIDED, mode)


def test_a_run_asked_for_as_live_that_begins_after_the_gate_is_a_replay(workspace):
    at(workspace, GATE + timedelta(seconds=1))
    ((stamp,),) = run(workspace, made, decision_time=DECIDED.isoformat(), mode="live")
    assert (stamp.mode, stamp.decision_time) == ("replay", DECIDED)


def test_all_steps_of_a_run_share_one_mode_and_one_reading_time(workspace):
    at(workspace, GATE - timedelta(seconds=5))

    def late(context: dg.AssetExecutionContext, workspace: Workspace) -> object:
        at(workspace, GATE + timedelta(hours=1))
        return ingested_before(context, workspace)

    first, read, again, second = run(
        workspace, made, late, lambda context, workspace: ingested_before(context, workspace), made
    )
    assert first == second
    assert first[0].mode == "live"
    assert read == again > GATE


def test_each_day_of_a_range_has_its_own_time_and_mode(workspace):
    at(workspace, GATE + timedelta(hours=1))
    (found,) = run(
        workspace,
        made,
        dagster__asset_partition_range_start=DAY.isoformat(),
        dagster__asset_partition_range_end=(DAY + timedelta(days=1)).isoformat(),
    )
    assert [stamp.mode for stamp in found] == ["replay", "live"]
    # The clock changes between the two: eleven o'clock in Brussels is not 24 hours later.
    assert found[0].decision_time == datetime(2026, 3, 28, 10, tzinfo=UTC)
    assert found[1].decision_time == datetime(2026, 3, 29, 9, tzinfo=UTC)


def test_tags_set_time_and_mode(workspace):
    ((stamp,),) = run(workspace, made, decision_time="2026-03-28T08:30:00+01:00", mode="what_if")
    assert stamp.decision_time == datetime(2026, 3, 28, 7, 30, tzinfo=UTC)
    assert stamp.mode == "what_if"


def test_after_the_gate_the_live_decision_is_followed(workspace):
    at(workspace, GATE - timedelta(minutes=30))
    bid(workspace, "live")
    at(workspace, GATE + timedelta(hours=2))
    bid(workspace, "replay")
    ((stamp,),) = run(workspace, followed)
    assert (stamp.mode, stamp.decision_time) == ("live", DECIDED)


def test_a_live_decision_at_another_time_than_the_desks_is_followed_too(workspace):
    early = DECIDED - timedelta(minutes=17)
    at(workspace, GATE - timedelta(minutes=30))
    bid(workspace, "live", early)
    at(workspace, GATE + timedelta(hours=2))
    ((stamp,),) = run(workspace, followed)
    assert (stamp.mode, stamp.decision_time) == ("live", early)


def test_a_live_decision_finished_too_late_is_not_followed(workspace):
    at(workspace, GATE + timedelta(minutes=1))
    bid(workspace, "live")
    bid(workspace, "replay")
    ((stamp,),) = run(workspace, followed)
    assert stamp.mode == "replay"


def test_a_day_without_a_decision_is_asked_for_as_a_replay(workspace):
    ((stamp,),) = run(workspace, followed)
    assert (stamp.mode, stamp.decision_time) == ("replay", DECIDED)


def test_tags_decide_what_is_followed(workspace):
    at(workspace, GATE - timedelta(minutes=30))
    bid(workspace, "live")
    ((stamp,),) = run(workspace, followed, decision_time="2026-03-28T08:00:00+00:00", mode="replay")
    assert (stamp.mode, stamp.decision_time.hour) == ("replay", 8)


def test_an_error_for_people_fails_the_step_with_its_own_line():
    with pytest.raises(dg.Failure) as raised, failing_in_one_line():
        raise InputError("prices.csv: row 3", expected="a number", found="x")
    assert raised.value.description == "prices.csv: row 3: expected a number, found 'x'"
    assert raised.value.allow_retries is False
    with pytest.raises(ZeroDivisionError), failing_in_one_line():
        raise ZeroDivisionError


def test_every_mode_a_tag_may_name_is_known():
    for mode in ("live", "replay", "what_if"):
        assert decisions.run_mode({"mode": mode}) == mode
    assert decisions.run_mode({"mode": "wild"}) is None
