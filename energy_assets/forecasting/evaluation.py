"""Scores of several models over the same days: what a benchmark prints and a report shows.

Belongs here: the forecasts of one target gathered by model, and the table of their scores. Not
here: formulas (`scoring`), making the forecasts (`benchmark`), charts (`reports.forecast_report`).

A model is scored on the cells it forecast and whose outcome is known; `missing_days` says how many
days it left out, since a model that skips the hard days looks good.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting import scoring
from energy_assets.forecasting.arrays import BoolArray, FloatArray
from energy_assets.forecasting.quantile_regression import PERCENTILES

Role = Literal["ensemble", "stage", "member", "benchmark"]
# Outcomes this many robust deviations above the median are spikes.
SPIKE_DEVIATIONS = 3.0
_NORMAL_IQR = 1.349


@dataclass(frozen=True)
class ModelForecast:
    """What one model said about every test day.

    Attributes:
        path: Median path, or the only path of a point model, (N, S); NaN where there is none.
        quantiles: The 99 percentiles, (N, S, 99), None for a point model.
        mean: Mean path, (N, S), which squared errors are taken of; the mean of the quantiles, or
            `path`, if None.
        role: `ensemble` for the final forecast, `stage` for a step on the way there, `member`, or
            `benchmark` for anything that is only compared with (naive, published).
        seconds: CPU seconds per day, None where not measured.
    """

    path: FloatArray
    quantiles: FloatArray | None = None
    mean: FloatArray | None = None
    role: Role = "member"
    seconds: float | None = None

    @property
    def expected(self) -> FloatArray:
        """Mean path, (N, S)."""
        if self.mean is not None:
            return self.mean
        if self.quantiles is None:
            return self.path
        mean: FloatArray = self.quantiles.mean(axis=2)
        return mean


@dataclass(frozen=True)
class AblationRow:
    """What the forecast loses (or gains) by one change.

    Attributes:
        change: In words, as `without boosting_364`; the first row is the whole forecast.
        validation: Score by its name (`mae`, `pinball99`) on the validation days.
        test: The same on the test days.
    """

    change: str
    validation: Mapping[str, float]
    test: Mapping[str, float]


@dataclass(frozen=True)
class ForecastEvaluation:
    """All forecasts of one target over a test period.

    Attributes:
        target: What is forecast, in words.
        unit: Its unit, as `EUR/MWh`.
        days: Test days, consecutive, (N,).
        outcome: What came true, (N, S); NaN where unknown.
        models: Forecasts by model name.
        main: The model the report is about.
        ablation: Each member's and stage's worth, the whole forecast first.
        seconds: CPU seconds by step.
        command: How to run it again.
        facts: Further labels and values of the record (seeds, data, versions).

    Raises:
        InputError: Shapes do not fit, or `main` is no model.
    """

    target: str
    unit: str
    days: Sequence[date]
    outcome: FloatArray
    models: Mapping[str, ModelForecast]
    main: str = "ensemble"
    ablation: Sequence[AblationRow] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    command: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require_shapes(self.models, self.outcome, self.days)
        _require_model(self.main, self.models)

    @property
    def probabilistic(self) -> dict[str, FloatArray]:
        """Quantiles (N, S, 99) of the models that have them, the main one first."""
        found = {
            name: model.quantiles
            for name, model in self.models.items()
            if model.quantiles is not None
        }
        return dict(sorted(found.items(), key=lambda item: item[0] != self.main))


@dataclass(frozen=True)
class ModelScores:
    """Scores of one model over the test days; None where a point model has none.

    Interval scores are by nominal coverage in percent, "50" to "98".

    Attributes:
        mae: Of the median path, as are both relative ones.
        rmse: Of the mean path.
        rmae_weekly: MAE over that of the weekly naive forecast.
        rmae_std: MAE over that of the weekend-aware naive forecast.
        pinball99: Mean pinball loss over 99 percentiles.
        crps: On its true scale, twice `pinball99`.
        coverage: Observed share within each interval.
        width: Mean width of each interval.
        winkler: Interval score.
        kupiec_hours: Periods of the day whose coverage passes at 5 %.
        independence_hours: Periods whose misses do not cluster, Christoffersen's first test.
        christoffersen_hours: Periods that pass both at once, his test of conditional coverage.
        dm_p: Diebold-Mariano p-value on the daily absolute error, small where the main model is
            better; None for the main model itself.
        gw_p: The same, Giacomini-White.
        dm_pinball_p: Diebold-Mariano p-value on the daily pinball loss.
        dm_hours: Periods of the day in which the main model is better at 5 %.
        missing_days: Days with outcomes that the model did not forecast whole.
    """

    mae: float
    rmse: float
    rmae_weekly: float
    rmae_std: float
    pinball99: float | None
    crps: float | None
    coverage: dict[str, float] | None
    width: dict[str, float] | None
    winkler: dict[str, float] | None
    kupiec_hours: dict[str, int] | None
    independence_hours: dict[str, int] | None
    christoffersen_hours: dict[str, int] | None
    dm_p: float | None
    gw_p: float | None
    dm_pinball_p: float | None
    dm_hours: int | None
    missing_days: int

    def document(self) -> dict[str, Any]:
        """Keys and values for JSON; a score that these days do not define is null."""
        return {name: _null_nan(value) for name, value in asdict(self).items()}


def evaluate(
    models: Mapping[str, ModelForecast],
    outcome: FloatArray,
    days: Sequence[date],
    main: str = "ensemble",
) -> dict[str, ModelScores]:
    """Score every model over the same days.

    Args:
        models: Forecasts by model name.
        outcome: (N, S), NaN where unknown.
        days: Consecutive test days, (N,).
        main: The model the others are tested against.

    Raises:
        InputError: Shapes do not fit, or `main` is no model.
    """
    _require_shapes(models, outcome, days)
    _require_model(main, models)
    weekday = np.array([day.weekday() for day in days])
    scores = {}
    for name, model in models.items():
        rival = None if name == main else models[main]
        scores[name] = ModelScores(
            mae=scoring.mae(model.path, outcome),
            rmse=scoring.rmse(model.expected, outcome),
            rmae_weekly=scoring.rmae_weekly(model.path, outcome),
            rmae_std=scoring.rmae_std(model.path, outcome, weekday),
            **_quantile_scores(model.quantiles, outcome),
            **_against(model, rival, outcome),
            missing_days=_missing_days(model, outcome),
        )
    return scores


def path_losses(evaluation: ForecastEvaluation, norm: int = 1) -> dict[str, FloatArray]:
    """Daily loss of every model's path, (N,) each, for `scoring.p_value_matrix`."""
    return {
        name: scoring.daily_loss(
            model.path if norm == 1 else model.expected, evaluation.outcome, norm
        )
        for name, model in evaluation.models.items()
    }


