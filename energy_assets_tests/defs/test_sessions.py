"""Gates beside the day-ahead auction in Dagster: assets, jobs, and schedules from market facts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from energy_assets.definitions import build_defs
from energy_assets.market import load_area
from energy_assets.portfolio import load_desk
from energy_assets.settings import Settings

DESKS = Path(__file__).resolve().parents[2] / "data" / "desks"
BERLIN = ZoneInfo("Europe/Berlin")
AREA = "SIM_DE_LU"


def definitions(tmp_path, at=datetime(2026, 11, 20, 6, tzinfo=UTC), desk="multi_market"):
    settings = Settings.from_environment(
        {"ENERGY_ASSETS_LAKE": str(tmp_path / "lake"), "ENERGY_ASSETS_ROOT": str(tmp_path)}
    )
    desks = [load_desk(DESKS / f"{desk}.yaml")]
    return build_defs(settings, desks, clock=lambda: at, with_warehouse=False)


@pytest.fixture
def repository(tmp_path):
    return definitions(tmp_path).get_repository_def()


def requested(repository, name, at):
    schedule = repository.get_schedule_def(f"{name}__{AREA}__schedule")
    context = dg.build_schedule_context(scheduled_execution_time=at, repository_def=repository)
    return schedule.evaluate_tick(context)


def test_every_gate_has_its_own_job_and_schedule(repository):
    jobs = {job.name for job in repository.get_all_jobs()}
    for session in ("fcr", "afrr", "ida1", "ida2", "ida3"):
        assert {f"{session}__{AREA}", f"{session}_results__{AREA}"} <= jobs
    assert {f"intraday__{AREA}", f"balancing__{AREA}"} <= jobs
    crons = {s.name: (s.cron_schedule, s.execution_timezone) for s in repository.schedule_defs}
    assert crons[f"fcr__{AREA}__schedule"] == ("0 7 * * *", "Europe/Berlin")
    assert crons[f"afrr__{AREA}__schedule"] == ("0 8 * * *", "Europe/Berlin")
    assert crons[f"ida1__{AREA}__schedule"] == ("0 14 * * *", "Europe/Berlin")
    assert crons[f"ida3__{AREA}__schedule"] == ("0 9 * * *", "Europe/Berlin")
    # Bids close 25 minutes before each quarter-hour, and take five to make.
    assert crons[f"balancing__{AREA}__schedule"] == ("0,15,30,45 * * * *", "UTC")


@pytest.mark.parametrize("day", [date(2026, 11, 20), date(2027, 3, 28), date(2026, 10, 25)])
@pytest.mark.parametrize(
    ("session", "hour", "days_before"), [("fcr", 7, 1), ("ida2", 21, 1), ("ida3", 9, 0)]
)
def test_a_tick_before_the_gate_asks_for_the_day_it_decides(
    tmp_path, day, session, hour, days_before
):
    label = day - timedelta(days=days_before)
    tick = datetime(label.year, label.month, label.day, hour, tzinfo=BERLIN).astimezone(UTC)
    repository = definitions(tmp_path, tick).get_repository_def()
    (request,) = requested(repository, session, tick).run_requests
    assert request.partition_key == day.isoformat()
    assert request.tags["session"] == session
    assert load_area(AREA).gate_closure(session, day) > tick


def test_a_tick_after_the_gate_skips_with_its_reason(tmp_path):
    tick = datetime(2026, 11, 19, 6, tzinfo=UTC)
    repository = definitions(tmp_path, tick + timedelta(hours=2)).get_repository_def()
    found = requested(repository, "fcr", tick)
    assert not found.run_requests
    assert "fcr gate of 2026-11-20 closed at" in found.skip_message


@pytest.mark.parametrize("session", ["fcr", "ida1", "ida3"])
def test_results_follow_the_publication(tmp_path, session):
    day = date(2026, 11, 20)
    out = load_area(AREA).publication(session, day) + timedelta(minutes=8)
    repository = definitions(tmp_path, out).get_repository_def()
    (request,) = requested(repository, f"{session}_results", out).run_requests
    assert request.partition_key == day.isoformat()


def test_the_re_plan_looks_at_the_day_that_is_still_open(repository):
    for hour, day in ((9, "2026-11-20"), (20, "2026-11-20"), (22, "2026-11-21")):
        tick = datetime(2026, 11, 20, hour, 5, tzinfo=UTC)
        (request,) = requested(repository, "intraday", tick).run_requests
        assert request.partition_key == day


def test_a_desk_with_one_market_has_no_other_gates(tmp_path):
    repository = definitions(tmp_path, desk="reference").get_repository_def()
    names = {job.name for job in repository.get_all_jobs()}
    assert not any(name.startswith(("fcr", "afrr", "ida", "intraday")) for name in names)
