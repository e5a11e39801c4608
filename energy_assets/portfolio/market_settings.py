"""Which markets a desk trades beside the day-ahead curve, and how far.

Belongs here: the desk's own choices (units prequalified, depth it counts on). Not here: what the
market allows (`market.areas`), equations (`bidding.model`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from energy_assets.portfolio.fields import FrozenModel, Name, NonNegative, Power
from energy_assets.portfolio.validation import broken_rule

ReserveName = Literal["fcr", "afrr_up", "afrr_down", "mfrr_up", "mfrr_down"]
IntradayAuction = Literal["ida1", "ida2", "ida3"]


class ReserveSettings(FrozenModel):
    """A reserve product the desk offers.

    Attributes:
        providers: Most MW each unit is prequalified for.
    """

    providers: dict[Name, Power] = Field(min_length=1)


class IntradaySettings(FrozenModel):
    """Intraday trading.

    Attributes:
        auctions: Intraday auctions the desk bids in.
        continuous: Whether it trades continuously.
        half_spread: What a trade is taken to cost around the mid price, currency/MWh.
        depth_mw: Volume of each step of the ladder the model counts on, per MTU and side.
        impact: What a step costs beyond the half spread, currency/MWh.
        max_volume_mw: Most net volume per MTU; no such limit if left out.
        nodes: Outcomes of the auction at hand that intraday positions are told apart by.
    """

    auctions: tuple[IntradayAuction, ...] = ()
    continuous: bool = True
    half_spread: NonNegative = 1.0
    depth_mw: tuple[Power, ...] = (10.0, 20.0)
    impact: tuple[NonNegative, ...] = (0.0, 3.0)
    max_volume_mw: NonNegative | None = None
    nodes: Annotated[int, Field(ge=1)] = 5

    @model_validator(mode="after")
    def _ladder_has_costs(self) -> IntradaySettings:
        if len(self.depth_mw) != len(self.impact):
            raise broken_rule("impact", f"{len(self.depth_mw)} figures", len(self.impact))
        return self


class BlockSettings(FrozenModel):
    """A block order the desk may offer.

    Attributes:
        from_hour: First hour, wall clock.
        to_hour: Hour it ends at.
        side: `sale` or `purchase`.
        limit_price: Currency/MWh; of a sale, the least mean price.
        max_volume_mw: Most volume.
        rejection_margin: A block that close to its limit counts as rejected, currency/MWh.
    """

    from_hour: Annotated[int, Field(ge=0, le=23)]
    to_hour: Annotated[int, Field(ge=1, le=24)]
    side: Literal["sale", "purchase"] = "sale"
    limit_price: Annotated[float, Field(allow_inf_nan=False)]
    max_volume_mw: Power
    rejection_margin: NonNegative = 1.0

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> BlockSettings:
        if self.to_hour <= self.from_hour:
            raise broken_rule("to_hour", f"more than from_hour ({self.from_hour})", self.to_hour)
        return self


class MarketSettings(FrozenModel):
    """Markets of a desk.

    Attributes:
        reserves: Reserve products by name.
        blocks: Block orders that may be offered day-ahead.
        intraday: Intraday trading, or None.
        balancing_energy: Whether free room is offered as balancing energy.
        history_days: Past days from which prices and calls of these markets are drawn.
    """

    reserves: dict[ReserveName, ReserveSettings] = Field(default_factory=dict)
    blocks: tuple[BlockSettings, ...] = ()
    intraday: IntradaySettings | None = None
    balancing_energy: bool = False
    history_days: Annotated[int, Field(ge=7)] = 28

    @property
    def sessions(self) -> list[str]:
        """Sessions the desk decides, in the order of their gates."""
        groups = [name for name in ("fcr", "afrr", "mfrr") if self.products(name)]
        auctions = [] if self.intraday is None else [*self.intraday.auctions]
        early = [name for name in auctions if name != "ida3"]
        return [*groups, "day_ahead", *early, *(name for name in auctions if name == "ida3")]

    def products(self, session: str) -> list[ReserveName]:
        """Reserve products decided in a session."""
        return [name for name in self.reserves if name.split("_")[0] == session]
