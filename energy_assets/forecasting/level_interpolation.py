"""From quantiles at a few levels to the 99 percentiles.

Belongs here: interpolation between levels and the tails beyond them. Not here: how the levels were
forecast (`members.output_quantiles`), bounds of a target.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.quantile_regression import PERCENTILES


def percentiles_of(levels: Sequence[float], quantiles: FloatArray) -> FloatArray:
    """Percentiles 1 to 99, linear in the normal score of the level.

    Between two levels the distribution is a piece of a normal one; beyond the outer levels the
    outermost piece goes on. So it is exact for a normal distribution, whatever the levels, and
    monotone for any. Quantiles that cross are sorted first, which never increases the pinball loss
    (Chernozhukov, Fernandez-Val and Galichon 2010, Econometrica 78(3)).

    Args:
        levels: Rising probability levels, two or more, (L,).
        quantiles: (..., L).

    Returns:
        (..., 99), non-decreasing.

    Raises:
        InputError: Levels do not rise inside 0 to 1, or do not fit the quantiles.
    """
    from scipy.special import ndtri

    known = np.asarray(levels, dtype=float)
    rising = known.size > 1 and bool((np.diff(np.concatenate([[0.0], known, [1.0]])) > 0).all())
    if not rising:
        raise InputError("quantile levels", expected="two or more, rising in (0, 1)", found=levels)
    if quantiles.shape[-1] != known.size:
        where = "quantiles"
        raise InputError(where, expected=f"{known.size} levels", found=quantiles.shape[-1])
    ordered = np.sort(quantiles, axis=-1)
    score, wanted = ndtri(known), ndtri(PERCENTILES)
    left = np.clip(np.searchsorted(score, wanted, side="right") - 1, 0, known.size - 2)
    share = (wanted - score[left]) / (score[left + 1] - score[left])
    low, high = ordered[..., left], ordered[..., left + 1]
    # Rounding at the knots could leave a step back of one bit.
    result: FloatArray = np.maximum.accumulate(low + share * (high - low), axis=-1)
    return result
