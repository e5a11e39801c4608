from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from energy_assets.errors import InputError
from energy_assets.portfolio import BatteryUnit, LoadUnit, SolarUnit, ThermalUnit, WindUnit
from energy_assets.trading import controllable_units, meter_schedules
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
