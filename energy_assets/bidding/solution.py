"""What a rung hands over: curves, expected dispatch, value, risk and how far it is proven.

Belongs here: the solution's types and the statistics over scenarios. Not here: how a solution is
found (`stochastic`, `ladder`), rounding to ticks (`curves`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.market.orders import CurveOrder

LEVELS = (0.05, 0.5, 0.95)


class Rung(StrEnum):
    """The rungs of the bid ladder, best first."""

    STOCHASTIC = "stochastic"
    REDUCED_SCENARIOS = "reduced_scenarios"
    LP_WITH_REPAIR = "lp_with_repair"
    MARGINAL_COST = "marginal_cost"
    LAST_ACCEPTED = "last_accepted"
    PRICE_INDEPENDENT = "price_independent"


@dataclass(frozen=True)
class PathBand:
    """A quantity over the MTUs (T,): its mean and the 5, 50 and 95 % quantiles over scenarios."""

    mean: FloatArray
    p05: FloatArray
    p50: FloatArray
    p95: FloatArray

    @classmethod
    def over(cls, values: FloatArray, weights: FloatArray) -> PathBand:
        """Statistics of scenarios (S, T)."""
        order = np.argsort(values, axis=0, kind="stable")
        ordered = np.take_along_axis(values, order, axis=0)
        mass = np.cumsum(weights[order], axis=0)
        # Rounding of the cumulated weights must not push a quantile to the next scenario.
        at = [(mass >= level - 1e-9).argmax(axis=0)[None, :] for level in LEVELS]
        low, middle, high = (np.take_along_axis(ordered, rows, axis=0)[0] for rows in at)
        return cls(weights @ values, low, middle, high)


@dataclass(frozen=True)
class UnitPlan:
    """Expected operation of one unit.

    Attributes:
        name: Unit.
        power: Net injection at the connection, MW.
        energy: Battery: energy at the end of each MTU, MWh.
        on: Thermal unit: committed hours.
    """

    name: str
    power: PathBand
    energy: PathBand | None = None
    on: tuple[bool, ...] = ()


@dataclass(frozen=True)
class ReserveOffer:
    """Volume of a reserve product offered at a price, as the model has it (not in ticks).

    Attributes:
        product: Reserve product.
        block: Product block, from 0.
        start: Start of the block.
        price: Currency per MW and hour.
        volume_mw: MW.
    """

    product: str
    block: int
    start: datetime
    price: float
    volume_mw: float


@dataclass(frozen=True)
class BlockOrder:
    """A block order of the auction, as the model has it (not in ticks).

    Attributes:
        start: Start of its first MTU.
        mtu_count: MTUs.
        side: `sale` or `purchase`.
        limit_price: Currency/MWh.
        volume_mw: MW in each of its MTUs.
    """

    start: datetime
    mtu_count: int
    side: str
    limit_price: float
    volume_mw: float


@dataclass(frozen=True)
class IntradayPlan:
    """What is traded intraday in one node of the auction's outcome.

    Attributes:
        node: Node, from 0.
        probability: Of the node.
        net_sale: MW (T,), purchases negative.
    """

    node: int
    probability: float
    net_sale: FloatArray


@dataclass(frozen=True)
class SoftBreach:
    """A soft limit the solution pays for rather than keeps."""

    limit: str
    mtu: int
    scenarios: int
    worst_mw: float

    def __str__(self) -> str:
        return (
            f"{self.limit} exceeded by up to {self.worst_mw:.3f} MW in MTU {self.mtu + 1} "
            f"({self.scenarios} scenarios)"
        )


@dataclass(frozen=True)
class BiddingSolution:
    """The result of a rung; scenarios in the problem's own order.

    Attributes:
        rung: Which rung made it.
        curves: One order per MTU, in ticks.
        position: Position the model expects to be awarded (S, T) MW.
        dispatch: Per unit.
        imbalance: Long positive, MW.
        profit: Cash profit of each scenario (S,): settlement prices, no aversion.
        expected_value: Mean of it.
        cvar: Conditional value at risk of it at the problem's level.
        objective: The model's objective value.
        bound: Best bound of the last proven solve.
        gap: Relative gap to that bound.
        bound_scope: `all scenarios`, `reduced scenarios` (commitment) or `none`.
        status: The solver's word.
        soft_breaches: Soft limits paid for.
        reason: Why this rung and no better one.
        starts: Start of each MTU.
        reserve_offers: Volume offered by product, block and price.
        reserve_awards: By product, award over its blocks, MW.
        block_orders: Block orders with some volume.
        intraday: Trades by node.
        seconds: CPU seconds by step; never part of a hash or comparison.
    """

    rung: Rung
    curves: tuple[CurveOrder, ...]
    position: FloatArray
    dispatch: tuple[UnitPlan, ...]
    imbalance: PathBand
    profit: FloatArray
    expected_value: float
    cvar: float
    objective: float
    bound: float
    gap: float
    bound_scope: str
    status: str
    soft_breaches: tuple[SoftBreach, ...] = ()
    reason: str = ""
    starts: tuple[datetime, ...] = ()
    reserve_offers: tuple[ReserveOffer, ...] = ()
    reserve_awards: dict[str, PathBand] = field(default_factory=dict)
    block_orders: tuple[BlockOrder, ...] = ()
    intraday: tuple[IntradayPlan, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict, compare=False)

    def plan(self, unit: str) -> UnitPlan:
        """The plan of a unit by name."""
        return next(plan for plan in self.dispatch if plan.name == unit)

    def as_json(self) -> dict[str, Any]:
        """A JSON document: orders, plan, value and risk; its schema is `schemas/answer.json`."""
        return {
            "rung": self.rung.value,
            "status": self.status,
            "expected_value": self.expected_value,
            "cvar": self.cvar,
            "objective": None if np.isnan(self.objective) else self.objective,
            "bound": None if np.isnan(self.bound) else self.bound,
            "gap": None if np.isnan(self.gap) else self.gap,
            "bound_scope": self.bound_scope,
            "curves": [
                {
                    "start": curve.start.isoformat(),
                    "minutes": curve.minutes,
                    "points": [list(point) for point in curve.points],
                }
                for curve in self.curves
            ],
            "block_orders": [_fields_json(order) for order in self.block_orders],
            "reserve_offers": [_fields_json(offer) for offer in self.reserve_offers],
            "reserve_awards_mw": {
                product: _path_json(award) for product, award in self.reserve_awards.items()
            },
            "intraday_trades": [
                {
                    "node": plan.node,
                    "probability": plan.probability,
                    "net_sale_mw": np.round(plan.net_sale, 6).tolist(),
                }
                for plan in self.intraday
            ],
            "mtu_starts": [start.isoformat() for start in self.starts],
            "dispatch": {plan.name: _plan_json(plan) for plan in self.dispatch},
            "imbalance_mw": _path_json(self.imbalance),
            "soft_breaches": [str(breach) for breach in self.soft_breaches],
            "reason": self.reason,
            "seconds": self.seconds,
        }


def _fields_json(order: ReserveOffer | BlockOrder) -> dict[str, Any]:
    return asdict(order) | {"start": order.start.isoformat()}


def _path_json(path: PathBand) -> dict[str, list[float]]:
    names = ("mean", "p05", "p50", "p95")
    return {name: np.round(getattr(path, name), 6).tolist() for name in names}


def _plan_json(plan: UnitPlan) -> dict[str, Any]:
    document: dict[str, Any] = {"power_mw": _path_json(plan.power)}
    if plan.energy is not None:
        document["energy_mwh"] = _path_json(plan.energy)
    if plan.on:
        document["on"] = list(plan.on)
    return document
