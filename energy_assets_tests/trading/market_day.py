"""Small frames of one delivery day for the trading tests."""

from __future__ import annotations

from datetime import date

import polars as pl

from energy_assets.market import CurveOrder, DeliveryDay, OrderSet, load_area

WINTER = date(2026, 2, 3)
SPRING = date(2026, 3, 29)
AUTUMN = date(2026, 10, 25)
HOURLY = date(2024, 6, 1)
DAYS = [WINTER, SPRING, AUTUMN, HOURLY]


def day_of(label: date = WINTER) -> DeliveryDay:
    return load_area("SIM_DE_LU").session().delivery_day(label)


def sloped_orders(label: date = WINTER, low_mw: float = -10, high_mw: float = 30) -> OrderSet:
    """The same linear curve in every MTU: `low_mw` up to 20, `high_mw` from 60 currency/MWh."""
    session = load_area("SIM_DE_LU").session()
    rules = session.curve_rules(label)
    low, high = rules.volume_ticks(low_mw), rules.volume_ticks(high_mw)
    points = (
        (rules.price_min_ticks, low),
        (rules.price_ticks(20), low),
        (rules.price_ticks(60), high),
        (rules.price_max_ticks, high),
    )
    curves = tuple(
        CurveOrder(mtu.start, mtu.minutes, points) for mtu in session.delivery_day(label).mtus
    )
    return OrderSet(
        "SIM_DE_LU", "day_ahead", label, "EUR", rules, curves, "11XDESK", "main", "11YGROUP"
    )


def periods(day: DeliveryDay, minutes: int, **columns: float | list[float]) -> pl.DataFrame:
    """A frame on the day's grid; a number stands for the same value in every period."""
    grid = day.grid(minutes)
    values = {
        name: value if isinstance(value, list) else [float(value)] * len(grid)
        for name, value in columns.items()
    }
    return pl.DataFrame(
        {"period_start": grid, "resolution_min": [minutes] * len(grid), **values},
        schema_overrides={"period_start": pl.Datetime("us", "UTC"), "resolution_min": pl.Int32},
    )


def readings(day: DeliveryDay, minutes: int, **units: float | list[float]) -> pl.DataFrame:
    """Meter readings, MWh per period, of several units."""
    return pl.concat(
        periods(day, minutes, energy_mwh=energy).with_columns(unit=pl.lit(unit))
        for unit, energy in units.items()
    )
