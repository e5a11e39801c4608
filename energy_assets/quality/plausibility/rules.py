"""The rule groups by name, and what they say about a signal together.

The names are those of the table registry's service levels. Belongs here: the list, how many days a
group looks back, and that a second source clears what it confirms. Not here: any check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from energy_assets.quality.plausibility.agreement import agreement, confirmed
from energy_assets.quality.plausibility.closes import close_jumps
from energy_assets.quality.plausibility.frozen import frozen
from energy_assets.quality.plausibility.level_shift import level_shift
from energy_assets.quality.plausibility.limits import dark_hours, physical_limits
from energy_assets.quality.plausibility.ramps import ramps
from energy_assets.quality.plausibility.replay import repeated_blocks
from energy_assets.quality.plausibility.residuals import residual_spikes
from energy_assets.quality.plausibility.scale import swapped_sign, swapped_units
from energy_assets.quality.plausibility.signal import Finding, Signal
from energy_assets.quality.plausibility.skew import clock_skew
from energy_assets.quality.plausibility.thresholds import Thresholds, thresholds_of
from energy_assets.quality.plausibility.zeros import zeros

Check = Callable[[Signal, Thresholds], list[Finding]]


@dataclass(frozen=True)
class Rule:
    """One group of checks.

    Attributes:
        context_days: Days before a judged day that it looks at.
        checks: Its checks.
    """

    context_days: int
    checks: tuple[Check, ...] = ()


RULES: dict[str, Rule] = {
    "limits": Rule(
        22,
        (
            lambda signal, use: physical_limits(signal, use.limits),
            lambda signal, use: dark_hours(signal, use.limits),
        ),
    ),
    "ramp": Rule(1, (lambda signal, use: ramps(signal, use.ramp),)),
    "zero": Rule(29, (lambda signal, use: zeros(signal, use.zero),)),
    "frozen": Rule(61, (lambda signal, use: frozen(signal, use.frozen),)),
    "replay": Rule(8, (lambda signal, use: repeated_blocks(signal, use.replay),)),
    "scale": Rule(
        36,
        (
            lambda signal, use: swapped_units(signal, use.scale),
            lambda signal, use: swapped_sign(signal, use.scale),
        ),
    ),
    "agreement": Rule(1, (lambda signal, use: agreement(signal, use.agreement),)),
    "residual": Rule(90, (lambda signal, use: residual_spikes(signal, use.residual),)),
    "level_shift": Rule(135, (lambda signal, use: level_shift(signal, use.level_shift),)),
    "skew": Rule(100, (lambda signal, use: clock_skew(signal, use.skew),)),
    "jump": Rule(100, (lambda signal, use: close_jumps(signal, use.jump),)),
    # Looks at two signals of a battery: `energy_balance`, called by whoever has both.
    "energy_balance": Rule(1),
}


def context_days(rules: Iterable[str]) -> int:
    """Days of context that the named groups need before the first judged day."""
    return max((RULES[rule].context_days for rule in rules), default=0)


def findings(signal: Signal, rules: Iterable[str], use: Thresholds | None = None) -> list[Finding]:
    """What the named groups of rules say about a signal.

    What a second source confirms is good, however unusual: a price spike is real when two
    publishers have it. Physical limits hold all the same.

    Args:
        signal: The signal, with `context_days` before the judged ones if they can be had.
        rules: Keys of `RULES`.
        use: Thresholds; those of the signal's kind by default.
    """
    chosen = thresholds_of(signal.kind) if use is None else use
    found = [
        each for rule in rules for check in RULES[rule].checks for each in check(signal, chosen)
    ]
    if signal.second is None:
        return found
    twice = confirmed(signal, chosen.agreement).ravel()
    cleared = [
        each if each.rule == "limits" else replace(each, flagged=each.flagged & ~twice)
        for each in found
    ]
    return [each for each in cleared if np.any(each.flagged)]
