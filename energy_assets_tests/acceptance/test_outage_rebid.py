"""An outage message and the running daemon: before the gate, after it, and when the next day opens.

Runs `dagster dev` on a root of its own with a light reference desk whose clock the test sets: it is
half past nine of yesterday in Brussels, whatever the time is here, so that the day it decides and
the next one both have partitions. Messages come from another process through the lake's one write
path. Screenshots go to `docs/screenshots` where ENERGY_ASSETS_SCREENSHOTS=1.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from energy_assets.definitions import build_defs
from energy_assets.defs.launch import open_instance, run_job
from energy_assets.lakehouse.lake import Lake
from energy_assets.market import load_area
from energy_assets.settings import Settings
from energy_assets_tests.acceptance.test_daemon_and_ui import BIN, CHROMIUM, wait_for
from energy_assets_tests.e2e.desks import reference_desk

DESK = reference_desk(name="reference")
AREA = load_area(DESK.area)
YESTERDAY = datetime.now(ZoneInfo("Europe/Brussels")).date() - timedelta(days=1)
DAY, NEXT = YESTERDAY + timedelta(days=1), YESTERDAY + timedelta(days=2)
SENSOR = f"outages__{DESK.area}"
OWN_LOCATION = """
from datetime import UTC, datetime, timedelta
from pathlib import Path

from energy_assets.definitions import build_defs
from energy_assets.settings import Settings


def now():
    behind = float(Path(__file__).with_name("behind_seconds").read_text())
    return datetime.now(UTC) - timedelta(seconds=behind)


defs = build_defs(Settings.from_environment(), clock=now, with_warehouse=False)
"""
WORKSPACE = """
load_from:
  - python_file: {relative_path: location.py, location_name: energy_assets}
