"""What every member said for past days, made at those days' decisions, and for the day itself.

A combination learns from member forecasts that were made as the day's own is made: with what was
known at each day's decision. They are read from a store or made and stored once. What a member says
for a day depends on (day, decision time, configuration) only, so it does not matter when, in which
order or in which process it was made.

Quantile members are kept at 21 levels; between them the percentiles are interpolated, in fresh
hindcasts too, so that a stored one and a fresh one are the same bits.

Not here: histories (`targets`), the lake's store (`records`), combining (`combination`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.combination import MemberForecasts
from energy_assets.forecasting.ensembles import Ensemble, Ensembles, desk_ensemble
from energy_assets.forecasting.members.base import Member, MemberUnavailableError
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.serving import ModelStore, Serving, version_of
from energy_assets.forecasting.profiles import mtu_slots, slots_per_day
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.targets import IMBALANCE_SPREAD, PRICE, TargetReader
from energy_assets.market import DeliveryDay, Session

Progress = Callable[[str, int, int], None]
KEPT_LEVELS: FloatArray = np.array([0.01, *np.arange(1, 20) * 0.05, 0.99])


@dataclass(frozen=True)
class MemberKey:
    """What names the forecasts of one member.

    Attributes:
        target: Target forecast.
        member: Member name.
        version: Everything but data that the forecasts depend on.
    """

    target: str
    member: str
    version: str


class HindcastStore:
    """Where forecasts of past days are kept between runs, by MTU of the day.

    The base class keeps them in memory; `LakeHindcasts` in `forecasts.quantiles`.
    """

    def __init__(self) -> None:
        self._kept: dict[MemberKey, dict[date, FloatArray]] = {}

    def load(self, keys: Sequence[MemberKey], days: Sequence[date]) -> None:
        """Bring what is kept elsewhere into memory."""

    def get(self, key: MemberKey, day: date) -> FloatArray | None:
        """Forecast (MTUs,) or (MTUs, kept levels) of a day, None where there is none."""
        return self._kept.get(key, {}).get(day)

    def put(self, key: MemberKey, day: date, values: FloatArray) -> None:
        """Keep one forecast."""
        self._kept.setdefault(key, {})[day] = values

    def flush(self) -> None:
        """Write what was put since the last time."""


@dataclass(frozen=True)
class KeptForecast:
    """What a member said for one day, as it is kept.

    Attributes:
        version: Everything but data that it depends on.
        values: (MTUs,), or (MTUs, kept levels) of a quantile member.
    """

    version: str
    values: FloatArray


@dataclass(frozen=True)
class DayMembers:
    """Member forecasts of the days before a delivery day and of that day.

    Attributes:
        forecasts: Input of the combination, in slots of the delivery day.
        today: By member, (S,) or (S, 99), those that could forecast the day.
        kept: The same by MTU and as a store keeps them, with the member's version.
        missing: Why the others could not.
        history: History of the delivery day.
    """

    forecasts: MemberForecasts
    today: dict[str, FloatArray]
    kept: dict[str, KeptForecast]
    missing: dict[str, str]
    history: TargetHistory


@dataclass
class Hindcaster:
    """Makes and keeps the member forecasts of a desk's targets.

    Attributes:
        reader: Histories as known.
        store: Keeps forecasts of past days.
        models: Keeps trained models.
        ensembles: Whose members they are, by target; of a target not named, the desk's own.
        may_train: False on the deadline path: a model that is not there leaves its member out.
        prepare: Fills in what a target's history needs from other targets (`target_forecasts`).
        progress: Told about hindcasts made.
    """

    reader: TargetReader
    store: HindcastStore
    models: ModelStore
    ensembles: Ensembles = field(default_factory=dict)
    may_train: bool = True
    prepare: Callable[[str, TargetHistory], TargetHistory] = lambda _, history: history
    progress: Progress | None = None
    _histories: dict[tuple[str, date, int], TargetHistory] = field(default_factory=dict)

    def members(self, target: str, day: date) -> DayMembers:
        """Forecasts of every member of a target for a delivery day and the days before it."""
        session, ensemble = self.reader.session, self.ensemble(target)
        self.reader.preload(target, day, day, ensemble.reach_days)
        members, span = ensemble.members, ensemble.recipe.days_before
        past = [day - timedelta(days=n) for n in range(span, 0, -1)]
        made = self._past(target, members, past)
        slots = self.reader.slots_of(day)
        today, missing = self._today(target, members, day)
        history = self._history(target, day, slots)
        first = history.newest(span)
        outcome = np.full((span + 1, slots), np.nan)
        outcome[span + 1 - len(first.days) :] = first.outcome
        points, quantiles = {}, {}
        for one in members:
            if one.spec.name not in today:
                continue
            rows = [
                _on_slots(made.get((one.spec.name, d)), session.delivery_day(d), session, slots)
                for d in past
            ]
            now = today[one.spec.name]
            if one.spec.produces == "quantiles":
                quantiles[one.spec.name] = _stack([*map(_to_percentiles, rows), now])
            else:
                points[one.spec.name] = _stack([*rows, now])
        forecasts = MemberForecasts(
            [*past, day], points, quantiles, outcome, history.bounds, history.outcome_lag
        )
        kept = {
            one.spec.name: KeptForecast(
                self.version(one, target), self._kept(today[one.spec.name], day)
            )
            for one in members
            if one.spec.name in today
        }
        return DayMembers(forecasts, today, kept, missing, history)

    def ensemble(self, target: str) -> Ensemble:
        """The ensemble that forecasts a target."""
        return self.ensembles.get(target) or desk_ensemble(self.reader.desk, target)

    def version(self, member: Member, target: str = PRICE) -> str:
        """Member version with all but data that its forecasts of a target depend on."""
        desk = self.reader.desk
        parts = [
            version_of(member),
            *self.reader.series,
            str(desk.lead_time_minutes),
            str(desk.history_days),
        ]
        if target == IMBALANCE_SPREAD:
            # Its members read the price forecast: that of another ensemble makes another forecast.
            parts.append(self.ensemble_version(PRICE))
        return hashlib.sha256("/".join(parts).encode()).hexdigest()[:16]

    def ensemble_version(self, target: str) -> str:
        """The same of a target's ensemble: what names its quantiles on the record."""
        ensemble = self.ensemble(target)
        parts = [self.version(member, target) for member in ensemble.members]
        text = "/".join([*parts, repr(ensemble.recipe)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _past(
        self, target: str, members: Sequence[Member], days: Sequence[date]
    ) -> Mapping[tuple[str, date], FloatArray]:
        reader = self.reader
        reached = {d for d in days if reader.desk.decision_time(d) <= reader.known.decision_time}
        keys = {
            one.spec.name: MemberKey(target, one.spec.name, self.version(one, target))
            for one in members
        }
        self.store.load(list(keys.values()), sorted(reached))
        found: dict[tuple[str, date], FloatArray] = {}
        for number, day in enumerate(days):
            for one in members:
                name = one.spec.name
                values = self.store.get(keys[name], day) if day in reached else None
                if values is None:
                    try:
                        values = self._by_mtu(target, one, day)
                    except MemberUnavailableError:
                        continue
                    if day in reached:
                        self.store.put(keys[name], day, values)
                found[name, day] = values
            if self.progress:
                self.progress(f"member forecasts of {target}", number + 1, len(days))
            self._histories.clear()
        self.store.flush()
        return found

    def _by_mtu(self, target: str, member: Member, day: date) -> FloatArray:
        slots = self.reader.slots_of(day)
        return self._kept(self.serving(target, slots).forecast(member, day), day)

    def _kept(self, values: FloatArray, day: date) -> FloatArray:
        """A forecast of a day by MTU, at the levels that are kept."""
        if values.ndim == 2:
            values = values[:, np.searchsorted(PERCENTILES, KEPT_LEVELS - 1e-9)]
        session = self.reader.session
        return values[mtu_slots(session.delivery_day(day), session, len(values))]

    def _today(
        self, target: str, members: Sequence[Member], day: date
    ) -> tuple[dict[str, FloatArray], dict[str, str]]:
        serving = self.serving(target, self.reader.slots_of(day))
        today, missing = {}, {}
        for one in members:
            try:
                today[one.spec.name] = serving.forecast(one, day)
            except MemberUnavailableError as error:
                missing[one.spec.name] = str(error)
        return today, missing

    def serving(self, target: str, slots: int) -> Serving:
        """What serves the trained models of a target, histories included."""
        return Serving(
            self.reader.desk.name,
            lambda day: self._history(target, day, slots),
            self.models,
            may_train=self.may_train,
            variant=f"{slots}-{'-'.join(self.reader.series)}",
            prepare=lambda history: self.prepare(target, history),
        )

    def _history(self, target: str, day: date, slots: int) -> TargetHistory:
        key = (target, day, slots)
        if key not in self._histories:
            self._histories[key] = self.reader.history(target, day, slots)
        return self._histories[key]


def _on_slots(
    values: FloatArray | None, delivery: DeliveryDay, session: Session, slots: int
) -> FloatArray | None:
    """A forecast by MTU of its day on another number of slots, (slots,) or (slots, levels)."""
    if values is None:
        return None
    own = slots_per_day(delivery.mtu_minutes)
    result = np.full((own, *values.shape[1:]), np.nan)
    result[mtu_slots(delivery, session, own)] = values
    missing = np.isnan(result.reshape(own, -1)).all(axis=1)
    if missing.any() and not missing.all():
        # The hour a spring day lacks: any finite value serves, its outcome is interpolated too.
        result = result[np.maximum.accumulate(np.where(missing, 0, np.arange(own)))]
    if slots >= own:
        return np.repeat(result, slots // own, axis=0)
    coarser: FloatArray = result.reshape(slots, own // slots, *values.shape[1:]).mean(axis=1)
    return coarser


def _to_percentiles(values: FloatArray | None) -> FloatArray | None:
    """Percentiles (S, 99) between kept levels, linear; NaN stays NaN."""
    if values is None:
        return None
    place = np.interp(PERCENTILES, KEPT_LEVELS, np.arange(len(KEPT_LEVELS)))
    left = np.minimum(place.astype(int), len(KEPT_LEVELS) - 2)
    share = place - left
    result: FloatArray = values[:, left] * (1 - share) + values[:, left + 1] * share
    return result


def _stack(rows: Sequence[FloatArray | None]) -> FloatArray:
    shape = next(row.shape for row in reversed(rows) if row is not None)
    return np.stack([np.full(shape, np.nan) if row is None else row for row in rows])
