"""Running a job from the command line, in this process, on the same Dagster instance as the UI.

Belongs here: the instance, one in-process run, seconds by step, and failing runs that an earlier
process of this host left behind. Not here: jobs and assets.
"""

from __future__ import annotations

import os
import socket
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg

from energy_assets.errors import EnergyAssetsError

# The log stays in the instance, for the UI; the terminal is for the command's answer.
_SILENT = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_HOST, _PROCESS = "launched_on_host", "launched_by_process"
_UNDER_WAY = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]
# Where there is no template: nothing is sent anywhere unless somebody asks for it.
_QUIET = "telemetry:\n  enabled: false\n"


class RunFailedError(EnergyAssetsError):
    """A job ended without success; the text is the failed step's own line."""


@dataclass(frozen=True)
class FinishedRun:
    """A run that succeeded.

    Attributes:
        run_id: Dagster run.
        seconds: Wall seconds by step.
    """

    run_id: str
    seconds: dict[str, float]


def open_instance(home: Path, template: Path) -> dg.DagsterInstance:
    """The instance below `home`, made from the template where there is none yet."""
    home.mkdir(parents=True, exist_ok=True)
    configuration = home / "dagster.yaml"
    if not configuration.is_file():
        text = template.read_text(encoding="utf-8") if template.is_file() else _QUIET
        configuration.write_text(text, encoding="utf-8")
    instance = dg.DagsterInstance.from_config(str(home))
    fail_abandoned_runs(instance)
    return instance


def fail_abandoned_runs(instance: dg.DagsterInstance) -> int:
    """Fail in-process runs of this host whose process is gone; returns how many."""
    under_way = instance.get_runs(
        dg.RunsFilter(statuses=_UNDER_WAY, tags={_HOST: socket.gethostname()})
    )
    abandoned = [run for run in under_way if not _is_alive(run.tags.get(_PROCESS, ""))]
    for run in abandoned:
        instance.report_run_failed(run, "the process that ran it is gone")
    return len(abandoned)


def run_job(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    job: str,
    day: date,
    tags: Mapping[str, str],
) -> FinishedRun:
    """Run one partition of a job in this process.

    Raises:
        RunFailedError: With the failed step's message.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = definitions.resolve_job_def(job).execute_in_process(
            instance=instance,
            partition_key=day.isoformat(),
            raise_on_error=False,
            run_config=_SILENT,
            tags={**tags, _HOST: socket.gethostname(), _PROCESS: str(os.getpid())},
        )
    if not result.success:
        raise RunFailedError(_failure(result))
    stats = instance.get_run_step_stats(result.run_id)
    return FinishedRun(
        result.run_id,
        {
            step.step_key: round(step.end_time - step.start_time, 3)
            for step in stats
            if step.end_time and step.start_time
        },
    )


def _failure(result: dg.ExecuteInProcessResult) -> str:
    for event in result.all_events:
        if event.is_step_failure:
            return failure_line(event)
    return "the run failed before its first step; see its log in the UI"


def failure_line(event: dg.DagsterEvent) -> str:
    """What a failed step said: its own line, else its error."""
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    error = data.error
    cause = error.cause or error if error else None
    return f"{event.step_key}: {cause.message.strip() if cause else 'failed'}"


def _is_alive(process: str) -> bool:
    # A container starts its processes with the same numbers each time: a run under this one's
    # number, before this one ran any, was another's.
    if not process.isdigit() or int(process) == os.getpid():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
