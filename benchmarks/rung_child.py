"""Wall seconds until a child process can solve, by how it is started.

    python benchmarks/rung_child.py [--children 3]

A rung of the bid ladder runs in a child that is killed at its budget, and what the child needs to
start comes off the budget. With `spawn` each child imports solver and model, with `forkserver` a
server does so once.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import time

from energy_assets.bidding.ladder.solver_child import PRELOADED


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--children", type=int, default=3)
    count = parser.parse_args().children
    print(f"{'start':<12}" + "".join(f"{f'child {n + 1}':>10}" for n in range(count)))
    for method in ("spawn", "forkserver"):
        row = "".join(f"{_seconds(method):>10.2f}" for _ in range(count))
        print(f"{method:<12}{row}")


def _seconds(method: str) -> float:
    context = multiprocessing.get_context(method)
    context.set_forkserver_preload(PRELOADED)
    receiver, sender = context.Pipe(duplex=False)
    began = time.perf_counter()
    child = context.Process(target=_ready, args=(sender,))
    child.start()
    receiver.recv()
    found = time.perf_counter() - began
    child.join()
    return found


def _ready(sender) -> None:
    for name in PRELOADED[1:]:
        importlib.import_module(name)
    sender.send(True)


if __name__ == "__main__":
    main()
