"""The decisions of one gate that stand whatever happens after it: a bid policy.

A policy is what a solved problem commits to: the curves in ticks, block volumes, reserve offers and
the commitment of thermal units. Decisions that may wait for the auction's outcome (the intraday
position, late commitment) are kept by in-sample outcome, so that a new outcome takes those of the
nearest one (by its day-ahead price path): that is as much as the model itself may know. Scenarios
of one node have the same decision, so this names the node.

Belongs here: the policy and how it answers a new outcome. Not here: its value (`replay`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from energy_assets.bidding import feasibility
from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.curves import awarded, curve_orders
from energy_assets.bidding.markets import BlockCandidate, ReserveMarket
from energy_assets.bidding.model_data import ModelData, model_data
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.bidding.solution import BiddingSolution
from energy_assets.bidding.stochastic import Seconds, Solved, solve_data
from energy_assets.errors import InputError
from energy_assets.market.orders import CurveOrder


@dataclass(frozen=True)
class ReserveOffers:
    """Offered volumes (B, K) MW at capacity prices (B, K), currency per MW and hour."""

    prices: FloatArray
    volumes: FloatArray


@dataclass(frozen=True)
class ByOutcome:
    """Decisions (N, ...) by outcome of the auction, given as day-ahead price paths (N, T)."""

    prices: FloatArray
    decisions: FloatArray

    def nearest(self, prices: FloatArray) -> FloatArray:
        """The decision of the nearest path for each path (S, T), (S, ...)."""
        distance = [np.square(self.prices - path).sum(axis=1) for path in prices]
        return self.decisions[np.array([int(each.argmin()) for each in distance], dtype=np.int64)]


@dataclass(frozen=True)
class BidPolicy:
    """What a gate's decision commits to; T MTUs, H hours.

    Attributes:
        curves: One order per MTU, in ticks; empty without an auction.
        commitment: Per thermal unit, hours on (N, H); the same for every outcome where it is
            decided before.
        block_volumes: Volume of each block candidate (J,) MW.
        reserve_offers: Per reserve product that is still open.
        intraday: Net sale (N, T) MW, or None without intraday trading.
    """

    curves: tuple[CurveOrder, ...]
    commitment: dict[str, ByOutcome] = field(default_factory=dict)
    block_volumes: FloatArray = field(default_factory=lambda: np.zeros(0))
    reserve_offers: dict[str, ReserveOffers] = field(default_factory=dict)
    intraday: ByOutcome | None = None

    def position(self, problem: BiddingProblem) -> FloatArray:
        """Award (S, T) MW of curves and blocks at the problem's prices, as the market makes it.

        Raises:
            InputError: If the policy has not one curve per MTU and one volume per block.
        """
        shape = problem.prices.shape
        position = np.zeros(shape)
        if problem.auction:
            _require("policy.curves", f"{shape[1]} orders", shape[1], len(self.curves))
            for s, path in enumerate(problem.prices):
                position[s] = awarded(self.curves, path, problem.rules)
        count = len(problem.blocks)
        _require("policy.block_volumes", f"{count} volumes", count, len(self.block_volumes))
        for block, volume in zip(problem.blocks, self.block_volumes.tolist(), strict=True):
            accepted = block.accepted(problem.prices) * block.sign * volume
            position[:, block.mtus] += accepted[:, None]
        return position

    def hours_on(self, unit: str, prices: FloatArray) -> FloatArray:
        """Hours on (S, H) of a thermal unit at day-ahead prices (S, T).

        Raises:
            InputError: If the policy does not commit the unit.
        """
        if unit not in self.commitment:
            raise InputError("policy.commitment", expected=f"hours of {unit}", found="nothing")
        return self.commitment[unit].nearest(prices)


def _require(where: str, expected: str, count: int, found: int) -> None:
    if found != count:
        raise InputError(where, expected=expected, found=found)


def solve_policy(problem: BiddingProblem) -> BidPolicy:
    """Solve a problem and keep all that it decides.

    Raises:
        InfeasibleError: Names the unit and the limit.
        SolverError: If the solver stopped without a solution.
    """
    data = model_data(problem)
    feasibility.check(problem, data)
    solved, _, _ = solve_data(data, problem.solver, Seconds())
    return policy_of_solved(problem, data, solved)


def policy_of_solved(problem: BiddingProblem, data: ModelData, solved: Solved) -> BidPolicy:
    """The policy of a solved model."""
    curves: tuple[CurveOrder, ...] = ()
    if data.grid is not None:
        volumes = solved.result.read(solved.compiled, "volume")
        curves = curve_orders(problem, data.grid, data.grid.settle(volumes))
    operation = solved.operation
    blocks = operation.block_volume
    return BidPolicy(
        curves=curves,
        commitment={
            t.unit.name: ByOutcome(data.price, operation.on[t.unit.name][t.case_of])
            for t in data.thermals
        },
        block_volumes=np.zeros(0) if blocks is None else blocks,
        reserve_offers={
            reserve.name: ReserveOffers(reserve.prices, operation.offered[reserve.name])
            for reserve in data.reserves
            if reserve.awarded is None
        },
        intraday=_intraday(data, solved),
    )


def policy_of(problem: BiddingProblem, solution: BiddingSolution) -> BidPolicy:
    """The policy of a solution, with the problem it was made for.

    Raises:
        InputError: If units commit late, by scenario: a solution does not say how; use
            `solve_policy`.
    """
    if problem.commit_late:
        found = ", ".join(problem.commit_late)
        raise InputError("commit_late", expected="no units (else use solve_policy)", found=found)
    anywhere = np.zeros((1, problem.mtu_count))
    return BidPolicy(
        curves=solution.curves,
        commitment={
            plan.name: ByOutcome(anywhere, np.array([plan.on], dtype=np.float64))
            for plan in solution.dispatch
            if plan.on
        },
        block_volumes=np.array([_volume(problem, solution, block) for block in problem.blocks]),
        reserve_offers={
            market.name: _offers(market, solution)
            for market in problem.reserves
            if market.awarded_mw is None
        },
        intraday=_by_node(problem, solution),
    )


def _volume(problem: BiddingProblem, solution: BiddingSolution, block: BlockCandidate) -> float:
    wanted = problem.starts[block.first_mtu], block.mtu_count, block.side, block.limit_price
    return sum(
        order.volume_mw
        for order in solution.block_orders
        if (order.start, order.mtu_count, order.side, order.limit_price) == wanted
    )


def _offers(market: ReserveMarket, solution: BiddingSolution) -> ReserveOffers:
    mine = [offer for offer in solution.reserve_offers if offer.product == market.name]
    prices = np.zeros((market.block_count, max(1, len(mine))))
    volumes = np.zeros(prices.shape)
    for column, offer in enumerate(mine):
        prices[offer.block, column], volumes[offer.block, column] = offer.price, offer.volume_mw
    return ReserveOffers(prices, volumes)


def _by_node(problem: BiddingProblem, solution: BiddingSolution) -> ByOutcome | None:
    if problem.intraday is None or not solution.intraday:
        return None
    net = np.array([plan.net_sale for plan in solution.intraday])
    nodes = problem.intraday.node_of or (0,) * problem.scenario_count
    return ByOutcome(problem.prices, net[list(nodes)])


def _intraday(data: ModelData, solved: Solved) -> ByOutcome | None:
    operation = solved.operation
    if data.intraday is None or operation.sell is None or operation.buy is None:
        return None
    net = (operation.sell - operation.buy).sum(axis=-1)
    return ByOutcome(data.price, net[data.intraday.node_of])
