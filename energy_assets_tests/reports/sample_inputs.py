"""Synthetic but lifelike inputs of both reports, for any delivery day of the reference market."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from statistics import NormalDist

import numpy as np
import polars as pl

from energy_assets.market import CurveOrder, DeliveryDay, OrderSet, load_area
from energy_assets.reports import BacktestReportInputs, DayReportInputs, StrategySummary
from energy_assets.trading import (
    SettlementInputs,
    SinglePrices,
    UnitCosts,
    clear,
    meter_schedules,
    settle,
)

LEVELS = [0.01, 0.05, 0.10, 0.25, 0.5, 0.75, 0.90, 0.95, 0.99]
KINDS = {
    "wind_north": "wind",
    "solar_south": "solar",
    "battery": "battery",
    "gas_turbine": "thermal",
    "site_load": "load",
}
STRATEGIES = ("stochastic", "yesterday", "shape_28d", "perfect_foresight")
STEPS_MW = ((-15.0, 20.0), (40.0, 20.0), (86.0, 100.0))


def grid_frame(day: DeliveryDay, minutes: int | None = None, **columns) -> pl.DataFrame:
    minutes = minutes or day.mtu_minutes
    return pl.DataFrame(
        {
            "period_start": day.grid(minutes),
            "resolution_min": [minutes] * len(day.grid(minutes)),
            **columns,
        },
        schema_overrides={"period_start": pl.Datetime("us", "UTC"), "resolution_min": pl.Int32},
    )


def hours_of(day: DeliveryDay) -> np.ndarray:
    return (np.arange(day.mtu_count) + 0.5) * day.mtu_minutes / 60


def price_shape(day: DeliveryDay) -> np.ndarray:
    hour = hours_of(day)
    morning = 32 * np.exp(-((hour - 8) ** 2) / 3)
    evening = 62 * np.exp(-((hour - 18.6) ** 2) / 3.2)
    noon = -66 * np.exp(-((hour - 13) ** 2) / 5.5)
    ramp = 7 * np.sin(2 * np.pi * hour) * np.exp(-((hour - 18) ** 2) / 30)
    return 66 + morning + evening + noon + ramp


def orders_of(day: DeliveryDay, generation: np.ndarray) -> OrderSet:
    session = load_area("SIM_DE_LU").session()
    rules = session.curve_rules(day.label)
    curves = []
    for mtu, base in zip(day.mtus, generation, strict=True):
        volume = rules.volume_ticks(base - 15 - 20)
        points = [(rules.price_min_ticks, rules.volume_ticks(-35))]
        points.append((rules.price_ticks(-30), points[0][1]))
        points.append((rules.price_ticks(-29.99), volume))
        for price, size in STEPS_MW:
            points.append((rules.price_ticks(price), points[-1][1]))
            volume = points[-1][1] + rules.volume_ticks(size)
            points.append((rules.price_ticks(price + 6), volume))
        points.append((rules.price_max_ticks, volume))
        curves.append(CurveOrder(mtu.start, mtu.minutes, tuple(points)))
    return OrderSet(
        "SIM_DE_LU", "day_ahead", day.label, "EUR", rules, tuple(curves), "11X", "main", "11Y"
    )


def schedule_of(day: DeliveryDay, price: np.ndarray, generation: np.ndarray, sun: np.ndarray):
    hours = day.mtu_minutes / 60
    order = np.argsort(price, kind="stable")
    slots = round(2 / hours)
    battery = np.zeros(day.mtu_count)
    middle = [i for i in order if hours_of(day)[i] < 16][:slots]
    battery[middle] = -20 / 0.9
    battery[order[-slots:]] = 20 * 0.9
    stored = np.clip(
        np.cumsum(np.where(battery < 0, -battery * 0.9, -battery / 0.9)) * hours, 0, 40
    )
    gas = np.where(price_shape(day) > 84, 100.0, 0.0)
    load = -12 - 3 * np.sin(2 * np.pi * (hours_of(day) - 8) / 24)
    power = {
        "wind_north": generation - sun,
        "solar_south": sun,
        "battery": battery,
        "gas_turbine": gas,
        "site_load": load,
    }
    return pl.concat(
        grid_frame(day, power_mw=values.tolist()).with_columns(
            unit=pl.lit(unit),
            stored_energy_mwh=pl.Series(stored) if unit == "battery" else pl.lit(None, pl.Float64),
            committed=pl.Series(values > 0) if unit == "gas_turbine" else pl.lit(None, pl.Boolean),
        )
        for unit, values in power.items()
    )


def plan_of(day: DeliveryDay, schedules: pl.DataFrame, noise: np.random.Generator):
    frames = []
    for unit in KINDS:
        rows = schedules.filter(pl.col("unit") == unit)
        power = 0.85 * rows["power_mw"].to_numpy() + noise.normal(0, 0.4, len(rows))
        frames.append(_plan_rows(day, unit, "power", power, 4))
    stored = schedules.filter(pl.col("unit") == "battery")["stored_energy_mwh"].to_numpy()
    frames.append(_plan_rows(day, "battery", "stored_energy", np.clip(stored * 0.9 + 1, 0, 40), 6))
    net = schedules.group_by("period_start", maintain_order=True).agg(pl.col("power_mw").sum())
    frames.append(
        _plan_rows(
            day, "position", "position", 0.9 * net.sort("period_start")["power_mw"].to_numpy(), 20
        )
    )
    return pl.concat(frames).with_columns(rung=pl.lit("stochastic"))


def _plan_rows(day, unit, quantity, expected, spread):
    low = expected - spread if quantity != "stored_energy" else np.clip(expected - spread, 0, 40)
    high = expected + spread if quantity != "stored_energy" else np.clip(expected + spread, 0, 40)
    return grid_frame(
        day, expected=expected.tolist(), p05=low.tolist(), p50=expected.tolist(), p95=high.tolist()
    ).with_columns(unit=pl.lit(unit), quantity=pl.lit(quantity))


def bid_runs_of(day: DeliveryDay, orders: OrderSet, note: str) -> pl.DataFrame:
    gate = load_area(orders.area).session().gate_closure(day.label)
    shared = {
        "period_start": day.start,
        "decision_time": gate - timedelta(minutes=60),
        "gate_closure": gate,
        "mode": "live",
        "input_hash": "7c1d" * 16,
        "configuration_hash": "a93f" * 16,
        "model_versions": '{"lear_ensemble": "3f2a9c1d77e0", "wind_quantiles": "b81c004412aa"}',
        "code_version": "0.1.0+g1a2b3c4",
    }
    safe = {
        "rung": "price_independent",
        "orders_sha256": "0" * 64,
        "expected_value": 39112.4,
        "cvar95": 21002.7,
        "solver_status": "not used",
        "objective": None,
        "bound": None,
        "gap": None,
        "seconds": 0.4,
        "note": "runs first",
    }
    used = {
        "rung": "stochastic",
        "orders_sha256": orders.sha256,
        "expected_value": 53910.4,
        "cvar95": 38204.9,
        "solver_status": "optimal within gap",
        "objective": 53910.4,
        "bound": 53975.1,
        "gap": 0.0012,
        "seconds": 18.7,
        "note": note,
    }
    return pl.DataFrame([shared | safe, shared | used])


def verdicts_of(day: DeliveryDay, detail: str) -> pl.DataFrame:
    window = (day.start - timedelta(days=7), day.start)
    rows = [
        ("raw.market_prices/day_ahead", "all", "good", "168 of 168 hours, newest 3 h old"),
        ("raw.system_forecasts/load", "all", "good", "96 of 96 quarter-hours"),
        ("raw.weather_forecasts/wind_speed_100m", "all", "suspect", detail),
        ("raw.weather_forecasts/wind_speed_100m", "vintage_age", "suspect", detail),
        ("raw.fuel_prices/gas_hhv", "all", "good", "close of the last trading day"),
        ("raw.outages", "all", "good", "no open message"),
    ]
    return pl.DataFrame(
        [(*row[:3], *window, row[3]) for row in rows],
        schema=["input", "rule", "verdict", "window_start", "window_end", "detail"],
        orient="row",
        schema_overrides={
            "window_start": pl.Datetime("us", "UTC"),
            "window_end": pl.Datetime("us", "UTC"),
        },
    )


def quantile_frame(day: DeliveryDay, median: np.ndarray) -> pl.DataFrame:
    spread = 7 + 0.09 * np.abs(median) + 4 * hours_of(day) / 24
    return pl.concat(
        grid_frame(
            day,
            value=(
                median
                + spread
                * 1.15
                * math.copysign(1, level - 0.5)
                * abs(NormalDist().inv_cdf(level)) ** 1.15
            ).tolist(),
        ).with_columns(level=pl.lit(level))
        for level in LEVELS
    )


def day_inputs(
    label: date = date(2026, 11, 24), *, settled: bool = True, note: str = "", detail: str = ""
) -> DayReportInputs:
    """A day of the reference desk, before the auction or after settlement."""
    day = load_area("SIM_DE_LU").session().delivery_day(label)
    noise = np.random.default_rng(7)
    hour = hours_of(day)
    median = price_shape(day)
    walk = np.cumsum(noise.normal(0, 1.3, day.mtu_count))
    clearing = np.round(median + walk - walk.mean() + noise.normal(0, 2.5, day.mtu_count), 2)
    sun = 26 * np.clip(np.sin(np.pi * (hour - 7.5) / 9.5), 0, None) * (hour < 17)
    generation = 22 + 12 * np.sin(hour / 5 + 1) + sun
    orders = orders_of(day, generation)
    schedules = schedule_of(day, clearing, generation, sun)
    common = {
        "desk": "reference",
        "orders": orders,
        "bid_runs": bid_runs_of(day, orders, note or "inputs good enough, gap reached in time"),
        "price_quantiles": quantile_frame(day, median),
        "dispatch_plan": plan_of(day, schedules, noise),
        "verdicts": verdicts_of(day, detail or "expected a run of 06 UTC, found 00 UTC (12 h old)"),
        "unit_kinds": KINDS,
        "naive_prices": grid_frame(day, price=(np.roll(median, 3) + 9 * np.sin(hour)).tolist()),
    }
    if not settled:
        return DayReportInputs(**common)
    awards = clear(orders, grid_frame(day, price=clearing.tolist()))
    meter = meter_schedules(schedules, list(KINDS), day).with_columns(
        energy_mwh=pl.col("energy_mwh")
    )
    net = meter.group_by("period_start").agg(pl.col("energy_mwh").sum()).sort("period_start")
    drift = np.cumsum(noise.normal(0, 0.25, day.mtu_count)) + noise.normal(0, 0.4, day.mtu_count)
    target = awards["volume_mw"].to_numpy() * day.mtu_minutes / 60 + drift - drift.mean()
    correction = pl.DataFrame(
        {"period_start": net["period_start"], "extra": target - net["energy_mwh"].to_numpy()}
    )
    meter = meter.join(correction, on="period_start").with_columns(
        energy_mwh=pl.when(pl.col("unit") == "wind_north")
        .then(pl.col("energy_mwh") + pl.col("extra"))
        .otherwise("energy_mwh")
    )
    imbalance = clearing + noise.normal(0, 28, day.mtu_count) - 14 * np.sign(drift - drift.mean())
    settlement = settle(
        SettlementInputs(
            day=day,
            awards=awards,
            meter_readings=meter,
            units=tuple(KINDS),
            imbalance=SinglePrices(grid_frame(day, price=np.round(imbalance, 2).tolist())),
            costs=(
                UnitCosts("gas_turbine", energy_cost=71.384, start_cost=1850),
                UnitCosts("battery", wear_cost=6.5),
            ),
            schedules=schedules,
        )
    )
    return DayReportInputs(
        **common,
        awards=awards,
        schedules=schedules,
        settlement=settlement,
        scores=scores_frame([label]),
    )


def scores_frame(days: list[date]) -> pl.DataFrame:
    noise = np.random.default_rng(3)
    models = {"ensemble": 1.0, "lear_84": 1.06, "lear_364": 1.09, "naive_weekly": 1.9}
    rows = []
    for day in days:
        level = 6.5 + 2.5 * math.cos(day.timetuple().tm_yday / 58) + noise.gamma(2, 0.8)
        for model, factor in models.items():
            mae = level * factor * noise.uniform(0.93, 1.07)
            rows.append(("price", model, "mae", mae, day))
            rows.append(("price", model, "rmse", mae * 1.32, day))
            if model == "ensemble":
                rows.append(("price", model, "pinball99", mae * 0.38, day))
                rows.append(("price", model, "coverage_80", noise.uniform(0.72, 0.87), day))
    columns = ["target", "model", "metric", "value", "delivery_day"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def backtest_inputs() -> BacktestReportInputs:
    """A quarter of a small mixed desk."""
    noise = np.random.default_rng(11)
    first = date(2016, 1, 4)
    days = [first + timedelta(days=i) for i in range(88)]
    possible = noise.gamma(6, 9, len(days)) + 12 * (np.arange(len(days)) % 17 == 0)
    shares = {
        "stochastic": noise.normal(0.91, 0.06, len(days)),
        "yesterday": noise.normal(0.70, 0.30, len(days)),
        "shape_28d": noise.normal(0.82, 0.16, len(days)),
        "perfect_foresight": np.ones(len(days)),
    }
    rows, unit_rows = [], []
    for name, share in shares.items():
        profit = possible * np.minimum(share, 1.0)
        for day, value in zip(days, profit, strict=True):
            start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=1)
            awarded = float(noise.uniform(3, 4))
            imbalance = 0.0 if name == "perfect_foresight" else awarded * noise.uniform(0, 0.018)
            rows.append((day, "b" * 16, name, start, float(value), awarded, imbalance))
            for unit, part in (("battery", 0.6), ("thermal_small", 0.4)):
                unit_rows.append((day, "b" * 16, name, unit, start, float(value) * part))
    frame = pl.DataFrame(
        rows,
        schema=[
            "delivery_day",
            "backtest",
            "strategy",
            "period_start",
            "profit",
            "awarded_mwh",
            "imbalance_mwh",
        ],
        orient="row",
    )
    units = pl.DataFrame(
        unit_rows,
        schema=["delivery_day", "backtest", "strategy", "unit", "period_start", "profit"],
        orient="row",
    )
    best = float(possible.sum())
    strategies = {}
    for name in STRATEGIES:
        own = frame.filter(pl.col("strategy") == name)
        profits = own["profit"].sort()
        total = float(profits.sum())
        strategies[name] = {
            "profit": total,
            "profit_per_day": total / len(days),
            "capture": total / best,
            "capture_by_unit": {
                "battery": total / best * 0.98,
                "thermal_small": total / best * 1.03,
            },
            "imbalance_mwh": float(own["imbalance_mwh"].sum()),
            "cvar95_per_day": float(profits.head(4).mean()),
        }
    return BacktestReportInputs(
        desk="epf_de_mixed",
        area_code="EPF_DE",
        first=days[0],
        last=days[-1],
        strategies=StrategySummary.all_of({"strategies": strategies}),
        days=frame,
        unit_days=units,
        scores=scores_frame(days),
        parameters={"Risk weight": "0", "Scenarios": "50", "Configuration": "a93f" * 16},
        command="energy-assets backtest --desk data/desks/epf_de_mixed.yaml "
        "--from 2016-01-04 --to 2016-03-31",
        seconds=412.6,
    )
