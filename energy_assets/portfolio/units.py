"""The plant of a desk: typed, validated units, told apart by `kind`.

Powers are MW at the grid connection, energies MWh, costs currency/MWh of electricity unless a
field says otherwise. Injection is positive everywhere but in a load's own figures, which state
consumption.

Belongs here: what a unit is and can do, and its state at the start of a horizon where nothing
better is known. Not here: availability or prices (data), equations (`bidding.model`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from energy_assets.portfolio.validation import broken_rule

Power = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Efficiency = Annotated[float, Field(gt=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
HeatingValue = Literal["lower", "higher"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _RenewableUnit(_Model):
    name: Name
    capacity_mw: Power
    curtailable: bool = True
    variable_cost: Finite = Field(
        default=0.0, description="currency/MWh; negative for a support payment per MWh produced"
    )


class WindUnit(_RenewableUnit):
    """A wind farm; output is what the wind gives, less what the desk curtails."""

    kind: Literal["wind"] = "wind"


class SolarUnit(_RenewableUnit):
    """A solar plant; output is what the sun gives, less what the desk curtails."""

    kind: Literal["solar"] = "solar"


class FuelUse(_Model):
    """How a thermal unit turns fuel and CO2 prices into a cost per MWh of electricity.

    Gas is quoted on the higher heating value, efficiencies on the lower one, so both bases are
    named and the ratio between them is a field.

    Attributes:
        product: Name of the fuel's price series.
        price_basis: Heating value the fuel price is quoted on.
        efficiency_lhv: MWh of electricity per MWh of fuel, lower heating value.
        higher_to_lower: Higher over lower heating value (natural gas 1.108).
        emission_factor: t CO2 per MWh of fuel.
        emission_factor_basis: Heating value the emission factor refers to.
        co2_product: Name of the CO2 price series.
        variable_cost: Operation and maintenance, currency/MWh of electricity.
    """

    product: str
    price_basis: HeatingValue
    efficiency_lhv: Efficiency
    higher_to_lower: Annotated[float, Field(ge=1, le=1.3)] = 1.108
    emission_factor: NonNegative
    emission_factor_basis: HeatingValue
    co2_product: str
    variable_cost: NonNegative = 0.0

    def marginal_cost(self, fuel_price: float, co2_price: float) -> float:
        """Currency per MWh of electricity at a fuel price (currency/MWh) and a CO2 price (/t)."""
        fuel = fuel_price * self._per_lower(self.price_basis)
        emission = self.emission_factor * self._per_lower(self.emission_factor_basis)
        return (fuel + emission * co2_price) / self.efficiency_lhv + self.variable_cost

    def _per_lower(self, basis: HeatingValue) -> float:
        # One MWh (lower) of fuel is `higher_to_lower` MWh on the higher basis.
        return self.higher_to_lower if basis == "higher" else 1.0


class ThermalUnit(_Model):
    """A dispatchable unit that is on or off by the hour.

    Attributes:
        capacity_mw: Highest power.
        min_power_mw: Lowest power while on.
        start_cost: Currency per start.
        min_up_hours: Hours a start commits to.
        min_down_hours: Hours a stop commits to.
        ramp_up_mw_per_hour: Fastest rise while on; unlimited if left out.
        ramp_down_mw_per_hour: Fastest fall while on; unlimited if left out.
        constant_cost: Marginal cost, currency/MWh, where it does not follow a fuel price.
        fuel: Fuel and CO2 use, where the marginal cost follows prices.
        must_run: On in every hour it can be.
        initially_on: State before the first hour where no plan says otherwise.
        hours_in_state: Hours spent in that state.
        initial_power_mw: Power before the first hour; minimum power if left out and on.
    """

    kind: Literal["thermal"] = "thermal"
    name: Name
    capacity_mw: Power
    min_power_mw: NonNegative = 0.0
    start_cost: NonNegative = 0.0
    min_up_hours: Annotated[int, Field(ge=1)] = 1
    min_down_hours: Annotated[int, Field(ge=1)] = 1
    ramp_up_mw_per_hour: Power | None = None
    ramp_down_mw_per_hour: Power | None = None
    constant_cost: Finite | None = None
    fuel: FuelUse | None = None
    must_run: bool = False
    initially_on: bool = False
    hours_in_state: NonNegative = 24.0
    initial_power_mw: NonNegative | None = None

    @model_validator(mode="after")
    def _fields_agree(self) -> ThermalUnit:
        if self.min_power_mw > self.capacity_mw:
            expected = f"at most capacity_mw ({self.capacity_mw})"
            raise broken_rule("min_power_mw", expected, self.min_power_mw)
        if (self.constant_cost is None) == (self.fuel is None):
            given = "neither" if self.fuel is None else "both"
            raise broken_rule("constant_cost", "either constant_cost or fuel", given)
        power = self.initial_power_mw
        if power is not None and not self.initially_on and power > 0:
            raise broken_rule("initial_power_mw", "0 while initially_on is false", power)
        if power is not None and self.initially_on:
            require_within("initial_power_mw", power, self.min_power_mw, self.capacity_mw)
        return self

    @property
    def start_power_mw(self) -> float:
        """Power before the first hour."""
        if not self.initially_on:
            return 0.0
        return self.min_power_mw if self.initial_power_mw is None else self.initial_power_mw

    def marginal_cost(self, fuel_price: float = 0.0, co2_price: float = 0.0) -> float:
        """Currency per MWh of electricity; prices are ignored where the cost is constant."""
        if self.fuel is None:
            assert self.constant_cost is not None
            return self.constant_cost
        return self.fuel.marginal_cost(fuel_price, co2_price)


class BatteryUnit(_Model):
    """A battery behind one connection.

    Attributes:
        power_mw: Highest charge and discharge power at the connection.
        energy_mwh: Usable energy.
        charge_efficiency: Stored MWh per MWh taken.
        discharge_efficiency: Delivered MWh per MWh drawn from store.
        wear_cost: Currency per MWh discharged (at the connection).
        max_cycles_per_day: Most full equivalents drawn from store in a delivery day.
        start_energy_mwh: Energy at the start where no plan says otherwise.
        end_energy_mwh: Energy at the end of the delivery day; free if left out.
        terminal_value: Currency per MWh left at the end (only with a free end).
    """

    kind: Literal["battery"] = "battery"
    name: Name
    power_mw: Power
    energy_mwh: Power
    charge_efficiency: Efficiency = 1.0
    discharge_efficiency: Efficiency = 1.0
    wear_cost: NonNegative = 0.0
    max_cycles_per_day: Power | None = None
    start_energy_mwh: NonNegative = 0.0
    end_energy_mwh: NonNegative | None = 0.0
    terminal_value: Finite = 0.0

    @model_validator(mode="after")
    def _fields_agree(self) -> BatteryUnit:
        require_within("start_energy_mwh", self.start_energy_mwh, 0.0, self.energy_mwh)
        if self.end_energy_mwh is not None:
            require_within("end_energy_mwh", self.end_energy_mwh, 0.0, self.energy_mwh)
            if self.terminal_value:
                expected = "0 unless end_energy_mwh is null (free)"
                raise broken_rule("terminal_value", expected, self.terminal_value)
        return self


class LoadUnit(_Model):
    """A fixed load the desk has to supply; figures state consumption.

    Attributes:
        peak_mw: Highest consumption.
    """

    kind: Literal["load"] = "load"
    name: Name
    peak_mw: Power


Unit = Annotated[
    WindUnit | SolarUnit | ThermalUnit | BatteryUnit | LoadUnit, Field(discriminator="kind")
]


def require_within(field: str, value: float, low: float, high: float) -> None:
    """Raise the validation error of a field that must lie in [low, high]."""
    if not low <= value <= high:
        raise broken_rule(field, f"between {low:g} and {high:g}", value)


def require_distinct_names(units: tuple[Unit, ...]) -> None:
    """Raise the validation error of a unit list in which a name repeats."""
    names = [unit.name for unit in units]
    for name in names:
        if names.count(name) > 1:
            raise broken_rule("units", "distinct names", f"{name} {names.count(name)} times")
