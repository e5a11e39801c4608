"""Made-up signals for the plausibility tests: a load with its forecast, a solar plant."""

from __future__ import annotations

import numpy as np

from energy_assets.quality.plausibility import Signal
from energy_assets.quality.plausibility.signal import Floats

DAYS = 150


def load(days: int = DAYS, minutes: int = 60, seed: int = 1) -> Signal:
    """A load of about 10 GW whose forecast is 2 % off."""
    rng = np.random.default_rng(seed)
    slots = 1440 // minutes
    hour = np.arange(slots) * minutes / 60
    shape = (
        10_000 + 2_000 * np.sin((hour - 9) / 24 * 2 * np.pi) + 600 * np.sin(hour / 12 * 2 * np.pi)
    )
    weekly = np.where(np.arange(days) % 7 < 5, 1.0, 0.85)[:, None]
    level = weekly * (1 + 0.03 * rng.standard_normal((days, 1)))
    truth = np.round(shape * level * (1 + 0.01 * rng.standard_normal((days, slots))), 1)
    forecast = truth * (1 + 0.01 * rng.standard_normal((days, 1)))
    forecast = forecast * (1 + 0.01 * rng.standard_normal((days, slots)))
    return Signal("load", minutes, truth, 0.0, expected=forecast, aggregate=True)


def solar(days: int = 60, minutes: int = 15, capacity: float = 30.0, seed: int = 2) -> Signal:
    """A plant that is dark from 20 to 4 UTC."""
    rng = np.random.default_rng(seed)
    slots = 1440 // minutes
    hour = np.arange(slots) * minutes / 60
    sky = np.clip(np.sin((hour - 4) / 16 * np.pi), 0, None) * ((hour > 4) & (hour < 20))
    clouds = rng.uniform(0.3, 0.95, (days, 1)) * rng.uniform(0.8, 1.0, (days, slots))
    return Signal("solar", minutes, np.round(capacity * sky * clouds, 3), 0.0, capacity)


def changed(signal: Signal, day: int, slot: int, values: Floats | float) -> Signal:
    """The signal with other values from a slot on."""
    flat = signal.flat.copy()
    at = day * signal.slots + slot
    count = np.size(values)
    flat[at : at + count] = values
    return signal.scaled(flat.reshape(signal.values.shape))
