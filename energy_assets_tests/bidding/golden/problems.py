"""Golden problems: small, one feature or two each, with the optimum all builds and solvers share.

`OPTIMUM` holds the objective value at gap 0. A change of equations that moves one of them is a
change of results and wants a reason.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

from energy_assets.bidding import BiddingProblem
from energy_assets.portfolio import ImbalanceTerms, LoadUnit, ThermalUnit, WindUnit
from energy_assets_tests.bidding.problems import (
    STEP,
    battery,
    engine,
    mixed_problem,
    multi_market_problem,
    problem,
)

EXACT = {"gap": 0.0, "node_limit": 100_000}
SHAPE = np.array([42.0, 38.0, 25.0, 21.0, 33.0, 58.0, 71.0, 66.0, 47.0, 30.0, 52.0, 84.0])


def scenarios(count, hours=12, *, spread=9.0, seed=11):
    """Prices around the daily shape (S, T)."""
    noise = np.random.default_rng(seed).normal(size=(count, hours))
    return np.round(np.resize(SHAPE, hours) + spread * noise, 2)


def battery_at_negative_prices():
    prices = scenarios(3) - 45
    return problem([battery(power_mw=5, energy_mwh=8)], prices, solver=EXACT)


def battery_with_wear_cycles_and_a_free_end():
    unit = battery(
        power_mw=4,
        energy_mwh=6,
        wear_cost=3,
        max_cycles_per_day=0.8,
        start_energy_mwh=3,
        end_energy_mwh=None,
        terminal_value=35,
    )
    return problem([unit], scenarios(4), solver=EXACT)


def thermal_with_ramps_and_minimum_times():
    unit = ThermalUnit(
        name="engine",
        capacity_mw=100,
        min_power_mw=30,
        start_cost=900,
        min_up_hours=4,
        min_down_hours=3,
        ramp_up_mw_per_hour=35,
        ramp_down_mw_per_hour=40,
        start_power_limit_mw=45,
        stop_power_limit_mw=50,
        constant_cost=44,
        initially_on=True,
        hours_in_state=2,
        initial_power_mw=60,
    )
    return problem([unit], scenarios(3), solver=EXACT)


def thermal_in_quarter_hours():
    unit = engine(
        capacity_mw=80,
        min_power_mw=25,
        start_cost=300,
        min_up_hours=2,
        ramp_up_mw_per_hour=90,
        ramp_down_mw_per_hour=110,
        constant_cost=47,
    )
    prices = np.repeat(scenarios(2, 6), 4, axis=1) + np.tile([-6, 2, 5, -3], 6)
    return problem([unit], prices, mtu_minutes=15, solver=EXACT)


def hot_and_cold_starts():
    unit = engine(
        capacity_mw=60,
        min_power_mw=20,
        start_cost=250,
        cold_start_cost=1400,
        cold_after_hours=4,
        constant_cost=40,
        hours_in_state=1,
    )
    return problem([unit], scenarios(3), solver=EXACT)


def part_load():
    unit = engine(
        capacity_mw=50,
        min_power_mw=20,
        part_load_efficiency=0.85,
        start_cost=150,
        min_up_hours=5,
        constant_cost=45,
    )
    return problem([unit], scenarios(4), solver=EXACT)


def late_commitment():
    unit = engine(capacity_mw=30, min_power_mw=12, start_cost=200, min_up_hours=2, constant_cost=46)
    return problem([unit], scenarios(3, spread=20), commit_late=("engine",), solver=EXACT)


def reserves_offered():
    return multi_market_problem(2, 8, blocks=(), intraday=None, solver=EXACT)


def reserves_awarded():
    return multi_market_problem(
        2,
        8,
        awarded=True,
        blocks=(),
        intraday=None,
        start_states={"battery": {"energy_mwh": 10}},
        solver=EXACT,
    )


def reserve_award_not_covered():
    """An empty battery and a turbine that is off: part of the first award is missing."""
    return multi_market_problem(2, 8, awarded=True, blocks=(), intraday=None, solver=EXACT)


def block_orders():
    """A turbine that runs three hours or none: the block sells it where the hours pay together."""
    candidates = [
        {"first_mtu": 0, "mtu_count": 4, "side": "purchase", "limit_price": 30},
        {"first_mtu": 5, "mtu_count": 3, "side": "sale", "limit_price": 60, "rejection_margin": 1},
    ]
    unit = engine(capacity_mw=40, min_power_mw=40, start_cost=400, min_up_hours=3, constant_cost=52)
    return problem(
        [unit, battery(power_mw=10, energy_mwh=30)],
        scenarios(4, spread=22, seed=1),
        blocks=tuple(candidate | {"max_volume_mw": 40} for candidate in candidates),
        commit_late=("engine",),
        solver=EXACT,
    )


def intraday_ladder_by_node():
    return multi_market_problem(4, 8, nodes=2, reserves=(), blocks=(), solver=EXACT)


def intraday_after_the_auction():
    """Nothing but the ladder: what earlier sessions left, traded around an outage."""
    prices = scenarios(3)
    rng = np.random.default_rng(3)
    wind = WindUnit(name="wind", capacity_mw=40)
    unit = engine(capacity_mw=40, min_power_mw=10, constant_cost=46, initially_on=True)
    return problem(
        [wind, unit],
        prices,
        auction=False,
        earlier_position=np.full(12, 30.0),
        availability={"wind": rng.uniform(5, 35, prices.shape)},
        power_limits={"engine": [40.0] * 6 + [0.0] * 6},
        intraday={
            "prices": prices + rng.normal(0, 6, prices.shape),
            "half_spread": 1.0,
            "depth_mw": [8, 8, 20],
            "impact": [0, 2, 7],
            "max_volume_mw": 30,
            "first_mtu": 2,
        },
        solver=EXACT,
    )


def flexible_load():
    unit = LoadUnit(
        name="cold_store",
        peak_mw=12,
        flexibility={
            "lower_mw": 4,
            "raise_mw": 5,
            "energy_mwh": 9,
            "recovery_hours": 3,
            "shift_cost": 2,
        },
    )
    prices = scenarios(3)
    baseline = 6 + np.random.default_rng(5).uniform(0, 5, prices.shape)
    return problem([unit], prices, availability={"cold_store": baseline}, solver=EXACT)


def tail_risk():
    prices = scenarios(6, spread=15)
    wind = np.random.default_rng(8).uniform(0, 40, prices.shape)
    imbalance = prices + np.random.default_rng(9).normal(0, 30, prices.shape)
    return problem(
        [WindUnit(name="wind", capacity_mw=40), battery(power_mw=8, energy_mwh=12)],
        prices,
        availability={"wind": wind},
        long_prices=imbalance - 2,
        short_prices=imbalance + 2,
        imbalance=ImbalanceTerms(aversion=5),
        risk_weight=0.6,
        cvar_level=0.7,
        solver=EXACT,
    )


def step_curve_of_a_mixed_plant():
    return mixed_problem(2, 12, minutes=60, rules=STEP, solver=EXACT)


def spring_day_of_23_hours():
    start = datetime(2026, 3, 28, 23, tzinfo=UTC)
    unit = engine(start_cost=20, min_up_hours=3, constant_cost=40)
    store = battery(max_cycles_per_day=1)
    return problem([unit, store], scenarios(1, 23), start=start, solver=EXACT)


def autumn_day_of_100_quarter_hours():
    start = datetime(2026, 10, 24, 22, tzinfo=UTC)
    prices = np.repeat(scenarios(1, 25), 4, axis=1) + np.tile([-4.0, 1.0, 3.0, 0.0], 25)
    unit = battery(max_cycles_per_day=1.5)
    return problem([unit], prices, start=start, mtu_minutes=15, solver=EXACT)


OPTIMUM: dict[Callable[[], BiddingProblem], float] = {
    battery_at_negative_prices: 759.340169,
    battery_with_wear_cycles_and_a_free_end: 379.485287,
    thermal_with_ramps_and_minimum_times: 8347.700000,
    thermal_in_quarter_hours: 169.318750,
    hot_and_cold_starts: 8086.066667,
    part_load: 4657.620588,
    late_commitment: 3510.033333,
    reserves_offered: 491.575012,
    reserves_awarded: -3029.036073,
    reserve_award_not_covered: -15502.811704,
    block_orders: 4969.176270,
    intraday_ladder_by_node: 805.356919,
    intraday_after_the_auction: -9049.173601,
    flexible_load: -4197.573880,
    tail_risk: 13691.622485,
    step_curve_of_a_mixed_plant: 21483.788500,
    spring_day_of_23_hours: 561.073231,
    autumn_day_of_100_quarter_hours: 177.746643,
}
