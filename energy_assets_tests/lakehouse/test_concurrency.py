from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest

from energy_assets.errors import LakeError
from energy_assets.lakehouse import Lake, storage, table
from energy_assets_tests.lakehouse import writers

WRITERS, DAYS = 3, 4


def test_concurrent_writers_lose_nothing_double_nothing_and_readers_see_whole_batches(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    lake = Lake(tmp_path)
    with (
        spawn.Manager() as manager,
        ProcessPoolExecutor(WRITERS, mp_context=spawn) as pool,
    ):
        # No table exists yet: the writers also race to make it.
        ready = manager.Barrier(WRITERS)
        running = [
            pool.submit(writers.write_shared_and_own_keys, str(tmp_path), writer, DAYS, ready)
            for writer in range(WRITERS)
        ]
        while not all(future.done() for future in running):
            seen = lake.read("raw.market_prices", latest_revision=False)
            for rows in seen.partition_by("scope", "price"):
                assert rows.height == writers.BATCH_ROWS
        written = [future.result() for future in running]
    assert sum(written) == DAYS * writers.BATCH_ROWS
    rows = lake.read("raw.market_prices", latest_revision=False)
    assert rows.height == (1 + WRITERS) * DAYS * writers.BATCH_ROWS
    assert not rows.select("scope", "period_start").is_duplicated().any()
    assert rows["revision"].unique().to_list() == [1]


def test_four_processes_on_one_scope_lose_nothing_double_nothing_and_all_get_through(tmp_path):
    processes, rounds = 4, 10
    spawn = multiprocessing.get_context("spawn")
    with (
        spawn.Manager() as manager,
        ProcessPoolExecutor(processes, mp_context=spawn) as pool,
    ):
        ready = manager.Barrier(processes)
        running = [
            pool.submit(writers.hammer, str(tmp_path), writer, rounds, ready)
            for writer in range(processes)
        ]
        done = [future.result() for future in running]
    stored = Lake(tmp_path).read("raw.market_prices", latest_revision=False)
    writers.require_whole(stored, processes, rounds)
    assert sum(one.rows for one in done) == stored.height


def planning_on_one_snapshot(lake, monkeypatch, rival):
    """Lets `rival` write between the plan and the commit of the next write, once."""
    write = storage.write_deltalake

    def after_the_rival(*args, **kwargs):
        monkeypatch.setattr(storage, "write_deltalake", write)
        rival()
        write(*args, **kwargs)

    monkeypatch.setattr(storage, "write_deltalake", after_the_rival)


def test_a_write_planned_on_an_old_snapshot_is_planned_again(tmp_path, monkeypatch):
    lake = Lake(tmp_path)
    planning_on_one_snapshot(lake, monkeypatch, lambda: writers.write_day(lake, 0, "DE_LU"))
    assert writers.write_day(lake, 0, "DE_LU") == 0
    assert lake.read("raw.market_prices").height == writers.BATCH_ROWS


def test_another_scope_in_between_does_not_disturb(tmp_path, monkeypatch):
    lake = Lake(tmp_path)
    refusals = []
    object.__setattr__(lake.storage, "sleep", refusals.append)
    planning_on_one_snapshot(lake, monkeypatch, lambda: writers.write_day(lake, 0, "FR"))
    assert writers.write_day(lake, 0, "DE_LU") == writers.BATCH_ROWS
    assert refusals == []


def test_a_write_in_between_survives_maintenance(tmp_path, monkeypatch):
    lake = Lake(tmp_path)
    writers.write_day(lake, 1, "DE_LU")
    writers.write_day(lake, 2, "DE_LU")
    planning_on_one_snapshot(lake, monkeypatch, lambda: writers.write_day(lake, 3, "DE_LU"))
    rewrites = writers.maintain(lake, now=writers.NOW)
    assert [rewrite.rows for rewrite in rewrites] == [3 * writers.BATCH_ROWS]
    assert lake.read("raw.market_prices").height == 3 * writers.BATCH_ROWS


def test_a_write_that_never_gets_through_says_so(tmp_path, monkeypatch):
    lake = Lake(tmp_path)
    waited = []
    object.__setattr__(lake.storage, "sleep", waited.append)

    def refuse(*args, **kwargs):
        raise storage.CommitFailedError("conflict")

    monkeypatch.setattr(storage, "write_deltalake", refuse)
    message = r"raw\.market_prices, scope DE_LU: not committed after 48 attempts"
    with pytest.raises(LakeError, match=message):
        writers.write_day(lake, 0, "DE_LU")
    assert len(waited) == storage.ATTEMPTS
    # Half a minute at most: a deadline job must hear of it.
    assert sum(waited) < 30
    assert max(waited) < 0.5
    assert lake.storage.open(table("raw.market_prices")).version() == 0
