"""Forecasts as rows of the `forecasts` tables, and member hindcasts back from them.

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
from energy_assets.forecasting.day_ahead import PRICE, DayForecast, Scenarios, TargetForecast
from energy_assets.forecasting.price import MemberStore, member_names
from energy_assets.forecasting.profiles import FloatArray
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.lakehouse.tables import TABLES, UTC_TIME
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk

MEMBER_LEVEL = 0.5


def quantile_rows(forecast: DayForecast) -> pl.DataFrame:
    """Own columns of `forecasts.quantiles`: every target's quantiles, then member paths."""
    frames = []
    for target in forecast.targets.values():
        frames.append(_rows(forecast.day, target, target.model, target.quantiles, PERCENTILES))
        frames += [
            _rows(forecast.day, target, name, path[:, None], [MEMBER_LEVEL])
            for name, path in target.members.items()
            if np.isfinite(path).all()
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
        InputError: There are no rows.
    """
    if rows.is_empty():
        where = f"forecasts.scenarios on {day.label}"
        raise InputError(where, expected="scenarios of this decision", found="none")
    ordered = rows.sort("target", "scenario", "period_start")
    first = ordered.filter(pl.col("period_start") == day.start)
    probabilities = first.filter(pl.col("target") == PRICE)["probability"].to_numpy()
    paths = {
        target: group["value"].to_numpy().reshape(len(probabilities), day.mtu_count)
        for (target,), group in ordered.group_by("target", maintain_order=True)
    }
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


class LakeMemberStore(MemberStore):
    """Member hindcasts kept in `forecasts.quantiles` (mode `replay`), one batch a day and member.

    Args:
        lake: The lake.
        desk: The desk.
        version: Version the members must have.
        run_id: Run that writes.
    """

    def __init__(self, lake: Lake, desk: Desk, version: str, run_id: str) -> None:
        super().__init__()
        self._lake = lake
        self._desk = desk
        self._version = version
        self._run_id = run_id

    def load(self, days: Sequence[date]) -> Mapping[date, FloatArray]:
        """Stored paths of those days that have all members in the right version."""
        session = load_area(self._desk.area).session()
        wanted = [day for day in days if day not in self._paths]
        if wanted:
            rows = self._lake.read(
                "forecasts.quantiles",
                scope=self._desk.name,
                start=session.delivery_day(min(wanted)).start,
                end=session.delivery_day(max(wanted)).end,
                where={
                    "target": PRICE,
                    "mode": "replay",
                    "model": member_names(self._desk),
                    "model_version": self._version,
                },
            )
            self._paths.update(self._paths_of(rows))
        return super().load(days)

    def save(self, paths: Mapping[date, FloatArray]) -> None:
        """Append the paths of each day as batches of their own.

        Days with a member that had too little history stay in memory only: tried again next time.
        """
        super().save(paths)
        whole = {day: path for day, path in paths.items() if np.isfinite(path).all()}
        if whole:
            frames = [self._batch(day, path) for day, path in whole.items()]
            self._lake.append("forecasts.quantiles", pl.concat(frames), scope=self._desk.name)

    def _batch(self, day: date, paths: FloatArray) -> pl.DataFrame:
        delivery = load_area(self._desk.area).session().delivery_day(day)
        stamp = RunStamp("day_ahead", day, self._desk.decision_time(day), self._run_id, "replay")
        target = TargetForecast(PRICE, "", self._version, np.empty((0, 99)), {})
        frames = [
            _rows(delivery, target, name, path[:, None], [MEMBER_LEVEL])
            for name, path in zip(member_names(self._desk), paths, strict=True)
        ]
        return stamp.on(pl.concat(frames), "forecasts.quantiles")

    def _paths_of(self, rows: pl.DataFrame) -> dict[date, FloatArray]:
        names = member_names(self._desk)
        found = {}
        for (day,), batch in rows.filter(
            pl.col("decision_time") == self._decision_times(rows)
        ).group_by("delivery_day", maintain_order=True):
            members = {
                name: group.sort("period_start")["value"].to_numpy()
                for (name,), group in batch.group_by("model", maintain_order=True)
            }
            if set(members) == set(names):
                found[day] = np.stack([members[name] for name in names])
        return found

    def _decision_times(self, rows: pl.DataFrame) -> pl.Expr:
        days = rows["delivery_day"].unique().sort().to_list()
        times = [self._desk.decision_time(day) for day in days]
        return pl.col("delivery_day").replace_strict(days, times, return_dtype=UTC_TIME)


def _rows(
    day: DeliveryDay,
    target: TargetForecast,
    model: str,
    values: FloatArray,
    levels: Iterable[float],
) -> pl.DataFrame:
    level = list(levels)
    return pl.DataFrame(
        {
            "target": target.target,
            "model": model,
            "model_version": target.version,
            "period_start": [start for start in day.starts for _ in level],
            "resolution_min": day.mtu_minutes,
            "level": level * len(day.starts),
            "value": values.reshape(-1),
        }
    )
