"""A feed-forward distributional network as a member: `feed_forward_1456`.

Inputs are those of the deep network of Lago, Marcjasz, De Schutter and Weron (2021, Applied Energy
293, 116983, section 4.3): outcomes of D-1, D-2, D-3 and D-7, drivers of D, D-1 and D-7, weekday,
daily values; outcomes and drivers by hour whatever the slots. One pass gives the whole day: a
Johnson-SU or normal distribution for every slot (Marcjasz, Narajewski, Weron and Ziel 2023, Energy
Econ. 125, 106843). A few networks that differ in initial weights and in the days held out for early
stopping are averaged by quantile inside the member.

Outcomes enter and leave less their mean over the 28 days before. Networks do not extrapolate: with
prices as they are, a model of four years is lost when the level moves beyond them. On the 364 days
before 2019-06-27 this took the German MAE from 5.29 to 4.26; on those before 2016, when the level
stood still, it cost 2 %.

Belongs here: the member, its features and its serving, which is NumPy alone: a trained network is
loaded and run in milliseconds without torch. Not here: training (`feed_forward_network`).
"""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt

from energy_assets.forecasting import lear
from energy_assets.forecasting.arrays import BoolArray, FloatArray, IntArray
from energy_assets.forecasting.asinh import Asinh
from energy_assets.forecasting.members import deterministic_torch
from energy_assets.forecasting.members.archives import archive
from energy_assets.forecasting.members.base import (
    MemberSpec,
    MemberUnavailableError,
    windowed_name,
)
from energy_assets.forecasting.members.history import TargetHistory, is_dummy
from energy_assets.forecasting.quantile_regression import PERCENTILES

MINIMUM_DAYS = 56
_LAG_DAYS = 7


@dataclass(frozen=True)
class NetworkSettings:
    """Size of the networks and how they are trained.

    Attributes:
        networks: Networks in the ensemble, averaged by quantile.
        hidden: Width of each hidden layer.
        distribution: What every slot ends in.
        loss: `likelihood`, or `pinball` over ten levels.
        dropout: Share of hidden units left out in each step of training.
        weight_decay: Of AdamW.
        learning_rate: Greatest of the one-cycle schedule.
        batch_days: Days in a step.
        epochs: Passes over the days at most.
        patience: Training ends after so many passes without a better score on the held-out days.
        held_out: Share of the window's days each network is stopped on, drawn at random.
        tail_margin: How far a scaled quantile may leave the range of the fitted outcomes.
        level_days: Outcomes are taken less their mean over so many days before; 0: as they are.
    """

    networks: int = 4
    hidden: tuple[int, ...] = (256, 256)
    distribution: Literal["johnson_su", "normal"] = "johnson_su"
    loss: Literal["likelihood", "pinball"] = "likelihood"
    dropout: float = 0.2
    weight_decay: float = 0.01
    learning_rate: float = 2e-3
    batch_days: int = 64
    epochs: int = 30
    patience: int = 20
    held_out: float = 0.1
    tail_margin: float = 1.0
    level_days: int = 28


DEFAULT_SETTINGS = NetworkSettings()


@dataclass(frozen=True)
class FittedFeedForward:
    """A trained ensemble.

    Attributes:
        trained_until: Newest day whose outcome it was fitted on.
        distribution: Distribution of a slot.
        level_days: As in `NetworkSettings`.
        inputs: Transform of the features used, in the order of `used`.
        outputs: Transform of the outcomes.
        used: Columns of the feature matrix, (K,).
        input_limits: Range of each scaled feature in training, (2, K).
        output_limits: Lowest and highest scaled quantile per slot, (2, S).
        weights: By layer, as `feed_forward_network.train` returns them.
    """

    trained_until: date
    distribution: str
    level_days: int
    inputs: Asinh
    outputs: Asinh
    used: IntArray
    input_limits: FloatArray
    output_limits: FloatArray
    weights: list[npt.NDArray[np.float32]]

    def predict(self, history: TargetHistory) -> FloatArray:
        """Percentiles of the last day, (S, 99).

        Raises:
            MemberUnavailableError: A feature the networks use is missing.
        """
        features, _, level = _features(history, self.level_days)
        row = features[-1, self.used]
        if not np.isfinite(row).all():
            msg = f"feed_forward for {history.target}: an input of {history.day} is missing"
            raise MemberUnavailableError(msg)
        scaled = np.clip(self.inputs.forward(row), *self.input_limits)
        quantiles = _quantiles(self._arguments(scaled), self.distribution)
        quantiles = np.clip(quantiles, *self.output_limits[:, None, :, None])
        by_network = self.outputs.inverse(quantiles.swapaxes(-1, -2))
        averaged: FloatArray = by_network.mean(axis=0).T + level[-1]
        return np.clip(averaged, *history.bounds)

    def _arguments(self, scaled: FloatArray) -> FloatArray:
        """What the networks say before it is put in its domain, (K, S, arguments)."""
        hidden = scaled.astype(np.float32)[None, None, :]
        for layer in range(0, len(self.weights) - 2, 2):
            hidden = np.maximum(hidden @ self.weights[layer] + self.weights[layer + 1], 0)
        raw = hidden @ self.weights[-2] + self.weights[-1]
        return raw.reshape(len(raw), self.output_limits.shape[1], -1).astype(np.float64)

    def dump(self) -> bytes:
        """The ensemble as a NumPy archive without pickles."""
        arrays: dict[str, npt.NDArray[np.generic]] = {
            "used": self.used,
            "input_limits": self.input_limits,
            "output_limits": self.output_limits,
            "distribution": np.array(self.distribution),
            "level_days": np.array(self.level_days),
            "trained_until": np.array(self.trained_until.isoformat()),
            **self.inputs.arrays("inputs_"),
            **self.outputs.arrays("outputs_"),
            **{f"layer_{number}": weight for number, weight in enumerate(self.weights)},
        }
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **arrays)
        return file.getvalue()


