"""TiDE, a deep temporal model with covariates, through GluonTS: `tide_1456`.

The time-series dense encoder (Das, Kong, Leach, Mathur, Sen and Yu 2023, arXiv 2304.08424) in the
probabilistic form of GluonTS's `TiDEEstimator`, trained by Lightning. Every slot ends in a
Johnson-SU distribution. A few networks that differ in initial weights and in the windows held out
for early stopping are averaged by quantile.

Belongs here: the member, its networks, their training and stored form. Not here: scaling and the
windows they are trained on (`temporal_windows`), the distribution (`johnson_su`), the feed-forward
network (`feed_forward`).
"""

from __future__ import annotations

import io
import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import numpy as np

from energy_assets.forecasting.arrays import FloatArray, IntArray
from energy_assets.forecasting.members import deterministic_torch
from energy_assets.forecasting.members.base import (
    MemberSpec,
    MemberUnavailableError,
    windowed_name,
)
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.temporal_windows import CONTEXT_DAYS, Scaling, Windows
from energy_assets.forecasting.quantile_regression import PERCENTILES

MINIMUM_DAYS = 56


@dataclass(frozen=True)
class TemporalSettings:
    """Size of the networks and how they are trained.

    Attributes:
        scaling: How GluonTS scales each window by its outcomes, `std`, `mean` or None.
        networks: Networks in the ensemble, averaged by quantile.
        hidden: Width of encoder and decoder.
        layers: Blocks in encoder and in decoder.
        feature_size: Numbers kept of a slot's covariates.
        decoder_size: Numbers the decoder gives each slot.
        temporal_hidden: Width of the block that ends each slot.
        dropout: Share of units left out in each step of training.
        weight_decay: Of Adam.
        learning_rate: At first; halved where the score stalls.
        batch_days: Windows in a step.
        epochs: Passes over the windows at most.
        patience: Training ends after so many passes without a better score on the held-out days.
        held_out: Share of the window's days each network is stopped on, drawn at random.
        tail_margin: How far a scaled quantile may leave the range of the fitted outcomes.
    """

    scaling: str | None = None
    networks: int = 2
    hidden: int = 128
    layers: int = 2
    feature_size: int = 4
    decoder_size: int = 16
    temporal_hidden: int = 64
    dropout: float = 0.2
    weight_decay: float = 1e-5
    learning_rate: float = 2e-3
    batch_days: int = 32
    epochs: int = 25
    patience: int = 6
    held_out: float = 0.1
    tail_margin: float = 1.0


DEFAULT_SETTINGS = TemporalSettings()


@dataclass(frozen=True)
class FittedTide:
    """A trained ensemble.

    Attributes:
        trained_until: Newest day whose outcome it was fitted on.
        settings: What it was trained with.
        slots: Slots of a day.
        scaling: Transforms of outcome and covariates.
        states: Weights of each network by name.
        predictors: GluonTS's predictor of each network.
    """

    trained_until: date
    settings: TemporalSettings
    slots: int
    scaling: Scaling
    states: list[Mapping[str, Any]] = field(repr=False)
    predictors: list[Any] = field(repr=False, compare=False)

    def predict(self, history: TargetHistory) -> FloatArray:
        """Percentiles of the last day, (S, 99).

        Raises:
            MemberUnavailableError: An input is missing, or a day has other slots.
        """
        import torch

        days = history.newest(CONTEXT_DAYS)
        windows = Windows(days, self.scaling)
        last = len(days.days) - 1
        if history.slots != self.slots or not windows.usable(last, with_outcome=False):
            msg = (
                f"tide for {history.target}: expected {self.slots} slots and every input of "
                f"{history.day} and the {CONTEXT_DAYS} days before"
            )
            raise MemberUnavailableError(msg)
        entry = windows.entry(last, with_outcome=False)
        levels = torch.tensor(PERCENTILES, dtype=torch.float64)[:, None]
        by_network = []
        with deterministic_torch.deterministic(0):
            for predictor in self.predictors:
                (forecast,) = predictor.predict([entry])
                quantiles = forecast.distribution.icdf(levels).numpy().T
                clipped = np.clip(quantiles, *self.scaling.limits)
                by_network.append(self.scaling.outcome.inverse(clipped[..., None])[..., 0])
        averaged: FloatArray = np.mean(np.stack(by_network), axis=0)
        return np.clip(averaged, *history.bounds)

    def dump(self) -> bytes:
        """Weights, transforms and settings in torch's archive, tensors and plain values only."""
        import torch

        content = {
            "trained_until": self.trained_until.isoformat(),
            "settings": asdict(self.settings),
            "slots": self.slots,
            "states": [dict(state) for state in self.states],
            **self.scaling.to_content(),
        }
        file = io.BytesIO()
        torch.save(content, file)
        return file.getvalue()


