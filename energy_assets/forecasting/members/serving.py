"""Which trained model serves which day, and a member's forecasts over many days.

A member retrained every n days has anchors on a fixed calendar (multiples of n days, Mondays for
whole weeks); the model of an anchor serves the days up to the next one. It is fitted on what was
known at the decision of the day before the anchor, so that a training job has a day to make it
before the first deadline that needs it. So it is the same model whoever trains it, and whenever: in
that job, or for a hindcast years later.

Belongs here: anchors, keys, the store protocol, serving. Not here: the store behind MLflow
(`forecasting.lifecycle`), reading histories (`forecasting.targets`), models.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Protocol

import numpy as np

from energy_assets import __version__
from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.members.base import FittedMember, Member, MemberUnavailableError
from energy_assets.forecasting.members.history import TargetHistory

HistoryOf = Callable[[date], TargetHistory]
TRAINING_LEAD = timedelta(days=1)


def anchor_of(day: date, retrain_days: int) -> date:
    """The day whose model serves a delivery day: the newest multiple of the interval."""
    ordinal = day.toordinal()
    return date.fromordinal(ordinal - (ordinal - 1) % retrain_days)


def version_of(member: Member) -> str:
    """Hash of everything but data that a member's forecasts depend on."""
    spec = asdict(member.spec)
    content = {
        "code": __version__,
        **{name: spec[name] for name in ("name", "window_days", "retrain_days", "settings")},
    }
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class ModelKey:
    """What names one trained model.

    Attributes:
        scope: Desk or data set.
        target: Target forecast.
        member: Member name.
        version: `version_of` the member.
        anchor: Day the model was made for.
    """

    scope: str
    target: str
    member: str
    version: str
    anchor: date


class ModelStore(Protocol):
    """Where trained models are kept."""

    def load(self, key: ModelKey, member: Member) -> FittedMember | None:
        """The model, or None where it was never trained.

        Raises:
            MemberUnavailableError: It is there and cannot be loaded.
        """
        ...

    def save(self, key: ModelKey, fitted: FittedMember, history: TargetHistory) -> None:
        """Keep a model with what it was trained on."""
        ...


class MemoryModels:
    """Models kept for the life of the process."""

    def __init__(self) -> None:
        self._models: dict[ModelKey, FittedMember] = {}

    def load(self, key: ModelKey, member: Member) -> FittedMember | None:  # noqa: ARG002
        """The model, or None."""
        return self._models.get(key)

    def save(self, key: ModelKey, fitted: FittedMember, history: TargetHistory) -> None:  # noqa: ARG002
        """Keep a model."""
        self._models[key] = fitted


@dataclass
class Serving:
    """Forecasts of members for one target.

    Attributes:
        scope: Desk or data set.
        history_of: History of a delivery day as known at its decision.
        models: Where trained models are kept.
        may_train: False on the deadline path: a model that is not there is an error.
        variant: What else of the histories a model depends on (slots, series), part of its version.
        prepare: Fills in what only a day to forecast needs (the forecast of another target);
            training never sees it.
    """

    scope: str
    history_of: HistoryOf
    models: ModelStore
    may_train: bool = True
    variant: str = ""
    prepare: Callable[[TargetHistory], TargetHistory] = lambda history: history

    def forecast(self, member: Member, day: date) -> FloatArray:
        """What a member says for a day, (S,) or (S, 99).

        Raises:
            MemberUnavailableError: Too little history, an input missing, or no model to load.
        """
        history = self.prepare(self.history_of(day))
        if member.spec.retrain_days == 1:
            return member.fit(history).predict(history)
        return self.model(member, history.target, day).predict(history)

    def model(self, member: Member, target: str, day: date) -> FittedMember:
        """The model that serves a day, trained now if need be and allowed.

        Raises:
            MemberUnavailableError: It cannot be trained or loaded.
        """
        anchor = anchor_of(day, member.spec.retrain_days)
        version = "-".join(filter(None, (version_of(member), self.variant)))
        key = ModelKey(self.scope, target, member.spec.name, version, anchor)
        found = self.models.load(key, member)
        if found is not None:
            return found
        if not self.may_train:
            msg = f"{member.spec.name} for {target}: no model was trained for {anchor}"
            raise MemberUnavailableError(msg)
        history = self.history_of(anchor - TRAINING_LEAD)
        fitted = member.fit(history)
        self.models.save(key, fitted, history)
        return fitted


def walk_forward(
    member: Member,
    history: TargetHistory,
    first: date,
    last: date,
    progress: Callable[[str, int, int], None] | None = None,
    models: ModelStore | None = None,
) -> FloatArray:
    """A member's forecasts of every day from first to last, each as if decided then.

    For series that are never revised (`TargetHistory.before`); an array benchmark needs no lake.

    Returns:
        (days, S) or (days, S, 99); a day the member cannot forecast is NaN.
    """
    serving = Serving("", lambda day: history.before(history.row_of(day)), models or MemoryModels())
    rows: list[FloatArray | None] = []
    span = [history.days[row] for row in range(history.row_of(first), history.row_of(last) + 1)]
    for number, day in enumerate(span):
        try:
            rows.append(serving.forecast(member, day))
        except MemberUnavailableError:
            rows.append(None)
        if progress:
            progress(member.spec.name, number + 1, len(span))
    shape = next((row.shape for row in rows if row is not None), (history.slots,))
    return np.stack([np.full(shape, np.nan) if row is None else row for row in rows])
