"""A rung in a child process that is killed at its budget.

Children come from a fork server that has the solver imported: 0.03 s a child after 1.8 s once;
spawning costs 1.7 to 2.0 s each time (`benchmarks/rung_child.py`). Unlike a plain fork it copies no
thread of this process. Nothing is shared: a problem goes in, a solution or one line comes back.

Not here: which rungs run so (`rungs`), how long (`budgets`).
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from energy_assets.bidding.ladder.failure import RungFailedError, failure_text
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.bidding.solution import BiddingSolution

Make = Callable[[BiddingProblem], BiddingSolution]
# What every child needs, imported once by the server; `__main__` too, or each child would.
PRELOADED = [
    "__main__",
    "energy_assets.bidding.rungs",
    "energy_assets.forecasting.scenarios",
    "highspy",
    "pyomo.environ",
    "pyomo.repn.plugins.standard_form",
    "scipy.sparse",
]


def made_in_child(make: Make, problem: BiddingProblem, seconds: float) -> BiddingSolution:
    """A rung's solution, made in another process within so many wall seconds.

    Args:
        make: A rung; a function of a module, since it goes to the child by name.
        problem: The problem.
        seconds: Budget, the start of the process included.

    Raises:
        RungFailedError: The rung gave nothing, crashed, or was killed.
    """
    deadline = time.monotonic() + seconds
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    receiver, sender = context.Pipe(duplex=False)
    # Daemonic: it ends with this process and never outlives a run that was stopped.
    child = context.Process(target=_run, args=(sender, make, problem), daemon=True)
    try:
        child.start()
        sender.close()
        return _answer(receiver, child, seconds, deadline)
    finally:
        receiver.close()
        if child.is_alive():
            child.kill()
        child.join()


def _answer(
    receiver: Connection, child: BaseProcess, seconds: float, deadline: float
) -> BiddingSolution:
    if not receiver.poll(max(0.0, deadline - time.monotonic())):
        msg = f"killed at its budget of {seconds:.1f} s"
        raise RungFailedError(msg)
    try:
        solution, failure = receiver.recv()
    except EOFError:
        child.join()
        raise RungFailedError(_ending(child.exitcode)) from None
    if solution is None:
        raise RungFailedError(failure)
    made: BiddingSolution = solution
    return made


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"the solver's process was killed by {signal.Signals(-code).name}"
    return f"the solver's process ended with exit code {code}"


def _run(sender: Connection, make: Make, problem: BiddingProblem) -> None:
    """In the child: send (solution, "") or (None, why not)."""
    try:
        answer: tuple[BiddingSolution | None, str] = make(problem), ""
    except Exception as error:
        answer = None, failure_text(error)
    sender.send(answer)
