"""How the variables of a day hang together: uniform ranks with the dependence of past ranks.

Two ways, both from where past outcomes fell inside their own forecasts:

- `gaussian_ranks`: a Gaussian copula (Pinson, Madsen, Nielsen, Papaefthymiou and Kloeckl 2009,
  Wind Energy 12(1)). There are often more variables than past days, so the correlation is shrunk
  to the identity, and it is never built: a normal vector with that correlation is a random mix of
  past days plus independent noise.
- `schaake_ranks`: the Schaake shuffle (Clark, Gangopadhyay, Hay, Rajagopalan and Wilby 2004,
  J. Hydrometeorol. 5(1)). Each path follows one past day: it is as high among the paths, in every
  variable, as that day was among the days. It keeps whatever form the dependence has, tails and
  asymmetry included, and invents no combination that never occurred.

Every column of the result is stratified, one rank in each of S equal cells, so that few paths
still fill every marginal evenly. Only the order of past ranks matters to both.

Belongs here: joint ranks. Not here: marginals (`marginals`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.forecasting.arrays import FloatArray, IntArray

# Ranks are kept off 0 and 1 by this much before the normal quantile is taken.
_RANK_MARGIN = 1e-3


def gaussian_ranks(
    past_ranks: FloatArray, count: int, generator: np.random.Generator, shrinkage: float
) -> FloatArray:
    """Uniform ranks (S, V) with the shrunk normal-score correlation of the past.

    With Z the standardised normal scores (n, V), z = sqrt(1 - a) Z'w / sqrt(n) + sqrt(a) e for
    standard normal w (n) and e (V) has covariance (1 - a) Z'Z / n + a I.

    Args:
        past_ranks: (n, V), NaN where missing.
        count: Number of paths S.
        generator: Source of randomness.
        shrinkage: Weight a of the identity, 0 to 1.
    """
    from scipy.special import ndtri

    days, variables = past_ranks.shape
    scores = ndtri(np.clip(past_ranks, _RANK_MARGIN, 1 - _RANK_MARGIN))
    known = np.isfinite(scores)
    observed = np.maximum(known.sum(axis=0), 1)
    scores = np.where(known, scores, 0.0)
    scores = np.where(known, scores - scores.sum(axis=0) / observed, 0.0)
    deviation = np.sqrt((scores**2).sum(axis=0) / max(days, 1))
    varies = deviation > 1e-9
    scores = np.where(varies, scores / np.where(varies, deviation, 1.0), 0.0)
    mix = generator.standard_normal((count, days))
    noise = generator.standard_normal((count, variables))
    common = mix @ scores / np.sqrt(max(days, 1))
    # A variable without history gets its whole variance from the noise.
    own = np.where(varies, shrinkage, 1.0)
    return _stratified(np.sqrt(1 - own) * common + np.sqrt(own) * noise, generator)


def schaake_ranks(past_ranks: FloatArray, count: int, generator: np.random.Generator) -> FloatArray:
    """Uniform ranks (S, V) in the order of past days, one day to a path.

    With more paths than days each day serves several paths, once each before any again; these
    share its place in every variable and are ordered by chance within it. A value missing on a
    day takes a random place.

    Args:
        past_ranks: (n, V), NaN where missing; days without any value are not used.
        count: Number of paths S.
        generator: Source of randomness.
    """
    usable = past_ranks[np.isfinite(past_ranks).any(axis=1)]
    variables = past_ranks.shape[1]
    if not len(usable):
        return _stratified(generator.random((count, variables)), generator)
    rounds = -(-count // len(usable))
    days = np.concatenate([generator.permutation(len(usable)) for _ in range(rounds)])[:count]
    chosen = usable[days]
    filled = np.where(np.isfinite(chosen), chosen, generator.random(chosen.shape))
    # Ties, as of solar ranks at night or a day used twice, must not follow the order of the days.
    shuffled = np.lexsort((generator.random(filled.shape), filled), axis=0)
    return _spread(_places(shuffled), generator)


def _stratified(drawn: FloatArray, generator: np.random.Generator) -> FloatArray:
    return _spread(_places(drawn.argsort(axis=0, kind="stable")), generator)


def _places(order: IntArray) -> IntArray:
    """Place of each path in each variable, from the order of the paths."""
    return order.argsort(axis=0, kind="stable")


def _spread(places: IntArray, generator: np.random.Generator) -> FloatArray:
    ranks: FloatArray = (places + generator.random(places.shape)) / len(places)
    return ranks
