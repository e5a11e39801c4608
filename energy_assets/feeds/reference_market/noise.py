"""Random fields that are functions of (seed, time): no state, no order, any window.

A knot is a standard normal number hashed from (key, knot index). Noise of one scale blends the two
knots around a moment, `(a z0 + w z1) / sqrt(a² + w²)` with smoothstep weights, so that its variance
is one everywhere; a spectrum adds scales. Every operation is elementwise, so a value does not
depend on the window it was generated in.

A forecast of a field z is `a z + sqrt(a (1 - a)) e` with `a = 1 - sd²`, where e is an error field
over valid time that changes slowly with issue time. Then E[z | forecast] = forecast, the error's
standard deviation is sd(lead time), and successive vintages err alike.

Not here: what a field means (`weather`, `power_system`, …).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Minutes: TypeAlias = NDArray[np.int64]
"""UTC minutes since 1970-01-01."""
Values: TypeAlias = NDArray[np.float64]
Spectrum: TypeAlias = tuple[tuple[float, float], ...]
"""(scale in hours, share of variance); shares add up to one."""

_States: TypeAlias = NDArray[np.uint64]
_GOLDEN_RATIO = np.uint64(0x9E3779B97F4A7C15)
_ISSUE_SCALE_MINUTES = 36 * 60
_ERROR_SPECTRUM: Spectrum = ((36.0, 0.4), (12.0, 0.35), (3.0, 0.25))


def key_of(seed: int, *names: str) -> int:
    """64-bit key of a named random quantity."""
    text = "/".join((str(seed), *names))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _mix(state: _States) -> _States:
    """Finaliser of splitmix64 (Steele, Lea and Flood 2014, Fast Splittable PRNGs)."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def _states(key: int, *indices: Minutes) -> _States:
    state = np.full(np.shape(indices[0]), key, dtype=np.uint64)
    for index in indices:
        state = _mix(state + _GOLDEN_RATIO * (index.astype(np.uint64) + np.uint64(1)))
    return state


def uniforms(key: int, *indices: Minutes) -> Values:
    """Uniform numbers in (0, 1) hashed from integer indices."""
    return ((_states(key, *indices) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def normals(key: int, *indices: Minutes) -> Values:
    """Standard normal numbers hashed from integer indices (Box-Muller on the hash's halves)."""
    state = _states(key, *indices)
    high = ((state >> np.uint64(32)).astype(np.float64) + 0.5) * 2.0**-32
    low = ((state & np.uint64(0xFFFFFFFF)).astype(np.float64) + 0.5) * 2.0**-32
    radius: Values = np.sqrt(-2.0 * np.log(high))
    return radius * np.cos(2.0 * np.pi * low)


def _blend(position: Values, before: Values, after: Values) -> Values:
    weight = position * position * (3.0 - 2.0 * position)
    rest = 1.0 - weight
    norm: Values = np.sqrt(rest * rest + weight * weight)
    return (rest * before + weight * after) / norm


def noise(key: int, minutes: Minutes, spectrum: Spectrum, *layer: Minutes) -> Values:
    """Stationary unit-variance noise over time; `layer` indices select independent copies."""
    total = np.zeros(minutes.shape)
    for number, (hours, share) in enumerate(spectrum):
        scale = round(hours * 60)
        # A phase per scale keeps knots of different quantities from falling together.
        phase = (key >> (8 * number)) % scale
        index, within = np.divmod(minutes + phase, scale)
        scale_number = np.full(minutes.shape, number, dtype=np.int64)
        before = normals(key, *layer, scale_number, index)
        after = normals(key, *layer, scale_number, index + 1)
        total += share**0.5 * _blend(within / scale, before, after)
    return total


@dataclass(frozen=True)
class Field:
    """A standard normal field over time with forecasts of it.

    Attributes:
        key: Key of the field, from `key_of`.
        spectrum: Scales of the field.
        error_sd_24h: Standard deviation of the forecast error at 24 hours of lead time.
    """

    key: int
    spectrum: Spectrum
    error_sd_24h: float

    def at(self, minutes: Minutes, issue: Minutes | None = None) -> Values:
        """The field, or its forecast made at `issue` (same shape as `minutes`)."""
        actual = noise(self.key, minutes, self.spectrum)
        if issue is None:
            return actual
        kept = 1.0 - self.error_sd(minutes, issue) ** 2
        spread: Values = np.sqrt(kept * (1.0 - kept))
        return kept * actual + spread * self._error(minutes, issue)

    def error_sd(self, minutes: Minutes, issue: Minutes) -> Values:
        """Standard deviation of the forecast error: grows with the root of the lead time."""
        lead_hours = np.maximum(minutes - issue, 0) / 60.0
        growth: Values = np.sqrt((lead_hours + 2.0) / 26.0)
        return np.minimum(self.error_sd_24h * growth, 0.95)

    def _error(self, minutes: Minutes, issue: Minutes) -> Values:
        vintage, within = np.divmod(issue, _ISSUE_SCALE_MINUTES)
        error_key = self.key ^ 0xE44
        before = noise(error_key, minutes, _ERROR_SPECTRUM, vintage)
        after = noise(error_key, minutes, _ERROR_SPECTRUM, vintage + 1)
        return _blend(within / _ISSUE_SCALE_MINUTES, before, after)
