"""Recall on injected attacks and false alarms on the untouched series, by group of series."""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np

from detecting.attacks import ATTACKS, OWN_RULES
from detecting.series import Series
from energy_assets.quality.plausibility import RULES, context_days, findings
from energy_assets.quality.plausibility.signal import Floats, Mask, runs

WARM_UP_DAYS = 120
LONGEST_ATTACK_DAYS = 37
GROUPS = tuple(rule for rule in RULES if rule != "jump")
CONTEXT_DAYS = context_days(GROUPS)


@dataclass
class Tally:
    """Of one attack on one group: instances, found at all, found by its own rules, points."""

    instances: int = 0
    found: int = 0
    by_own_rules: int = 0
    points: int = 0
    points_found: int = 0
    rules: Counter = field(default_factory=Counter)


def recall(series: list[Series], attack: str, instances: int, seed: int) -> Tally:
    """Inject an attack `instances` times into the series of a group, by turns."""
    tally = Tally()
    for number in range(instances):
        one = series[number % len(series)]
        name = f"{one.name}/{attack}/{number}"
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        _inject(one, attack, rng, tally)
    return tally


def _inject(one: Series, attack: str, rng: np.random.Generator, tally: Tally) -> None:
    case = _moment(one, attack, rng)
    hit = np.zeros(case.changed.size, dtype=bool)
    rules = set()
    attacked = one.attacked(case.span, case.attacked.reshape(-1, one.clean.slots))
    for found in findings(attacked, GROUPS):
        fresh = found.flagged & case.changed
        if found.rule in case.usual:
            fresh &= ~case.usual[found.rule]
        if fresh.any():
            rules.add(found.rule)
            hit |= fresh
    tally.instances += 1
    tally.found += bool(rules)
    tally.by_own_rules += bool(rules & set(OWN_RULES[attack]))
    tally.points += int(case.changed.sum())
    tally.points_found += int(hit.sum())
    tally.rules.update(rules)


@dataclass(frozen=True)
class Case:
    """An attack on a span of days that ends with the day the episode ends."""

    span: slice
    attacked: Floats
    changed: Mask
    usual: dict[str, Mask]


def _moment(one: Series, attack: str, rng: np.random.Generator) -> Case:
    """A moment at which the attack changes something and its rules say nothing by themselves."""
    clean, slots = one.clean, one.clean.slots
    before = min(CONTEXT_DAYS, clean.days - LONGEST_ATTACK_DAYS - 3)
    for _ in range(400):
        day = int(rng.integers(before, clean.days - LONGEST_ATTACK_DAYS))
        span = slice(day - before, day + LONGEST_ATTACK_DAYS)
        values = clean.values[span].ravel()
        at = before * slots + int(rng.integers(0, slots))
        attacked, end = ATTACKS[attack](clean, values.copy(), at, rng)
        days = -(-end // slots)
        span, last = _upto(span, days), days * slots
        values, attacked = values[:last], attacked[:last]
        changed = (attacked != values) & np.isfinite(attacked)
        size = np.nanquantile(np.abs(values), 0.95)
        visible = np.abs(attacked - values)[changed].max(initial=0) > 0.05 * size
        if not (visible and np.abs(values[at]) > 0.02 * size):
            continue
        found = findings(one.attacked(span, values.reshape(-1, slots)), GROUPS)
        usual = {each.rule: each.flagged for each in found}
        own = [usual[rule][changed].any() for rule in OWN_RULES[attack] if rule in usual]
        if not any(own):
            return Case(span, attacked, changed, usual)
    msg = f"{one.name}: no moment for {attack}"
    raise RuntimeError(msg)


def _upto(span: slice, days: int) -> slice:
    return slice(span.start, span.start + days)


def false_alarms(series: list[Series]) -> tuple[float, Counter]:
    """Unit-months judged, and flagged episodes (a day apart) by rule and of all rules."""
    months, episodes = 0.0, Counter()
    for one in series:
        slots = one.clean.slots
        warm = min(WARM_UP_DAYS, one.clean.days // 2)
        months += (one.clean.days - warm) / 30.44
        flags = defaultdict(lambda n=one.clean.flat.size: np.zeros(n, dtype=bool))
        for found in findings(one.signal, GROUPS):
            late = found.flagged & (np.arange(found.flagged.size) >= warm * slots)
            flags[found.rule] |= late
            flags["any"] |= late
        for rule, flagged in flags.items():
            starts, ends = runs(flagged)
            episodes[rule] += bool(len(starts)) + int((starts[1:] - ends[:-1] > slots).sum())
    return months, episodes
