"""What each shock does to a problem, what it leaves alone, and stress cases among its scenarios."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.bidding import solve
from energy_assets.bidding.desk_problem import forecast_problem
from energy_assets.bidding.shocks import ShockContext, apply, mtus_inside, with_stress
from energy_assets.errors import InputError
from energy_assets.forecasting.day_ahead import Scenarios
from energy_assets.forecasting.targets import PRICE
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import load_area
from energy_assets.portfolio import ImbalanceTerms, LoadUnit, SolarUnit, WindUnit
from energy_assets.portfolio.stress_cases import StressCase
from energy_assets_tests.bidding.known_rows import AUTUMN, DAY, SPRING, day_of, desk_of, lake_at
from energy_assets_tests.bidding.problems import (
    battery,
    engine,
    mixed_problem,
    multi_market_problem,
    problem,
)

BERLIN = "Europe/Berlin"
CONTEXT = ShockContext(BERLIN, {"gas": 30.0, "co2": 70.0})
FUEL = {
    "product": "gas",
    "price_basis": "higher",
    "efficiency_lhv": 0.5,
    "emission_factor": 0.2,
    "emission_factor_basis": "lower",
    "co2_product": "co2",
}
MIXED = mixed_problem(4, 24, minutes=60)


def case_of(*shocks, **changes):
    fields = {"name": "case", "title": "A case", "why": "For a test.", "shocks": shocks}
    return StressCase.model_validate(fields | changes)


def shocked(bidding, *shocks, context=CONTEXT, **changes):
    return apply(bidding, case_of(*shocks, **changes), context)


def document(bidding):
    return bidding.model_dump_json()


def burning(cost=90.0, **changes):
    """A problem with an engine that burns gas, at a known marginal cost."""
    unit = engine(constant_cost=None, fuel=FUEL)
    prices = 60 + 10 * np.sin(np.arange(48).reshape(2, 24))
    return problem([battery(), unit], prices, marginal_costs={"engine": cost}, **changes)


# Hours of the day


@pytest.mark.parametrize("minutes", [15, 60])
@pytest.mark.parametrize(("label", "hours"), [(SPRING, 23), (DAY, 24), (AUTUMN, 25)])
def test_local_hours_on_days_of_every_length(minutes, label, hours):
    session = load_area("SIM_DE_LU").session()
    start = session.delivery_day(label).start
    count = hours * 60 // minutes
    bidding = problem([battery()], np.zeros((1, count)), start=start, mtu_minutes=minutes)
    night = {23: 0, 24: 1, 25: 2}[hours] * 60 // minutes
    assert mtus_inside(bidding, (2, 3), BERLIN).sum() == night
    evening = np.flatnonzero(mtus_inside(bidding, (17, 21), BERLIN))
    from_end = 7 * 60 // minutes
    assert evening[0] == count - from_end
    assert len(evening) == 4 * 60 // minutes
    over_midnight = mtus_inside(bidding, (21, 2), BERLIN)
    assert over_midnight.sum() == 5 * 60 // minutes
    assert over_midnight[0]
    assert over_midnight[-1]
    assert mtus_inside(bidding, None, BERLIN).all()
    assert mtus_inside(bidding, (0, 24), BERLIN).all()


def test_a_day_that_begins_at_eleven_in_the_evening():
    day = load_area("GB").session().delivery_day(date(2026, 2, 12))
    bidding = problem([battery()], np.zeros((1, 24)), start=day.start)
    assert np.flatnonzero(mtus_inside(bidding, (23, 1), day.clock)).tolist() == [0, 1]


# Shocks


def test_weather_scales_all_units_of_its_source_in_its_hours():
    after = shocked(MIXED, {"kind": "weather", "source": "wind", "factor": 0.2, "hours": [6, 9]})
    expected = MIXED.availability["wind"].copy()
    expected[:, 6:9] *= 0.2
    assert after.availability["wind"] == pytest.approx(expected)
    for name in ("solar", "load"):
        assert (after.availability[name] == MIXED.availability[name]).all()
    assert (after.prices == MIXED.prices).all()


def test_weather_moves_by_standard_deviations_of_its_scenarios():
    shock = {"kind": "weather", "source": "wind", "standard_deviations": -0.5}
    after = shocked(MIXED, shock)
    before = MIXED.availability["wind"]
    lowered = np.clip(before - 0.5 * before.std(axis=0), 0, 50)
    assert after.availability["wind"] == pytest.approx(lowered)


def test_lost_system_output_lifts_every_price_together():
    shock = {
        "kind": "weather",
        "source": "solar",
        "factor": 1,
        "system_lost_gw": -10,
        "price_per_lost_gw": 2,
        "hours": [10, 16],
    }
    base = multi_market_problem(4, 24)
    inside = mtus_inside(base, (10, 16), BERLIN)
    after = shocked(base, shock)
    for before, now in (
        (base.prices, after.prices),
        (base.long_prices, after.long_prices),
        (base.short_prices, after.short_prices),
        (base.intraday.prices, after.intraday.prices),
        (base.reserves[1].energy_prices, after.reserves[1].energy_prices),
    ):
        assert now - before == pytest.approx(np.broadcast_to(-20.0 * inside, before.shape))


def test_fuel_changes_cost_through_the_units_own_use_and_passes_its_share_on():
    base = burning()
    shock = {"kind": "fuel", "commodity": "fuel", "factor": 1.5, "pass_through": 0.6}
    after = shocked(base, shock)
    # 15 per MWh (higher) more is 16.62 per MWh (lower), at 50 % twice that.
    assert after.marginal_costs["engine"] == pytest.approx(np.full(24, 90 + 33.24))
    assert after.prices == pytest.approx(base.prices + 0.6 * 33.24)
    carbon = shocked(base, {"kind": "fuel", "commodity": "co2", "change": -21, "hours": [0, 12]})
    # 0.2 t at 21 is 4.2, at 50 % twice that.
    assert carbon.marginal_costs["engine"] == pytest.approx([81.6] * 12 + [90.0] * 12)
    assert (carbon.prices == base.prices).all()


def test_fuel_leaves_units_of_other_products_and_constant_cost_alone():
    coal = {"kind": "fuel", "commodity": "fuel", "products": ["coal"], "factor": 3}
    assert document(shocked(burning(), coal)) == document(burning())
    assert document(shocked(MIXED, {"kind": "fuel", "commodity": "fuel", "factor": 3})) == document(
        MIXED
    )
    with pytest.raises(InputError, match="close of gas: expected a price, found 'none'"):
        shocked(burning(), {**coal, "products": None}, context=ShockContext(BERLIN, {}))


def test_an_outage_limits_plant_and_takes_its_share_of_wind():
    out = {"kind": "outage", "unit": "turbine", "hours": [12, 18]}
    after = shocked(MIXED, out)
    assert after.power_limits["turbine"].tolist() == [100.0] * 12 + [0.0] * 6 + [100.0] * 6
    # An outage known already is not undone.
    twice = shocked(after, {"kind": "outage", "unit": "turbine", "power_left_mw": 60})
    assert twice.power_limits["turbine"].tolist() == [60.0] * 12 + [0.0] * 6 + [60.0] * 6
    wind = shocked(MIXED, {"kind": "outage", "unit": "wind", "power_left_mw": 10})
    assert wind.availability["wind"] == pytest.approx(MIXED.availability["wind"] / 5)
    for name in ("boiler", "load"):
        with pytest.raises(
            InputError, match=rf"scenario case: expected a case for these units.*{name}"
        ):
            shocked(MIXED, {"kind": "outage", "unit": name})


@pytest.mark.parametrize(
    ("shock", "expected"),
    [
        ({"change": -15}, lambda p: p - 15),
        ({"factor": 3}, lambda p: 3 * p),
        ({"at_least": 70}, lambda p: np.maximum(p, 70)),
        ({"at_most": -20}, lambda p: np.minimum(p, -20)),
        ({"limit": "highest"}, lambda p: np.full(p.shape, 4000.0)),
        ({"limit": "lowest"}, lambda p: np.full(p.shape, -500.0)),
        ({"change": 1e6}, lambda p: np.full(p.shape, 4000.0)),
    ],
)
def test_price_shocks_keep_the_imbalance_spread(shock, expected):
    after = shocked(MIXED, {"kind": "price", **shock})
    assert after.prices == pytest.approx(expected(MIXED.prices))
    assert after.long_prices - after.prices == pytest.approx(MIXED.long_prices - MIXED.prices)


def test_load_grows_up_to_its_peak():
    after = shocked(MIXED, {"kind": "load", "factor": 1.4})
    assert after.availability["load"] == pytest.approx(
        np.minimum(1.4 * MIXED.availability["load"], 15)
    )


def test_imbalance_widens_with_prices_and_with_a_penalty():
    after = shocked(MIXED, {"kind": "imbalance", "factor": 2, "change": 5, "hours": [8, 9]})
    spread = MIXED.long_prices - MIXED.prices
    assert after.long_prices[:, 8] == pytest.approx((MIXED.prices + 2 * spread)[:, 8] - 5)
    assert after.short_prices[:, 8] == pytest.approx((MIXED.prices + 2 * spread)[:, 8] + 5)
    assert (after.long_prices[:, 9:] == MIXED.long_prices[:, 9:]).all()
    penalty = shocked(
        burning(imbalance=ImbalanceTerms(deviation_penalty=10)), {"kind": "imbalance", "factor": 3}
    )
    assert penalty.short_prices - penalty.prices == pytest.approx(np.full((2, 24), 30.0))


def test_shocks_work_one_after_the_other():
    floor = {"kind": "price", "at_least": 100}
    double = {"kind": "price", "factor": 2}
    assert shocked(MIXED, floor, double).prices.min() >= 200
    assert shocked(MIXED, double, floor).prices.min() == 100


FIGURE = st.floats(-5, 5, allow_nan=False)
POSITIVE = st.floats(0, 5, allow_nan=False)
HOUR = st.integers(0, 24)
ANY_SHOCK = st.one_of(
    st.builds(
        lambda source, factor, gw: {
            "kind": "weather",
            "source": source,
            "factor": factor,
            "system_lost_gw": 400 * gw,
            "price_per_lost_gw": 3,
        },
        st.sampled_from(["wind", "solar"]),
        POSITIVE,
        FIGURE,
    ),
    st.builds(lambda k: {"kind": "weather", "source": "wind", "standard_deviations": k}, FIGURE),
    st.builds(
        lambda left: {"kind": "outage", "unit": "wind", "power_left_mw": 20 * left}, POSITIVE
    ),
    st.builds(
        lambda left: {"kind": "outage", "unit": "battery", "power_left_mw": 9 * left}, POSITIVE
    ),
    st.builds(lambda change: {"kind": "price", "change": 2000 * change}, FIGURE),
    st.builds(lambda factor: {"kind": "price", "factor": 100 * factor}, FIGURE),
    st.builds(
        lambda limit: {"kind": "price", "limit": limit}, st.sampled_from(["highest", "lowest"])
    ),
    st.builds(lambda factor: {"kind": "load", "factor": factor}, POSITIVE),
    st.builds(
        lambda factor, change: {"kind": "imbalance", "factor": 1 + factor, "change": 50 * change},
        POSITIVE,
        POSITIVE,
    ),
)


@given(shocks=st.lists(ANY_SHOCK, min_size=1, max_size=3), hours=st.tuples(HOUR, HOUR))
@settings(max_examples=25, deadline=None)
def test_any_case_leaves_a_valid_problem_and_its_base_alone(shocks, hours):
    before = document(MIXED)
    span = None if hours[0] == hours[1] else hours
    after = shocked(MIXED, *shocks, hours=span)
    assert document(MIXED) == before
    inside = mtus_inside(MIXED, span, BERLIN)
    assert after.prices.min() >= -500
    assert after.prices.max() <= 4000
    assert (after.long_prices <= after.short_prices).all()
    for unit in after.units:
        if isinstance(unit, WindUnit | SolarUnit | LoadUnit):
            highest = unit.peak_mw if isinstance(unit, LoadUnit) else unit.capacity_mw
            paths = after.availability[unit.name]
            assert paths.min() >= 0
            assert paths.max() <= highest
            assert (paths[:, ~inside] == MIXED.availability[unit.name][:, ~inside]).all()
    assert (after.prices[:, ~inside] == MIXED.prices[:, ~inside]).all()
    assert (after.long_prices[:, ~inside] == MIXED.long_prices[:, ~inside]).all()


# Stress weights

ADVERSE = case_of({"kind": "weather", "source": "wind", "factor": 0.1}, weight=0.05)


def test_stress_scenarios_come_after_the_base_at_their_weights():
    spike = case_of({"kind": "price", "at_least": 300}, name="spike", weight=0.1)
    base = mixed_problem(4, 24, minutes=60, probabilities=[0.4, 0.3, 0.2, 0.1])
    joined = with_stress(base, [ADVERSE, spike], CONTEXT)
    assert joined.scenario_count == 12
    assert joined.weights.sum() == pytest.approx(1)
    assert joined.weights[:4] == pytest.approx(0.85 * base.weights)
    assert joined.weights[4:8] == pytest.approx(0.05 * base.weights)
    assert (joined.prices[:8] == np.vstack([base.prices, base.prices])).all()
    assert joined.prices[8:].min() >= 300
    assert joined.availability["wind"][4:8] == pytest.approx(0.1 * base.availability["wind"])
    assert joined.long_prices.shape == joined.prices.shape


def test_an_adverse_case_lowers_the_tail_and_none_changes_nothing():
    base = mixed_problem(4, 24, minutes=60)
    assert with_stress(base, [], CONTEXT) is base
    stressed = solve(with_stress(base, [ADVERSE], CONTEXT))
    plain = solve(base)
    assert stressed.cvar <= plain.cvar + 1e-6
    assert stressed.expected_value <= plain.expected_value + 1e-6


def test_other_markets_join_and_nodes_part_where_the_auction_shows_the_case():
    base = multi_market_problem(4, 24, nodes=2)
    hidden = with_stress(base, [ADVERSE], CONTEXT)
    assert hidden.intraday.node_of == base.intraday.node_of * 2
    seen = case_of({"kind": "price", "change": 40}, weight=0.05)
    joined = with_stress(base, [ADVERSE, seen], CONTEXT)
    assert joined.intraday.node_of == (0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3)
    assert joined.reserves[0].capacity_prices.shape == (12, 2)
    assert joined.reserves[1].energy_prices.shape == joined.prices.shape


def test_a_penalty_becomes_prices_where_a_case_has_some():
    wide = case_of({"kind": "imbalance", "factor": 4}, weight=0.1)
    base = problem(
        [battery()], np.full((2, 4), 50.0), imbalance=ImbalanceTerms(deviation_penalty=10)
    )
    joined = with_stress(base, [wide], CONTEXT)
    assert joined.short_prices[:, 0].tolist() == [60, 60, 90, 90]
    assert joined.long_prices[:, 0].tolist() == [40, 40, 10, 10]


@pytest.mark.parametrize(
    ("cases", "words"),
    [
        ([case_of({"kind": "load", "factor": 1})], "weight: expected above 0"),
        ([ADVERSE.model_copy(update={"weight": 0.6})] * 2, "expected a sum below 1"),
        (
            [case_of({"kind": "outage", "unit": "turbine"}, weight=0.1)],
            "found 'an outage of turbine'",
        ),
    ],
)
def test_cases_scenarios_cannot_carry_are_refused(cases, words):
    with pytest.raises(InputError, match=words):
        with_stress(MIXED, cases, CONTEXT)


@pytest.mark.parametrize("label", [SPRING, DAY, AUTUMN])
def test_a_desk_bids_with_the_cases_it_names_and_without_as_before(tmp_path, label):
    day = day_of(label)
    spike = case_of({"kind": "price", "change": 100, "hours": [17, 20]}, weight=0.1)
    plain = desk_of("battery", imbalance={"deviation_penalty": 100.0})
    desk = desk_of("battery", imbalance={"deviation_penalty": 100.0}, stress=[spike])
    scenarios = Scenarios(day, np.array([0.5, 0.5]), {PRICE: np.full((2, day.mtu_count), 50.0)})
    known = PointInTime(lake_at(tmp_path), plain.decision_time(label))
    assert forecast_problem(known, plain, scenarios, {}).scenario_count == 2
    stressed = forecast_problem(known, desk, scenarios, {})
    assert stressed.weights.tolist() == pytest.approx([0.45, 0.45, 0.05, 0.05])
    assert (stressed.prices[2] == 150).sum() == 12
