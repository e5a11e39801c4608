"""Training ahead of the deadline: which models are due, and making each of them once.

The models of a delivery day are those of its members' anchors. They are trained by the same
`Serving` a forecast uses, on the history of the day before the anchor, as soon as the decision of
that day has passed: never from less than it knew. So a model made here is the model a hindcast
would make. Days before are caught up, newest first: the combination looks back on them.

Belongs here: that loop and what it came to, and the one place that reads a desk's targets for it.
Not here: members, the store (`registry`), jobs (`defs.training`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol, cast

from energy_assets.forecasting.lifecycle.registry import LakeModels, model_name
from energy_assets.forecasting.members.base import FittedMember, Member, MemberUnavailableError
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.serving import ModelKey, Serving
from energy_assets.lakehouse.lake import Lake
from energy_assets.portfolio import Desk

if TYPE_CHECKING:
    from energy_assets.forecasting.ensembles import Ensemble
    from energy_assets.forecasting.hindcasts import Hindcaster
    from energy_assets.forecasting.lifecycle.configurations import Configuration

Progress = Callable[[str, int, int], None]
# Stands for a model that is on record: nobody predicts with it.
_KEPT = cast("FittedMember", object())


class TrainingTargets(Protocol):
    """What training needs to know of a desk."""

    def targets(self) -> list[str]:
        """Targets forecast."""
        ...

    def members(self, target: str) -> list[Member]:
        """Members whose models are wanted."""
        ...

    def serving(self, target: str, day: date) -> Serving:
        """What a forecast of a delivery day asks for trained models, histories included."""
        ...


@dataclass(frozen=True)
class TrainedModel:
    """A model made now: what names it, and the CPU seconds of history, fit and saving."""

    key: ModelKey
    seconds: float


@dataclass
class TrainingReport:
    """What a training came to.

    Attributes:
        trained: Models made.
        kept: Models that were there, whole.
        mended: Why models on record had to be made again.
        refused: Why models could not be made, by name.
    """

    trained: list[TrainedModel] = field(default_factory=list)
    kept: set[ModelKey] = field(default_factory=set)
    mended: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def train_models(
    targets: TrainingTargets,
    models: LakeModels,
    days: Sequence[date],
    *,
    decision_time: Callable[[date], datetime],
    at: datetime,
    progress: Progress | None = None,
) -> TrainingReport:
    """Make every model that serves some delivery days and is not there yet.

    Members fitted anew for every day have none. A model that cannot be made is left out with its
    reason; the others are made.

    Args:
        targets: The desk's targets.
        models: Where models are kept.
        days: Delivery days.
        decision_time: Decision time of a delivery day, UTC.
        at: Time of training: what a later decision would know is not known yet.
        progress: Told after each target, member and day.
    """
    report = TrainingReport()
    once = _OnceEach(models, report)
    due = [
        (target, member, day)
        for target in targets.targets()
        for member in targets.members(target)
        if member.spec.retrain_days > 1
        for day in sorted(days, reverse=True)
    ]
    for number, (target, member, day) in enumerate(due):
        serving = targets.serving(target, day)
        history_of = _not_before_its_decision(serving.history_of, decision_time, at)
        allowed = replace(serving, history_of=history_of, models=once, may_train=True)
        once.make(allowed, member, target, day)
        if progress:
            progress(f"models of {target}, {member.spec.name}", number + 1, len(due))
    return report


class _OnceEach:
    """A `ModelStore` that finds what is on record whole, and lets the rest be made once."""

    def __init__(self, models: LakeModels, report: TrainingReport) -> None:
        self._models = models
        self._report = report
        self._asked: ModelKey | None = None
        self._refused: dict[ModelKey, str] = {}
        self._began = 0.0

    def make(self, serving: Serving, member: Member, target: str, day: date) -> None:
        """The model that serves a day, unless it is there or was refused before."""
        self._asked, self._began = None, time.process_time()
        try:
            serving.model(member, target, day)
        except MemberUnavailableError as error:
            if self._asked is None:
                raise
            self._refused[self._asked] = str(error)
            self._report.refused[model_name(self._asked)] = str(error)

    def load(self, key: ModelKey, member: Member) -> FittedMember | None:
        """Something where the model is on record and whole, else None."""
        self._asked = key
        if key in self._refused:
            raise MemberUnavailableError(self._refused[key])
        if key in self._report.kept:
            return _KEPT
        try:
            if self._models.is_kept(key):
                self._report.kept.add(key)
                return _KEPT
        except MemberUnavailableError as error:
            self._report.mended.append(str(error))
            self._models.forget(key)
        return self._models.load(key, member)

    def save(self, key: ModelKey, fitted: FittedMember, history: TargetHistory) -> None:
        """Keep a model that was made."""
        self._models.save(key, fitted, history)
        self._report.kept.add(key)
        self._report.trained.append(TrainedModel(key, time.process_time() - self._began))


def _not_before_its_decision(
    history_of: Callable[[date], TargetHistory],
    decision_time: Callable[[date], datetime],
    at: datetime,
) -> Callable[[date], TargetHistory]:
    def known(day: date) -> TargetHistory:
        decision = decision_time(day)
        if decision > at:
            msg = f"expected the decision of {day} to have passed, found it due at {decision}"
            raise MemberUnavailableError(msg)
        return history_of(day)

    return known


class DeskTargets:
    """A desk's targets as its forecast reads them: `TrainingTargets` on the lake.

    Wanted are the models of what the desk file names, which is offered, and those of the ensemble
    in force, which makes the forecasts while the other waits.

    Args:
        lake: The lake.
        desk: The desk.
        days: Delivery days, oldest first; the feeds of the newest say which series are read.
        at: Latest point in time that may be looked at.
        ingested_before: Only rows written before this are read.
    """

    def __init__(
        self,
        lake: Lake,
        desk: Desk,
        days: Sequence[date],
        at: datetime,
        ingested_before: datetime | None = None,
    ) -> None:
        from energy_assets.curation.desk_view import desk_view
        from energy_assets.forecasting.lifecycle.in_force import ensembles_in_force
        from energy_assets.forecasting.targets import TargetReader
        from energy_assets.quality.desk_inputs import system_series

        known = desk_view(lake, desk, at, ingested_before)
        self._desk = desk
        self._days = days
        self._reader = TargetReader(known, desk, system_series(desk, days[-1]))
        self._in_force = ensembles_in_force(lake, desk, at, ingested_before)
        self._hindcaster: tuple[str, Hindcaster] | None = None

    def targets(self) -> list[str]:
        """Targets forecast."""
        from energy_assets.forecasting.targets import target_names

        return target_names(self._desk)

    def members(self, target: str) -> list[Member]:
        """Members of the desk's own ensemble, then what the one in force has beside them."""
        # Of one name there is one version: an ensemble of other versions is never in force.
        wanted = {one.spec.name: one for one in self.ensemble(target).members}
        if target in self._in_force:
            wanted |= {one.spec.name: one for one in self._in_force[target].members}
        return list(wanted.values())

    def ensemble(self, target: str) -> Ensemble:
        """What the desk file names for a target."""
        from energy_assets.forecasting.ensembles import desk_ensemble

        return desk_ensemble(self._desk, target)

    def serving(self, target: str, day: date) -> Serving:
        """The same as the forecast's own; histories are kept for one target at a time."""
        from energy_assets.forecasting.hindcasts import Hindcaster, HindcastStore
        from energy_assets.forecasting.members.serving import MemoryModels

        if self._hindcaster is None or self._hindcaster[0] != target:
            serving = self._in_force.get(target)
            reach = serving.reach_days if serving else 0
            self._reader.preload(target, self._days[0], self._days[-1], reach)
            made = Hindcaster(self._reader, HindcastStore(), MemoryModels(), self._in_force)
            self._hindcaster = (target, made)
        return self._hindcaster[1].serving(target, self._reader.slots_of(day))

    def configuration(self, target: str, day: date) -> Configuration:
        """What the desk offers for a target, with the version its forecasts would have."""
        from energy_assets.forecasting.lifecycle.configurations import Configuration
        from energy_assets.forecasting.target_forecasts import forecast_version

        own = self.ensemble(target)
        ensembles = {**self._in_force, target: own}
        return Configuration.of(own, day, forecast_version(self._reader, target, ensembles))