class FeedForwardMember:
    """Feed-forward distributional networks on a window of days, trained every 28 days.

    Args:
        window_days: Training window; all history if None.
        settings: Size of the networks and how they are trained.
    """

    def __init__(
        self, window_days: int | None = None, settings: NetworkSettings = DEFAULT_SETTINGS
    ) -> None:
        self._settings = settings
        self.spec = MemberSpec(
            name=windowed_name("feed_forward", window_days),
            produces="quantiles",
            minimum_days=MINIMUM_DAYS + _LAG_DAYS,
            window_days=window_days,
            retrain_days=28,
            cost_seconds=5.0,
            extra=deterministic_torch.EXTRA,
            settings=asdict(settings),
        )

    def fit(self, history: TargetHistory) -> FittedFeedForward:
        """Train on the complete days of the window.

        A feature missing on the anchor's day is not used.

        Raises:
            MemberUnavailableError: Torch is absent, or fewer than 56 days are complete.
        """
        deterministic_torch.require_deep(self.spec.name)
        features, dummies, level = _features(history, self._settings.level_days)
        used = np.flatnonzero(np.isfinite(features[-1]))
        first = 0 if self.spec.window_days is None else -1 - self.spec.window_days
        chosen = features[first:-1, used]
        outcome = (history.outcome - level[:, None])[first:-1]
        complete = np.isfinite(np.hstack([chosen, outcome])).all(axis=1)
        if complete.sum() < MINIMUM_DAYS:
            msg = (
                f"{self.spec.name} for {history.target}: expected at least {MINIMUM_DAYS} "
                f"days without gaps, found {complete.sum()}"
            )
            raise MemberUnavailableError(msg)
        assert history.trained_until is not None
        inputs, outputs = Asinh.fit(chosen[complete], dummies[used]), Asinh.fit(outcome[complete])
        x, y = inputs.forward(chosen[complete]), outputs.forward(outcome[complete])
        margin = self._settings.tail_margin
        return FittedFeedForward(
            history.trained_until,
            self._settings.distribution,
            self._settings.level_days,
            inputs,
            outputs,
            used,
            np.stack([x.min(axis=0), x.max(axis=0)]),
            np.stack([y.min(axis=0) - margin, y.max(axis=0) + margin]),
            self._train(x, y, history),
        )

    def _train(
        self, x: FloatArray, y: FloatArray, history: TargetHistory
    ) -> list[npt.NDArray[np.float32]]:
        from energy_assets.forecasting.members import feed_forward_network

        with deterministic_torch.deterministic(
            deterministic_torch.seed_of(self.spec.name, history)
        ):
            return feed_forward_network.train(
                x.astype(np.float32), y.astype(np.float32), self._settings
            )

    def load(self, content: bytes) -> FittedFeedForward:
        """Read what `dump` wrote.

        Raises:
            MemberUnavailableError: It is no such archive.
        """
        with archive(content, f"{self.spec.name}: expected feed-forward networks") as found:
            layers = sum(name.startswith("layer_") for name in found)
            return FittedFeedForward(
                date.fromisoformat(str(found["trained_until"])),
                str(found["distribution"]),
                int(found["level_days"]),
                Asinh.from_arrays(found, "inputs_"),
                Asinh.from_arrays(found, "outputs_"),
                found["used"],
                found["input_limits"],
                found["output_limits"],
                [found[f"layer_{number}"] for number in range(layers)],
            )


def _quantiles(arguments: FloatArray, distribution: str) -> FloatArray:
    """Percentiles (..., S, 99) of what the networks say, by the outputs they were trained with."""
    from scipy.special import ndtri

    z = ndtri(PERCENTILES)
    loc = arguments[..., 0, None]
    scale = np.logaddexp(0, arguments[..., 1, None])
    if distribution == "normal":
        return np.asarray(loc + scale * z)
    skew = arguments[..., 2, None]
    tail = np.logaddexp(0, arguments[..., 3, None]) + 1.0
    return np.asarray(loc + (scale + 1e-3) * np.sinh((z - skew) / tail))


def _features(history: TargetHistory, level_days: int) -> tuple[FloatArray, BoolArray, FloatArray]:
    """Features of every day, (N, F), the mask of dummies, (F,), and the level of each day, (N,)."""
    daily = sorted(history.daily, key=is_dummy)
    level = _level(history.outcome, level_days)
    columns = [history.daily[name][:, None] for name in daily]
    features, dummies = lear.feature_matrix(
        _by_hour(history.outcome),
        [_by_hour(values) for values in history.drivers.values()],
        history.weekday.astype(np.int64),
        [level[:, None], *columns],
    )
    features[:, : 24 * len(lear.LAG_DAYS_PRICE)] -= level[:, None]
    first_dummy = features.shape[1] - 7 - sum(map(is_dummy, daily))
    return features, dummies | (np.arange(features.shape[1]) >= first_dummy), level


def _level(outcome: FloatArray, days: int) -> FloatArray:
    """Mean of the complete days among so many before each day, (N,); NaN where there is none."""
    if not days:
        return np.zeros(len(outcome))
    padded = np.concatenate([np.full(days, np.nan), outcome.mean(axis=1)[:-1]])
    before = np.lib.stride_tricks.sliding_window_view(padded, days)
    known = np.isfinite(before)
    count = known.sum(axis=1)
    total = np.where(known, before, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _by_hour(values: FloatArray) -> FloatArray:
    per_hour = values.shape[1] // 24
    return values if per_hour == 1 else values.reshape(len(values), 24, per_hour).mean(axis=2)
