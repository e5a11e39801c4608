"""The composition root: settings and desks in, Dagster definitions out.

`defs` is lazy, so that importing this module costs nothing until Dagster asks. `build_defs` makes
fresh definitions; tests and the command line hand it other settings or desks.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import dagster as dg

from energy_assets.lakehouse.lake import utc_now
from energy_assets.portfolio import Desk, load_desk
from energy_assets.settings import Settings

if TYPE_CHECKING:
    from energy_assets.defs.resources import Workspace


def desks_of(settings: Settings) -> tuple[Desk, ...]:
    """The desks named in the settings, from `data/desks`."""
    folder = settings.root / "data" / "desks"
    return tuple(load_desk(folder / f"{name}.yaml") for name in settings.desks)


def build_defs(
    settings: Settings,
    desks: Sequence[Desk] | None = None,
    *,
    clock: Callable[[], datetime] = utc_now,
    with_warehouse: bool = True,
) -> dg.Definitions:
    """All assets, checks, jobs, schedules and sensors of some desks.

    Args:
        settings: Where things are.
        desks: Desks of the graph; those the settings name by default.
        clock: The time of day; the wall clock by default.
        with_warehouse: Whether what runs off the deadline path is in the graph: dbt's marts, the
            expectations, maintenance, model training, what-if reports. Deadline processes leave it
            out.
    """
    from energy_assets.defs.resources import Workspace

    chosen = tuple(desks) if desks is not None else desks_of(settings)
    with warnings.catch_warnings():
        # Single-run backfills are beta; the exact pin of Dagster is what that warning asks for.
        warnings.simplefilter("ignore", dg.BetaWarning)
        workspace = Workspace(settings, chosen, clock)
        core = _definitions(workspace)
        if not with_warehouse:
            return core
        others = (_warehouse(settings, chosen), _housekeeping(workspace))
    return dg.Definitions.merge(core, *others)


def _definitions(workspace: Workspace) -> dg.Definitions:
    from energy_assets.defs.bids.assets import bid_assets
    from energy_assets.defs.bids.checks import order_checks
    from energy_assets.defs.curated.assets import curated_assets
    from energy_assets.defs.forecasts.assets import forecast_assets
    from energy_assets.defs.jobs import jobs
    from energy_assets.defs.outages.checks import publication_checks
    from energy_assets.defs.outages.sensor import outage_sensors
    from energy_assets.defs.quality.assets import verdict_assets
    from energy_assets.defs.quality.checks import input_checks
    from energy_assets.defs.raw.assets import raw_assets
    from energy_assets.defs.schedules import failure_sensor, schedules
    from energy_assets.defs.sessions.automation import session_definitions
    from energy_assets.defs.sessions.replan import replan_definitions
    from energy_assets.defs.settlement.assets import settlement_assets
    from energy_assets.defs.trading.assets import result_assets

    day_ahead = dg.Definitions(
        assets=[
            *raw_assets(workspace),
            *verdict_assets(workspace),
            *forecast_assets(workspace),
            *bid_assets(workspace),
            *result_assets(workspace),
            *settlement_assets(workspace),
            *curated_assets(workspace),
        ],
        asset_checks=[
            *input_checks(workspace),
            *order_checks(workspace),
            *publication_checks(workspace),
        ],
        jobs=jobs(workspace),
        schedules=schedules(workspace),
        sensors=[failure_sensor(workspace), *outage_sensors(workspace)],
    )
    return dg.Definitions.merge(
        day_ahead, session_definitions(workspace), replan_definitions(workspace)
    )


def _warehouse(settings: Settings, desks: Sequence[Desk]) -> dg.Definitions:
    from energy_assets.defs.warehouse import warehouse_assets, warehouse_job

    return dg.Definitions(
        assets=warehouse_assets(settings, [desk.name for desk in desks]), jobs=[warehouse_job]
    )


def _housekeeping(workspace: Workspace) -> dg.Definitions:
    from energy_assets.defs.maintenance.jobs import maintenance_definitions
    from energy_assets.defs.quality.automation import quality_definitions
    from energy_assets.defs.training.assets import training_definitions
    from energy_assets.defs.what_if.assets import what_if_definitions

    return dg.Definitions.merge(
        quality_definitions(workspace),
        maintenance_definitions(workspace),
        training_definitions(workspace),
        what_if_definitions(workspace),
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions of this process's settings."""
    return build_defs(Settings.from_environment())
