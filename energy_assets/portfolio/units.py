"""The plant of a desk: typed, validated units, told apart by `kind`.

Powers are MW at the grid connection, energies MWh, costs currency/MWh of electricity unless a
field says otherwise. Injection is positive everywhere but in a load's own figures, which state
consumption.

Belongs here: what a unit is and can do, and its state at the start of a horizon where nothing
better is known. Not here: availability or prices (data), equations (`bidding.model`).
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
from energy_assets.portfolio.thermal_unit import FuelUse, ThermalUnit
from energy_assets.portfolio.validation import broken_rule

__all__ = [
    "BatteryUnit",
    "FuelUse",
    "LoadFlexibility",
    "LoadUnit",
    "Name",
    "NonNegative",
    "SolarUnit",
    "ThermalUnit",
    "Unit",
    "WindUnit",
    "require_distinct_names",
    "require_within",
]


class _RenewableUnit(FrozenModel):
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


class BatteryUnit(FrozenModel):
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


class LoadFlexibility(FrozenModel):
    """How far a load can be moved in time.

    Its forecast is the baseline. The desk may lower consumption and has to make up for it (or
    raise it in advance), so that a delivery day consumes as much as the baseline does.

    Attributes:
        lower_mw: Most consumption taken off at a time.
        raise_mw: Most consumption added at a time.
        energy_mwh: Most energy outstanding at a time, taken off or added.
        recovery_hours: Length of the windows, from the start of the delivery day, at whose ends
            everything taken off or added is made up for.
        shift_cost: Currency per MWh taken off.
    """

    lower_mw: NonNegative
    raise_mw: NonNegative
    energy_mwh: Power
    recovery_hours: Power = 24.0
    shift_cost: NonNegative = 0.0


class LoadUnit(FrozenModel):
    """A load the desk has to supply; figures state consumption.

    Attributes:
        peak_mw: Highest consumption of the baseline.
        flexibility: How far it can be moved; fixed if left out.
    """

    kind: Literal["load"] = "load"
    name: Name
    peak_mw: Power
    flexibility: LoadFlexibility | None = None


Unit = Annotated[
    WindUnit | SolarUnit | ThermalUnit | BatteryUnit | LoadUnit, Field(discriminator="kind")
]


def require_distinct_names(units: tuple[Unit, ...]) -> None:
    """Raise the validation error of a unit list in which a name repeats."""
    names = [unit.name for unit in units]
    for name in names:
        if names.count(name) > 1:
            raise broken_rule("units", "distinct names", f"{name} {names.count(name)} times")
