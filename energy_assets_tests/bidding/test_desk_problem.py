"""What a desk's bidding problem is made of: outages, fuel costs, recent output."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from energy_assets.bidding import StartState, price_independent
from energy_assets.bidding.desk_problem import (
    forecast_problem,
    last_rung_problem,
    marginal_cost,
    path_problem,
    power_limits,
    recent_outputs,
)
from energy_assets.errors import InputError
from energy_assets.forecasting.day_ahead import Scenarios
from energy_assets.forecasting.targets import PRICE
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets_tests.bidding.known_rows import (
    AUTUMN,
    DAY,
    SPRING,
    add_close,
    add_outage,
    add_readings,
    add_series,
    day_of,
    desk_of,
    lake_at,
)

TURBINE = desk_of("gas_turbine", "battery")
HOUR = timedelta(hours=1)


@pytest.fixture
def lake(tmp_path):
    return lake_at(tmp_path)


def at_decision(lake, desk=TURBINE, label=DAY):
    return PointInTime(lake, desk.decision_time(label))


def limit_of(lake, unit="gas_turbine", label=DAY):
    return power_limits(at_decision(lake, label=label), TURBINE, day_of(label)).get(unit)


def test_an_outage_lowers_every_mtu_it_touches_in_part(lake):
    day = day_of()
    minutes = timedelta(minutes=1)
    add_outage(lake, TURBINE, "m", day.start + 7 * minutes, day.start + 46 * minutes, 30)
    limit = limit_of(lake)
    assert limit[:4].tolist() == [30, 30, 30, 30]
    assert set(limit[4:]) == {100}
    assert limit_of(lake, "battery") is None


def test_an_outage_that_ends_on_an_mtu_leaves_the_next_alone(lake):
    day = day_of()
    add_outage(lake, TURBINE, "m", day.start - HOUR, day.start + HOUR, 0)
    assert limit_of(lake).tolist() == [0.0] * 4 + [100.0] * 92


@pytest.mark.parametrize("label", [SPRING, DAY, AUTUMN])
def test_an_outage_of_the_last_hour_is_the_last_four_mtus(lake, label):
    day = day_of(label)
    known = datetime(2025, 6, 1, tzinfo=UTC)
    add_outage(lake, TURBINE, "m", day.end - HOUR, day.end + HOUR, 50, known=known)
    limit = limit_of(lake, label=label)
    assert len(limit) == day.hours * 4
    assert np.flatnonzero(limit == 50).tolist() == list(range(day.mtu_count - 4, day.mtu_count))


def test_the_latest_revision_counts_even_if_it_is_milder(lake):
    day = day_of()
    add_outage(lake, TURBINE, "m", day.start, day.end, 0)
    add_outage(lake, TURBINE, "m", day.start, day.start + HOUR, 60, revision=2)
    assert limit_of(lake).tolist() == [60.0] * 4 + [100.0] * 92


def test_a_withdrawn_message_ends_its_outage(lake):
    day = day_of()
    add_outage(lake, TURBINE, "m", day.start, day.end, 0)
    add_outage(lake, TURBINE, "m", day.start, day.end, 0, revision=2, status="withdrawn")
    assert limit_of(lake) is None


def test_a_revision_published_after_the_decision_does_not_count(lake):
    day, decided = day_of(), TURBINE.decision_time(DAY)
    add_outage(lake, TURBINE, "m", day.start, day.end, 40)
    late = {"revision": 2, "status": "withdrawn", "known": decided + timedelta(seconds=1)}
    add_outage(lake, TURBINE, "m", day.start, day.end, 40, **late)
    assert set(limit_of(lake)) == {40}


def test_overlapping_messages_leave_the_least_power(lake):
    day = day_of()
    add_outage(lake, TURBINE, "a", day.start, day.start + 2 * HOUR, 70)
    add_outage(lake, TURBINE, "b", day.start + HOUR, day.start + 3 * HOUR, 20)
    add_outage(lake, TURBINE, "c", day.start, day.end, 500)
    assert limit_of(lake).tolist() == [70.0] * 4 + [20.0] * 8 + [100.0] * 84


def test_outages_of_units_the_desk_does_not_schedule_stop_no_rung(lake):
    desk, day = desk_of("wind", "gas_turbine"), day_of()
    add_outage(lake, desk, "a", day.start, day.end, 0, unit="sold_last_year")
    add_outage(lake, desk, "b", day.start, day.end, 0, unit="wind")
    known = at_decision(lake, desk)
    assert power_limits(known, desk, day) == {}
    assert price_independent(last_rung_problem(known, desk, day, {})).curves


def test_marginal_cost_is_that_of_the_last_closes_known(lake):
    (unit,) = TURBINE.units_of(type(TURBINE.unit("gas_turbine")))
    decided = TURBINE.decision_time(DAY)
    for product, price in (("gas_hhv", 30.0), ("eua", 70.0)):
        add_close(lake, TURBINE, product, DAY - timedelta(days=3), price - 5, decided - 48 * HOUR)
        add_close(lake, TURBINE, product, DAY - timedelta(days=2), price, decided)
        late = decided + timedelta(seconds=1)
        add_close(lake, TURBINE, product, DAY - timedelta(days=1), 999.0, late)
    # Higher to lower heating value, by efficiency; then emissions per MWh of electricity.
    expected = 30.0 * 1.108 / 0.52 + 0.202 / 0.52 * 70.0 + 1.5
    assert marginal_cost(at_decision(lake), TURBINE, unit) == pytest.approx(expected)


def scenarios():
    day = day_of()
    return Scenarios(day, np.array([1.0]), {PRICE: np.full((1, day.mtu_count), 50.0)})


@pytest.mark.parametrize("missing", ["gas_hhv", "eua"])
def test_a_missing_close_stops_the_stochastic_rung_in_one_line_and_not_the_last(lake, missing):
    (present,) = {"gas_hhv", "eua"} - {missing}
    decided = TURBINE.decision_time(DAY)
    add_close(lake, TURBINE, present, DAY - timedelta(days=2), 30, decided)
    stale = DAY - timedelta(days=9)
    add_close(lake, TURBINE, missing, stale, 30, decided - timedelta(days=8))
    known, day = at_decision(lake), day_of()
    with pytest.raises(InputError, match=f"raw.fuel_prices: {missing}: expected a close") as error:
        forecast_problem(known, TURBINE, scenarios(), {})
    assert "\n" not in str(error.value)
    problem = last_rung_problem(known, TURBINE, day, {})
    assert len(price_independent(problem).curves) == day.mtu_count


@pytest.mark.parametrize("label", [SPRING, DAY, AUTUMN])
@pytest.mark.parametrize("minutes", [15, 60])
def test_recent_output_is_the_mean_power_by_time_of_day_whatever_the_meter_period(
    lake, label, minutes
):
    desk, day = desk_of("wind", "load"), day_of(label)
    for back, level in ((2, 10.0), (3, 20.0)):
        before = day_of(label - timedelta(days=back))
        count = len(before.grid(minutes))
        add_readings(lake, desk, before, "wind", [level] * count, minutes)
        add_readings(lake, desk, before, "load", [-level / 2] * count, minutes)
    found = recent_outputs(at_decision(lake, desk, label), desk, day)
    np.testing.assert_allclose(found["wind"], np.full(day.mtu_count, 15.0))
    np.testing.assert_allclose(found["load"], np.full(day.mtu_count, 7.5))


def test_without_any_reading_generation_offers_nothing_and_a_load_buys_its_peak(lake):
    desk = desk_of("solar", "load")
    found = recent_outputs(at_decision(lake, desk), desk, day_of())
    assert set(found["solar"]) == {0.0}
    assert set(found["load"]) == {15.0}


def test_readings_beyond_a_rating_do_not_stop_the_last_rung(lake):
    desk, before = desk_of("wind", "solar"), day_of(DAY - timedelta(days=2))
    add_readings(lake, desk, before, "wind", [60.0] * 96, 15)
    add_readings(lake, desk, before, "solar", [-0.2] * 96, 15)
    problem = last_rung_problem(at_decision(lake, desk), desk, day_of(), {})
    assert problem.availability["wind"].max() == 50
    assert problem.availability["solar"].min() == 0


def test_last_weeks_prices_value_the_last_rung_and_do_not_change_it(lake):
    desk, day = desk_of("wind"), day_of()
    add_readings(lake, desk, day_of(DAY - timedelta(days=2)), "wind", [20.0] * 96, 15)
    dark = price_independent(last_rung_problem(at_decision(lake, desk), desk, day, {}))
    before = day_of(DAY - timedelta(days=1))
    add_series(lake, desk.area, before, "day_ahead", [40.0] * 96, desk.decision_time(DAY))
    valued = price_independent(last_rung_problem(at_decision(lake, desk), desk, day, {}))
    assert valued.curves == dark.curves
    assert dark.expected_value == 0
    assert valued.expected_value == pytest.approx(20 * 24 * 40)


def test_a_path_problem_has_one_scenario_and_the_desks_start_states(lake):
    desk, day = desk_of("battery"), day_of()
    states = {"battery": StartState(energy_mwh=7)}
    problem = path_problem(at_decision(lake, desk), desk, day, states, np.arange(96.0), {})
    assert problem.prices.shape == (1, 96)
    assert problem.start_state(desk.unit("battery")).energy_mwh == 7
    np.testing.assert_array_equal(problem.long_prices, problem.prices)
