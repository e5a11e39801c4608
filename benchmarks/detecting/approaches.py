"""Three ways to find a drift or a bias, at the same rate of false alarms.

All see the same daily figure: the logarithm of the day's signal over the day's expectation (the
difference, for prices), less its median and by its robust deviation of the 90 days before.

- `windows`: means over 1 to 21 days, each by the deviation of such means before;
- `cusum`: what `level_shift` does;
- `page-hinkley`: sums of the daily figure less their running mean, against their extreme.

The threshold of each is the lowest with `RATE` false alarms per unit and month on the group's own
clean series: the comparison is between approaches, not a claim about new data.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np

from detecting.attacks import ATTACKS
from detecting.injected import CONTEXT_DAYS, LONGEST_ATTACK_DAYS
from detecting.series import Series
from energy_assets.quality.plausibility import Signal, thresholds_of
from energy_assets.quality.plausibility.level_shift import cusum, daily_level
from energy_assets.quality.plausibility.signal import Floats
from energy_assets.quality.plausibility.trailing import centre_and_spread, sum_of_last

RATE = 0.3
WARM_UP = 110


def compared(series: list[Series], attack: str, instances: int) -> dict[str, float]:
    """Recall of each approach at the common rate of false alarms."""
    cases = [_case(series[number % len(series)], attack, number) for number in range(instances)]
    found = {}
    for name, score in APPROACHES.items():
        clean = [score(one.signal)[WARM_UP:] for one in series]
        threshold = _threshold(clean)
        hits = [
            np.nanmax(score(signal)[first:last], initial=0) > threshold
            for signal, first, last in cases
        ]
        found[name] = float(np.mean(hits))
    return found


def _case(one: Series, attack: str, number: int) -> tuple[Signal, int, int]:
    rng = np.random.default_rng([17, zlib.crc32(f"{one.name}/{attack}/{number}".encode())])
    before = min(CONTEXT_DAYS, one.clean.days - LONGEST_ATTACK_DAYS - 3)
    day = int(rng.integers(before, one.clean.days - LONGEST_ATTACK_DAYS))
    span = slice(day - before, day + LONGEST_ATTACK_DAYS)
    slots = one.clean.slots
    flat, end = ATTACKS[attack](
        one.clean, one.clean.values[span].ravel().copy(), before * slots, rng
    )
    return one.attacked(span, flat.reshape(-1, slots)), before, -(-end // slots)


def _threshold(clean: list[Floats]) -> float:
    months = sum(len(score) for score in clean) / 30.44
    every = np.concatenate(clean)
    for threshold in np.quantile(every[np.isfinite(every)], np.linspace(0.5, 1, 300)):
        alarms = 0
        for score in clean:
            over = np.nan_to_num(score) > threshold
            alarms += int((over & ~np.concatenate([[False], over[:-1]])).sum())
        if alarms <= RATE * months:
            return float(threshold)
    return float("inf")


def _windows(signal: Signal) -> Floats:
    use = thresholds_of(signal.kind).level_shift
    z = daily_level(signal, use)[1]
    best = np.zeros(signal.days)
    for window in (1, 2, 3, 5, 7, 10, 14, 21):
        mean = sum_of_last(z, window) / window
        centre, spread = centre_and_spread(mean, use.memory_days, window - 1, 12)
        score = np.abs(mean - centre) / np.maximum(spread, 0.05)
        best = np.fmax(best, score)
    return best


def _cusum(signal: Signal) -> Floats:
    use = thresholds_of(signal.kind).level_shift
    z = daily_level(signal, use)[1]
    sums = [cusum(sign * z, use.slack, use.reach_days)[0] for sign in (1.0, -1.0)]
    best: Floats = np.maximum(*sums)
    return best


def _page_hinkley(signal: Signal) -> Floats:
    z = daily_level(signal, thresholds_of(signal.kind).level_shift)[1]
    found = np.zeros(signal.days)
    for sign in (1, -1):
        mean = total = lowest = 0.0
        for day, value in enumerate(sign * z):
            mean += (value - mean) / min(day + 1, 90)
            total += value - mean - 0.1
            lowest = min(lowest, total)
            found[day] = max(found[day], total - lowest)
            if total - lowest > 40:
                total = lowest = 0.0
    return found


APPROACHES: dict[str, Callable[[Signal], Floats]] = {
    "windows": _windows,
    "cusum": _cusum,
    "page-hinkley": _page_hinkley,
}
