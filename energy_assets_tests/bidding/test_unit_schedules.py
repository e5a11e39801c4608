"""Awards become one schedule per unit that delivers them and keeps the reserves."""

import numpy as np
import pytest

from energy_assets.bidding import redispatch
from energy_assets.bidding.unit_schedules import Awards, unit_schedules
from energy_assets.errors import InputError
from energy_assets.portfolio import LoadUnit, SolarUnit
from energy_assets_tests.bidding.problems import (
    battery,
    engine,
    mixed_problem,
    multi_market_problem,
    problem,
)


def reserve(**changes):
    figures = {
        "name": "up",
        "direction": "up",
        "pricing": "pay_as_bid",
        "block_of": [-1, 0],
        "capacity_prices": [[0.0]],
        "providers": {"engine": 2.0, "battery": 1.0},
    }
    return figures | changes


def test_schedules_by_hand():
    units = [
        engine(min_power_mw=0),
        SolarUnit(name="solar", capacity_mw=5, curtailable=False),
        LoadUnit(name="load", peak_mw=3),
    ]
    base = problem(
        units,
        [[50.0, 50.0]],
        availability={"solar": [[1.0, 4.0]], "load": [[2.0, 2.0]]},
        earlier_position=[0.5, 0.0],
    )
    paths = {"solar": [1.0, 3.0], "load": [2.0, 2.5]}
    found = unit_schedules(base, Awards([0.0, 1.0], intraday=[0.0, 0.5]), paths, [50.0, 50.0])
    # Engine: 0.5 + 2 - 1 and 1.5 + 2.5 - 3.
    np.testing.assert_allclose(found.power["engine"], [1.5, 1.0], atol=1e-6)
    np.testing.assert_allclose(found.power["load"], [-2.0, -2.5])
    np.testing.assert_allclose(found.power["solar"], [1.0, 3.0])
    np.testing.assert_allclose(found.schedule.imbalance, 0, atol=1e-6)


def test_reserve_moves_power_to_the_unit_that_need_not_keep_it():
    cheap, dear = (
        engine(name="engine", min_power_mw=0),
        engine(name="dear", min_power_mw=0, constant_cost=45),
    )
    base = problem([cheap, dear], [[50.0, 50.0]], reserves=[reserve(providers={"engine": 2.0})])
    found = unit_schedules(base, Awards([2.0, 2.0], reserves={"up": [0.75]}), {}, [50.0, 50.0])
    np.testing.assert_allclose(found.power["engine"], [2.0, 1.25], atol=1e-6)
    np.testing.assert_allclose(found.power["dear"], [0.0, 0.75], atol=1e-6)
    np.testing.assert_allclose(found.kept_up["engine"], [0.0, 0.75], atol=1e-6)
    assert found.kept_down == {}
    assert found.shares[0].kept == pytest.approx([0.75])
    assert found.missing["up"] == pytest.approx([0.0])


def test_an_award_nobody_can_keep_is_missing():
    market = reserve(providers={"battery": 1.0}, awarded_mw=[0.8])
    unit = battery(start_energy_mwh=1, end_energy_mwh=1, power_mw=1)
    base = problem([unit], [[50.0, 50.0]], reserves=[market], power_limits={"battery": [1, 0.3]})
    found = unit_schedules(base, Awards([0.0, 0.0]), {}, [50.0, 50.0])
    assert found.missing["up"][0] == pytest.approx(0.5, abs=1e-6)
    np.testing.assert_allclose(found.schedule.imbalance, 0, atol=1e-6)


def test_plan_deviates_only_where_imbalance_prices_let_it():
    base = problem([engine(min_power_mw=0)], [[50.0, 50.0]])
    awards = Awards([1.0, 1.0])
    balanced = unit_schedules(base, awards, {}, [20.0, 20.0])
    np.testing.assert_allclose(balanced.power["engine"], [1.0, 1.0], atol=1e-6)
    cheap = ([10.0, 10.0], [20.0, 40.0])
    found = unit_schedules(base, awards, {}, [20.0, 20.0], imbalance_prices=cheap)
    # Short at 20 is cheaper than running at 32, at 40 it is not.
    np.testing.assert_allclose(found.power["engine"], [0.0, 1.0], atol=1e-6)


def test_products_without_an_award_are_not_kept():
    base = problem([engine()], [[50.0, 50.0]], reserves=[reserve(providers={"engine": 1.0})])
    assert unit_schedules(base, Awards([0.0, 0.0]), {}, [50.0, 50.0]).shares == ()


def test_without_reserves_it_is_redispatch():
    base = mixed_problem(1, 8)
    paths = {name: rows[0] for name, rows in base.availability.items()}
    position = np.linspace(5, 20, 8)
    prices = {"long_prices": base.long_prices[0], "short_prices": base.short_prices[0]}
    plan = redispatch(base, position, paths, base.prices[0], **prices)
    both = tuple(prices.values())
    found = unit_schedules(base, Awards(position), paths, base.prices[0], imbalance_prices=both)
    assert found.schedule.value == pytest.approx(plan.value)


@pytest.mark.parametrize("mtus", [92, 100])
def test_units_add_up_to_what_was_sold_and_keep_their_limits(mtus):
    base = multi_market_problem(1, mtus, awarded=True)
    paths = {name: rows[0] for name, rows in base.availability.items()}
    sold = 10 + 5 * np.sin(np.arange(mtus) / 10)
    awards = Awards(sold, intraday=np.full(mtus, -1.0), reserves={"afrr_down": [4.0, 2.0]})
    found = unit_schedules(base, awards, paths, base.prices[0])
    total = sum(found.power.values())
    expected = sold - 1.0 + base.earlier_position + found.schedule.imbalance
    np.testing.assert_allclose(total, expected, atol=1e-6)
    for product, award in (("fcr", [3.0, 5.0]), ("afrr_down", [4.0, 2.0])):
        kept = sum(share.kept for share in found.shares if share.product == product)
        np.testing.assert_allclose(kept + found.missing[product], award, atol=1e-6)
    battery_room = found.power["battery"] + found.kept_up["battery"]
    assert battery_room.max() <= 20 + 1e-6
    assert (found.power["wind"] >= found.kept_down["wind"] - 1e-6).all()


@pytest.mark.parametrize(
    ("awards", "expected"),
    [
        (Awards([0.0]), "awards.auction: expected 2 finite figures"),
        (Awards([0.0, np.nan]), "awards.auction"),
        (Awards([0.0, 0.0], intraday=[0.0]), "awards.intraday"),
        (Awards([0.0, 0.0], reserves={"down": [1.0]}), "one of up"),
        (Awards([0.0, 0.0], reserves={"up": [1.0, 2.0]}), "1 finite figures"),
        (Awards([0.0, 0.0], reserves={"up": [-1.0]}), "no negative award"),
    ],
)
def test_awards_that_do_not_fit_are_refused(awards, expected):
    base = problem([engine()], [[50.0, 50.0]], reserves=[reserve(providers={"engine": 1.0})])
    with pytest.raises(InputError, match=expected):
        unit_schedules(base, awards, {}, [50.0, 50.0])


def test_commitment_is_kept():
    base = problem([engine()], [[50.0, 50.0]])
    found = unit_schedules(
        base, Awards([0.0, 0.0]), {}, [50.0, 50.0], commitment={"engine": [0, 1]}
    )
    assert found.schedule.on["engine"].tolist() == [False, True]
    with pytest.raises(InputError, match="commitment"):
        unit_schedules(base, Awards([0.0, 0.0]), {}, [50.0, 50.0], commitment={})
