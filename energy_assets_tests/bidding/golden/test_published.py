"""Unit commitment cases with published answers: a load the desk must supply, and no market.

Four units, eight hours: Wood and Wollenberg, Power Generation, Operation, and Control (2nd ed.,
1996), chapter 5, example 5C/5D. Costs are linear (no-load cost and incremental cost at 2 per MBtu),
so the model holds them exactly. Every start pays the cold cost. Published: 73,274 by complete
enumeration without minimum times, 74,110 with them.

Ten units, 24 hours: Kazarlis, Bakirtzis, Petridis, "A genetic algorithm solution to the unit
commitment problem", IEEE Trans. Power Systems 11(1), 1996; spinning reserve of a tenth of the
load, hot and cold starts. Fuel cost is quadratic. The model takes the chord from minimum to highest
power, which is dear in between and exact at both ends; the commitment it finds, dispatched under
the true quadratic cost, costs the best published answer, 563,938.
"""

from dataclasses import dataclass

import numpy as np
import pytest

from energy_assets.bidding.model_data import model_data
from energy_assets.bidding.solvers import whole_optimum
from energy_assets.portfolio import Limits, LoadUnit, ThermalUnit
from energy_assets_tests.bidding.problems import problem

NO_MARKET = Limits(max_sale_mw=0, max_purchase_mw=0, max_imbalance_mw=0)


@dataclass(frozen=True)
class Plant:
    """Cost a + b p + c p^2 per hour; hours before the first are negative where it is off."""

    most: float
    least: float
    a: float
    b: float
    c: float
    up: int
    down: int
    hot: float
    cold: float
    cold_after: int
    before: int

    def cost(self, power):
        return self.a + self.b * power + self.c * power**2

    def unit(self, name, **changes):
        at_most = self.cost(self.most) / self.most
        figures = {
            "name": name,
            "capacity_mw": self.most,
            "min_power_mw": self.least,
            "constant_cost": at_most,
            "part_load_efficiency": self.least * at_most / self.cost(self.least),
            "start_cost": self.hot,
            "cold_start_cost": self.cold,
            "cold_after_hours": self.cold_after,
            "min_up_hours": self.up,
            "min_down_hours": self.down,
            "initially_on": self.before > 0,
            "hours_in_state": abs(self.before),
        }
        return ThermalUnit(**(figures | changes))


FOUR = (
    Plant(80, 25, 213.00, 20.88, 0, 4, 2, 350, 350, 1, -5),
    Plant(250, 60, 585.62, 18.00, 0, 5, 3, 400, 400, 1, 8),
    Plant(300, 75, 684.74, 17.46, 0, 5, 4, 1100, 1100, 1, 8),
    Plant(60, 20, 252.00, 23.80, 0, 1, 1, 0.02, 0.02, 1, -6),
)
FOUR_LOAD = np.array([450.0, 530, 600, 540, 400, 280, 290, 500])
# Hot up to the minimum down time and the cold start hours: 5 + 4 for the third unit.
TEN = (
    Plant(455, 150, 1000, 16.19, 0.00048, 8, 8, 4500, 9000, 14, 8),
    Plant(455, 150, 970, 17.26, 0.00031, 8, 8, 5000, 10000, 14, 8),
    Plant(130, 20, 700, 16.60, 0.00200, 5, 5, 550, 1100, 10, -5),
    Plant(130, 20, 680, 16.50, 0.00211, 5, 5, 560, 1120, 10, -5),
    Plant(162, 25, 450, 19.70, 0.00398, 6, 6, 900, 1800, 11, -6),
    Plant(80, 20, 370, 22.26, 0.00712, 3, 3, 170, 340, 6, -3),
    Plant(85, 25, 480, 27.74, 0.00079, 3, 3, 260, 520, 6, -3),
    Plant(55, 10, 660, 25.92, 0.00413, 1, 1, 30, 60, 2, -1),
    Plant(55, 10, 665, 27.27, 0.00222, 1, 1, 30, 60, 2, -1),
    Plant(55, 10, 670, 27.79, 0.00173, 1, 1, 30, 60, 2, -1),
)
MORNING = [700, 750, 850, 950, 1000, 1100, 1150, 1200, 1300, 1400, 1450, 1500]
AFTERNOON = [1400, 1300, 1200, 1050, 1000, 1100, 1200, 1400, 1300, 1100, 900, 800]
TEN_LOAD = np.array([*MORNING, *AFTERNOON], dtype=float)


def optimum(units, load, gap, reserves=()):
    bidding = problem(
        [*units, LoadUnit(name="load", peak_mw=load.max())],
        np.zeros((1, len(load))),
        auction=False,
        availability={"load": load[None, :]},
        limits=NO_MARKET,
        reserves=reserves,
        solver={"gap": gap, "node_limit": 100_000},
    )
    data = model_data(bidding)
    return data, whole_optimum(data, "highs", bidding.solver, "templated")


@pytest.mark.parametrize(
    ("changes", "published"), [({"min_up_hours": 1, "min_down_hours": 1}, 73_274), ({}, 74_110)]
)
def test_four_units_in_eight_hours(changes, published):
    units = [plant.unit(f"unit_{i}", **changes) for i, plant in enumerate(FOUR, 1)]
    _, solved = optimum(units, FOUR_LOAD, 0.0)
    assert round(-solved.result.value) == published


@pytest.mark.acceptance
def test_ten_units_in_a_day():
    units = [plant.unit(f"unit_{i}") for i, plant in enumerate(TEN, 1)]
    spinning = {
        "name": "spinning",
        "direction": "up",
        "pricing": "pay_as_bid",
        "block_of": list(range(24)),
        "capacity_prices": np.zeros((1, 24)),
        "awarded_mw": 0.1 * TEN_LOAD,
        "providers": {unit.name: unit.capacity_mw for unit in units},
    }
    data, solved = optimum(units, TEN_LOAD, 1e-4, (spinning,))
    operation = solved.operation
    assert operation.missing["spinning"].max() == 0
    starts = sum(t.start_costs(operation.on[t.unit.name]).sum() for t in data.thermals)
    on = np.array([operation.on[unit.name][0] for unit in units]) > 0
    fuel = sum(least_cost(on[:, hour], load) for hour, load in enumerate(TEN_LOAD))
    assert round(fuel + starts) == 563_938


def least_cost(on, load):
    """Quadratic economic dispatch: the incremental cost at which the units on supply the load."""
    plants = [plant for plant, running in zip(TEN, on, strict=True) if running]
    low, high = 0.0, 100.0
    for _ in range(100):
        price = (low + high) / 2
        power = [np.clip((price - p.b) / (2 * p.c), p.least, p.most) for p in plants]
        low, high = (price, high) if sum(power) < load else (low, price)
    assert sum(power) == pytest.approx(load)
    return sum(plant.cost(each) for plant, each in zip(plants, power, strict=True))
