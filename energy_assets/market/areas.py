"""Market areas: dated facts from `areas/*.yaml`, looked up by delivery day.

Every fact is a list of rows `{value, unit, valid_from, valid_to, source, status}`; the row in force
is found by delivery day, so that code holds no market constant. Status: C confirmed in a primary
source, S secondary, OLD primary but years old, G general knowledge (shown as unverified).

Belongs here: the models, the loader and lookups. Not here: facts (YAML) or order checks (`orders`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from energy_assets.errors import InputError, MarketRuleError
from energy_assets.market.balancing import (
    BalancingEnergyRules,
    ImbalanceRules,
    ReserveAuction,
    ReserveFacts,
)
from energy_assets.market.clock import DeliveryDay, delivery_day, wall_clock
from energy_assets.market.facts import Fact, FactModel, WallClock
from energy_assets.market.orders import CurveKind, CurveRules


class CurveFact(FactModel):
    """How an order curve must look; prices in currency/MWh, volumes in MW."""

    kind: CurveKind
    min_points: int = 2
    max_points: int = 256
    price_tick: float
    volume_tick_mw: float


class PriceLimits(FactModel):
    """Lowest and highest order price, currency/MWh."""

    minimum: float
    maximum: float


class SessionFacts(FactModel):
    """The dated facts of one auction session of an area.

    Attributes:
        clock: IANA zone of the delivery day.
        start_offset_hours: Start of the delivery day from midnight.
        delivery_from: Wall-clock time of the first delivery, where it is not the day's start.
        gate_closure: Last moment for orders.
        publication: When results are normally out.
        mtu_minutes: Market time unit.
        curve: How a curve must look.
        price_limits: Lowest and highest order price.
    """

    clock: Fact[str]
    start_offset_hours: Fact[float]
    delivery_from: Fact[time] | None = None
    gate_closure: Fact[WallClock]
    publication: Fact[WallClock]
    mtu_minutes: Fact[Literal[15, 30, 60]]
    curve: Fact[CurveFact]
    price_limits: Fact[PriceLimits]


class ContinuousRules(FactModel):
    """Continuous intraday trading.

    Attributes:
        lead_minutes: Trading of an MTU ends so long before its start.
        price_tick: Step of prices, currency/MWh.
        volume_tick_mw: Step of volumes.
        minimum: Lowest order price.
        maximum: Highest order price.
    """

    lead_minutes: float
    price_tick: float
    volume_tick_mw: float
    minimum: float
    maximum: float


class Session:
    """One session (auction) of an area, bound to its dated facts."""

    def __init__(self, area: str, name: str, facts: SessionFacts) -> None:
        self.area = area
        self.name = name
        self.facts = facts

    def delivery_day(self, day: date) -> DeliveryDay:
        """The UTC bounds and MTU grid of a delivery day, or of the part of it that is sold."""
        whole = delivery_day(
            day,
            clock=self.facts.clock.on(day),
            start_offset=timedelta(hours=self.facts.start_offset_hours.on(day)),
            mtu_minutes=self.facts.mtu_minutes.on(day),
        )
        if self.facts.delivery_from is None:
            return whole
        first = wall_clock(day, self.facts.delivery_from.on(day), whole.clock)
        return replace(whole, start=first)

    def delivery_day_of(self, moment: datetime) -> DeliveryDay:
        """The delivery day that contains a UTC moment."""
        guess = moment.astimezone(UTC).date()
        for label in (guess, guess + timedelta(days=1), guess - timedelta(days=1)):
            day = self.delivery_day(label)
            if day.start <= moment < day.end:
                return day
        msg = f"{self.area}/{self.name}: no delivery day contains {moment.isoformat()}"
        raise MarketRuleError(msg)

    def days(self, first: date, last: date) -> list[DeliveryDay]:
        """Delivery days from `first` to `last`, both included."""
        count = (last - first).days + 1
        return [self.delivery_day(first + timedelta(days=i)) for i in range(count)]

    def gate_closure(self, day: date) -> datetime:
        """UTC gate closure for a delivery day."""
        return self.facts.gate_closure.on(day).on(day)

    def publication(self, day: date) -> datetime:
        """UTC moment at which results are normally out."""
        return self.facts.publication.on(day).on(day)

    def curve_rules(self, day: date) -> CurveRules:
        """The order checks' figures for a delivery day, in integer ticks."""
        curve = self.facts.curve.on(day)
        limits = self.facts.price_limits.on(day)
        return CurveRules(
            kind=curve.kind,
            min_points=curve.min_points,
            max_points=curve.max_points,
            price_tick=curve.price_tick,
            volume_tick_mw=curve.volume_tick_mw,
            price_min_ticks=round(limits.minimum / curve.price_tick),
            price_max_ticks=round(limits.maximum / curve.price_tick),
        )


