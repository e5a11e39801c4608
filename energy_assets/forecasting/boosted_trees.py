"""Gradient boosted trees, fitted the same way everywhere: one thread, seeded, reproducible.

Belongs here: LightGBM behind two functions and its text form. Not here: features and targets
(`members.boosting` and others).

LightGBM (Ke et al. 2017, NIPS 30). `deterministic` and `force_col_wise` make a fit depend on its
data and settings only; the library's text form is its stable, pickle-free format.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from energy_assets.forecasting.arrays import FloatArray

if TYPE_CHECKING:
    import lightgbm


@dataclass(frozen=True)
class TreeSettings:
    """How a boosted ensemble is grown; the names are LightGBM's."""

    trees: int = 300
    learning_rate: float = 0.05
    num_leaves: int = 31
    min_data_in_leaf: int = 20
    feature_fraction: float = 1.0
    bagging_fraction: float = 1.0
    lambda_l2: float = 0.0
    max_bin: int = 255


def fit_trees(
    features: FloatArray,
    outcome: FloatArray,
    settings: TreeSettings,
    *,
    level: float | None = None,
    weights: FloatArray | None = None,
    categorical: Sequence[int] = (),
    seed: int = 0,
) -> lightgbm.Booster:
    """Fit one ensemble.

    Args:
        features: (n, F), NaN allowed.
        outcome: (n,).
        settings: How it is grown.
        level: Quantile level; None fits the median by absolute error.
        weights: Of the rows, (n,).
        categorical: Columns that hold categories.
        seed: Seed of bagging and feature draws.
    """
    import lightgbm

    parameters = _parameters(settings, "l1" if level is None else "quantile", seed)
    if level is not None:
        parameters["alpha"] = level
    data = lightgbm.Dataset(
        features, outcome, weight=weights, categorical_feature=list(categorical), free_raw_data=True
    )
    return lightgbm.train(parameters, data, num_boost_round=settings.trees)


def fit_quantile_trees(
    features: FloatArray,
    outcome: FloatArray,
    settings: TreeSettings,
    levels: Sequence[float],
    *,
    seed: int = 0,
) -> list[lightgbm.Booster]:
    """Fit one ensemble per quantile level; the features are binned once.

    Args:
        features: (n, F), NaN allowed.
        outcome: (n,).
        settings: How each is grown.
        levels: Quantile levels.
        seed: Seed of bagging and feature draws, the same for every level.
    """
    import lightgbm

    parameters = _parameters(settings, "quantile", seed)
    # Data set parameters must not change between the fits that share it.
    data = lightgbm.Dataset(features, outcome, params=parameters, free_raw_data=False)
    return [
        lightgbm.train(parameters | {"alpha": level}, data, num_boost_round=settings.trees)
        for level in levels
    ]


def trees_from_text(text: str) -> lightgbm.Booster:
    """An ensemble from its text form (`Booster.model_to_string`)."""
    import lightgbm

    return lightgbm.Booster(model_str=text)


def _parameters(settings: TreeSettings, objective: str, seed: int) -> dict[str, object]:
    parameters = asdict(settings)
    del parameters["trees"]
    return parameters | {
        "objective": objective,
        "bagging_freq": 1 if settings.bagging_fraction < 1 else 0,
        "num_threads": 1,
        "deterministic": True,
        "force_col_wise": True,
        "seed": seed % 2**31,
        "verbosity": -1,
    }
