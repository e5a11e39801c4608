"""The optimiser's account and the settlement of a closed day are two ways to the same cash."""

import numpy as np
import polars as pl
import pytest

from energy_assets.bidding.model_data import model_data
from energy_assets.bidding.operation import cash
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.bidding.stochastic import Seconds, auction_position, solve_data
from energy_assets.portfolio import ImbalanceTerms, ThermalUnit
from energy_assets.trading import (
    OtherMarkets,
    SettlementInputs,
    SinglePrices,
    Sold,
    profit_cents,
    settle,
    totals_cents,
    unit_costs,
)
from energy_assets_tests.bidding.problems import multi_market_problem
from energy_assets_tests.trading.market_day import AUTUMN, SPRING, day_of, periods, readings

IDA_PRICE = 47.5
# Efficiency falls towards minimum power; the first start comes after the unit has cooled down.
TURBINE = {
    "constant_cost": 45.67,
    "part_load_efficiency": 0.9,
    "cold_start_cost": 2600.5,
    "hours_in_state": 9.0,
}


def closed_problem(mtus: int) -> BiddingProblem:
    """Every unit type and product on the one path that came true."""
    problem = multi_market_problem(1, mtus, nodes=1, seed=4)
    units = tuple(
        unit.model_copy(update=TURBINE) if isinstance(unit, ThermalUnit) else unit
        for unit in problem.units
    )
    changes = {"units": units, "risk_weight": 0.0, "imbalance": ImbalanceTerms(aversion=1.0)}
    return problem.model_copy(update=changes)


def unit_power(problem, data, operation):
    """Net injection of every unit, (T,) MW."""
    power = {name: -problem.availability[name][0] for name in ("load", "cold_store")}
    power["solar"] = problem.availability["solar"][0]
    power |= {name: path[0] for name, path in (operation.output | operation.power).items()}
    power["battery"] = operation.discharge["battery"][0] - operation.charge["battery"][0]
    power["cold_store"] = power["cold_store"] + shift(operation)
    np.testing.assert_allclose(sum(power.values()), operation.injection(data)[0], atol=1e-9)
    return power


def shift(operation):
    return operation.lowered["cold_store"][0] - operation.raised["cold_store"][0]


def reserve_frames(day, data, operation):
    """Awards by block and calls by quarter-hour, with what each is paid."""
    awards, calls = [], []
    for reserve in data.reserves:
        volumes = operation.offered[reserve.name]
        award = reserve.award(volumes)
        paid = (reserve.payment[0] * volumes).sum(axis=1)
        minutes = 15 * np.bincount(reserve.block_of)
        starts = [day.starts[int(np.argmax(reserve.block_of == b))] for b in range(len(minutes))]
        for start, length, volume, cash_paid in zip(starts, minutes, award[0], paid, strict=True):
            price = cash_paid / volume / (length / 60) if volume else 0.0
            awards.append((reserve.name, start, int(length), float(volume), float(price)))
        called = periods(
            day,
            15,
            called_mw=reserve.called(award)[0].tolist(),
            price=reserve.energy_price[0].tolist(),
        )
        calls.append(called.with_columns(product=pl.lit(reserve.name)))
    columns = ["product", "period_start", "resolution_min", "volume_mw", "price"]
    return pl.DataFrame(awards, schema=columns, orient="row"), pl.concat(calls)


def trades_frame(day, data, operation):
    ladder, frames = data.intraday, []
    for side, sign, volumes in (("sale", -1, operation.sell), ("purchase", 1, operation.buy)):
        for step, cost in enumerate(ladder.cost):
            price = ladder.price[0] + sign * cost
            frame = periods(day, 15, price=price.tolist(), volume_mw=volumes[0, :, step].tolist())
            frames.append(frame.with_columns(side=pl.lit(side), step=pl.lit(step)))
    return pl.concat(frames).filter(pl.col("volume_mw") > 0)


@pytest.mark.parametrize("label", [SPRING, AUTUMN])
def test_settlement_of_a_closed_day_with_every_product_is_the_optimisers_cash(label):
    day = day_of(label)
    problem = closed_problem(day.mtu_count)
    data = model_data(problem)
    solved, _, _ = solve_data(data, problem.solver, Seconds())
    operation, position = solved.operation, auction_position(solved, data)
    power = unit_power(problem, data, operation)
    held, called = reserve_frames(day, data, operation)
    earlier = periods(day, 15, volume_mw=data.earlier.tolist(), price=IDA_PRICE)
    on = np.repeat(operation.on["turbine"][0] > 0.5, 4).tolist()
    lowered = np.maximum(shift(operation), 0.0) / 4
    rows = settle(
        SettlementInputs(
            day=day,
            awards=periods(day, 15, volume_mw=position[0].tolist(), price=data.price[0].tolist()),
            meter_readings=readings(day, 15, **{n: (p / 4).tolist() for n, p in power.items()}),
            units=tuple(power),
            imbalance=SinglePrices(periods(day, 15, price=data.long_price[0].tolist())),
            costs=unit_costs(problem),
            schedules=periods(day, 15, power_mw=0).with_columns(
                unit=pl.lit("turbine"), committed=pl.Series(on)
            ),
            others=OtherMarkets(
                sold=Sold({"ida1": earlier}, trades_frame(day, data, operation)),
                reserve_awards=held,
                activations=called,
            ),
            lowered=periods(day, 15, energy_mwh=lowered.tolist()).with_columns(
                unit=pl.lit("cold_store")
            ),
        )
    )
    totals = totals_cents(rows)
    assert [name for name, cents in totals.items() if not cents] == []
    # Cash of earlier sessions is history to the model, not to the ledger.
    history = IDA_PRICE * float(data.earlier.sum()) / 4
    expected = float(cash(data, operation, position)[0]) + history
    assert abs(profit_cents(rows) / 100 - expected) <= 0.005 * len(rows) + 1e-6
    assert profit_cents(rows) == sum(totals.values())
