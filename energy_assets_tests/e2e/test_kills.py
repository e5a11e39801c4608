"""A process killed in the middle of the chain: nothing half-done is seen, the re-run completes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from energy_assets.lakehouse import maintain
from energy_assets.lakehouse.tables import TABLES
from energy_assets.trading.order_drop import verify_drop
from energy_assets_tests.defs.chain import LATER, Chain
from energy_assets_tests.e2e import dying
from energy_assets_tests.e2e.dying import DAY


def kill(name: str, root: Path, repo: Path) -> None:
    """Run a function of `dying` that ends its own process in the middle of the job."""
    code = f"from energy_assets_tests.e2e import dying; dying.{name}({str(root)!r})"
    environment = {**os.environ, "PYTHONPATH": str(repo)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert done.returncode == dying.KILLED


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("stocked")
    dying.stock(root)
    return root


@pytest.fixture(scope="module")
def undisturbed(stocked: Path, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """The same decision in a process nobody kills."""
    root = dying.copy_lake(stocked, tmp_path_factory.mktemp("undisturbed"))
    return dying.decide(root)


def readable(chain: Chain) -> None:
    for table in TABLES:
        chain.lake.read(table)


@pytest.mark.parametrize(
    "point", ["die_before_a_data_file", "die_before_a_log_entry", "die_between_two_tables"]
)
def test_a_killed_decision_leaves_the_last_rung_and_the_next_run_completes_it(
    point, stocked, undisturbed, tmp_path, repo
):
    root = dying.copy_lake(stocked, tmp_path)
    kill(point, root, repo)
    chain = dying.chain_in(root)
    readable(chain)
    _, rung = chain.orders(DAY)
    assert rung == "price_independent"
    for table in ("bids.curve_orders", "bids.dispatch_plan", "bids.bid_runs"):
        rows = chain.lake.current(table, scope=chain.desk.name, mode="replay")
        assert rows["rung"].unique().to_list() == ["price_independent"], table
    drops = list(chain.settings.orders.glob("*.sha256"))
    assert drops
    for drop in drops:
        verify_drop(drop)

    chain = dying.decide(root, hour=2)
    assert chain.orders(DAY) == undisturbed.orders(DAY)
    assert chain.orders(DAY)[1] == "stochastic"
    rows = chain.lake.current("bids.dispatch_plan", scope=chain.desk.name, mode="replay")
    assert rows["rung"].unique().to_list() == ["stochastic"]


def test_killed_maintenance_changes_no_row_and_no_order(undisturbed, tmp_path, repo):
    root = dying.copy_lake(undisturbed.root, tmp_path)
    chain = dying.chain_in(root)
    before, orders = chain.contents(), chain.orders(DAY)
    kill("die_during_maintenance", root, repo)
    readable(chain)
    after = chain.contents()
    assert all(after[table].equals(rows) for table, rows in before.items())
    assert maintain(chain.lake, now=LATER.replace(month=9))
    after = chain.contents()
    assert all(after[table].equals(rows) for table, rows in before.items())
    assert dying.decide(root, hour=2).orders(DAY) == orders
    assert chain.contents()["bids.curve_orders"].equals(before["bids.curve_orders"])