def desk_targets(
    lake: Lake,
    desk: Desk,
    days: Sequence[date],
    at: datetime,
    ingested_before: datetime | None = None,
) -> DeskTargets:
    """The targets of a desk on some delivery days, as known at a time."""
    return DeskTargets(lake, desk, days, at, ingested_before)


def looked_back_days(
    lake: Lake, desk: Desk, at: datetime, ingested_before: datetime | None = None
) -> int:
    """Days before a delivery day whose member forecasts some target's combination reads.

    Args:
        lake: The lake.
        desk: Its own ensembles count, and those in force.
        at: Point in time.
        ingested_before: Rows written from then on are not read.
    """
    from energy_assets.forecasting.lifecycle.in_force import ensembles_in_force

    own = desk.forecast.qra_window_days + desk.forecast.fold_days
    in_force = ensembles_in_force(lake, desk, at, ingested_before)
    return max(own, *(one.recipe.days_before for one in in_force.values()), 0)


def days_before(day: date, count: int) -> list[date]:
    """A delivery day and the `count` before it, oldest first."""
    return [date.fromordinal(day.toordinal() - n) for n in range(count, -1, -1)]


def seconds_by_member(trained: Iterable[TrainedModel]) -> dict[str, float]:
    """CPU seconds by member, summed over targets and anchors."""
    found: dict[str, float] = {}
    for model in trained:
        found[model.key.member] = found.get(model.key.member, 0.0) + model.seconds
    return found
