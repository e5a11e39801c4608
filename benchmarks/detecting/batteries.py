"""State of charge against power, on a battery that follows real prices.

No real battery telemetry is at hand: a battery of two hours charges in the cheapest and discharges
in the dearest hours of each real German day, with efficiencies off the nominal ones and noise of a
meter. Attacks fall on one of the two signals.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detecting.labelled import Line
from detecting.series import grid, zones
from energy_assets.quality.plausibility import Storage, energy_balance, thresholds_of
from energy_assets.quality.plausibility.signal import Floats, runs

CAPACITY_MWH, POWER_MW, EFFICIENCY = 40.0, 20.0, 0.95
SPAN_DAYS = 40


def battery_lines(root: Path, part: str, instances: int) -> list[Line]:
    """One line per attack, and the false alarms of the clean series in each."""
    rows = zones(root).filter(zones(root)["zone"] == "DE")
    _, prices = grid(rows["datetime_local"], rows["price_eur_mwh"].to_numpy(), 60)
    half = len(prices) // 2
    prices = prices[:half] if part == "choose" else prices[half:]
    power, energy = _telemetry(prices, np.random.default_rng(5))
    alarms = _episodes(_flags(power, energy), 24)
    months = len(prices) / 30.44
    found = []
    for name, attack in ATTACKS.items():
        hits = points = points_hit = 0
        for number in range(instances):
            rng = np.random.default_rng([11, number])
            start = int(rng.integers(0, len(prices) - SPAN_DAYS)) * 24
            span = slice(start, start + SPAN_DAYS * 24)
            first = int(rng.integers(20, 30)) * 24 + int(rng.integers(0, 24))
            last = first + int(rng.uniform(12, 120))
            wrong = attack(power[span].copy(), energy[span].copy(), slice(first, last), rng)
            flagged = _flags(*wrong)[first:last] & ~_flags(power[span], energy[span])[first:last]
            hits += bool(flagged.any())
            points += last - first
            points_hit += int(flagged.sum())
        found.append(Line(f"battery: {name}", instances, hits, points, points_hit, alarms, months))
    return found


def _telemetry(prices: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    rank = np.argsort(np.argsort(np.nan_to_num(prices), axis=1), axis=1)
    power = np.where(rank < 2, -POWER_MW, np.where(rank >= 22, POWER_MW, 0.0)).ravel()
    charge, discharge = EFFICIENCY * 0.99, EFFICIENCY * 1.005
    energy, level = np.zeros(power.size), 20.0
    for hour, wanted in enumerate(power):
        energy[hour] = level
        most = (CAPACITY_MWH - level) / charge if wanted < 0 else level * discharge
        power[hour] = np.sign(wanted) * min(abs(wanted), max(most, 0.0))
        level += -power[hour] * charge if power[hour] < 0 else -power[hour] / discharge
    noise = rng.normal(0, 0.002 * CAPACITY_MWH, energy.size)
    return power + rng.normal(0, 0.01, power.size), np.clip(energy + noise, 0, CAPACITY_MWH)


def _flags(power: Floats, energy: Floats) -> np.ndarray:
    storage = Storage(power, energy, 60, CAPACITY_MWH, EFFICIENCY, EFFICIENCY)
    found = energy_balance(storage, thresholds_of("power").energy_balance)
    return found[0].flagged if found else np.zeros(power.size, dtype=bool)


def _episodes(flagged: np.ndarray, gap: int) -> int:
    first, last = runs(flagged)
    return int(bool(len(first))) + int((first[1:] - last[:-1] > gap).sum())


def _frozen(power, energy, span, rng):
    del rng
    energy[span] = energy[span.start]
    return power, energy


def _sign(power, energy, span, rng):
    del rng
    power[span] *= -1
    return power, energy


def _units(power, energy, span, rng):
    power[span] *= rng.choice([1000.0, 0.001])
    return power, energy


def _bias(power, energy, span, rng):
    energy[span] += rng.choice([-1, 1]) * rng.uniform(0.1, 0.3) * CAPACITY_MWH
    return power, energy


def _skew(power, energy, span, rng):
    late = int(rng.integers(1, 4))
    energy[span] = energy[span.start - late : span.stop - late]
    return power, energy


def _replay(power, energy, span, rng):
    del rng
    energy[span] = energy[span.start - 24 : span.stop - 24]
    return power, energy


def _drift(power, energy, span, rng):
    size = rng.choice([-1, 1]) * rng.uniform(0.15, 0.5)
    power[span] *= 1 + size * np.linspace(0, 1, len(power[span]))
    return power, energy


ATTACKS = {
    "frozen state of charge": _frozen,
    "sign of power": _sign,
    "kW/MW of power": _units,
    "bias of state of charge": _bias,
    "clock skew": _skew,
    "replay of yesterday": _replay,
    "power drifts": _drift,
}
