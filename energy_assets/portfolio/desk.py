"""A desk: a market area, units, feeds, limits and how much risk it takes, read from YAML.

Belongs here: the desk's models, `load_desk` and the hash that names a configuration on the record.
Not here: market facts (`market.areas`), units (`units`), how a feed is read (`feeds`).
"""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from energy_assets.errors import InputError
from energy_assets.market.areas import area_codes, load_area
from energy_assets.portfolio.feed_specs import FeedSpec, OpenMeteoFeed
from energy_assets.portfolio.market_settings import MarketSettings
from energy_assets.portfolio.stress_cases import StressCase, load_cases, require_weighable
from energy_assets.portfolio.units import (
    Name,
    NonNegative,
    Unit,
    require_distinct_names,
)
from energy_assets.portfolio.validation import broken_rule, input_error
from energy_assets.portfolio.yaml_files import read_fields

UnitT = TypeVar("UnitT")
# The folder of stress cases, beside that of the desk files.
LIBRARY = "scenarios"
Share = Annotated[float, Field(ge=0, le=1)]
Days = Annotated[int, Field(ge=1)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(_Model):
    """Position limits per MTU, MW.

    Attributes:
        max_sale_mw: Largest net sale.
        max_purchase_mw: Largest net purchase.
        max_imbalance_mw: Largest planned imbalance in either direction; beyond it the model pays
            the price limit for every MWh, and says so.
    """

    max_sale_mw: NonNegative
    max_purchase_mw: NonNegative
    max_imbalance_mw: NonNegative


class ImbalanceTerms(_Model):
    """How the desk's model values imbalance.

    Attributes:
        deviation_penalty: Where a series has no imbalance price: currency/MWh against the desk
            around the day-ahead price, in both directions.
        aversion: Currency/MWh the model (not the settlement) adds in both directions, where
            intentional imbalance is forbidden.
    """

    deviation_penalty: NonNegative | None = None
    aversion: NonNegative = 0.0


class ScenarioSettings(_Model):
    """How joint scenarios are drawn.

    Attributes:
        count: Paths drawn.
        reduced_count: Paths the integer stage keeps.
        dependence: How past ranks tie hours and targets together: a Gaussian copula, or the
            Schaake shuffle, which repeats the ranks of past days.
    """

    count: Annotated[int, Field(ge=1)] = 50
    reduced_count: Annotated[int, Field(ge=1)] = 10
    dependence: Literal["gaussian", "schaake"] = "gaussian"


TargetKind = Literal["price", "wind", "solar", "load", "imbalance_spread"]
# What a desk uses where its file does not say: names of `forecasting.members`.
DEFAULT_MEMBERS: dict[TargetKind, tuple[str, ...]] = {
    "price": (
        "lear_56",
        "lear_84",
        "lear_364",
        "lear_728",
        "boosting_728",
        "boosting_residuals_728",
    ),
    "wind": ("analogues_364", "output_quantiles_364"),
    "solar": ("analogues_364", "output_quantiles_364"),
    "load": ("analogues_364",),
    "imbalance_spread": ("analogues_364",),
}


class ForecastSettings(_Model):
    """Which members forecast what, and the windows of their combination, in days.

    Attributes:
        members: Members by kind of target; a kind not named keeps the default.
        qra_window_days: Window of member forecasts the combination is fitted on.
        fold_days: Days before the delivery day over which online weights and the calibration of
            coverage are learnt, each day out of sample.
        longest_retrain_days: The longest any of the members goes between trainings; the desk
            keeps so much more history.
    """

    members: dict[TargetKind, tuple[str, ...]] = {}
    qra_window_days: Days = 182
    fold_days: Annotated[int, Field(ge=0)] = 28
    longest_retrain_days: Days = 28

    def members_of(self, kind: TargetKind) -> tuple[str, ...]:
        """Names of the members that forecast a kind of target."""
        return self.members.get(kind, DEFAULT_MEMBERS[kind])


class Desk(_Model):
    """A desk.

    Attributes:
        name: Scope name of the desk's results.
        area: Market area code.
        owner: Person or team answerable for its bids.
        participant_id: Market participant.
        portfolio_id: Portfolio the net position belongs to.
        balance_area: Balance group or area that carries the imbalance.
        units: The plant.
        feeds: Where its data comes from.
        limits: Position limits.
        risk_weight: 0 maximises the mean, 1 the conditional value at risk.
        cvar_level: Level of the conditional value at risk.
        lead_time_minutes: Decision time = gate closure minus this.
        markets: Markets it trades beside the day-ahead curve.
        price_points: Most price points of a bid curve in the model.
        history_days: Days of history a forecast is fitted on at most.
        stress: Cases of the scenario library the desk bids with, at their weights; a desk file
            names them.
        seed: Root of every random draw.
    """

    name: Name
    area: str
    owner: str
    participant_id: str
    portfolio_id: str
    balance_area: str
    units: tuple[Unit, ...] = Field(min_length=1)
    feeds: tuple[FeedSpec, ...] = Field(min_length=1)
    limits: Limits
    risk_weight: Share = 0.0
    cvar_level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    lead_time_minutes: Annotated[int, Field(ge=0)] = 60
    imbalance: ImbalanceTerms = ImbalanceTerms()
    price_points: Annotated[int, Field(ge=2)] = 12
    scenarios: ScenarioSettings = ScenarioSettings()
    forecast: ForecastSettings = ForecastSettings()
    markets: MarketSettings = MarketSettings()
    history_days: Days = 728
    stress: tuple[StressCase, ...] = ()
    seed: int = 0

    @model_validator(mode="after")
    def _consistent(self) -> Desk:
        require_distinct_names(self.units)
        if self.area not in area_codes():
            raise broken_rule("area", f"one of {', '.join(area_codes())}", self.area)
        require_known_units(self.units, self.feeds)
        require_weighable(self.units, self.stress)
        self._require_tradable()
        return self

    def _require_tradable(self) -> None:
        names, products = {unit.name for unit in self.units}, load_area(self.area).reserves
        for product, settings in self.markets.reserves.items():
            if product not in products:
                expected = f"some of {', '.join(sorted(products)) or 'no products'}"
                raise broken_rule("markets.reserves", expected, product)
            for name in settings.providers:
                if name not in names:
                    where = f"markets.reserves.{product}.providers"
                    raise broken_rule(where, f"some of {', '.join(sorted(names))}", name)

    @property
    def config_hash(self) -> str:
        """SHA-256 over every field: names the configuration on the record of a run."""
        # A desk without stress cases keeps the hash it had before there were any.
        unused = None if self.stress else {"stress"}
        text = json.dumps(
            self.model_dump(mode="json", exclude=unused), sort_keys=True, separators=(",", ":")
        )
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def required_history_days(self) -> int:
        """Days before a delivery day that its forecast can look at, hindcasts included."""
        windows = self.forecast
        hindcasts = windows.qra_window_days + windows.fold_days + windows.longest_retrain_days
        return self.history_days + hindcasts + 2

    def decision_time(self, day: date, session: str = "day_ahead") -> datetime:
        """UTC point in time a decision may know: gate closure minus lead time."""
        gate = load_area(self.area).gate_closure(session, day)
        return gate - timedelta(minutes=self.lead_time_minutes)

    def unit(self, name: str) -> Unit:
        """The unit with this name.

        Raises:
            InputError: If the desk has no such unit.
        """
        for unit in self.units:
            if unit.name == name:
                return unit
        known = ", ".join(unit.name for unit in self.units)
        raise InputError(f"desk {self.name}: unit", expected=f"one of {known}", found=name)

    def weather_sites(self, unit: str) -> dict[str, float]:
        """Share of each site in a unit's weather, adding up to 1; the unit's own name if none."""
        for feed in self.feeds:
            if isinstance(feed, OpenMeteoFeed) and unit in feed.sites:
                total = sum(site.weight for site in feed.sites[unit])
                return {site.name: site.weight / total for site in feed.sites[unit]}
        return {unit: 1.0}

    def units_of(self, kind: type[UnitT]) -> tuple[UnitT, ...]:
        """All units of one class, in the order of the file."""
        return tuple(unit for unit in self.units if isinstance(unit, kind))


def load_desk(path: Path) -> Desk:
    """Read and validate a desk file.

    Raises:
        InputError: One line naming file, unit or field, expected and found.
    """
    document = read_fields(path, "desk")
    if _are_names(document.get("stress")):
        library = path.resolve().parent.parent / LIBRARY
        cases = load_cases(library, document["stress"], where=f"{path.name}: stress")
        document = {**document, "stress": cases}
    try:
        return Desk.model_validate(document)
    except ValidationError as error:
        raise input_error(path.name, document, error) from error


def _are_names(stress: object) -> bool:
    return isinstance(stress, list) and all(isinstance(name, str) for name in stress)


def require_known_units(units: tuple[Unit, ...], feeds: tuple[FeedSpec, ...]) -> None:
    """Raise the validation error of a feed that names a unit the desk does not have."""
    names = {unit.name for unit in units}
    for number, feed in enumerate(feeds):
        for field in ("sites", "unit_codes"):
            for name in getattr(feed, field, {}):
                if name not in names:
                    expected = f"one of {', '.join(sorted(names))}"
                    raise broken_rule(f"feeds[{number}].{field}", expected, name)
