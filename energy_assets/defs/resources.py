"""What assets are handed: the lake, the folders, the desks' data. Built from `Settings` once.

Not here: the environment (`settings`), anything an asset could compute from its arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from energy_assets.feeds.access import Access, access_of
from energy_assets.forecasting.lifecycle.artefacts import Artefacts
from energy_assets.forecasting.lifecycle.registry import LakeModels
from energy_assets.forecasting.model_store import model_artefacts, model_store
from energy_assets.lakehouse.lake import Lake, utc_now
from energy_assets.portfolio import Desk
from energy_assets.settings import Settings


@dataclass(frozen=True)
class Workspace:
    """Everything that one process's assets share.

    Attributes:
        settings: Where things are.
        desks: Desks in the graph.
        clock: Gives the time of day; rows are written at it, gates are compared with it.
    """

    settings: Settings
    desks: tuple[Desk, ...]
    clock: Callable[[], datetime] = utc_now

    @cached_property
    def lake(self) -> Lake:
        """The lake, its tables made if they were not there."""
        lake = Lake(self.settings.lake_root, self.settings.object_store_options, clock=self.clock)
        lake.ensure_tables()
        return lake

    @property
    def areas(self) -> list[str]:
        """Market areas of the desks."""
        return sorted({desk.area for desk in self.desks})

    @property
    def access(self) -> Access:
        """How sources are reached."""
        return access_of(self.settings)

    def desks_of(self, area: str) -> list[Desk]:
        """The desks of one area."""
        return [desk for desk in self.desks if desk.area == area]

    def now(self) -> datetime:
        """The clock's time, UTC."""
        return self.clock()


def lake_models(
    workspace: Workspace,
    desk: Desk,
    *,
    at: datetime | None = None,
    before: datetime | None = None,
    run_id: str = "",
) -> LakeModels:
    """A desk's model store, for training and for the forecasts that load from it.

    Args:
        workspace: Names the lake and the artefact root.
        desk: The desk.
        at: Models known after this are not seen; the clock's time by default.
        before: Rows written from then on are not read.
        run_id: Run that writes.
    """
    return model_store(
        workspace.settings,
        workspace.lake,
        desk,
        at=at,
        ingested_before=before,
        run_id=run_id,
    )


def artefacts(workspace: Workspace) -> Artefacts:
    """The artefact root; its object-store options are the lake's."""
    return model_artefacts(workspace.settings)
