"""Properties of every rung over random small problems."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.bidding import Rung, StartState, make_problem, price_independent, solve
from energy_assets.bidding.curves import awarded
from energy_assets.bidding.ladder.few_scenarios import lp_with_repair, reduced_scenarios
from energy_assets.bidding.ladder.marginal_cost import marginal_cost
from energy_assets.bidding.policy import policy_of
from energy_assets.bidding.problem import checked
from energy_assets.bidding.replay import replay
from energy_assets.market import DeliveryDay, OrderSet, check_order_set
from energy_assets.portfolio import ImbalanceTerms, LoadUnit, WindUnit
from energy_assets_tests.bidding.problems import (
    LINEAR,
    START,
    STEP,
    WIDE,
    battery,
    engine,
    mixed_problem,
    multi_market_problem,
)

LOWER = (reduced_scenarios, lp_with_repair, marginal_cost, price_independent)
SCENARIOS = 4
FEW = {"gap": 0.02, "reduced_scenarios": 3, "build": "twin"}


def breaches(bidding, curves):
    """Breaches of the market's rules and of the desk's limits."""
    end = bidding.starts[-1] + (bidding.starts[1] - bidding.starts[0])
    day = DeliveryDay(bidding.start.date(), bidding.start, end, bidding.mtu_minutes, "UTC")
    rules = bidding.rules
    orders = OrderSet("A", "day_ahead", day.label, "EUR", rules, curves, "P", "F", "B")
    volumes = [volume * rules.volume_tick_mw for curve in curves for _, volume in curve.points]
    found = check_order_set(orders, day, rules)
    limits = bidding.limits
    if max(volumes) > limits.max_sale_mw + 1e-9 or min(volumes) < -limits.max_purchase_mw - 1e-9:
        found.append("limits")
    return found


@st.composite
def small_problems(draw):
    """Four units over a few hours; prices in ticks, so that any curve's award is the model's."""
    minutes = draw(st.sampled_from([60, 30]))
    mtus = 6 * 60 // minutes
    seed = draw(st.integers(0, 2**16))
    rng = np.random.default_rng(seed)
    shape = (SCENARIOS, mtus)
    level = draw(st.sampled_from([-20, 30, 60]))
    prices = np.round(level + 25 * rng.normal(size=shape), 2)
    ramp = draw(st.sampled_from([None, 1.5, 6.0]))
    unit = engine(
        capacity_mw=4,
        min_power_mw=1.5,
        start_cost=draw(st.sampled_from([0, 40])),
        min_up_hours=draw(st.integers(1, 3)),
        min_down_hours=draw(st.integers(1, 3)),
        part_load_efficiency=0.9,
        ramp_up_mw_per_hour=ramp,
        ramp_down_mw_per_hour=ramp,
        must_run=draw(st.booleans()),
    )
    on = draw(st.booleans())
    state = StartState(on=on, hours_in_state=draw(st.integers(1, 3)), power_mw=1.5 * on)
    store = battery(
        power_mw=2,
        energy_mwh=3,
        wear_cost=draw(st.sampled_from([0, 4])),
        end_energy_mwh=draw(st.sampled_from([None, 1.0])),
        max_cycles_per_day=draw(st.sampled_from([None, 1.0])),
    )
    return make_problem(
        "problem",
        start=START,
        mtu_minutes=minutes,
        units=(
            unit,
            store,
            WindUnit(name="wind", capacity_mw=3, variable_cost=draw(st.sampled_from([0, 3]))),
            LoadUnit(name="load", peak_mw=2),
        ),
        prices=prices,
        imbalance=ImbalanceTerms(deviation_penalty=30),
        availability={"wind": rng.uniform(0, 3, shape), "load": rng.uniform(0, 2, shape)},
        start_states={"engine": state},
        rules=draw(st.sampled_from([LINEAR, STEP])),
        limits=WIDE,
        price_points=12,
        solver={"gap": 1e-6, "reduced_scenarios": SCENARIOS, "build": "twin"},
    )


def values_of(bidding):
    """Value of every rung's orders replayed in sample, each checked; the full problem's first."""
    full = solve(bidding)
    few = checked(bidding, solver=bidding.solver.model_copy(update={"reduced_scenarios": 2}))
    assert not breaches(bidding, full.curves)
    found = {full.rung: full.objective}
    for make in LOWER:
        lower = make(few)
        assert not breaches(bidding, lower.curves), lower.rung
        # The replay keeps the rung's commitment: it is one the units can keep.
        value = replay(policy_of(bidding, lower), bidding).mean.value
        assert value <= full.bound + 1e-4 * max(1.0, abs(full.bound)), lower.rung
        # A rung's own value is that of a plant which does not know its path beforehand.
        if lower.rung in (Rung.REDUCED_SCENARIOS, Rung.LP_WITH_REPAIR):
            assert lower.expected_value == pytest.approx(value, rel=1e-6, abs=1e-4)
        else:
            assert lower.expected_value <= value + 1e-6 * max(1.0, abs(value))
        found[lower.rung] = value
    return found


@settings(max_examples=8, deadline=None)
@given(small_problems())
def test_every_rung_is_valid_and_none_beats_the_full_problem_in_sample(bidding):
    values_of(bidding)


@pytest.mark.acceptance
def test_counts_of_the_same_over_many_problems():
    """Prints how far each rung's orders fall behind the full problem's, per problem."""
    losses = {}

    @settings(max_examples=100, deadline=None, derandomize=True)
    @given(small_problems())
    def count(bidding):
        values = values_of(bidding)
        for rung, value in values.items():
            losses.setdefault(rung, []).append(values[Rung.STOCHASTIC] - value)

    count()
    assert list(losses) == [rung for rung in Rung if rung != Rung.LAST_ACCEPTED]
    print(f"\n{'rung':<20}{'problems':>9}{'mean loss':>11}{'median':>9}{'worst':>9}  currency")
    for rung, lost in losses.items():
        figures = f"{np.mean(lost):>11.2f}{np.median(lost):>9.2f}{np.max(lost):>9.2f}"
        print(f"{rung:<20}{len(lost):>9}{figures}")


@pytest.mark.parametrize("make", LOWER)
@pytest.mark.parametrize("awarded_reserves", [False, True])
def test_every_rung_holds_with_reserves_blocks_and_intraday(make, awarded_reserves):
    bidding = multi_market_problem(
        6,
        24,
        awarded=awarded_reserves,
        solver=FEW,
    )
    made = make(bidding)
    assert not breaches(bidding, made.curves)
    assert np.isfinite(made.profit).all()
    assert made.position.shape == bidding.prices.shape
    if make in (reduced_scenarios, lp_with_repair):
        assert len(made.intraday) == 3
        assert sum(plan.probability for plan in made.intraday) == pytest.approx(1)
    else:
        assert not made.reserve_offers


def test_few_scenarios_are_awarded_what_their_curves_say_in_all():
    bidding = mixed_problem(9, 24, minutes=60, seed=3, solver=FEW)
    made = reduced_scenarios(bidding)
    expected = [awarded(made.curves, path, bidding.rules) for path in bidding.prices]
    np.testing.assert_allclose(made.position, expected)
    assert made.bound_scope == "reduced scenarios"
    assert 0 <= made.gap <= bidding.solver.gap


def test_repaired_relaxation_comes_near_the_whole_model_and_states_its_bound():
    bidding = mixed_problem(9, 24, minutes=60, seed=3, solver=FEW)
    whole, repaired = reduced_scenarios(bidding), lp_with_repair(bidding)
    assert repaired.bound >= whole.objective - 1e-6
    assert whole.bound + 1e-6 >= repaired.objective >= 0.97 * whole.objective
    assert repaired.gap == pytest.approx((repaired.bound - repaired.objective) / repaired.objective)


@pytest.mark.parametrize("make", [reduced_scenarios, lp_with_repair, marginal_cost])
def test_the_order_of_scenarios_changes_no_order(make):
    bidding = mixed_problem(5, 24, minutes=60, solver={"reduced_scenarios": 2, "build": "twin"})
    back = {
        name: getattr(bidding, name)[::-1] for name in ("prices", "long_prices", "short_prices")
    }
    output = {name: paths[::-1] for name, paths in bidding.availability.items()}
    other = make(checked(bidding, availability=output, **back))
    first = make(bidding)
    assert other.curves == first.curves
    np.testing.assert_allclose(other.profit[::-1], first.profit, rtol=1e-9)
