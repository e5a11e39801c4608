"""A small made-up market for tests of members, and what every member must hold to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from energy_assets.forecasting.members.base import Member
from energy_assets.forecasting.members.history import TargetHistory


def market(
    days: int = 90, slots: int = 24, seed: int = 3, bounds: tuple[float, float] = (-np.inf, np.inf)
) -> TargetHistory:
    """Prices of a residual load with daily and weekly shape, all outcomes known."""
    rng = np.random.default_rng(seed)
    first = date(2025, 1, 1)
    dates = [first + timedelta(days=day) for day in range(days)]
    weekend = np.array([day.weekday() >= 5 for day in dates], dtype=float)[:, None]
    level = np.cumsum(rng.normal(0, 0.5, days))[:, None]
    shape = 10 * np.sin(np.arange(slots) / slots * 2 * np.pi)
    wind = rng.normal(0, 1, (days, 1)) + rng.normal(0, 0.3, (days, slots))
    noise = rng.normal(0, 0.5, (days, slots))
    holiday = np.zeros(days)
    holiday[::17] = 1.0
    return TargetHistory(
        "price",
        dates,
        40 + level + shape - 8 * wind - 6 * weekend - 4 * holiday[:, None] + noise,
        drivers={"wind": wind},
        daily={"holiday": holiday, "gas": 20 + np.cumsum(rng.normal(0, 0.2, days))},
        bounds=bounds,
    )


def spoiled(history: TargetHistory, row: int) -> TargetHistory:
    """The history with everything changed that the decision for a row cannot know."""
    outcome = history.outcome.copy()
    outcome[row + 1 - history.outcome_lag :] *= -7.0
    after = slice(row + 1, None)
    changed = {}
    for kind in ("drivers", "daily"):
        changed[kind] = {name: rows.copy() for name, rows in getattr(history, kind).items()}
        for rows in changed[kind].values():
            rows[after] = 1e6
    return replace(history, outcome=outcome, **changed)


def assert_knows_nothing_later(member: Member, history: TargetHistory, row: int) -> None:
    """Fit and forecast of a row have the same bits whatever comes after its decision."""
    forecasts = []
    for seen in (history, spoiled(history, row)):
        fitted = member.fit(seen.before(row - 2))
        assert fitted.trained_until == history.days[row - 2 - history.outcome_lag]
        forecasts.append(fitted.predict(seen.before(row)))
    assert np.isfinite(forecasts[0]).all()
    np.testing.assert_array_equal(*forecasts)


def assert_round_trip(member: Member, history: TargetHistory, row: int) -> None:
    """Fitting twice gives the same bytes; a model read back says the same for a later day."""
    fitted = member.fit(history.before(row))
    content = fitted.dump()
    assert member.fit(history.before(row)).dump() == content
    again = member.load(content)
    assert again.trained_until == fitted.trained_until
    assert again.dump() == content
    later = history.before(row + 3)
    np.testing.assert_array_equal(again.predict(later), fitted.predict(later))


def mean_errors(member: Member, history: TargetHistory, rows: range) -> tuple[float, float]:
    """Mean absolute error over days, and that of the day a week before."""
    fitted = member.fit(history.before(rows[0]))
    paths = [fitted.predict(history.before(row)) for row in rows]
    points = np.stack([path[:, 49] if path.ndim == 2 else path for path in paths])
    outcome = history.outcome[list(rows)]
    naive = history.outcome[[row - 7 for row in rows]]
    return float(np.abs(points - outcome).mean()), float(np.abs(naive - outcome).mean())
