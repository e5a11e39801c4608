"""From orders to cash: paper exchanges, order drop, paper plant, settlement to the cent.

Belongs here: what happens to an order set after the desk has decided it, and what it earned. Not
here: how orders are made (`bidding`), value against benchmarks (`backtesting`), charts (`reports`).

Public face:
    `clear(orders, prices)` -> awards, `block_results`; `clear_offers(offers, prices)` -> reserve
    awards; `fill(orders, index, settings)` -> trades; `reserve_activations(...)` -> called energy
    `write_drop`, `verify_drop` for order files
    `meter_schedules(schedules, units, day)` -> meter readings of the paper plant
    `settle(SettlementInputs)` -> cash rows; `totals_cents`, `profit_cents` add them up
"""

from energy_assets.trading.continuous import fill
from energy_assets.trading.exchange import block_results, clear
from energy_assets.trading.imbalance_prices import (
    DeviationPenalty,
    DualPrices,
    ImbalanceTariff,
    SinglePrices,
)
from energy_assets.trading.ledger import COMPONENTS, profit_cents, totals_cents
from energy_assets.trading.order_drop import OrderDrop, verify_drop, write_drop
from energy_assets.trading.plant import controllable_units, meter_schedules
from energy_assets.trading.positions import Sold, position_rows
from energy_assets.trading.reserve_activations import reserve_activations
from energy_assets.trading.reserve_exchange import clear_offers
from energy_assets.trading.settlement import OtherMarkets, SettlementInputs, settle
from energy_assets.trading.unit_costs import UnitCosts, unit_costs

__all__ = [
    "COMPONENTS",
    "DeviationPenalty",
    "DualPrices",
    "ImbalanceTariff",
    "OrderDrop",
    "OtherMarkets",
    "SettlementInputs",
    "SinglePrices",
    "Sold",
    "UnitCosts",
    "block_results",
    "clear",
    "clear_offers",
    "controllable_units",
    "fill",
    "meter_schedules",
    "position_rows",
    "profit_cents",
    "reserve_activations",
    "settle",
    "totals_cents",
    "unit_costs",
    "verify_drop",
    "write_drop",
]
