"""Calibration curves: PIT histogram and reliability diagram, with bands of what chance allows.

A calibrated forecast shows curves that are not exactly flat or diagonal either. The bands answer
by how much: outcomes are drawn from the forecasts themselves many times and the curve of each
draw is computed (consistency resampling, Broecker and Smith 2007, Weather Forecast. 22(3)). The
hours of a day err together, which widens the bands a great deal, so draws keep the correlation of
the hours' ranks (Pinson, McSharry and Madsen 2010, Q. J. R. Meteorol. Soc. 136(646)); days are
drawn independently.

Belongs here: curves and their bands. Not here: tests of intervals (`coverage_tests`), charts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy_assets.forecasting.arrays import FloatArray

DEFAULT_BINS = 20


@dataclass(frozen=True)
class ConsistencyBands:
    """Where the curves of a calibrated forecast lie in 90 % of the draws (or the share asked).

    Attributes:
        reliability: Lowest and highest observed share per level, (2, L).
        histogram: Lowest and highest density per bin, (2, B).
    """

    reliability: FloatArray
    histogram: FloatArray


def pit_histogram(
    quantiles: FloatArray, actual: FloatArray, levels: FloatArray, bins: int = DEFAULT_BINS
) -> FloatArray:
    """Density of the probability integral transform, 1 everywhere for a calibrated forecast.

    An outcome between two quantiles spreads its mass evenly over their levels; where several
    quantiles equal it, over all of them (the non-randomised histogram of Czado, Gneiting and Held
    2009, Biometrics 65(4)).

    Args:
        quantiles: Non-decreasing along the last axis, (..., L).
        actual: (...); cells with NaN are left out.
        levels: Rising probability levels, (L,).
        bins: Number of equal bins B.

    Returns:
        Density per bin, (B,), with mean 1; NaN where no cell is known.
    """
    below, above = _rank_interval(quantiles, actual, levels)
    known = np.isfinite(below)
    below, above = below[known], above[known]
    edges = np.linspace(0.0, 1.0, bins + 1)
    share = (edges - below[:, None]) / (above - below)[:, None]
    mass: FloatArray = np.diff(np.clip(share, 0.0, 1.0), axis=1)
    return mass.mean(axis=0) * bins if len(mass) else np.full(bins, np.nan)


def reliability(quantiles: FloatArray, actual: FloatArray, levels: FloatArray) -> FloatArray:
    """Share of outcomes at or below each quantile, (L,); equal to the levels when calibrated.

    An outcome equal to a quantile counts half, so that solar at night does not look biased.

    Args:
        quantiles: (..., L).
        actual: (...); cells with NaN are left out.
        levels: Rising probability levels, (L,).
    """
    known = np.isfinite(actual) & np.isfinite(quantiles).all(axis=-1)
    flat, outcome = quantiles[known], actual[known][:, None]
    if not len(flat):
        return np.full(len(levels), np.nan)
    share: FloatArray = ((outcome < flat).mean(axis=0) + (outcome <= flat).mean(axis=0)) / 2.0
    return share


def consistency_bands(
    quantiles: FloatArray,
    actual: FloatArray,
    levels: FloatArray,
    *,
    bins: int = DEFAULT_BINS,
    resamples: int = 400,
    confidence: float = 0.9,
    seed: int = 0,
) -> ConsistencyBands:
    """Bands of reliability and PIT histogram under calibration, at each level and bin alone.

    Args:
        quantiles: (N, S, L), a row a day.
        actual: (N, S).
        levels: Rising probability levels, (L,).
        bins: Number of bins of the histogram.
        resamples: Number of draws of the whole test period.
        confidence: Share of draws within the band.
        seed: Seed of the draws.
    """
    from scipy.special import ndtr

    below, above = _rank_interval(quantiles, actual, levels)
    ranks = (below + above) / 2.0
    known = np.isfinite(ranks)
    root = _correlation_root(ranks)
    generator = np.random.default_rng(seed)
    edges = np.linspace(0.0, 1.0, bins + 1)[1:-1]
    shares = np.empty((resamples, len(levels)))
    densities = np.empty((resamples, bins))
    for draw in range(resamples):
        uniform = np.sort(ndtr(generator.standard_normal(ranks.shape) @ root)[known])
        total = max(len(uniform), 1)
        shares[draw] = np.searchsorted(uniform, levels, side="right") / total
        inner = np.searchsorted(uniform, edges, side="right")
        densities[draw] = np.diff([0, *inner, len(uniform)]) * bins / total
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    return ConsistencyBands(np.quantile(shares, tails, axis=0), np.quantile(densities, tails, 0))


def _rank_interval(
    quantiles: FloatArray, actual: FloatArray, levels: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Level of the last quantile below the outcome (or 0) and the first above it (or 1)."""
    known = np.isfinite(actual) & np.isfinite(quantiles).all(axis=-1)
    padded = np.concatenate([[0.0], levels, [1.0]])
    below = padded[(quantiles < actual[..., None]).sum(axis=-1)]
    above = padded[(quantiles <= actual[..., None]).sum(axis=-1) + 1]
    return np.where(known, below, np.nan), np.where(known, above, np.nan)


def _correlation_root(ranks: FloatArray) -> FloatArray:
    """Root A of the correlation of the hours' normal scores: e @ A has it, e being independent."""
    from scipy.special import ndtri

    scores = ndtri(ranks)
    known = np.isfinite(scores)
    scores = np.where(known, scores, 0.0)
    scores = np.where(known, scores - scores.sum(axis=0) / np.maximum(known.sum(axis=0), 1), 0.0)
    norm = np.sqrt((scores**2).sum(axis=0))
    scores = scores / np.where(norm > 1e-9, norm, 1.0)
    correlation = scores.T @ scores
    np.fill_diagonal(correlation, 1.0)
    values, vectors = np.linalg.eigh(correlation)
    root: FloatArray = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
    return root
