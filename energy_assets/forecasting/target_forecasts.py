"""The forecast of one target for one delivery day: its ensemble, or the rungs below it.

Every target (`targets`) goes the same way: the members of its ensemble say what they say for the
day and the days before (`hindcasts`), the combination turns that into 99 calibrated quantiles. A
later target may read the forecast of an earlier one: the imbalance spread that of the price.

Rungs of each target, best first: `ensemble` (all its members), `cheaper_members` (a trained model
could not be loaded; the rest combine), `day_type` and `climatology` (outcomes alone, where an input
is missing or the history too short). A target without even that cannot be forecast:
`ForecastUnavailableError`, and the bid ladder steps down.

Not here: which ensemble serves (`lifecycle.in_force`), targets together (`day_ahead`), models
(`members`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from energy_assets.curation.outages import output_shares
from energy_assets.errors import EnergyAssetsError, InputError
from energy_assets.forecasting import climatology
from energy_assets.forecasting.combination import BlockCache, Combined, combine
from energy_assets.forecasting.ensembles import Ensembles
from energy_assets.forecasting.hindcasts import (
    DayMembers,
    Hindcaster,
    HindcastStore,
    KeptForecast,
    Progress,
)
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.serving import MemoryModels, ModelStore
from energy_assets.forecasting.profiles import FloatArray, mtu_slots
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.slot_forecast import SlotForecast, TooLittleHistoryError
from energy_assets.forecasting.targets import (
    IMBALANCE_SPREAD,
    PRICE,
    PRICE_DRIVER,
    TargetReader,
    with_last_driver,
)
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.portfolio import Desk

ENSEMBLE, CHEAPER_MEMBERS = "ensemble", "cheaper_members"
DAY_TYPE, CLIMATOLOGY = "day_type", "climatology"


class ForecastUnavailableError(EnergyAssetsError):
    """A target cannot be forecast at all from what is known."""


@dataclass(frozen=True)
class TargetForecast:
    """Quantiles of one target on the MTUs of the delivery day.

    Attributes:
        target: `price`, `imbalance_spread` or a unit's name.
        model: Rung that made the quantiles.
        version: Hash of everything but data that they depend on.
        quantiles: (MTUs, 99), currency/MWh or MW (consumption for a load).
        members: Median paths of the members by name, each (MTUs,).
        note: Why a rung below the first was used, or members were left out.
        kept: The members' forecasts as hindcasts of later days read them.
    """

    target: str
    model: str
    version: str
    quantiles: FloatArray
    members: dict[str, FloatArray]
    note: str = ""
    kept: dict[str, KeptForecast] = field(default_factory=dict)

    @property
    def median(self) -> FloatArray:
        """The 50 % quantile, (MTUs,)."""
        return self.quantiles[:, len(PERCENTILES) // 2]


@dataclass
class Forecaster:
    """What forecasts share from day to day: stores of hindcasts, models and fitted blocks.

    Attributes:
        store: Keeps member forecasts of past days.
        models: Keeps trained models.
        ensembles: What each target is forecast by; a target not named, by the desk's own.
        may_train: False on the deadline path: a model that is not there leaves its member out.
        progress: Told about hindcasts made.
    """

    store: HindcastStore = field(default_factory=HindcastStore)
    models: ModelStore = field(default_factory=MemoryModels)
    ensembles: Ensembles = field(default_factory=dict)
    may_train: bool = True
    progress: Progress | None = None
    blocks: dict[str, BlockCache] = field(default_factory=dict)


def price_forecast(
    known: PointInTime,
    desk: Desk,
    day: date,
    *,
    series: Sequence[str],
    forecaster: Forecaster,
) -> TargetForecast:
    """The price alone, on the MTUs of a delivery day: what a forecast benchmark scores.

    Raises:
        ForecastUnavailableError: Too little history.
    """
    return target_forecast(known, desk, day, PRICE, series=series, forecaster=forecaster)


def target_forecast(
    known: PointInTime,
    desk: Desk,
    day: date,
    target: str,
    *,
    series: Sequence[str],
    forecaster: Forecaster,
) -> TargetForecast:
    """One target as `forecast_day` forecasts it: what a validation scores.

    Raises:
        ForecastUnavailableError: Too little history.
    """
    made = TargetForecasts(TargetReader(known, desk, series), day, forecaster)
    if target == IMBALANCE_SPREAD:
        made.add(PRICE)
    made.add(target)
    found = made.targets[target]
    share = output_shares(known, desk, made.delivery).get(target)
    return found if share is None else with_share(found, share)


def forecast_version(reader: TargetReader, target: str, ensembles: Ensembles | None = None) -> str:
    """What names a target's quantiles on the record: hash of all but data that they depend on.

    Args:
        reader: Names desk and series.
        target: Target.
        ensembles: As of `Forecaster`.
    """
    hindcaster = Hindcaster(reader, HindcastStore(), MemoryModels(), ensembles or {})
    return hindcaster.ensemble_version(target)


class TargetForecasts:
    """The targets of one day, in turn: a later one may read the forecast of an earlier one.

    Args:
        reader: Histories as known.
        day: Delivery day.
        forecaster: Stores shared with other days, and each target's ensemble.

    Attributes:
        delivery: The delivery day.
        slots: Slots of its MTU.
        slot_of: Slot of each MTU, (MTUs,).
        targets: Forecasts made so far, in the order they were asked for.
        by_slot: The same in slots, with the ranks of past outcomes.
        bounds: Lowest and highest value of each target.
    """

    def __init__(self, reader: TargetReader, day: date, forecaster: Forecaster) -> None:
        self._reader = reader
        self._day = day
        self._forecaster = forecaster
        self._price_by_day: dict[date, FloatArray] = {}
        self._hindcaster = Hindcaster(
            reader,
            forecaster.store,
            forecaster.models,
            forecaster.ensembles,
            may_train=forecaster.may_train,
            prepare=self._prepared,
            progress=forecaster.progress,
        )
        self.delivery = reader.session.delivery_day(day)
        self.slots = reader.slots_of(day)
        self.slot_of = mtu_slots(self.delivery, reader.session, self.slots)
        self.targets: dict[str, TargetForecast] = {}
        self.by_slot: dict[str, SlotForecast] = {}
        self.bounds: dict[str, tuple[float, float]] = {}

    def add(self, target: str, unusable: str = "") -> None:
        """Forecast one target, from outcomes alone where an input is unusable.

        Raises:
            ForecastUnavailableError: It cannot be forecast at all.
        """
        if not unusable:
            members = self._hindcaster.members(target, self._day)
            history = members.history
            forecast, rung, note = self._from_members(target, members)
            paths = {name: _median(values) for name, values in members.today.items()}
            kept = members.kept
        else:
            history = self._reader.history(target, self._day)
            forecast, rung = _from_outcomes(history)
            note, paths, kept = f"{target}: {unusable}", {}, {}
        self.by_slot[target], self.bounds[target] = forecast, history.bounds
        chosen = self._hindcaster.ensemble(target).note
        if rung not in (ENSEMBLE, CHEAPER_MEMBERS):
            paths, kept = {}, {}
        self.targets[target] = TargetForecast(
            target,
            rung,
            self._hindcaster.ensemble_version(target),
            forecast.quantiles[self.slot_of],
            {name: path[self.slot_of] for name, path in paths.items()},
            "; ".join(filter(None, (chosen, note))),
            kept,
        )
        if target == PRICE:
            self._price_by_day[self._day] = _median(forecast.quantiles)

    def _from_members(self, target: str, members: DayMembers) -> tuple[SlotForecast, str, str]:
        note = "; ".join(members.missing.values())
        if target == PRICE:
            self._price_by_day |= _mean_paths(members)
        try:
            combined = self._combined(target, members)
        except InputError as error:
            forecast, rung = _from_outcomes(members.history)
            return forecast, rung, note or str(error)
        trained = {
            one.spec.name
            for one in self._hindcaster.ensemble(target).members
            if one.spec.retrain_days > 1
        }
        rung = CHEAPER_MEMBERS if trained & set(members.missing) else ENSEMBLE
        return SlotForecast(combined.quantiles, combined.ranks), rung, note

    def _combined(self, target: str, members: DayMembers) -> Combined:
        if not members.today:
            missing = "; ".join(members.missing.values()) or "none"
            raise InputError(f"{target}: members", expected="one that can forecast", found=missing)
        cache = self._forecaster.blocks.setdefault(f"{target}/{self.slots}", BlockCache())
        return combine(members.forecasts, self._hindcaster.ensemble(target).recipe, cache)

    def _prepared(self, target: str, history: TargetHistory) -> TargetHistory:
        """The spread's members read the price forecast of their own day."""
        if target != IMBALANCE_SPREAD or history.day not in self._price_by_day:
            return history
        price = self._price_by_day[history.day]
        if len(price) != history.slots:
            return history
        return with_last_driver(history, PRICE_DRIVER, price)


