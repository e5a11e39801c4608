"""Synthetic outage messages of thermal units, with publication times and revisions.

Time is cut into slots; each slot of a unit holds at most one planned and one forced outage, hashed
from (seed, unit, slot), so that any window can be generated alone. Planned outages are announced
weeks ahead, some are withdrawn or extended; forced ones are reported within the hour with a first
guess of their end, half of which are revised. Together a unit misses about 5 % of its energy.

Times are UTC minutes. Not here: availability as read from messages (that is for their readers).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from energy_assets.feeds.reference_market.noise import key_of, uniforms
from energy_assets.portfolio import ThermalUnit

_HOUR, _DAY = 60, 1440
_PLANNED_SLOT, _FORCED_SLOT = 120 * _DAY, 12 * _DAY
_PLANNED_SHARE, _FORCED_SHARE = 0.6, 0.5
# Messages of an event lie within these spans of its start.
_EARLIEST_NOTICE, _LATEST_REVISION = 80 * _DAY, 12 * _DAY


@dataclass(frozen=True)
class OutageMessage:
    """One revision of an outage message; times in UTC minutes."""

    message_id: str
    message_revision: int
    unit: str
    published_at: int
    event_start: int
    event_end: int
    available_mw: float
    outage_type: Literal["planned", "forced"]
    event_status: Literal["active", "withdrawn"]
    cause: str


def outage_messages(
    seed: int, units: tuple[ThermalUnit, ...], start: int, end: int
) -> list[OutageMessage]:
    """All messages of the units published in [start, end)."""
    messages = [
        message
        for unit in units
        for message in (*_planned(seed, unit, start, end), *_forced(seed, unit, start, end))
    ]
    return [message for message in messages if start <= message.published_at < end]


def _slots(start: int, end: int, length: int) -> range:
    first = (start - _LATEST_REVISION) // length - 1
    return range(first, (end + _EARLIEST_NOTICE) // length + 1)


def _draws(seed: int, kind: str, unit: ThermalUnit, slot: int) -> list[float]:
    key = key_of(seed, "outage", kind, unit.name)
    drawn: list[float] = uniforms(key, np.full(8, slot), np.arange(8)).tolist()
    return drawn


def _planned(seed: int, unit: ThermalUnit, start: int, end: int) -> Iterator[OutageMessage]:
    for slot in _slots(start, end, _PLANNED_SLOT):
        happens, when, length, notice, fate, late, extra, _ = _draws(seed, "planned", unit, slot)
        if happens >= _PLANNED_SHARE:
            continue
        begin = slot * _PLANNED_SLOT + round(when * 105) * _DAY + 5 * _HOUR
        first = OutageMessage(
            message_id=f"{unit.name}-planned-{slot}",
            message_revision=1,
            unit=unit.name,
            published_at=begin - round((25 + 50 * notice) * _DAY),
            event_start=begin,
            event_end=begin + round(48 + 168 * length) * _HOUR,
            available_mw=0.0,
            outage_type="planned",
            event_status="active",
            cause="Planned maintenance",
        )
        yield first
        if fate < 0.12:
            told = begin - round((2 + 15 * late) * _DAY)
            yield replace(first, message_revision=2, published_at=told, event_status="withdrawn")
        elif fate < 0.35:
            told = begin + round((0.4 + 0.5 * late) * (first.event_end - begin))
            later = first.event_end + round(12 + 48 * extra) * _HOUR
            yield replace(first, message_revision=2, published_at=told, event_end=later)


def _forced(seed: int, unit: ThermalUnit, start: int, end: int) -> Iterator[OutageMessage]:
    for slot in _slots(start, end, _FORCED_SLOT):
        happens, when, length, notice, fate, late, extra, partial = _draws(
            seed, "forced", unit, slot
        )
        if happens >= _FORCED_SHARE:
            continue
        begin = slot * _FORCED_SLOT + round(when * _FORCED_SLOT)
        hours = min(max(-22.0 * math.log(length), 2.0), 96.0)
        first = OutageMessage(
            message_id=f"{unit.name}-forced-{slot}",
            message_revision=1,
            unit=unit.name,
            published_at=begin + 10 + round(45 * notice),
            event_start=begin,
            event_end=begin + round(hours) * _HOUR,
            available_mw=round(0.5 * unit.capacity_mw, 1) if partial < 0.25 else 0.0,
            outage_type="forced",
            event_status="active",
            cause=("Boiler", "Turbine", "Generator", "Auxiliary systems")[slot % 4],
        )
        yield first
        if fate < 0.5:
            told = first.published_at + round((0.2 + 0.5 * late) * hours * _HOUR)
            finish = max(begin + round(hours * (0.6 + 1.2 * extra)) * _HOUR, told + _HOUR)
            yield replace(first, message_revision=2, published_at=told, event_end=finish)
