"""`what-if` end to end on a battery desk: one document, one report, nothing else written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from energy_assets.bidding.runs import run_bids
from energy_assets.lakehouse import Lake
from energy_assets.lakehouse.tables import TABLES
from energy_assets_tests.bidding.test_runs import BATTERY, DAY, with_scenarios
from energy_assets_tests.cli.conftest import files_below, write_desk


@pytest.fixture
def desk(root, repo):
    shutil.copytree(repo / "data/scenarios", root / "data/scenarios")
    return write_desk(root / "data/desks/light.yaml", BATTERY)


@pytest.fixture
def lake(root):
    lake = Lake(root / "data/lake")
    lake.ensure_tables()
    run_bids(lake, BATTERY, with_scenarios(lake))
    return lake


def test_one_document_and_one_report_and_nothing_else(root, desk, lake, command):
    versions = {name: lake.version(name) for name in TABLES}
    before = files_below(root)
    arguments = ["what-if", "--desk", desk, "--delivery-day", DAY, "--scenarios"]
    answer = command(*arguments, "evening_spike,gas_up", "--json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    spike, gas = document["cases"]
    assert spike["name"] == "evening_spike"
    assert spike["value_change"] > 0
    assert spike["regret"] > -1
    assert spike["cvar_change"] == spike["rebid"]["cvar"] - document["base"]["cvar"]
    # A battery burns no gas.
    assert (gas["value_change"], gas["regret"], gas["changed_mtus"]) == (0, 0, [])
    report = Path(document["report"])
    assert report == root / f"data/reports/what_if_{BATTERY.name}_{DAY}.html"
    assert {name: lake.version(name) for name in TABLES} == versions
    assert files_below(root).keys() - before.keys() == {f"data/reports/{report.name}"}

    shown = command(*arguments, "gas_up")
    assert shown.code == 0, shown.err
    assert "SYNTHETIC DATA" in shown.out
    assert "gas_up" in shown.out
    assert str(report) in shown.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--delivery-day", "2026-02-14"], "energy-assets day-ahead --delivery-day 2026-02-14"),
        (["--delivery-day", "tomorrow"], "--delivery-day: expected a day"),
        (["--scenarios", "hail"], "--scenarios: expected one of co2_down, cold_spell"),
        (["--delivery-day", DAY, "--scenarios", "gas_turbine_out"], "gas_turbine"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(desk, command, arguments, words):
    answer = command("what-if", "--desk", desk, *arguments)
    assert answer.code == 2
    assert words in answer.line
