"""Checks on raw tables; they never block, since a blocked step would skip the fallback too.

Per raw asset the service level of its table, as the desk's verdicts on its inputs found it:
`inputs_complete`, `inputs_fresh` (of a table that is no input: its newest row at the decision) and
`inputs_plausible`; and `no_rejected_rows` (nothing of the days' window in quarantine). In a range
run the result names the days.
"""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg
import polars as pl

from energy_assets.defs.decisions import run_days, stamps
from energy_assets.defs.quality.assets import raw_keys
from energy_assets.defs.resources import Workspace
from energy_assets.defs.specs import key
from energy_assets.lakehouse.tables import table
from energy_assets.market import load_area
from energy_assets.portfolio import Desk
from energy_assets.quality.desk_inputs import fuel_scope
from energy_assets.quality.service_levels import (
    COMPLETENESS,
    FRESHNESS,
    GOOD,
    PLAUSIBILITY,
    freshness,
)

_LOOK_BACK = timedelta(days=60)
# Rows are stored under what they are about, which lies some days around when they are known.
_AROUND = timedelta(days=3)
_JUDGED = {
    "delivery_day": pl.Date,
    "input": pl.String,
    "rule": pl.String,
    "verdict": pl.String,
    "detail": pl.String,
}
_RULES = {
    "inputs_complete": COMPLETENESS,
    "inputs_fresh": FRESHNESS,
    "inputs_plausible": PLAUSIBILITY,
}
_CHECKS = {
    "inputs_complete": "Every input of the desk's decision is there and complete.",
    "inputs_fresh": "The newest row is no older at the decision than the table's service level.",
    "inputs_plausible": "No point of an input was judged suspect or put in quarantine.",
    "no_rejected_rows": "No row of the delivery days went to quarantine.",
}


def input_checks(workspace: Workspace) -> list[dg.AssetChecksDefinition]:
    """One group of checks per desk."""
    return [_checks(workspace, desk) for desk in workspace.desks]


def _checks(workspace: Workspace, desk: Desk) -> dg.AssetChecksDefinition:
    keys = raw_keys(workspace, desk)
    specs = [
        dg.AssetCheckSpec(
            name=f"{name}__{desk.name}",
            asset=asset_key,
            description=text,
            additional_deps=[key(desk.name, "quality.verdicts")],
        )
        for asset_key in keys
        for name, text in _CHECKS.items()
    ]

    @dg.multi_asset_check(name=f"{desk.name}__input_checks", specs=specs, can_subset=True)
    def _check(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        verdicts = _verdict_rows(workspace, desk, context)
        rejected = _rejected_rows(workspace, desk, context)
        for check in context.selected_asset_check_keys:
            table_id, rule = ".".join(check.asset_key.path[1:]), _rule(check.name)
            if rule is None:
                bad = rejected.filter(pl.col("table") == table_id).select("rule", "reason")
            else:
                judged = verdicts.filter(
                    pl.col("input").str.split(":").list.first() == table_id,
                    pl.col("rule") == rule,
                )
                if rule == FRESHNESS and judged.is_empty():
                    is_global = table(table_id).scope_kind == "global"
                    scope = fuel_scope(desk) if is_global else check.asset_key.path[0]
                    judged = _age_of_table(workspace, desk, context, table_id, scope)
                bad = judged.filter(pl.col("verdict") != GOOD)
            yield dg.AssetCheckResult(
                asset_key=check.asset_key,
                check_name=check.name,
                passed=bad.is_empty(),
                severity=dg.AssetCheckSeverity.WARN,
                metadata={
                    "found": bad.height,
                    "first": dg.MetadataValue.json(
                        [{k: str(v) for k, v in row.items()} for row in bad.head(20).to_dicts()]
                    ),
                },
            )

    return _check


def _verdict_rows(
    workspace: Workspace, desk: Desk, context: dg.AssetCheckExecutionContext
) -> pl.DataFrame:
    found = stamps(context, workspace, desk)
    session = load_area(desk.area).session()
    rows = workspace.lake.read(
        "quality.verdicts",
        scope=desk.name,
        start=session.delivery_day(found[0].delivery_day).start - _LOOK_BACK,
        where={"delivery_day": [stamp.delivery_day for stamp in found]},
    )
    of_run = rows.filter(
        pl.col("decision_time").is_in([stamp.decision_time for stamp in found]),
        pl.col("mode").is_in([stamp.mode for stamp in found]),
    )
    return of_run.select("delivery_day", "input", "rule", "verdict", "detail")


def _age_of_table(
    workspace: Workspace,
    desk: Desk,
    context: dg.AssetCheckExecutionContext,
    table_id: str,
    scope: str,
) -> pl.DataFrame:
    """Freshness of a whole table at each decision, for tables no verdict is about."""
    max_age = table(table_id).service.freshness
    found = stamps(context, workspace, desk) if max_age else []
    lines = []
    if max_age and found:
        moments = [stamp.decision_time for stamp in found]
        rows = workspace.lake.read(
            table_id,
            scope=scope,
            start=min(moments) - max_age - _AROUND,
            end=max(moments) + _AROUND,
            latest_revision=False,
        )
        for stamp in found:
            known = rows.filter(pl.col("knowledge_time") <= stamp.decision_time)
            judged = freshness(known, stamp.decision_time, max_age)
            lines.append((stamp.delivery_day, table_id, judged.rule, judged.verdict, judged.detail))
    return pl.DataFrame(lines, schema=_JUDGED, orient="row")


def _rule(check_name: str) -> str | None:
    """The service-level rule a check is about; None for the check on refused rows."""
    return _RULES.get(check_name.split("__")[0])


def _rejected_rows(
    workspace: Workspace, desk: Desk, context: dg.AssetCheckExecutionContext
) -> pl.DataFrame:
    days = run_days(context.run.tags)
    since = load_area(desk.area).session().delivery_day(days[0]).start - timedelta(days=1)
    return pl.concat(
        workspace.lake.read("quality.rejected_rows", scope=scope, start=since)
        for scope in sorted({desk.area, desk.name, fuel_scope(desk)})
    )
