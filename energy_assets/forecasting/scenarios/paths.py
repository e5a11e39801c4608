"""Joint paths of a day: marginal quantile forecasts tied together by the dependence of the past.

Belongs here: the one function that draws paths. Not here: its two steps (`dependence`,
`marginals`), reading past forecasts, the seed (callers derive and record it).
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.scenarios.dependence import gaussian_ranks, schaake_ranks
from energy_assets.forecasting.scenarios.marginals import invert

DEFAULT_SHRINKAGE = 0.1
Dependence = Literal["gaussian", "schaake"]


def joint_paths(
    past_ranks: FloatArray,
    quantiles: FloatArray,
    levels: FloatArray,
    count: int,
    seed: int,
    *,
    dependence: Dependence = "gaussian",
    shrinkage: float = DEFAULT_SHRINKAGE,
    lower: FloatArray | None = None,
    upper: FloatArray | None = None,
) -> FloatArray:
    """Draw joint paths whose marginals are the quantile forecasts.

    Args:
        past_ranks: PIT values of past days, (n, V), NaN where missing. With none at all the
            variables are independent.
        quantiles: Forecast of the day, (V, L), non-decreasing.
        levels: Rising probability levels, (L,).
        count: Number of paths S.
        seed: Seed of the generator; equal input and seed give equal paths.
        dependence: `gaussian` copula or `schaake` shuffle.
        shrinkage: Weight of the identity in the correlation of the Gaussian copula, 0 to 1; the
            Schaake shuffle has none.
        lower: Least possible value per variable, (V,), -inf where none.
        upper: Greatest possible value per variable, (V,), inf where none.

    Returns:
        Paths (S, V).

    Raises:
        InputError: Shapes do not fit, the shrinkage lies outside 0 to 1, or no such dependence.
    """
    variables = len(quantiles)
    if past_ranks.ndim != 2 or past_ranks.shape[1] != variables:
        raise InputError("past ranks", expected=f"{variables} columns", found=past_ranks.shape)
    if not 0.0 <= shrinkage <= 1.0:
        raise InputError("shrinkage", expected="0 to 1", found=shrinkage)
    generator = np.random.default_rng(seed)
    if dependence == "gaussian":
        ranks = gaussian_ranks(past_ranks, count, generator, shrinkage)
    elif dependence == "schaake":
        ranks = schaake_ranks(past_ranks, count, generator)
    else:
        expected = " or ".join(get_args(Dependence))
        raise InputError("dependence of scenarios", expected=expected, found=dependence)
    paths = np.empty((count, variables))
    for v in range(variables):
        paths[:, v] = invert(ranks[:, v], quantiles[v], levels)
    low = -np.inf if lower is None else lower
    high = np.inf if upper is None else upper
    bounded: FloatArray = np.clip(paths, low, high)
    return bounded
