"""Whether forecasts of the last weeks are still calibrated and as sharp as when they were chosen.

Each delivery day is boiled down to a few shares (`measure`): outcomes inside the 80 and 90 %
interval, probability integral transforms (PIT) by tenth, mean pinball loss. Over a window of days
`drift` tests them:

- coverage: Kupiec's likelihood ratio against the nominal share;
- PIT: Pearson's chi-squared against ten equal shares;
- pinball: ratio to the score the configuration was chosen by.

The periods of a day err together: as many independent observations as periods would call every
calibrated forecast drifted. So statistics are divided by the design effect, the variance of the
daily shares over what independent periods would give, and held against F distributions (Rao and
Scott 1984, Ann. Stat. 12(1); Thomas and Rao 1987, J. Am. Stat. Assoc. 82). Days count as
independent.

Belongs here: pure functions of forecasts and outcomes. Not here: reading them, what a finding leads
to (`defs.training`): it warns, nothing is blocked by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.scoring import inside, pinball_cells, pit_histogram

WINDOWS_DAYS = (28, 91)
COVERAGES = (0.8, 0.9)
PIT_BINS = 10
# Several targets are looked at every day: one false alarm in a hundred looks is enough.
SIGNIFICANCE = 0.01
# A share that differs for sure but by little is no reason to act.
_SMALL_GAP = 0.03
# Prices double in a winter: only a loss well beyond that of the validation is news.
_LARGEST_RATIO = 1.5
_FEWEST_DAYS = 14


@dataclass(frozen=True)
class DayMeasure:
    """One delivery day against its outcome.

    Attributes:
        periods: Periods whose outcome is known.
        inside: Share of them inside each interval of `COVERAGES`, (2,).
        pit: Share of PIT values by tenth, (10,).
        pinball99: Mean pinball loss over the percentiles.
    """

    periods: int
    inside: FloatArray
    pit: FloatArray
    pinball99: float


@dataclass(frozen=True)
class Drift:
    """What a window of days says.

    Attributes:
        days: Days with a known outcome.
        coverage: Observed share inside, by nominal share.
        kupiec_p: p-value of the nominal share, by nominal share.
        pit: Share of PIT values by tenth, (10,).
        pit_p: p-value of equal tenths.
        pinball99: Mean pinball loss.
        pinball_ratio: That over the reference; None without one.
        findings: What is off, in words; empty where nothing is or the days are too few.
    """

    days: int
    coverage: dict[float, float]
    kupiec_p: dict[float, float]
    pit: FloatArray
    pit_p: float
    pinball99: float
    pinball_ratio: float | None
    findings: list[str]


def measure(quantiles: FloatArray, actual: FloatArray) -> DayMeasure | None:
    """One day's shares; None where no outcome is known.

    Args:
        quantiles: The 99 percentiles by period, (P, 99).
        actual: Outcomes, (P,); NaN unknown.
    """
    known = np.isfinite(actual) & np.isfinite(quantiles).all(axis=1)
    if not known.any():
        return None
    quantiles, actual = quantiles[known], actual[known]
    shares = [inside(quantiles, actual, PERCENTILES, c).mean() for c in COVERAGES]
    pit = pit_histogram(quantiles, actual, PERCENTILES, PIT_BINS) / PIT_BINS
    loss = float(pinball_cells(quantiles, actual, PERCENTILES).mean())
    return DayMeasure(len(actual), np.array(shares), pit, loss)


def drift(days: Sequence[DayMeasure], reference: float | None = None) -> Drift:
    """Test a window of days.

    Args:
        days: Measured days, at least one.
        reference: pinball99 the configuration was chosen by.
    """
    weight = np.array([day.periods for day in days], dtype=float)
    shares = np.stack([day.inside for day in days])
    pit = np.stack([day.pit for day in days])
    coverage = np.average(shares, axis=0, weights=weight)
    kupiec_p = [_kupiec(shares[:, i], weight, nominal) for i, nominal in enumerate(COVERAGES)]
    loss = float(np.average([day.pinball99 for day in days], weights=weight))
    ratio = loss / reference if reference else None
    found = Drift(
        len(days),
        dict(zip(COVERAGES, map(float, coverage), strict=True)),
        dict(zip(COVERAGES, kupiec_p, strict=True)),
        np.average(pit, axis=0, weights=weight),
        _uniformity(pit, weight),
        loss,
        ratio,
        [],
    )
    found.findings.extend(_findings(found))
    return found


def _findings(found: Drift) -> list[str]:
    if found.days < _FEWEST_DAYS:
        return []
    lines = [
        f"{nominal:.0%} interval covers {share:.1%} (p {found.kupiec_p[nominal]:.2g})"
        for nominal, share in found.coverage.items()
        if found.kupiec_p[nominal] < SIGNIFICANCE and abs(share - nominal) > _SMALL_GAP
    ]
    uneven = float(np.abs(found.pit - 1 / PIT_BINS).max())
    if found.pit_p < SIGNIFICANCE and uneven > _SMALL_GAP:
        worst = int(np.abs(found.pit - 1 / PIT_BINS).argmax())
        lines.append(
            f"PIT not uniform: {found.pit[worst]:.1%} in tenth {worst + 1} (p {found.pit_p:.2g})"
        )
    if found.pinball_ratio is not None and found.pinball_ratio > _LARGEST_RATIO:
        lines.append(f"pinball99 {found.pinball_ratio:.2f} times that of the validation")
    return lines


def _kupiec(shares: FloatArray, weight: FloatArray, nominal: float) -> float:
    """p-value of Kupiec's likelihood ratio over the design effect, F with 1 and n - 1 degrees."""
    from scipy.special import rel_entr
    from scipy.stats import f

    share = float(np.average(shares, weights=weight))
    divergence = rel_entr(share, nominal) + rel_entr(1.0 - share, 1.0 - nominal)
    covariance = _covariance(shares[:, None], weight)
    effect = float(covariance[0, 0]) * weight.mean() / (nominal * (1.0 - nominal))
    ratio = 2.0 * weight.sum() * divergence / float(np.clip(effect, 1.0, weight.mean()))
    return float(f.sf(ratio, 1, max(len(shares) - 1, 1)))


def _uniformity(pit: FloatArray, weight: FloatArray) -> float:
    """p-value of Pearson's chi-squared with the second-order correction of Rao and Scott."""
    from scipy.stats import f

    even = 1.0 / PIT_BINS
    observed = np.average(pit, axis=0, weights=weight)
    statistic = weight.sum() * ((observed - even) ** 2 / even).sum()
    # Under equal tenths the statistic is a sum of chi-squared weighted with the eigenvalues of this
    # matrix; for independent periods its trace is the degrees of freedom.
    effects = _covariance(pit, weight) * weight.mean() / even
    trace, squares = float(np.trace(effects)), float((effects**2).sum())
    if trace <= 0.0:
        # Every day alike: as if a day were one observation.
        trace, squares = weight.mean() * (PIT_BINS - 1.0), weight.mean() ** 2 * (PIT_BINS - 1.0)
    freedom = trace**2 / squares
    scale = max(trace, PIT_BINS - 1.0)
    return float(f.sf(statistic / scale, freedom, freedom * max(len(pit) - 1, 1)))


def _covariance(shares: FloatArray, weight: FloatArray) -> FloatArray:
    """Covariance of daily shares (n, K) around their mean, (K, K); days weigh by their periods."""
    centred = shares - np.average(shares, axis=0, weights=weight)
    count = max(len(shares) - 1, 1)
    covariance: FloatArray = (centred * (weight / weight.mean())[:, None]).T @ centred / count
    return covariance
