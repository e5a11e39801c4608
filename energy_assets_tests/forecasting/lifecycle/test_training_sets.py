"""The hash of a training set: the same for the same content, another for any other."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.forecasting.lifecycle.training_sets import (
    history_hash,
    table_versions,
    training_set,
)
from energy_assets_tests.forecasting.lifecycle.made import ANCHOR, FIRST, history
from energy_assets_tests.lakehouse.frames import hours, prices

HISTORY = history(FIRST + timedelta(days=9))


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(["outcome", "load", "holiday"]),
    cell=st.integers(0, 8),
    change=st.sampled_from([np.nan, np.inf, 1e-300, "next"]),
)
def test_any_other_cell_gives_another_hash(name, cell, change):
    arrays = {
        "outcome": HISTORY.outcome,
        "load": HISTORY.drivers["load"],
        "holiday": HISTORY.daily["holiday"],
    }
    changed = arrays[name].copy()
    old = changed.flat[cell]
    changed.flat[cell] = np.nextafter(old, np.inf) if change == "next" else change
    fields = {
        "outcome": {"outcome": changed},
        "load": {"drivers": {"load": changed}},
        "holiday": {"daily": {"holiday": changed}},
    }
    assert history_hash(replace(HISTORY, **fields[name])) != history_hash(HISTORY)


def test_memory_layout_and_the_bits_of_zero_and_nan_do_not_count():
    zeroed = replace(HISTORY, outcome=np.where(np.isnan(HISTORY.outcome), 0.0, HISTORY.outcome))
    negative = replace(zeroed, outcome=np.where(zeroed.outcome == 0.0, -0.0, zeroed.outcome))
    assert history_hash(negative) == history_hash(zeroed)
    other_nan = HISTORY.outcome.copy().view(np.int64)
    other_nan[-1] |= 5
    odd = np.asfortranarray(other_nan.view(float))
    assert np.isnan(odd[-1]).all()
    assert history_hash(replace(HISTORY, outcome=odd)) == history_hash(HISTORY)
    big_endian = replace(HISTORY, outcome=HISTORY.outcome.astype(">f8"))
    assert history_hash(big_endian) == history_hash(HISTORY)


@pytest.mark.parametrize(
    "change",
    [
        {"target": "wind"},
        {"outcome_lag": 2},
        {"bounds": (0.0, 4000.0)},
        {"drivers": {"wind": HISTORY.drivers["load"]}},
        {"drivers": {}},
        {"drivers": {}, "daily": {}},
        {"days": [day + timedelta(days=1) for day in HISTORY.days]},
    ],
)
def test_names_days_and_bounds_count(change):
    assert history_hash(replace(HISTORY, **change)) != history_hash(HISTORY)


def test_a_day_in_slots_of_another_length_is_another_history():
    flat = HISTORY.outcome.reshape(-1, 48)
    assert history_hash(
        replace(HISTORY, days=HISTORY.days[:5], outcome=flat, drivers={}, daily={})
    ) != history_hash(replace(HISTORY, drivers={}, daily={}))


def test_the_hash_is_the_same_in_any_process_and_release():
    # A known answer: what is on record must stay comparable.
    small = replace(
        HISTORY.newest(1), drivers={}, daily={}, outcome=np.array([[1.5] * 24, [0.0] * 24])
    )
    assert history_hash(small) == KNOWN


KNOWN = "1841bd408842a82cf953fe263c03b33a0b9a34ee504b48c465c9ea17302c304a"


def test_versions_of_tables_that_are_there_are_on_record(lake):
    before = table_versions(lake)
    assert set(before) == {"raw.market_prices"}
    start = hours(decided := lake.clock(), 1)
    lake.append_if_changed("raw.market_prices", prices(start, [1.0], decided), scope="DE_LU")
    after = table_versions(lake)
    assert after["raw.market_prices"] == before["raw.market_prices"] + 1
    made = training_set(history(ANCHOR), after)
    assert (made.first_day, made.days, made.slots) == (FIRST, (ANCHOR - FIRST).days + 1, 24)
