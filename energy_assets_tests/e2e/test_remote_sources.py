from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
import yaml

from energy_assets.lakehouse import Lake
from energy_assets.market import load_area
from energy_assets.portfolio import Desk
from energy_assets_tests.e2e.remote_desk import RemoteWorld, remote_desk
from energy_assets_tests.loopback.entsoe import TOKEN

# A day of 23 hours on quarter-hours; its history is quarter-hourly too.
DAY = date(2026, 3, 29)


class Run(NamedTuple):
    answer: dict[str, Any]
    lake: Lake
    desk: Desk
    folder: Path
    said: str


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("remote")
    desk = remote_desk()
    first = DAY - timedelta(days=desk.required_history_days + 12)
    world = RemoteWorld(folder, desk, first, DAY)
    desk_file = folder / "desk.yaml"
    desk_file.write_text(yaml.safe_dump(desk.model_dump(mode="json")))
    with world.server:
        done = _day_ahead(folder, desk_file, world.environment)
    assert done.returncode == 0, done.stderr
    return Run(json.loads(done.stdout), Lake(folder / "lake"), desk, folder, done.stderr)


def _day_ahead(folder: Path, desk: Path, world: dict[str, str]) -> subprocess.CompletedProcess[str]:
    own = ("LAKE", "REPORTS", "ORDERS", "DAGSTER_HOME", "RAW_ANSWERS")
    places = {f"ENERGY_ASSETS_{name}": str(folder / name.lower()) for name in own}
    command = Path(sys.executable).parent / "energy-assets"
    arguments = ["day-ahead", "--desk", str(desk), "--delivery-day", DAY.isoformat(), "--json"]
    return subprocess.run(
        [command, *arguments],
        env={**os.environ, **world, **places},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def test_settings_and_a_desk_file_alone_bring_the_best_rung_and_a_settled_day(run: Run) -> None:
    assert run.answer["rung"] == "stochastic"
    assert Path(run.answer["orders"]).is_file()
    assert Path(run.answer["report"]).is_file()
    cash = run.lake.read("trading.settlement", scope=run.desk.name)
    day = load_area("DE_LU").session().delivery_day(DAY)
    market = cash.filter(component="day_ahead")
    assert sorted(market["period_start"]) == day.starts
    assert len(day.starts) == 92


def test_every_input_was_there_and_late_forecasts_were_not_among_them(run: Run) -> None:
    verdicts = run.lake.read("quality.verdicts", scope=run.desk.name)
    assert "missing" not in set(verdicts["verdict"])
    area = verdicts.filter(~pl.col("input").str.starts_with("raw.meter_readings"))
    assert set(area["verdict"]) == {"good"}
    sites = {name for name in verdicts["input"] if "weather" in name}
    assert len(sites) == 3
    system = {name for name in verdicts["input"] if "system_forecasts" in name}
    assert system == {"raw.system_forecasts:load"}, "wind and solar come out after the gate"


def test_the_second_price_source_stands_beside_the_first_and_is_not_mixed_in(run: Run) -> None:
    prices = run.lake.read("raw.market_prices", scope="DE_LU", where={"series": "day_ahead"})
    assert set(prices["source"]) == {"entsoe", "energy_charts"}
    curated = run.lake.read("curated.market_series", scope="DE_LU")
    assert set(curated.filter(series="price.day_ahead")["source"]) == {"entsoe"}


def test_an_outage_the_plant_reported_lowers_what_is_planned(run: Run) -> None:
    plan = run.lake.read("bids.dispatch_plan", scope=run.desk.name)
    day = load_area("DE_LU").session().delivery_day(DAY)
    turbine = plan.filter(unit="gas_turbine", quantity="power", rung="stochastic")
    ends = day.start + timedelta(hours=9)
    touched = turbine.filter(pl.col("period_start").is_between(day.start, ends, closed="left"))
    touched = touched.filter(pl.col("period_start") >= day.start + timedelta(hours=1))
    assert touched.height == 32
    assert touched["p95"].max() <= 40 + 1e-6


def test_answers_are_kept_as_they_came_and_no_token_is_written_anywhere(run: Run) -> None:
    kept = run.folder / "raw_answers"
    asked = [json.loads(line) for f in kept.rglob("index.jsonl") for line in f.open()]
    assert {"entsoe", "open_meteo", "energy_charts"} <= {path.name for path in kept.iterdir()}
    assert all(
        "securityToken=***" in line["request"] for line in asked if "entsoe" in line["request"]
    )
    for path in run.folder.rglob("*"):
        if path.is_file() and path.suffix in {".gz", ".jsonl", ".json", ".html"}:
            content = path.read_bytes()
            content = gzip.decompress(content) if path.suffix == ".gz" else content
            assert TOKEN.encode() not in content, path
    assert TOKEN not in run.said
