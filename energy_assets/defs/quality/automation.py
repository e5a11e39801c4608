"""The job `quality`: the lake of the last days against the generated suites, with Data Docs.

One asset, the pages; one check per table, which warns and shows the first rows that do not meet an
expectation. Off the deadline path, at a quiet hour: decisions step down on verdicts, not on this.

Not here: the suites (`quality.expectations`), running them (`quality.validation`).
"""

# No postponed annotations here: Dagster reads the type of `context` from the function.
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from energy_assets.defs.decisions import failing_in_one_line
from energy_assets.defs.resources import Workspace
from energy_assets.lakehouse.tables import TABLES
from energy_assets.market import Session, load_area

if TYPE_CHECKING:
    from energy_assets.quality.validation import Outcome

DATA_DOCS = dg.AssetKey(["lake", "quality", "data_docs"])
GLOBAL = "global"
_TAGS = {"dagster/priority": "-1", "dagster/max_runtime": "3600"}
_SHOWN = 20


def quality_definitions(workspace: Workspace) -> dg.Definitions:
    """The pages with their checks, the job and its schedule."""
    job = dg.define_asset_job(
        "quality",
        selection=dg.AssetSelection.assets(DATA_DOCS),
        description="Hold the last days of every table against its expectations; Data Docs.",
        executor_def=dg.in_process_executor,
        tags=_TAGS,
    )
    running = workspace.settings.schedules_running
    schedule = dg.ScheduleDefinition(
        name="quality__schedule",
        job=job,
        cron_schedule=workspace.settings.quality_cron,
        execution_timezone="UTC",
        default_status=(
            dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED
        ),
        description="The last days of the lake against their expectations.",
    )
    return dg.Definitions(assets=[data_docs(workspace)], jobs=[job], schedules=[schedule])


def scopes(workspace: Workspace) -> dict[str, Session | None]:
    """Every data set of the desks in the graph, with the session that gives its days."""
    found: dict[str, Session | None] = {GLOBAL: None}
    for desk in workspace.desks:
        session = load_area(desk.area).session()
        found |= {desk.area: session, desk.name: session}
    return found


def check_name(table_id: str) -> str:
    """Name of a table's check."""
    return table_id.replace(".", "__")


def data_docs(workspace: Workspace) -> dg.AssetsDefinition:
    """The pages, and a check per registered table."""
    specs = [
        dg.AssetCheckSpec(
            name=check_name(table_id),
            asset=DATA_DOCS,
            description=f"Stored rows of {table_id} meet the expectations of its registration.",
        )
        for table_id in TABLES
    ]

    @dg.asset(
        key=DATA_DOCS,
        group_name="quality",
        owners=["team:data-engineering"],
        kinds={"greatexpectations", "html"},
        description="Great Expectations suites from the table registry and what they found.",
        check_specs=specs,
    )
    def _asset(context: dg.AssetExecutionContext) -> Iterator[Any]:
        # Costs seconds to import: paid by the run only.
        from energy_assets.quality.validation import validate

        folder = workspace.settings.reports / "data_docs"
        with failing_in_one_line():
            outcomes = validate(
                workspace.lake,
                scopes(workspace),
                folder,
                workspace.now(),
                progress=lambda what, done, of: context.log.info(f"{what}: {done}/{of}"),
            )
        index = folder / "index.html"
        yield dg.MaterializeResult(
            metadata={
                "suites": len(outcomes),
                "suites with findings": sum(bool(outcome.unmet) for outcome in outcomes),
                "expectations": sum(outcome.expectations for outcome in outcomes),
                "rows": sum(outcome.rows for outcome in outcomes),
                "data docs": dg.MetadataValue.path(index),
                "open": dg.MetadataValue.url(index.as_uri()),
            }
        )
        by_table = defaultdict(list)
        for outcome in outcomes:
            by_table[outcome.table].append(outcome)
        for table_id in TABLES:
            yield check_result(table_id, by_table[table_id])

    found: dg.AssetsDefinition = _asset
    return found


def check_result(table_id: str, outcomes: "Sequence[Outcome]") -> dg.AssetCheckResult:
    """What the suites of one table found; a table without rows has nothing against it."""
    unmet = [
        {
            "scope": outcome.scope,
            "expectation": each.expectation,
            "column": each.column,
            "rows": each.count,
            "first": list(each.first),
            "error": each.error,
        }
        for outcome in outcomes
        for each in outcome.unmet
    ]
    return dg.AssetCheckResult(
        check_name=check_name(table_id),
        asset_key=DATA_DOCS,
        passed=not unmet,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "rows": sum(outcome.rows for outcome in outcomes),
            "expectations": sum(outcome.expectations for outcome in outcomes),
            "not met": len(unmet),
            "first": dg.MetadataValue.json(unmet[:_SHOWN]),
        },
    )
