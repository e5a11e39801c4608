"""The bid ladder of each decision, its order file and its pre-trade report.

The last rung needs nothing of this run and is made first; its order file is dropped at once, so
that a run that fails later still leaves something lawful to send. The best rung replaces it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg

from energy_assets.bidding.runs import BidResult, orders_in_force, run_bids, run_last_rung
from energy_assets.bidding.solution import Rung
from energy_assets.defs.decisions import (
    RunContext,
    failing_in_one_line,
    ingested_before,
    stamps,
)
from energy_assets.defs.partitions import delivery_days
from energy_assets.defs.resources import Workspace
from energy_assets.defs.specs import key, table_spec
from energy_assets.errors import InputError
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.portfolio import Desk
from energy_assets.reports.runs import run_day_report
from energy_assets.trading.runs import earlier_results, run_order_file, schedule_day_before

BID_TABLES = ("bids.curve_orders", "bids.dispatch_plan", "bids.bid_runs")
# Before the feeds: one that hangs must not keep the desk from having orders.
_FIRST = {"dagster/priority": "1"}


def bid_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    """Last rung, best rung, order file and report of every desk."""
    made = (_last_rung, _bids, _order_file, _report)
    return [make(workspace, desk) for desk in workspace.desks for make in made]


def _last_rung(workspace: Workspace, desk: Desk) -> dg.AssetsDefinition:
    @dg.asset(
        key=dg.AssetKey([desk.name, "bids", "last_rung"]),
        group_name="bids",
        owners=["team:trading"],
        kinds={"deltalake"},
        description="Price-independent orders for must-run and obligations; made first, no solver.",
        partitions_def=delivery_days(desk.area),
        backfill_policy=dg.BackfillPolicy.single_run(),
        op_tags=_FIRST,
    )
    def _asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        results = []
        with failing_in_one_line():
            for stamp in stamps(context, workspace, desk):
                if not _has_better_orders(workspace, desk, stamp):
                    results.append(run_last_rung(workspace.lake, desk, stamp))
                run_order_file(workspace.lake, desk, stamp, workspace.settings.orders)
        if not results:
            return dg.MaterializeResult(metadata={"rung": "better orders are in force"})
        return dg.MaterializeResult(metadata=bid_metadata(results))

    return _asset


def _has_better_orders(workspace: Workspace, desk: Desk, stamp: RunStamp) -> bool:
    """Whether a better rung of this decision stands: a run again then has nothing to fall back to.

    Its last rung would see rows that came in since, and add a revision that nobody can use.
    """
    try:
        _, rung = orders_in_force(workspace.lake, desk, stamp)
    except InputError:
        return False
    return rung != Rung.PRICE_INDEPENDENT.value


def _bids(workspace: Workspace, desk: Desk) -> dg.AssetsDefinition:
    deps = [key(desk.name, "forecasts.scenarios"), dg.AssetKey([desk.name, "bids", "last_rung"])]
    specs = [table_spec(desk.name, name, area=desk.area, deps=deps) for name in BID_TABLES]

    @dg.multi_asset(
        name=f"{desk.name}__bids",
        specs=specs,
        partitions_def=delivery_days(desk.area),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def _asset(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        before = ingested_before(context, workspace)
        results = []
        with failing_in_one_line():
            for stamp in stamps(context, workspace, desk):
                schedule_day_before(workspace.lake, desk, stamp)
                earlier_results(workspace.lake, desk, stamp)
                results.append(run_bids(workspace.lake, desk, stamp, ingested_before=before))
        for spec in specs:
            yield dg.MaterializeResult(asset_key=spec.key, metadata=bid_metadata(results))

    return _asset


def _order_file(workspace: Workspace, desk: Desk) -> dg.AssetsDefinition:
    @dg.asset(
        key=dg.AssetKey([desk.name, "trading", "order_file"]),
        deps=[key(desk.name, "bids.curve_orders"), key(desk.name, "bids.bid_runs")],
        group_name="trading",
        owners=["team:trading"],
        kinds={"json", "csv"},
        description="The orders in force as JSON and CSV with their checksum.",
        partitions_def=delivery_days(desk.area),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def _asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with failing_in_one_line():
            drops = [
                run_order_file(workspace.lake, desk, stamp, workspace.settings.orders)
                for stamp in stamps(context, workspace, desk)
            ]
        return dg.MaterializeResult(
            metadata={"file": dg.MetadataValue.path(drops[-1].json), "files": len(drops)}
        )

    return _asset


def _report(workspace: Workspace, desk: Desk) -> dg.AssetsDefinition:
    return report_asset(
        workspace,
        desk,
        name="pre_trade",
        deps=[dg.AssetKey([desk.name, "trading", "order_file"])],
        description="What the desk is about to bid and why, as one HTML page.",
    )


def report_asset(
    workspace: Workspace,
    desk: Desk,
    *,
    name: str,
    deps: list[dg.AssetKey],
    description: str,
    stamps_of: Callable[[RunContext, Workspace, Desk], list[RunStamp]] = stamps,
) -> dg.AssetsDefinition:
    """A report of what is known of a decision so far; later reports replace the file."""

    @dg.asset(
        key=dg.AssetKey([desk.name, "reports", name]),
        deps=deps,
        group_name="reports",
        owners=["team:trading"],
        kinds={"plotly"},
        description=description,
        partitions_def=delivery_days(desk.area),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def _asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with failing_in_one_line():
            paths: list[Path] = [
                run_day_report(workspace.lake, desk, stamp, workspace.settings.reports)
                for stamp in stamps_of(context, workspace, desk)
            ]
        return dg.MaterializeResult(
            metadata={
                "report": dg.MetadataValue.path(paths[-1]),
                "open": dg.MetadataValue.url(paths[-1].as_uri()),
                "reports": len(paths),
            }
        )

    return _asset


def bid_metadata(results: list[BidResult]) -> dict[str, dg.MetadataValue]:
    """What a bid step shows: rung, hash, value, risk and seconds of its last decision."""
    last = results[-1]
    steps = "\n".join(f"| {k} | {v:.3f} |" for k, v in last.solution.seconds.items())
    return {
        "dagster/row_count": dg.MetadataValue.int(sum(result.rows_written for result in results)),
        "rung": dg.MetadataValue.text(", ".join({r.solution.rung.value for r in results})),
        "orders sha256": dg.MetadataValue.text(last.orders.sha256),
        "expected value": dg.MetadataValue.float(float(last.solution.expected_value)),
        "cvar": dg.MetadataValue.float(float(last.solution.cvar)),
        "solver": dg.MetadataValue.text(last.solution.status),
        "reason": dg.MetadataValue.text(last.solution.reason or "best rung"),
        "unpublished outages": dg.MetadataValue.text(
            "; ".join(sorted({str(each) for r in results for each in r.unpublished})) or "none"
        ),
        "seconds": dg.MetadataValue.md("| step | CPU s |\n|---|---|\n" + steps),
    }