"""
TELL = """
import sys
from datetime import datetime
from energy_assets.lakehouse.lake import Lake
from energy_assets_tests.curation.outage_rows import add, message
root, at, desk, unit, name, start, end = sys.argv[1:]
at, start, end = (datetime.fromisoformat(text) for text in (at, start, end))
told = message(start, end, 0, unit=unit, message_id=name, known=at)
add(Lake(root, clock=lambda: at), desk, told)
"""

pytestmark = [pytest.mark.acceptance, pytest.mark.browser, pytest.mark.timeout(1800)]


@dataclass(frozen=True)
class Deployment:
    """A root with its daemon, and a clock of its own."""

    root: Path
    environment: dict[str, str]
    address: str

    @property
    def settings(self) -> Settings:
        return Settings.from_environment(self.environment)

    @property
    def lake(self) -> Lake:
        return Lake(self.settings.lake_root)

    def now(self) -> datetime:
        behind = float((self.root / "behind_seconds").read_text())
        return datetime.now(UTC) - timedelta(seconds=behind)

    def set_clock(self, at: datetime) -> None:
        # In one step: the daemon reads it all the time.
        fresh = self.root / "behind_seconds.new"
        fresh.write_text(str((datetime.now(UTC) - at).total_seconds()))
        fresh.rename(self.root / "behind_seconds")

    def run(self, job: str, day: date, at: datetime) -> None:
        """A run of this process, at a time of the desk's clock."""
        behind = datetime.now(UTC) - at
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            definitions = build_defs(
                self.settings,
                [DESK],
                clock=lambda: datetime.now(UTC) - behind,
                with_warehouse=False,
            )
        with open_instance(self.settings.dagster_home, self.root / "dagster.yaml") as instance:
            tags = {"desk": DESK.name, "delivery_day": day.isoformat()}
            if job.startswith("day_ahead"):
                tags |= {"decision_time": at.isoformat()}
            run_job(definitions, instance, job, day, tags)

    def tell(self, unit: str, message: str, first: date, last: date) -> None:
        """An outage over whole delivery days, written by another process."""
        days = AREA.session().delivery_day(first), AREA.session().delivery_day(last)
        told = [self.now(), days[0].start, days[1].end]
        at, start, end = (moment.isoformat() for moment in told)
        arguments = [self.settings.lake_root, at, DESK.name, unit, message, start, end]
        subprocess.run([sys.executable, "-c", TELL, *arguments], cwd=REPO, check=True)

    def ask(self, query: str) -> dict:
        request = urllib.request.Request(
            f"{self.address}/graphql",
            data=json.dumps({"query": query}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)["data"]

    def rebids(self, message: str) -> list[dict]:
        """Runs of the sensor that a message asked for."""
        found = self.ask(
            "{ runsOrError(limit: 50) { ... on Runs { results "
            "{ runId jobName status tags { key value } } } } }"
        )["runsOrError"]["results"]
        for run in found:
            run["tags"] = {tag["key"]: tag["value"] for tag in run["tags"]}
        return [run for run in found if run["tags"].get("outage_message") == message]

    def said(self) -> list[str]:
        """What the sensor's ticks gave as their reason to skip."""
        sensor = self.ask(
            '{ sensorOrError(sensorSelector: {repositoryName: "__repository__", '
            f'repositoryLocationName: "energy_assets", sensorName: "{SENSOR}"}}) '
            "{ ... on Sensor { sensorState { ticks(limit: 20) { skipReason } } } } }"
        )["sensorOrError"]
        return [tick["skipReason"] or "" for tick in sensor["sensorState"]["ticks"]]

    def orders(self, day: date) -> dict | None:
        """The live bid run in force for a day."""
        rows = self.lake.current(
            "bids.bid_runs",
            scope=DESK.name,
            session="day_ahead",
            delivery_day=day,
        )
        return rows.row(0, named=True) if len(rows) else None

    def planned(self, day: date, unit: str) -> float:
        """Largest expected power of a unit in the plan in force."""
        rows = self.lake.current(
            "bids.dispatch_plan", scope=DESK.name, session="day_ahead", delivery_day=day
        )
        mine = rows.filter(unit=unit, quantity="power")
        return float(mine["p95"].abs().max())


REPO = Path(__file__).resolve().parents[2]


def at(day: date, hour: int, minute: int = 0) -> datetime:
    brussels = datetime.combine(day, time(hour, minute), ZoneInfo("Europe/Brussels"))
    return brussels.astimezone(UTC)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    root = tmp_path_factory.mktemp("root")
    home = root / "data" / "dagster"
    home.mkdir(parents=True)
    shutil.copy(REPO / "dagster.yaml", root / "dagster.yaml")
    shutil.copy(REPO / "dagster.yaml", home / "dagster.yaml")
    (root / "workspace.yaml").write_text(WORKSPACE)
    (root / "location.py").write_text(OWN_LOCATION)
    (root / "data" / "desks").mkdir()
    desk = yaml.safe_dump(DESK.model_dump(mode="json"))
    (root / "data" / "desks" / "reference.yaml").write_text(desk)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "ENERGY_ASSETS_ROOT": str(root),
        "ENERGY_ASSETS_SCHEDULES": "1",
        "ENERGY_ASSETS_INGEST_CRON": "0 0 1 1 *",
    }
    made = Deployment(root, environment, f"http://127.0.0.1:{port}")
    made.set_clock(at(YESTERDAY, 9, 30))
    made.run(f"day_ahead__{DESK.area}", DAY, made.now())
    log = (root / "dagster.log").open("w")
    server = subprocess.Popen(
        [BIN / "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)],
        cwd=root,
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    yield made
    os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(60)
    except subprocess.TimeoutExpired:
        # Under a shell's `&` the interrupt that stops it is ignored.
        os.killpg(server.pid, signal.SIGKILL)
    log.close()


def finished(deployment: Deployment, message: str) -> list[dict]:
    ended = {"SUCCESS", "FAILURE", "CANCELED"}
    return [run for run in deployment.rebids(message) if run["status"] in ended]


def test_before_the_gate_a_message_leads_to_a_new_order_set_for_its_day(
    deployment: Deployment,
) -> None:
    before = deployment.orders(DAY)
    assert before is not None
    deployment.tell("gas_turbine", "turbine-out", DAY, DAY)
    (run,) = wait_for(lambda: finished(deployment, "turbine-out/1"))
    assert run["status"] == "SUCCESS"
    assert run["jobName"] == f"rebid__{DESK.area}"
    assert run["tags"]["dagster/sensor_name"] == SENSOR
    assert run["tags"]["dagster/partition"] == DAY.isoformat()
    after = deployment.orders(DAY)
    assert after is not None
    assert after["orders_sha256"] != before["orders_sha256"]
    assert after["decision_time"] > before["decision_time"]
    assert after["ingested_at"] <= after["gate_closure"]
    assert after["rung"] == before["rung"] == "stochastic"
    assert deployment.planned(DAY, "gas_turbine") == 0


def test_after_the_gate_a_message_leads_to_the_next_sessions_run_and_leaves_the_closed_one(
    deployment: Deployment,
) -> None:
    closed = deployment.orders(DAY)
    deployment.set_clock(at(YESTERDAY, 12, 30))
    deployment.tell("battery", "battery-out", DAY, NEXT)
    waits = f"battery-out/1 for reference on {NEXT} waits"
    wait_for(lambda: any(waits in reason for reason in deployment.said()))
    assert deployment.rebids("battery-out/1") == []
    midnight = at(DAY, 0, 5)
    deployment.run(f"ingest__reference_market__{DESK.area}", NEXT, midnight)
    deployment.set_clock(midnight + timedelta(minutes=5))
    (run,) = wait_for(lambda: finished(deployment, "battery-out/1"))
    assert run["status"] == "SUCCESS"
    assert run["tags"]["dagster/partition"] == NEXT.isoformat()
    assert deployment.orders(NEXT) is not None
    assert deployment.planned(NEXT, "battery") == 0
    assert deployment.orders(DAY) == closed


PAGES = {
    "outage_sensor": f"/locations/energy_assets/sensors/{SENSOR}",
    "outage_rebid_run": "/runs/{run}",
}


@pytest.mark.parametrize("name", list(PAGES))
def test_the_ui_shows_the_sensor_and_the_run_it_asked_for(
    name: str, deployment: Deployment, tmp_path: Path
) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    (run,) = deployment.rebids("turbine-out/1")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.goto(deployment.address + PAGES[name].format(run=run["runId"]))
        page.get_by_text(f"rebid__{DESK.area}").first.wait_for(timeout=60_000)
        page.wait_for_load_state("networkidle")
        # The run's page shows where its report lies on this machine: it is no picture for the docs.
        keep = os.environ.get("ENERGY_ASSETS_SCREENSHOTS") and name == "outage_sensor"
        folder = REPO / "docs" / "screenshots" if keep else tmp_path
        page.screenshot(path=folder / f"{name}.png")
        browser.close()
