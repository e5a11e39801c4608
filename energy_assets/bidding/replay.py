"""Out-of-sample value of a bid policy: its orders awarded and the plant run in fresh scenarios.

In every fresh scenario the market makes its awards: curves at the clearing price, blocks by their
mean price, reserve offers by the marginal capacity price. Then the intraday position is that of the
in-sample node whose day-ahead price path is nearest (nodes are unknown out of sample), cut to the
ladder and to the position limits, and late commitment likewise. Last comes dispatch, which knows
its path, as in the model.

`clairvoyant=True` lets every path trade intraday with full knowledge of it: an upper bound, and
labelled as one. Values are cash: settlement prices without the model's aversion.

Not here: the dispatch program (`recourse`), what a policy is (`policy`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.market_data import ReserveData
from energy_assets.bidding.model.risk import conditional_value_at_risk
from energy_assets.bidding.model_data import ModelData, model_data
from energy_assets.bidding.operation import Operation, cash
from energy_assets.bidding.policy import BidPolicy, ReserveOffers
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.bidding.recourse import Given, dispatch_scenarios


@dataclass(frozen=True)
class Interval:
    """A figure with the ends of its bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ReplayOptions:
    """How the figures are taken.

    Attributes:
        resamples: Bootstrap resamples of the scenarios.
        confidence: Of the intervals.
        seed: Of the resampling.
    """

    resamples: int = 1000
    confidence: float = 0.95
    seed: int = 0


@dataclass(frozen=True)
class ReplayResult:
    """Value of a policy over fresh scenarios, in the order they were given.

    Attributes:
        clairvoyant: Whether intraday trades knew their path: an upper bound, no policy.
        profit: Cash of each scenario (S,), currency.
        mean: Expected cash.
        value_at_risk: Cash that the worst share (1 - level) does not reach, at the problem's level.
        conditional_value_at_risk: Mean cash of that share.
        position: Awarded net sale of the auction (S, T) MW.
        intraday: Net sale intraday (S, T) MW.
        imbalance: Long positive (S, T) MW.
        imbalance_mwh: Expected absolute imbalance.
        missing_reserve_mw: Most of a reserve award the plant could not cover.
        operation: The plant in every scenario, canonical order.
        seconds: CPU seconds.
    """

    clairvoyant: bool
    profit: FloatArray
    mean: Interval
    value_at_risk: Interval
    conditional_value_at_risk: Interval
    position: FloatArray
    intraday: FloatArray
    imbalance: FloatArray
    imbalance_mwh: float
    missing_reserve_mw: float
    operation: Operation
    seconds: float


def replay(
    policy: BidPolicy,
    fresh: BiddingProblem,
    *,
    clairvoyant: bool = False,
    options: ReplayOptions | None = None,
) -> ReplayResult:
    """The value of a policy in fresh scenarios.

    Args:
        policy: What was decided at the gate.
        fresh: The same plant, rules and markets under other scenarios.
        clairvoyant: Intraday with full knowledge of each path (an upper bound).
        options: How the figures are taken.

    Raises:
        InputError: The policy does not fit the problem.
        InfeasibleError: The policy's commitment cannot be kept by the plant.
        SolverError: If the solver stopped without a solution.
    """
    began = time.process_time()
    data = _replay_data(policy, fresh)
    assert data.position is not None
    traded = None if clairvoyant and data.intraday is not None else _traded(policy, data)
    offered = {r.name: _offers(policy, r).volumes for r in data.reserves if r.awarded is None}
    given = Given(
        data=data,
        on={t.unit.name: policy.hours_on(t.unit.name, data.price) for t in data.thermals},
        awards={r.name: r.award(offered.get(r.name, r.prices)) for r in data.reserves},
        traded=traded,
    )
    operation = replace(dispatch_scenarios(given, fresh.solver), offered=offered)
    profit = cash(data, operation, data.position)
    surplus = operation.surplus(data, data.position)
    settings = ReplayOptions() if options is None else options
    mean, at_risk, conditional = _figures(profit, data, settings)
    back = np.argsort(data.order)
    return ReplayResult(
        clairvoyant=clairvoyant,
        profit=profit[back],
        mean=mean,
        value_at_risk=at_risk,
        conditional_value_at_risk=conditional,
        position=data.position[back],
        intraday=operation.intraday(data)[back],
        imbalance=surplus[back],
        imbalance_mwh=float(data.probability @ np.abs(surplus).sum(axis=1)) * data.hours,
        missing_reserve_mw=max(
            (float(missing.max(initial=0.0)) for missing in operation.missing.values()),
            default=0.0,
        ),
        operation=operation,
        seconds=time.process_time() - began,
    )


