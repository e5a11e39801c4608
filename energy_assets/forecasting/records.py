"""Forecasts as rows of the `forecasts` tables, and member forecasts back from them.

Belongs here: the one mapping between forecast objects and tables. Not here: models, point-in-time
reads of raw data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from energy_assets.errors import InputError
from energy_assets.forecasting import scoring
from energy_assets.forecasting.day_ahead import DayForecast, Scenarios
from energy_assets.forecasting.hindcasts import (
    KEPT_LEVELS,
    HindcastStore,
    KeptForecast,
    MemberKey,
)
from energy_assets.forecasting.profiles import FloatArray
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.targets import PRICE
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.lakehouse.tables import TABLES, UTC_TIME
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk

MEMBER_LEVEL = 0.5


def quantile_rows(forecast: DayForecast) -> pl.DataFrame:
    """Own columns of `forecasts.quantiles`: every target's quantiles, then its members'.

    A member's rows are those a later hindcast of the day would write, so that there is one batch.
    """
    frames = []
    for target in forecast.targets.values():
        whole = KeptForecast(target.version, target.quantiles)
        frames.append(_rows(forecast.day, target.target, target.model, whole, PERCENTILES))
        frames += [
            _rows(forecast.day, target.target, name, kept, _levels(kept))
            for name, kept in target.kept.items()
            if np.isfinite(kept.values).all()
        ]
    return pl.concat(frames)


def scenario_rows(scenarios: Scenarios) -> pl.DataFrame:
    """Own columns of `forecasts.scenarios`."""
    count = len(scenarios.probabilities)
    starts = scenarios.day.starts
    frames = [
        pl.DataFrame(
            {
                "target": target,
                "scenario": np.repeat(np.arange(count), len(starts)),
                "probability": np.repeat(scenarios.probabilities, len(starts)),
                "period_start": starts * count,
                "resolution_min": scenarios.day.mtu_minutes,
                "value": paths.reshape(-1),
            }
        )
        for target, paths in scenarios.paths.items()
    ]
    return pl.concat(frames)


def scenarios_from_rows(rows: pl.DataFrame, day: DeliveryDay) -> Scenarios:
    """The joint paths of one batch of `forecasts.scenarios`.

    Raises:
        InputError: There are no rows, or a path lacks a period.
    """
    where = f"forecasts.scenarios on {day.label}"
    if rows.is_empty():
        raise InputError(where, expected="scenarios of this decision", found="none")
    ordered = rows.sort("target", "scenario", "period_start")
    first = ordered.filter(pl.col("period_start") == day.start)
    probabilities = first.filter(pl.col("target") == PRICE)["probability"].to_numpy()
    shape = (len(probabilities), day.mtu_count)
    paths = {}
    for (target,), group in ordered.group_by("target", maintain_order=True):
        if len(group) != shape[0] * shape[1]:
            expected = f"{shape[0]} paths of {shape[1]} periods of {target}"
            raise InputError(where, expected=expected, found=f"{len(group)} rows")
        paths[target] = group["value"].to_numpy().reshape(shape)
    return Scenarios(day, probabilities, paths)


def score_rows(
    day: DeliveryDay,
    outcome: Mapping[str, FloatArray],
    quantiles: Mapping[str, FloatArray],
    models: Mapping[str, str],
    weekly_naive: Mapping[str, FloatArray],
) -> pl.DataFrame:
    """Own columns of `forecasts.scores` of one day.

    `rmae_weekly` is the day's MAE over that of the weekly naive forecast of the same day; it is
    left out where the week before is unknown or was met exactly.

    Args:
        day: The delivery day.
        outcome: By target, (MTUs,); targets with a missing outcome are left out.
        quantiles: By target, (MTUs, 99).
        models: By target, the model scored.
        weekly_naive: By target, the outcome of the same slots a week before, (MTUs,).
    """
    rows = []
    for target, actual in outcome.items():
        if target not in quantiles or not np.isfinite(actual).all():
            continue
        forecast = quantiles[target]
        scores = {
            "pinball99": scoring.pinball99(forecast, actual),
            "crps": scoring.crps(forecast, actual),
            "mae": scoring.mae(forecast[:, len(PERCENTILES) // 2], actual),
            "rmse": scoring.rmse(forecast.mean(axis=1), actual),
        }
        naive_mae = scoring.mae(weekly_naive[target], actual)
        if np.isfinite(weekly_naive[target]).all() and naive_mae > 0:
            scores["rmae_weekly"] = scores["mae"] / naive_mae
        coverage = scoring.interval_coverage(forecast, actual, PERCENTILES)
        scores |= {f"coverage_{round(100 * k)}": value for k, value in coverage.items()}
        rows += [(target, models[target], name, value, day.start) for name, value in scores.items()]
    columns = {column.name: column.dtype for column in TABLES["forecasts.scores"].columns}
    return pl.DataFrame(rows, schema=columns, orient="row")


class LakeHindcasts(HindcastStore):
    """Member forecasts of past days kept in `forecasts.quantiles` (mode `replay`).

    Args:
        lake: The lake.
        desk: The desk.
        run_id: Run that writes.
    """

    def __init__(self, lake: Lake, desk: Desk, run_id: str) -> None:
        super().__init__()
        self._lake = lake
        self._desk = desk
        self._run_id = run_id
        self._read: set[tuple[MemberKey, date]] = set()
        self._unwritten: list[pl.DataFrame] = []

    def load(self, keys: Sequence[MemberKey], days: Sequence[date]) -> None:
        """Bring stored forecasts of those days into memory, once."""
        wanted = [day for day in days if any((key, day) not in self._read for key in keys)]
        if not wanted or not keys:
            return
        session = load_area(self._desk.area).session()
        rows = self._lake.read(
            "forecasts.quantiles",
            scope=self._desk.name,
            start=session.delivery_day(min(wanted)).start,
            end=session.delivery_day(max(wanted)).end,
            where={
                "target": keys[0].target,
                "mode": "replay",
                "model": [key.member for key in keys],
                "model_version": [key.version for key in keys],
            },
        )
        for (day, model, version), batch in rows.filter(
            pl.col("decision_time") == self._decision_times(rows)
        ).group_by("delivery_day", "model", "model_version", maintain_order=True):
            values = batch.sort("period_start", "level")["value"].to_numpy()
            levels = batch["level"].n_unique()
            key = MemberKey(keys[0].target, str(model), str(version))
            super().put(key, day, values if levels == 1 else values.reshape(-1, levels))
        self._read |= {(key, day) for key in keys for day in wanted}

    def put(self, key: MemberKey, day: date, values: FloatArray) -> None:
        """Keep a forecast; `flush` writes it, as a batch of its own."""
        super().put(key, day, values)
        delivery = load_area(self._desk.area).session().delivery_day(day)
        stamp = RunStamp("day_ahead", day, self._desk.decision_time(day), self._run_id, "replay")
        kept = KeptForecast(key.version, values)
        rows = _rows(delivery, key.target, key.member, kept, _levels(kept))
        self._unwritten.append(stamp.on(rows, "forecasts.quantiles"))

    def flush(self) -> None:
        """Append what was put since the last time, in one write."""
        if self._unwritten:
            rows = pl.concat(self._unwritten)
            self._unwritten = []
            self._lake.append("forecasts.quantiles", rows, scope=self._desk.name)

    def _decision_times(self, rows: pl.DataFrame) -> pl.Expr:
        days = rows["delivery_day"].unique().sort().to_list()
        times = [self._desk.decision_time(day) for day in days]
        return pl.col("delivery_day").replace_strict(days, times, return_dtype=UTC_TIME)


def _levels(kept: KeptForecast) -> Iterable[float]:
    return [MEMBER_LEVEL] if kept.values.ndim == 1 else KEPT_LEVELS


def _rows(
    day: DeliveryDay, target: str, model: str, kept: KeptForecast, levels: Iterable[float]
) -> pl.DataFrame:
    level = list(levels)
    return pl.DataFrame(
        {
            "target": target,
            "model": model,
            "model_version": kept.version,
            "period_start": [start for start in day.starts for _ in level],
            "resolution_min": day.mtu_minutes,
            "level": level * len(day.starts),
            "value": kept.values.reshape(-1),
        }
    )
