"""What if: orders, dispatch, value and risk of a delivery day under each stress case.

Three answers per case, all on the shocked scenarios:

- the base: what the desk bids without the case;
- re-bid: the best orders had the case been known, solved anew;
- kept: the base's orders awarded at the shocked prices, the plant run as well as it still can. What
  is missing to the re-bid value is the regret of not re-bidding. It can be slightly off, below 0
  even: only awards are rounded to ticks, the model also weighs risk and the aversion to
  imbalance, and it stops at its gap.

The day is that of a decision on record: its scenarios, and only rows it could read. Nothing is
written to the lake.

Belongs here: that comparison. Not here: shocks (`shocks`), the page (`reports.what_if_report`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np

from energy_assets.bidding import feasibility
from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.curves import awarded
from energy_assets.bidding.desk_problem import forecast_problem, shock_context
from energy_assets.bidding.handoff import SolverError
from energy_assets.bidding.model_data import model_data
from energy_assets.bidding.operation import summarise
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.bidding.records import start_states
from energy_assets.bidding.rungs import best_bid
from energy_assets.bidding.shocks import ShockContext, apply
from energy_assets.bidding.solution import BiddingSolution
from energy_assets.bidding.stochastic import Seconds, solve_data
from energy_assets.curation.desk_view import desk_view
from energy_assets.errors import InfeasibleError, InputError
from energy_assets.forecasting.day_ahead import Scenarios
from energy_assets.forecasting.records import scenarios_from_rows
from energy_assets.lakehouse.lake import Lake
from energy_assets.market import CurveOrder, DeliveryDay, load_area
from energy_assets.portfolio import Desk
from energy_assets.portfolio.stress_cases import StressCase

SESSION = "day_ahead"
Progress = Callable[[str, int, int], None]


def _silent(_what: str, _done: int, _of: int) -> None:
    return


@dataclass(frozen=True)
class Outcome:
    """What some orders come to in some scenarios; T MTUs.

    Attributes:
        rung: Rung that made the orders.
        reason: Why no better one.
        curves: The orders.
        expected_value: Mean cash.
        cvar: Conditional value at risk of it at the problem's level.
        awarded: Expected award (T,) MW.
        dispatch: Per unit, expected power (T,) MW.
        imbalance: Expected imbalance (T,) MW, long positive.
    """

    rung: str
    reason: str
    curves: tuple[CurveOrder, ...]
    expected_value: float
    cvar: float
    awarded: FloatArray
    dispatch: dict[str, FloatArray]
    imbalance: FloatArray

    def as_json(self) -> dict[str, Any]:
        """A JSON document, without the curves."""
        return {
            "rung": self.rung,
            "reason": self.reason,
            "expected_value": self.expected_value,
            "cvar": self.cvar,
            "awarded_mw": np.round(self.awarded, 6).tolist(),
            "dispatch_mw": {name: np.round(p, 6).tolist() for name, p in self.dispatch.items()},
            "imbalance_mw": np.round(self.imbalance, 6).tolist(),
        }


@dataclass(frozen=True)
class CaseOutcome:
    """A stress case against the base.

    Attributes:
        case: The case.
        rebid: Orders made knowing it.
        kept: The base's orders while it happens; None where they could not be valued.
        kept_reason: Why not.
    """

    case: StressCase
    rebid: Outcome
    kept: Outcome | None
    kept_reason: str = ""

    @property
    def regret(self) -> float | None:
        """Expected value given up by keeping the base's orders."""
        if self.kept is None:
            return None
        return self.rebid.expected_value - self.kept.expected_value


@dataclass(frozen=True)
class WhatIf:
    """All cases of one delivery day.

    Attributes:
        desk: Desk.
        area: Its market area.
        day: Delivery day.
        currency: Of all values.
        cvar_level: Level of the conditional value at risk.
        volume_tick_mw: Step of orders.
        decision_time: Of the decision whose scenarios these are.
        mode: Of that decision.
        base: Without any case.
        cases: In the order asked for.
        left_out: Cases that cannot befall the desk, with the reason.
    """

    desk: str
    area: str
    day: DeliveryDay
    currency: str
    cvar_level: float
    volume_tick_mw: float
    decision_time: datetime
    mode: str
    base: Outcome
    cases: tuple[CaseOutcome, ...]
    left_out: dict[str, str]

    def changed_mtus(self, outcome: CaseOutcome) -> tuple[int, ...]:
        """MTUs (from 1) in which re-bid and base orders are awarded apart at the shocked prices."""
        if outcome.kept is None:
            return ()
        apart = np.abs(outcome.rebid.awarded - outcome.kept.awarded)
        return tuple((np.flatnonzero(apart >= self.volume_tick_mw) + 1).tolist())

    def as_json(self) -> dict[str, Any]:
        """The JSON contract of `what-if --json`."""
        return {
            "desk": self.desk,
            "area": self.area,
            "delivery_day": self.day.label.isoformat(),
            "mtu_minutes": self.day.mtu_minutes,
            "mtu_starts": [start.isoformat() for start in self.day.starts],
            "currency": self.currency,
            "cvar_level": self.cvar_level,
            "decision_time": self.decision_time.isoformat(),
            "mode": self.mode,
            "base": self.base.as_json(),
            "cases": [self._case_json(case) for case in self.cases],
            "left_out": self.left_out,
        }

    def _case_json(self, outcome: CaseOutcome) -> dict[str, Any]:
        case, base = outcome.case, self.base
        return {
            "name": case.name,
            "title": case.title,
            "why": case.why,
            "shocks": list(case.words),
            "weight": case.weight,
            "value_change": outcome.rebid.expected_value - base.expected_value,
            "cvar_change": outcome.rebid.cvar - base.cvar,
            "regret": outcome.regret,
            "changed_mtus": list(self.changed_mtus(outcome)),
            "rebid": outcome.rebid.as_json(),
            "kept": None if outcome.kept is None else outcome.kept.as_json(),
            "kept_reason": outcome.kept_reason,
        }


