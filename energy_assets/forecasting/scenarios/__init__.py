"""Joint scenarios: paths over all periods and variables of a day, and their reduction.

Belongs here: the step from marginal quantile forecasts to joint paths, and from many paths to few
with probabilities. Not here: the marginals (`quantile_regression`), reading past forecasts, scores
of paths (`scoring.path`).

Dependence comes from ranks: where past outcomes fell inside their own forecasts (probability
integral transform, PIT). It carries shocks across hours and between price, wind, solar and load.

    `marginals`   PIT of past outcomes; the value at a rank, tails included
    `dependence`  Gaussian copula and Schaake shuffle
    `paths`       the two together: joint paths
    `reduction`   few paths with probabilities
"""

from energy_assets.forecasting.scenarios.marginals import pit
from energy_assets.forecasting.scenarios.paths import DEFAULT_SHRINKAGE, Dependence, joint_paths
from energy_assets.forecasting.scenarios.reduction import reduce_scenarios

__all__ = ["DEFAULT_SHRINKAGE", "Dependence", "joint_paths", "pit", "reduce_scenarios"]
