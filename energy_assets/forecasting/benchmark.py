"""Daily rolling-origin accuracy of a price forecast: members, stages and ensemble side by side.

Every test day is forecast as the daily run forecasts it: the same members, the same combination,
the same windows, each day from what was known before its gate. A published price file is never
revised, so the days are walked on arrays (`members.serving.walk_forward`) instead of reads of a
lake per day; a test holds both to the same figures.

Member forecasts are the slow part and are kept in checkpoint files, one per member, that a run
broken off takes up again.

Not here: published forecasts (comparison only, never an input), reading the price file (`feeds`),
scores (`scoring`, `evaluation`).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.combination import (
    MemberForecasts,
    Recipe,
    walk_forward_combination,
)
from energy_assets.forecasting.members.base import Member
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.serving import MemoryModels, version_of, walk_forward

Progress = Callable[[str, int, int], None]
# A checkpoint is written after so many days: seconds of work at most are lost.
_CHUNK_DAYS = 28


@dataclass(frozen=True)
class BenchmarkRun:
    """Forecasts of every test day.

    Attributes:
        days: Test days.
        outcome: (N, S).
        members: By member, (N, S) or (N, S, 99).
        quantiles: Of the ensemble, (N, S, 99).
        stages: Quantiles of each stage of the combination, each (N, S, 99).
        seconds: CPU seconds by step: each member's name, `combination`; of the forecasts made in
            this run.
        days_made: Days forecast in this run by member, hindcasts included.
    """

    days: list[date]
    outcome: FloatArray
    members: dict[str, FloatArray]
    quantiles: FloatArray
    stages: dict[str, FloatArray]
    seconds: dict[str, float]
    days_made: dict[str, int]

    @property
    def seconds_per_day(self) -> float:
        """CPU seconds one delivery day costs, all members and their combination."""
        per_day = self.seconds["combination"] / len(self.days)
        return per_day + sum(
            self.seconds[name] / made for name, made in self.days_made.items() if made
        )


class Checkpoints:
    """Member forecasts of one price history in a folder, one file per member and version.

    Args:
        folder: Where; made if need be.
        history: Names the files: another history never reads them.
    """

    def __init__(self, folder: Path, history: TargetHistory) -> None:
        self._folder = folder
        self._history = _content_hash(history)

    def load(self, member: Member) -> dict[date, FloatArray]:
        """Forecasts kept so far, by day; a file that cannot be read counts as none."""
        try:
            with np.load(self._path(member), allow_pickle=False) as found:
                days = [date.fromordinal(int(day)) for day in found["days"]]
                return dict(zip(days, found["values"], strict=True))
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return {}

    def save(self, member: Member, forecasts: dict[date, FloatArray]) -> None:
        """Write all forecasts of a member; the file before stays until the new one is whole."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(member)
        partial = path.with_suffix(".partial.npz")
        days = sorted(forecasts)
        np.savez_compressed(
            partial,
            allow_pickle=False,
            days=np.array([day.toordinal() for day in days]),
            values=np.stack([forecasts[day] for day in days]),
        )
        partial.replace(path)

    def _path(self, member: Member) -> Path:
        name = f"{member.spec.name}.{version_of(member)}.{self._history}.npz"
        return self._folder / name


def run_benchmark(
    history: TargetHistory,
    members: Sequence[Member],
    recipe: Recipe,
    first: date,
    last: date,
    *,
    checkpoints: Checkpoints | None = None,
    progress: Progress | None = None,
) -> BenchmarkRun:
    """Forecast every day from first to last.

    Args:
        history: The whole series; each day reads what lies before it.
        members: Members to combine.
        recipe: How; its window of member forecasts before `first` is made too, as far as the
            series reaches.
        first: First test day.
        last: Last test day.
        checkpoints: Where member forecasts are kept.
        progress: Told after each day.

    Raises:
        InputError: A test day is outside the series, or has too little history.
    """
    rows = range(history.row_of(first), history.row_of(last) + 1)
    start = history.days[max(rows[0] - recipe.days_before, 0)]
    span = [start + timedelta(days=n) for n in range((last - start).days + 1)]
    seconds: dict[str, float] = {}
    made: dict[str, int] = {}
    values: dict[str, FloatArray] = {}
    for member in members:
        began = time.process_time()
        kept = {} if checkpoints is None else checkpoints.load(member)
        made[member.spec.name] = len(set(span) - set(kept))
        values[member.spec.name] = _member(member, history, span, kept, checkpoints, progress)
        seconds[member.spec.name] = time.process_time() - began
    began = time.process_time()
    chosen = slice(history.row_of(start), rows[-1] + 1)
    forecasts = MemberForecasts(
        days=span,
        points={name: paths for name, paths in values.items() if paths.ndim == 2},
        quantiles={name: paths for name, paths in values.items() if paths.ndim == 3},
        outcome=history.outcome[chosen],
        bounds=history.bounds,
        outcome_lag=history.outcome_lag,
    )
    quantiles, stages = walk_forward_combination(forecasts, recipe, first, last, progress)
    seconds["combination"] = time.process_time() - began
    tested = slice(len(span) - len(rows), None)
    return BenchmarkRun(
        days=span[tested],
        outcome=history.outcome[chosen][tested],
        members={name: paths[tested] for name, paths in values.items()},
        quantiles=quantiles,
        stages=stages,
        seconds=seconds,
        days_made=made,
    )


def _member(
    member: Member,
    history: TargetHistory,
    span: Sequence[date],
    kept: dict[date, FloatArray],
    checkpoints: Checkpoints | None,
    progress: Progress | None,
) -> FloatArray:
    """Forecasts of every day of the span, those not kept made in chunks."""
    missing = [day for day in span if day not in kept]
    models = MemoryModels()
    for begin in range(0, len(missing), _CHUNK_DAYS):
        chunk = missing[begin : begin + _CHUNK_DAYS]
        for day in chunk:
            kept[day] = walk_forward(member, history, day, day, models=models)[0]
            if progress:
                progress(member.spec.name, sum(day in kept for day in span), len(span))
        kept = _of_one_shape(kept, history.slots)
        if checkpoints is not None:
            checkpoints.save(member, kept)
    found = np.stack([kept[day] for day in span])
    if not np.isfinite(found).any():
        where = f"forecast benchmark: {member.spec.name}"
        expected = f"{member.spec.minimum_days} days without gaps before {span[-1]}"
        raise InputError(where, expected=expected, found="too few for any forecast")
    return found


def _of_one_shape(forecasts: dict[date, FloatArray], slots: int) -> dict[date, FloatArray]:
    """A day without a forecast is a path of NaN; beside quantiles it has to have their shape."""
    shape = max((values.shape for values in forecasts.values()), key=len, default=(slots,))
    return {
        day: values if values.shape == shape else np.full(shape, np.nan)
        for day, values in forecasts.items()
    }


def _content_hash(history: TargetHistory) -> str:
    digest = hashlib.sha256(str((history.target, history.days[0], history.bounds)).encode())
    arrays = {"outcome": history.outcome, **history.drivers, **history.daily}
    for name, values in arrays.items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()[:16]
