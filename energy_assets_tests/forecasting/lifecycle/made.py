"""A cheap trained member, histories and targets in memory, for tests of the lifecycle."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from energy_assets.forecasting.members.base import Member, MemberSpec, MemberUnavailableError
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.serving import MemoryModels, Serving

SCOPE = "desk"
FIRST = date(2026, 1, 1)
# A Monday, hence an anchor of weekly members.
ANCHOR = date(2026, 3, 2)


@dataclass(frozen=True)
class FittedMean:
    """The mean of the newest days, by slot."""

    trained_until: date
    means: tuple[float, ...]

    def predict(self, history: TargetHistory) -> np.ndarray:
        return np.array(self.means)

    def dump(self) -> bytes:
        content = {"until": self.trained_until.isoformat(), "means": self.means}
        return json.dumps(content).encode()


class SlotMeans:
    """Member `slot_means`, or `slot_means_<days>`: trained weekly."""

    def __init__(self, window_days: int | None = None, retrain_days: int = 7) -> None:
        self.fits = 0
        self.spec = MemberSpec(
            name="slot_means" if window_days is None else f"slot_means_{window_days}",
            produces="points",
            minimum_days=3,
            window_days=window_days,
            retrain_days=retrain_days,
            cost_seconds=0.0,
            needs=frozenset({"b", "a"}),
            settings={"kind": ("mean", 1)},
        )

    def fit(self, history: TargetHistory) -> FittedMean:
        self.fits += 1
        window = history if self.spec.window_days is None else history.newest(self.spec.window_days)
        known = window.outcome[np.isfinite(window.outcome).all(axis=1)]
        if len(known) < self.spec.minimum_days or window.trained_until is None:
            raise MemberUnavailableError(f"{self.spec.name}: too little history")
        return FittedMean(window.trained_until, tuple(known.mean(axis=0)))

    def load(self, content: bytes) -> FittedMean:
        found = json.loads(content)
        return FittedMean(date.fromisoformat(found["until"]), tuple(found["means"]))


def history(day: date, target: str = "price", slots: int = 24) -> TargetHistory:
    """From the first day to a day, a day's values depending on it only."""
    days = [FIRST + timedelta(days=n) for n in range((day - FIRST).days + 1)]
    outcome = np.stack([np.random.default_rng(d.toordinal()).normal(50, 9, slots) for d in days])
    outcome[-1] = np.nan
    load = np.stack([np.random.default_rng(-1 - -d.toordinal()).normal(0, 1, slots) for d in days])
    return TargetHistory(
        target, days, outcome, {"load": load}, {"holiday": np.zeros(len(days))}, (-500.0, 4000.0)
    )


def decision_time(day: date) -> datetime:
    """Eleven in the morning of the day before."""
    return datetime.combine(day - timedelta(days=1), time(11), UTC)


@dataclass
class MemoryTargets:
    """`TrainingTargets` on made-up histories."""

    by_target: dict[str, list[Member]]
    asked: list[date] = field(default_factory=list)

    def targets(self) -> list[str]:
        return list(self.by_target)

    def members(self, target: str) -> list[Member]:
        return self.by_target[target]

    def serving(self, target: str, day: date) -> Serving:
        def history_of(wanted: date) -> TargetHistory:
            self.asked.append(wanted)
            return history(wanted, target)

        return Serving(SCOPE, history_of, MemoryModels(), variant="24-load")