def pinball_losses(evaluation: ForecastEvaluation) -> dict[str, FloatArray]:
    """Daily pinball loss of every probabilistic model, (N,) each."""
    return {
        name: scoring.daily_mean(scoring.pinball_cells(quantiles, evaluation.outcome, PERCENTILES))
        for name, quantiles in evaluation.probabilistic.items()
    }


def regimes(outcome: FloatArray) -> dict[str, BoolArray]:
    """Cells by kind of outcome, each (N, S): spikes, negative values and the rest.

    A spike lies more than three robust deviations (interquartile range / 1.349) above the median of
    the outcomes given. Kinds that do not occur are left out.
    """
    known = outcome[np.isfinite(outcome)]
    if not known.size:
        return {}
    low, median, high = np.quantile(known, [0.25, 0.5, 0.75])
    threshold = median + SPIKE_DEVIATIONS * (high - low) / _NORMAL_IQR
    spike, negative = outcome > max(threshold, 0.0), outcome < 0.0
    kinds = {
        f"above {threshold:.0f}": spike,
        "below 0": negative,
        "the rest": np.isfinite(outcome) & ~spike & ~negative,
    }
    return {name: cells for name, cells in kinds.items() if cells.any()}


def _quantile_scores(quantiles: FloatArray | None, outcome: FloatArray) -> dict[str, Any]:
    if quantiles is None:
        names = ("pinball99", "crps", "coverage", "width", "winkler")
        tests = ("kupiec_hours", "independence_hours", "christoffersen_hours")
        return dict.fromkeys((*names, *tests))
    hits = {c: scoring.inside(quantiles, outcome, PERCENTILES, c) for c in scoring.COVERAGES}

    def hours(test: Callable[[FloatArray, float], FloatArray]) -> dict[str, int]:
        return {_percent(c): scoring.hours_passing(test(hit, c)) for c, hit in hits.items()}

    return {
        "pinball99": scoring.pinball99(quantiles, outcome),
        "crps": scoring.crps(quantiles, outcome),
        "coverage": _named(scoring.interval_coverage(quantiles, outcome, PERCENTILES)),
        "width": _named(scoring.interval_width(quantiles, PERCENTILES)),
        "winkler": _named(scoring.interval_score(quantiles, outcome, PERCENTILES)),
        "kupiec_hours": hours(scoring.kupiec),
        "independence_hours": hours(lambda hit, _: scoring.christoffersen_independence(hit)),
        "christoffersen_hours": hours(scoring.christoffersen),
    }


