"""Small problems the bidding tests share."""

from datetime import UTC, datetime

import numpy as np

from energy_assets.bidding import make_problem
from energy_assets.market.orders import CurveKind, CurveRules
from energy_assets.portfolio import (
    BatteryUnit,
    ImbalanceTerms,
    Limits,
    LoadUnit,
    SolarUnit,
    ThermalUnit,
    WindUnit,
)

LINEAR = CurveRules(CurveKind.PIECEWISE_LINEAR, 2, 256, 0.01, 0.1, -50000, 400000)
STEP = CurveRules(CurveKind.STEP, 2, 25, 0.01, 0.1, -50000, 400000)
START = datetime(2026, 1, 14, 23, tzinfo=UTC)
WIDE = Limits(max_sale_mw=500, max_purchase_mw=500, max_imbalance_mw=500)


def battery(**changes):
    figures = {
        "name": "battery",
        "power_mw": 1,
        "energy_mwh": 2,
        "charge_efficiency": 0.9**0.5,
        "discharge_efficiency": 0.9**0.5,
    }
    return BatteryUnit(**(figures | changes))


def engine(**changes):
    figures = {"name": "engine", "capacity_mw": 2, "min_power_mw": 0.8, "constant_cost": 32}
    return ThermalUnit(**(figures | changes))


def problem(units, prices, **changes):
    prices = np.atleast_2d(prices)
    fields = {
        "start": START,
        "mtu_minutes": 60,
        "units": units,
        "prices": prices,
        "imbalance": ImbalanceTerms(deviation_penalty=100),
        "rules": LINEAR,
        "limits": WIDE,
        "solver": {"gap": 1e-6},
    }
    return make_problem("problem", **(fields | changes))


def mixed_problem(scenarios, mtus, *, seed=0, minutes=15, rules=LINEAR, **changes):
    """Every unit type, with imbalance prices: scenarios around a daily shape."""
    rng = np.random.default_rng(seed)
    hour = np.arange(mtus) * minutes / 60
    shape = (scenarios, mtus)
    noise = np.cumsum(rng.normal(size=shape), axis=1)
    prices = 60 + 30 * np.sin((hour - 6) / 24 * 4 * np.pi) + 4 * noise
    imbalance = prices + 25 * rng.normal(size=shape)
    units = (
        WindUnit(name="wind", capacity_mw=50),
        SolarUnit(name="solar", capacity_mw=30, curtailable=False),
        battery(power_mw=20, energy_mwh=40, wear_cost=2, max_cycles_per_day=1.5),
        ThermalUnit(
            name="turbine",
            capacity_mw=100,
            min_power_mw=40,
            start_cost=2000,
            min_up_hours=3,
            min_down_hours=2,
            ramp_up_mw_per_hour=150,
            ramp_down_mw_per_hour=150,
            constant_cost=62.345,
        ),
        LoadUnit(name="load", peak_mw=15),
    )
    fields = {
        "mtu_minutes": minutes,
        "long_prices": imbalance,
        "short_prices": imbalance,
        "imbalance": ImbalanceTerms(aversion=25),
        "availability": {
            "wind": np.clip(20 + 3 * noise, 0, 50),
            "solar": np.clip(20 * np.sin(hour / 24 * np.pi) + rng.normal(size=shape), 0, 30),
            "load": np.clip(10 + rng.normal(size=shape), 0, 15),
        },
        "rules": rules,
        "limits": Limits(max_sale_mw=200, max_purchase_mw=60, max_imbalance_mw=60),
        "risk_weight": 0.2,
        "cvar_level": 0.9,
        "solver": {"gap": 0.02, "reduced_scenarios": 3},
    }
    return problem(units, prices, **(fields | changes))


def multi_market_problem(scenarios, mtus, *, seed=0, nodes=3, awarded=False, **changes):
    """`mixed_problem` with a flexible load, two reserves, a block and the intraday ladder."""
    base = mixed_problem(scenarios, mtus, seed=seed)
    rng = np.random.default_rng(seed + 1)
    shape = (scenarios, mtus)
    flexible = LoadUnit(
        name="cold_store",
        peak_mw=8,
        flexibility={
            "lower_mw": 3,
            "raise_mw": 4,
            "energy_mwh": 6,
            "recovery_hours": 4,
            "shift_cost": 1,
        },
    )
    per_block = mtus // 2
    block_of = [min(t // per_block, 1) for t in range(mtus)]
    fcr = {
        "name": "fcr",
        "direction": "symmetric",
        "pricing": "pay_as_cleared",
        "block_of": block_of,
        "capacity_prices": rng.uniform(2, 20, (scenarios, 2)),
        "activation": rng.uniform(-0.2, 0.2, shape),
        "duration_hours": 0.5,
        "providers": {"battery": 10, "turbine": 20},
    }
    afrr_down = {
        "name": "afrr_down",
        "direction": "down",
        "pricing": "pay_as_bid",
        "block_of": block_of,
        "capacity_prices": rng.uniform(1, 15, (scenarios, 2)),
        "activation": rng.uniform(0, 0.3, shape),
        "energy_prices": base.prices - 30,
        "providers": {"wind": 10, "turbine": 30, "cold_store": 2, "battery": 5},
    }
    if awarded:
        fcr["awarded_mw"] = [3.0, 5.0]
    fields = {
        "units": (*base.units, flexible),
        "availability": base.availability | {"cold_store": rng.uniform(3, 6, shape)},
        "reserves": (fcr, afrr_down),
        "blocks": (
            {
                "first_mtu": 0,
                "mtu_count": per_block,
                "side": "sale",
                "limit_price": 55,
                "max_volume_mw": 20,
            },
        ),
        "intraday": {
            "prices": base.prices + rng.normal(0, 8, shape),
            "half_spread": 1.5,
            "depth_mw": [5, 10],
            "impact": [0, 3],
            "first_mtu": 0,
            "node_of": [s % nodes for s in range(scenarios)],
        },
        "earlier_position": np.full(mtus, 2.0),
    }
    document = {name: getattr(base, name) for name in type(base).model_fields}
    return make_problem("problem", **(document | fields | changes))
