"""Runs from the command line: on the instance of the UI, and never left half-started."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date

import dagster as dg
import pytest

from energy_assets.defs.launch import RunFailedError, fail_abandoned_runs, open_instance, run_job

DAY = date(2026, 1, 16)
KILLED = 17
DAILY = dg.DailyPartitionsDefinition("2026-01-01")


@dg.asset(partitions_def=DAILY)
def works() -> None:
    """Nothing to do."""


@dg.asset(partitions_def=DAILY)
def fails() -> None:
    raise dg.Failure("prices.csv: row 3: expected a number, found 'x'")


@dg.asset(partitions_def=DAILY)
def breaks() -> None:
    raise ZeroDivisionError("division by zero")


@dg.asset(partitions_def=DAILY)
def dies() -> None:
    os._exit(KILLED)


DEFINITIONS = dg.Definitions(
    assets=[works, fails, breaks, dies],
    jobs=[
        dg.define_asset_job(name, selection=[name], executor_def=dg.in_process_executor)
        for name in ("works", "fails", "breaks", "dies")
    ],
)


@pytest.fixture
def instance(tmp_path):
    with open_instance(tmp_path / "dagster", tmp_path / "no_template.yaml") as opened:
        yield opened


def test_a_finished_run_is_on_the_instance_with_its_tags_and_seconds(instance):
    finished = run_job(DEFINITIONS, instance, "works", DAY, {"desk": "north", "mode": "live"})
    assert list(finished.seconds) == ["works"]
    run = instance.get_run_by_id(finished.run_id)
    assert run.is_success
    assert run.tags["dagster/partition"] == "2026-01-16"
    assert (run.tags["desk"], run.tags["mode"]) == ("north", "live")


def test_a_failed_run_says_what_the_step_said(instance, capfd):
    with pytest.raises(RunFailedError) as raised:
        run_job(DEFINITIONS, instance, "fails", DAY, {})
    assert str(raised.value) == "prices.csv: row 3: expected a number, found 'x'"
    with pytest.raises(RunFailedError, match="breaks: ZeroDivisionError: division by zero"):
        run_job(DEFINITIONS, instance, "breaks", DAY, {})
    assert capfd.readouterr() == ("", "")


def test_nothing_is_sent_anywhere_where_no_template_says_so(tmp_path, instance):
    assert instance.telemetry_enabled is False
    assert "DAGSTER_HOME" not in os.environ or os.environ["DAGSTER_HOME"] != str(tmp_path)


def test_the_template_is_the_instances_configuration(tmp_path, repo):
    with open_instance(tmp_path / "dagster", repo / "dagster.yaml") as opened:
        assert opened.telemetry_enabled is False
    copied = (tmp_path / "dagster" / "dagster.yaml").read_text()
    assert copied == (repo / "dagster.yaml").read_text()


def test_a_run_whose_process_was_killed_is_failed_when_the_next_one_starts(tmp_path, repo):
    home = tmp_path / "dagster"
    code = (
        "from energy_assets_tests.defs import test_launch as t; from pathlib import Path;"
        f"home = Path({str(home)!r});"
        "t.run_job(t.DEFINITIONS, t.open_instance(home, home / 'none'), 'dies', t.DAY, {})"
    )
    environment = {**os.environ, "PYTHONPATH": str(repo)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert done.returncode == KILLED
    with open_instance(home, home / "none") as opened:
        (run,) = opened.get_runs()
        assert run.status == dg.DagsterRunStatus.FAILURE
        messages = [event.message for event in opened.all_logs(run.run_id)]
        assert any("the process that ran it is gone" in message for message in messages)


def test_a_run_of_a_living_process_and_of_another_host_are_left_alone(instance, monkeypatch):
    def started(**tags: str) -> str:
        job = DEFINITIONS.resolve_job_def("works")
        run = instance.create_run_for_job(
            job,
            status=dg.DagsterRunStatus.STARTED,
            tags={"dagster/partition": "2026-01-16", **tags},
        )
        return run.run_id

    import socket

    here = socket.gethostname()
    alive = started(launched_on_host=here, launched_by_process=str(os.getppid()))
    elsewhere = started(launched_on_host="another", launched_by_process="999999999")
    gone = started(launched_on_host=here, launched_by_process="999999999")
    reused = started(launched_on_host=here, launched_by_process=str(os.getpid()))
    nameless = started(launched_on_host=here)
    assert fail_abandoned_runs(instance) == 3
    for run_id, status in (
        (alive, "STARTED"),
        (elsewhere, "STARTED"),
        (gone, "FAILURE"),
        (reused, "FAILURE"),
        (nameless, "FAILURE"),
    ):
        assert instance.get_run_by_id(run_id).status.value == status
    assert fail_abandoned_runs(instance) == 0
