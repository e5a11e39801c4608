"""What if: orders, dispatch, value and risk of a delivery day under each stress case.

Three answers per case:

- base: what the desk bids without the case, valued without it;
- re-bid: the best orders had the case been known;
- kept: the base's orders while the case happens.

All are valued alike: orders in ticks awarded at the scenarios' prices, then the plant run as well
as it still can. Re-bid less kept is the regret of not re-bidding, in what the desk's model
maximises (mean and CVaR at its risk weight, less its aversion to imbalance): in cash alone, being
short on purpose can look cheap. It can be slightly below 0, for the model stops at its gap.

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
from energy_assets.bidding.model.risk import conditional_value_at_risk
from energy_assets.bidding.model_data import model_data
from energy_assets.bidding.operation import cash, unit_plans
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.bidding.records import start_states
from energy_assets.bidding.rungs import best_bid
from energy_assets.bidding.shocks import ShockContext, apply
from energy_assets.bidding.solution import Rung
from energy_assets.bidding.stochastic import Commitment, Seconds, solve_data, solve_model
from energy_assets.curation.desk_view import desk_view
from energy_assets.errors import InfeasibleError, InputError
from energy_assets.forecasting.day_ahead import Scenarios
from energy_assets.forecasting.records import scenarios_from_rows
from energy_assets.lakehouse.lake import Lake
from energy_assets.market import CurveOrder, DeliveryDay, load_area
from energy_assets.portfolio import Desk, ThermalUnit
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
        weighed: What the model maximises: mean and conditional value at risk of cash less aversion,
            at the problem's risk weight. None where the orders could not be valued.
        awarded: Expected award (T,) MW.
        dispatch: Per unit, expected power (T,) MW.
        imbalance: Expected imbalance (T,) MW, long positive.
        imbalance_mwh: Expected absolute imbalance of the day.
    """

    rung: str
    reason: str
    curves: tuple[CurveOrder, ...]
    expected_value: float
    cvar: float
    weighed: float | None
    awarded: FloatArray
    dispatch: dict[str, FloatArray]
    imbalance: FloatArray
    imbalance_mwh: float

    def as_json(self) -> dict[str, Any]:
        """A JSON document, without the curves."""
        return {
            "rung": self.rung,
            "reason": self.reason,
            "expected_value": self.expected_value,
            "cvar": self.cvar,
            "weighed_value": self.weighed,
            "awarded_mw": np.round(self.awarded, 6).tolist(),
            "dispatch_mw": {name: np.round(p, 6).tolist() for name, p in self.dispatch.items()},
            "imbalance_mw": np.round(self.imbalance, 6).tolist(),
            "imbalance_mwh": self.imbalance_mwh,
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
        """Weighed value given up by keeping the base's orders."""
        if self.kept is None or self.rebid.weighed is None or self.kept.weighed is None:
            return None
        return self.rebid.weighed - self.kept.weighed


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
    base = _bid(problem)
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
    if misfits and not skip_misfits:
        name, why = next(iter(misfits.items()))
        raise InputError(f"scenario {name}", expected=f"a case for desk {desk.name}", found=why)
    chosen = [case for case in cases if case.name not in misfits]
    decision = _decision(lake, desk, day)
    known = desk_view(lake, desk, decision.time, decision.ingested_before)
    problem = forecast_problem(
        known,
        desk,
        decision.scenarios,
        start_states(lake, desk, day, decision.mode, known.decision_time),
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
        left_out=misfits,
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
    rebid = _bid(shocked)
    if rebid.curves == base.curves:
        return CaseOutcome(case, rebid, rebid)
    try:
        return CaseOutcome(case, rebid, _valued(shocked, base.curves, base.rung))
    except (SolverError, InfeasibleError) as error:
        return CaseOutcome(case, rebid, None, str(error))


_COMMITTING = (
    Rung.STOCHASTIC,
    Rung.REDUCED_SCENARIOS,
    Rung.LP_WITH_REPAIR,
    Rung.MARGINAL_COST,
)


def _bid(problem: BiddingProblem) -> Outcome:
    """The best orders of a problem, valued."""
    solution = best_bid(problem)
    plans = {plan.name: plan for plan in solution.dispatch}
    commitment = {
        unit.name: np.array([plans[unit.name].on], dtype=np.float64)
        for unit in problem.units
        if isinstance(unit, ThermalUnit)
    }
    # Decided with the orders, unless some may wait for the outcome or no rung decided any.
    decided = solution.rung in _COMMITTING and not problem.commit_late
    try:
        return _valued(
            problem,
            solution.curves,
            str(solution.rung),
            solution.reason,
            commitment if decided and commitment else None,
        )
    except (SolverError, InfeasibleError):
        hours = problem.hours_per_mtu
        return Outcome(
            rung=str(solution.rung),
            reason=solution.reason,
            curves=solution.curves,
            expected_value=solution.expected_value,
            cvar=solution.cvar,
            weighed=None,
            awarded=problem.weights @ _awards(problem, solution.curves),
            dispatch={name: plan.power.mean for name, plan in plans.items()},
            imbalance=solution.imbalance.mean,
            imbalance_mwh=float(np.abs(solution.imbalance.mean).sum()) * hours,
        )


def _valued(
    problem: BiddingProblem,
    curves: tuple[CurveOrder, ...],
    rung: str,
    reason: str = "",
    commitment: Commitment | None = None,
) -> Outcome:
    """Orders in a problem's scenarios: awards are given, the plant follows.

    Raises:
        InfeasibleError: The plant cannot keep its own limits.
        SolverError: The solver stopped without a solution.
    """
    awards = _awards(problem, curves)
    data = model_data(problem, awards)
    feasibility.check(problem, data)
    if commitment is None:
        solved = solve_data(data, problem.solver, Seconds())[0]
    else:
        solved = solve_model(data, problem.solver, Seconds(), "path", commitment)
    operation, position = solved.operation, data.position
    assert position is not None
    surplus = operation.surplus(data, position)
    profit = cash(data, operation, position)
    mwh = data.hours * np.abs(surplus).sum(axis=1)
    weights, weight = data.probability, problem.risk_weight
    felt = profit - data.aversion * mwh
    tail = conditional_value_at_risk(felt, weights, data.cvar_level)
    return Outcome(
        rung=rung,
        reason=reason,
        curves=curves,
        expected_value=float(weights @ profit),
        cvar=conditional_value_at_risk(profit, weights, data.cvar_level),
        weighed=(1.0 - weight) * float(weights @ felt) + weight * tail,
        awarded=problem.weights @ awards,
        dispatch={plan.name: plan.power.mean for plan in unit_plans(problem, data, operation)},
        imbalance=weights @ surplus,
        imbalance_mwh=float(weights @ mwh),
    )


def _awards(problem: BiddingProblem, curves: Sequence[CurveOrder]) -> FloatArray:
    """Award (S, T) MW of the orders at the problem's prices."""
    return np.stack([awarded(curves, path, problem.rules) for path in problem.prices])
