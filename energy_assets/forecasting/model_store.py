"""Where a desk's trained models are: the lake's records and the settings' artefact root.

Belongs here: how settings become the stores of `forecasting.lifecycle`, the same for assets and
commands. Not here: the stores themselves (`lifecycle.registry`, `lifecycle.artefacts`), the
environment (`settings`).
"""

from __future__ import annotations

from datetime import datetime

from energy_assets.forecasting.lifecycle.artefacts import Artefacts
from energy_assets.forecasting.lifecycle.registry import LakeModels
from energy_assets.lakehouse.lake import Lake
from energy_assets.portfolio import Desk
from energy_assets.settings import Settings


def model_artefacts(settings: Settings) -> Artefacts:
    """The artefact root; its object-store options are the lake's."""
    return Artefacts(settings.models, settings.object_store_options)


def model_store(
    settings: Settings,
    lake: Lake,
    desk: Desk,
    *,
    at: datetime | None = None,
    ingested_before: datetime | None = None,
    run_id: str = "",
) -> LakeModels:
    """A desk's model store, for training and for the forecasts that load from it.

    Args:
        settings: Name the artefact root.
        lake: The lake.
        desk: The desk.
        at: Models known after this are not seen, UTC; the lake's clock by default.
        ingested_before: Rows written from then on are not read, UTC.
        run_id: Run that writes.
    """
    return LakeModels(
        lake,
        desk.name,
        model_artefacts(settings),
        desk.decision_time,
        at=at,
        ingested_before=ingested_before,
        run_id=run_id,
    )
