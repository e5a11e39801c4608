"""Combination and calibration: from out-of-sample member forecasts to calibrated quantiles.

`combine` is what the daily run calls; `Recipe` says what it does and goes on the record. Members
are measured in the error scale to expect of the day (`error_scale`), turned into distributions in
several ways (`stages`, `isotonic`), averaged or weighted (`aggregation`) and kept at their coverage
(`calibration`).

Not here: members (`forecasting.members`), joint scenarios, scores.
"""

from energy_assets.forecasting.combination.daily import (
    BlockCache,
    Combined,
    combine,
    walk_forward_combination,
)
from energy_assets.forecasting.combination.inputs import MemberForecasts
from energy_assets.forecasting.combination.recipe import DEFAULT, Recipe

__all__ = [
    "DEFAULT",
    "BlockCache",
    "Combined",
    "MemberForecasts",
    "Recipe",
    "combine",
    "walk_forward_combination",
]
