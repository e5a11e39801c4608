"""Rows behind the marts, small enough to work their figures out by hand.

One area and one desk. The 25-hour Sunday in quarter-hours is metered and traded; the Monday after
it has hourly market series only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import polars as pl

from energy_assets.lakehouse import Lake
from energy_assets.market import DeliveryDay, load_area
from energy_assets_tests.lakehouse.frames import decision_columns, frame, prices

AREA, DESK = "DE_LU", "north"
SESSION = load_area(AREA).session()
SUNDAY = SESSION.delivery_day(date(2025, 10, 26))
MONDAY = SESSION.delivery_day(date(2025, 10, 27))
DECIDED = datetime(2025, 10, 25, 11, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def fill_marts(lake: Lake) -> None:
    """Curated series and units, forecasts, outages and quality of the two days."""
    _market(lake)
    _units(lake)
    _forecasts(lake)
    _outages(lake)
    _quality(lake)


def _market(lake: Lake) -> None:
    sunday = {"price.day_ahead": [-10.0] * 4 + [10.0] * 96}
    _series(lake, SUNDAY, 15, sunday)
    monday = {
        "price.day_ahead": [float(hour) for hour in range(24)],
        "price.imbalance_long": [20.0] * 24,
        "price.imbalance_short": [40.0] * 24,
        "forecast.load": [100.0] * 24,
        "actual.load": [90.0] * 24,
        "forecast.wind": [10.0] * 24,
        "actual.solar": [5.0] * 24,
    }
    _series(lake, MONDAY, 60, monday)


def _series(
    lake: Lake, day: DeliveryDay, minutes: int, values: Mapping[str, Sequence[float]]
) -> None:
    rows = [
        (series, day.start + timedelta(minutes=minutes * place), value)
        for series, of_series in values.items()
        for place, value in enumerate(of_series)
    ]
    made = _constant(
        "curated.market_series",
        len(rows),
        resolution_min=minutes,
        unit="u",
        issue_time=None,
        source="s",
        knowledge_time=day.start,
        revision=1,
        delivery_day=day.label,
        series=[row[0] for row in rows],
        period_start=[row[1] for row in rows],
        value=[row[2] for row in rows],
    )
    lake.replace("curated.market_series", made, scope=AREA, by=["delivery_day"])


def _units(lake: Lake) -> None:
    count = SUNDAY.mtu_count
    power = {"wind": [4.0] * count, "pump": [-2.0] * count, "engine": [1.6] + [0.0] * (count - 1)}
    generation = [
        _constant(
            "curated.unit_generation",
            count,
            unit=unit,
            period_start=list(SUNDAY.starts),
            resolution_min=15,
            power_mw=values,
            coverage=[1.0] * (count - 1) + [0.0],
            basis=["metered"] * (count - 1) + ["filled"],
            available_mw=10.0,
            delivery_day=SUNDAY.label,
        )
        for unit, values in power.items()
    ]
    lake.replace("curated.unit_generation", pl.concat(generation), scope=DESK, by=["delivery_day"])
    known = SUNDAY.start - timedelta(hours=6)
    spans = [
        # Believed before the message, and since.
        (datetime(1970, 1, 1, tzinfo=UTC), known, [10.0] * count),
        (known, None, [5.0] * 8 + [10.0] * (count - 8)),
    ]
    availability = [
        _constant(
            "curated.unit_availability",
            count,
            unit="wind",
            period_start=list(SUNDAY.starts),
            resolution_min=15,
            known_from=since,
            known_until=until,
            available_mw=available,
            capacity_mw=10.0,
            messages="",
            outage_type="none",
            unpublished=False,
            delivery_day=SUNDAY.label,
        )
        for since, until, available in spans
    ]
    lake.replace(
        "curated.unit_availability", pl.concat(availability), scope=DESK, by=["delivery_day"]
    )


def _forecasts(lake: Lake) -> None:
    # The wind forecast was made twice: the second batch counts, and the pump's first.
    for target, median in (("wind", 9.0), ("pump", 2.5), ("wind", 5.0)):
        lake.append("forecasts.quantiles", _quantiles(target, median), scope=DESK)


def _quantiles(target: str, median: float) -> pl.DataFrame:
    count = SUNDAY.mtu_count
    levels = [
        _constant(
            "forecasts.quantiles",
            count,
            target=target,
            model="analogues",
            model_version="1",
            period_start=list(SUNDAY.starts),
            resolution_min=15,
            level=level,
            value=median + level - 0.5,
            **decision_columns(count, "day_ahead", SUNDAY.label, DECIDED, "run", "live"),
        )
        for level in (0.1, 0.5, 0.9)
    ]
    return pl.concat(levels)


def _outages(lake: Lake) -> None:
    start = SUNDAY.start
    half_before = start - timedelta(minutes=30)
    parts = [
        # Message, revision, part, start, end, MW left, hours of publication before the day, status.
        ("m1", 1, 0, half_before, start + 100 * QUARTER, 0.0, 6, "active"),
        ("m1", 2, 0, half_before, start + 4 * QUARTER, 5.0, 1, "active"),
        ("m1", 2, 1, start + 4 * QUARTER, start + 6 * QUARTER, 0.0, 1, "active"),
        ("m2", 1, 0, start, start + 4 * QUARTER, 0.0, 6, "active"),
        ("m2", 2, 0, start, start + 4 * QUARTER, 0.0, 1, "withdrawn"),
    ]
    for message, revision, part, begins, ends, left, hours, status in parts:
        known = start - timedelta(hours=hours)
        row = _constant(
            "raw.outages",
            1,
            message_id=message,
            message_revision=revision,
            part=part,
            unit="wind",
            issued_at=known,
            published_at=known,
            event_start=begins,
            event_end=ends,
            available_mw=left,
            installed_mw=None,
            outage_type="forced",
            event_status=status,
            cause="'; DROP TABLE lake.raw.outages; --",
            source="s",
            knowledge_time=known,
            knowledge_basis="published",
        )
        lake.append_if_changed("raw.outages", row, scope=DESK)


def _quality(lake: Lake) -> None:
    noon = datetime(2025, 10, 26, 12, tzinfo=UTC)
    for value in (50.0, 60.0):
        known = noon + timedelta(minutes=value)
        lake.append_if_changed("raw.market_prices", prices([noon], [value], known), scope=AREA)
    verdicts = _constant(
        "quality.verdicts",
        3,
        input="raw.market_prices:day_ahead",
        rule=["freshness", "completeness", "plausibility"],
        verdict=["good", "missing", "suspect"],
        window_start=noon,
        window_end=noon,
        detail="",
        **decision_columns(3, "day_ahead", SUNDAY.label, DECIDED, "run", "live"),
    )
    lake.append("quality.verdicts", verdicts, scope=DESK)
    for rule, values in (("price.limits", [1e5, 2e5]), ("range.price", [3e5])):
        starts = [noon + timedelta(hours=i) for i in range(len(values))]
        refused = prices(starts, values, noon)
        lake.quarantine("raw.market_prices", refused, rule=rule, reason="", scope=AREA, source="s")
    points = [(0, "suspect", 0), (1, "quarantined", 0), (2, "suspect", 0), (2, "good", 1)]
    for hour, verdict, later in points:
        row = _constant(
            "quality.point_verdicts",
            1,
            table="raw.market_prices",
            series="series=day_ahead",
            row_source="s",
            point_time=noon + timedelta(hours=hour),
            rule="frozen",
            verdict=verdict,
            raw_value=50.0,
            detail="",
            source="quality",
            knowledge_time=noon + timedelta(hours=later),
            knowledge_basis="observed",
        )
        lake.append_if_changed("quality.point_verdicts", row, scope=AREA)


def _constant(table_id: str, count: int, **values: object) -> pl.DataFrame:
    """A frame of so many rows; what is no list is the same in all of them."""
    return frame(
        table_id,
        {
            name: value if isinstance(value, list) else [value] * count
            for name, value in values.items()
        },
    )
