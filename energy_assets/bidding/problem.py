"""One bidding problem: what the desk knows at its decision time, typed and checked.

The same model is the body of `optimise PROBLEM.json`, so every field has a JSON form; arrays are
numpy inside and nested lists outside. Shapes: S scenarios, T MTUs.

Belongs here: the problem, its start states and solver options, and their checks. Not here: the
arrays the equations use (`model_data`), equations (`model`), the solve (`stochastic`).
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from energy_assets.bidding.arrays import FloatArray, Matrix, Vector
from energy_assets.bidding.markets import (
    BlockCandidate,
    IntradayMarket,
    ReserveMarket,
    require_shape,
)
from energy_assets.errors import InputError
from energy_assets.market.orders import CurveRules
from energy_assets.portfolio.desk import ImbalanceTerms, Limits
from energy_assets.portfolio.units import (
    BatteryUnit,
    LoadUnit,
    SolarUnit,
    ThermalUnit,
    Unit,
    WindUnit,
    require_distinct_names,
    require_within,
)
from energy_assets.portfolio.validation import broken_rule, input_error

__all__ = [
    "BiddingProblem",
    "Build",
    "FloatArray",
    "SolverOptions",
    "StartState",
    "load_problem",
    "make_problem",
]


Build = Literal["templated", "plain", "twin"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StartState(_Model):
    """State of a unit before the first MTU; fields left out come from the unit.

    Attributes:
        energy_mwh: Battery: energy in store.
        on: Thermal unit: on or off.
        hours_in_state: Thermal unit: hours spent on or off.
        power_mw: Thermal unit: power.
        drawn_mwh: Battery: drawn from store since the delivery day began, which counts against its
            cycle limit.
        shifted_mwh: Flexible load: energy taken off and not made up for yet; negative where more
            was added than taken off.
        window_hours: Flexible load: hours since its recovery window began.
    """

    energy_mwh: float | None = None
    on: bool | None = None
    hours_in_state: Annotated[float, Field(ge=0)] | None = None
    power_mw: Annotated[float, Field(ge=0)] | None = None
    drawn_mwh: Annotated[float, Field(ge=0)] = 0.0
    shifted_mwh: float = 0.0
    window_hours: Annotated[float, Field(ge=0)] = 0.0


class SolverOptions(_Model):
    """When the solver stops; gap and nodes decide, the clock is only a safety.

    Attributes:
        gap: Relative gap at which a mixed-integer solve stops.
        node_limit: Branch-and-bound nodes at which it stops.
        time_limit_seconds: Safety only: reaching it changes the rung.
        reduced_scenarios: Scenarios the commitment is decided on.
        build: How the model is made: with Pyomo's rules as templates or plainly, or by the numpy
            twin. All three give the same matrix.
    """

    gap: Annotated[float, Field(ge=0, lt=1)] = 0.005
    node_limit: Annotated[int, Field(ge=1)] = 2000
    time_limit_seconds: Annotated[float, Field(gt=0)] = 300.0
    reduced_scenarios: Annotated[int, Field(ge=1)] = 8
    build: Build = "templated"


class BiddingProblem(_Model):
    """What to offer at one gate.

    Attributes:
        start: Start of the first MTU.
        mtu_minutes: MTU length.
        units: The plant.
        prices: Price scenarios (S, T) of the auction at hand, currency/MWh; day-ahead prices where
            there is none.
        auction: Whether a curve is offered. Otherwise the position is what earlier sessions left
            and what is traded intraday.
        earlier_position: Net sale (T,) MW from earlier sessions and delivery obligations; their
            cash is history.
        blocks: Block orders that may be offered beside the curve.
        reserves: Reserve products, offered now or later, or awarded.
        intraday: Trading after the auction.
        probabilities: Of the scenarios (S,); equal if left out.
        long_prices: Imbalance price of a surplus (S, T).
        short_prices: Imbalance price of a deficit (S, T).
        imbalance: Penalty around the day-ahead price where there is no imbalance price, aversion.
        availability: Per wind, solar and load unit (S, T) MW; a load's figures are consumption.
        power_limits: Per battery or thermal unit, highest power (T,) MW where an outage lowers it.
        marginal_costs: Per thermal unit, currency/MWh, one figure or (T,).
        start_states: Per unit, where the unit's own figures are out of date.
        commit_late: Thermal units that can still be started once the auction's outcome is known:
            their commitment may differ by scenario.
        rules: The order checks' figures.
        limits: Position limits.
        risk_weight: 0 maximises the mean, 1 the conditional value at risk.
        cvar_level: Level of the conditional value at risk.
        price_points: Most price points per curve, without the two limits.
        solver: Solver options.
    """

    start: AwareDatetime
    mtu_minutes: Literal[15, 30, 60]
    units: tuple[Unit, ...] = Field(min_length=1)
    prices: Matrix
    auction: bool = True
    earlier_position: Vector | None = None
    blocks: tuple[BlockCandidate, ...] = ()
    reserves: tuple[ReserveMarket, ...] = ()
    intraday: IntradayMarket | None = None
    probabilities: Vector | None = None
    long_prices: Matrix | None = None
    short_prices: Matrix | None = None
    imbalance: ImbalanceTerms = ImbalanceTerms()
    availability: dict[str, Matrix] = Field(default_factory=dict)
    power_limits: dict[str, Vector] = Field(default_factory=dict)
    marginal_costs: dict[str, float | Vector] = Field(default_factory=dict)
    start_states: dict[str, StartState] = Field(default_factory=dict)
    commit_late: tuple[str, ...] = ()
    rules: CurveRules
    limits: Limits
    risk_weight: Annotated[float, Field(ge=0, le=1)] = 0.0
    cvar_level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    price_points: Annotated[int, Field(ge=2)] = 12
    solver: SolverOptions = SolverOptions()

    @property
    def scenario_count(self) -> int:
        """S."""
        return int(self.prices.shape[0])

    @property
    def mtu_count(self) -> int:
        """T."""
        return int(self.prices.shape[1])

    @property
    def hours_per_mtu(self) -> float:
        """MW x this = MWh."""
        return self.mtu_minutes / 60.0

    @property
    def weights(self) -> FloatArray:
        """Probabilities (S,)."""
        if self.probabilities is not None:
            return self.probabilities
        return np.full(self.scenario_count, 1.0 / self.scenario_count)

    @property
    def starts(self) -> list[datetime]:
        """Start of each MTU."""
        step = timedelta(minutes=self.mtu_minutes)
        return [self.start + step * position for position in range(self.mtu_count)]

    def start_state(self, unit: BatteryUnit | ThermalUnit) -> StartState:
        """The unit's complete start state."""
        known = self.start_states.get(unit.name, StartState())
        if isinstance(unit, BatteryUnit):
            given = known.energy_mwh
            energy = unit.start_energy_mwh if given is None else given
            return StartState(energy_mwh=energy, drawn_mwh=known.drawn_mwh)
        on = unit.initially_on if known.on is None else known.on
        hours = unit.hours_in_state if known.hours_in_state is None else known.hours_in_state
        power = known.power_mw
        if power is None:
            power = unit.start_power_mw if on == unit.initially_on else on * unit.min_power_mw
        return StartState(on=on, hours_in_state=hours, power_mw=power)

    def under(
        self, prices: npt.ArrayLike, availability: dict[str, npt.ArrayLike], **changes: Any
    ) -> BiddingProblem:
        """The same plant and rules on one known path: prices (T,), availability (T,) per unit."""
        path = {
            "prices": np.atleast_2d(np.asarray(prices, dtype=float)),
            "availability": {name: np.atleast_2d(path) for name, path in availability.items()},
            "probabilities": None,
            "long_prices": None,
            "short_prices": None,
            "blocks": (),
            "reserves": (),
            "intraday": None,
            "commit_late": (),
        }
        return checked(self, **(path | changes))

    def expected_availability(self) -> dict[str, FloatArray]:
        """Probability-weighted mean path (T,) of each wind, solar and load unit."""
        return {name: self.weights @ paths for name, paths in self.availability.items()}

    @model_validator(mode="after")
    def _consistent(self) -> BiddingProblem:
        require_distinct_names(self.units)
        self._check_horizon()
        self._check_probabilities()
        self._check_imbalance()
        self._check_markets()
        self._check_names()
        for unit in self.units:
            self._check_unit(unit)
        return self

    def _check_horizon(self) -> None:
        if self.mtu_count * self.mtu_minutes % 60:
            found = f"{self.mtu_count} MTUs of {self.mtu_minutes} min"
            raise broken_rule("prices", "whole hours of MTUs", found)

    def _check_probabilities(self) -> None:
        if self.probabilities is None:
            return
        require_shape("probabilities", self.probabilities, (self.scenario_count,))
        if (self.probabilities < 0).any() or abs(self.probabilities.sum() - 1.0) > 1e-6:
            found = float(self.probabilities.sum())
            raise broken_rule("probabilities", "figures from 0 that add up to 1", found)

    def _check_imbalance(self) -> None:
        if (self.long_prices is None) != (self.short_prices is None):
            raise broken_rule("long_prices", "both long_prices and short_prices, or none", "one")
        if self.long_prices is None or self.short_prices is None:
            if self.imbalance.deviation_penalty is None:
                expected = "a figure where no imbalance prices are given"
                raise broken_rule("imbalance.deviation_penalty", expected, "nothing")
            return
        shape = self.prices.shape
        require_shape("long_prices", self.long_prices, shape)
        require_shape("short_prices", self.short_prices, shape)
        above = np.argwhere(self.long_prices > self.short_prices + 1e-9)
        if above.size:
            where = f"long_prices[{above[0][0]}][{above[0][1]}]"
            expected = "at most the short price (else imbalance is a money machine)"
            raise broken_rule(where, expected, float(self.long_prices[tuple(above[0])]))

    def _check_markets(self) -> None:
        if self.earlier_position is not None:
            require_shape("earlier_position", self.earlier_position, (self.mtu_count,))
        if self.blocks and not self.auction:
            raise broken_rule("blocks", "none without an auction", len(self.blocks))
        for number, block in enumerate(self.blocks):
            if block.mtus.stop > self.mtu_count:
                where = f"blocks[{number}]"
                raise broken_rule(where, f"an end within {self.mtu_count} MTUs", block.mtus.stop)
        providers = {u.name for u in self.units if not is_fixed(u)}
        names = [market.name for market in self.reserves]
        for market in self.reserves:
            market.require_fit(*self.prices.shape)
            if names.count(market.name) > 1:
                raise broken_rule("reserves", "distinct names", market.name)
            for name in market.providers:
                if name not in providers:
                    where = f"reserves[{market.name}].providers"
                    expected = f"some of {', '.join(sorted(providers)) or 'no units'}"
                    raise broken_rule(where, expected, name)
        if self.intraday is not None:
            self.intraday.require_fit(*self.prices.shape)

    def _check_names(self) -> None:
        forecast = {u.name for u in self.units if isinstance(u, WindUnit | SolarUnit | LoadUnit)}
        plant = {u.name for u in self.units if isinstance(u, BatteryUnit | ThermalUnit)}
        thermal = {u.name for u in self.units if isinstance(u, ThermalUnit)}
        flexible = {u.name for u in self.units if isinstance(u, LoadUnit) and u.flexibility}
        for field, given, known in (
            ("availability", self.availability, forecast),
            ("power_limits", self.power_limits, plant),
            ("marginal_costs", self.marginal_costs, thermal),
            ("start_states", self.start_states, plant | flexible),
            ("commit_late", self.commit_late, thermal),
        ):
            for name in given:
                if name not in known:
                    expected = f"one of {', '.join(sorted(known)) or 'no units'}"
                    raise broken_rule(field, expected, name)

    def _check_unit(self, unit: Unit) -> None:
        if isinstance(unit, WindUnit | SolarUnit | LoadUnit):
            self._check_availability(unit)
            return
        if unit.name in self.power_limits:
            where = f"power_limits[{unit.name}]"
            require_shape(where, self.power_limits[unit.name], (self.mtu_count,))
            require_within(where, float(self.power_limits[unit.name].min()), 0.0, np.inf)
        state = self.start_state(unit)
        if isinstance(unit, BatteryUnit):
            assert state.energy_mwh is not None
            where = f"start_states[{unit.name}].energy_mwh"
            require_within(where, state.energy_mwh, -1e-6, unit.energy_mwh + 1e-6)
            return
        self._check_cost(unit)
        if not state.on and state.power_mw:
            where = f"start_states[{unit.name}].power_mw"
            raise broken_rule(where, "0 while the unit is off", state.power_mw)

    def _check_availability(self, unit: WindUnit | SolarUnit | LoadUnit) -> None:
        where = f"availability[{unit.name}]"
        if unit.name not in self.availability:
            raise broken_rule(where, f"({self.scenario_count}, {self.mtu_count}) MW", "nothing")
        paths = self.availability[unit.name]
        require_shape(where, paths, self.prices.shape)
        highest = unit.peak_mw if isinstance(unit, LoadUnit) else unit.capacity_mw
        for value in (float(paths.min()), float(paths.max())):
            # Meter noise of a hundredth above the rating is no reason to miss a gate.
            require_within(where, value, 0.0, highest * 1.01)

    def _check_cost(self, unit: ThermalUnit) -> None:
        where = f"marginal_costs[{unit.name}]"
        if unit.name not in self.marginal_costs:
            if unit.constant_cost is None:
                raise broken_rule(where, "a figure for a unit whose cost follows fuel", "nothing")
            return
        cost = self.marginal_costs[unit.name]
        if isinstance(cost, np.ndarray):
            require_shape(where, cost, (self.mtu_count,))


