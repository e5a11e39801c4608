"""tsfresh features of the past week as a block of columns for other members.

`WithSeriesFeatures(member)` is a member around a member: it gives the wrapped one a history with
more daily values, and changes nothing else. `lear_tsfresh_<days>` and `boosting_tsfresh_<days>` are
made so.

For each day the features describe the outcome and the drivers of the seven newest days whose
outcome is known (whole hours, days of many slots averaged to hours), so lags only. Which of them
are handed on is decided at every fit, on its training days only: tsfresh's test of each column
against the change of the day's mean outcome since a week before (Kendall's tau), with the false
discovery rate held at 5 % (Benjamini and Yekutieli 2001, Ann. Stat. 29(4); Christ et al. 2018,
Neurocomputing 307). A change since yesterday would select proxies of the weekday. The chosen names
are part of the fitted model.

Belongs here: calculators, selection, the wrapping. Not here: the members wrapped.
"""

from __future__ import annotations

import base64
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.members.base import (
    FittedMember,
    Member,
    MemberUnavailableError,
    windowed_name,
)
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.registry import member

if TYPE_CHECKING:
    import pandas as pd

PAST_DAYS = 7
FALSE_DISCOVERY_RATE = 0.05
# A linear member gains nothing from dozens of columns that all say "prices were high".
MOST_SELECTED = 20
_MINIMUM_DAYS = 56
# Members read the daily values of the day to forecast, at most of a fortnight.
_ROWS_SERVED = 15
# Calculators that cost microseconds; the names and parameters are tsfresh's.
CALCULATORS: dict[str, list[dict[str, Any]] | None] = {
    "mean": None,
    "median": None,
    "standard_deviation": None,
    "skewness": None,
    "kurtosis": None,
    "minimum": None,
    "maximum": None,
    "mean_abs_change": None,
    "mean_second_derivative_central": None,
    "count_above_mean": None,
    "longest_strike_above_mean": None,
    "longest_strike_below_mean": None,
    "first_location_of_maximum": None,
    "last_location_of_maximum": None,
    "first_location_of_minimum": None,
    "last_location_of_minimum": None,
    "quantile": [{"q": q} for q in (0.1, 0.25, 0.75, 0.9)],
    "ratio_beyond_r_sigma": [{"r": r} for r in (1, 2, 3)],
    "autocorrelation": [{"lag": lag} for lag in (1, 12, 24, 48)],
    "c3": [{"lag": lag} for lag in (1, 24)],
    "time_reversal_asymmetry_statistic": [{"lag": lag} for lag in (1, 24)],
    "cid_ce": [{"normalize": True}, {"normalize": False}],
    "number_peaks": [{"n": n} for n in (1, 6)],
    "linear_trend": [{"attr": attr} for attr in ("slope", "rvalue", "stderr")],
    "agg_linear_trend": [
        {"attr": "slope", "chunk_len": 24, "f_agg": how} for how in ("mean", "max", "min", "var")
    ],
    "energy_ratio_by_chunks": [{"num_segments": 7, "segment_focus": day} for day in range(7)],
    "fft_coefficient": [{"coeff": k, "attr": "abs"} for k in (1, 2, 3, 7, 14, 21)],
    "change_quantiles": [
        {"ql": low, "qh": high, "isabs": True, "f_agg": "mean"}
        for low, high in ((0.0, 0.2), (0.2, 0.8), (0.8, 1.0))
    ],
    "binned_entropy": [{"max_bins": 10}],
}


@dataclass(frozen=True)
class FittedWithSeriesFeatures:
    """A trained member and the columns it was given."""

    trained_until: date
    selected: tuple[str, ...]
    fitted: FittedMember

    def predict(self, history: TargetHistory) -> FloatArray:
        """Forecast of the wrapped member for the last day.

        Raises:
            MemberUnavailableError: As the wrapped member, or tsfresh is not installed.
        """
        return self.fitted.predict(_with_columns(history, self.selected, _ROWS_SERVED))

    def dump(self) -> bytes:
        """JSON of the names and the wrapped member's own bytes."""
        content = {
            "trained_until": self.trained_until.isoformat(),
            "selected": self.selected,
            "fitted": base64.b64encode(self.fitted.dump()).decode(),
        }
        return json.dumps(content).encode()


