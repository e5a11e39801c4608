"""The forecast of one delivery day: quantiles per target, joint scenarios, and the rungs used.

Every target (`targets`) goes the same way: its members say what they say for the day and the days
before (`hindcasts`), the combination turns that into 99 calibrated quantiles, and all targets
together into joint paths. Everything is read through one `PointInTime`; seeds derive from desk,
session and delivery day, so that the same knowledge gives the same bits.

Forecast rungs of each target, best first: `ensemble` (all its members), `cheaper_members` (a
trained model could not be loaded; the rest combine), `day_type` and `climatology` (outcomes
alone, where an input is missing or the history too short). A target without even that cannot be
forecast: `ForecastUnavailableError`, and the bid ladder steps down.

Not here: models (`members`), frames and tables (`records`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from energy_assets.curation.outages import output_shares
from energy_assets.errors import EnergyAssetsError, InputError
from energy_assets.forecasting import climatology, scenarios
from energy_assets.forecasting.combination import DEFAULT, BlockCache, Combined, Recipe, combine
from energy_assets.forecasting.hindcasts import (
    DayMembers,
    Hindcaster,
    HindcastStore,
    KeptForecast,
    Progress,
)
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.serving import MemoryModels, ModelStore
from energy_assets.forecasting.profiles import FloatArray, IntArray, mtu_slots
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.slot_forecast import SlotForecast, TooLittleHistoryError
from energy_assets.forecasting.targets import (
    IMBALANCE_SPREAD,
    PRICE,
    PRICE_DRIVER,
    TargetReader,
    target_members,
    target_names,
    with_last_driver,
)
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import DeliveryDay
from energy_assets.portfolio import Desk

ENSEMBLE, CHEAPER_MEMBERS = "ensemble", "cheaper_members"
DAY_TYPE, CLIMATOLOGY = "day_type", "climatology"
# Beside a long window a short one follows the market; a short one alone is too few days.
_SHORT_WINDOW, _TWO_WINDOWS_FROM = min(DEFAULT.windows_days), DEFAULT.window_days


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


@dataclass(frozen=True)
class Scenarios:
    """Joint paths of all targets over one delivery day.

    Attributes:
        day: The delivery day.
        probabilities: Of the paths, (S,).
        paths: By target, each (S, MTUs).
    """

    day: DeliveryDay
    probabilities: FloatArray
    paths: dict[str, FloatArray]

    def expected(self, target: str) -> FloatArray:
        """Mean path of a target, (MTUs,)."""
        mean: FloatArray = self.probabilities @ self.paths[target]
        return mean


@dataclass(frozen=True)
class DayForecast:
    """The forecast of one delivery day.

    Attributes:
        day: The delivery day.
        targets: By target.
        scenarios: Joint paths.
    """

    day: DeliveryDay
    targets: dict[str, TargetForecast]
    scenarios: Scenarios

    @property
    def rung(self) -> str:
        """Forecast rung of the price."""
        return self.targets[PRICE].model

    @property
    def note(self) -> str:
        """What was left out or stepped down, and why."""
        return "; ".join(f.note for f in self.targets.values() if f.note)


@dataclass
class Forecaster:
    """What forecasts share from day to day: stores of hindcasts, models and fitted blocks.

    Attributes:
        store: Keeps member forecasts of past days.
        models: Keeps trained models.
        may_train: False on the deadline path: a model that is not there leaves its member out.
        progress: Told about hindcasts made.
    """

    store: HindcastStore = field(default_factory=HindcastStore)
    models: ModelStore = field(default_factory=MemoryModels)
    may_train: bool = True
    progress: Progress | None = None
    blocks: dict[str, BlockCache] = field(default_factory=dict)


def forecast_day(
    known: PointInTime,
    desk: Desk,
    day: date,
    *,
    series: Sequence[str],
    forecaster: Forecaster | None = None,
    unusable: Mapping[str, str] | None = None,
) -> DayForecast:
    """Forecast a delivery day from what was known at the decision time.

    Args:
        known: Rows as of the decision.
        desk: The desk.
        day: Delivery day.
        series: System forecasts the price members read.
        forecaster: Stores shared with other days.
        unusable: Targets whose inputs are missing, and what is: they are forecast from outcomes
            alone.

    Raises:
        ForecastUnavailableError: A target cannot be forecast at all.
    """
    made = _TargetForecasts(TargetReader(known, desk, series), day, forecaster or Forecaster())
    for target in target_names(desk):
        made.add(target, (unusable or {}).get(target, ""))
    delivery = made.delivery
    targets, paths = made.targets, _joint_paths(desk, made)
    # By MTU, since the two hours of an autumn day that share a slot may differ in what is out.
    for name, share in output_shares(known, desk, delivery).items():
        targets[name] = _with_share(targets[name], share)
        paths[name] = paths[name] * share
    probabilities = np.full(desk.scenarios.count, 1.0 / desk.scenarios.count)
    return DayForecast(delivery, targets, Scenarios(delivery, probabilities, paths))


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
    made = _TargetForecasts(TargetReader(known, desk, series), day, forecaster)
    if target == IMBALANCE_SPREAD:
        made.add(PRICE)
    made.add(target)
    found = made.targets[target]
    share = output_shares(known, desk, made.delivery).get(target)
    return found if share is None else _with_share(found, share)


def forecast_version(reader: TargetReader, target: str) -> str:
    """What names a target's quantiles on the record: hash of all but data that they depend on."""
    hindcaster = Hindcaster(reader, HindcastStore(), MemoryModels())
    parts = [hindcaster.version(member) for member in target_members(reader.desk, target)]
    text = "/".join([*parts, repr(recipe_of(reader.desk, target))])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def seed_of(*parts: object) -> int:
    """A seed that depends on the parts only (desk, session, delivery day, use)."""
    text = "/".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def recipe_of(desk: Desk, target: str) -> Recipe:
    """How a desk combines the members of a target.

    Where every member forecasts quantiles, those are averaged and calibrated; regressions are for
    paths.
    """
    longest = desk.forecast.qra_window_days
    windows = (_SHORT_WINDOW, longest) if longest >= _TWO_WINDOWS_FROM else (longest,)
    recipe = Recipe(windows_days=windows, fold_days=desk.forecast.fold_days)
    produced = {member.spec.produces for member in target_members(desk, target)}
    return replace(recipe, stages=("quantile_members",)) if produced == {"quantiles"} else recipe


