"""Which decisions an outage message makes again, when, and when not."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from dagster import DagsterRunStatus

from energy_assets.definitions import build_defs
from energy_assets.lakehouse.lake import Lake
from energy_assets.market import load_area
from energy_assets_tests.curation.outage_rows import HOUR, add, day_of, message
from energy_assets_tests.defs.chain import settings_in
from energy_assets_tests.e2e.desks import reference_desk
from energy_assets_tests.lakehouse.frames import SteppingClock, bid_run

TODAY = date(2025, 11, 12)
TOMORROW, NEXT = TODAY + timedelta(days=1), TODAY + timedelta(days=2)
# Gate noon in Brussels the day before: 11:00 UTC in winter.
MORNING = datetime(2025, 11, 12, 9, tzinfo=UTC)
GATE = datetime(2025, 11, 12, 11, tzinfo=UTC)
DESK = reference_desk(["gas_turbine", "battery"])
DESKS = (DESK, reference_desk(["gas_turbine"], name="south"))


@dataclass
class Trading:
    """A day of a desk whose clock a test sets, and the sensor that watches it."""

    lake: Lake
    definitions: dg.Definitions
    clock: SteppingClock
    instance: dg.DagsterInstance
    cursor: str | None = None
    said: str = ""

    def told(self, *messages: dict, desk: str = DESK.name, **options: object) -> None:
        """Messages come into the lake."""
        add(self.lake, desk, *messages, **options)

    def look(self, at: datetime | None = None) -> list[dg.RunRequest]:
        """One evaluation; what it says where it asks for nothing is in `said`."""
        if at is not None:
            self.clock.now = at
        repository = self.definitions.get_repository_def()
        sensor = repository.get_sensor_def("outages__SIM_DE_LU")
        with dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, repository_def=repository
        ) as context:
            tick = sensor.evaluate_tick(context)
        self.cursor, self.said = tick.cursor, tick.skip_message or ""
        return list(tick.run_requests or [])

    def days(self, at: datetime | None = None) -> list[str]:
        """Delivery days the next look asks for."""
        return [request.partition_key for request in self.look(at)]

    def run(self, status: DagsterRunStatus, day: date = TOMORROW, **tags: str) -> dg.DagsterRun:
        """A run of the instance in some state."""
        job = self.definitions.resolve_job_def(tags.pop("job", "rebid__SIM_DE_LU"))
        given = {"dagster/partition": day.isoformat(), "desk": DESK.name, **tags}
        return self.instance.create_run_for_job(job, status=status, tags=given)

    def bids(self, decided: datetime, day: date = TOMORROW) -> None:
        """A decision of the day is finished."""
        gate = load_area(DESK.area).session().gate_closure(day)
        row = bid_run("sha", day=day, decision_time=decided, gate_closure=gate)
        self.lake.append("bids.bid_runs", row, scope=DESK.name)


@pytest.fixture(scope="module")
def desk_at_work(tmp_path_factory: pytest.TempPathFactory) -> Trading:
    """Definitions are made once: every test has its own lake and instance."""
    root = tmp_path_factory.mktemp("outages")
    settings, clock = settings_in(root), SteppingClock(MORNING)
    definitions = build_defs(settings, DESKS, clock=clock, with_warehouse=False)
    definitions.get_repository_def()
    instance = dg.DagsterInstance.ephemeral()
    return Trading(Lake(settings.lake_root, clock=clock), definitions, clock, instance)


@pytest.fixture
def trading(desk_at_work: Trading) -> Iterator[Trading]:
    shutil.rmtree(desk_at_work.lake.storage.root, ignore_errors=True)
    desk_at_work.clock.now = MORNING
    with dg.DagsterInstance.ephemeral() as instance:
        yield replace(desk_at_work, instance=instance, cursor=None)


def outage(first: date = TOMORROW, last: date | None = None, left: float = 0, **more) -> dict:
    """An outage of the gas turbine over whole days."""
    start, end = day_of(first).start, day_of(last or first).end
    return message(start, end, left, unit="gas_turbine", **{"known": MORNING, **more})


def test_before_the_gate_the_touched_day_is_decided_again_now(trading):
    trading.told(outage())
    (request,) = trading.look(MORNING)
    assert request.partition_key == "2025-11-13"
    assert request.run_key == "reference_light/day_ahead/2025-11-13/m/1"
    wanted = {"desk": DESK.name, "session": "day_ahead", "delivery_day": "2025-11-13"}
    assert wanted.items() <= request.tags.items()
    assert request.tags["mode"] == "live"
    decided = datetime.fromisoformat(request.tags["decision_time"])
    assert timedelta() < decided - MORNING < timedelta(seconds=9)
    assert {key.path[0] for key in request.asset_selection} == {DESK.name}


def test_a_rebid_is_less_urgent_than_a_gate_and_more_than_anything_else(trading):
    tags = {
        job.name.split("__")[0]: int(job.tags["dagster/priority"])
        for job in trading.definitions.get_repository_def().get_all_jobs()
        if not job.name.startswith("__")
    }
    assert tags["day_ahead"] > tags["rebid"] > tags["results"] > tags["ingest"]


def test_no_news_is_no_run_and_a_look_at_nothing_new_reads_no_rows(trading, monkeypatch):
    assert trading.days() == []
    assert trading.said == "no news about outages of own units"
    trading.told(outage())
    assert trading.days() == ["2025-11-13"]
    monkeypatch.setattr(Lake, "read", None)
    assert trading.days() == []


def test_the_same_message_again_asks_for_nothing(trading):
    trading.told(outage())
    trading.look()
    trading.told(outage())
    trading.told(outage(NEXT, message_id="far"))
    assert trading.days() == []


@pytest.mark.parametrize(
    "revised",
    [
        {"left": 50},
        {"status": "withdrawn"},
        # It ends before the day begins: what the last revision took comes back.
        {"first": TODAY},
    ],
)
def test_a_revision_or_withdrawal_decides_what_the_message_touched_before(trading, revised):
    trading.told(outage())
    trading.look()
    trading.told(outage(revision=2, **revised))
    (request,) = trading.look()
    assert request.partition_key == "2025-11-13"
    assert request.run_key.endswith("/m/2")


def test_two_revisions_at_once_are_one_run_of_the_latest(trading):
    trading.told(outage(revision=2, left=50), outage(revision=1))
    (request,) = trading.look()
    assert request.run_key.endswith("/m/2")


def test_messages_written_at_the_same_time_are_each_seen_once(trading):
    trading.told(outage(message_id="a"), ingested_at=MORNING)
    assert trading.days(MORNING) == ["2025-11-13"]
    # A second writer stamped its rows with the same time, a third even earlier, and committed late.
    trading.told(outage(message_id="b"), ingested_at=MORNING)
    assert trading.days() == ["2025-11-13"]
    trading.told(outage(message_id="c"), ingested_at=MORNING - timedelta(minutes=2))
    (request,) = trading.look()
    assert request.run_key.endswith("/c/1")
    trading.told(outage(NEXT, message_id="far"), ingested_at=MORNING)
    assert trading.days() == []


def test_messages_about_units_of_others_are_no_news(trading):
    day = day_of(TOMORROW)
    trading.told(message(day.start, day.end, 0, unit="neighbour", known=MORNING))
    assert trading.days() == []


def test_every_open_day_that_can_be_decided_is_decided_again(trading):
    # Today's gate is closed, tomorrow's is open, the day after has no partition yet.
    trading.told(outage(TODAY, NEXT))
    assert trading.days() == ["2025-11-13"]
    trading.told(outage(TODAY, left=5, message_id="only today"))
    assert trading.days() == []
    assert "only today/1 touches no session that is open now" in trading.said


def test_after_the_gate_the_next_sessions_run_is_asked_for_once_it_can_be(trading):
    trading.clock.now = GATE + HOUR
    trading.told(outage(TOMORROW, NEXT))
    assert trading.days() == []
    assert "m/1 for reference_light on 2025-11-14 waits" in trading.said
    # The next day's partition begins at midnight in Berlin.
    assert trading.days(datetime(2025, 11, 12, 22, 59, tzinfo=UTC)) == []
    (request,) = trading.look(datetime(2025, 11, 12, 23, 1, tzinfo=UTC))
    assert request.partition_key == "2025-11-14"
    assert request.run_key == "reference_light/day_ahead/2025-11-14/m/1"


def test_after_the_gate_a_message_that_reaches_no_later_day_says_so(trading):
    trading.clock.now = GATE + HOUR
    trading.told(outage(TOMORROW))
    assert trading.days() == []
    assert "m/1 touches no session that is open now" in trading.said


@pytest.mark.parametrize(
    ("spent", "at", "asked"),
    [
        (None, GATE - timedelta(minutes=6), True),
        (None, GATE - timedelta(minutes=4), False),
        (60, GATE - timedelta(minutes=2), True),
        (600, GATE - timedelta(minutes=8), False),
    ],
)
def test_no_run_is_asked_for_that_would_usually_end_after_the_gate(trading, spent, at, asked):
    if spent:
        run = trading.run(DagsterRunStatus.STARTED)
        began, ended = (at.timestamp() - age for age in (spent + 900, 900))
        records = trading.instance.get_run_records()
        timed = [
            type(r)(**{**r._asdict(), "start_time": began, "end_time": ended}) for r in records
        ]
        trading.instance.report_run_failed(run)
        trading.instance.get_run_records = lambda *_, **__: timed
    trading.clock.now = at
    trading.told(outage())
    assert trading.days(at) == ["2025-11-13"] * asked


@pytest.mark.parametrize("job", ["day_ahead__SIM_DE_LU", "rebid__SIM_DE_LU"])
@pytest.mark.parametrize("status", [DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTED])
def test_one_decision_of_a_desk_and_day_is_in_flight(trading, job, status):
    run = trading.run(status, job=job)
    trading.told(outage())
    assert trading.days() == []
    assert f"run {run.run_id} is deciding that day" in trading.said
    trading.told(outage(revision=2, left=40))
    assert trading.days() == []
    trading.instance.report_run_failed(run)
    (request,) = trading.look()
    assert request.run_key.endswith("/m/2")
    assert trading.days() == []


def test_runs_of_other_days_desks_and_jobs_are_not_waited_for(trading):
    trading.run(DagsterRunStatus.STARTED, day=TODAY)
    trading.run(DagsterRunStatus.STARTED, desk="another")
    trading.run(DagsterRunStatus.STARTED, job="results__SIM_DE_LU")
    trading.told(outage())
    assert trading.days() == ["2025-11-13"]


def test_a_message_waiting_for_a_run_goes_to_the_next_session_if_the_gate_closes_meanwhile(trading):
    run = trading.run(DagsterRunStatus.STARTED)
    trading.told(outage(TOMORROW, NEXT))
    trading.look()
    trading.instance.report_run_failed(run)
    assert trading.days(GATE) == []
    assert "too late for the gate" in trading.said
    assert "next is 2025-11-14" in trading.said
    assert trading.days(datetime(2025, 11, 13, 8, tzinfo=UTC)) == ["2025-11-14"]


def test_orders_that_know_the_message_are_left_alone(trading):
    trading.told(outage())
    # A decision that began after the message came, as the scheduled one does.
    trading.bids(trading.clock.now + timedelta(seconds=30))
    assert trading.days() == []
    assert "the orders in force know it" in trading.said
    trading.told(outage(revision=2, left=70))
    trading.bids(MORNING - HOUR)
    trading.clock.now += timedelta(minutes=1)
    trading.told(outage(revision=3, left=60))
    assert trading.days() == ["2025-11-13"]


def test_a_message_is_not_used_before_it_may_be_known(trading):
    later = MORNING + HOUR
    trading.told(outage(known=later))
    assert trading.days() == []
    assert "not to be known before" in trading.said
    assert trading.days(later + timedelta(seconds=1)) == ["2025-11-13"]


def test_only_the_desk_a_message_is_about_decides_again(trading):
    trading.told(outage(), desk="south")
    (request,) = trading.look()
    assert request.tags["desk"] == "south"
    assert {key.path[0] for key in request.asset_selection} == {"south"}


@pytest.mark.parametrize("day", [date(2025, 3, 30), date(2025, 10, 26)])
@pytest.mark.parametrize("edge", ["first", "last"])
def test_the_edges_of_clock_change_days_belong_to_the_right_day(trading, day, edge):
    delivery = day_of(day)
    start = delivery.start if edge == "first" else delivery.end - HOUR
    before = load_area(DESK.area).session().gate_closure(day) - HOUR
    known = {"known": before, "unit": "gas_turbine"}
    trading.clock.now = before
    trading.told(message(start, start + HOUR, 0, **known))
    assert trading.days() == [day.isoformat()]
    outside = message(delivery.end, delivery.end + HOUR, 0, message_id="after", **known)
    inside = message(delivery.start - HOUR, delivery.start, 0, message_id="before", **known)
    trading.told(outside, inside)
    assert trading.days() == []


def test_a_cursor_of_another_release_starts_afresh(trading):
    trading.told(outage())
    trading.cursor = '{"what": "is this"}'
    assert trading.days() == ["2025-11-13"]


def test_a_look_at_years_of_messages_takes_less_than_a_second(trading):
    old = [
        outage(TODAY - timedelta(days=n % 700 + 2), message_id=f"old{n}", known=MORNING - HOUR)
        for n in range(3000)
    ]
    trading.told(*old, ingested_at=MORNING - timedelta(days=3))
    trading.look()
    trading.told(outage())
    began = time.process_time()
    assert trading.days() == ["2025-11-13"]
    assert time.process_time() - began < 1


def test_areas_without_gates_have_no_outage_sensor(tmp_path, repo):
    from energy_assets.portfolio import load_desk

    desk = load_desk(repo / "data/desks/epf_de.yaml")
    made = build_defs(settings_in(tmp_path), [desk], with_warehouse=False)
    names = {sensor.name for sensor in made.get_repository_def().sensor_defs}
    assert not any(name.startswith("outages__") for name in names)