def with_share(forecast: TargetForecast, share: FloatArray) -> TargetForecast:
    """A forecast of a unit that is partly out, (MTUs,)."""
    return replace(forecast, quantiles=forecast.quantiles * share[:, None])


def _from_outcomes(history: TargetHistory) -> tuple[SlotForecast, str]:
    """The best rung that needs nothing but outcomes.

    Raises:
        ForecastUnavailableError: Too few outcomes are known.
    """
    try:
        return climatology.by_day_type(history), DAY_TYPE
    except TooLittleHistoryError:
        pass
    try:
        return climatology.climatology(history), CLIMATOLOGY
    except TooLittleHistoryError as error:
        raise ForecastUnavailableError(str(error)) from error


def _median(values: FloatArray) -> FloatArray:
    """The path itself, or the median of percentiles, (S,)."""
    return values if values.ndim == 1 else values[:, len(PERCENTILES) // 2]


def _mean_paths(members: DayMembers) -> dict[date, FloatArray]:
    """Mean of the members' medians by past day, where any said something."""
    forecasts = members.forecasts
    paths = [*forecasts.points.values()]
    paths += [values[..., len(PERCENTILES) // 2] for values in forecasts.quantiles.values()]
    if not paths:
        return {}
    stacked = np.stack(paths)
    known = np.asarray(np.isfinite(stacked).all(axis=2))
    return {
        day: stacked[np.flatnonzero(known[:, row]), row].mean(axis=0)
        for row, day in enumerate(forecasts.days[:-1])
        if known[:, row].any()
    }
