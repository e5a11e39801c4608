"""Open-Meteo as a handler: hourly values at any places, by days or by run.

Values come from a function of the test, so that a row can be traced back to its vintage.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from energy_assets_tests.loopback.server import Answer, Handler, Request, json_answer

UNITS = {
    "wind_speed_80m": "m/s",
    "wind_speed_100m": "m/s",
    "wind_speed_120m": "m/s",
    "shortwave_radiation": "W/m²",
    "temperature_2m": "°C",
}


@dataclass(frozen=True)
class Value:
    """What a value is of."""

    parameter: str
    days_before: int
    run: datetime | None
    stamp: datetime
    latitude: float


def by_vintage(value: Value) -> float | None:
    """Hour of the year, plus a thousandth per day of age."""
    hours = (value.stamp - datetime(value.stamp.year, 1, 1, tzinfo=UTC)) // timedelta(hours=1)
    return hours + value.days_before / 1000


def open_meteo_handler(
    value: Callable[[Value], float | None] = by_vintage,
    *,
    missing_runs: Container[datetime] = (),
    apikey: str = "",
) -> Handler:
    """A handler for all three products."""

    def handle(request: Request) -> Answer:
        query = request.query
        if apikey and query.get("apikey") != apikey:
            return _refused("no such API key")
        if query["timeformat"] != "unixtime" or query["timezone"] != "GMT":
            return _refused("this test server knows unixtime and GMT only")
        run = _moment(query["run"]) if "run" in query else None
        if run is not None and run in missing_runs:
            model = query["models"]
            return _refused(f"modelRunUnavailable(model: {model}, run: {query['run']})")
        stamps = _stamps(request, run)
        places = zip(query["latitude"].split(","), query["longitude"].split(","), strict=True)
        found = [
            _location(float(latitude), float(longitude), query, stamps, run, value)
            for latitude, longitude in places
        ]
        return json_answer(found if len(found) > 1 else found[0])

    return handle


def _stamps(request: Request, run: datetime | None) -> list[datetime]:
    if run is not None:
        first = run.replace(hour=0)
        hours = 24 * int(request.query["forecast_days"])
    else:
        first = _moment(request.query["start_date"])
        last = _moment(request.query["end_date"])
        hours = 24 * ((last - first).days + 1)
    return [first + timedelta(hours=hour) for hour in range(hours)]


def _location(latitude, longitude, query, stamps, run, value):
    hourly = {"time": [int(stamp.timestamp()) for stamp in stamps]}
    units = {"time": "unixtime"}
    for parameter in query["hourly"].split(","):
        variable, _, age = parameter.partition("_previous_day")
        is_before_run = [run is not None and stamp < run for stamp in stamps]
        # ICON has no level at 100 m.
        lacking = variable == "wind_speed_100m" and query["models"].startswith("icon_")
        hourly[parameter] = [
            None
            if early or lacking
            else value(Value(variable, int(age or 0), run, stamp, latitude))
            for stamp, early in zip(stamps, is_before_run, strict=True)
        ]
        known_unit = any(found is not None for found in hourly[parameter])
        units[parameter] = UNITS[variable] if known_unit else "undefined"
    if query.get("wind_speed_unit") != "ms":
        units = {name: "km/h" if unit == "m/s" else unit for name, unit in units.items()}
    return {
        # The centre of the model's cell, not the point asked for.
        "latitude": round(latitude, 1),
        "longitude": round(longitude, 1),
        "generationtime_ms": 0.1,
        "utc_offset_seconds": 0,
        "timezone": "GMT",
        "timezone_abbreviation": "GMT",
        "elevation": 10.0,
        "hourly_units": units,
        "hourly": hourly,
    }


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _refused(reason: str) -> Answer:
    return json_answer({"error": True, "reason": reason}, 400)
