"""ARIMA with regressors: orders found once, parameters kept as numbers, newer data filtered.

Belongs here: one series behind `fit` and `forecast`, by statsforecast. Not here: which series and
regressors (`members.auto_arima`, `members.mstl`).

The order search is Hyndman and Khandakar's (2008, J. Stat. Softw. 27(3)): stepwise, by AICc, under
conditional sums of squares, then one exact fit. It is always stepwise: statsforecast drops the
regressors from the search over the whole grid without a word (its issue 740). A season of 24 hours
makes the state too long to be of use (its issue 444), so callers bring daily series of one slot,
season 7, or a series without season. There is no drift: it would tie a model to the start of its
window.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting.arrays import BoolArray, FloatArray

# A column is taken for a combination of those before it below this share of its own length.
_DEPENDENT = 1e-6


@dataclass(frozen=True)
class ArimaSettings:
    """Bounds of the order search."""

    max_ar: int = 1
    max_ma: int = 1
    max_seasonal_ar: int = 1
    max_seasonal_ma: int = 1
    max_differences: int = 0


@dataclass(frozen=True)
class Arima:
    """A fitted model as plain numbers.

    Attributes:
        order: (p, d, q).
        seasonal: (P, D, Q); zeros for a series without season.
        period: Steps of a season, 1 for none.
        has_mean: Whether a mean is among the coefficients.
        coefficients: AR, MA, seasonal AR, seasonal MA, mean if any, regressors.
        used: Which of the regressors given have a coefficient, (K,).
    """

    order: tuple[int, int, int]
    seasonal: tuple[int, int, int]
    period: int
    has_mean: bool
    coefficients: tuple[float, ...]
    used: tuple[bool, ...]


def fit(series: FloatArray, regressors: FloatArray, period: int, settings: ArimaSettings) -> Arima:
    """Search the orders and estimate the parameters.

    Args:
        series: (n,), oldest first, without gaps.
        regressors: (n, K), without gaps; columns that are constant or depend linearly on those
            before them are left out.
        period: Steps of a season, 1 for none.
        settings: Bounds of the search.

    Raises:
        InputError: The series is too short, or no model can be estimated.
    """
    if not len(series):
        raise InputError("ARIMA series", expected="values", found="none")
    library: Any = import_module("statsforecast.arima")
    used = independent_columns(regressors)
    with _quiet():
        try:
            found = library.auto_arima_f(
                series,
                period=period,
                seasonal=period > 1,
                max_p=settings.max_ar,
                max_q=settings.max_ma,
                start_p=min(settings.max_ar, 1),
                start_q=min(settings.max_ma, 1),
                max_P=settings.max_seasonal_ar,
                max_Q=settings.max_seasonal_ma,
                max_d=settings.max_differences,
                max_D=0,
                stepwise=True,
                approximation=True,
                allowdrift=False,
                xreg=np.ascontiguousarray(regressors[:, used]) if used.any() else None,
            )
        except (ValueError, TypeError, IndexError, np.linalg.LinAlgError) as error:
            expected = "a series an ARIMA model can be estimated on"
            raise InputError("ARIMA series", expected=expected, found=str(error)) from error
    p, q, seasonal_p, seasonal_q, _, d, seasonal_d = (int(value) for value in found["arma"])
    names = list(found["coef"])
    coefficients = tuple(float(value) for value in found["coef"].values())
    has_regressors = any(name.startswith("ex_") for name in names)
    return Arima(
        (p, d, q),
        (seasonal_p, seasonal_d, seasonal_q),
        period,
        "intercept" in names,
        coefficients,
        # A constant series is fitted by its mean alone.
        tuple(bool(one) and has_regressors for one in used),
    )


def forecast(
    model: Arima, series: FloatArray, regressors: FloatArray, ahead: FloatArray
) -> FloatArray:
    """Filter a series with known parameters and forecast what follows it.

    Args:
        model: The model; nothing is estimated anew.
        series: (n,), oldest first, without gaps; it may end later than the one fitted on.
        regressors: (n, K).
        ahead: Regressors of the steps to forecast, (h, K).

    Returns:
        Conditional mean, (h,).

    Raises:
        InputError: The series is too short to filter.
    """
    library: Any = import_module("statsforecast.arima")
    used = np.array(model.used, dtype=bool)
    columns, future = (
        np.ascontiguousarray(values[:, used]) if used.any() else None
        for values in (regressors, ahead)
    )
    with _quiet():
        try:
            state: dict[str, Any] = library.Arima(
                series,
                order=model.order,
                seasonal={"order": model.seasonal, "period": model.period},
                xreg=columns,
                include_mean=model.has_mean,
                # Conditional sums of squares would leave the state at its start.
                method="ML",
                fixed=np.array(model.coefficients),
            )
        except (ValueError, IndexError, np.linalg.LinAlgError) as error:
            expected = "a series long enough to filter"
            raise InputError("ARIMA series", expected=expected, found=str(error)) from error
        result, _ = library.predict_arima(state, len(ahead), newxreg=future)
    return np.asarray(result, dtype=float)


def independent_columns(values: FloatArray) -> BoolArray:
    """Columns that add something to a constant and the columns before them, (K,)."""
    centred = values - values.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    varies = length > 1e-9 * (1.0 + np.abs(values).max(axis=0, initial=0.0))
    kept = np.flatnonzero(varies)[: max(len(values) - 2, 0)]
    triangle = np.linalg.qr(centred[:, kept] / length[kept], mode="r")
    result = np.zeros(values.shape[1], dtype=bool)
    result[kept] = np.abs(np.diag(triangle)) > _DEPENDENT
    return result


@contextmanager
def _quiet() -> Iterator[None]:
    # Candidates of the search that do not converge warn; the search leaves them out.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
