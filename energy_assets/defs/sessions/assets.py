"""Bid assets of every gate a desk decides beside the day-ahead auction's, and their results.

Per desk and session, under `<desk>/<session>/`:

    last_rung   what is lawful without any forecast: no offer, or what is sold already
    forecasts   quantiles and scenarios as known at this gate
    bids        the best rung's offers, plan and run
    results     awards once published, and the units' schedules for them

Earlier awards are read from the lake at the decision, so that a gate decided again, or a range of
days, gives the same. Not here: when (`automation`), the day-ahead auction (`defs.bids`).
"""

# No postponed annotations here: Dagster reads the type of `context` from the function.
from collections.abc import Callable

import dagster as dg

from energy_assets.bidding.runs import BidResult, run_bids, run_last_rung
from energy_assets.defs.bids.assets import bid_metadata
from energy_assets.defs.decisions import (
    RunContext,
    decided_stamps,
    failing_in_one_line,
    ingested_before,
    stamps,
)
from energy_assets.defs.forecasts.assets import forecast_metadata, forecast_of
from energy_assets.defs.partitions import delivery_days
from energy_assets.defs.resources import Workspace
from energy_assets.defs.specs import key
from energy_assets.forecasting.runs import run_verdicts
from energy_assets.portfolio import Desk
from energy_assets.trading.runs import earlier_results, run_results, schedule_day_before

DAY_AHEAD = "day_ahead"
Make = Callable[[RunContext, Workspace, Desk, str], dict[str, dg.MetadataValue]]


def session_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    """The assets of every desk and gate beside the day-ahead one."""
    return [
        asset
        for desk in workspace.desks
        for session in other_sessions(desk)
        for asset in _assets(workspace, desk, session)
    ]


def other_sessions(desk: Desk) -> list[str]:
    """Gates a desk decides beside the day-ahead auction's, in their order."""
    return [session for session in desk.markets.sessions if session != DAY_AHEAD]


def session_key(desk: str, session: str, part: str) -> dg.AssetKey:
    """`<desk>/<session>/<part>`."""
    return dg.AssetKey([desk, session, part])


def _assets(workspace: Workspace, desk: Desk, session: str) -> list[dg.AssetsDefinition]:
    raw = [key(desk.area, "raw.market_prices"), key(desk.area, "raw.system_forecasts")]
    parts: tuple[tuple[str, str, list[dg.AssetKey], Make], ...] = (
        ("last_rung", "What is lawful without a forecast; made first.", [], _last_rung),
        ("forecasts", "Quantiles and scenarios as known at this gate.", raw, _forecast),
        (
            "bids",
            "Offers, plan and run of the best rung that holds.",
            [session_key(desk.name, session, part) for part in ("last_rung", "forecasts")],
            _bids,
        ),
        (
            "results",
            "Awards at published prices, and the units' schedules.",
            [session_key(desk.name, session, "bids")],
            _results,
        ),
    )
    return [
        _asset(workspace, desk, session, part, description, deps, make)
        for part, description, deps, make in parts
    ]


def _asset(
    workspace: Workspace,
    desk: Desk,
    session: str,
    part: str,
    description: str,
    deps: list[dg.AssetKey],
    make: Make,
) -> dg.AssetsDefinition:
    @dg.asset(
        key=session_key(desk.name, session, part),
        deps=deps,
        group_name=session,
        owners=["team:trading"],
        kinds={"deltalake"},
        description=f"{session}: {description}",
        partitions_def=delivery_days(desk.area),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def _made(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with failing_in_one_line():
            return dg.MaterializeResult(metadata=make(context, workspace, desk, session))

    made: dg.AssetsDefinition = _made
    return made


def _last_rung(
    context: RunContext, workspace: Workspace, desk: Desk, session: str
) -> dict[str, dg.MetadataValue]:
    results = [
        run_last_rung(workspace.lake, desk, stamp)
        for stamp in stamps(context, workspace, desk, session)
    ]
    return bid_metadata(results)


def _forecast(
    context: RunContext, workspace: Workspace, desk: Desk, session: str
) -> dict[str, dg.MetadataValue]:
    before = ingested_before(context, workspace)
    runs = []
    for stamp in stamps(context, workspace, desk, session):
        run_verdicts(workspace.lake, desk, stamp, before)
        runs.append(forecast_of(context, workspace, desk, stamp, before))
    return forecast_metadata(runs)


def _bids(
    context: RunContext, workspace: Workspace, desk: Desk, session: str
) -> dict[str, dg.MetadataValue]:
    before = ingested_before(context, workspace)
    results: list[BidResult] = []
    for stamp in stamps(context, workspace, desk, session):
        schedule_day_before(workspace.lake, desk, stamp)
        earlier_results(workspace.lake, desk, stamp)
        results.append(run_bids(workspace.lake, desk, stamp, ingested_before=before))
    return bid_metadata(results)


def _results(
    context: RunContext, workspace: Workspace, desk: Desk, session: str
) -> dict[str, dg.MetadataValue]:
    runs = [
        run_results(workspace.lake, desk, stamp, workspace.now())
        for stamp in decided_stamps(context, workspace, desk, session)
    ]
    written = sum(run.rows_written for run in runs)
    return {"dagster/row_count": dg.MetadataValue.int(written)}
