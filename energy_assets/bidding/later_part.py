"""The rest of a problem: from some MTU on, with the state the plant is in by then.

A later session of a delivery day decides fewer MTUs than the day has. Everything by MTU is cut,
product blocks that are over are dropped, and states come from the schedule so far
(`Schedule.states_after`), so that cutting a plan in two changes nothing.

Not here: states (`dispatch`), which session decides what (`session_problem`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import numpy as np

from energy_assets.bidding.markets import IntradayMarket, ReserveMarket
from energy_assets.bidding.problem import BiddingProblem, StartState, checked
from energy_assets.errors import InputError


def later_part(
    problem: BiddingProblem, first: int, states: Mapping[str, StartState]
) -> BiddingProblem:
    """The problem of the MTUs from `first` on.

    Args:
        problem: The whole problem.
        first: First MTU; whole hours from the start.
        states: State of the units by then.

    Raises:
        InputError: The cut lies within an hour, or at an end.
    """
    if not 0 < first < problem.mtu_count or first * problem.mtu_minutes % 60:
        expected = f"whole hours within {problem.mtu_count} MTUs"
        raise InputError("first MTU", expected=expected, found=first)
    changes: dict[str, Any] = {
        "start": problem.start + timedelta(minutes=problem.mtu_minutes * first),
        "start_states": dict(states),
        "blocks": tuple(
            block.model_copy(update={"first_mtu": block.first_mtu - first})
            for block in problem.blocks
            if block.first_mtu >= first
        ),
        "reserves": tuple(
            cut for market in problem.reserves if (cut := _reserve(market, first)) is not None
        ),
        "intraday": None if problem.intraday is None else _intraday(problem.intraday, first),
    }
    for name in ("prices", "long_prices", "short_prices", "earlier_position"):
        values = getattr(problem, name)
        changes[name] = None if values is None else values[..., first:]
    for name in ("availability", "power_limits", "marginal_costs"):
        changes[name] = {
            unit: values[..., first:] if isinstance(values, np.ndarray) else values
            for unit, values in getattr(problem, name).items()
        }
    return checked(problem, **changes)


def _reserve(market: ReserveMarket, first: int) -> ReserveMarket | None:
    left = [block for block in market.block_of[first:] if block >= 0]
    if not left:
        return None
    kept = slice(min(left), max(left) + 1)
    changes: dict[str, Any] = {
        "block_of": tuple(b - min(left) if b >= 0 else b for b in market.block_of[first:]),
        "capacity_prices": market.capacity_prices[:, kept],
    }
    if market.awarded_mw is not None:
        changes["awarded_mw"] = market.awarded_mw[kept]
    for name in ("activation", "energy_prices"):
        values = getattr(market, name)
        changes[name] = None if values is None else values[:, first:]
    return market.model_copy(update=changes)


def _intraday(market: IntradayMarket, first: int) -> IntradayMarket:
    return market.model_copy(
        update={
            "prices": market.prices[:, first:],
            "first_mtu": max(0, market.first_mtu - first),
        }
    )
