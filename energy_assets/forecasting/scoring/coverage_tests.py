"""Likelihood-ratio tests of interval coverage: Kupiec and Christoffersen, hour by hour.

An interval that covers 90 % of all outcomes may still cover 99 % by night and 80 % at noon, or
miss in clusters. So each hour of the day is a series of its own, one hit or miss a day, and the
count of hours that pass at 5 % is reported, as in the electricity price literature (Nowotarski and
Weron 2018, Renew. Sustain. Energy Rev. 81, section 4).

Belongs here: tests of hit series. Not here: how hits are found (`quantile.inside`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting.arrays import FloatArray

SIGNIFICANCE = 0.05


def kupiec(hits: FloatArray, coverage: float) -> FloatArray:
    """Test that the share of hits is the nominal coverage (unconditional coverage).

    LR = 2 [log L(share observed) - log L(nominal)] is chi-squared with one degree of freedom
    (Kupiec 1995, J. Deriv. 3(2)).

    Args:
        hits: 1 inside, 0 outside, NaN unknown, by day (N,) or day and hour (N, S).
        coverage: Nominal coverage, between 0 and 1.

    Returns:
        p-value, () or (S,); NaN where no hit is known.

    Raises:
        InputError: The coverage is not a probability.
    """
    _require_probability(coverage)
    known = np.isfinite(hits)
    inside = np.where(known, hits, 0.0).sum(axis=0)
    total = known.sum(axis=0)
    return _p_value(_unconditional(inside, total - inside, coverage), 1, total > 0)


def christoffersen_independence(hits: FloatArray) -> FloatArray:
    """Test that a miss does not depend on whether the day before was a miss.

    LR = 2 [log L(first-order Markov chain) - log L(independent draws)] is chi-squared with one
    degree of freedom (Christoffersen 1998, Int. Econ. Rev. 39(4)). Only days whose day before is
    known count.

    Args:
        hits: As in `kupiec`.

    Returns:
        p-value, () or (S,); 1 where there never was a miss or a hit, NaN with no pair of days.
    """
    after = _transitions(hits)
    return _p_value(_independence(after), 1, after.sum(axis=(0, 1)) > 0)


def christoffersen(hits: FloatArray, coverage: float) -> FloatArray:
    """Test of conditional coverage: right share of hits and no dependence on the day before.

    LR_cc = LR_uc + LR_ind is chi-squared with two degrees of freedom (Christoffersen 1998). Both
    terms are taken on the days that have a day before, which makes the sum the likelihood ratio of
    the chain against nominal coverage.

    Args:
        hits: As in `kupiec`.
        coverage: Nominal coverage, between 0 and 1.

    Returns:
        p-value, () or (S,); NaN with no pair of days.

    Raises:
        InputError: The coverage is not a probability.
    """
    _require_probability(coverage)
    after = _transitions(hits)
    misses, inside = after.sum(axis=0)
    ratio = _unconditional(inside, misses, coverage) + _independence(after)
    return _p_value(ratio, 2, misses + inside > 0)


def hours_passing(p_values: FloatArray, significance: float = SIGNIFICANCE) -> int:
    """Number of hours whose test does not reject; hours without a p-value do not pass."""
    return int((p_values >= significance).sum())


def _transitions(hits: FloatArray) -> FloatArray:
    """Counts of day pairs, [before, today, ...], 0 a miss and 1 a hit, (2, 2, ...)."""
    before, today = hits[:-1], hits[1:]
    return np.array(
        [
            [((before == was) & (today == now)).sum(axis=0) for now in (0.0, 1.0)]
            for was in (0.0, 1.0)
        ],
        dtype=float,
    )


def _unconditional(inside: FloatArray, outside: FloatArray, coverage: float) -> FloatArray:
    nominal = _log_likelihood(inside, outside, coverage)
    observed = _log_likelihood(inside, outside, _share(inside, inside + outside))
    ratio: FloatArray = 2.0 * (observed - nominal)
    return ratio


def _independence(after: FloatArray) -> FloatArray:
    misses, inside = after.sum(axis=0)
    independent = _log_likelihood(inside, misses, _share(inside, inside + misses))
    chain = sum(_log_likelihood(row[1], row[0], _share(row[1], row.sum(axis=0))) for row in after)
    ratio: FloatArray = np.asarray(2.0 * (chain - independent), float)
    return ratio


def _log_likelihood(
    inside: FloatArray, outside: FloatArray, probability: FloatArray | float
) -> FloatArray:
    from scipy.special import xlog1py, xlogy

    value: FloatArray = xlogy(inside, probability) + xlog1py(outside, -np.asarray(probability))
    return value


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    # Without observations the likelihood is 1 whatever the share.
    share: FloatArray = part / np.maximum(whole, 1.0)
    return share


def _p_value(ratio: FloatArray, freedom: int, known: FloatArray) -> FloatArray:
    from scipy.stats import chi2

    # Rounding may leave a ratio of zero slightly negative.
    return np.where(known, chi2.sf(np.maximum(ratio, 0.0), freedom), np.nan)


def _require_probability(coverage: float) -> None:
    if not 0.0 < coverage < 1.0:
        raise InputError("coverage", expected="between 0 and 1", found=coverage)
