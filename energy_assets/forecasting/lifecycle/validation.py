"""Validation of a challenger: daily losses of two configurations on the same past days.

The days are the last `VALIDATION_DAYS` that were over at the time of training; of their outcomes
only what was known by then counts. What a configuration said of a day, out of sample, is

- on record: the whole ensemble's rows of `forecasts.quantiles` under the configuration's version,
  made at the day's own decision; or
- made now as the deadline run makes it (`day_ahead.target_forecast`), from what was known at that
  decision. For this the configuration is rebuilt as a desk with its members and windows. It is
  rebuilt only if that desk names it by the same hash: a member version or recipe that this code no
  longer has makes another configuration, and then only the record is left.

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
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property

import numpy as np

from energy_assets.curation.desk_view import desk_view
from energy_assets.errors import EnergyAssetsError, InputError
from energy_assets.forecasting import runs
from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.day_ahead import (
    ENSEMBLE,
    Forecaster,
    ForecastUnavailableError,
    forecast_version,
    recipe_of,
    target_forecast,
)
from energy_assets.forecasting.lifecycle.champions import (
    FEWEST_DAYS,
    Champions,
    Choice,
    Configuration,
    Validation,
)
from energy_assets.forecasting.lifecycle.drift import measure
from energy_assets.forecasting.lifecycle.recent import recorded_days
from energy_assets.forecasting.members.registry import member
from energy_assets.forecasting.members.serving import ModelStore
from energy_assets.forecasting.profiles import mtu_slots, slots_per_day
from energy_assets.forecasting.records import LakeHindcasts
from energy_assets.forecasting.targets import (
    IMBALANCE_SPREAD,
    PRICE,
    TargetReader,
    target_kind,
    target_members,
)
from energy_assets.forecasting.vintages import price_matrix
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import DeliveryDay, load_area
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
        ingested_before: Rows written from then on are not read for a forecast.
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
        try:
            desk = rebuilt(self.desk, target, configuration)
            reason = "days with less than its whole ensemble do not count"
        except InputError as error:
            desk, reason = None, str(error)
        versions = {configuration.recorded_as} - {""}
        if desk is not None:
            versions.add(forecast_version(self._reader(desk), target))
        record = recorded_days(self.lake, self.desk, target, ENSEMBLE, versions, days)
        found = {day.label: self._loss(target, day.label, values) for day, values in record}
        if desk is not None and len(found) < enough:
            missing = [day for day in days if day not in found]
            for day, values in self._made(target, desk, missing):
                found[day] = self._loss(target, day, values)
        _require(found, f"forecasts of the {role}", reason)
        return found

    def _made(
        self, target: str, desk: Desk, days: Sequence[date]
    ) -> Iterator[tuple[date, FloatArray]]:
        """Forecasts of past days by the whole ensemble, each as decided then, (MTUs, 99)."""
        reader = self._reader(desk)
        for name in (PRICE, target) if target == IMBALANCE_SPREAD else (target,):
            reader.preload(name, days[0], days[-1])
        forecaster = Forecaster(LakeHindcasts(self.lake, desk, self.run_id), self.models)
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
    def _known(self) -> PointInTime:
        return desk_view(self.lake, self.desk, self.at, self.ingested_before)

    def _reader(self, desk: Desk) -> TargetReader:
        return TargetReader(self._known, desk, system_series(desk, self.days()[-1]))

    def _loss(self, target: str, day: date, quantiles: FloatArray) -> float:
        measured = measure(quantiles, self._outcome(target, day))
        return float("nan") if measured is None else measured.pinball99

    def _outcome(self, target: str, day: date) -> FloatArray:
        """What came true, as known at the time of training, (MTUs,)."""
        delivery = load_area(self.desk.area).session().delivery_day(day)
        if target == IMBALANCE_SPREAD:
            return self._spread(delivery)
        if day not in self._outcomes:
            self._outcomes[day] = runs.outcomes(self.lake, self.desk, delivery, self.at)
        return self._outcomes[day][target]

    def _spread(self, delivery: DeliveryDay) -> FloatArray:
        """Imbalance less day-ahead price by MTU; hours that share a slot share its mean."""
        day, slots = delivery.label, slots_per_day(delivery.mtu_minutes)
        imbalance, price = (
            price_matrix(self._known, self.desk.area, day, day, slots, series)[0]
            for series in ("imbalance", "day_ahead")
        )
        session = load_area(self.desk.area).session()
        spread: FloatArray = (imbalance - price)[mtu_slots(delivery, session, slots)]
        return spread


def rebuilt(desk: Desk, target: str, configuration: Configuration) -> Desk:
    """The desk set to a configuration of one target.

    Raises:
        InputError: This code no longer has it; the text says what differs.
    """
    names, recipe = tuple(configuration.members), configuration.recipe
    where = f"configuration {configuration.name} of {target}"
    try:
        longest = max(member(name).spec.retrain_days for name in names)
        windows = {
            "members": {**desk.forecast.members, target_kind(desk, target): names},
            "qra_window_days": max(recipe["windows_days"]),
            "fold_days": recipe["fold_days"],
            "longest_retrain_days": max(longest, desk.forecast.longest_retrain_days),
        }
        made = desk.model_copy(update={"forecast": desk.forecast.model_copy(update=windows)})
        found = Configuration.of(
            target_members(made, target), asdict(recipe_of(made, target)), date.min
        )
    except (InputError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(where, expected="members and recipe of this code", found=reason) from error
    if found.name != configuration.name:
        changed = [
            name for name, now in found.members.items() if configuration.members[name] != now
        ]
        differs = f"other versions of {', '.join(changed)}" if changed else "another recipe"
        raise InputError(where, expected="members and recipe of this code", found=differs)
    return made


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
