"""What every part of the twin shares: index sets, and what units and sessions add.

Not here: how families become a matrix (`assembly`), equations (one module per part).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.model_data import ModelData
from energy_assets.bidding.price_grid import IntArray
from energy_assets.bidding.twin.assembly import Terms


@dataclass(frozen=True)
class Horizon:
    """Index sets of a problem.

    Attributes:
        scenarios: 0 to S-1.
        mtus: 0 to T-1.
        commitment_hours: 0 to H-1.
        hours: Length of an MTU in hours.
        days: Delivery days, at least one.
        hour_of: Hour of each MTU (T,).
        block_starts: MTUs at which a reserve block begins or ends, but the first.
    """

    scenarios: IntArray
    mtus: IntArray
    commitment_hours: IntArray
    hours: float
    days: int
    hour_of: IntArray
    block_starts: IntArray

    @classmethod
    def of(cls, data: ModelData) -> Horizon:
        """The index sets of a problem's arrays."""
        mtus = np.arange(data.mtu_count)
        begins = np.zeros(len(mtus), dtype=bool)
        for reserve in data.reserves:
            block = np.where(reserve.active > 0, reserve.block_of, -1)
            begins[1:] |= block[1:] != block[:-1]
        return cls(
            scenarios=np.arange(data.scenario_count),
            mtus=mtus,
            commitment_hours=np.arange(data.hour_count),
            hours=data.hours,
            days=max(1, round(len(mtus) * data.hours / 24)),
            hour_of=mtus // data.mtus_per_hour,
            block_starts=np.flatnonzero(begins),
        )

    @property
    def cells(self) -> tuple[IntArray, IntArray]:
        """Axes of everything by scenario and MTU."""
        return self.scenarios, self.mtus


@dataclass(frozen=True)
class UnitTerms:
    """What a unit adds.

    Attributes:
        injection: Net injection (S, T), MW.
        cost: Cost (S, ...) over the horizon, currency.
    """

    injection: list[Terms]
    cost: list[Terms]


@dataclass(frozen=True)
class Held:
    """What a unit keeps for reserves, all (S, T).

    Attributes:
        up: Room above the metered output, MW.
        down: Room below it, MW.
        up_energy: Energy a store has to be able to deliver, MWh.
        down_energy: Energy a store has to be able to take, MWh.
    """

    up: list[Terms]
    down: list[Terms]
    up_energy: list[Terms]
    down_energy: list[Terms]


@dataclass(frozen=True)
class Amount:
    """A sum of decisions and a known part: power (S, T) or income (S, ...)."""

    terms: list[Terms]
    known: FloatArray | float = 0.0


def scaled(terms: list[Terms], factor: npt.ArrayLike) -> list[Terms]:
    """All terms times a factor."""
    return [term * factor for term in terms]


def at(terms: list[Terms], mtus: int | IntArray) -> list[Terms]:
    """Terms (S, T) at one MTU (S,), or at some (S, n)."""
    return [term[:, mtus] for term in terms]
