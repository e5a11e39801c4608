"""The answer document of `optimise`: what `BiddingSolution.as_json` prints, as a model.

More fields may follow, none goes. Powers are MW, prices currency/MWh (capacity prices currency per
MW and hour); curves are in ticks of the problem's rules. T MTUs, H hours, B product blocks.
"""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from energy_assets.bidding.solution import Rung


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Band(_Document):
    """A quantity over MTUs or blocks: mean and quantiles over the scenarios."""

    mean: list[float]
    p05: list[float]
    p50: list[float]
    p95: list[float]


class Curve(_Document):
    """Net supply curve of one MTU: (price ticks, volume ticks), both rising."""

    start: AwareDatetime
    minutes: int
    points: list[tuple[int, int]] = Field(min_length=2)


class Block(_Document):
    """A block order: one volume over a run of MTUs."""

    start: AwareDatetime
    mtu_count: int
    side: str
    limit_price: float
    volume_mw: float


class Offer(_Document):
    """Reserve volume offered at a capacity price for one product block."""

    product: str
    block: int
    start: AwareDatetime
    price: float
    volume_mw: float


class Trade(_Document):
    """Net sale intraday (T,) in one node of the auction's outcome."""

    node: int
    probability: float
    net_sale_mw: list[float]


class Unit(_Document):
    """Plan of a unit: net injection (T,), a battery's energy (T,), a thermal unit's hours (H,)."""

    power_mw: Band
    energy_mwh: Band | None = None
    on: list[bool] | None = None


class Answer(_Document):
    """Orders, plan, value and risk of one bidding problem."""

    rung: Rung
    status: str = Field(description="the solver's word")
    expected_value: float = Field(description="mean cash profit over the scenarios")
    cvar: float = Field(description="conditional value at risk of it at the problem's level")
    objective: float | None
    bound: float | None = Field(description="best bound of the objective")
    gap: float | None = Field(description="relative gap to the bound")
    bound_scope: str = Field(description="what the bound was proven for")
    curves: list[Curve]
    block_orders: list[Block]
    reserve_offers: list[Offer]
    reserve_awards_mw: dict[str, Band] = Field(description="by product, over its blocks")
    intraday_trades: list[Trade]
    mtu_starts: list[AwareDatetime]
    dispatch: dict[str, Unit]
    imbalance_mw: Band = Field(description="planned, long positive")
    soft_breaches: list[str] = Field(description="soft limits paid for")
    reason: str = Field(description="why this rung and no better one")
    seconds: dict[str, float] = Field(description="CPU seconds by step")
