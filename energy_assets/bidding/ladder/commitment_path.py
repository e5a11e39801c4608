"""The best feasible commitment of one thermal unit on its own, without a solver.

Dynamic programming over the hours; a state is on or off and the hours since the last switch, as far
as the minimum times ask for them. It keeps what the model keeps (`model.thermal`): outages, minimum
up and down times, and that a unit running high has to come down its ramp before it may stop.
Must-run hours and what is left of a minimum up time are kept as far as those allow.

Not here: what an hour on is worth (the callers), power within the commitment (`merit_plan`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.model.thermal import commitment_bounds
from energy_assets.bidding.model_data import ThermalData
from energy_assets.errors import InfeasibleError

TOLERANCE_MW = 1e-6
# On, hours since the last switch (up to the minimum time), and whether none has been yet.
_State = tuple[bool, int, bool]
# Hours missed that should be on, counted negative, then the gain.
_Score = tuple[int, float]


def best_commitment(
    thermal: ThermalData, gain: FloatArray, hours: float, start_cost: float = 0.0
) -> FloatArray:
    """Hours on (H,), 0 or 1, of largest total gain.

    Args:
        thermal: The unit.
        gain: Gain of each hour on over the same hour off (H,).
        hours: Length of an MTU.
        start_cost: What a start takes off the gain.

    Raises:
        InfeasibleError: No commitment keeps the unit's limits.
    """
    unit = thermal.unit
    mtus_per_hour = round(1.0 / hours)
    lowest, highest = commitment_bounds(thermal, mtus_per_hour)
    may_stop = _may_stop(thermal, mtus_per_hour, hours)
    longest = {True: max(1, unit.min_up_hours), False: max(1, unit.min_down_hours)}
    found: dict[_State, tuple[_Score, tuple[bool, ...]]] = {
        (thermal.on, longest[thermal.on], True): ((0, 0.0), ())
    }
    for hour, worth in enumerate(gain.tolist()):
        later: dict[_State, tuple[_Score, tuple[bool, ...]]] = {}
        for (on, since, first), ((missed, total), path) in found.items():
            for now in (False, True):
                switches = now != on
                if now and not highest[hour]:
                    continue
                if switches and since < longest[on]:
                    continue
                if switches and on and first and not may_stop[hour]:
                    continue
                state = (
                    now,
                    1 if switches else min(since + 1, longest[on]),
                    first and not switches,
                )
                cost = start_cost if switches and now else 0.0
                score = (missed - int(lowest[hour] and not now), total + worth * now - cost)
                if state not in later or score > later[state][0]:
                    later[state] = score, (*path, now)
        found = later
    if not found:
        limits = "its start state, outages, min_up_hours, min_down_hours and ramp down"
        msg = f"unit {unit.name}: {limits} cannot be kept together"
        raise InfeasibleError(msg)
    best = max(found.values(), key=lambda each: each[0])
    return np.array(best[1], dtype=np.float64)


def _may_stop(thermal: ThermalData, mtus_per_hour: int, hours: float) -> list[bool]:
    """Per hour, whether a unit that has run since the start may be off from its beginning on."""
    ramp, last = thermal.ramp_down_mw(hours), thermal.stop_limit_mw(hours)
    fall, power = thermal.outage_mw.tolist(), thermal.start_power
    allowed = []
    for t in range(len(fall)):
        if t % mtus_per_hour == 0:
            # Before the first MTU no outage has helped it down.
            helped = fall[t] if t else 0.0
            allowed.append(power <= last + helped + TOLERANCE_MW)
        power = max(thermal.unit.min_power_mw, power - ramp - fall[t])
    return allowed
