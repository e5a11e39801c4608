"""A supervised daemon fires a real schedule tick, and the UI shows what a data engineer looks for.

Runs `dagster dev` on a root of its own with the reference desk, waits for a scheduled run to
succeed, and opens the UI in headless Chromium. Screenshots go to `docs/screenshots` where
ENERGY_ASSETS_SCREENSHOTS=1, so that the README's pictures are made by a test.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

DAY = "2026-11-18"
BIN = Path(sys.executable).parent
PROMPT_SECONDS = 240
QUERY = (
    "{ runsOrError(limit: 50) { ... on Runs { results { jobName status tags { key value } } } } }"
)
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = [pytest.mark.acceptance, pytest.mark.browser, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def root(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("root")
    for name in ("dagster.yaml", "workspace.yaml", "pyproject.toml"):
        shutil.copy(repo / name, folder / name)
    shutil.copytree(repo / "data" / "desks", folder / "data" / "desks")
    shutil.copytree(repo / "dbt_project", folder / "dbt_project")
    home = folder / "data" / "dagster"
    home.mkdir(parents=True)
    shutil.copy(repo / "dagster.yaml", home / "dagster.yaml")
    return folder


@pytest.fixture(scope="module")
def environment(root: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DAGSTER_HOME": str(root / "data" / "dagster"),
        "ENERGY_ASSETS_ROOT": str(root),
        "ENERGY_ASSETS_SCHEDULES": "1",
        "ENERGY_ASSETS_INGEST_CRON": "* * * * *",
    }


@pytest.fixture(scope="module")
def address(root: Path, environment: dict[str, str]) -> Iterator[str]:
    command = [BIN / "energy-assets", "day-ahead", "--delivery-day", DAY, "--json"]
    subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (root / "dagster.log").open("w")
    server = subprocess.Popen(
        [BIN / "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)],
        cwd=root,
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    yield f"http://127.0.0.1:{port}"
    os.killpg(server.pid, signal.SIGTERM)
    server.wait(60)
    log.close()


def runs(address: str) -> list[dict]:
    request = urllib.request.Request(
        f"{address}/graphql",
        data=json.dumps({"query": QUERY}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)["data"]["runsOrError"]["results"]


def wait_for(found, seconds: float = PROMPT_SECONDS):
    """The first true answer of a question, asked again until the deadline."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while time.monotonic() < deadline:
        try:
            answer = found()
        except OSError:
            answer = None
        if answer:
            return answer
        pause.wait(1)
    pytest.fail(f"nothing within {seconds} s")


def test_daemon_fires_a_schedule_tick_and_the_run_succeeds(address: str) -> None:
    def scheduled() -> list[dict]:
        return [
            run
            for run in runs(address)
            if run["status"] == "SUCCESS"
            and any(tag["key"] == "dagster/schedule_name" for tag in run["tags"])
        ]

    assert wait_for(scheduled)[0]["jobName"] == "ingest__reference_market__SIM_DE_LU"


PAGES = {
    "asset_graph": ("/asset-groups", ["Global asset lineage", "bids"]),
    "bids_lineage": (
        "/locations/energy_assets/asset-groups/bids/lineage",
        ["curve_orders", "bid_runs", "last_rung"],
    ),
    "partition": (
        f"/assets/reference/forecasts/quantiles?view=partitions&partition={DAY}",
        [DAY, "forecast rung", "ensemble"],
    ),
    "checks": ("/assets/reference/bids/curve_orders?view=checks", ["market_rules"]),
    "schedules": ("/automation", ["day_ahead__SIM_DE_LU__schedule", "11:00 AM"]),
    "runs": ("/runs", ["day_ahead__SIM_DE_LU", "settlement__SIM_DE_LU"]),
    "next_tick": (
        "/locations/energy_assets/schedules/day_ahead__SIM_DE_LU__schedule",
        ["Next tick", "day_ahead__SIM_DE_LU"],
    ),
}


@pytest.mark.parametrize("name", list(PAGES))
def test_page_shows_what_it_should(name: str, address: str, repo: Path, tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    wait_for(lambda: runs(address))
    path, texts = PAGES[name]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.goto(address + path)
        for text in texts:
            page.get_by_text(text).first.wait_for(timeout=60_000)
        if name == "asset_graph":
            page.set_viewport_size({"width": 2400, "height": 1500})
            page.keyboard.press("Alt+e")  # expand all groups
            page.get_by_text("curve_orders").first.wait_for(timeout=60_000)
        if name == "partition":
            page.get_by_text("[Show Markdown]").first.click()
            page.get_by_text("median").first.wait_for(timeout=30_000)
        keep = os.environ.get("ENERGY_ASSETS_SCREENSHOTS")
        folder = repo / "docs" / "screenshots" if keep else tmp_path
        folder.mkdir(parents=True, exist_ok=True)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=folder / f"{name}.png")
        browser.close()
