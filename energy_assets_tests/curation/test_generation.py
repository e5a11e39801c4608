from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_assets.curation.generation import unit_generation
from energy_assets.curation.outages import Periods, parts_in_force
from energy_assets.curation.step_series import meter_steps, telemetry_steps
from energy_assets.lakehouse.tables import UTC_TIME
from energy_assets.market import DeliveryDay
from energy_assets_tests.bidding.known_rows import desk_of
from energy_assets_tests.curation.outage_rows import (
    AUTUMN,
    DAY,
    HOUR,
    HOURLY,
    SPRING,
    day_of,
    message,
    rows,
)

DESK = desk_of("wind", "battery", "gas_turbine", "load")
MINUTE = timedelta(minutes=1)
NO_PARTS = parts_in_force(rows())


def readings(*found: tuple[datetime, int, float]) -> pl.DataFrame:
    """Start, minutes and MW of meter readings."""
    return pl.DataFrame(
        [(start, minutes, power * minutes / 60) for start, minutes, power in found],
        schema={"period_start": UTC_TIME, "resolution_min": pl.Int32, "energy_mwh": pl.Float64},
        orient="row",
    )


def samples(*found: tuple[datetime, int, float]) -> pl.DataFrame:
    """Moment, seconds and MW of telemetry."""
    return pl.DataFrame(
        list(found),
        schema={"measured_at": UTC_TIME, "interval_seconds": pl.Int32, "value": pl.Float64},
        orient="row",
    )


def whole_day(day: DeliveryDay, minutes: int, power: float) -> list[tuple[datetime, int, float]]:
    return [(start, minutes, power) for start in day.grid(minutes)]


def curated(day, metered=(), telemetry=(), parts=NO_PARTS, unit="wind") -> pl.DataFrame:
    return unit_generation(DESK.unit(unit), day, readings(*metered), samples(*telemetry), parts)


@pytest.mark.parametrize("label", [SPRING, DAY, AUTUMN, HOURLY])
@pytest.mark.parametrize("minutes", [15, 60])
def test_a_metered_day_has_a_row_per_mtu_whatever_the_meter_period(label, minutes):
    day = day_of(label)
    found = curated(day, whole_day(day, minutes, 12.0))
    assert found["period_start"].to_list() == day.starts
    assert set(found["basis"]) == {"metered"}
    np.testing.assert_allclose(found["power_mw"], 12.0)
    np.testing.assert_allclose(found["coverage"], 1.0)
    assert set(found["available_mw"]) == {50.0}


def test_meters_come_before_telemetry_and_telemetry_where_they_are_silent():
    day = day_of()
    metered = whole_day(day, 15, 10.0)[:40]
    found = curated(day, metered, [(s, 600, 20.0) for s in day.grid(10)])
    assert found["basis"].to_list() == ["metered"] * 40 + ["telemetry"] * 56
    assert found["power_mw"].to_list() == pytest.approx([10.0] * 40 + [20.0] * 56)


def test_ten_minute_averages_are_weighted_by_their_share_of_a_quarter_hour():
    day = day_of()
    ten = [10.0, 20.0, 40.0]
    found = curated(day, telemetry=[(day.start + 10 * i * MINUTE, 600, ten[i]) for i in range(3)])
    assert found["power_mw"].to_list() == pytest.approx([(10 * 10 + 5 * 20) / 15, 500 / 15])


def test_a_moment_is_held_until_the_next_one_but_no_longer_than_a_quarter_of_an_hour():
    day = day_of()
    moments = [(day.start, 0, 10.0), (day.start + 5 * MINUTE, 0, 40.0)]
    found = curated(day, telemetry=moments)
    assert found["power_mw"].to_list() == pytest.approx([30.0])
    assert found["coverage"].to_list() == pytest.approx([1.0])
    # The last moment reaches five minutes into the second quarter of an hour: too little of it.
    assert found.height == 1


def test_a_value_that_covers_less_than_half_an_mtu_is_not_taken():
    day = day_of()
    assert curated(day, telemetry=[(day.start, 449, 10.0)]).is_empty()
    (row,) = curated(day, telemetry=[(day.start, 450, 10.0)]).to_dicts()
    assert (row["basis"], row["power_mw"], row["coverage"]) == ("telemetry", 10.0, 0.5)


