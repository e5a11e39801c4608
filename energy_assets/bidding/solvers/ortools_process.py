"""The child that solves an MPS file with OR-Tools: options on standard input, answer on output.

Run as a script and never imported: it must not share a process with HiGHS, so it imports nothing
of this package.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from ortools.math_opt.io.python.mps_converter import mps_to_model_proto
from ortools.math_opt.python import mathopt


def main() -> None:
    """Solve the file that the first argument names."""
    model = mathopt.Model.from_model_proto(mps_to_model_proto(Path(sys.argv[1]).read_text()))
    options = json.load(sys.stdin)
    time_limit = timedelta(seconds=options.pop("time_limit"))
    if any(variable.integer for variable in model.variables()):
        parameters = mathopt.SolveParameters(time_limit=time_limit, **options)
        result = mathopt.solve(model, mathopt.SolverType.GSCIP, params=parameters)
    else:
        # GLOP refuses options of mixed-integer solves.
        parameters = mathopt.SolveParameters(time_limit=time_limit)
        result = mathopt.solve(model, mathopt.SolverType.GLOP, params=parameters)
    sys.stdout.write(json.dumps(_answer(model, result)) + "\n")


def _answer(model: Any, result: Any) -> dict[str, Any]:
    reasons, ended = mathopt.TerminationReason, result.termination
    if ended.reason in (reasons.INFEASIBLE, reasons.INFEASIBLE_OR_UNBOUNDED):
        return {"status": "infeasible"}
    at_nodes = ended.limit == mathopt.Limit.NODE and result.has_primal_feasible_solution()
    if ended.reason is not reasons.OPTIMAL and not at_nodes:
        limit = f" ({ended.limit.name.lower()} limit)" if ended.limit else ""
        return {"status": ended.reason.name.lower().replace("_", " ") + limit}
    values = result.variable_values()
    return {
        "status": "node limit" if at_nodes else "optimal",
        "value": result.objective_value(),
        "bound": ended.objective_bounds.dual_bound,
        "columns": [values[variable] for variable in model.variables()],
    }


if __name__ == "__main__":
    main()