class WithSeriesFeatures:
    """A member with selected features of the past week among its daily values.

    Args:
        wrapped: The member; it must use daily values.
        name: Name of the result.
    """

    def __init__(self, wrapped: Member, name: str) -> None:
        self.wrapped = wrapped
        spec = wrapped.spec
        self.spec = replace(
            spec,
            name=name,
            minimum_days=max(spec.minimum_days, _MINIMUM_DAYS) + PAST_DAYS,
            # A process that fits for the first time describes every week of the window.
            cost_seconds=round(spec.cost_seconds + 0.25 + 0.017 * (spec.window_days or 1456), 2),
            extra="deep",
            settings={
                "wrapped": {"name": spec.name, **spec.settings},
                "calculators": CALCULATORS,
                "false_discovery_rate": FALSE_DISCOVERY_RATE,
                "most_selected": MOST_SELECTED,
            },
        )

    def fit(self, history: TargetHistory) -> FittedWithSeriesFeatures:
        """Select columns on the training days, then fit the wrapped member with them.

        Raises:
            MemberUnavailableError: Too little history, or tsfresh is not installed.
        """
        days = len(history.days) - 1
        window = min(self.spec.window_days or days, days)
        if window < _MINIMUM_DAYS:
            msg = f"expected {_MINIMUM_DAYS} days, found {window}"
            raise MemberUnavailableError(f"{self.spec.name} for {history.target}: {msg}")
        features = series_features(history, window + 1)
        # The last row is the day to forecast: it takes no part in the selection.
        selected = select_columns(features.iloc[:-1], _change(history)[-1 - window : -1])
        known = tuple(name for name in selected if np.isfinite(features[name].iloc[-1]))
        fitted = self.wrapped.fit(_joined(history, features, known))
        return FittedWithSeriesFeatures(fitted.trained_until, known, fitted)

    def load(self, content: bytes) -> FittedWithSeriesFeatures:
        """Read what `dump` wrote.

        Raises:
            MemberUnavailableError: It is no such model.
        """
        try:
            found = json.loads(content)
            fitted = self.wrapped.load(base64.b64decode(found["fitted"], validate=True))
            until = date.fromisoformat(found["trained_until"])
            return FittedWithSeriesFeatures(until, tuple(found["selected"]), fitted)
        except (ValueError, KeyError, TypeError) as error:
            msg = f"{self.spec.name}: expected a model of this member, found other bytes"
            raise MemberUnavailableError(msg) from error


def lear_tsfresh(window_days: int | None = None) -> WithSeriesFeatures:
    """Member `lear_tsfresh`: LEAR with the block."""
    return _wrapping("lear", window_days)


def boosting_tsfresh(window_days: int | None = None) -> WithSeriesFeatures:
    """Member `boosting_tsfresh`: gradient boosting with the block."""
    return _wrapping("boosting", window_days)


def series_features(history: TargetHistory, rows: int) -> pd.DataFrame:
    """Features of the last rows of a history, a column each; NaN where the past week has gaps.

    Raises:
        MemberUnavailableError: tsfresh is not installed.
    """
    import pandas as pd

    first = max(len(history.days) - rows, 0)
    kinds = {"outcome": history.outcome, **history.drivers}
    blocks = []
    for kind, values in kinds.items():
        past = [
            _past_week(values, row, history.outcome_lag) for row in range(first, len(history.days))
        ]
        block = pd.DataFrame(_described(past))
        blocks.append(block.add_prefix(f"{kind}__"))
    return pd.concat(blocks, axis=1)


