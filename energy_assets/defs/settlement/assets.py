"""After metering: settlement to the cent, forecast scores, the report of the settled day."""

import dagster as dg

from energy_assets.defs.bids.assets import report_asset
from energy_assets.defs.decisions import decided_stamps, failing_in_one_line
from energy_assets.defs.partitions import delivery_days
from energy_assets.defs.resources import Workspace
from energy_assets.defs.specs import key, table_spec
from energy_assets.forecasting.runs import run_scores
from energy_assets.market import load_area
from energy_assets.portfolio import Desk
from energy_assets.trading.ledger import profit_cents, totals_cents
from energy_assets.trading.runs import run_settlement


def settlement_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    """Settlement, scores and settled report of every desk."""
    made = (_settlement, _scores, _report)
    return [make(workspace, desk) for desk in workspace.desks for make in made]


def _settlement(workspace: Workspace, desk: Desk) -> dg.AssetsDefinition:
    deps = [key(desk.name, "trading.awards"), key(desk.area, "raw.market_prices")]
    if load_area(desk.area).synthetic:
        deps.append(key(desk.name, "raw.meter_readings"))
    spec = table_spec(desk.name, "trading.settlement", area=desk.area, deps=deps)

    @dg.multi_asset(
        name=f"{desk.name}__settlement",
        specs=[spec],
        partitions_def=delivery_days(desk.area),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def _asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with failing_in_one_line():
            cash = [
                run_settlement(workspace.lake, desk, stamp, workspace.now())
                for stamp in decided_stamps(context, workspace, desk)
            ]
        lines = [f"| {k} | {v / 100:,.2f} |" for k, v in totals_cents(cash[-1]).items()]
        return dg.MaterializeResult(
            asset_key=spec.key,
            metadata={
                "dagster/row_count": sum(frame.height for frame in cash),
                "profit": sum(profit_cents(frame) for frame in cash) / 100,
                "cash by component": dg.MetadataValue.md(
                    "| component | cash |\n|---|---|\n" + "\n".join(lines)
                ),
            },
        )

    return _asset


def _scores(workspace: Workspace, desk: Desk) -> dg.AssetsDefinition:
    deps = [key(desk.name, "forecasts.quantiles"), key(desk.area, "raw.market_prices")]
    spec = table_spec(desk.name, "forecasts.scores", area=desk.area, deps=deps)

    @dg.multi_asset(
        name=f"{desk.name}__scores",
        specs=[spec],
        partitions_def=delivery_days(desk.area),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def _asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        written = 0
        session = load_area(desk.area).session()
        with failing_in_one_line():
            for stamp in decided_stamps(context, workspace, desk):
                day = session.delivery_day(stamp.delivery_day)
                written += run_scores(workspace.lake, desk, day, stamp, workspace.now())
        return dg.MaterializeResult(asset_key=spec.key, metadata={"dagster/row_count": written})

    return _asset


def _report(workspace: Workspace, desk: Desk) -> dg.AssetsDefinition:
    return report_asset(
        workspace,
        desk,
        name="settled_day",
        deps=[key(desk.name, "trading.settlement"), key(desk.name, "forecasts.scores")],
        stamps_of=decided_stamps,
        description="The delivery day settled: fan against outcome, dispatch, value bridge.",
    )
