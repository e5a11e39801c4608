"""Unit commitment and storage on one known path, against PyPSA.

PyPSA (Brown, Hoersch, Schlachtberger 2018, J. Open Research Software 6(4)) has no market, so the
market is a generator that runs both ways at the price; imbalance is left out on both sides. Each
case has a bus of its own, so that one solve answers all of them.
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


CASES = {"thermal": [ENGINE], "storage": [STORE], "together": [ENGINE, STORE, PARK]}


def add_engine(net, bus):
    net.add(
        "Generator",
        f"{bus} engine",
        bus=bus,
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


def add_store(net, bus):
    net.add(
        "StorageUnit",
        f"{bus} battery",
        bus=bus,
        p_nom=STORE.power_mw,
        max_hours=STORE.energy_mwh / STORE.power_mw,
        efficiency_store=STORE.charge_efficiency,
        efficiency_dispatch=STORE.discharge_efficiency,
        marginal_cost=STORE.wear_cost,
        state_of_charge_initial=STORE.start_energy_mwh,
        state_of_charge_set=[np.nan] * (HOURS - 1) + [STORE.end_energy_mwh],
    )


def add_wind(net, bus):
    net.add(
        "Generator",
        f"{bus} wind",
        bus=bus,
        p_nom=PARK.capacity_mw,
        p_max_pu=list(WIND / PARK.capacity_mw),
        marginal_cost=PARK.variable_cost,
    )


ADD = {"engine": add_engine, "battery": add_store, "wind": add_wind}


@pytest.fixture(scope="module")
def network():
    # Not at the top: the import costs seconds in every process that collects tests.
    pypsa = pytest.importorskip("pypsa")
    net = pypsa.Network(snapshots=range(HOURS))
    for bus, units in CASES.items():
        net.add("Bus", bus)
        cost = list(PRICES)
        net.add("Generator", f"{bus} market", bus=bus, p_nom=1e3, p_min_pu=-1, marginal_cost=cost)
        for unit in units:
            ADD[unit.name](net, bus)
    status, _ = net.optimize(solver_name="highs", log_to_console=False, mip_rel_gap=0.0)
    assert status == "ok"
    return net


def cost_of(net, bus):
    """What a bus paid: energy at each generator's price, wear, starts."""
    found = 0.0
    for name, unit in net.generators[net.generators.bus == bus].iterrows():
        price = PRICES if name == f"{bus} market" else unit.marginal_cost
        found += float((price * net.generators_t.p[name]).sum())
        if unit.committable:
            before = 1.0 if unit.up_time_before else 0.0
            starts = np.diff(net.generators_t.status[name], prepend=before).clip(0).sum()
            found += unit.start_up_cost * starts
    for name, unit in net.storage_units[net.storage_units.bus == bus].iterrows():
        found += unit.marginal_cost * float(net.storage_units_t.p_dispatch[name].sum())
    return found


def test_all_costs_of_the_network_are_counted(network):
    assert sum(cost_of(network, bus) for bus in CASES) == pytest.approx(network.objective)


@pytest.mark.parametrize("case", CASES)
def test_value_and_schedule_equal_pypsas(case, network):
    availability = {"wind": WIND} if PARK in CASES[case] else {}
    bidding = problem(
        CASES[case],
        PRICES,
        availability={name: path[None, :] for name, path in availability.items()},
        solver=EXACT,
    )
    plan = perfect_foresight(bidding, PRICES, availability)
    assert plan.value == pytest.approx(-cost_of(network, case), rel=1e-6)
    np.testing.assert_allclose(plan.position, -network.generators_t.p[f"{case} market"], atol=1e-4)