class _TargetForecasts:
    """The targets of one day, in turn: a later one may read the forecast of an earlier one."""

    def __init__(self, reader: TargetReader, day: date, forecaster: Forecaster) -> None:
        self._reader = reader
        self._day = day
        self._forecaster = forecaster
        self._price_by_day: dict[date, FloatArray] = {}
        self._hindcaster = Hindcaster(
            reader,
            forecaster.store,
            forecaster.models,
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
        if rung not in (ENSEMBLE, CHEAPER_MEMBERS):
            paths, kept = {}, {}
        self.targets[target] = TargetForecast(
            target,
            rung,
            forecast_version(self._reader, target),
            forecast.quantiles[self.slot_of],
            {name: path[self.slot_of] for name, path in paths.items()},
            note,
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
            for one in target_members(self._reader.desk, target)
            if one.spec.retrain_days > 1
        }
        rung = CHEAPER_MEMBERS if trained & set(members.missing) else ENSEMBLE
        return SlotForecast(combined.quantiles, combined.ranks), rung, note

    def _combined(self, target: str, members: DayMembers) -> Combined:
        if not members.today:
            missing = "; ".join(members.missing.values()) or "none"
            raise InputError(f"{target}: members", expected="one that can forecast", found=missing)
        cache = self._forecaster.blocks.setdefault(f"{target}/{self.slots}", BlockCache())
        return combine(members.forecasts, recipe_of(self._reader.desk, target), cache)

    def _prepared(self, target: str, history: TargetHistory) -> TargetHistory:
        """The spread's members read the price forecast of their own day."""
        if target != IMBALANCE_SPREAD or history.day not in self._price_by_day:
            return history
        price = self._price_by_day[history.day]
        if len(price) != history.slots:
            return history
        return with_last_driver(history, PRICE_DRIVER, price)


def _with_share(forecast: TargetForecast, share: FloatArray) -> TargetForecast:
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


def _joint_paths(desk: Desk, made: _TargetForecasts) -> dict[str, FloatArray]:
    """Paths of all targets together, mapped to MTUs."""
    rows = max(len(forecast.ranks) for forecast in made.by_slot.values())
    ranks = [_on_calendar(forecast.ranks, rows) for forecast in made.by_slot.values()]
    lower, upper = (
        np.concatenate([np.full(made.slots, bounds[side]) for bounds in made.bounds.values()])
        for side in (0, 1)
    )
    paths = scenarios.joint_paths(
        np.hstack(ranks),
        np.vstack([forecast.quantiles for forecast in made.by_slot.values()]),
        PERCENTILES,
        desk.scenarios.count,
        seed_of(desk.seed, desk.name, "day_ahead", made.delivery.label, "scenarios"),
        lower=lower,
        upper=upper,
        dependence=desk.scenarios.dependence,
    )
    parts = np.split(paths, len(made.by_slot), axis=1)
    slot_of: IntArray = made.slot_of
    return {name: part[:, slot_of] for name, part in zip(made.by_slot, parts, strict=True)}


def _on_calendar(ranks: FloatArray, days: int) -> FloatArray:
    """Ranks as the last rows of a calendar of so many days."""
    calendar = np.full((days, ranks.shape[1]), np.nan)
    calendar[days - len(ranks) :] = ranks
    return calendar
