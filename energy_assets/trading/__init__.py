"""From orders to cash: paper exchange, order drop, paper plant, settlement to the cent.

Belongs here: what happens to an order set after the desk has decided it, and what it earned. Not
here: how orders are made (`bidding`), value against benchmarks (`backtesting`), charts (`reports`).

Public face:
    `clear(orders, prices)` -> awards; `write_drop`, `verify_drop` for order files
    `meter_schedules(schedules, units, day)` -> meter readings of the paper plant
    `settle(SettlementInputs)` -> cash rows; `totals_cents`, `profit_cents` add them up
"""

from energy_assets.trading.exchange import clear
from energy_assets.trading.imbalance_prices import (
    DeviationPenalty,
    DualPrices,
    ImbalanceTariff,
    SinglePrices,
)
from energy_assets.trading.ledger import COMPONENTS, profit_cents, totals_cents
from energy_assets.trading.order_drop import OrderDrop, verify_drop, write_drop
from energy_assets.trading.plant import controllable_units, meter_schedules
from energy_assets.trading.settlement import SettlementInputs, settle
from energy_assets.trading.unit_costs import UnitCosts, unit_costs

__all__ = [
    "COMPONENTS",
    "DeviationPenalty",
    "DualPrices",
    "ImbalanceTariff",
    "OrderDrop",
    "SettlementInputs",
    "SinglePrices",
    "UnitCosts",
    "clear",
    "controllable_units",
    "meter_schedules",
    "profit_cents",
    "settle",
    "totals_cents",
    "unit_costs",
    "verify_drop",
    "write_drop",
]
