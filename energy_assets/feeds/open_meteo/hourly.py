"""One question for hourly values at many places, and its answer as checked rows.

    GET /v1/forecast?latitude=…,…&longitude=…,…&hourly=…&models=…&timeformat=unixtime&timezone=GMT

One place is answered by an object, several by a list in the order asked. Nulls are no rows; a
variable that a model does not have is all nulls in the unit `undefined`. What would silently spoil
a forecast is refused: another unit, another place, stamps off the hour or out of order.

Not here: which times are asked for, and when a row was known (`products`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import polars as pl
from pydantic import TypeAdapter

from energy_assets.feeds.json_answers import AnswerModel, ask_json, unusable
from energy_assets.feeds.open_meteo.places import Place, Variable
from energy_assets.feeds.source_session import SourceSession
from energy_assets.lakehouse.tables import UTC_TIME

PLACES_AT_ONCE = 50
# The answer names the centre of a grid cell; the coarsest models have cells of half a degree.
_FARTHEST_DEGREES = 1.0
_HOUR_SECONDS = 3600
_LATEST_SECOND = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp())
_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "site": pl.String,
    "variable": pl.String,
    "unit": pl.String,
    "ends_at_stamp": pl.Boolean,
    "days_before": pl.Int64,
    "stamp": UTC_TIME,
    "value": pl.Float64,
}


class _Location(AnswerModel):
    latitude: float
    longitude: float
    utc_offset_seconds: int
    hourly_units: dict[str, str]
    hourly: dict[str, list[float | None]]


_ANSWER = TypeAdapter(_Location | list[_Location])


@dataclass(frozen=True)
class HourlyQuestion:
    """What is asked.

    Attributes:
        session: Requests.
        model: Weather model.
        days_before: Vintages of each variable: 0 the run itself, N its `_previous_dayN`.
    """

    session: SourceSession
    model: str
    days_before: tuple[int, ...] = (0,)

    def rows(self, places: Sequence[Place], times: dict[str, Any]) -> pl.DataFrame:
        """Answers for all places: `site`, `variable`, `unit`, `days_before`, `stamp`, `value`.

        Args:
            places: Where; those with the same variables share requests.
            times: Parameters that say which hours or which run.

        Raises:
            SourceUnavailableError: No usable answer.
        """
        frames = [pl.DataFrame(schema=_SCHEMA)]
        for batch in _batches(places):
            frames += self._batch(batch, times)
        return pl.concat(frames)

    def _batch(self, places: Sequence[Place], times: dict[str, Any]) -> Iterator[pl.DataFrame]:
        wanted = [(variable, days) for variable in places[0].variables for days in self.days_before]
        units = {
            name: variable.source_unit
            for variable, days in wanted
            for name in _parameters(variable, days)
        }
        params = {
            "latitude": ",".join(f"{place.latitude:.5f}" for place in places),
            "longitude": ",".join(f"{place.longitude:.5f}" for place in places),
            "hourly": ",".join(units),
            "models": self.model,
            "wind_speed_unit": "ms",
            "timeformat": "unixtime",
            "timezone": "GMT",
            **times,
        }
        answer = ask_json(self.session, "", params, _ANSWER)
        found = answer if isinstance(answer, list) else [answer]
        asked = f"hourly values of {', '.join(place.site for place in places)} ({times})"
        if len(found) != len(places):
            raise unusable(self.session, asked, f"{len(found)} places instead of {len(places)}")
        for place, location in zip(places, found, strict=True):
            fault = _fault(place, location, units)
            if fault:
                raise unusable(self.session, f"{asked}: {place.site}", fault)
            for variable, days in wanted:
                yield _frame(place, location, variable, days)


def _batches(places: Sequence[Place]) -> Iterator[list[Place]]:
    groups: dict[tuple[Variable, ...], list[Place]] = {}
    for place in places:
        groups.setdefault(place.variables, []).append(place)
    for group in groups.values():
        for first in range(0, len(group), PLACES_AT_ONCE):
            yield group[first : first + PLACES_AT_ONCE]


def _parameters(variable: Variable, days_before: int) -> list[str]:
    suffix = f"_previous_day{days_before}" if days_before else ""
    return [f"{parameter}{suffix}" for parameter in variable.parameters]


def _fault(place: Place, location: _Location, units: dict[str, str]) -> str | None:
    """What makes a location's answer unusable; None if nothing does."""
    apart = max(
        abs(location.latitude - place.latitude),
        # The other side of the date line is near.
        abs((location.longitude - place.longitude + 180.0) % 360.0 - 180.0),
    )
    if apart > _FARTHEST_DEGREES:
        return f"values of {location.latitude:g}, {location.longitude:g}"
    if location.utc_offset_seconds:
        return f"times {location.utc_offset_seconds} s off UTC"
    stamps = location.hourly.get("time", [])
    if not all(_is_hour(stamp) for stamp in stamps):
        return "a stamp that is no full hour"
    if not all(earlier < later for earlier, later in pairwise(map(_number, stamps))):
        return "stamps out of order"
    for parameter, expected in units.items():
        values = location.hourly.get(parameter)
        if values is None:
            return f"no {parameter}, only {', '.join(sorted(location.hourly))}"
        if len(values) != len(stamps):
            return f"{len(values)} values of {parameter} for {len(stamps)} stamps"
        unit = location.hourly_units.get(parameter, "")
        has_values = any(value is not None for value in values)
        if unit != expected and (has_values or unit != "undefined"):
            return f"{parameter} in {unit!r} instead of {expected!r}"
    return None


def _is_hour(stamp: float | None) -> bool:
    return stamp is not None and 0 <= stamp <= _LATEST_SECOND and not stamp % _HOUR_SECONDS


def _number(stamp: float | None) -> float:
    return 0.0 if stamp is None else stamp


def _frame(place: Place, location: _Location, variable: Variable, days: int) -> pl.DataFrame:
    stamps = [datetime.fromtimestamp(_number(stamp), UTC) for stamp in location.hourly["time"]]
    names = _parameters(variable, days)
    below, above = location.hourly[names[0]], location.hourly[names[-1]]
    return (
        pl.DataFrame(
            {"stamp": stamps, "below": below, "above": above},
            schema={"stamp": UTC_TIME, "below": pl.Float64, "above": pl.Float64},
        )
        .with_columns(
            site=pl.lit(place.site),
            variable=pl.lit(variable.name),
            unit=pl.lit(variable.unit),
            ends_at_stamp=pl.lit(variable.ends_at_stamp),
            days_before=pl.lit(days, dtype=pl.Int64),
            value=pl.col("below") + variable.share * (pl.col("above") - pl.col("below")),
        )
        .drop_nulls("value")
        .select(list(_SCHEMA))
    )
