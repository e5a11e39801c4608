"""Thermal units: limits, commitment, starts and what a MWh costs.

Belongs here: the unit and its fuel use. Not here: fuel prices (data), equations (`bidding.model`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from energy_assets.portfolio.fields import (
    Efficiency,
    Finite,
    FrozenModel,
    Name,
    NonNegative,
    Power,
    require_within,
)
from energy_assets.portfolio.validation import broken_rule

HeatingValue = Literal["lower", "higher"]


class FuelUse(FrozenModel):
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


class ThermalUnit(FrozenModel):
    """A dispatchable unit that is on or off by the hour.

    Attributes:
        capacity_mw: Highest power.
        min_power_mw: Lowest power while on.
        start_cost: Currency per start, a hot one where a cold one costs more.
        cold_start_cost: Currency per start after `cold_after_hours` off; as a hot one if left out.
        cold_after_hours: Hours off after which a start is cold.
        part_load_efficiency: Efficiency at minimum power as a share of that at capacity.
        min_up_hours: Hours a start commits to.
        min_down_hours: Hours a stop commits to.
        ramp_up_mw_per_hour: Fastest rise while on; unlimited if left out.
        ramp_down_mw_per_hour: Fastest fall while on; unlimited if left out.
        start_power_limit_mw: Most power in the first MTU after a start; minimum power or one MTU's
            ramp, whichever is more, if left out.
        stop_power_limit_mw: Most power in the last MTU before a stop; the same.
        notice_hours: Time from the order to start until the unit runs. Where a session clears no
            sooner before delivery, commitment is decided before its outcome is known.
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
    cold_start_cost: NonNegative | None = None
    cold_after_hours: Annotated[int, Field(ge=1)] = 8
    part_load_efficiency: Efficiency = 1.0
    min_up_hours: Annotated[int, Field(ge=1)] = 1
    min_down_hours: Annotated[int, Field(ge=1)] = 1
    ramp_up_mw_per_hour: Power | None = None
    ramp_down_mw_per_hour: Power | None = None
    start_power_limit_mw: Power | None = None
    stop_power_limit_mw: Power | None = None
    notice_hours: NonNegative = 24.0
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
        cold = self.cold_start_cost
        if cold is not None and cold < self.start_cost:
            raise broken_rule("cold_start_cost", f"at least start_cost ({self.start_cost})", cold)
        for name in ("start_power_limit_mw", "stop_power_limit_mw"):
            limit = getattr(self, name)
            if limit is not None:
                require_within(name, limit, self.min_power_mw, self.capacity_mw)
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