def _against(
    model: ModelForecast, rival: ModelForecast | None, outcome: FloatArray
) -> dict[str, Any]:
    """p-values of the rival being better than the model."""
    if rival is None:
        return dict.fromkeys(("dm_p", "gw_p", "dm_pinball_p", "dm_hours"))
    cells = [np.abs(outcome - each.path) for each in (model, rival)]
    daily = [scoring.daily_mean(each) for each in cells]
    pinball = None
    if model.quantiles is not None and rival.quantiles is not None:
        losses = (
            scoring.daily_mean(scoring.pinball_cells(quantiles, outcome, PERCENTILES))
            for quantiles in (model.quantiles, rival.quantiles)
        )
        pinball = float(scoring.diebold_mariano(*losses))
    return {
        "dm_p": float(scoring.diebold_mariano(*daily)),
        "gw_p": float(scoring.giacomini_white(*daily)),
        "dm_pinball_p": pinball,
        "dm_hours": int((scoring.diebold_mariano(*cells) < 0.05).sum()),
    }


def _missing_days(model: ModelForecast, outcome: FloatArray) -> int:
    unknown = ~np.isfinite(model.path)
    if model.quantiles is not None:
        unknown |= ~np.isfinite(model.quantiles).all(axis=2)
    return int((unknown & np.isfinite(outcome)).any(axis=1).sum())


def _require_shapes(
    models: Mapping[str, ModelForecast], outcome: FloatArray, days: Sequence[date]
) -> None:
    if outcome.ndim != 2 or len(outcome) != len(days):
        expected = f"{len(days)} days by periods"
        raise InputError("outcome to score", expected=expected, found=outcome.shape)
    if any((after - before).days != 1 for before, after in pairwise(days)):
        raise InputError("days to score", expected="consecutive days", found="gaps")
    for name, model in models.items():
        shapes = {"path": outcome.shape, "mean": outcome.shape}
        shapes["quantiles"] = (*outcome.shape, len(PERCENTILES))
        for attribute, shape in shapes.items():
            values = getattr(model, attribute)
            if values is not None and values.shape != shape:
                where = f"{attribute} of {name}"
                raise InputError(where, expected=str(shape), found=values.shape)


def _require_model(main: str, models: Mapping[str, ModelForecast]) -> None:
    if main not in models:
        expected = f"one of {', '.join(models) or 'no models'}"
        raise InputError("main model", expected=expected, found=main)


def _named(by_coverage: Mapping[float, float]) -> dict[str, float]:
    return {_percent(coverage): value for coverage, value in by_coverage.items()}


def _percent(coverage: float) -> str:
    return str(round(100 * coverage))


def _null_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _null_nan(each) for name, each in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