def select_columns(features: pd.DataFrame, response: FloatArray) -> tuple[str, ...]:
    """Columns tsfresh finds relevant, the surest first, at most `MOST_SELECTED`.

    Args:
        features: A row per training day.
        response: What they should say something about, (rows,); rows with NaN are left out.
    """
    import pandas as pd

    known = np.isfinite(response) & features.notna().any(axis=1).to_numpy()
    columns = features.loc[known].dropna(axis=1)
    columns = columns.loc[:, np.ptp(columns.to_numpy(), axis=0) > 0]
    if columns.empty or len(columns) < _MINIMUM_DAYS // 2:
        return ()
    relevance = _tsfresh("feature_selection.relevance")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = relevance.calculate_relevance_table(
            columns,
            pd.Series(response[known], index=columns.index),
            ml_task="regression",
            n_jobs=0,
            fdr_level=FALSE_DISCOVERY_RATE,
        )
    relevant = table[table["relevant"]]
    # Ties of p-values fall to the name, so that the order of columns never matters.
    order = sorted(zip(relevant["p_value"], relevant["feature"], strict=True))
    return tuple(str(name) for _, name in order[:MOST_SELECTED])


_remembered: dict[bytes, dict[str, float]] = {}
_MOST_REMEMBERED = 20_000


def _described(past: Sequence[FloatArray | None]) -> list[dict[str, float]]:
    """Features of each series; none where it has gaps.

    A day's past week is the same for every later day that trains on it, so what this process
    described before is not described again.
    """
    keys = [None if series is None else series.tobytes() for series in past]
    if len(_remembered) > _MOST_REMEMBERED:
        _remembered.clear()
    new = {
        key: series
        for key, series in zip(keys, past, strict=True)
        if key is not None and series is not None and key not in _remembered
    }
    if new:
        _remembered.update(zip(new, _extracted(list(new.values())), strict=True))
    return [{} if key is None else _remembered[key] for key in keys]


def _extracted(series: Sequence[FloatArray]) -> list[dict[str, float]]:
    import pandas as pd

    length = PAST_DAYS * 24
    frame = pd.DataFrame(
        {"id": np.repeat(np.arange(len(series)), length), "value": np.concatenate(series)}
    )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = _tsfresh("feature_extraction").extract_features(
            frame,
            column_id="id",
            column_value="value",
            default_fc_parameters=CALCULATORS,
            n_jobs=0,
            disable_progressbar=True,
        )
    found.columns = [name.removeprefix("value__") for name in found.columns]
    found = found.sort_index(axis=0).sort_index(axis=1)
    return [
        dict(zip(found.columns, row, strict=True)) for row in found.to_numpy(dtype=float).tolist()
    ]


def _past_week(values: FloatArray, row: int, lag: int) -> FloatArray | None:
    """The seven days to the newest whose outcome a day's decision knows, by hour, (168,)."""
    last = row - lag + 1
    if last < PAST_DAYS:
        return None
    days = values[last - PAST_DAYS : last]
    series = days.reshape(PAST_DAYS * 24, -1).mean(axis=1)
    return series if np.isfinite(series).all() else None


def _change(history: TargetHistory) -> FloatArray:
    """Mean outcome of each day less that of the same day a week before, (N,)."""
    mean = history.outcome.mean(axis=1)
    week_before = np.concatenate([np.full(7, np.nan), mean])[: len(mean)]
    return np.asarray(mean - week_before)


def _with_columns(history: TargetHistory, names: Sequence[str], rows: int) -> TargetHistory:
    return _joined(history, series_features(history, rows), names) if names else history


def _joined(history: TargetHistory, features: pd.DataFrame, names: Sequence[str]) -> TargetHistory:
    """The history with columns as daily values; earlier days than the features have are NaN."""
    days = len(history.days)
    daily = dict(history.daily)
    for name in names:
        column = np.full(days, np.nan)
        if name in features:
            column[days - len(features) :] = features[name].to_numpy(dtype=float)
        daily[name] = column
    return replace(history, daily=daily)


def _wrapping(family: str, window_days: int | None) -> WithSeriesFeatures:
    wrapped = member(windowed_name(family, window_days))
    return WithSeriesFeatures(wrapped, windowed_name(f"{family}_tsfresh", window_days))


def _tsfresh(module: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return import_module(f"tsfresh.{module}")
    except ImportError as error:
        msg = "tsfresh features: tsfresh is not installed; install energy_assets[deep]"
        raise MemberUnavailableError(msg) from error
