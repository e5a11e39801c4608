"""Curves: always valid, and awarded exactly what the model planned."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.bidding import awarded, order_set, solve
from energy_assets.errors import MarketRuleError
from energy_assets.market.areas import load_area
from energy_assets.market.orders import CurveKind, OrderSet, check_order_set
from energy_assets.portfolio import load_desk
from energy_assets_tests.bidding.problems import (
    LINEAR,
    STEP,
    battery,
    engine,
    mixed_problem,
    problem,
)

LOOSE = {"gap": 0.02}


def orders_of(bidding, solution, day, rules):
    return OrderSet("DE_LU", "day_ahead", day.label, "EUR", rules, solution.curves, "P", "F", "B")


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    scenarios=st.integers(1, 9),
    points=st.integers(2, 12),
    spread=st.sampled_from([0.004, 3.0, 60.0, 2000.0]),
    linear=st.booleans(),
)
def test_curves_are_valid_and_awards_match_the_model(seed, scenarios, points, spread, linear):
    rules = LINEAR if linear else STEP
    prices = 30 + spread * np.random.default_rng(seed).normal(size=(scenarios, 24))
    prices = np.clip(prices, -500, 4000)
    day = load_area("DE_LU").session().delivery_day(date(2025, 1, 15))
    units = [battery(), engine()]
    bidding = problem(
        units, prices, rules=rules, price_points=points, start=day.start, solver=LOOSE
    )
    solution = solve(bidding)
    orders = orders_of(bidding, solution, day, rules)
    assert check_order_set(orders, day, rules) == []
    half = rules.volume_tick_mw / 2 + 1e-6
    for scenario in range(scenarios):
        award = awarded(solution.curves, prices[scenario], rules)
        np.testing.assert_allclose(award, solution.position[scenario], atol=half)


@pytest.mark.parametrize("kind", list(CurveKind))
@pytest.mark.parametrize(
    ("label", "mtus"), [("2026-03-29", 92), ("2026-01-15", 96), ("2025-10-26", 100)]
)
def test_every_day_length_gives_a_valid_order_set(kind, label, mtus):
    session = load_area("DE_LU").session()
    day = session.delivery_day(date.fromisoformat(label))
    rules = session.curve_rules(day.label) if kind is CurveKind.PIECEWISE_LINEAR else STEP
    bidding = mixed_problem(4, mtus, rules=rules, start=day.start)
    solution = solve(bidding)
    assert check_order_set(orders_of(bidding, solution, day, rules), day, rules) == []
    assert len(solution.plan("turbine").on) == mtus // 4
    for scenario, prices in enumerate(bidding.prices):
        award = awarded(solution.curves, prices, rules)
        np.testing.assert_allclose(award, solution.position[scenario], atol=0.0501)


def test_marginal_cost_becomes_a_step_of_one_tick_in_a_linear_area():
    prices = np.array([[20.0], [28.0], [36.0], [44.0]])
    unit = engine(min_power_mw=0, initially_on=True)
    (curve,) = solve(problem([unit], prices, rules=LINEAR)).curves
    assert curve.points == ((-50000, 0), (3199, 0), (3200, 20), (400000, 20))


def test_marginal_cost_becomes_one_point_in_a_step_area():
    prices = np.array([[20.0], [28.0], [36.0], [44.0]])
    unit = engine(min_power_mw=0, initially_on=True)
    (curve,) = solve(problem([unit], prices, rules=STEP)).curves
    assert curve.volume_ticks_at(3199, CurveKind.STEP) == 0
    assert curve.volume_ticks_at(3200, CurveKind.STEP) == 20


def test_curves_keep_position_limits_and_available_capacity():
    bidding = mixed_problem(5, 24, minutes=60)
    tight = bidding.limits.model_copy(update={"max_sale_mw": 33.3, "max_purchase_mw": 12.34})
    limited = solve(mixed_problem(5, 24, minutes=60, limits=tight))
    volumes = [volume for curve in limited.curves for _, volume in curve.points]
    assert min(volumes) >= -123
    assert max(volumes) == 333
    free = solve(bidding)
    most = bidding.availability["wind"].max(axis=0) + bidding.availability["solar"].max(axis=0)
    for curve, capacity in zip(free.curves, most + 120, strict=True):
        assert curve.points[-1][1] * 0.1 <= capacity + 0.05


def test_order_set_is_checked_against_the_rules_in_force():
    desk = load_desk(Path(__file__).parents[2] / "data" / "desks" / "epf_de.yaml")
    session = load_area("EPF_DE").session()
    day = session.delivery_day(date(2016, 1, 4))
    rules = session.curve_rules(day.label)
    prices = 30 + np.arange(24.0)
    solution = solve(problem([battery()], prices, rules=rules, start=day.start))
    orders = order_set(solution.curves, desk, day, rules, currency="EUR")
    assert (orders.area, orders.portfolio_id) == ("EPF_DE", "EPF-DE")
    with pytest.raises(MarketRuleError, match=r"mtu\.count"):
        order_set(solution.curves[:-1], desk, day, rules, currency="EUR")
