"""Names to members: the ones shipped, and plug-ins by entry point.

A name is a family, or a family and a window in days: `lear_1456`, `boosting_364`, `weekly_naive`.
A package adds a family with an entry point in the group `energy_assets.members`; the entry point's
name is the family and its object is called with the window (None where the name has none) and
returns a `Member`:

    [project.entry-points."energy_assets.members"]
    my_model = "my_package.models:MyMember"

Not here: members themselves, which are imported when first asked for (their libraries are heavy).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from energy_assets.errors import InputError
from energy_assets.forecasting.members.base import Member

PLUGIN_GROUP = "energy_assets.members"
_PACKAGE = "energy_assets.forecasting.members"
_SHIPPED = {
    "feed_forward": "feed_forward:FeedForwardMember",
    "boosting": "boosting:BoostingMember",
    "boosting_residuals": "boosting:ResidualBoostingMember",
    "lear": "lear:LearMember",
    "tide": "temporal:TideMember",
    "analogues": "analogue:AnalogueMember",
    "output_quantiles": "output_quantiles:OutputQuantilesMember",
    "weekly_naive": "naive:WeeklyNaive",
    "auto_arima": "auto_arima:AutoArima",
    "mstl": "mstl:Mstl",
    "seasonal_quantiles": "seasonal_quantiles:SeasonalQuantiles",
    "prophet": "prophet:ProphetMember",
    "boosting_tsfresh": "series_features:boosting_tsfresh",
    "lear_tsfresh": "series_features:lear_tsfresh",
}
_NAME = re.compile(r"(?P<family>[a-z][a-z0-9_]*?)(?:_(?P<days>[1-9]\d{0,4}))?")


def families() -> list[str]:
    """Families of members that can be named, plug-ins included."""
    return sorted({*_SHIPPED, *_plugins()})


@cache
def member(name: str) -> Member:
    """The member of this name.

    Raises:
        InputError: The name is none, or a plug-in cannot be loaded or is no member.
    """
    parts = _NAME.fullmatch(name)
    family = parts["family"] if parts else ""
    if parts is None or family not in families():
        expected = f"a family or family_<days> of {', '.join(families())}"
        raise InputError("forecast member", expected=expected, found=name)
    days = None if parts["days"] is None else int(parts["days"])
    made = _factory(family)(days)
    if not isinstance(made, Member) or made.spec.name != name:
        found = getattr(getattr(made, "spec", None), "name", type(made).__name__)
        raise InputError(f"forecast member {name}", expected=f"a member named {name}", found=found)
    return made


def _factory(family: str) -> Callable[[int | None], Member]:
    if family in _SHIPPED:
        module, _, attribute = _SHIPPED[family].partition(":")
        factory: Callable[[int | None], Member] = getattr(
            import_module(f"{_PACKAGE}.{module}"), attribute
        )
        return factory
    plugin = _plugins()[family]
    try:
        loaded: Callable[[int | None], Member] = plugin.load()
    except Exception as error:
        where = f"forecast member {family}"
        expected = f"{plugin.value} to load"
        raise InputError(where, expected=expected, found=f"{type(error).__name__}: {error}") from (
            error
        )
    return loaded


def _plugins() -> dict[str, EntryPoint]:
    return {found.name: found for found in entry_points(group=PLUGIN_GROUP)}
