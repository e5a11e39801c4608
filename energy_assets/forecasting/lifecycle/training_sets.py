"""What a model was trained on, on record: a content hash, its extent, the table versions read.

Belongs here: the hash of a history and the Delta versions behind it. Not here: histories
(`members.history`), how they are read (`forecasting.targets`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.lakehouse.lake import Lake

# Everything a history may be read from; verdicts decide which points of the others count.
TABLES_READ = (
    "raw.market_prices",
    "raw.system_forecasts",
    "raw.weather_forecasts",
    "raw.meter_readings",
    "raw.fuel_prices",
    "raw.outages",
    "quality.point_verdicts",
)
_LITTLE = np.dtype("<f8")


@dataclass(frozen=True)
class TrainingSet:
    """What a model was trained on.

    Attributes:
        sha256: `history_hash` of the history.
        first_day: Its oldest day.
        days: Its days, the one forecast included.
        slots: Slots of a day.
        table_versions: Delta version by table when it was read.
    """

    sha256: str
    first_day: date
    days: int
    slots: int
    table_versions: dict[str, int]


def training_set(history: TargetHistory, table_versions: dict[str, int]) -> TrainingSet:
    """The record of a history."""
    return TrainingSet(
        history_hash(history), history.days[0], len(history.days), history.slots, table_versions
    )


def history_hash(history: TargetHistory) -> str:
    """SHA-256 over everything of a history that a member can see, in the order it sees it.

    Numbers enter as little-endian doubles with one zero and one NaN, each array after its name and
    shape, so that the hash is the same on any platform and two histories never run together.
    """
    digest = hashlib.sha256()
    for part in _parts(history):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


def table_versions(lake: Lake, tables: Iterable[str] = TABLES_READ) -> dict[str, int]:
    """Delta version of each table that was ever made."""
    found = {name: lake.version(name) for name in tables}
    return {name: version for name, version in found.items() if version is not None}


def _parts(history: TargetHistory) -> Iterator[bytes]:
    yield history.target.encode()
    yield f"{history.days[0]}/{len(history.days)}/{history.outcome_lag}".encode()
    yield _bytes(np.array(history.bounds))
    arrays = {"outcome": history.outcome}
    arrays |= {f"driver {name}": values for name, values in history.drivers.items()}
    arrays |= {f"daily {name}": values for name, values in history.daily.items()}
    for name, values in arrays.items():
        yield f"{name} {values.shape}".encode()
        yield _bytes(values)


def _bytes(values: np.ndarray) -> bytes:
    same_zero = np.asarray(values, dtype=_LITTLE) + 0.0
    return np.where(np.isnan(same_zero), np.nan, same_zero).astype(_LITTLE).tobytes()