class Area(FactModel):
    """A market area.

    Attributes:
        code: Scope name of its data, e.g. DE_LU.
        timezone: Local zone (the partition calendar; the session has its own clock).
        synthetic: True for areas whose data is generated.
        benchmark_only: True for published benchmark series with a normalised clock.
        parent: The area this one copies facts from, if any.
        holiday_country: ISO code of the country whose public holidays shape its load, if any.
    """

    code: str
    name: str
    eic: str = ""
    timezone: str
    currency: str
    synthetic: bool = False
    benchmark_only: bool = False
    parent: str = ""
    holiday_country: str = ""
    sessions: dict[str, SessionFacts]
    reserves: dict[str, ReserveFacts] = Field(default_factory=dict)
    continuous: Fact[ContinuousRules] | None = None
    balancing_energy: Fact[BalancingEnergyRules] | None = None
    imbalance: Fact[ImbalanceRules] | None = None

    def reserve(self, name: str) -> ReserveAuction:
        """A reserve product by name.

        Raises:
            MarketRuleError: If the area has no such product.
        """
        if name not in self.reserves:
            known = sorted(self.reserves) or "none"
            msg = f"area {self.code} has no reserve product {name!r}; it has {known}"
            raise MarketRuleError(msg)
        return ReserveAuction(self.code, name, self.reserves[name])

    def products(self, session: str) -> list[str]:
        """Reserve products decided at one gate: `afrr` stands for `afrr_up` and `afrr_down`."""
        return [name for name in self.reserves if session in (name, name.split("_")[0])]

    def gate_closure(self, session: str, day: date) -> datetime:
        """UTC gate closure of an energy or reserve auction for a delivery day.

        Raises:
            MarketRuleError: If the area has no such session.
        """
        products = self.products(session)
        if session in self.sessions or not products:
            return self.session(session).gate_closure(day)
        return min(self.reserve(name).gate_closure(day) for name in products)

    def publication(self, session: str, day: date) -> datetime:
        """UTC moment at which the results of an auction are normally out.

        Raises:
            MarketRuleError: If the area has no such session.
        """
        products = self.products(session)
        if session in self.sessions or not products:
            return self.session(session).publication(day)
        return max(self.reserve(name).publication(day) for name in products)

    def delivery_day(self, session: str, day: date) -> DeliveryDay:
        """Delivery day of an auction; reserves are planned on the day-ahead auction's grid."""
        return self.session(session if session in self.sessions else "day_ahead").delivery_day(day)

    def session(self, name: str = "day_ahead") -> Session:
        """A session by name.

        Raises:
            MarketRuleError: If the area has no such session.
        """
        if name not in self.sessions:
            msg = f"area {self.code} has no session {name!r}; it has {sorted(self.sessions)}"
            raise MarketRuleError(msg)
        return Session(self.code, name, self.sessions[name])


def area_codes() -> list[str]:
    """Codes of all areas shipped; pages with a leading `_` only hold shared facts."""
    folder = files("energy_assets.market") / "areas"
    return sorted(
        entry.name.removesuffix(".yaml").upper()
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml") and not entry.name.startswith("_")
    )


@cache
def load_area(code: str) -> Area:
    """The area with this code.

    Raises:
        InputError: If the code is unknown or its file is not valid.
    """
    if code not in area_codes():
        raise InputError("area", expected=f"one of {', '.join(area_codes())}", found=code)
    document = _document(code)
    try:
        return Area.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = f"areas/{code.lower()}.yaml: {'.'.join(map(str, first['loc']))}"
        raise InputError(where, expected=first["msg"], found=first["input"]) from error


def _document(code: str) -> dict[str, Any]:
    path = files("energy_assets.market") / "areas" / f"{code.lower()}.yaml"
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    parent = document.pop("extends", "")
    if not parent:
        return document
    inherited = _document(parent)
    for key in ("sessions", "reserves"):
        if key in inherited and key in document:
            document[key] = {**inherited[key], **document[key]}
    inherited |= document
    return inherited if parent.startswith("_") else {**inherited, "parent": parent}
