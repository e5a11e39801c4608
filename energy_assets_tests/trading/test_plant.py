from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.errors import InputError
from energy_assets.portfolio import BatteryUnit, LoadUnit, SolarUnit, ThermalUnit, WindUnit
from energy_assets.trading import controllable_units, meter_schedules
from energy_assets.trading.plant import battery_power
from energy_assets_tests.trading.market_day import DAYS, day_of, periods


@pytest.mark.parametrize("label", DAYS)
@pytest.mark.parametrize("minutes", [15, 60])
def test_metered_energy_is_power_times_hours_with_its_sign(label, minutes):
    day = day_of(label)
    schedules = pl.concat(
        periods(day, minutes, power_mw=power).with_columns(unit=pl.lit(unit))
        for unit, power in {"gas": 80.0, "battery": -20.0, "wind": 33.0}.items()
    )
    meter = meter_schedules(schedules, ["gas", "battery"], day)
    energy = dict(meter.group_by("unit").agg(pl.col("energy_mwh").sum()).iter_rows())
    assert energy == {"gas": 80.0 * day.hours, "battery": -20.0 * day.hours}
    assert meter["resolution_min"].unique().to_list() == [minutes]
    assert set(meter["source"]) == {"paper_plant"}
    assert set(meter["knowledge_basis"]) == {"rule"}
    assert meter["knowledge_time"].unique().to_list() == [day.end + timedelta(hours=9)]


def test_a_schedule_with_a_hole_names_unit_and_mtu():
    day = day_of()
    schedules = periods(day, 15, power_mw=1).with_columns(unit=pl.lit("gas"))[1:]
    with pytest.raises(InputError, match=r"schedule of gas, MTU 2026-02-02T23:00"):
        meter_schedules(schedules, ["gas"], day)


def test_thermal_units_and_batteries_follow_schedules():
    units = [
        WindUnit(name="wind", capacity_mw=50),
        SolarUnit(name="sun", capacity_mw=30),
        BatteryUnit(name="battery", power_mw=20, energy_mwh=40),
        ThermalUnit(name="gas", capacity_mw=100, constant_cost=70),
        LoadUnit(name="load", peak_mw=15),
    ]
    assert controllable_units(units) == ("battery", "gas")


BATTERY = BatteryUnit(
    name="battery", power_mw=10, energy_mwh=10, charge_efficiency=0.5, discharge_efficiency=0.5
)


def operated(planned, called, energy, limit=10.0):
    paths = (np.array(planned, dtype=float), np.array(called, dtype=float))
    limits = np.full(len(planned), limit)
    return battery_power(BATTERY, *paths, energy, limits, 1.0).tolist()


def test_a_battery_delivers_calls_on_top_of_its_schedule_while_it_has_energy():
    assert operated([1, 0, -2], [1, -1, 0], 10.0) == [2.0, -1.0, -2.0]
    # Each MWh delivered draws two: the third hour finds the store empty.
    assert operated([2, 2, 2], [1, 0, 0], 10.0) == [3.0, 2.0, 0.0]
    # Each MWh taken stores half: five MWh of room take ten.
    assert operated([-6, -6], [-1, 0], 5.0) == [-7.0, -3.0]


def test_a_battery_stays_within_its_power_limit():
    assert operated([8, -8], [5, -5], 10.0, limit=4.0) == [4.0, -4.0]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-20, 20), st.floats(-20, 20)), min_size=1, max_size=12))
def test_a_store_never_holds_less_than_nothing_or_more_than_it_can(hours):
    planned, called = zip(*hours, strict=True)
    stored = 4.0
    for power in operated(planned, called, stored):
        stored -= power * 0.5 if power < 0 else power / 0.5
        assert -1e-9 <= stored <= 10 + 1e-9
        assert abs(power) <= 10
