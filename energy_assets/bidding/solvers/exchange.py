"""OR-Tools through an MPS file, in a process of its own.

Both HiGHS and OR-Tools bring the same symbols, so one process cannot import both. The file is
written by HiGHS; the child (`ortools_process`) prints one JSON document.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from energy_assets.bidding.handoff import (
    Highs,
    SolverError,
    SolverInfeasibleError,
    SolverResult,
    SparseModel,
)
from energy_assets.bidding.problem import SolverOptions
from energy_assets.bidding.solvers.options import settings

_CHILD = Path(__file__).with_name("ortools_process.py")
# Time for the child to start, read the file and answer.
_GRACE_SECONDS = 60.0


def solve_by_exchange(compiled: SparseModel, options: SolverOptions) -> SolverResult:
    """Solve with OR-Tools (SCIP with integers, GLOP without).

    Raises:
        SolverInfeasibleError: If there is no solution.
        SolverError: If the solver stopped without one, or its process died.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.mps"
        Highs(compiled, options).write(file)
        answer = _child_answer(file, options)
    if answer["status"] == "infeasible":
        msg = "ortools: infeasible"
        raise SolverInfeasibleError(msg)
    if answer["status"] not in ("optimal", "node limit"):
        msg = f"ortools stopped: {answer['status']}"
        raise SolverError(msg)
    columns = np.array(answer["columns"], dtype=float)
    return SolverResult(columns, answer["value"], answer["bound"], answer["status"])


def _child_answer(file: Path, options: SolverOptions) -> dict[str, Any]:
    try:
        done = subprocess.run(  # noqa: S603 - our own script and a file of our own
            [sys.executable, "-I", str(_CHILD), str(file)],
            input=json.dumps(settings("ortools", options)),
            capture_output=True,
            text=True,
            check=False,
            timeout=options.time_limit_seconds + _GRACE_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        msg = "ortools stopped: its process did not answer in time"
        raise SolverError(msg) from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        msg = f"ortools: its process ended with code {done.returncode}: {last}"
        raise SolverError(msg)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
