"""Unit commitment and storage on one known path, against PyPSA.

PyPSA (Brown, Hoersch, Schlachtberger 2018, J. Open Research Software 6(4)) has no market, so the
market is a generator that runs both ways at the price; imbalance is left out on both sides.
"""

import numpy as np
import pytest

from energy_assets.bidding import perfect_foresight
from energy_assets.portfolio import ThermalUnit, WindUnit
from energy_assets_tests.bidding.golden.problems import EXACT, SHAPE
from energy_assets_tests.bidding.problems import battery, problem

HOURS = 24
RNG = np.random.default_rng(21)
PRICES = np.round(np.resize(SHAPE, HOURS) + RNG.normal(0, 12, HOURS), 2)
WIND = np.round(RNG.uniform(0, 40, HOURS), 2)
ENGINE = ThermalUnit(
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
    constant_cost=48,
    initially_on=True,
    hours_in_state=2,
    initial_power_mw=60,
)
STORE = battery(
    power_mw=20,
    energy_mwh=50,
    charge_efficiency=0.93,
    discharge_efficiency=0.9,
    wear_cost=2,
    start_energy_mwh=10,
    end_energy_mwh=15,
)
PARK = WindUnit(name="wind", capacity_mw=40, variable_cost=6)


def network():
    # Not at the top: the import costs seconds in every process that collects tests.
    pypsa = pytest.importorskip("pypsa")
    found = pypsa.Network(snapshots=range(HOURS))
    found.add("Bus", "desk")
    found.add(
        "Generator", "market", bus="desk", p_nom=1000, p_min_pu=-1, marginal_cost=list(PRICES)
    )
    return found


def add_engine(net):
    net.add(
        "Generator",
        "engine",
        bus="desk",
        committable=True,
        p_nom=ENGINE.capacity_mw,
        p_min_pu=ENGINE.min_power_mw / ENGINE.capacity_mw,
        marginal_cost=ENGINE.constant_cost,
        start_up_cost=ENGINE.start_cost,
        min_up_time=ENGINE.min_up_hours,
        min_down_time=ENGINE.min_down_hours,
        ramp_limit_up=ENGINE.ramp_up_mw_per_hour / ENGINE.capacity_mw,
        ramp_limit_down=ENGINE.ramp_down_mw_per_hour / ENGINE.capacity_mw,
        ramp_limit_start_up=ENGINE.start_power_limit_mw / ENGINE.capacity_mw,
        ramp_limit_shut_down=ENGINE.stop_power_limit_mw / ENGINE.capacity_mw,
        up_time_before=int(ENGINE.hours_in_state),
        down_time_before=0,
        p_init=ENGINE.initial_power_mw,
    )


def add_store(net):
    net.add(
        "StorageUnit",
        "battery",
        bus="desk",
        p_nom=STORE.power_mw,
        max_hours=STORE.energy_mwh / STORE.power_mw,
        efficiency_store=STORE.charge_efficiency,
        efficiency_dispatch=STORE.discharge_efficiency,
        marginal_cost=STORE.wear_cost,
        state_of_charge_initial=STORE.start_energy_mwh,
        state_of_charge_set=[np.nan] * (HOURS - 1) + [STORE.end_energy_mwh],
    )


def add_wind(net):
    net.add(
        "Generator",
        "wind",
        bus="desk",
        p_nom=PARK.capacity_mw,
        p_max_pu=list(WIND / PARK.capacity_mw),
        marginal_cost=PARK.variable_cost,
    )


CASES = {
    "engine": ([ENGINE], [add_engine]),
    "store": ([STORE], [add_store]),
    "all": ([ENGINE, STORE, PARK], [add_engine, add_store, add_wind]),
}


@pytest.mark.parametrize("case", CASES)
def test_value_and_schedule_equal_pypsas(case):
    units, parts = CASES[case]
    net = network()
    for add in parts:
        add(net)
    status, _ = net.optimize(solver_name="highs", log_to_console=False, mip_rel_gap=0.0)
    availability = {"wind": WIND} if PARK in units else {}
    bidding = problem(
        units,
        PRICES,
        availability={name: path[None, :] for name, path in availability.items()},
        solver=EXACT,
    )
    plan = perfect_foresight(bidding, PRICES, availability)
    assert status == "ok"
    assert plan.value == pytest.approx(-net.objective, rel=1e-6)
    np.testing.assert_allclose(plan.position, -net.generators_t.p["market"], atol=1e-4)
