"""What the child processes of the kill tests run: the decision's job, ended at one exact point.

A kill is `os._exit`: nothing is flushed, closed or tidied up.
"""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

from energy_assets.lakehouse import maintain, storage
from energy_assets_tests.defs.chain import LATER, Chain, failures
from energy_assets_tests.e2e.desks import EPF_DAY, epf_desk, write_epf_file

KILLED = 17
DAY = EPF_DAY
CURVES, RUNS = "bids/curve_orders", "bids/bid_runs"


def chain_in(root: Path, *, since_history: timedelta = timedelta(hours=1)) -> Chain:
    """The battery desk on its file; the history was written before anything is decided."""
    desk = epf_desk(scenarios={"count": 6, "reduced_count": 2})
    chain = Chain(root, desk, {"REAL_DATA": str(root / "data" / "real")})
    chain.clock.now = LATER + since_history
    return chain


def stock(root: Path) -> None:
    """History and member forecasts of the decision, without the decision itself."""
    chain = chain_in(root, since_history=timedelta())
    write_epf_file(chain.settings.real_data, DAY - timedelta(days=90), DAY)
    chain.fetch(DAY)
    assert chain.run("day_ahead", DAY, mode="what_if").success


def decide(root: Path, *, hour: int = 1) -> Chain:
    """The decision's job in this process, some hours after the history was written."""
    chain = chain_in(root, since_history=timedelta(hours=hour))
    result = chain.run("day_ahead", DAY)
    assert result.success, failures(result)
    return chain


def die_before_a_data_file(root: str) -> None:
    """Of the best rung's curves."""
    _at_best_rung(CURVES, lambda *_args, **_kwargs: os._exit(KILLED))
    decide(Path(root))


def die_before_a_log_entry(root: str) -> None:
    """The data files of the best rung's curves are on disk, the commit never happens."""

    def files_only(write: Any, snapshot: Any, rows: Any, **arguments: Any) -> None:
        table = Path(snapshot.table_uri.removeprefix("file://"))
        kept = {path.name for path in (table / "_delta_log").glob("*.json")}
        write(snapshot, rows, **arguments)
        for path in (table / "_delta_log").glob("*.json"):
            if path.name not in kept:
                path.unlink()
        os._exit(KILLED)

    _at_best_rung(CURVES, files_only)
    decide(Path(root))


def die_between_two_tables(root: str) -> None:
    """Curves and plan of the best rung are stored, its `bid_runs` row is not."""
    _at_best_rung(RUNS, lambda *_args, **_kwargs: os._exit(KILLED))
    decide(Path(root))


def die_during_maintenance(root: str) -> None:
    """One month is rewritten; the files of the second are on disk, without their commit."""
    chain = chain_in(Path(root))
    write = storage.write_deltalake
    rewritten: list[int] = []

    def second_dies(snapshot: Any, rows: Any, **arguments: Any) -> None:
        if rewritten:
            os._exit(KILLED)
        rewritten.append(1)
        write(snapshot, rows, **arguments)

    storage.write_deltalake = second_dies
    maintain(chain.lake, now=LATER + timedelta(days=90))


def _at_best_rung(table: str, then: Any) -> None:
    """Write as always, until rows of the stochastic rung reach a table."""
    write = storage.write_deltalake

    def watched(snapshot: Any, rows: Any, **arguments: Any) -> None:
        uri = getattr(snapshot, "table_uri", "").rstrip("/")
        if uri.endswith(table) and rows["rung"][0] == "stochastic":
            then(write, snapshot, rows, **arguments)
        write(snapshot, rows, **arguments)

    storage.write_deltalake = watched


def copy_lake(source: Path, root: Path) -> Path:
    shutil.copytree(source / "data", root / "data")
    return root
