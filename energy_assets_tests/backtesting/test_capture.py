"""Capture by hand: the architecture's formula, per unit, and the tail of days."""

import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.backtesting import capture_values

FIRST = date(2016, 1, 1)


def days_of(**profits):
    """One row per strategy and day; 100 MWh awarded and 1 MWh imbalance a day."""
    return pl.DataFrame(
        [
            (name, FIRST + timedelta(days=i), float(profit), 100.0, 1.0)
            for name, values in profits.items()
            for i, profit in enumerate(values)
        ],
        schema=["strategy", "delivery_day", "profit", "awarded_mwh", "imbalance_mwh"],
        orient="row",
    )


def units_of(**profits):
    """Per strategy, profit of each unit by day."""
    return pl.DataFrame(
        [
            (name, unit, FIRST + timedelta(days=i), float(profit))
            for name, units in profits.items()
            for unit, values in units.items()
            for i, profit in enumerate(values)
        ],
        schema=["strategy", "unit", "delivery_day", "profit"],
        orient="row",
    )


def one_unit(**profits):
    return units_of(**{name: {"battery": values} for name, values in profits.items()})


def alike(profits):
    return dict.fromkeys(("do_nothing", "stochastic", "perfect_foresight"), profits)


def test_capture_is_the_ratio_of_sums_and_not_the_mean_of_ratios():
    profits = {
        "do_nothing": [10, 0],
        "stochastic": [15, 85],
        "perfect_foresight": [20, 100],
    }
    found = capture_values(days_of(**profits), one_unit(**profits))
    # (5 + 85) / (10 + 100); the mean of daily ratios would be 0.675.
    assert found["stochastic"].capture == pytest.approx(9 / 11)
    assert found["perfect_foresight"].capture == 1
    assert found["stochastic"].capture_by_unit == {"battery": pytest.approx(9 / 11)}
    assert "do_nothing" not in found


def test_a_strategy_that_earns_what_doing_nothing_earns_captures_nothing():
    profits = {"do_nothing": [7, 9], "yesterday": [9, 7], "perfect_foresight": [20, 20]}
    found = capture_values(days_of(**profits), one_unit(**profits))
    assert found["yesterday"].capture == 0


def test_a_strategy_may_lose_more_than_there_was_to_gain():
    profits = {"do_nothing": [0], "yesterday": [-30], "perfect_foresight": [10]}
    assert capture_values(days_of(**profits), one_unit(**profits))["yesterday"].capture == -3


def test_capture_by_unit_uses_the_units_own_three_figures():
    totals = {"do_nothing": [10], "stochastic": [40], "perfect_foresight": [60]}
    units = units_of(
        do_nothing={"battery": [0], "engine": [20], "load": [-10.123456]},
        stochastic={"battery": [30], "engine": [25], "load": [-10.123456]},
        perfect_foresight={"battery": [40], "engine": [30], "load": [-10.123456 + 1e-7]},
    )
    found = capture_values(days_of(**totals), units)["stochastic"].capture_by_unit
    assert list(found) == ["battery", "engine", "load"]
    assert (found["battery"], found["engine"]) == (0.75, 0.5)
    # No flexibility, no value to capture: not a number rather than noise over noise.
    assert math.isnan(found["load"])


def test_nothing_to_capture_is_not_a_number():
    profits = alike([5.0, 6.0])
    assert math.isnan(capture_values(days_of(**profits), one_unit(**profits))["stochastic"].capture)


def test_profits_imbalance_and_their_means():
    profits = alike([5.0, 6.5, -1.0])
    value = capture_values(days_of(**profits), one_unit(**profits))["stochastic"]
    assert (value.profit, value.profit_per_day) == (10.5, 3.5)
    assert (value.imbalance_mwh, value.imbalance_share) == (3, 0.01)


def test_a_desk_that_was_awarded_nothing_has_no_imbalance_share():
    days = days_of(do_nothing=[0], stochastic=[0], perfect_foresight=[1]).with_columns(
        awarded_mwh=pl.lit(0.0)
    )
    units = one_unit(do_nothing=[0], stochastic=[0], perfect_foresight=[1])
    assert capture_values(days, units)["stochastic"].imbalance_share == 0


@pytest.mark.parametrize(
    ("count", "expected"),
    [(5, 0.0), (20, 0.0), (40, 0.5), (30, (0 + 0.5 * 1) / 1.5), (60, 1.0)],
)
def test_the_tail_is_the_mean_of_the_worst_twentieth_of_days(count, expected):
    """Days earn 0, 1, 2 …: a broken day of the tail counts in part."""
    rng = np.random.default_rng(3)
    profits = alike(rng.permutation(count).tolist())
    value = capture_values(days_of(**profits), one_unit(**profits))["stochastic"]
    assert value.cvar95_per_day == pytest.approx(expected)


@settings(max_examples=40, deadline=None)
@given(
    profits=st.lists(st.tuples(*[st.integers(-500, 500)] * 3), min_size=1, max_size=30).filter(
        lambda rows: sum(best for _, _, best in rows) != sum(low for low, _, _ in rows)
    ),
    shift=st.integers(-1000, 1000),
)
def test_capture_does_not_change_with_a_constant_income_or_the_unit_of_money(profits, shift):
    nothing, own, best = map(list, zip(*profits, strict=True))

    def capture(scale, add):
        series = {
            name: [scale * value + add for value in values]
            for name, values in (
                ("do_nothing", nothing),
                ("stochastic", own),
                ("perfect_foresight", best),
            )
        }
        return capture_values(days_of(**series), one_unit(**series))["stochastic"].capture

    assert capture(3, shift) == pytest.approx(capture(1, 0))
