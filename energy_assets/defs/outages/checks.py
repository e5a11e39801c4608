"""Whether a decision knew of an outage of an own unit that the market had not been told.

It warns and does not block: what to withhold is for governance to say.
"""

import dagster as dg

from energy_assets.curation.unpublished_outages import unpublished
from energy_assets.defs.decisions import ingested_before, stamps
from energy_assets.defs.resources import Workspace
from energy_assets.defs.specs import key
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import load_area
from energy_assets.portfolio import Desk


def publication_checks(workspace: Workspace) -> list[dg.AssetChecksDefinition]:
    """One check per desk."""
    return [_check(workspace, desk) for desk in workspace.desks]


def _check(workspace: Workspace, desk: Desk) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=key(desk.name, "bids.bid_runs"),
        name=f"no_unpublished_outage__{desk.name}",
        description="No outage of an own unit that the market had not been told at the decision.",
    )
    def _published(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        before = ingested_before(context, workspace)
        session = load_area(desk.area).session()
        found = {}
        for stamp in stamps(context, workspace, desk):
            known = PointInTime(workspace.lake, stamp.decision_time, before)
            secret = unpublished(known, desk, session.delivery_day(stamp.delivery_day))
            if secret:
                found[str(stamp.delivery_day)] = [str(each) for each in secret]
        return dg.AssetCheckResult(
            passed=not found,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"messages by day": dg.MetadataValue.json(found)},
        )

    return _published