def compare(
    problem: BiddingProblem,
    cases: Sequence[StressCase],
    context: ShockContext,
    progress: Progress = _silent,
) -> tuple[Outcome, tuple[CaseOutcome, ...]]:
    """The base of a problem, and each case against it.

    Raises:
        InputError: A case cannot befall the units, or the problem offers block orders.
    """
    if problem.blocks:
        raise InputError("blocks", expected="curves alone", found=f"{len(problem.blocks)} blocks")
    shocked = [apply(problem, case, context) for case in cases]
    base = _outcome(problem, best_bid(problem))
    progress("cases", 0, len(cases))
    found = []
    for number, (case, changed) in enumerate(zip(cases, shocked, strict=True), start=1):
        found.append(_case_outcome(case, changed, base))
        progress("cases", number, len(cases))
    return base, tuple(found)


def what_if(
    lake: Lake,
    desk: Desk,
    label: date,
    cases: Sequence[StressCase],
    *,
    skip_misfits: bool = False,
    progress: Progress = _silent,
) -> WhatIf:
    """Compare the cases on the desk's decision of a delivery day: the live one, else a replay.

    Args:
        lake: Read only.
        desk: The desk.
        label: Delivery day.
        cases: Stress cases.
        skip_misfits: Leave out cases that cannot befall the desk's units.
        progress: Told about finished cases.

    Raises:
        InputError: The day has no decision, or a case does not fit.
    """
    area = load_area(desk.area)
    day = area.session(SESSION).delivery_day(label)
    misfits = {case.name: why for case in cases if (why := case.misfit(desk.units))}
    chosen = [case for case in cases if not (skip_misfits and case.name in misfits)]
    decision = _decision(lake, desk, day)
    known = desk_view(lake, desk, decision.time, decision.ingested_before)
    problem = forecast_problem(
        known, desk, decision.scenarios, start_states(lake, desk, day, decision.mode)
    )
    base, found = compare(problem, chosen, shock_context(known, desk, day), progress)
    return WhatIf(
        desk=desk.name,
        area=desk.area,
        day=day,
        currency=area.currency,
        cvar_level=problem.cvar_level,
        volume_tick_mw=problem.rules.volume_tick_mw,
        decision_time=decision.time,
        mode=decision.mode,
        base=base,
        cases=found,
        left_out=misfits if skip_misfits else {},
    )


@dataclass(frozen=True)
class _Decision:
    """A decision on record: its mode and time, scenarios, and when its run began to read."""

    mode: str
    time: datetime
    scenarios: Scenarios
    ingested_before: datetime


def _decision(lake: Lake, desk: Desk, day: DeliveryDay) -> _Decision:
    slot: dict[str, Any] = {"scope": desk.name, "session": SESSION, "delivery_day": day.label}
    for mode in ("live", "replay"):
        rows = lake.current("forecasts.scenarios", **slot, mode=mode)
        if rows.is_empty():
            continue
        at = rows["decision_time"][0]
        runs = lake.current("bids.bid_runs", **slot, mode=mode)
        same = runs.filter(runs["decision_time"] == at)
        before = lake.clock() if same.is_empty() else same["ingested_before"][0]
        return _Decision(mode, at, scenarios_from_rows(rows, day), before)
    raise InputError(
        f"forecasts.scenarios of {desk.name} on {day.label}",
        expected="scenarios of a decision",
        found="none",
        hint=f"make them with: energy-assets day-ahead --delivery-day {day.label}",
    )


def _case_outcome(case: StressCase, shocked: BiddingProblem, base: Outcome) -> CaseOutcome:
    rebid = _outcome(shocked, best_bid(shocked))
    if rebid.curves == base.curves:
        return CaseOutcome(case, rebid, rebid)
    try:
        return CaseOutcome(case, rebid, _kept(shocked, base))
    except (SolverError, InfeasibleError) as error:
        return CaseOutcome(case, rebid, None, str(error))


def _kept(shocked: BiddingProblem, base: Outcome) -> Outcome:
    """The base's orders in the shocked scenarios: awards are given, the plant follows."""
    data = model_data(shocked, _awards(shocked, base.curves))
    feasibility.check(shocked, data)
    solved, _, scope = solve_data(data, shocked.solver, Seconds())
    assert data.position is not None
    solution = summarise(
        shocked,
        data,
        solved.operation,
        data.position,
        rung=base.rung,
        curves=base.curves,
        objective=solved.result.value,
        bound=solved.bound,
        gap=solved.gap,
        bound_scope=scope,
        status=solved.result.status,
    )
    return _outcome(shocked, solution)


def _outcome(problem: BiddingProblem, solution: BiddingSolution) -> Outcome:
    return Outcome(
        rung=str(solution.rung),
        reason=solution.reason,
        curves=solution.curves,
        expected_value=solution.expected_value,
        cvar=solution.cvar,
        awarded=problem.weights @ _awards(problem, solution.curves),
        dispatch={plan.name: plan.power.mean for plan in solution.dispatch},
        imbalance=solution.imbalance.mean,
    )


def _awards(problem: BiddingProblem, curves: Sequence[CurveOrder]) -> FloatArray:
    """Award (S, T) MW of the orders at the problem's prices."""
    return np.stack([awarded(curves, path, problem.rules) for path in problem.prices])
