"""A lake and a model store in a folder of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from energy_assets.forecasting.lifecycle.artefacts import Artefacts
from energy_assets.forecasting.lifecycle.registry import LakeModels
from energy_assets.lakehouse.lake import Lake
from energy_assets_tests.forecasting.lifecycle.made import SCOPE, decision_time
from energy_assets_tests.lakehouse.frames import SteppingClock

NOW = datetime(2026, 3, 10, 1, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(tmp_path / "lake", clock=SteppingClock(NOW))
    made.ensure_tables(["forecasts.models", "forecasts.champions", "raw.market_prices"])
    return made


@pytest.fixture
def artefacts(tmp_path: Path) -> Artefacts:
    return Artefacts(str(tmp_path / "models"))


@pytest.fixture
def store(lake: Lake, artefacts: Artefacts) -> Callable[..., LakeModels]:
    """Makes a new store each time, as a new process would."""

    def make(**options: object) -> LakeModels:
        return LakeModels(lake, SCOPE, artefacts, decision_time, **options)  # type: ignore[arg-type]

    return make
