"""The check between an order set and its order file: it blocks.

Reads the stored curves back and applies every market rule of the delivery day.
"""

import dagster as dg

from energy_assets.bidding.runs import orders_in_force
from energy_assets.defs.decisions import stamps
from energy_assets.defs.resources import Workspace
from energy_assets.defs.specs import key
from energy_assets.market import check_order_set, load_area
from energy_assets.portfolio import Desk


def order_checks(workspace: Workspace) -> list[dg.AssetChecksDefinition]:
    """One blocking check per desk."""
    return [_check(workspace, desk) for desk in workspace.desks]


def _check(workspace: Workspace, desk: Desk) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=key(desk.name, "bids.curve_orders"),
        additional_deps=[key(desk.name, "bids.bid_runs")],
        name="market_rules",
        description="Curve kind, points, ticks, limits, monotonicity and MTU grid of the day.",
        blocking=True,
    )
    def _market_rules(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        found: dict[str, list[str]] = {}
        for stamp in stamps(context, workspace, desk):
            orders, _ = orders_in_force(workspace.lake, desk, stamp)
            session = load_area(desk.area).session(stamp.session)
            breaches = check_order_set(
                orders,
                session.delivery_day(stamp.delivery_day),
                session.curve_rules(stamp.delivery_day),
            )
            if breaches:
                found[str(stamp.delivery_day)] = [str(breach) for breach in breaches[:20]]
        return dg.AssetCheckResult(
            passed=not found, metadata={"breaches by day": dg.MetadataValue.json(found)}
        )

    return _market_rules
