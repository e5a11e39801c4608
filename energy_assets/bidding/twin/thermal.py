"""Thermal unit: columns and rows of `model.thermal`.

Not here: what the equations mean (there), what outages and minimum times leave open
(`model.thermal.commitment_bounds`, data of both builds).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from energy_assets.bidding.model.thermal import commitment_bounds
from energy_assets.bidding.model_data import ThermalData
from energy_assets.bidding.price_grid import IntArray
from energy_assets.bidding.twin.assembly import Assembly, Axes, Terms
from energy_assets.bidding.twin.parts import Held, Horizon, UnitTerms


@dataclass(frozen=True)
class _Switches:
    """Commitment columns by case and hour (C, H), and as a scenario's MTUs (S, T) see them."""

    axes: Axes
    on: Terms
    start: Terms
    stop: Terms
    case_of: IntArray
    hour_of: IntArray

    def seen(self, terms: Terms) -> Terms:
        """Commitment terms by scenario and MTU (S, T)."""
        return self.by_scenario(terms)[:, self.hour_of]

    def by_scenario(self, terms: Terms) -> Terms:
        """By scenario and hour (S, H)."""
        return terms[self.case_of]


def add_thermal(a: Assembly, horizon: Horizon, data: ThermalData, held: Held | None) -> UnitTerms:
    """Add a thermal unit; `a` prefixes its names."""
    lowest, highest = commitment_bounds(data, round(1.0 / horizon.hours))
    axes = (np.arange(data.case_count), horizon.commitment_hours)
    switches = _Switches(
        axes,
        on=a.columns("on", axes, lowest, highest, integer=True),
        start=a.columns("start", axes, upper=1.0, integer=True),
        stop=a.columns("stop", axes, upper=1.0, integer=True),
        case_of=data.case_of,
        hour_of=horizon.hour_of,
    )
    power = a.columns("power", horizon.cells, upper=data.power_limit)
    _add_commitment(a, data, switches)
    _add_power_limits(a, horizon, data, switches, power, held)
    _add_ramp_up(a, horizon, data, switches, power)
    _add_ramp_down(a, horizon, data, switches, power)
    return UnitTerms([power], _cost(a, horizon, data, switches, power))


def _add_commitment(a: Assembly, data: ThermalData, switches: _Switches) -> None:
    on, start, stop, axes = switches.on, switches.start, switches.stop, switches.axes
    cases, hours = axes
    first = [on[:, 0], -start[:, 0], stop[:, 0]]
    a.equal("first_switch", (cases,), first, float(data.on))
    later = [on[:, 1:], -on[:, :-1], -start[:, 1:], stop[:, 1:]]
    a.equal("switch", (cases, hours[1:]), later, 0.0)
    a.at_most("one_switch", axes, [start, stop], 1.0)
    if data.unit.min_up_hours > 1:
        a.at_most("min_up", axes, [_window(start, data.unit.min_up_hours), -on], 0.0)
    if data.unit.min_down_hours > 1:
        a.at_most("min_down", axes, [_window(stop, data.unit.min_down_hours), on], 1.0)


def _window(terms: Terms, length: int) -> Terms:
    """Terms (C, H) of the last `length` hours up to each hour (C, H, window)."""
    count = terms.columns.shape[1]
    hour = np.arange(count)[:, None] - np.arange(min(length, count))[None, :]
    return terms[:, np.maximum(hour, 0)] * (hour >= 0)


def _add_power_limits(
    a: Assembly,
    horizon: Horizon,
    data: ThermalData,
    switches: _Switches,
    power: Terms,
    held: Held | None,
) -> None:
    on, minimum = switches.seen(switches.on), data.unit.min_power_mw
    up, down = (held.up, held.down) if held is not None else ([], [])
    a.at_most("max_power", horizon.cells, [power, *up, on * -data.power_limit], 0.0)
    if minimum > 0 or held is not None:
        a.at_most("min_power", horizon.cells, [on * minimum, -power, *down], 0.0)


