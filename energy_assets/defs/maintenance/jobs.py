"""The job `maintenance`: rewrite closed months, vacuum, prune raw answers; at night, off deadline.

Three ops in a row in one process: a rewrite leaves the files that the vacuum, once they are older
than their table's retention, removes. Each may be killed and run again at any point.

Not here: what a rewrite or a vacuum is (`lakehouse.maintenance`).
"""

from collections.abc import Callable, Mapping, Sequence

import dagster as dg

from energy_assets.defs.decisions import failing_in_one_line
from energy_assets.defs.resources import Workspace
from energy_assets.feeds.answer_retention import KEPT, prune_answers
from energy_assets.lakehouse.maintenance import maintain, vacuum
from energy_assets.lakehouse.tables import TABLES

KeptVersions = Callable[[], Mapping[str, Sequence[int]]]
# After everything else: a night without maintenance costs reading time, nothing more.
_TAGS = {"dagster/priority": "-2", "dagster/max_runtime": "7200"}
_SHOWN = 200


def no_versions() -> Mapping[str, Sequence[int]]:
    """Versions that approved runs name, by table: none, as no run is approved yet."""
    return {}


def maintenance_definitions(
    workspace: Workspace, kept_versions: KeptVersions = no_versions
) -> dg.Definitions:
    """The job and its schedule.

    Args:
        workspace: Names lake and folders.
        kept_versions: Table versions that no vacuum may break.
    """
    job = maintenance_job(workspace, kept_versions)
    running = workspace.settings.schedules_running
    schedule = dg.ScheduleDefinition(
        name="maintenance__schedule",
        job=job,
        cron_schedule=workspace.settings.maintenance_cron,
        execution_timezone="UTC",
        default_status=(
            dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED
        ),
        description="Rewrite closed months, delete what outlived its retention.",
    )
    return dg.Definitions(jobs=[job], schedules=[schedule])


def maintenance_job(
    workspace: Workspace, kept_versions: KeptVersions = no_versions
) -> dg.JobDefinition:
    """Rewrite, vacuum, prune."""
    rewrite, delete, prune = (
        _rewrite(workspace),
        _vacuum(workspace, kept_versions),
        _prune(workspace),
    )

    @dg.job(
        name="maintenance",
        description="Closed months rewritten in order; files and answers past retention deleted.",
        executor_def=dg.in_process_executor,
        tags=_TAGS,
    )
    def _job() -> None:
        prune(start=delete(start=rewrite()))

    found: dg.JobDefinition = _job
    return found


def _rewrite(workspace: Workspace) -> dg.OpDefinition:
    @dg.op(name="rewrite_closed_months", out=dg.Out(dg.Nothing))
    def _op(context: dg.OpExecutionContext) -> None:
        """Put every closed month of several small files into one, sorted by key."""
        rewrites = []
        with failing_in_one_line():
            for number, table_id in enumerate(TABLES):
                found = maintain(workspace.lake, [table_id], workspace.now())
                rewrites += found
                context.log.info(f"{table_id}: {len(found)} months ({number + 1}/{len(TABLES)})")
        lines = "\n".join(
            f"| {r.table} | {r.scope} | {r.month} | {r.rows} | {r.files_before} |"
            for r in rewrites[:_SHOWN]
        )
        head = "| table | scope | month | rows | files before |\n|---|---|---|---|---|\n"
        context.add_output_metadata(
            {
                "months rewritten": len(rewrites),
                "rows": sum(r.rows for r in rewrites),
                "files before": sum(r.files_before for r in rewrites),
                "months": dg.MetadataValue.md(head + lines),
            }
        )

    found: dg.OpDefinition = _op
    return found


def _vacuum(workspace: Workspace, kept_versions: KeptVersions) -> dg.OpDefinition:
    @dg.op(name="delete_old_files", ins={"start": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
    def _op(context: dg.OpExecutionContext) -> None:
        """Delete files that were replaced longer ago than their table's retention."""
        with failing_in_one_line():
            deleted = vacuum(workspace.lake, keep_versions=kept_versions())
        days = {name: TABLES[name].retention.days for name in deleted}
        context.log.info(f"{sum(deleted.values())} files deleted")
        context.add_output_metadata(
            {
                "files deleted": sum(deleted.values()),
                "by table": dg.MetadataValue.json({k: v for k, v in deleted.items() if v}),
                "retention days": dg.MetadataValue.json(days),
            }
        )

    found: dg.OpDefinition = _op
    return found


def _prune(workspace: Workspace) -> dg.OpDefinition:
    @dg.op(name="prune_raw_answers", ins={"start": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
    def _op(context: dg.OpExecutionContext) -> None:
        """Delete days of raw answers past their retention."""
        deleted = prune_answers(workspace.settings.raw_answers, workspace.now())
        context.add_output_metadata(
            {
                "days deleted": sum(deleted.values()),
                "by source": dg.MetadataValue.json(deleted),
                "kept days": KEPT.days,
            }
        )

    found: dg.OpDefinition = _op
    return found
