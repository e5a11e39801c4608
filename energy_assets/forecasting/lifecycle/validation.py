"""Validation of a challenger: daily losses of two configurations on the same past days.

The days are the last `VALIDATION_DAYS` that were over at the time of training; of their outcomes
only what was known by then counts. What a configuration said of a day, out of sample, is

- on record: the whole ensemble's rows of `forecasts.quantiles` under the configuration's version,
  made at the day's own decision; or
- made now as the deadline run makes it (`target_forecasts.target_forecast`), from what was known at
  that decision. For this the configuration is rebuilt as an ensemble; where this code no longer has
  it (`configurations.rebuilt`) only the record is left. What reads the price forecast reads that of
  the price's ensemble in force at the time of training, for both.

The champion's record serves alone where it holds `FEWEST_DAYS`, the challenger is forecast on the
champion's days; days on which either had less than its whole ensemble do not count. Where either
has too few days the challenger waits, with the reason on its row.

A challenger is validated when it is first offered to a champion, and again once
`AGAIN_AFTER_DAYS` new days have passed: it can take over with the market's change, and a nightly
run costs nothing in between. Cost, first time: a combination per day beside the hindcasts of its
members, which are kept in the lake for the day it takes over.

Not here: the rule (`champions`), reading the record (`recent`), jobs (`defs.training`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property

import numpy as np

from energy_assets.curation.desk_view import desk_view
from energy_assets.errors import EnergyAssetsError, InputError
from energy_assets.forecasting import runs
from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.ensembles import Ensembles
from energy_assets.forecasting.lifecycle.champions import (
    FEWEST_DAYS,
    Champions,
    Choice,
    Validation,
)
from energy_assets.forecasting.lifecycle.configurations import Configuration, rebuilt
from energy_assets.forecasting.lifecycle.drift import measure
from energy_assets.forecasting.lifecycle.in_force import ensembles_in_force
from energy_assets.forecasting.lifecycle.recent import recorded_days
from energy_assets.forecasting.members.serving import ModelStore
from energy_assets.forecasting.records import LakeHindcasts
from energy_assets.forecasting.target_forecasts import (
    ENSEMBLE,
    Forecaster,
    ForecastUnavailableError,
    forecast_version,
    target_forecast,
)
from energy_assets.forecasting.targets import IMBALANCE_SPREAD, PRICE, TargetReader
from energy_assets.lakehouse.lake import Lake
from energy_assets.market import load_area
from energy_assets.portfolio import Desk
from energy_assets.quality.desk_inputs import system_series

VALIDATION_DAYS = 56
AGAIN_AFTER_DAYS = 7
Progress = Callable[[str, int, int], None]


class NotValidatedError(EnergyAssetsError):
    """Two configurations cannot be compared; the text says what is missing."""


@dataclass
class Validator:
    """Makes validations of one desk's targets.

    Attributes:
        lake: The lake.
        desk: The desk as it is set now.
        models: Where trained models are kept; what past days lack is trained.
        at: Time of training: nothing known later is looked at.
        ingested_before: Rows written from then on are not read for a forecast or outcome.
        run_id: Run that writes the members' hindcasts.
        progress: Told about days forecast.
    """

    lake: Lake
    desk: Desk
    models: ModelStore
    at: datetime
    ingested_before: datetime | None = None
    run_id: str = ""
    progress: Progress | None = None
    _outcomes: dict[date, Mapping[str, FloatArray]] = field(default_factory=dict)

    def offer(self, champions: Champions, target: str, configuration: Configuration) -> Choice:
        """Offer a configuration, compared with the champion if that is due.

        Raises:
            InputError: The champion's or challenger's row cannot be read.
        """
        champion = champions.in_role(target, "champion", self.at)
        if champion is None or champion.configuration.name == configuration.name:
            return champions.offer(target, configuration, self.at)
        days = self.days()
        waiting = champions.in_role(target, "challenger", self.at)
        if waiting is not None and not _is_due(waiting, champion, configuration, days[-1]):
            return waiting
        try:
            validation = self.validation(target, configuration, champion.configuration)
        except NotValidatedError as error:
            return champions.keep_waiting(target, configuration, self.at, days, str(error))
        return champions.offer(target, configuration, self.at, validation)

    def days(self) -> list[date]:
        """The validation days, oldest first: over at the time of training, in UTC and locally."""
        session = load_area(self.desk.area).session()
        last = self.at.date() - timedelta(days=1)
        while session.delivery_day(last).end > self.at:
            last -= timedelta(days=1)
        return [last - timedelta(days=n) for n in range(VALIDATION_DAYS - 1, -1, -1)]

    def validation(
        self, target: str, challenger: Configuration, champion: Configuration
    ) -> Validation:
        """Daily pinball99 of both on all validation days, NaN where it does not count.

        Raises:
            NotValidatedError: Fewer than `FEWEST_DAYS` days count.
        """
        days = self.days()
        known = [day for day in days if np.isfinite(self._outcome(target, day)).any()]
        _require(known, "known outcomes", "")
        old = self._losses("champion", target, champion, known, enough=FEWEST_DAYS)
        new = self._losses("challenger", target, challenger, sorted(old), enough=len(old))
        nothing = float("nan")
        return Validation(
            days,
            np.array([new.get(day, nothing) for day in days]),
            np.array([old.get(day, nothing) for day in days]),
        )

    def _losses(
        self,
        role: str,
        target: str,
        configuration: Configuration,
        days: Sequence[date],
        enough: int,
    ) -> dict[date, float]:
        """Daily loss by day; days that are not on record are made where those are not enough."""
        ensembles: Ensembles | None = None
        versions = {configuration.recorded_as} - {""}
        try:
            ensembles = {**self._in_force, target: rebuilt(configuration, target)}
            versions.add(forecast_version(self._reader, target, ensembles))
            reason = "days with less than its whole ensemble do not count"
        except InputError as error:
            reason = str(error)
        record = recorded_days(self.lake, self.desk, target, ENSEMBLE, versions, days)
        found = {day.label: self._loss(target, day.label, values) for day, values in record}
        if ensembles is not None and len(found) < enough:
            missing = [day for day in days if day not in found]
            for day, values in self._made(target, ensembles, missing):
                found[day] = self._loss(target, day, values)
        _require(found, f"forecasts of the {role}", reason)
        return found

    def _made(
        self, target: str, ensembles: Ensembles, days: Sequence[date]
    ) -> Iterator[tuple[date, FloatArray]]:
        """Forecasts of past days by the whole ensemble, each as decided then, (MTUs, 99)."""
        desk, reader = self.desk, self._reader
        store = LakeHindcasts(self.lake, desk, self.run_id)
        forecaster = Forecaster(store, self.models, ensembles)
        for name in (PRICE, target) if target == IMBALANCE_SPREAD else (target,):
            reach = ensembles[name].reach_days if name in ensembles else 0
            reader.preload(name, days[0], days[-1], reach)
        for number, day in enumerate(days):
            known = reader.known.for_decision(desk.decision_time(day))
            try:
                made = target_forecast(
                    known, desk, day, target, series=reader.series, forecaster=forecaster
                )
            except ForecastUnavailableError:
                continue
            finally:
                if self.progress:
                    self.progress(f"validation of {target}", number + 1, len(days))
            if made.model == ENSEMBLE:
                yield day, made.quantiles

    @cached_property
    def _reader(self) -> TargetReader:
        known = desk_view(self.lake, self.desk, self.at, self.ingested_before)
        return TargetReader(known, self.desk, system_series(self.desk, self.days()[-1]))

    @cached_property
    def _in_force(self) -> Ensembles:
        return ensembles_in_force(self.lake, self.desk, self.at, self.ingested_before)

    def _loss(self, target: str, day: date, quantiles: FloatArray) -> float:
        measured = measure(quantiles, self._outcome(target, day))
        return float("nan") if measured is None else measured.pinball99

    def _outcome(self, target: str, day: date) -> FloatArray:
        """What came true, as known at the time of training, (MTUs,)."""
        delivery = load_area(self.desk.area).session().delivery_day(day)
        if day not in self._outcomes:
            self._outcomes[day] = runs.outcomes(
                self.lake, self.desk, delivery, self.at, self.ingested_before
            )
        return self._outcomes[day][target]


def _is_due(waiting: Choice, champion: Choice, configuration: Configuration, newest: date) -> bool:
    """Whether a challenger is to be compared: never against this champion, or a week ago."""
    if waiting.configuration.name != configuration.name:
        return True
    if waiting.validated_until is None or waiting.chosen_at < champion.chosen_at:
        return True
    return (newest - waiting.validated_until).days >= AGAIN_AFTER_DAYS


def _require(days: Mapping[date, float] | Sequence[date], what: str, reason: str) -> None:
    if len(days) < FEWEST_DAYS:
        msg = f"{what}: expected at least {FEWEST_DAYS} days, found {len(days)}"
        raise NotValidatedError(f"{msg}; {reason}" if reason else msg)
