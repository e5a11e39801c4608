"""The jobs `what_if__<area>`: a day's decision under every case of the scenario library.

One asset per desk, `reports/what_if`, partitioned by delivery day: it reads the decision's stored
scenarios and writes one HTML report, no table. Off the deadline path, started by hand: nothing
waits for it.

Not here: the comparison (`bidding.what_if`), the page (`reports.what_if_report`).
"""

# No postponed annotations here: Dagster reads the type of `context` from the function.
import dagster as dg

from energy_assets.bidding.what_if import WhatIf, what_if
from energy_assets.defs.decisions import failing_in_one_line, run_days
from energy_assets.defs.partitions import delivery_days
from energy_assets.defs.resources import Workspace
from energy_assets.defs.specs import key
from energy_assets.portfolio import Desk
from energy_assets.portfolio.desk import LIBRARY
from energy_assets.portfolio.stress_cases import load_cases
from energy_assets.reports.page import write_report
from energy_assets.reports.what_if_report import what_if_path, what_if_report

# Before backfills, after everything a gate waits for.
_TAGS = {"dagster/priority": "1", "dagster/max_runtime": "3600"}


def what_if_definitions(workspace: Workspace) -> dg.Definitions:
    """One report asset per desk, one job per area."""
    return dg.Definitions(
        assets=[what_if_asset(workspace, desk) for desk in workspace.desks],
        jobs=[_job(workspace, area) for area in workspace.areas],
    )


def what_if_key(desk: Desk) -> dg.AssetKey:
    """Asset key of a desk's report."""
    return dg.AssetKey([desk.name, "reports", "what_if"])


def what_if_asset(workspace: Workspace, desk: Desk) -> dg.AssetsDefinition:
    """The what-if report of a desk."""

    @dg.asset(
        key=what_if_key(desk),
        deps=[key(desk.name, "forecasts.scenarios"), key(desk.name, "bids.bid_runs")],
        group_name="reports",
        owners=["team:trading"],
        kinds={"plotly"},
        description=(
            "Orders, dispatch, value and risk of a decision under each case of the scenario "
            "library, against the base and against keeping the base's orders."
        ),
        partitions_def=delivery_days(desk.area),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def _asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        settings = workspace.settings
        with failing_in_one_line():
            cases = load_cases(settings.root / "data" / LIBRARY)
            for label in run_days(context.run.tags):
                found = what_if(workspace.lake, desk, label, cases, skip_misfits=True)
                path = what_if_path(settings.reports, found)
                write_report(path, what_if_report(found, desk))
        return dg.MaterializeResult(
            metadata={
                "report": dg.MetadataValue.path(path),
                "open": dg.MetadataValue.url(path.as_uri()),
                "cases": _table(found),
            }
        )

    return _asset


def _job(workspace: Workspace, area: str) -> "dg.UnresolvedAssetJobDefinition":
    keys = [what_if_key(desk) for desk in workspace.desks_of(area)]
    return dg.define_asset_job(
        f"what_if__{area}",
        selection=dg.AssetSelection.assets(*keys),
        description="A day's decision under every case of the scenario library: one report.",
        partitions_def=delivery_days(area),
        executor_def=dg.in_process_executor,
        tags={"area": area, "session": "day_ahead", **_TAGS},
    )


def _table(found: WhatIf) -> dg.MetadataValue:
    """Value, risk and regret of the last day's cases."""
    base = found.base
    lines = [f"| base | {base.expected_value:.0f} | {base.cvar:.0f} | |"]
    lines += [
        f"| {each.case.name} | {each.rebid.expected_value:.0f} | {each.rebid.cvar:.0f} "
        f"| {'' if each.regret is None else f'{each.regret:.0f}'} |"
        for each in found.cases
    ]
    head = f"| case | value, {found.currency} | CVaR | regret |\n|---|---|---|---|\n"
    return dg.MetadataValue.md(head + "\n".join(lines))
