"""An ensemble's configuration as it stands on the record, and the ensemble made from it again.

A configuration is a list of members with their versions and a combination recipe, as JSON; its name
is the hash of both. An ensemble is rebuilt only if this code gives it the same name: a member
version or recipe that the code no longer has makes another configuration.

Not here: which configuration is chosen (`champions`) and which serves (`in_force`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from energy_assets.errors import InputError
from energy_assets.forecasting.combination import Recipe
from energy_assets.forecasting.ensembles import Ensemble
from energy_assets.forecasting.members.registry import member
from energy_assets.forecasting.members.serving import anchor_of, version_of


@dataclass(frozen=True)
class Configuration:
    """An ensemble configuration.

    Attributes:
        members: Version by name of member, in the ensemble's order.
        recipe: How they are combined and calibrated, as JSON holds it.
        anchors: Anchor by member when it was offered; says which models, names nothing.
        recorded_as: Version its forecasts have on the record, as
            `target_forecasts.forecast_version` said when it was offered; empty where nobody asked.
    """

    members: Mapping[str, str]
    recipe: Mapping[str, Any]
    anchors: Mapping[str, date] = field(default_factory=dict, compare=False)
    recorded_as: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        # Tuples and numbers as a row gives them back, so that equal configurations compare equal.
        object.__setattr__(self, "recipe", json.loads(json.dumps(dict(self.recipe))))

    @property
    def name(self) -> str:
        """Hash of members and recipe."""
        content = [list(self.members.items()), self.recipe]
        text = json.dumps(content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def document(self) -> str:
        """All of it as JSON."""
        anchors = {name: day.isoformat() for name, day in self.anchors.items()}
        content = {"members": list(self.members.items()), "recipe": self.recipe}
        more = {"anchors": anchors, "recorded_as": self.recorded_as}
        return json.dumps({**content, **more}, sort_keys=True)

    @classmethod
    def of(cls, ensemble: Ensemble, day: date, recorded_as: str = "") -> Configuration:
        """The configuration of an ensemble on a delivery day."""
        return cls(
            {one.spec.name: version_of(one) for one in ensemble.members},
            asdict(ensemble.recipe),
            {one.spec.name: anchor_of(day, one.spec.retrain_days) for one in ensemble.members},
            recorded_as,
        )

    @classmethod
    def from_document(cls, document: str) -> Configuration:
        """The configuration of a row.

        Raises:
            InputError: The document is none that `document` wrote.
        """
        try:
            found = json.loads(document)
            anchors = {name: date.fromisoformat(day) for name, day in found["anchors"].items()}
            members = {str(name): str(version) for name, version in found["members"]}
            return cls(members, found["recipe"], anchors, found.get("recorded_as", ""))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            expected = "JSON with members, recipe and anchors"
            raise InputError("configuration", expected=expected, found=document[:80]) from error


def rebuilt(configuration: Configuration, target: str) -> Ensemble:
    """The ensemble of a configuration.

    Raises:
        InputError: This code no longer has it; names the target and says what differs.
    """
    where = f"configuration {configuration.name} of {target}"
    expected = "members and recipe of this code"
    try:
        members = tuple(member(name) for name in configuration.members)
        recipe = Recipe(**{name: _as_made(value) for name, value in configuration.recipe.items()})
    except InputError as error:
        found = f"{error.where}: {error.found}"
        raise InputError(where, expected=expected, found=found) from error
    except (TypeError, ValueError) as error:
        raise InputError(where, expected=expected, found=f"recipe: {error}") from error
    ensemble = Ensemble(members, recipe)
    now = Configuration.of(ensemble, date.min)
    if now.name != configuration.name:
        changed = [name for name in now.members if configuration.members[name] != now.members[name]]
        differs = f"other versions of {', '.join(changed)}" if changed else "another recipe"
        raise InputError(where, expected=expected, found=differs)
    return ensemble


def _as_made(value: Any) -> Any:
    """A field of a recipe as it was before JSON made lists of its tuples."""
    return tuple(value) if isinstance(value, list) else value
