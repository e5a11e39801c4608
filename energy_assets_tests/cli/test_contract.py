"""What programs read from the command: JSON keys, streams, exit codes, where files go."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from energy_assets.cli import app
from energy_assets.lakehouse import Lake
from energy_assets.lakehouse.tables import TABLES
from energy_assets.trading.order_drop import verify_drop
from energy_assets_tests.cli.conftest import files_below, write_desk
from energy_assets_tests.e2e.desks import EPF_DAY, epf_desk, reference_desk, write_epf_file

DAY_AHEAD = {
    "delivery_day",
    "orders_sha256",
    "expected_value",
    "cvar95",
    "rung",
    "report",
    "seconds",
}
BACKTEST = {"desk", "from", "to", "days", "seconds", "strategies"}
STRATEGY = {
    "profit",
    "profit_per_day",
    "capture",
    "capture_by_unit",
    "imbalance_mwh",
    "cvar95_per_day",
}
BENCHMARK = {"prices", "from", "to", "days", "seconds_per_day", "models"}
SCORES = {"mae", "rmse", "rmae_weekly", "rmae_std", "pinball99", "crps", "coverage"}
COMMANDS = (
    "day-ahead",
    "backtest",
    "forecast-benchmark",
    "optimise",
    "query",
    "doctor",
    "what-if",
)
SMALL = {
    "forecast": {
        "members": {"price": ("lear_21",), "wind": ("analogues",), "solar": ("analogues",)},
        "qra_window_days": 28,
        "fold_days": 0,
        "longest_retrain_days": 1,
    },
    "scenarios": {"count": 6, "reduced_count": 2},
    "price_points": 4,
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_shows_an_example(name):
    shown = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert f"energy-assets {name} " in shown.stdout.split("Example:")[1]


def test_no_command_shows_the_commands():
    shown = CliRunner().invoke(app, [], env={"COLUMNS": "200"})
    assert all(name in shown.stdout for name in COMMANDS)


def test_day_ahead_settles_a_past_day_and_prints_one_document(root, command, repo):
    """In a process of its own: what users see of warnings and logs shows only there."""
    desk = write_desk(root / "data/desks/light.yaml", reference_desk(["battery"], **SMALL))
    arguments = ["day-ahead", "--desk", str(desk), "--delivery-day", "2026-03-29", "--json"]
    call = "import sys; from energy_assets.cli import main; main()"
    child = subprocess.run(
        [sys.executable, "-c", call, *arguments],
        env={**os.environ, "PYTHONPATH": str(repo)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    first = json.loads(child.stdout)
    assert first.keys() >= DAY_AHEAD
    assert first["delivery_day"] == "2026-03-29"
    assert first["rung"] == "stochastic"
    assert first["cvar95"] <= first["expected_value"]
    assert {name.split(".")[0] for name in first["seconds"]} == {
        "day_ahead",
        "results",
        "settlement",
    }
    assert all(isinstance(value, float) for value in first["seconds"].values())
    # Progress and nothing else.
    for line in child.stderr.splitlines():
        assert line.rsplit(": ", 1)[1].split(" of ")[1].isdigit(), line

    report = Path(first["report"])
    assert report.is_relative_to(root / "data/reports")
    assert report.is_file()
    drop = Path(first["orders"]).with_suffix(".sha256")
    assert verify_drop(drop).sha256 == first["orders_sha256"]
    assert sorted(path.name for path in (root / "data").iterdir()) == [
        "dagster",
        "desks",
        "lake",
        "orders",
        "reports",
    ]
    assert "enabled: false" in (root / "data/dagster/dagster.yaml").read_text()

    lake = Lake(root / "data/lake")
    versions = {name: lake.version(name) for name in TABLES}
    again = command(*arguments[:-1])
    assert again.code == 0, again.err
    assert {name: lake.version(name) for name in TABLES} == versions
    assert "SYNTHETIC DATA" in again.out
    # The orders' file name holds their hash.
    assert first["orders"] in again.out
    assert first["report"] in again.out


def test_backtest_prints_every_strategy(root, command):
    data = root / "data/real"
    write_epf_file(data, EPF_DAY - timedelta(days=90), EPF_DAY)
    desk = write_desk(root / "data/desks/epf.yaml", epf_desk(**SMALL))
    first, last = EPF_DAY - timedelta(days=1), EPF_DAY
    answer = command(
        "backtest", "--desk", desk, "--data", data, "--from", first, "--to", last, "--json"
    )
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document.keys() >= BACKTEST
    assert (document["from"], document["to"], document["days"]) == (str(first), str(last), 2)
    assert document["strategies"].keys() >= {
        "stochastic",
        "yesterday",
        "shape_28d",
        "perfect_foresight",
    }
    for name, strategy in document["strategies"].items():
        assert strategy.keys() >= STRATEGY, name
        assert strategy["profit_per_day"] == pytest.approx(strategy["profit"] / 2)
    assert document["strategies"]["perfect_foresight"]["capture"] == pytest.approx(1)
    assert list((root / "data/reports").glob("*.backtest.*.html"))


def test_forecast_benchmark_prints_the_ensemble_and_every_member(root, command):
    prices = write_epf_file(root / "data", EPF_DAY - timedelta(days=59), EPF_DAY)
    before = files_below(root)
    answer = command(
        "forecast-benchmark",
        *("--prices", prices, "--members", "lear_14,lear_21"),
        *("--test-from", EPF_DAY - timedelta(days=1), "--test-to", EPF_DAY, "--json"),
    )
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document.keys() >= BENCHMARK
    assert document["days"] == 2
    assert document["models"].keys() >= {"ensemble", "lear_14", "lear_21"}
    for scores in document["models"].values():
        assert scores.keys() >= SCORES
    # A weekly error needs a week of test days.
    assert document["models"]["ensemble"]["rmae_weekly"] is None
    assert document["models"]["ensemble"]["coverage"].keys() == {"50", "80", "90", "98"}
    assert files_below(root) == before


def test_optimise_answers_the_example(command, repo, root):
    example = repo / "docs/examples/battery_two_hours.json"
    answer = command("optimise", example, "--json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document["expected_value"] >= document["cvar"]
    # Buy 1 MWh at 20, sell 0.9 MWh at 80 or 100 with equal chance.
    assert document["expected_value"] == pytest.approx(0.9 * 90 - 20, abs=0.1)
    told = command("optimise", example)
    assert told.code == 0
    assert "expected" in told.out
    assert files_below(root) == {}


def test_query_reads_every_table_and_changes_nothing(root, command):
    Lake(root / "data/lake").ensure_tables()
    before = files_below(root)
    answer = command(
        "query",
        "select table_schema || '.' || table_name as name from information_schema.tables",
        "--limit",
        "1000",
        "--json",
    )
    assert answer.code == 0, answer.err
    names = {row["name"] for row in json.loads(answer.out)}
    assert set(TABLES) <= names
    assert {"bids.current_bid_runs", "raw.current_market_prices"} <= names
    values = command("query", "select 'nan'::double as a, null as b, 1.5 as c", "--json")
    assert json.loads(values.out) == [{"a": None, "b": None, "c": "1.5"}]
    told = command("query", "describe raw.market_prices")
    assert "knowledge_time" in told.out
    assert files_below(root) == before


def test_query_on_a_lake_that_is_not_there_makes_none(root, command):
    answer = command("query", "select count(*) as n from bids.current_bid_runs", "--json")
    assert json.loads(answer.out) == [{"n": 0}]
    assert files_below(root) == {}


def test_doctor_says_what_it_found(root, command, repo, monkeypatch):
    monkeypatch.setenv("ENERGY_ASSETS_DESK", str(repo / "data/desks/reference.yaml"))
    answer = command("doctor", "--json")
    findings = json.loads(answer.out)
    assert all(finding.keys() == {"name", "state", "found", "fix"} for finding in findings)
    assert {finding["state"] for finding in findings} <= {"ok", "warn", "fail"}
    assert answer.code == int(any(finding["state"] == "fail" for finding in findings))
    states = {finding["name"]: finding["state"] for finding in findings}
    assert states["desk file"] == "ok"
    assert states["HiGHS solver"] == "ok"
    assert states["market areas"] == "ok"


def test_doctor_names_what_is_broken_and_goes_on(root, command, monkeypatch):
    monkeypatch.setenv("ENERGY_ASSETS_ROOT", str(root / "missing"))
    answer = command("doctor", "--json")
    assert answer.code == 1
    broken = {f["name"]: f["found"] for f in json.loads(answer.out) if f["state"] == "fail"}
    assert set(broken) == {"desk", "free disk"}
    assert "reference.yaml" in broken["desk"]
