"""A what-if comparison made up by hand: no solver, any day."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np

from energy_assets.bidding.what_if import CaseOutcome, Outcome, WhatIf
from energy_assets.market import load_area
from energy_assets.portfolio import Desk, load_desk
from energy_assets.portfolio.stress_cases import load_cases

DATA = Path(__file__).resolve().parents[2] / "data"


def reference() -> Desk:
    return load_desk(DATA / "desks/reference.yaml")


def sample_what_if(label: date = date(2026, 2, 12), *, cases: int | None = None) -> WhatIf:
    """Every case of the library on the reference desk, with figures that tell rows apart."""
    desk = reference()
    area = load_area(desk.area)
    day = area.session().delivery_day(label)
    hour = np.arange(day.mtu_count) / 4

    def outcome(shift: float, rung: str = "stochastic") -> Outcome:
        power = {
            unit.name: 20 + 5 * place + 10 * np.sin(hour / 3 + place)
            for place, unit in enumerate(desk.units)
        }
        power["gas_turbine"] = power["gas_turbine"] + 4 * shift
        return Outcome(
            rung=rung,
            reason="",
            curves=(),
            expected_value=50_000 + 1000 * shift,
            cvar=20_000 + 900 * shift,
            weighed=48_000 + 1000 * shift,
            awarded=sum(power.values()),
            dispatch=power,
            imbalance=np.full(day.mtu_count, -0.1 * shift),
            imbalance_mwh=-3.0 * shift,
        )

    found = tuple(
        CaseOutcome(case, outcome(-number), outcome(-number - 0.75))
        for number, case in enumerate(load_cases(DATA / "scenarios")[:cases], start=1)
    )
    return WhatIf(
        desk=desk.name,
        area=desk.area,
        day=day,
        currency=area.currency,
        cvar_level=0.95,
        volume_tick_mw=0.1,
        decision_time=datetime(2026, 2, 11, 10, tzinfo=UTC),
        mode="replay",
        base=outcome(0),
        cases=found,
        left_out={"boiler_out": "no boiler <here>"},
    )
