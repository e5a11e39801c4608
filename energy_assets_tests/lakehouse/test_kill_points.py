from __future__ import annotations

import os
import subprocess
import sys

import pytest

from energy_assets.lakehouse import Lake, maintain
from energy_assets_tests.lakehouse import writers

PRICES = "raw.market_prices"


def kill(name: str, root: object, repo: object) -> None:
    """Run a function of `writers` that ends its own process in the middle of a write."""
    code = f"from energy_assets_tests.lakehouse import writers; writers.{name}({str(root)!r})"
    environment = {**os.environ, "PYTHONPATH": str(repo)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert done.returncode == writers.KILLED


@pytest.mark.parametrize("point", ["die_before_the_data_file", "die_before_the_log_entry"])
def test_a_killed_append_left_nothing_and_the_run_after_it_completes(tmp_path, repo, point):
    lake = Lake(tmp_path)
    lake.ensure_tables([PRICES])
    kill(point, tmp_path, repo)
    orphaned = [f for f in writers.data_files(tmp_path) if "scope=DE_LU" in f]
    assert bool(orphaned) == (point == "die_before_the_log_entry")
    assert lake.read(PRICES, scope="DE_LU").is_empty()
    assert writers.write_day(lake, 0, "DE_LU") == writers.BATCH_ROWS
    assert writers.write_day(lake, 0, "DE_LU") == 0
    assert lake.read(PRICES, scope="DE_LU").height == writers.BATCH_ROWS


def test_a_run_killed_between_two_tables_is_invisible_until_it_is_run_again(tmp_path, repo):
    kill("die_between_two_tables", tmp_path, repo)
    lake = Lake(tmp_path, clock=writers.clock)
    assert lake.current("bids.curve_orders", scope="desk").is_empty()
    writers.bid(lake)
    rows = lake.current("bids.curve_orders", scope="desk")
    assert rows["volume_ticks"].to_list() == [1, 2, 3]
    assert rows["revision"].to_list() == [1, 1, 1]


def test_killed_maintenance_leaves_every_row_and_is_taken_up_again(tmp_path, repo):
    lake = Lake(tmp_path)
    for day in (0, 1, 2, 3):
        writers.write_day(lake, day, "DE_LU")
        writers.write_day(lake, day - 30, "DE_LU")
    before = lake.as_of(PRICES, writers.NOW, scope="DE_LU")
    kill("die_during_maintenance", tmp_path, repo)
    assert lake.as_of(PRICES, writers.NOW, scope="DE_LU").equals(before)
    assert [rewrite.month for rewrite in maintain(lake, now=writers.NOW)] == ["2024-02"]
    assert lake.as_of(PRICES, writers.NOW, scope="DE_LU").equals(before)
