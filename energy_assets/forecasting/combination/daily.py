"""From member forecasts to the quantiles of a day: what the daily run calls.

For the day to forecast the stages are fitted on the window before it. Weights of stages and shifts
of quantiles are learnt from past days, on which stage quantiles must be out of sample: those days
are cut into blocks on a fixed calendar (weeks from Monday), each served by one fit on the window
before the block. A block depends on its own days only, so it can be kept between days
(`BlockCache`), and a range of days costs one fit per block and one per day.

The result depends on the last `recipe.days_before` days of the input only: any order, range or
process gives the same bits.

Belongs here: `combine` and walks over many days. Not here: the steps (their own modules), reading
and storing forecasts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting import scenarios
from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.combination import stages as stage_fits
from energy_assets.forecasting.combination.aggregation import BernsteinAggregation
from energy_assets.forecasting.combination.calibration import CoverageTracking, spread_of
from energy_assets.forecasting.combination.inputs import Cut, MemberForecasts, cut, usable_members
from energy_assets.forecasting.combination.recipe import DEFAULT, Recipe
from energy_assets.forecasting.members.serving import anchor_of
from energy_assets.forecasting.quantile_regression import PERCENTILES

# Below the first number nothing is said; below the second, error quantiles of the mean only.
MINIMUM_DAYS, DAYS_FOR_STAGES = 28, 56
_FITS_KEPT = 4
Progress = Callable[[str, int, int], None]
StageQuantiles = dict[str, FloatArray]


@dataclass(frozen=True)
class Combined:
    """Quantiles of a day and how they came about.

    Attributes:
        quantiles: (S, 99), non-decreasing, within bounds.
        ranks: Rank of past outcomes in their out-of-sample combined quantiles, one row for each day
            before (n, S); NaN where there were none. Input of joint scenarios.
        stages: Quantiles of each stage, and of `combined` before calibration, each (S, 99).
        stage_weights: Weight of each stage, (S, 99).
        shifts: What calibration added, in units of the forecast's spread, (S, 99).
        member_weights: Weight of each member in the regression's median.
        used: Members combined.
        left_out: Members not combined, with the reason.
        recipe: The recipe used; fewer stages than asked for where there was little history.
    """

    quantiles: FloatArray
    ranks: FloatArray
    stages: StageQuantiles
    stage_weights: StageQuantiles
    shifts: FloatArray
    member_weights: dict[str, float]
    used: tuple[str, ...]
    left_out: dict[str, str]
    recipe: Recipe


class BlockCache:
    """Stage quantiles of past blocks, kept in memory; keys are digests of all that matters.

    Fits are large and needed only while their block grows, so the newest few are kept.
    """

    def __init__(self) -> None:
        self._served: dict[tuple[Recipe, bytes, bytes], StageQuantiles] = {}
        self._fits: OrderedDict[tuple[Recipe, bytes], stage_fits.FittedStages] = OrderedDict()

    def serve(self, given: Cut, recipe: Recipe) -> StageQuantiles:
        """Stage quantiles of the rows a cut serves, fitted now if need be."""
        fit_key, serve_key = given.keys()
        key = (recipe, fit_key, serve_key)
        if key not in self._served:
            self._served[key] = self._fit(given, recipe, fit_key).serve(given)
        return self._served[key]

    def _fit(self, given: Cut, recipe: Recipe, key: bytes) -> stage_fits.FittedStages:
        if (recipe, key) not in self._fits:
            self._fits[recipe, key] = stage_fits.fit(given, recipe)
            if len(self._fits) > _FITS_KEPT:
                self._fits.popitem(last=False)
        return self._fits[recipe, key]


def combine(
    past: MemberForecasts, recipe: Recipe = DEFAULT, cache: BlockCache | None = None
) -> Combined:
    """Combine and calibrate the members' forecasts of the last day.

    Args:
        past: Member forecasts and outcomes; days before the last `recipe.days_before` are ignored.
        recipe: What to do.
        cache: Blocks kept from other days; it saves time and changes nothing.

    Raises:
        InputError: Fewer than 28 known days, or no member for the day.
    """
    rows = len(past.days)
    past = past.until(rows - 1, recipe.days_before)
    names, left_out = usable_members(past, recipe.window_days)
    today = cut(past, names, len(past.days) - 1, recipe.window_days, 1)
    known = int(today.train.any(axis=1).sum())
    if known < MINIMUM_DAYS:
        where = f"member forecasts for {past.days[-1]}"
        raise InputError(where, expected=f"{MINIMUM_DAYS} past days with outcomes", found=known)
    recipe = _supported(recipe, known, today)
    fitted = stage_fits.fit(today, recipe)
    now = {name: values[0] for name, values in fitted.serve(today).items()}
    folded = _fold(past, names, recipe, cache or BlockCache())
    learner = _Learner(recipe, tuple(now), past)
    ranks = learner.walk(folded) if folded else _ranks_in_sample(today)
    combined, quantiles = learner.forecast(now)
    return Combined(
        quantiles,
        np.concatenate([np.full((max(rows - len(past.days), 0), ranks.shape[1]), np.nan), ranks]),
        now | {"combined": combined},
        learner.weights(),
        learner.tracking.shifts.copy(),
        stage_fits.member_weights(fitted, today.names),
        today.names,
        left_out,
        recipe,
    )


def walk_forward_combination(
    forecasts: MemberForecasts,
    recipe: Recipe,
    first: date,
    last: date,
    progress: Progress | None = None,
    cache: BlockCache | None = None,
) -> tuple[FloatArray, StageQuantiles]:
    """Combine every day from first to last as if decided then.

    Args:
        forecasts: Out-of-sample member forecasts, `recipe.days_before` days before the first on.
        recipe: What to do.
        first: First day to forecast.
        last: Last day to forecast.
        progress: Called with a name, days done and days in all.
        cache: Blocks kept from another walk.

    Returns:
        Quantiles (days, S, 99) and those of each stage and of `combined` before calibration. A
        stage or a day that could not be had is NaN.
    """
    cache = cache or BlockCache()
    start = forecasts.days[0]
    rows = range((first - start).days, (last - start).days + 1)
    shape = (len(rows), forecasts.outcome.shape[1], len(PERCENTILES))
    quantiles = np.full(shape, np.nan)
    by_stage: StageQuantiles = {}
    for number, row in enumerate(rows):
        try:
            found = combine(forecasts.until(row, recipe.days_before), recipe, cache)
        except InputError:
            continue
        finally:
            if progress:
                progress("combination", number + 1, len(rows))
        quantiles[number] = found.quantiles
        for name, values in found.stages.items():
            by_stage.setdefault(name, np.full(shape, np.nan))[number] = values
    return quantiles, by_stage


class _Learner:
    """Weights and shifts as they stand after each day of the fold."""

    def __init__(self, recipe: Recipe, names: tuple[str, ...], past: MemberForecasts) -> None:
        slots = past.outcome.shape[1]
        per_hour = slots / 24
        self._names, self._past, self._recipe = names, past, recipe
        self._aggregation = BernsteinAggregation(
            (slots, len(PERCENTILES), len(names)),
            recipe.aggregation_slots * per_hour,
            recipe.aggregation_levels,
            recipe.aggregation_half_life,
        )
        self.tracking = CoverageTracking(
            slots,
            recipe.calibration_rate if recipe.calibration != "none" else 0.0,
            recipe.calibration_half_life,
            recipe.calibration_slots * per_hour,
            width_only=recipe.calibration == "width",
        )

    def forecast(self, values: StageQuantiles) -> tuple[FloatArray, FloatArray]:
        """Combined quantiles before and after calibration, each (S, 99)."""
        combined = self._aggregation.combine(self._stack(values))
        return combined, self.tracking.apply(combined, self._past.bounds)

    def walk(self, folded: dict[int, StageQuantiles]) -> FloatArray:
        """Forecast past days in order, each with what its decision knew, and learn from them.

        Returns:
            Ranks of the outcomes in those forecasts, one row per day before the last, (n, S).
        """
        outcome, lag = self._past.outcome, self._past.outcome_lag
        ranks = np.full(outcome[:-1].shape, np.nan)
        waiting: dict[int, FloatArray] = {}
        for row, values in sorted(folded.items()):
            for known in [known for known in waiting if known <= row - lag]:
                self._learn(folded[known], waiting.pop(known), outcome[known])
            waiting[row] = self.forecast(values)[1]
            ranks[row] = scenarios.pit(waiting[row][None], outcome[row][None], PERCENTILES)[0]
        for known, calibrated in waiting.items():
            self._learn(folded[known], calibrated, outcome[known])
        return ranks

    def _learn(self, values: StageQuantiles, calibrated: FloatArray, outcome: FloatArray) -> None:
        if self._recipe.aggregation == "bernstein" and len(self._names) > 1:
            stacked = self._stack(values)
            unit = spread_of(self._aggregation.combine(stacked))
            self._aggregation.learn(stacked, outcome, unit)
        self.tracking.learn(calibrated, outcome)

    def weights(self) -> StageQuantiles:
        """Weights of the stages, each (S, 99)."""
        return {
            name: self._aggregation.weights[..., k].copy() for k, name in enumerate(self._names)
        }

    def _stack(self, values: StageQuantiles) -> FloatArray:
        return np.stack([values[name] for name in self._names], axis=-1)


def _fold(
    past: MemberForecasts, names: list[str], recipe: Recipe, cache: BlockCache
) -> dict[int, StageQuantiles]:
    """Out-of-sample stage quantiles of past days by row, whole where every stage has them."""
    found: dict[int, StageQuantiles] = {}
    if not recipe.fold_days or recipe.stages == ("historical_simulation",):
        return found
    last = len(past.days) - 1
    anchor = last - (past.days[-1] - anchor_of(past.days[-2], recipe.block_days)).days
    for first in range(anchor, max(last - recipe.fold_days, 0) - 1, -recipe.block_days):
        given = cut(past, names, first, recipe.window_days, recipe.block_days)
        if given.train.any(axis=1).sum() < DAYS_FOR_STAGES or not given.names:
            break
        served = cache.serve(given, recipe)
        if set(served) != set(recipe.stages):
            break
        for offset in range(min(recipe.block_days, last - first)):
            values = {name: quantiles[offset] for name, quantiles in served.items()}
            if all(np.isfinite(quantiles).all() for quantiles in values.values()):
                found[first + offset] = values
    return found


def _supported(recipe: Recipe, known: int, today: Cut) -> Recipe:
    """The recipe as far as history and members carry it."""
    if known < DAYS_FOR_STAGES:
        return replace(
            recipe,
            stages=("historical_simulation",),
            error_scale="none",
            reference="zero",
            aggregation="average",
            calibration="none",
        )
    if "quantile_members" in recipe.stages and today.distribution is None:
        kept = tuple(name for name in recipe.stages if name != "quantile_members")
        return replace(recipe, stages=kept or ("qra",))
    return recipe


def _ranks_in_sample(today: Cut) -> FloatArray:
    """Ranks of past errors of the member mean among themselves, for want of past quantiles."""
    errors = np.where(today.train, today.outcome - today.points.mean(axis=-1), np.nan)[:-1]
    order = np.argsort(np.argsort(errors, axis=0, kind="stable"), axis=0, kind="stable")
    count = np.isfinite(errors).sum(axis=0)
    result: FloatArray = np.where(np.isfinite(errors), (order + 0.5) / np.maximum(count, 1), np.nan)
    return result
