"""Jobs follow what exists when: ingestion, decision before the gate, results, settlement.

Belongs here: which assets run together, with which tags. Not here: when (`schedules`), assets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import dagster as dg

from energy_assets.defs.partitions import delivery_days
from energy_assets.defs.raw.assets import KNOWN_NOW, raw_key
from energy_assets.defs.resources import Workspace
from energy_assets.defs.specs import key
from energy_assets.feeds import feeds_for
from energy_assets.forecasting.targets import target_names
from energy_assets.portfolio import Desk

# Gates come before re-bids, re-bids before backfills.
GATE_PRIORITY, REBID_PRIORITY, AFTER_GATE_PRIORITY, INGEST_PRIORITY = "10", "8", "5", "2"
_DECISION = (
    ("quality", "verdicts"),
    ("bids", "last_rung"),
    ("forecasts", "quantiles"),
    ("forecasts", "scenarios"),
    ("bids", "curve_orders"),
    ("bids", "dispatch_plan"),
    ("bids", "bid_runs"),
    ("trading", "order_file"),
    ("reports", "pre_trade"),
)


def jobs(workspace: Workspace) -> list[dg.UnresolvedAssetJobDefinition]:
    """The jobs of every area, and one ingestion job per source and area."""
    made = [job for area in workspace.areas for job in _area_jobs(workspace, area)]
    return [*made, *_ingest_jobs(workspace)]


def raw_selection(workspace: Workspace, desks: Iterable[Desk]) -> dg.AssetSelection:
    """The raw assets of some desks."""
    keys = {raw_key(desk, feed) for desk in desks for feed in feeds_for(desk, workspace.access)}
    return dg.AssetSelection.assets(*sorted(keys))


def decision_keys(desk: Desk) -> list[dg.AssetKey]:
    """What a desk decides before the gate, from verdicts to the pre-trade report."""
    targets = [dg.AssetKey([desk.name, "forecasts", target]) for target in target_names(desk)]
    return [*(dg.AssetKey([desk.name, *part]) for part in _DECISION), *targets]


def _area_jobs(workspace: Workspace, area: str) -> list[dg.UnresolvedAssetJobDefinition]:
    desks = workspace.desks_of(area)
    raw = raw_selection(workspace, desks)
    # Checks on inputs read the decision's verdicts: they run with it, and only there.
    raw_alone = raw.without_checks()
    decision = dg.AssetSelection.assets(*(k for desk in desks for k in decision_keys(desk)))
    results, settlement = (
        _of_desks(desks, parts)
        for parts in (
            [
                ("trading", "awards"),
                ("bids", "unit_schedules"),
                ("curated", "unit_availability"),
            ],
            [
                ("trading", "settlement"),
                ("forecasts", "scores"),
                ("reports", "settled_day"),
                ("curated", "unit_availability"),
                ("curated", "unit_generation"),
            ],
        )
    )
    series = dg.AssetSelection.assets(key(area, "curated.market_series"))
    return [
        area_job(
            f"day_ahead__{area}",
            raw | decision,
            area,
            "Raw feeds to order file and pre-trade report, before the gate.",
            GATE_PRIORITY,
            max_runtime=1800,
        ),
        area_job(
            f"rebid__{area}",
            decision,
            area,
            "The decision again from what is in the lake, when news came before the gate.",
            REBID_PRIORITY,
            max_runtime=1800,
        ),
        area_job(
            f"results__{area}",
            raw_alone | series | results,
            area,
            "Awards and unit schedules, after publication.",
            AFTER_GATE_PRIORITY,
            max_runtime=900,
        ),
        area_job(
            f"settlement__{area}",
            raw_alone | series | settlement,
            area,
            "Cash to the cent, forecast scores and the settled report, the day after delivery.",
            AFTER_GATE_PRIORITY,
            max_runtime=900,
        ),
    ]


def sources_of(workspace: Workspace, area: str) -> list[str]:
    """Names of the sources that the desks of an area read."""
    return sorted({spec.source for desk in workspace.desks_of(area) for spec in desk.feeds})


def ingest_name(source: str, area: str) -> str:
    """Name of the job that ingests a source for the desks of an area."""
    return f"ingest__{source}__{area}"


def _ingest_jobs(workspace: Workspace) -> list[dg.UnresolvedAssetJobDefinition]:
    return [
        area_job(
            ingest_name(source, area),
            raw_selection(workspace, _reading(workspace, source, area)).without_checks(),
            area,
            f"Catch up the raw tables of {area} that {source} brings.",
            INGEST_PRIORITY,
            max_runtime=1800,
            tags=KNOWN_NOW,
        )
        for area in workspace.areas
        for source in sources_of(workspace, area)
    ]


def _reading(workspace: Workspace, source: str, area: str) -> list[Desk]:
    """The desks of an area, with the feeds of one source only."""
    return [
        desk.model_copy(update={"feeds": feeds})
        for desk in workspace.desks_of(area)
        if (feeds := tuple(spec for spec in desk.feeds if spec.source == source))
    ]


def _of_desks(desks: Iterable[Desk], parts: list[tuple[str, str]]) -> dg.AssetSelection:
    keys = [dg.AssetKey([desk.name, *part]) for desk in desks for part in parts]
    return dg.AssetSelection.assets(*keys)


def area_job(
    name: str,
    selection: dg.AssetSelection,
    area: str,
    description: str,
    priority: str,
    *,
    max_runtime: int,
    tags: Mapping[str, str] = MappingProxyType({}),
) -> dg.UnresolvedAssetJobDefinition:
    """A job on an area's delivery days, in one process, with the tags every run carries."""
    return dg.define_asset_job(
        name,
        selection=selection,
        description=description,
        partitions_def=delivery_days(area),
        executor_def=dg.in_process_executor,
        tags={
            "area": area,
            "session": "day_ahead",
            "dagster/priority": priority,
            "dagster/max_runtime": str(max_runtime),
            **tags,
        },
    )
