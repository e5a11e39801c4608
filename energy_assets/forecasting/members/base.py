"""The one interface of forecasting members: fit on a history, predict its last day.

A member is a small module with a class that has a `spec`, `fit` and `load`. `fit` takes a history
whose last row is a day to forecast and uses the rows before; `predict` takes the history of that
day or a later one. A member retrained every n days serves the days from an anchor to the next
(`serving`), so that what a member says for a day depends on day, decision time and configuration
only.

Belongs here: the protocol, its declared facts, how a member is named. Not here: models (one module
each), names to members (`registry`), anchors and stores (`serving`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal, Protocol, runtime_checkable

from energy_assets.errors import EnergyAssetsError
from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.members.history import TargetHistory


class MemberUnavailableError(EnergyAssetsError):
    """A member cannot forecast this history: too short, an input missing, a library absent."""


@dataclass(frozen=True)
class MemberSpec:
    """What a member declares about itself.

    Attributes:
        name: Name in desk files and on the record, as `lear_1456`.
        produces: `points` (one path, a median) or `quantiles` (99 percentiles).
        minimum_days: Least complete days before the day to forecast.
        window_days: Most days before the last row it trains on; None for all of them.
        retrain_days: 1: fitted anew for every day; n: every n days, then loaded.
        cost_seconds: CPU seconds of one fit on one core at 24 slots, as measured.
        needs: Drivers or daily values it cannot do without.
        extra: Install extra that brings its library, None for the core install.
        settings: Whatever else its forecasts depend on; part of the version.
    """

    name: str
    produces: Literal["points", "quantiles"]
    minimum_days: int
    window_days: int | None
    retrain_days: int
    cost_seconds: float
    needs: frozenset[str] = frozenset()
    extra: str | None = None
    settings: dict[str, object] = field(default_factory=dict)


def windowed_name(family: str, window_days: int | None) -> str:
    """Name of a member: its family, and its window in days where one was asked for."""
    return family if window_days is None else f"{family}_{window_days}"


@runtime_checkable
class FittedMember(Protocol):
    """A trained model.

    Attributes:
        trained_until: Newest day whose outcome it was fitted on.
    """

    trained_until: date

    def predict(self, history: TargetHistory) -> FloatArray:
        """Forecast the last day of a history.

        Args:
            history: Of the day it was fitted for or a later one; its outcomes after
                `trained_until` serve as lags.

        Returns:
            (S,) in the target's unit, or (S, 99) non-decreasing, within the history's bounds.

        Raises:
            MemberUnavailableError: An input of the day is missing.
        """
        ...

    def dump(self) -> bytes:
        """The model as bytes that `Member.load` reads."""
        ...


@runtime_checkable
class Member(Protocol):
    """A kind of model with its configuration.

    Attributes:
        spec: What it declares about itself.
    """

    spec: MemberSpec

    def fit(self, history: TargetHistory) -> FittedMember:
        """Train on the days before the last row, no more than `spec.window_days` of them.

        The same history gives the same model: one thread, seeds from the history's content.

        Raises:
            MemberUnavailableError: Too little history or an input missing.
        """
        ...

    def load(self, content: bytes) -> FittedMember:
        """A model from what `dump` wrote.

        Raises:
            MemberUnavailableError: The bytes are not a model of this member.
        """
        ...
