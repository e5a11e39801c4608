"""Checks on raw tables; they never block, since a blocked step would skip the fallback too.

Per raw asset: `inputs_complete` (the desks' verdicts on it) and `no_rejected_rows` (nothing of the
days' window in quarantine). In a range run the result names the days.
"""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg
import polars as pl

from energy_assets.defs.decisions import run_days, stamps
from energy_assets.defs.quality.assets import raw_keys
from energy_assets.defs.resources import Workspace
from energy_assets.defs.specs import key
from energy_assets.market import load_area
from energy_assets.portfolio import Desk

_LOOK_BACK = timedelta(days=60)


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
        for name, text in (
            ("inputs_complete", "Every input of the desk's decision is there and complete."),
            ("no_rejected_rows", "No row of the delivery days went to quarantine."),
        )
    ]

    @dg.multi_asset_check(name=f"{desk.name}__input_checks", specs=specs, can_subset=True)
    def _check(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        verdicts = _verdict_rows(workspace, desk, context)
        rejected = _rejected_rows(workspace, desk, context)
        for check in context.selected_asset_check_keys:
            table_id = ".".join(check.asset_key.path[1:])
            if check.name.startswith("inputs_complete"):
                bad = verdicts.filter(
                    pl.col("input").str.starts_with(table_id), pl.col("verdict") != "good"
                )
                about = bad.select("delivery_day", "input", "verdict", "detail")
            else:
                bad = rejected.filter(pl.col("table") == table_id)
                about = bad.select("rule", "reason")
            yield dg.AssetCheckResult(
                asset_key=check.asset_key,
                check_name=check.name,
                passed=bad.is_empty(),
                severity=dg.AssetCheckSeverity.WARN,
                metadata={
                    "found": bad.height,
                    "first": dg.MetadataValue.json(
                        [{k: str(v) for k, v in row.items()} for row in about.head(20).to_dicts()]
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
    return rows.filter(
        pl.col("decision_time").is_in([stamp.decision_time for stamp in found]),
        pl.col("mode").is_in([stamp.mode for stamp in found]),
    )


def _rejected_rows(
    workspace: Workspace, desk: Desk, context: dg.AssetCheckExecutionContext
) -> pl.DataFrame:
    days = run_days(context.run.tags)
    since = load_area(desk.area).session().delivery_day(days[0]).start - timedelta(days=1)
    return pl.concat(
        workspace.lake.read("quality.rejected_rows", scope=scope, start=since)
        for scope in (desk.area, desk.name)
    )
