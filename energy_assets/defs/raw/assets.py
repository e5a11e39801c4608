"""Raw tables, caught up from the desk's feeds: history on a cold lake, news on a warm one.

One asset per table and scope; area tables are fetched once for all desks of the area, tables of the
whole world once per area, since the assets of a job share its delivery days.

A source that does not answer fails nothing: the run says so in one line, goes on with what the lake
holds, and its decision steps down as far as its verdicts ask. Bad input fails its step at once with
the one line that says what is wrong; what nobody foresaw is tried again.
"""

from collections import defaultdict
from datetime import datetime
from typing import Any

import dagster as dg

from energy_assets.defs.decisions import failing_in_one_line, run_days
from energy_assets.defs.partitions import delivery_days
from energy_assets.defs.resources import Workspace
from energy_assets.defs.specs import key, table_spec
from energy_assets.feeds import Feed, feeds_for
from energy_assets.feeds.source_session import SourceUnavailableError
from energy_assets.market import load_area
from energy_assets.portfolio import Desk
from energy_assets.quality.admission import Admission
from energy_assets.quality.catch_up import catch_up

# A run with this tag fetches what is known when it runs, whatever decision its day belongs to.
KNOWN_NOW = {"fetches": "known_now"}
RETRIES = dg.RetryPolicy(max_retries=2, delay=2, backoff=dg.Backoff.EXPONENTIAL)


def raw_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    """The raw assets of every area and desk in the graph."""
    tables: dict[dg.AssetKey, list[tuple[Desk, Feed]]] = defaultdict(list)
    for desk in workspace.desks:
        for feed in feeds_for(desk, workspace.access):
            tables[raw_key(desk, feed)].append((desk, feed))
    return [_raw_asset(workspace, asset_key, found) for asset_key, found in tables.items()]


def raw_key(desk: Desk, feed: Feed) -> dg.AssetKey:
    """Key of the asset that catches a feed up for a desk: its scope, or the area for `global`."""
    scope = desk.area if feed.scope == "global" else feed.scope
    return key(scope, feed.table.id)


def _raw_asset(
    workspace: Workspace, asset_key: dg.AssetKey, feeds: list[tuple[Desk, Feed]]
) -> dg.AssetsDefinition:
    area = feeds[0][0].area
    sources = sorted({feed.source for _, feed in feeds})
    scope, table_id = asset_key.path[0], feeds[0][1].table.id
    spec = table_spec(scope, table_id, area=area, note=f"From {', '.join(sources)}.")

    @dg.multi_asset(
        name=f"{scope}__{table_id.replace('.', '__')}",
        specs=[spec],
        partitions_def=delivery_days(area),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRIES,
        op_tags={"source": ",".join(sources)},
    )
    def _asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with failing_in_one_line():
            return _materialize(context, workspace, spec.key, feeds)

    return _asset


def _materialize(
    context: dg.AssetExecutionContext,
    workspace: Workspace,
    asset_key: dg.AssetKey,
    feeds: list[tuple[Desk, Feed]],
) -> dg.MaterializeResult:
    admissions: list[Admission] = []
    unavailable: list[str] = []
    for desk, feed in feeds:
        try:
            _catch_up(context, workspace, desk, feed, admissions)
        except SourceUnavailableError as error:
            context.log.warning(f"{feed.name}: {error}")
            unavailable.append(str(error))
    return dg.MaterializeResult(
        asset_key=asset_key,
        metadata=_metadata(workspace, feeds, admissions, unavailable),
    )


def _catch_up(
    context: dg.AssetExecutionContext,
    workspace: Workspace,
    desk: Desk,
    feed: Feed,
    admissions: list[Admission],
) -> None:
    """Catch one feed up; what was admitted before a source fell silent is in `admissions`."""
    days = run_days(context.run.tags)
    catch_up(
        workspace.lake,
        desk,
        feed,
        days[0],
        days[-1],
        _known_until(context, workspace, desk),
        run_id=context.run.run_id,
        admitted=admissions.append,
        progress=lambda name, done, of: context.log.debug(f"{name}: {done} of {of} quarters"),
    )


def _known_until(context: dg.AssetExecutionContext, workspace: Workspace, desk: Desk) -> datetime:
    """A replayed day may know everything known now; a decision still ahead, its own time."""
    if KNOWN_NOW.items() <= context.run.tags.items():
        return workspace.now()
    return max(workspace.now(), desk.decision_time(run_days(context.run.tags)[-1]))


def _metadata(
    workspace: Workspace,
    feeds: list[tuple[Desk, Feed]],
    admissions: list[Admission],
    unavailable: list[str],
) -> dict[str, Any]:
    table_id = feeds[0][1].table.id
    rejected: dict[str, int] = {}
    for admission in admissions:
        for rule, count in admission.rejected.items():
            rejected[rule] = rejected.get(rule, 0) + count
    written = sum(admission.written for admission in admissions)
    found: dict[str, Any] = {
        "dagster/row_count": written,
        "rows fetched": sum(admission.fetched for admission in admissions),
        "rows written": written,
        "rows rejected": dg.MetadataValue.json(rejected),
        "delta version": admissions[-1].version if admissions else workspace.lake.version(table_id),
        "synthetic": load_area(feeds[0][0].area).synthetic,
    }
    if unavailable:
        found["unavailable"] = "; ".join(dict.fromkeys(unavailable))
    return found