def is_fixed(unit: Unit) -> bool:
    """Whether nothing can be decided about a unit."""
    if isinstance(unit, WindUnit | SolarUnit):
        return not unit.curtailable
    return isinstance(unit, LoadUnit) and unit.flexibility is None


def make_problem(source: str, **fields: Any) -> BiddingProblem:
    """A checked problem from Python values.

    Raises:
        InputError: One line naming `source`, the field, expected and found.
    """
    try:
        return BiddingProblem.model_validate(fields)
    except ValidationError as error:
        raise input_error(source, fields, error) from error


def checked(problem: BiddingProblem, **changes: Any) -> BiddingProblem:
    """A problem with some fields changed, checked again."""
    document = {name: getattr(problem, name) for name in type(problem).model_fields}
    return BiddingProblem.model_validate(document | changes)


def load_problem(path: Path) -> BiddingProblem:
    """Read and check a problem file.

    Raises:
        InputError: One line naming file, field, expected and found.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(str(path), expected="a readable problem file", found=str(error)) from error
    except json.JSONDecodeError as error:
        where = f"{path.name}: line {error.lineno}"
        raise InputError(where, expected="valid JSON", found=error.msg) from error
    if not isinstance(document, dict):
        raise InputError(path.name, expected="an object", found=type(document).__name__)
    return make_problem(path.name, **document)
