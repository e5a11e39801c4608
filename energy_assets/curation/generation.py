"""Generation of a unit per MTU: from its meter, else from telemetry, else filled and flagged.

A source is taken where it covers at least half of an MTU; the value is the time-weighted mean of
the part it covers. A gap of up to an hour with good values on both sides is filled between them: in
a straight line, of wind and solar on the scale of the whole plant, so that an outage that begins in
the gap shows in it. A battery's power follows from no neighbour: its gaps stay gaps, and so do all
longer ones. No row means not known.

Pure functions on rows. Not here: steps and their means (`step_series`), availability (`outages`).
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl

from energy_assets.curation.outages import (
    FloatArray,
    Periods,
    available_power,
    rating_mw,
    scaled_up,
)
from energy_assets.curation.step_series import meter_steps, telemetry_steps
from energy_assets.lakehouse.tables import UTC_TIME
from energy_assets.market import DeliveryDay
from energy_assets.portfolio import BatteryUnit, SolarUnit, ThermalUnit, Unit, WindUnit

LEAST_COVERAGE = 0.5
LONGEST_FILL = timedelta(hours=1)
METERED, TELEMETRY, FILLED = "metered", "telemetry", "filled"


def unit_generation(
    unit: Unit,
    day: DeliveryDay,
    readings: pl.DataFrame,
    samples: pl.DataFrame,
    parts: pl.DataFrame,
) -> pl.DataFrame:
    """Rows of `curated.unit_generation` of one unit and delivery day.

    Args:
        unit: The unit.
        day: The delivery day.
        readings: The unit's rows of `raw.meter_readings`, from `LONGEST_FILL` before the day to
            as long after it.
        samples: Its telemetry of the signal `power`, likewise.
        parts: Outage parts in force, of any units.
    """
    beyond = LONGEST_FILL // timedelta(minutes=day.mtu_minutes)
    step = timedelta(minutes=day.mtu_minutes)
    starts = [day.start + step * i for i in range(-beyond, day.mtu_count + beyond)]
    periods = Periods.regular(starts, day.mtu_minutes)
    metered, telemetered = (
        steps.mean(periods) for steps in (meter_steps(readings), telemetry_steps(samples))
    )
    power = np.full(len(starts), np.nan)
    basis = np.full(len(starts), FILLED, dtype=object)
    for name, (mean, coverage) in ((TELEMETRY, telemetered), (METERED, metered)):
        taken = coverage >= LEAST_COVERAGE
        power[taken], basis[taken] = mean[taken], name
    coverage = np.where(basis == TELEMETRY, telemetered[1], metered[1])
    coverage = np.where(basis == FILLED, np.maximum(telemetered[1], metered[1]), coverage)
    available = available_power(parts, unit, periods)
    power = _filled(unit, power, available, beyond)
    rows = pl.DataFrame(
        {
            "unit": unit.name,
            "period_start": starts,
            "resolution_min": day.mtu_minutes,
            "power_mw": power,
            "coverage": coverage,
            "basis": basis.astype(str),
            "available_mw": available,
        },
        schema_overrides={"period_start": UTC_TIME},
    )
    return rows[beyond : beyond + day.mtu_count].filter(pl.col("power_mw").is_not_nan())


def _filled(unit: Unit, power: FloatArray, available: FloatArray, longest: int) -> FloatArray:
    """Power (N,) with gaps of at most `longest` periods closed; NaN where they stay."""
    if isinstance(unit, BatteryUnit) or np.isfinite(power).all():
        return power
    share = np.ones(len(power))
    if isinstance(unit, WindUnit | SolarUnit):
        share = available / rating_mw(unit)
    known = scaled_up(power, share, rating_mw(unit))
    there = np.flatnonzero(np.isfinite(known))
    gaps = np.flatnonzero(np.isnan(power))
    if not len(there):
        return power
    after = np.searchsorted(there, gaps)
    inside = (after > 0) & (after < len(there))
    gaps, after = gaps[inside], after[inside]
    gaps = gaps[there[after] - there[after - 1] - 1 <= longest]
    result = power.copy()
    result[gaps] = np.interp(gaps, there, known[there]) * share[gaps]
    if isinstance(unit, ThermalUnit):
        result[gaps] = np.minimum(result[gaps], available[gaps])
    return result
