"""The desk's scenario library: typed stress cases, one YAML file each.

A stress case is a named set of shocks to what a desk expects of a delivery day. Shocks work in the
order of the file, each in its hours: its own, else the case's, else the whole day. Hours are local
wall-clock hours of the delivery day, `[from, to)`; `[22, 6]` goes over midnight, inside the day. On
a day of 23 hours the missing hour is simply not there, on one of 25 both halves of the repeated
hour count.

Shocks of system prices (`price_per_lost_gw`, `pass_through`, `price`) move day-ahead, imbalance and
intraday prices together.

Belongs here: what a case says, and its file. Not here: what it does to a bidding problem
(`bidding.shocks`), the comparison (`bidding.what_if`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from energy_assets.errors import InputError
from energy_assets.portfolio.fields import Finite, FrozenModel, Name, NonNegative
from energy_assets.portfolio.thermal_unit import ThermalUnit
from energy_assets.portfolio.units import BatteryUnit, LoadUnit, Unit
from energy_assets.portfolio.validation import broken_rule, input_error
from energy_assets.portfolio.yaml_files import read_fields

Hour = Annotated[float, Field(ge=0, le=24, multiple_of=0.25)]
Hours = tuple[Hour, Hour]
Share = Annotated[float, Field(ge=0, le=1)]
Text = Annotated[str, Field(min_length=1)]


class _Shock(FrozenModel):
    """What every shock has.

    Attributes:
        hours: Local hours [from, to); those of the case if left out.
    """

    hours: Hours | None = None

    @model_validator(mode="after")
    def _hours_differ(self) -> _Shock:
        _require_hours(self.hours)
        return self


class WeatherShock(_Shock):
    """Output of all wind or solar units, and what that does to prices.

    Attributes:
        source: `wind` or `solar`.
        factor: Output times this.
        standard_deviations: Output moved by so many standard deviations of its scenarios, by MTU.
        system_lost_gw: Output of this source the system loses, GW; negative where it gains.
        price_per_lost_gw: What a lost GW adds to prices, currency/MWh per GW.
    """

    kind: Literal["weather"] = "weather"
    source: Literal["wind", "solar"]
    factor: NonNegative | None = None
    standard_deviations: Finite | None = None
    system_lost_gw: Finite | None = None
    price_per_lost_gw: NonNegative | None = None

    @model_validator(mode="after")
    def _fields_agree(self) -> WeatherShock:
        _require_one(self, "factor", "standard_deviations")
        if (self.system_lost_gw is None) != (self.price_per_lost_gw is None):
            expected = "both system_lost_gw and price_per_lost_gw, or none"
            raise broken_rule("system_lost_gw", expected, "one")
        return self

    @property
    def words(self) -> str:
        """What changes."""
        moved = f"{self.source} output {_times(self.factor)}"
        if self.standard_deviations is not None:
            moved = f"{self.source} output {_plus(self.standard_deviations)} standard deviations"
        if self.system_lost_gw is None:
            return moved
        verb = "loses" if self.system_lost_gw >= 0 else "gains"
        system = f"the system {verb} {abs(self.system_lost_gw):g} GW of it"
        return f"{moved}; {system}, {self.price_per_lost_gw:g} per MWh and GW"


class FuelShock(_Shock):
    """A fuel or CO2 price; units that burn it cost more or less through their own fuel use.

    Attributes:
        commodity: `fuel` or `co2`.
        products: Price series meant; all that the desk's units use as that commodity if left out.
        factor: Price times this.
        change: Added to the price, in its own unit (currency/MWh on its own basis, currency/t).
        pass_through: Share of the units' mean change in marginal cost that prices take over.
    """

    kind: Literal["fuel"] = "fuel"
    commodity: Literal["fuel", "co2"]
    products: tuple[Text, ...] | None = None
    factor: NonNegative | None = None
    change: Finite | None = None
    pass_through: Share = 0.0

    @model_validator(mode="after")
    def _fields_agree(self) -> FuelShock:
        _require_one(self, "factor", "change")
        return self

    @property
    def words(self) -> str:
        """What changes."""
        price = "CO2 price" if self.commodity == "co2" else "fuel price"
        if self.products is not None:
            price += f" ({', '.join(self.products)})"
        moved = f"{price} {_times(self.factor) if self.change is None else _plus(self.change)}"
        if not self.pass_through:
            return moved
        return f"{moved}, {100 * self.pass_through:g} % of the cost change in power prices"

    def product_of(self, unit: Unit) -> str | None:
        """The price series of a unit that moves; None where none does."""
        if not isinstance(unit, ThermalUnit) or unit.fuel is None:
            return None
        product = unit.fuel.product if self.commodity == "fuel" else unit.fuel.co2_product
        return product if self.products is None or product in self.products else None


class OutageShock(_Shock):
    """A unit of the desk that is out.

    Attributes:
        unit: Its name.
        power_left_mw: What it can still do.
    """

    kind: Literal["outage"] = "outage"
    unit: Name
    power_left_mw: NonNegative = 0.0

    @property
    def words(self) -> str:
        """What changes."""
        left = f", {self.power_left_mw:g} MW left" if self.power_left_mw else ""
        return f"{self.unit} out{left}"


class PriceShock(_Shock):
    """Prices, whatever the cause; the result keeps to the market's limits.

    Attributes:
        change: Added, currency/MWh.
        factor: Prices times this.
        at_least: Lowest price, currency/MWh.
        at_most: Highest price, currency/MWh.
        limit: Every price at the market's highest or lowest one.
    """

    kind: Literal["price"] = "price"
    change: Finite | None = None
    factor: Finite | None = None
    at_least: Finite | None = None
    at_most: Finite | None = None
    limit: Literal["highest", "lowest"] | None = None

    @model_validator(mode="after")
    def _fields_agree(self) -> PriceShock:
        _require_one(self, "change", "factor", "at_least", "at_most", "limit")
        return self

    @property
    def words(self) -> str:
        """What changes."""
        if self.change is not None:
            return f"prices {_plus(self.change)} per MWh"
        if self.factor is not None:
            return f"prices {_times(self.factor)}"
        if self.at_least is not None:
            return f"prices at least {self.at_least:g} per MWh"
        if self.at_most is not None:
            return f"prices at most {self.at_most:g} per MWh"
        return f"prices at the market's {self.limit} limit"


class LoadShock(_Shock):
    """Consumption of all loads times a factor, up to their peaks."""

    kind: Literal["load"] = "load"
    factor: NonNegative

    @property
    def words(self) -> str:
        """What changes."""
        return f"consumption {_times(self.factor)}"


class ImbalanceShock(_Shock):
    """Imbalance prices further from the day-ahead price.

    Attributes:
        factor: Spread to the day-ahead price times this.
        change: Currency/MWh taken off the long and added to the short price.
    """

    kind: Literal["imbalance"] = "imbalance"
    factor: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 1.0
    change: NonNegative = 0.0

    @property
    def words(self) -> str:
        """What changes."""
        wider = f"; long and short {self.change:g} per MWh further apart each way"
        return f"imbalance spread {_times(self.factor)}{wider if self.change else ''}"


Shock = Annotated[
    WeatherShock | FuelShock | OutageShock | PriceShock | LoadShock | ImbalanceShock,
    Field(discriminator="kind"),
]


class StressCase(FrozenModel):
    """One entry of the scenario library.

    Attributes:
        name: As the file.
        title: For people.
        why: What happens, why it may, and where the figures are from.
        shocks: What changes, in order.
        hours: Local hours [from, to) of shocks that name none; the whole day if left out.
        weight: Probability of the case on any day, for desks that bid with it.
    """

    name: Name
    title: Text
    why: Text
    shocks: tuple[Shock, ...] = Field(min_length=1)
    hours: Hours | None = None
    weight: Annotated[float, Field(ge=0, lt=1)] = 0.0

    @model_validator(mode="after")
    def _hours_differ(self) -> StressCase:
        _require_hours(self.hours)
        return self

    def hours_of(self, shock: Shock) -> Hours | None:
        """Local hours of a shock; None for the whole day."""
        return self.hours if shock.hours is None else shock.hours

    @property
    def words(self) -> tuple[str, ...]:
        """What each shock changes, and when."""
        return tuple(f"{shock.words}, {_span(self.hours_of(shock))}" for shock in self.shocks)

    def misfit(self, units: Sequence[Unit]) -> str:
        """Why the case cannot befall these units; empty where it can."""
        out = [shock.unit for shock in self.shocks if isinstance(shock, OutageShock)]
        plant = [unit.name for unit in units if not isinstance(unit, LoadUnit)]
        for name in out:
            if name not in plant:
                known = ", ".join(plant) or "no unit"
                return f"an outage of one of {known} expected, found one of {name}"
        return ""

    def unweighable(self, units: Sequence[Unit]) -> str:
        """Which shock the scenarios of a bidding problem cannot carry; empty where they can.

        What a thermal unit costs and what a store or a thermal unit can do is one figure for all
        scenarios of a problem.
        """
        shared = {u.name for u in units if isinstance(u, BatteryUnit | ThermalUnit)}
        for shock in self.shocks:
            if isinstance(shock, OutageShock) and shock.unit in shared:
                return f"an outage of {shock.unit}"
            if isinstance(shock, FuelShock) and any(shock.product_of(u) for u in units):
                return f"a {shock.commodity} price that moves a unit's cost"
        return ""


def load_case(path: Path) -> StressCase:
    """Read and check one file of the library.

    Raises:
        InputError: One line naming file, field, expected and found.
    """
    document = read_fields(path, "scenario")
    try:
        case = StressCase.model_validate(document)
    except ValidationError as error:
        raise input_error(path.name, document, error) from error
    if case.name != path.stem:
        raise InputError(f"{path.name}: name", expected=path.stem, found=case.name)
    return case


def load_cases(
    folder: Path, names: Sequence[str] | None = None, where: str = "scenarios"
) -> tuple[StressCase, ...]:
    """Cases of a library folder: those named, in that order, or all by name.

    Args:
        folder: The library.
        names: Cases wanted; all if left out.
        where: What names them, for errors.

    Raises:
        InputError: A file cannot be used, or there is none of a name.
    """
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    chosen = known if names is None else list(names)
    for name in chosen:
        if name not in known:
            expected = f"one of {', '.join(known)}" if known else f"a library in {folder.name}/"
            raise InputError(where, expected=expected, found=name)
    return tuple(load_case(folder / f"{name}.yaml") for name in chosen)


def require_weighable(units: Sequence[Unit], cases: Sequence[StressCase]) -> None:
    """Raise the validation error of stress cases a desk with these units cannot bid with."""
    names = [case.name for case in cases]
    for case in cases:
        where = f"stress[{case.name}]"
        if names.count(case.name) > 1:
            raise broken_rule("stress", "distinct names", case.name)
        if case.weight == 0:
            raise broken_rule(f"{where}.weight", "above 0 for a case to bid with", case.weight)
        if misfit := case.misfit(units):
            raise broken_rule(where, "a case for the desk's units", misfit)
        if shock := case.unweighable(units):
            expected = "weather, price, load, imbalance, or the outage of a wind or solar unit"
            raise broken_rule(where, expected, shock)
    total = sum(case.weight for case in cases)
    if total >= 1:
        raise broken_rule("stress", "weights that add up to less than 1", f"{total:g}")


def _times(factor: float | None) -> str:
    return f"× {factor:g}"


def _plus(change: float) -> str:
    return f"{'+' if change >= 0 else '−'}{abs(change):g}"


def _span(hours: Hours | None) -> str:
    if hours is None:
        return "all day"
    first, last = (f"{int(hour):02d}:{round(hour % 1 * 60):02d}" for hour in hours)
    return f"{first} to {last} local"


def _require_hours(hours: Hours | None) -> None:
    if hours is not None and hours[0] == hours[1]:
        raise broken_rule("hours", "two different hours", f"{hours[0]:g} twice")


def _require_one(shock: _Shock, *names: str) -> None:
    given: list[Any] = [name for name in names if getattr(shock, name) is not None]
    if len(given) != 1:
        raise broken_rule(names[0], f"one of {', '.join(names)}", " and ".join(given) or "none")
