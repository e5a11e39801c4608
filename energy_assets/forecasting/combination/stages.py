"""Distributions made from member forecasts: each stage is fitted on a window and serves days.

All stages work on standardised cells: members and outcome less a reference (the recent level, the
member mean or zero), divided by the local error scale. What they say is put back in the unit of the
target and clipped to its bounds.

- `historical_simulation`: empirical error quantiles of the member mean, slot by slot;
- `conformal`: the same with errors of both signs, so symmetric about the member mean (Kath and Ziel
  2021, Int. J. Forecast. 37(2));
- `qra`, `sign_constrained_qra`: quantile regression on the members, slots pooled
  (`quantile_regression`);
- `isotonic`: isotonic distributional regression of the standardised outcome on each standardised
  member, slot by slot, quantiles averaged over members (`isotonic`): steps of single members
  cancel, and members with a bias of their own are each put right;
  Beyond the outer deciles some fifty to two hundred days say little, so there the quantiles have
  the shape of the conformal ones, scaled to the width between the deciles;
- `isotonic_unscaled`: the same in the unit of the target. It pulls forecasts beyond all of the
  window back to what came true in the window, so it errs on another side than the others;
- `quantile_members`: the average of the members that forecast quantiles.

Belongs here: standardising, fits and quantiles of stages. Not here: weights of stages
(`aggregation`), coverage over time (`calibration`), which days (`daily`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TypeAlias

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting import quantile_regression
from energy_assets.forecasting.arrays import BoolArray, FloatArray
from energy_assets.forecasting.combination import error_scale, isotonic
from energy_assets.forecasting.combination.inputs import Cut, mean_known
from energy_assets.forecasting.combination.recipe import Recipe, StageName
from energy_assets.forecasting.quantile_regression import PERCENTILES

# Regression weights are solved here and interpolated on the normal scale between: a normal
# distribution is met exactly, and a fit takes a quarter of the time.
SOLVED_LEVELS: FloatArray = (
    np.array([1, 2, 3, 5, 7, 10, 15, 20, 25, 30, 37, 43, 50, 57, 63, 70, 75, 80, 85, 90, 93, 95])
    / 100.0
)
SOLVED_LEVELS = np.concatenate([SOLVED_LEVELS, [0.97, 0.98, 0.99]])
_LOW_DECILE, _HIGH_DECILE = 9, 89
_WIDEST_TAIL = 4.0
_NORMAL = NormalDist()
_SCORES = np.array([_NORMAL.inv_cdf(level) for level in PERCENTILES])
_SOLVED_SCORES = np.array([_NORMAL.inv_cdf(level) for level in SOLVED_LEVELS])


Regressions: TypeAlias = list[quantile_regression.QuantileCombination]
Isotonic: TypeAlias = list[list[isotonic.IsotonicDistribution]]


@dataclass(frozen=True)
class Cells:
    """Standardised members and outcome of the rows of a cut.

    Attributes:
        reference: What values are measured from, (R, S).
        scale: Expected size of an error, (R, S).
        members: (R, S, M).
        mean: Member mean, (R, S).
        outcome: (R, S).
        train: Cells to learn from, (R, S).
    """

    reference: FloatArray
    scale: FloatArray
    members: FloatArray
    mean: FloatArray
    outcome: FloatArray
    train: BoolArray


@dataclass(frozen=True)
class FittedStages:
    """Stages of one window.

    Attributes:
        recipe: What was asked for.
        scale_weights: Of the error-scale indicators, None without a local scale.
        errors: Per stage of error quantiles, (S, 99) in standard units, mean over windows.
        regressions: Per regression stage and window one combination per block of slots.
        isotonic: Per isotonic stage and window one distribution per member and slot.
        tails: Symmetric error quantiles, with outer deciles one apart, (S, 99).
    """

    recipe: Recipe
    scale_weights: FloatArray | None
    errors: dict[StageName, FloatArray]
    regressions: dict[StageName, list[Regressions]]
    isotonic: dict[StageName, list[Isotonic]]
    tails: FloatArray | None

    def serve(self, given: Cut) -> dict[str, FloatArray]:
        """Quantiles of the days a cut serves, {stage: (served, S, 99)}, non-decreasing."""
        cells = _cells(given, self.recipe, self.scale_weights)
        rows = slice(len(given.outcome) - given.served, None)
        mean, members = cells.mean[rows], cells.members[rows]
        result: dict[str, FloatArray] = {}
        for name in self.recipe.stages:
            if name in self.errors:
                result[name] = mean[..., None] + self.errors[name]
            elif name in self.regressions:
                fits = self.regressions[name]
                result[name] = _mean([_regressed(found, members) for found in fits])
            elif name == "isotonic":
                fitted = self.isotonic[name]
                values = _mean([_isotonic_quantiles(found, members) for found in fitted])
                result[name] = _with_tails(values, self.tails)
        reference, scale = cells.reference[rows, :, None], cells.scale[rows, :, None]
        result = {name: reference + scale * values for name, values in result.items()}
        if "isotonic_unscaled" in self.isotonic:
            fitted, points = self.isotonic["isotonic_unscaled"], given.points[rows]
            values = _mean([_isotonic_quantiles(found, points) for found in fitted])
            result["isotonic_unscaled"] = _with_tails(values, self.tails)
        if "quantile_members" in self.recipe.stages and given.distribution is not None:
            result["quantile_members"] = given.distribution[rows]
        low, high = given.bounds
        return {name: np.clip(values, low, high) for name, values in result.items()}


def fit(given: Cut, recipe: Recipe) -> FittedStages:
    """Fit the stages of a recipe on the training rows of a cut.

    Raises:
        InputError: A slot has no cell to learn from.
    """
    weights = _scale_weights(given, recipe)
    cells = _cells(given, recipe, weights)
    empty = np.flatnonzero(~cells.train.any(axis=0))
    if empty.size:
        where = "member forecasts"
        raise InputError(where, expected="past days in every slot", found=f"none in {empty[0]}")
    errors: dict[StageName, FloatArray] = {}
    regressions: dict[StageName, list[Regressions]] = {}
    isotonic_fits: dict[StageName, list[Isotonic]] = {}
    first = len(cells.train) - given.served
    windows = _windows(cells, recipe.windows_days, first)
    for name in recipe.stages:
        if name in ("historical_simulation", "conformal"):
            symmetric = name == "conformal"
            errors[name] = _mean([_error_quantiles(part, symmetric=symmetric) for part in windows])
        elif name in ("qra", "sign_constrained_qra"):
            constrained = name != "qra"
            regressions[name] = [
                _regress(part, recipe, nonnegative=constrained) for part in windows
            ]
        elif name in ("isotonic", "isotonic_unscaled"):
            measured = cells if name == "isotonic" else _unscaled(given)
            parts = _windows(measured, recipe.isotonic_windows, first)
            isotonic_fits[name] = [_isotonic_fits(part) for part in parts]
    tails = None
    if isotonic_fits:
        tails = _unit_width([_error_quantiles(part, symmetric=True) for part in windows])
    return FittedStages(recipe, weights, errors, regressions, isotonic_fits, tails)


def member_weights(fitted: FittedStages, names: tuple[str, ...]) -> dict[str, float]:
    """Weight of each member in the median of the first regression stage, mean over slot blocks."""
    for windows in fitted.regressions.values():
        weights = [found.weights[len(found.levels) // 2] for fits in windows for found in fits]
        middle = np.mean(weights, axis=0)
        if fitted.recipe.reference == "mean":
            # Deviations from the mean sum to zero, so only differences of weights mean anything.
            middle = middle - middle.mean() + 1 / len(middle)
        return dict(zip(names, middle.tolist(), strict=True))
    return {name: 1 / len(names) for name in names}


def _indicators(given: Cut) -> tuple[FloatArray, FloatArray, FloatArray]:
    mean = mean_known(given.points)
    spread = [np.sqrt(np.maximum(mean_known((given.points - mean[..., None]) ** 2), 0.0))]
    if given.distribution is not None:
        spread.append((given.distribution[..., 89] - given.distribution[..., 9]) / 2.563)
    signals, level = error_scale.indicators(
        mean, np.stack(spread, axis=-1), given.outcome, given.lag
    )
    return signals, level, mean


def _scale_weights(given: Cut, recipe: Recipe) -> FloatArray | None:
    if recipe.error_scale == "none":
        return None
    signals, _, mean = _indicators(given)
    train = given.train & np.isfinite(signals).all(axis=-1)
    train[: error_scale.WARM_UP_DAYS] = False
    return error_scale.scale_weights(signals, np.abs(given.outcome - mean), train)


def _cells(given: Cut, recipe: Recipe, weights: FloatArray | None) -> Cells:
    mean, train = mean_known(given.points), given.train
    scale, reference = np.ones(mean.shape), np.zeros(mean.shape)
    if weights is not None or recipe.reference == "level":
        signals, level, _ = _indicators(given)
        train = train & np.isfinite(signals).all(axis=-1)
        train[: error_scale.WARM_UP_DAYS] = False
        scale = scale if weights is None else error_scale.scale_of(signals, weights)
        reference = level if recipe.reference == "level" else reference
    if recipe.reference == "mean":
        reference = mean
    return Cells(
        reference,
        scale,
        (given.points - reference[..., None]) / scale[..., None],
        (mean - reference) / scale,
        (given.outcome - reference) / scale,
        train,
    )


def _unscaled(given: Cut) -> Cells:
    """Cells in the unit of the target."""
    return _cells(given, Recipe(error_scale="none", reference="zero"), None)


def _windows(cells: Cells, windows_days: tuple[int, ...], first: int) -> list[Cells]:
    """The cells with the training days of each window; a slot without any takes the longest."""
    parts = []
    for days in windows_days:
        train = cells.train.copy()
        train[: max(first - days, 0)] = False
        empty = ~train.any(axis=0)
        train[:, empty] = cells.train[:, empty]
        parts.append(replace(cells, train=train))
    return parts


def _mean(parts: list[FloatArray]) -> FloatArray:
    return quantile_regression.average_quantiles(*parts)


def _isotonic_fits(cells: Cells) -> Isotonic:
    return [
        [
            isotonic.fit(cells.members[used, s, m], cells.outcome[used, s])
            for s, used in enumerate(cells.train.T)
        ]
        for m in range(cells.members.shape[2])
    ]


def _isotonic_quantiles(fits: Isotonic, members: FloatArray) -> FloatArray:
    by_member = [
        np.stack([found.quantiles(members[:, s, m]) for s, found in enumerate(slots)], axis=1)
        for m, slots in enumerate(fits)
    ]
    return _mean(by_member)


def _unit_width(parts: list[FloatArray]) -> FloatArray:
    errors = _mean(parts)
    width = errors[:, _HIGH_DECILE] - errors[:, _LOW_DECILE]
    # Where most errors are zero (solar at dusk) a width says nothing about the tails.
    widths = errors / np.maximum(width, 1e-9)[:, None]
    result: FloatArray = np.clip(widths, -_WIDEST_TAIL, _WIDEST_TAIL)
    return result


def _with_tails(quantiles: FloatArray, tails: FloatArray | None) -> FloatArray:
    """Quantiles (n, S, 99) with the levels beyond the outer deciles replaced by tails (S, 99)."""
    if tails is None:
        return quantiles
    low, high = quantiles[..., _LOW_DECILE, None], quantiles[..., _HIGH_DECILE, None]
    width, result = high - low, quantiles.copy()
    below, above = slice(0, _LOW_DECILE), slice(_HIGH_DECILE + 1, None)
    result[..., below] = low + width * (tails[:, below] - tails[:, _LOW_DECILE, None])
    result[..., above] = high + width * (tails[:, above] - tails[:, _HIGH_DECILE, None])
    return result


def _error_quantiles(cells: Cells, *, symmetric: bool) -> FloatArray:
    errors = np.where(cells.train, cells.outcome - cells.mean, np.nan)
    if symmetric:
        errors = np.concatenate([errors, -errors])
    nothing = np.zeros(errors.shape[1])
    return quantile_regression.historical_simulation(errors, nothing)


def _regress(cells: Cells, recipe: Recipe, *, nonnegative: bool) -> Regressions:
    fits = []
    for slots in np.array_split(np.arange(cells.mean.shape[1]), recipe.slot_blocks):
        used = cells.train[:, slots]
        fits.append(
            quantile_regression.fit(
                cells.members[:, slots][used],
                cells.outcome[:, slots][used],
                SOLVED_LEVELS,
                nonnegative=nonnegative,
            )
        )
    return fits


def _regressed(fits: Regressions, members: FloatArray) -> FloatArray:
    blocks = []
    for found, part in zip(fits, np.array_split(members, len(fits), axis=1), strict=True):
        solved = np.broadcast_to(found.intercepts, (*part.shape[:2], len(SOLVED_LEVELS))).copy()
        # A sum member by member has the same bits whatever the number of days.
        for m in range(part.shape[2]):
            solved += part[..., m, None] * found.weights[:, m]
        blocks.append(_all_levels(solved))
    return np.sort(np.concatenate(blocks, axis=1), axis=-1)


def _all_levels(solved: FloatArray) -> FloatArray:
    """From the solved levels to 99, linear in the normal score of the level."""
    high = np.clip(np.searchsorted(_SOLVED_SCORES, _SCORES), 1, len(_SOLVED_SCORES) - 1)
    low = high - 1
    share = (_SCORES - _SOLVED_SCORES[low]) / (_SOLVED_SCORES[high] - _SOLVED_SCORES[low])
    result: FloatArray = solved[..., low] * (1 - share) + solved[..., high] * share
    return result