def value_at_risk(profit: FloatArray, weights: FloatArray, level: float) -> float:
    """The least profit that at least a share (1 - level) of the weight does not exceed."""
    order = np.argsort(profit, kind="stable")
    mass = np.cumsum(weights[order])
    at = int(np.searchsorted(mass, 1.0 - level - 1e-9))
    return float(profit[order][min(at, len(order) - 1)])


def _replay_data(policy: BidPolicy, fresh: BiddingProblem) -> ModelData:
    """Arrays of the fresh scenarios with the awards that the policy's orders get in them."""
    data = model_data(fresh, policy.position(fresh))
    every = np.arange(data.scenario_count, dtype=np.int64)
    ladder = data.intraday
    return replace(
        data,
        thermals=tuple(replace(thermal, case_of=every) for thermal in data.thermals),
        reserves=tuple(
            reserve if reserve.awarded is not None else _with_offers(policy, reserve, data)
            for reserve in data.reserves
        ),
        intraday=None if ladder is None else replace(ladder, node_of=every),
    )


def _offers(policy: BidPolicy, reserve: ReserveData) -> ReserveOffers:
    nothing = ReserveOffers(np.zeros((reserve.block_count, 1)), np.zeros((reserve.block_count, 1)))
    return policy.reserve_offers.get(reserve.name, nothing)


def _with_offers(policy: BidPolicy, reserve: ReserveData, data: ModelData) -> ReserveData:
    """The product with the policy's offers in place of the prices chosen from its scenarios."""
    prices = _offers(policy, reserve).prices
    clearing = reserve.market.capacity_prices[data.order][..., None]
    accepted = (prices <= clearing + 1e-12).astype(np.float64)
    paid = clearing if reserve.market.pricing == "pay_as_cleared" else prices
    hours = data.hours * reserve.by_block(np.ones((1, data.mtu_count)))[0]
    return replace(
        reserve, prices=prices, accepted=accepted, payment=accepted * paid * hours[:, None]
    )


def _traded(policy: BidPolicy, data: ModelData) -> FloatArray:
    """Net intraday sale (S, T) MW by the node rule, within the ladder and the position limits."""
    assert data.position is not None
    if policy.intraday is None or data.intraday is None:
        return np.zeros(data.price.shape)
    most = data.intraday.depth.sum(axis=1)
    wanted = np.clip(policy.intraday.nearest(data.price), -most, most)
    held = data.earlier + data.position
    least_sale, most_sale = data.position_limits
    # A trade may always bring the position nearer to its limits.
    room_up, room_down = np.maximum(most_sale - held, 0.0), np.minimum(least_sale - held, 0.0)
    traded: FloatArray = np.clip(wanted, room_down, room_up)
    return traded


def _figures(
    profit: FloatArray, data: ModelData, options: ReplayOptions
) -> tuple[Interval, Interval, Interval]:
    """Mean, VaR and CVaR with percentile bootstrap intervals (Efron and Tibshirani 1993)."""
    weights, level = data.probability, data.cvar_level
    generator = np.random.default_rng(options.seed)
    count = len(profit)
    drawn = np.sort(
        profit[generator.choice(count, size=(options.resamples, count), p=weights / weights.sum())],
        axis=1,
    )
    equal = np.full(count, 1.0 / count)
    tail = 1.0 - level
    counted = np.clip(tail - np.arange(count) / count, 0.0, 1.0 / count)
    at = min(int(np.searchsorted(np.cumsum(equal), tail - 1e-9)), count - 1)

    def interval(value: float, resampled: FloatArray) -> Interval:
        outside = (1.0 - options.confidence) / 2
        low, high = np.quantile(resampled, [outside, 1.0 - outside])
        return Interval(value, float(low), float(high))

    return (
        interval(float(weights @ profit), drawn.mean(axis=1)),
        interval(value_at_risk(profit, weights, level), drawn[:, at]),
        interval(
            conditional_value_at_risk(profit, weights, level), drawn @ counted / counted.sum()
        ),
    )
