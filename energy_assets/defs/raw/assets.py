"""Raw tables, caught up from the desk's feeds: history on a cold lake, news on a warm one.

One asset per table and scope; area tables are fetched once for all desks of the area. A feed that
fails is tried again; bad input fails at once with the one line that says what is wrong.
"""

from collections import defaultdict

import dagster as dg

from energy_assets.defs.decisions import failing_in_one_line, run_days
from energy_assets.defs.partitions import delivery_days
from energy_assets.defs.resources import Workspace
from energy_assets.defs.specs import table_spec
from energy_assets.feeds import Feed, feeds_for
from energy_assets.market import load_area
from energy_assets.portfolio import Desk
from energy_assets.quality.catch_up import catch_up

RETRIES = dg.RetryPolicy(max_retries=2, delay=2, backoff=dg.Backoff.EXPONENTIAL)


def raw_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    """The raw assets of every area and desk in the graph."""
    tables: dict[tuple[str, str], list[tuple[Desk, Feed]]] = defaultdict(list)
    for desk in workspace.desks:
        for feed in feeds_for(desk, workspace.access):
            tables[feed.scope, feed.table.id].append((desk, feed))
    return [
        _raw_asset(workspace, scope, table_id, found) for (scope, table_id), found in tables.items()
    ]


def _raw_asset(
    workspace: Workspace, scope: str, table_id: str, feeds: list[tuple[Desk, Feed]]
) -> dg.AssetsDefinition:
    area = feeds[0][0].area
    sources = sorted({feed.source for _, feed in feeds})
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
    days = run_days(context.run.tags)
    fetched = written = 0
    rejected: dict[str, int] = {}
    version = 0
    for desk, feed in feeds:
        # A replayed day may know everything known now; a decision still ahead, its own time.
        as_of = max(workspace.now(), desk.decision_time(days[-1]))
        admissions = catch_up(
            workspace.lake,
            desk,
            feed,
            days[0],
            days[-1],
            as_of,
            run_id=context.run.run_id,
            progress=lambda name, done, of: context.log.debug(f"{name}: {done} of {of} quarters"),
        )
        for admission in admissions:
            fetched += admission.fetched
            written += admission.written
            version = admission.version
            for rule, count in admission.rejected.items():
                rejected[rule] = rejected.get(rule, 0) + count
    return dg.MaterializeResult(
        asset_key=asset_key,
        metadata={
            "dagster/row_count": written,
            "rows fetched": fetched,
            "rows written": written,
            "rows rejected": dg.MetadataValue.json(rejected),
            "delta version": version,
            "synthetic": load_area(feeds[0][0].area).synthetic,
        },
    )
