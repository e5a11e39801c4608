"""Which delivery day a tick asks for, and when it asks for none."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from energy_assets.definitions import build_defs
from energy_assets.portfolio import Desk
from energy_assets_tests.defs.chain import settings_in
from energy_assets_tests.e2e.desks import reference_desk

BRUSSELS = ZoneInfo("Europe/Brussels")
WINTER = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
SECRET = "hook-5ecret"


def definitions(root, *desks: Desk, now: datetime = WINTER, **variables: str) -> dg.Definitions:
    chosen = desks or (reference_desk(["battery"]),)
    settings = settings_in(root, **variables)
    return build_defs(settings, chosen, clock=lambda: now, with_warehouse=False)


def brussels(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BRUSSELS)


def evaluate(made: dg.Definitions, name: str, tick: datetime) -> object:
    schedule = made.resolve_schedule_def(name)
    with dg.build_schedule_context(
        scheduled_execution_time=tick, repository_def=made.get_repository_def()
    ) as context:
        ticked = schedule.evaluate_tick(context)
    assert len(ticked.run_requests or []) <= 1
    return ticked.run_requests[0] if ticked.run_requests else ticked.skip_message


@pytest.mark.parametrize(
    ("tick", "day"),
    [
        ("2026-01-15T11:00", "2026-01-16"),
        # The day before, the day of and the day after each clock change.
        ("2026-03-27T11:00", "2026-03-28"),
        ("2026-03-28T11:00", "2026-03-29"),
        ("2026-03-29T11:00", "2026-03-30"),
        ("2026-10-24T11:00", "2026-10-25"),
        ("2026-10-25T11:00", "2026-10-26"),
        ("2025-12-31T11:00", "2026-01-01"),
    ],
)
def test_the_morning_tick_asks_for_tomorrow(tmp_path, tick, day):
    at = brussels(tick)
    made = definitions(tmp_path, now=at + timedelta(seconds=3))
    request = evaluate(made, "day_ahead__SIM_DE_LU__schedule", at)
    assert request.partition_key == day
    assert request.tags["delivery_day"] == day
    assert request.tags["desk"] == "reference_light"
    assert request.tags["session"] == "day_ahead"


@pytest.mark.parametrize("day", ["2026-01-15", "2026-03-29", "2026-10-25"])
def test_a_tick_that_fires_after_the_gate_skips_and_says_why(tmp_path, day):
    tick = brussels(f"{day}T11:00")
    made = definitions(tmp_path, now=tick + timedelta(minutes=60, seconds=1))
    skipped = evaluate(made, "day_ahead__SIM_DE_LU__schedule", tick)
    assert isinstance(skipped, str)
    assert "closed at" in skipped
    assert (tick.date() + timedelta(days=1)).isoformat() in skipped


@pytest.mark.parametrize("lead", [0, 30, 90, 10 * 60 + 30])
@pytest.mark.parametrize("day", ["2026-02-10", "2026-03-29", "2026-03-30", "2026-10-25"])
def test_the_lead_time_moves_the_tick_and_not_the_delivery_day(tmp_path, lead, day):
    desk = reference_desk(["battery"], lead_time_minutes=lead)
    name = "day_ahead__SIM_DE_LU__schedule"
    schedule = definitions(tmp_path, desk).resolve_schedule_def(name)
    minute, hour = (int(part) for part in schedule.cron_schedule.split()[:2])
    assert 12 * 60 - lead == 60 * hour + minute
    # The cron fires at one wall-clock time, on clock-change days too: there 01:30 is not 10.5 hours
    # before noon.
    tick = brussels(f"{day}T{hour:02d}:{minute:02d}")
    request = evaluate(definitions(tmp_path, desk, now=tick), name, tick)
    assert (
        request.partition_key
        == (datetime.fromisoformat(day).date() + timedelta(days=1)).isoformat()
    )


def test_the_desk_with_the_longest_lead_time_sets_the_tick(tmp_path):
    slow = reference_desk(["battery"], name="slow", lead_time_minutes=75)
    made = definitions(tmp_path, slow, reference_desk(["battery"], lead_time_minutes=20))
    schedule = made.resolve_schedule_def("day_ahead__SIM_DE_LU__schedule")
    assert schedule.cron_schedule == "45 10 * * *"


@pytest.mark.parametrize("now", [WINTER, datetime(2026, 7, 1, 9, tzinfo=UTC)])
def test_cron_strings_come_from_the_market_in_its_own_zone(tmp_path, now):
    found = {
        schedule.name: (schedule.cron_schedule, schedule.execution_timezone)
        for schedule in definitions(tmp_path, now=now).get_repository_def().schedule_defs
    }
    assert found == {
        "day_ahead__SIM_DE_LU__schedule": ("0 11 * * *", "Europe/Brussels"),
        "results__SIM_DE_LU__schedule": ("5 13 * * *", "Europe/Brussels"),
        "settlement__SIM_DE_LU__schedule": ("0 10 * * *", "Europe/Berlin"),
        "ingest__reference_market__SIM_DE_LU__schedule": ("20 * * * *", "UTC"),
    }


@pytest.mark.parametrize(
    ("tick", "day"),
    [
        ("2026-01-15T09:20", "2026-01-16"),
        # Tomorrow of the market, not of UTC; and there is a partition of it, whatever the hour.
        ("2026-01-15T00:20", "2026-01-16"),
        ("2026-01-15T23:20", "2026-01-16"),
        ("2026-03-28T23:20", "2026-03-29"),
        ("2026-03-29T00:20", "2026-03-30"),
        ("2026-10-25T00:20", "2026-10-26"),
        ("2026-10-25T23:20", "2026-10-26"),
    ],
)
def test_ingestion_fetches_for_tomorrows_decision_what_is_known_at_the_tick(tmp_path, tick, day):
    at = brussels(tick)
    made = definitions(tmp_path, now=at)
    request = evaluate(made, "ingest__reference_market__SIM_DE_LU__schedule", at)
    assert request.partition_key == day
    job = made.resolve_job_def("ingest__reference_market__SIM_DE_LU")
    assert day in job.partitions_def.get_partition_keys(current_time=at)
    assert job.tags["fetches"] == "known_now"


@pytest.mark.parametrize("day", ["2026-01-15", "2026-03-28", "2026-03-29", "2026-10-25"])
def test_results_are_of_tomorrow_and_settlement_of_yesterday(tmp_path, day):
    made = definitions(tmp_path)
    today = datetime.fromisoformat(day).date()
    results = evaluate(made, "results__SIM_DE_LU__schedule", brussels(f"{day}T13:05"))
    assert results.partition_key == (today + timedelta(days=1)).isoformat()
    settled = evaluate(made, "settlement__SIM_DE_LU__schedule", brussels(f"{day}T10:00"))
    assert settled.partition_key == (today - timedelta(days=1)).isoformat()


def test_benchmark_areas_have_no_gate_to_meet(tmp_path, repo):
    from energy_assets.portfolio import load_desk

    made = definitions(tmp_path, load_desk(repo / "data/desks/epf_de.yaml"))
    assert made.get_repository_def().schedule_defs == []


@pytest.mark.parametrize(("flag", "state"), [("0", "STOPPED"), ("1", "RUNNING")])
def test_schedules_and_sensors_run_where_the_settings_say_so(tmp_path, flag, state):
    repository = definitions(tmp_path, SCHEDULES=flag).get_repository_def()
    for found in (*repository.schedule_defs, *repository.sensor_defs):
        assert found.default_status.name == state


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A listener on this machine and what was posted to it."""
    posted: list[dict[str, str]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append({"path": self.path, **json.loads(body)})
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Listener)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/{SECRET}", posted
    server.shutdown()
    thread.join()
    server.server_close()


