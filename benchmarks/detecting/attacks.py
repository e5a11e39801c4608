"""Attacks on a real series: what a fault or a poisoner does to a span of it.

Each attack takes clean values in time order, the slot it begins at and a generator, and returns
the attacked values and the end of the episode. Sizes and lengths are drawn from the ranges named
in `RANGES`, wide enough for what data engineers report of such faults and not chosen by what the
checks can do. Not here: which series (`series`), counting (`table`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from energy_assets.quality.plausibility.signal import Floats, Signal

RANGES = {
    "slow drift": "to +-15..50 % over 14..35 days",
    "bias on one source": "+-10..40 % (prices +-0.5..20 per MWh) for 5..14 days",
    "replay of yesterday": "1..3 days replaced by the day before",
    "frozen": "one value for 6..48 h, solar from daylight on",
    "skew": "+-1..3 h for 4..14 days",
    "kW/MW": "x1000 or /1000 for 6 h..5 days",
    "sign": "opposite sign for 12 h..5 days",
    "duplicates": "a block of 6..24 h delivered again under the next stamps",
    "spike": "1..3 slots off by 50..150 % of the signal's size",
    "zeros": "6..48 h written as 0",
}
Attack = Callable[[Signal, Floats, int, np.random.Generator], tuple[Floats, int]]


def slow_drift(signal: Signal, flat: Floats, at: int, rng: np.random.Generator):
    end = at + int(rng.integers(14, 36)) * signal.slots
    top = rng.choice([-1, 1]) * rng.uniform(0.15, 0.5)
    flat[at:end] *= 1 + top * np.linspace(0, 1, len(flat[at:end]))
    return flat, end


def bias(signal: Signal, flat: Floats, at: int, rng: np.random.Generator):
    end = at + int(rng.integers(5, 15)) * signal.slots
    sign = rng.choice([-1, 1])
    if signal.kind == "price":
        flat[at:end] = np.round(flat[at:end] + sign * rng.uniform(0.5, 20), 2)
    else:
        flat[at:end] *= 1 + sign * rng.uniform(0.1, 0.4)
    return flat, end


def replay(signal: Signal, flat: Floats, at: int, rng: np.random.Generator):
    at = at // signal.slots * signal.slots
    end = at
    for _ in range(int(rng.integers(1, 4))):
        flat[end : end + signal.slots] = flat[at - signal.slots : at]
        end += signal.slots
    return flat, end


def frozen(signal: Signal, flat: Floats, at: int, rng: np.random.Generator):
    end = at + int(rng.uniform(6, 48) * 60 / signal.minutes)
    flat[at:end] = flat[at]
    return flat, end


def skew(signal: Signal, flat: Floats, at: int, rng: np.random.Generator):
    end = at + int(rng.integers(4, 15)) * signal.slots
    late = int(rng.integers(1, 4) * 60 / signal.minutes) * rng.choice([-1, 1])
    source = flat.copy()
    flat[at:end] = source[at - late : end - late]
    return flat, end


def units(signal: Signal, flat: Floats, at: int, rng: np.random.Generator):
    end = at + int(rng.uniform(6, 120) * 60 / signal.minutes)
    flat[at:end] *= rng.choice([1000.0, 0.001])
    return flat, end


def sign(signal: Signal, flat: Floats, at: int, rng: np.random.Generator):
    end = at + int(rng.uniform(12, 120) * 60 / signal.minutes)
    flat[at:end] *= -1
    return flat, end


def duplicates(signal: Signal, flat: Floats, at: int, rng: np.random.Generator):
    length = int(rng.uniform(6, 24) * 60 / signal.minutes)
    flat[at : at + length] = flat[at - length : at]
    return flat, at + length


def spike(signal: Signal, flat: Floats, at: int, rng: np.random.Generator):
    del signal
    end = at + int(rng.integers(1, 4))
    size = np.nanquantile(np.abs(flat), 0.95)
    flat[at:end] += rng.choice([-1, 1]) * rng.uniform(0.5, 1.5) * size
    return flat, end


def zeros(signal: Signal, flat: Floats, at: int, rng: np.random.Generator):
    end = at + int(rng.uniform(6, 48) * 60 / signal.minutes)
    flat[at:end] = 0.0
    return flat, end


ATTACKS: dict[str, Attack] = {
    "slow drift": slow_drift,
    "bias on one source": bias,
    "replay of yesterday": replay,
    "frozen": frozen,
    "skew": skew,
    "kW/MW": units,
    "sign": sign,
    "duplicates": duplicates,
    "spike": spike,
    "zeros": zeros,
}
# The rules that are there for an attack; its false alarms are theirs.
OWN_RULES = {
    "slow drift": ("level_shift", "agreement"),
    "bias on one source": ("level_shift", "agreement"),
    "replay of yesterday": ("replay", "agreement"),
    "frozen": ("frozen", "frozen.rest"),
    "skew": ("skew", "agreement"),
    "kW/MW": ("scale", "limits", "limits.night"),
    "sign": ("sign", "limits"),
    "duplicates": ("duplicate", "replay", "agreement"),
    "spike": ("residual", "limits", "limits.night", "agreement"),
    "zeros": ("zero", "agreement"),
}
# A moment the attack would not change is no instance of it.
VISIBLE = {"frozen", "replay of yesterday", "sign", "kW/MW", "duplicates", "zeros"}
