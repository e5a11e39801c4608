"""What every part of the model shares: the terms a unit adds, and parameters from arrays.

Rules must read data through Pyomo parameters and sets (never Python lists or `if`), because the
build may turn them into templates that are evaluated once per family instead of once per row.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

Injection = Callable[[Any, Any], Any]
Cost = Callable[[Any], Any]


@dataclass(frozen=True)
class UnitTerms:
    """What a unit adds to the balance and to the profit.

    Attributes:
        injection: (scenario, MTU) to net injection, MW.
        cost: Scenario to cost over the horizon, currency.
    """

    injection: Injection
    cost: Cost


@dataclass(frozen=True)
class Held:
    """What a unit keeps for reserves, each a function of (scenario, MTU).

    Attributes:
        up: Room above the metered output, MW.
        down: Room below it, MW.
        up_energy: Energy a store has to be able to deliver, MWh.
        down_energy: Energy a store has to be able to take, MWh.
    """

    up: Injection
    down: Injection
    up_energy: Injection
    down_energy: Injection


def parameter(values: npt.NDArray[Any], *sets: Any) -> Any:
    """A Pyomo parameter over 0-based index sets from an array of the same shape."""
    import pyomo.environ as pyo

    keys: Any = range(values.shape[0])
    if values.ndim > 1:
        keys = itertools.product(*(range(size) for size in values.shape))
    table = dict(zip(keys, values.ravel().tolist(), strict=True))
    return pyo.Param(*sets, initialize=table, within=pyo.Any)