class TideMember:
    """TiDE on a window of days, trained every 28 days.

    Args:
        window_days: Training window; all history if None.
        settings: Size of the networks and how they are trained.
    """

    def __init__(
        self, window_days: int | None = None, settings: TemporalSettings = DEFAULT_SETTINGS
    ) -> None:
        self._settings = settings
        self.spec = MemberSpec(
            name=windowed_name("tide", window_days),
            produces="quantiles",
            minimum_days=MINIMUM_DAYS + CONTEXT_DAYS,
            window_days=window_days,
            retrain_days=28,
            cost_seconds=25.0,
            extra=deterministic_torch.EXTRA,
            settings=asdict(settings),
        )

    def fit(self, history: TargetHistory) -> FittedTide:
        """Train on the windows of the window's days that have no gap.

        Raises:
            MemberUnavailableError: Torch is absent, or fewer than 56 windows are complete.
        """
        deterministic_torch.require_deep(self.spec.name)
        last = len(history.days) - 1
        first = 0 if self.spec.window_days is None else max(last - self.spec.window_days, 0)
        if not np.isfinite(history.outcome[first:-1]).any():
            raise MemberUnavailableError(f"{self.spec.name} for {history.target}: no outcome")
        scaling = Scaling.fit(history, first, self._settings.tail_margin)
        windows = Windows(history, scaling)
        rows = [row for row in range(first + CONTEXT_DAYS, last) if windows.usable(row)]
        if len(rows) < MINIMUM_DAYS:
            msg = (
                f"{self.spec.name} for {history.target}: expected at least {MINIMUM_DAYS} "
                f"windows of {CONTEXT_DAYS + 1} days without gaps, found {len(rows)}"
            )
            raise MemberUnavailableError(msg)
        assert history.trained_until is not None
        seed = deterministic_torch.seed_of(self.spec.name, history)
        states = [
            self._train(windows, np.array(rows), history.slots, (seed + network) % 2**32)
            for network in range(self._settings.networks)
        ]
        return _fitted(history.trained_until, self._settings, history.slots, scaling, states)

    def _train(self, windows: Windows, rows: IntArray, slots: int, seed: int) -> dict[str, Any]:
        """Weights of one network where its held-out windows scored best."""
        order = np.random.default_rng(seed).permutation(rows)
        count = max(round(self._settings.held_out * len(rows)), 1)
        held_out = [windows.entry(row) for row in np.sort(order[:count])]
        learned = [windows.entry(row) for row in order[count:]]
        covariates = len(windows.covariates)
        with (
            deterministic_torch.deterministic(seed),
            _quiet(),
            tempfile.TemporaryDirectory() as folder,
        ):
            estimator = _estimator(self._settings, slots, covariates, len(learned), folder)
            network = estimator.train_model(
                learned, held_out, cache_data=True, shuffle_buffer_length=len(learned)
            ).trained_net
        return {name: value.detach().clone() for name, value in network.state_dict().items()}

    def load(self, content: bytes) -> FittedTide:
        """Read what `dump` wrote; nothing but tensors and plain values is unpickled.

        Raises:
            MemberUnavailableError: Torch is absent, or it is no such archive.
        """
        deterministic_torch.require_deep(self.spec.name)
        import pickle

        import torch

        try:
            found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
            settings = TemporalSettings(**found["settings"])
            scaling = Scaling.from_content(found)
            until = date.fromisoformat(found["trained_until"])
            return _fitted(until, settings, found["slots"], scaling, found["states"])
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            EOFError,
            RuntimeError,
            pickle.UnpicklingError,
        ) as error:
            msg = f"{self.spec.name}: expected TiDE networks, found other bytes"
            raise MemberUnavailableError(msg) from error


def _fitted(
    until: date,
    settings: TemporalSettings,
    slots: int,
    scaling: Scaling,
    states: list[Mapping[str, Any]] | list[dict[str, Any]],
) -> FittedTide:
    """Put networks around their weights."""
    covariates = len(scaling.drivers) + len(scaling.daily)
    predictors = []
    with deterministic_torch.deterministic(0), _quiet():
        estimator = _estimator(settings, slots, covariates, 1, "")
        for state in states:
            network = estimator.create_lightning_module()
            network.load_state_dict(state)
            predictor = estimator.create_predictor(estimator.create_transformation(), network)
            predictors.append(predictor.to("cpu"))
    return FittedTide(until, settings, slots, scaling, list(states), predictors)


def _estimator(
    settings: TemporalSettings, slots: int, covariates: int, windows: int, folder: str
) -> Any:
    """GluonTS's estimator; checkpoints go to `folder`."""
    from gluonts.torch.model.tide import TiDEEstimator
    from gluonts.transform import ValidationSplitSampler
    from lightning.pytorch.callbacks import EarlyStopping

    from energy_assets.forecasting.members.johnson_su import JohnsonSUOutput

    return TiDEEstimator(
        freq=f"{1440 // slots}min",
        prediction_length=slots,
        context_length=CONTEXT_DAYS * slots,
        encoder_hidden_dim=settings.hidden,
        decoder_hidden_dim=settings.hidden,
        num_layers_encoder=settings.layers,
        num_layers_decoder=settings.layers,
        feat_proj_hidden_dim=4 * settings.feature_size,
        num_feat_dynamic_proj=settings.feature_size,
        decoder_output_dim=settings.decoder_size,
        temporal_hidden_dim=settings.temporal_hidden,
        distr_hidden_dim=settings.decoder_size,
        dropout_rate=settings.dropout,
        num_feat_dynamic_real=covariates,
        num_feat_static_cat=1,
        cardinality=[7],
        embedding_dimension=[4],
        layer_norm=True,
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        patience=2,
        scaling=settings.scaling,
        distr_output=JohnsonSUOutput(),
        batch_size=settings.batch_days,
        num_batches_per_epoch=-(-windows // settings.batch_days),
        train_sampler=ValidationSplitSampler(min_future=slots),
        trainer_kwargs={
            "max_epochs": settings.epochs,
            "gradient_clip_val": 1.0,
            "accelerator": "cpu",
            "devices": 1,
            "deterministic": True,
            "default_root_dir": folder,
            "logger": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "callbacks": [EarlyStopping("val_loss", patience=settings.patience)],
        },
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Neither Lightning nor GluonTS says anything below an error."""
    loggers = [logging.getLogger(name) for name in ("lightning", "lightning.pytorch", "gluonts")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
