"""Four processes write one scope of one table 200 times each, without a break; slow."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

import pytest

from energy_assets.lakehouse import Lake, storage
from energy_assets_tests.lakehouse import writers

PROCESSES, ROUNDS = 4, 200
pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]


def test_four_processes_writing_200_times_each_lose_nothing_and_double_nothing(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    with (
        spawn.Manager() as manager,
        ProcessPoolExecutor(PROCESSES, mp_context=spawn) as pool,
    ):
        ready = manager.Barrier(PROCESSES)
        started = time.perf_counter()
        running = [
            pool.submit(writers.hammer, str(tmp_path), writer, ROUNDS, ready)
            for writer in range(PROCESSES)
        ]
        done = [future.result() for future in running]
        seconds = time.perf_counter() - started
    lake = Lake(tmp_path)
    rows = lake.read("raw.market_prices", latest_revision=False)
    most = max(one.most_retries for one in done)
    print(
        f"\nwrites {PROCESSES * ROUNDS}, commits {lake.version('raw.market_prices')}, "
        f"retries {sum(one.retries for one in done)} (most in one write {most} of "
        f"{storage.ATTEMPTS}), longest write {max(one.longest_seconds for one in done):.1f} s, "
        f"all {seconds:.1f} s\n"
        f"rows expected {writers.hammered_rows(PROCESSES, ROUNDS)}, found {rows.height}, "
        f"doubled {int(rows.select('period_start', 'price').is_duplicated().sum())}"
    )
    writers.require_whole(rows, PROCESSES, ROUNDS)
    assert sum(one.rows for one in done) == rows.height
    assert most < storage.ATTEMPTS
