"""A desk on remote sources, whole: servers on loopback, and the folders its own people fill.

`RemoteWorld` starts ENTSO-E, Open-Meteo and Energy-Charts on one loopback server and writes meters,
fuel closes and outage messages below a data folder, so that a run needs settings and a desk file
and nothing else. Wind and sun are made up so that forecasts of older runs err more and meters
follow the weather; prices are those of the ENTSO-E stand-in.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import yaml

from energy_assets.portfolio import Desk, load_desk
from energy_assets_tests.e2e.desks import DESKS, light
from energy_assets_tests.loopback.energy_charts import energy_charts_handler
from energy_assets_tests.loopback.entsoe import TOKEN, entsoe_handler
from energy_assets_tests.loopback.entsoe_market import day_ahead_price
from energy_assets_tests.loopback.open_meteo import Value, open_meteo_handler
from energy_assets_tests.loopback.server import LoopbackServer

_LATITUDES = {54.3: "wind", 52.6: "wind", 48.6: "solar"}
_QUARTER = timedelta(minutes=15)


def remote_desk(**changes: object) -> Desk:
    """The desk of `data/desks/de_lu.yaml`, light."""
    return light(load_desk(DESKS / "de_lu.yaml"), **changes)


class RemoteWorld:
    """Servers and folders of a desk for some delivery days.

    Args:
        folder: Where the data folder is made.
        desk: The desk.
        first: First day of history.
        last: Last delivery day.
    """

    def __init__(self, folder: Path, desk: Desk, first: date, last: date) -> None:
        self.data = folder / "sources"
        self.desk = desk
        start = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(days=1)
        end = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=2)
        self._write_meters(start, end)
        self._write_fuel(start.date(), end.date())
        self._write_outage(last)
        self.server = LoopbackServer(
            {
                "/entsoe": entsoe_handler(),
                "/open-meteo": open_meteo_handler(_forecast),
                "/price": energy_charts_handler(_second_prices(start, end)),
            }
        )

    @property
    def environment(self) -> dict[str, str]:
        """The settings that point a process at this world."""
        url = self.server.url
        weather = dict.fromkeys(
            ("open_meteo_forecast", "open_meteo_previous_runs", "open_meteo_single_runs"),
            f"{url}/open-meteo",
        )
        endpoints = {"entsoe": f"{url}/entsoe", "energy_charts": url, **weather}
        return {
            "ENERGY_ASSETS_ENDPOINTS": json.dumps(endpoints),
            "ENERGY_ASSETS_TOKENS": json.dumps({"entsoe": TOKEN}),
            "ENERGY_ASSETS_REAL_DATA": str(self.data),
        }

    def _write_meters(self, start: datetime, end: datetime) -> None:
        folder = self.data / "meters"
        folder.mkdir(parents=True)
        lines = ["period_start_utc,wind_mwh,solar_mwh"]
        moment = start
        while moment < end:
            energy = (_output(kind, moment) / 4 for kind in ("wind", "solar"))
            lines.append(f"{moment:%Y-%m-%d %H:%M}," + ",".join(f"{mwh:.4f}" for mwh in energy))
            moment += _QUARTER
        (folder / "meters.csv").write_text("\n".join(lines) + "\n")
        (folder / "mapping.yaml").write_text(yaml.safe_dump(_meter_mapping(self.desk)))

    def _write_fuel(self, first: date, last: date) -> None:
        folder = self.data / "fuel"
        folder.mkdir(parents=True)
        lines = ["product,price_date,price,unit,published_at"]
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            if day.weekday() < 5:
                for product, price, unit in (
                    ("ttf_hhv", 30 + 3 * np.sin(number / 9), "EUR/MWh HHV"),
                    ("eua", 70 + 2 * np.cos(number / 7), "EUR/t CO2"),
                ):
                    lines.append(f"{product},{day},{price:.3f},{unit},{day}T18:15:00+00:00")
        (folder / "closes.csv").write_text("\n".join(lines) + "\n")

    def _write_outage(self, day: date) -> None:
        folder = self.data / "outages"
        folder.mkdir(parents=True)
        message = {
            "message_id": "gt-1",
            "revision": 1,
            "unit": "gas_turbine",
            "created_at": f"{day - timedelta(days=1)}T06:00:00+00:00",
            "published_at": f"{day - timedelta(days=1)}T06:20:00+00:00",
            "status": "active",
            "type": "forced",
            "parts": [
                {
                    "start": f"{day}T00:00:00+00:00",
                    "end": f"{day}T08:00:00+00:00",
                    "available_mw": 40,
                }
            ],
            "cause": "bearing <b>3</b>",
        }
        (folder / "gt-1.json").write_text(json.dumps(message))


def _meter_mapping(desk: Desk) -> dict[str, object]:
    values = [
        {"column": f"{unit}_mwh", "labels": {"unit": unit}, "unit": "MWh"}
        for unit in ("wind", "solar")
    ]
    return {
        "source": "meters",
        "files": [
            {
                "name": "meters",
                "path": "meters/meters.csv",
                "format": "csv",
                "scope": desk.name,
                "time": {"column": "period_start_utc", "clock": "UTC", "resolution_min": 15},
                "tables": [
                    {
                        "table": "raw.meter_readings",
                        "knowledge": {
                            "kind": "before_delivery",
                            "time": "09:00",
                            "days_before": -1,
                            "clock": "Europe/Berlin",
                        },
                        "values": values,
                    }
                ],
            }
        ],
    }


def _weather(kind: str, moment: datetime) -> float:
    """Wind speed (m/s) or irradiance (W/m2), smooth in time."""
    hours = moment.timestamp() / 3600
    if kind == "wind":
        return float(7.5 + 3.0 * np.sin(hours / 17) + 2.0 * np.sin(hours / 5.3 + 1))
    height = np.sin((hours % 24 - 6) * np.pi / 12)
    return float(max(0.0, 800 * height * (0.7 + 0.3 * np.sin(hours / 31))))


def _output(kind: str, moment: datetime) -> float:
    """Metered power, MW, of 50 MW wind and 30 MW sun."""
    weather = _weather(kind, moment + timedelta(minutes=7.5))
    if kind == "solar":
        return 30 * min(1.0, weather / 950)
    return 50 * min(1.0, max(0.0, (weather - 3) / 9) ** 2)


def _forecast(value: Value) -> float | None:
    if value.parameter == "temperature_2m":
        return 12.0
    kind = _LATITUDES[value.latitude]
    # The stamp of irradiance ends its hour.
    middle = value.stamp + timedelta(minutes=-30 if kind == "solar" else 30)
    hours = value.stamp.timestamp() / 3600
    error = 0.05 * value.days_before * np.sin(hours / 3 + value.latitude)
    return round(max(0.0, _weather(kind, middle) * (1 + error)), 2)


def _second_prices(start: datetime, end: datetime) -> dict[datetime, float | None]:
    """The coupled price by its own period: hours before 2025-10-01, quarter-hours after."""
    found: dict[datetime, float | None] = {}
    moment = start
    while moment < end:
        hourly = moment < datetime(2025, 9, 30, 22, tzinfo=UTC)
        stamp = np.asarray([int(moment.timestamp()) * 1_000_000])
        found[moment] = float(day_ahead_price(stamp)[0])
        moment += timedelta(hours=1) if hourly else _QUARTER
    return found