def _add_ramp_up(
    a: Assembly, horizon: Horizon, data: ThermalData, switches: _Switches, power: Terms
) -> None:
    ramp, first = data.ramp_up_mw(horizon.hours), data.start_limit_mw(horizon.hours)
    if min(ramp, first) >= data.unit.capacity_mw:
        return
    on, start = switches.seen(switches.on), switches.seen(switches.start)
    from_start = data.start_power + ramp if data.on else 0.0
    into_first = [power[:, 0], start[:, 0] * -first]
    a.at_most("first_ramp_up", (horizon.scenarios,), into_first, from_start)
    within, hourly = _later_mtus(horizon)
    rise = [power[:, within], -power[:, within - 1], on[:, within] * -ramp]
    a.at_most("ramp_up", (horizon.scenarios, within), rise, 0.0)
    rise = [power[:, hourly], -power[:, hourly - 1], on[:, hourly - 1] * -ramp]
    rise += [start[:, hourly] * -first]
    a.at_most("ramp_up_at_hour", (horizon.scenarios, hourly), rise, 0.0)


def _add_ramp_down(
    a: Assembly, horizon: Horizon, data: ThermalData, switches: _Switches, power: Terms
) -> None:
    ramp, last = data.ramp_down_mw(horizon.hours), data.stop_limit_mw(horizon.hours)
    if min(ramp, last) >= data.unit.capacity_mw:
        return
    on, stop = switches.seen(switches.on), switches.seen(switches.stop)
    # Free while the unit starts off, so that the start state is no part of the pattern.
    most = -data.start_power if data.on else np.inf
    fall = [-power[:, 0], on[:, 0] * -ramp, stop[:, 0] * -last]
    a.at_most("first_ramp_down", (horizon.scenarios,), fall, most)
    within, hourly = _later_mtus(horizon)
    fall = [power[:, within - 1], -power[:, within], on[:, within] * -ramp]
    a.at_most("ramp_down", (horizon.scenarios, within), fall, data.outage_mw[within])
    fall = [power[:, hourly - 1], -power[:, hourly], on[:, hourly] * -ramp]
    fall += [stop[:, hourly] * -last]
    a.at_most("ramp_down_at_hour", (horizon.scenarios, hourly), fall, data.outage_mw[hourly])


def _later_mtus(horizon: Horizon) -> tuple[IntArray, IntArray]:
    """MTUs but the first: those within an hour, those that begin one."""
    begins = np.diff(horizon.hour_of) > 0
    return horizon.mtus[1:][~begins], horizon.mtus[1:][begins]


def _cost(
    a: Assembly, horizon: Horizon, data: ThermalData, switches: _Switches, power: Terms
) -> list[Terms]:
    """Fuel and starts (S, ...)."""
    hourly = np.zeros(len(horizon.commitment_hours))
    np.add.at(hourly, horizon.hour_of, data.running_cost * horizon.hours)
    cold, hot = data.cold_start_cost, data.unit.start_cost
    by_hour = [switches.on * hourly, switches.start * cold]
    if cold > hot:
        by_hour.append(_hot_starts(a, data, switches) * (hot - cold))
    fuel = power * (data.energy_cost * horizon.hours)
    return [fuel, *(switches.by_scenario(terms) for terms in by_hour)]


def _hot_starts(a: Assembly, data: ThermalData, switches: _Switches) -> Terms:
    hours = data.unit.cold_after_hours
    still_hot = 0 if data.on else max(0, math.ceil(hours - data.hours_in_state))
    known = (switches.axes[1] < still_hot).astype(float)
    hot_start = a.columns("hot_start", switches.axes, upper=1.0)
    a.at_most("hot_is_start", switches.axes, [hot_start, -switches.start], 0.0)
    after_stop = [hot_start, -_window(switches.stop, hours)]
    a.at_most("hot_after_stop", switches.axes, after_stop, known)
    return hot_start
