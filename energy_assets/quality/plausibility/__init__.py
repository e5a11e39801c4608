"""Plausibility and poisoning checks: pure functions from a signal to findings.

One module per kind of check; `RULES` names the groups that the table registry's service levels refer
to. Every check is causal: a finding names the last slot it needed, and what it holds normal comes
from the days before. Belongs here: numpy on one signal. Not here: the lake, units, who the expected
series is taken from (`quality.judging`), rows refused on the way in (`quality.screening`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from energy_assets.quality.plausibility.agreement import agreement
from energy_assets.quality.plausibility.calibration import calibrated
from energy_assets.quality.plausibility.closes import close_jumps
from energy_assets.quality.plausibility.energy_balance import Storage, energy_balance
from energy_assets.quality.plausibility.frozen import frozen
from energy_assets.quality.plausibility.level_shift import level_shift
from energy_assets.quality.plausibility.limits import dark_hours, physical_limits
from energy_assets.quality.plausibility.ramps import ramps
from energy_assets.quality.plausibility.replay import repeated_blocks
from energy_assets.quality.plausibility.residuals import residual_spikes
from energy_assets.quality.plausibility.scale import swapped_sign, swapped_units
from energy_assets.quality.plausibility.signal import Finding, Kind, Signal, on_day_grid
from energy_assets.quality.plausibility.skew import clock_skew
from energy_assets.quality.plausibility.thresholds import Thresholds, thresholds
from energy_assets.quality.plausibility.zeros import zeros

__all__ = [
    "CONTEXT_DAYS",
    "RULES",
    "Finding",
    "Kind",
    "Signal",
    "Storage",
    "Thresholds",
    "calibrated",
    "energy_balance",
    "findings",
    "on_day_grid",
    "thresholds",
]

Check = Callable[[Signal, Thresholds], list[Finding]]

RULES: dict[str, tuple[Check, ...]] = {
    "limits": (
        lambda signal, use: physical_limits(signal, use.limits),
        lambda signal, use: dark_hours(signal, use.limits),
    ),
    "ramp": (lambda signal, use: ramps(signal, use.ramp),),
    "zero": (lambda signal, use: zeros(signal, use.zero),),
    "frozen": (lambda signal, use: frozen(signal, use.frozen),),
    "replay": (lambda signal, use: repeated_blocks(signal, use.replay),),
    "scale": (
        lambda signal, use: swapped_units(signal, use.scale),
        lambda signal, use: swapped_sign(signal, use.scale),
    ),
    "agreement": (lambda signal, use: agreement(signal, use.agreement),),
    "residual": (lambda signal, use: residual_spikes(signal, use.residual),),
    "level_shift": (lambda signal, use: level_shift(signal, use.level_shift),),
    "skew": (lambda signal, use: clock_skew(signal, use.skew),),
    "jump": (lambda signal, use: close_jumps(signal, use.jump),),
}
# History and longest window of the slowest check.
CONTEXT_DAYS = 135


def findings(signal: Signal, rules: Iterable[str], use: Thresholds | None = None) -> list[Finding]:
    """What the named groups of rules say about a signal.

    Args:
        signal: The signal, with as many days before the judged ones as `CONTEXT_DAYS` if it can be.
        rules: Keys of `RULES`.
        use: Thresholds; those of the signal's kind by default.
    """
    chosen = thresholds(signal.kind) if use is None else use
    return [found for rule in rules for check in RULES[rule] for found in check(signal, chosen)]
