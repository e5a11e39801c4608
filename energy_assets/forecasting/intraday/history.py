"""What an intraday model sees: one target on a regular grid of UTC time, as known at one moment.

A day-ahead member sees days in rows (`members.history`); an intraday forecast is made at any time
and reaches over midnight, so its axis is time itself: MTU after MTU in UTC, where every hour exists
once. The wall clock enters as a feature only.

A forecast known ahead has vintages: what an origin may use for a later period is the newest value
known by then. `Vintages` keeps them all, so that the rows a model is trained on look like the row
it will be asked for.

Belongs here: `RollingHistory`, `Vintages`, cuts of them. Not here: reading them from the lake
(`desk`), features (`features`), models (`boosting`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting.arrays import FloatArray, IntArray

MINUTES_PER_DAY = 1440
# Earlier than any origin: what has always been known.
ALWAYS = -(2**40)


@dataclass(frozen=True)
class Vintages:
    """Forecasts of one series by period, in every vintage.

    Attributes:
        values: By vintage, the oldest first, and period, (V, N); NaN where one is silent.
        known_from: Index of the first period at whose start a value is known, (V, N).
    """

    values: FloatArray
    known_from: IntArray

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape != self.known_from.shape:
            expected = f"known_from of the values' shape {self.values.shape}"
            raise InputError("vintages", expected=expected, found=self.known_from.shape)

    @classmethod
    def fixed(cls, values: FloatArray) -> Vintages:
        """A series known long before every period, as the calendar or a plan; values (N,)."""
        return cls(values[None], np.full((1, len(values)), ALWAYS, dtype=np.int64))

    def known_at(self, origins: IntArray, periods: IntArray) -> FloatArray:
        """Newest value for each period known at the start of each origin, (n,)."""
        found = np.full(len(periods), np.nan)
        for values, known_from in zip(self.values, self.known_from, strict=True):
            offered = values[periods]
            usable = np.isfinite(offered) & (known_from[periods] <= origins)
            found[usable] = offered[usable]
        return found

    def cut(self, origin: int, periods: int) -> Vintages:
        """The first periods only, and nothing that is not known at an origin."""
        values, known_from = self.values[:, :periods], self.known_from[:, :periods]
        return Vintages(np.where(known_from <= origin, values, np.nan), known_from)

    def since(self, period: int) -> Vintages:
        """Without the periods before one, which becomes the first."""
        return Vintages(self.values[:, period:], self.known_from[:, period:] - period)


@dataclass(frozen=True)
class RollingHistory:
    """One target by period of a regular UTC grid; the periods from `first` on are to be forecast.

    Attributes:
        target: Name of the target, for messages.
        start: UTC start of the first period.
        minutes: Length of a period.
        outcome: What came true, (N,); NaN where not known at the origin.
        origin: Period in which the forecast is made: nothing known later counts.
        first: First period to forecast, not before the origin.
        live: What was seen at once (telemetry) where that differs from the outcome (meters), (N,);
            the outcome itself if left out.
        guidance: A forecast of the outcome known ahead, in its unit (day-ahead median).
        drivers: Other series known ahead (day-ahead quantiles, weather, system forecasts).
        bounds: Least and greatest possible outcome.
        clock: IANA zone whose wall clock the target follows.
        delay: Periods from the start of a period until its live value is known: 1 for telemetry
            that is there as the period ends, more for a price published later.
        decisions: Past origins to train on; None for any time.
    """

    target: str
    start: datetime
    minutes: int
    outcome: FloatArray
    origin: int
    first: int
    live: FloatArray | None = None
    guidance: Vintages | None = None
    drivers: Mapping[str, Vintages] = field(default_factory=dict)
    bounds: tuple[float, float] = (-np.inf, np.inf)
    clock: str = "UTC"
    delay: int = 1
    decisions: IntArray | None = None

    def __post_init__(self) -> None:
        size = len(self.outcome)
        if not 0 < self.origin <= self.first < size or self.delay < 1:
            expected = f"0 < origin <= first < {size} and a delay of 1 or more"
            found = (self.origin, self.first, self.delay)
            raise InputError(f"{self.target}: periods", expected=expected, found=found)
        lengths = {"live": len(self.seen), **{n: d.values.shape[1] for n, d in self._ahead()}}
        for name, length in lengths.items():
            if length != size:
                where = f"{self.target}: {name}"
                raise InputError(where, expected=f"{size} periods", found=length)

    @property
    def seen(self) -> FloatArray:
        """What was seen at once, (N,)."""
        return self.outcome if self.live is None else self.live

    @property
    def per_hour(self) -> float:
        """Periods of an hour."""
        return 60.0 / self.minutes

    @property
    def per_day(self) -> int:
        """Periods of 24 hours."""
        return MINUTES_PER_DAY // self.minutes

    @property
    def periods(self) -> IntArray:
        """Periods to forecast, (H,)."""
        return np.arange(self.first, len(self.outcome))

    def time_of(self, period: int) -> datetime:
        """UTC start of a period."""
        return self.start + timedelta(minutes=self.minutes * period)

    @property
    def trained_until(self) -> datetime | None:
        """End of the newest period with a known outcome."""
        known = np.flatnonzero(np.isfinite(self.outcome))
        return self.time_of(int(known[-1]) + 1) if known.size else None

    @property
    def last_seen(self) -> int | None:
        """Newest period with a live value."""
        known = np.flatnonzero(np.isfinite(self.seen))
        return int(known[-1]) if known.size else None

    def at(
        self, origin: int, first: int | None = None, horizon: int | None = None
    ) -> RollingHistory:
        """The history as if the forecast were made in another period.

        For series that are never revised: every outcome is blanked that was not known then, and so
        is every vintage. Where rows can be revised, each history is read from the lake.

        Args:
            origin: The other period.
            first: First period to forecast; as far after the origin as now if left out.
            horizon: Periods to forecast; as many as now if left out.
        """
        begin = origin + self.first - self.origin if first is None else first
        size = begin + (len(self.outcome) - self.first if horizon is None else horizon)

        def blanked(values: FloatArray) -> FloatArray:
            kept = values[:size].copy()
            kept[max(origin - self.delay + 1, 0) :] = np.nan
            return kept

        past = self.decisions
        return replace(
            self,
            outcome=blanked(self.outcome),
            origin=origin,
            first=begin,
            live=None if self.live is None else blanked(self.live),
            guidance=None if self.guidance is None else self.guidance.cut(origin, size),
            drivers={name: series.cut(origin, size) for name, series in self.drivers.items()},
            decisions=None if past is None else past[past < origin],
        )

    def newest(self, days: int) -> RollingHistory:
        """The last so many times 24 hours before the origin, and the periods to forecast.

        Whole days are dropped from the front, so that features of the time of day stay aligned.
        """
        drop = max(self.origin - days * self.per_day, 0) // self.per_day * self.per_day
        past = self.decisions
        return replace(
            self,
            start=self.time_of(drop),
            outcome=self.outcome[drop:],
            origin=self.origin - drop,
            first=self.first - drop,
            live=None if self.live is None else self.live[drop:],
            guidance=None if self.guidance is None else self.guidance.since(drop),
            drivers={name: series.since(drop) for name, series in self.drivers.items()},
            decisions=None if past is None else past[past > drop] - drop,
        )

    def _ahead(self) -> list[tuple[str, Vintages]]:
        guidance = [] if self.guidance is None else [("guidance", self.guidance)]
        return [*guidance, *self.drivers.items()]
