"""The ensemble of a target: its members and how they are combined.

A desk file names one for every target. Which one makes a forecast is a dated choice
(`lifecycle.in_force`); what forecasts, hindcasts and trainings are made of is always a value of
this type, so that none of them asks the desk file by itself.

Not here: the choice, configurations on the record (`lifecycle.configurations`), models (`members`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from energy_assets.forecasting.combination import DEFAULT, Recipe
from energy_assets.forecasting.members.base import Member
from energy_assets.forecasting.targets import target_members
from energy_assets.portfolio import Desk

# Beside a long window a short one follows the market; a short one alone is too few days.
_SHORT_WINDOW, _TWO_WINDOWS_FROM = min(DEFAULT.windows_days), DEFAULT.window_days


@dataclass(frozen=True)
class Ensemble:
    """Members of one target and their combination.

    Attributes:
        members: In the ensemble's order.
        recipe: How their forecasts become quantiles.
        note: Why this one serves and not the champion, for the record of a forecast.
    """

    members: tuple[Member, ...]
    recipe: Recipe
    note: str = field(default="", compare=False)

    @property
    def reach_days(self) -> int:
        """Days before a delivery day whose histories its forecast reads, as `Desk` counts them."""
        longest = max((one.spec.retrain_days for one in self.members), default=1)
        return self.recipe.days_before + longest + 2


Ensembles = Mapping[str, Ensemble]


def desk_ensemble(desk: Desk, target: str) -> Ensemble:
    """The ensemble a desk file names for a target.

    Raises:
        InputError: A name in the desk file is no member, or it is retrained too rarely.
    """
    return Ensemble(tuple(target_members(desk, target)), recipe_of(desk, target))


def recipe_of(desk: Desk, target: str) -> Recipe:
    """How a desk file combines the members of a target.

    Where every member forecasts quantiles, those are averaged and calibrated; regressions are for
    paths.
    """
    longest = desk.forecast.qra_window_days
    windows = (_SHORT_WINDOW, longest) if longest >= _TWO_WINDOWS_FROM else (longest,)
    recipe = Recipe(windows_days=windows, fold_days=desk.forecast.fold_days)
    produced = {member.spec.produces for member in target_members(desk, target)}
    return replace(recipe, stages=("quantile_members",)) if produced == {"quantiles"} else recipe