def test_a_short_gap_is_filled_and_flagged_and_a_longer_one_stays_a_gap():
    day = day_of()
    metered = [r for i, r in enumerate(whole_day(day, 15, 8.0)) if i not in {10, 11, 12, 13}]
    metered = [(s, m, 8.0 if i < 10 else 28.0) for i, (s, m, _) in enumerate(metered)]
    found = curated(day, metered)
    assert found.height == 96
    assert found["basis"].to_list()[9:15] == ["metered", *["filled"] * 4, "metered"]
    assert found["power_mw"].to_list()[9:15] == pytest.approx([8, 12, 16, 20, 24, 28])
    assert set(found.filter(pl.col("basis") == "filled")["coverage"]) == {0.0}
    longer = curated(day, [r for r in metered if r[0] != day.start + 14 * 15 * MINUTE])
    assert longer.height == 96 - 5
    assert "filled" not in set(longer["basis"])


@pytest.mark.parametrize("label", [SPRING, DAY, AUTUMN])
def test_a_gap_over_midnight_is_filled_from_both_days(label):
    day = day_of(label)
    metered = [(day.start - 15 * MINUTE, 15, 6.0), *whole_day(day, 15, 9.0)[2:]]
    found = curated(day, metered)
    assert found["power_mw"].to_list()[:3] == pytest.approx([7.0, 8.0, 9.0])
    without = curated(day, metered[1:])
    assert without["period_start"][0] == day.start + 30 * MINUTE


def test_a_filled_gap_of_a_wind_farm_follows_its_availability():
    day = day_of()
    parts = parts_in_force(rows(message(day.start + 15 * MINUTE, day.end, 30.0)))
    metered = [(day.start, 15, 20.0), *[(s, 15, 12.0) for s in day.starts[3:]]]
    found = curated(day, metered, parts=parts)
    # The whole farm makes 20 MW throughout; from the second quarter on 60 % of it is there.
    assert found["power_mw"].to_list()[:4] == pytest.approx([20.0, 12.0, 12.0, 12.0])
    assert found["available_mw"].to_list()[:2] == [50.0, 30.0]


def test_a_batterys_gap_is_never_filled_and_a_turbines_not_above_what_it_can_do():
    day = day_of()
    metered = [(s, 15, 80.0) for i, s in enumerate(day.starts) if i != 5]
    assert curated(day, metered, unit="battery").height == 95
    out = message(day.starts[5], day.starts[6], 30.0, unit="gas_turbine")
    found = curated(day, metered, parts=parts_in_force(rows(out)), unit="gas_turbine")
    assert found["power_mw"][5] == 30.0


def test_a_load_keeps_its_sign():
    day = day_of()
    found = curated(day, whole_day(day, 15, -7.0), unit="load")
    assert set(found["power_mw"]) == {-7.0}


def test_of_overlapping_measurements_no_minute_counts_twice():
    day = day_of()
    metered = [(day.start, 60, 8.0), (day.start, 15, 20.0), (day.start + 30 * MINUTE, 15, 4.0)]
    steps = meter_steps(readings(*metered))
    assert (steps.ends[:-1] <= steps.starts[1:]).all()
    mean, covered = steps.mean(Periods.of_day(day))
    assert mean[[0, 2]].tolist() == [20.0, 4.0]
    assert covered.max() == 1.0


stamps = st.lists(
    st.tuples(st.integers(0, 4 * 3600), st.integers(0, 1800), st.integers(-50, 50)),
    min_size=1,
    max_size=20,
)


@given(stamps)
def test_energy_is_the_same_on_every_grid(found):
    day = day_of()
    steps = telemetry_steps(
        samples(*[(day.start + timedelta(seconds=t), n, float(v)) for t, n, v in found])
    )

    def energy(minutes: int) -> float:
        mean, covered = steps.mean(Periods.regular(day.grid(minutes), minutes))
        return float(np.nansum(mean * covered) * minutes / 60)

    assert energy(15) == pytest.approx(energy(60), abs=1e-6)
    exact = ((steps.ends - steps.starts) * steps.values).sum() / 3.6e9
    assert energy(30) == pytest.approx(exact, abs=1e-6)
    mean, covered = steps.mean(Periods.of_day(day))
    assert covered.min() >= 0
    assert covered.max() <= 1
    assert np.isnan(mean).tolist() == (covered == 0).tolist()


def test_nothing_known_is_no_row():
    assert curated(day_of()).is_empty()
    assert curated(day_of(), [(day_of().start - HOUR, 15, 3.0)]).is_empty()
