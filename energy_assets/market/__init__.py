"""Market facts and market objects: time, areas, sessions, gates, orders in integer ticks.

Belongs here: what a market says (delivery days, MTU grids, gates, limits, curve types) and the
objects it accepts (net curve orders, order files). Not here: what a desk owns (`portfolio`), what
it decides (`bidding`), or anything that reads a table.

Public face:
    `load_area(code)` -> `Area` -> `.session(name)` -> `Session`
    `Session.delivery_day(date)` -> `DeliveryDay` (UTC bounds) and its MTU grid
    `Session.gate_closure(date)`, `.publication(date)`, `.curve_rules(date)`
    `Area.reserve(name)` -> `ReserveAuction`: rules, gate and product blocks of a reserve product
    `CurveOrder`, `OrderSet`, `check_order_set`, order files in `market.order_files`
"""

from energy_assets.market.areas import Area, Session, area_codes, load_area
from energy_assets.market.balancing import ImbalanceRules, ReserveAuction, ReserveRules
from energy_assets.market.clock import DeliveryDay, Mtu
from energy_assets.market.orders import (
    BlockOrder,
    CurveKind,
    CurveOrder,
    CurveRules,
    OrderSet,
    RuleBreach,
    check_order_set,
    require_valid,
)

__all__ = [
    "Area",
    "BlockOrder",
    "CurveKind",
    "CurveOrder",
    "CurveRules",
    "DeliveryDay",
    "ImbalanceRules",
    "Mtu",
    "OrderSet",
    "ReserveAuction",
    "ReserveRules",
    "RuleBreach",
    "Session",
    "area_codes",
    "check_order_set",
    "load_area",
    "require_valid",
]