def report_a_failure(made: dg.Definitions) -> None:
    """Let a run fail and hand its failure to the sensor."""

    @dg.job(tags={"area": "SIM_DE_LU", "dagster/partition": "2026-01-16"})
    def fails():
        @dg.op
        def step() -> None:
            raise dg.Failure("market_prices: row 3 is not a number")

        step()

    with dg.DagsterInstance.ephemeral() as instance:
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        result = fails.execute_in_process(instance=instance, raise_on_error=False, run_config=quiet)
        context = dg.build_run_status_sensor_context(
            sensor_name="run_failures",
            dagster_event=result.get_run_failure_event(),
            dagster_instance=instance,
            dagster_run=result.dagster_run,
        ).for_run_failure()
        made.get_repository_def().get_sensor_def("run_failures")(context)


def test_a_failed_run_is_logged_and_posted_to_its_owner(tmp_path, webhook, caplog):
    url, posted = webhook
    desk = reference_desk(["battery"], owner="night@desk.example")
    report_a_failure(definitions(tmp_path, desk, WEBHOOK_URL=url))
    assert len(posted) == 1
    assert posted[0]["path"] == f"/{SECRET}"
    assert posted[0]["job"] == "fails"
    assert posted[0]["delivery_day"] == "2026-01-16"
    assert posted[0]["owner"] == "night@desk.example"
    assert posted[0]["error"] == "market_prices: row 3 is not a number"
    assert "run failed" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        f"http://127.0.0.1:9/{SECRET}",
        f"http://127.0.0.1:9/{SECRET} with a space",
        f"http://127.0.0.1:port/{SECRET}",
        f"ftp://127.0.0.1/{SECRET}",
    ],
)
def test_a_webhook_that_cannot_be_reached_is_said_without_its_address(tmp_path, caplog, url):
    with caplog.at_level(logging.ERROR):
        report_a_failure(definitions(tmp_path, WEBHOOK_URL=url))
    assert "webhook" in caplog.text
    assert SECRET not in caplog.text


def test_without_a_webhook_the_log_has_the_failure(tmp_path, caplog):
    report_a_failure(definitions(tmp_path))
    assert "run failed" in caplog.text
    assert "webhook" not in caplog.text
