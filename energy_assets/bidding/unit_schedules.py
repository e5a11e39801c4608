"""From the portfolio's awards to one schedule per unit: what the desk nominates.

Everything sold is given: the auction's award, earlier positions and intraday trades (whose cash is
history), reserve awards. The schedule is the cheapest operation that delivers it on the expected
path while every reserve award is kept free by prequalified units; where imbalance prices are given,
it may deviate within the desk's limit as far as that pays. Reserves are nominated before they are
called, so calls are not part of it.

Not here: the search for the award itself (`stochastic`), rows of tables (`records`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_assets.bidding import feasibility
from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.dispatch import (
    Availability,
    Commitment,
    Schedule,
    as_schedule,
    given_hours,
    one_path,
)
from energy_assets.bidding.market_data import ReserveData
from energy_assets.bidding.markets import ReserveMarket
from energy_assets.bidding.model_data import ModelData, model_data
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.bidding.stochastic import Seconds, Solved, solve_model
from energy_assets.errors import InputError
from energy_assets.portfolio.units import LoadUnit


@dataclass(frozen=True)
class Awards:
    """What has been sold; T MTUs, B blocks.

    Attributes:
        auction: Net sale of the auction (T,) MW.
        intraday: Net sale intraday (T,) MW; none if left out.
        reserves: Per product, award of each block (B,) MW; a product left out has the award that
            the problem states, or none.
    """

    auction: npt.ArrayLike
    intraday: npt.ArrayLike | None = None
    reserves: Mapping[str, npt.ArrayLike] | None = None


@dataclass(frozen=True)
class ReserveShare:
    """What one unit keeps for one product, by block (B,) MW."""

    product: str
    unit: str
    kept: FloatArray


@dataclass(frozen=True)
class UnitSchedules:
    """One schedule per unit; T MTUs.

    Attributes:
        power: Net injection of every unit (T,) MW, loads negative.
        kept_up: Room kept above it for reserves, of units that keep some (T,) MW.
        kept_down: Room kept below it (T,) MW.
        shares: Who keeps which award.
        missing: Per product, what no unit can keep (B,) MW.
        schedule: Stored energy, hours on, imbalance and value.
    """

    power: dict[str, FloatArray]
    kept_up: dict[str, FloatArray]
    kept_down: dict[str, FloatArray]
    shares: tuple[ReserveShare, ...]
    missing: dict[str, FloatArray]
    schedule: Schedule


def unit_schedules(
    problem: BiddingProblem,
    awards: Awards,
    availability: Availability,
    prices: npt.ArrayLike,
    *,
    commitment: Commitment | None = None,
    imbalance_prices: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
) -> UnitSchedules:
    """Schedules that deliver the awards.

    Args:
        problem: Units, states, rules, earlier positions; its scenarios are not used.
        awards: What has been sold.
        availability: Per wind, solar and load unit, expected (T,) MW.
        prices: Day-ahead prices (T,).
        commitment: Hours on (H,) per thermal unit where they are already decided.
        imbalance_prices: Of a surplus and of a deficit (T,), where the plan may reckon with them;
            without them it deviates only where the plant cannot deliver.

    Raises:
        InputError: Awards or commitment do not fit the problem.
        InfeasibleError: Names the unit and the limit.
    """
    changes: dict[str, Any] = {
        "earlier_position": _earlier(problem, awards),
        "reserves": _reserves(problem, awards),
    }
    if imbalance_prices is not None:
        long, short = imbalance_prices
        changes |= {"long_prices": np.atleast_2d(long), "short_prices": np.atleast_2d(short)}
    path = one_path(problem, prices, availability, changes)
    position = _vector("awards.auction", awards.auction, problem.mtu_count)[None, :]
    data = model_data(path, position)
    if imbalance_prices is None:
        data = replace(data, max_imbalance=0.0)
    fixed = None
    if commitment is not None:
        fixed = {t.unit.name: given_hours(commitment, t.unit.name, data) for t in data.thermals}
    feasibility.check(path, data)
    solved = solve_model(data, problem.solver, Seconds(), "schedules", fixed)
    shares = [share for reserve in data.reserves for share in _shares(reserve, solved)]
    schedule = as_schedule(data, solved.operation, position)
    return UnitSchedules(
        power=_power(path, schedule),
        kept_up=_kept(data, shares, "down"),
        kept_down=_kept(data, shares, "up"),
        shares=tuple(shares),
        missing={name: missing[0] for name, missing in solved.operation.missing.items()},
        schedule=schedule,
    )


def _vector(where: str, values: npt.ArrayLike, count: int) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (count,) or not np.isfinite(array).all():
        raise InputError(where, expected=f"{count} finite figures", found=str(array.shape))
    return array


def _earlier(problem: BiddingProblem, awards: Awards) -> FloatArray:
    earlier = np.zeros(problem.mtu_count)
    if problem.earlier_position is not None:
        earlier = earlier + problem.earlier_position
    if awards.intraday is not None:
        earlier = earlier + _vector("awards.intraday", awards.intraday, problem.mtu_count)
    return earlier


def _reserves(problem: BiddingProblem, awards: Awards) -> tuple[ReserveMarket, ...]:
    """The products with an award, on one path and not called."""
    given = dict(awards.reserves or {})
    known = [market.name for market in problem.reserves]
    for name in given:
        if name not in known:
            expected = f"one of {', '.join(known) or 'no products'}"
            raise InputError("awards.reserves", expected=expected, found=name)
    held = []
    for market in problem.reserves:
        award = given.get(market.name, market.awarded_mw)
        if award is None:
            continue
        where, blocks = f"awards.reserves[{market.name}]", market.block_count
        awarded = _vector(where, award, blocks)
        if float(awarded.min()) < 0:
            raise InputError(where, expected="no negative award", found=float(awarded.min()))
        path = {
            "awarded_mw": awarded,
            "capacity_prices": np.zeros((1, blocks)),
            "activation": None,
            "energy_prices": None,
        }
        held.append(market.model_copy(update=path))
    return tuple(held)


def _shares(reserve: ReserveData, solved: Solved) -> list[ReserveShare]:
    kept = solved.result.read(solved.compiled, f"product[{reserve.name}].share")
    by_unit = np.maximum(kept, 0.0).reshape(len(reserve.share_limits), reserve.block_count)
    return [
        ReserveShare(reserve.name, unit, share)
        for unit, share in zip(reserve.share_limits, by_unit, strict=True)
    ]


def _kept(data: ModelData, shares: list[ReserveShare], but: str) -> dict[str, FloatArray]:
    """Room by unit (T,), of all products but those of one direction."""
    products = {r.name: r for r in data.reserves if r.market.direction != but}
    kept: dict[str, FloatArray] = {}
    for share in shares:
        if share.product in products:
            product = products[share.product]
            room = share.kept[product.block_of] * product.active
            kept[share.unit] = kept.get(share.unit, np.zeros(data.mtu_count)) + room
    return kept


def _power(path: BiddingProblem, schedule: Schedule) -> dict[str, FloatArray]:
    power = {}
    for unit in path.units:
        if isinstance(unit, LoadUnit):
            shifted = schedule.power.get(unit.name, np.zeros(path.mtu_count))
            power[unit.name] = shifted - path.availability[unit.name][0]
        elif unit.name in schedule.power:
            power[unit.name] = schedule.power[unit.name]
        else:
            power[unit.name] = path.availability[unit.name][0]
    return power
