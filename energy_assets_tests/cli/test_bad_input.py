"""Bad input: one clear line naming place and fault, exit code 2, nothing written."""

from __future__ import annotations

import gzip
import re
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from energy_assets.lakehouse import Lake
from energy_assets_tests.cli.conftest import files_below, write_desk
from energy_assets_tests.e2e.desks import EPF_DAY, EPF_PATH, epf_desk, write_epf_file

Rows = Callable[[list[str]], object]

FAULTS: dict[str, tuple[Rows, list[str]]] = {
    "gap": (
        lambda rows: rows.pop(30),
        ["DE.csv.gz: row 31", "'datetime_local'", "gap: 1 missing"],
    ),
    "duplicate hour": (
        lambda rows: rows.insert(31, rows[30]),
        ["DE.csv.gz: row 32", "'datetime_local'", "duplicate hour"],
    ),
    "text in a number column": (
        lambda rows: rows.__setitem__(12, re.sub(r",[^,]+,", ",n/a,", rows[12], count=1)),
        ["DE.csv.gz: row 13", "'price'", "expected a finite number", "'n/a'"],
    ),
    "text in a forecast column": (
        lambda rows: rows.__setitem__(12, rows[12].rsplit(",", 1)[0] + ",-"),
        ["DE.csv.gz: row 13", "'pv_wind_forecast_mw'", "expected a finite number"],
    ),
    "short row": (lambda rows: rows.__setitem__(5, "2015-10-22"), ["DE.csv.gz: row 6", "4 fields"]),
    "missing column": (
        lambda rows: rows.__setitem__(0, rows[0].replace("price", "eur")),
        ["DE.csv.gz: row 1", "one column 'price'"],
    ),
}


@pytest.fixture(scope="module")
def good_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_epf_file(
        tmp_path_factory.mktemp("epf"), EPF_DAY - timedelta(days=90), EPF_DAY
    ).parents[1]


@pytest.fixture
def desk(root, good_file) -> Path:
    """An EPF desk with its data under the project's data folder."""
    shutil.copytree(good_file, root / "real")
    return write_desk(root / "desk.yaml", epf_desk())


def spoil(root: Path, change: Rows) -> None:
    path = root / "real" / EPF_PATH
    rows = gzip.decompress(path.read_bytes()).decode().splitlines()
    change(rows)
    path.write_bytes(gzip.compress("\n".join(rows).encode(), mtime=0))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("started", ["no lake", "a lake"])
def test_a_bad_price_file_is_refused_whole(fault, started, root, desk, command):
    if started == "a lake":
        Lake(root / "data/lake").ensure_tables()
    change, said = FAULTS[fault]
    spoil(root, change)
    before = files_below(root)
    common = ("--desk", desk, "--data", root / "real")
    for arguments in (
        ("day-ahead", *common, "--delivery-day", EPF_DAY),
        ("backtest", *common, "--from", EPF_DAY, "--to", EPF_DAY),
        (
            *("forecast-benchmark", "--prices", root / "real" / EPF_PATH),
            *("--members", "lear_28", "--test-from", EPF_DAY, "--test-to", EPF_DAY),
        ),
    ):
        answer = command(*arguments)
        assert answer.code == 2
        assert answer.out == ""
        if fault != "missing column" or arguments[0] != "forecast-benchmark":
            assert all(part in answer.line for part in said), answer.line
        assert "DE.csv.gz" in answer.line
    assert files_below(root) == before


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: battery", "kind: batery", ["desk.yaml", "kind", "batery", "battery"]),
        ("power_mw: 1.0", "power_mw: -1.0", ["desk.yaml", "battery", "power_mw", "-1"]),
        ("energy_mwh: 2.0", "energy_mwh: two", ["desk.yaml", "battery", "energy_mwh", "two"]),
        ("energy_mwh: 2.0", "energy_kwh: 2.0", ["desk.yaml", "battery", "energy_"]),
        ("area: EPF_DE", "area: EPF_XX", ["desk.yaml", "area", "EPF_XX", "EPF_DE"]),
        ("risk_weight: 0.0", "risk_weight: 1.5", ["desk.yaml", "risk_weight", "1.5"]),
        ("name: epf_light", "name: [", ["desk.yaml", "line", "valid YAML"]),
        ("source: files", "source: reference_market", ["desk"]),
        ("path: epf/DE.csv.gz", "path: ../secret.csv", ["desk.yaml", "path", "../secret.csv"]),
        ("path: epf/DE.csv.gz", "path: epf/FR.csv.gz", ["FR.csv.gz", "readable file"]),
    ],
)
def test_a_bad_desk_file_is_refused(old, new, said, root, desk, command):
    text = desk.read_text()
    assert old in text
    desk.write_text(text.replace(old, new))
    before = files_below(root)
    answer = command(
        "day-ahead", "--desk", desk, "--data", root / "real", "--delivery-day", EPF_DAY
    )
    assert answer.code == 2
    assert answer.out == ""
    assert all(part in answer.line for part in said), answer.line
    assert files_below(root) == before


def test_a_negative_capacity_is_refused_by_unit_and_field(root, command, repo):
    text = (repo / "data/desks/reference.yaml").read_text()
    (root / "desk.yaml").write_text(text.replace("capacity_mw: 50", "capacity_mw: -50"))
    before = files_below(root)
    answer = command("day-ahead", "--desk", root / "desk.yaml")
    assert answer.code == 2
    assert all(part in answer.line for part in ("desk.yaml", "wind", "capacity_mw", "-50"))
    assert files_below(root) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--delivery-day", "someday"], ["--delivery-day", "YYYY-MM-DD", "someday"]),
        (["--delivery-day", "2016-02-30"], ["--delivery-day", "2016-02-30"]),
        (["--delivery-day", "2001-01-01"], ["--delivery-day", "from 2012-01-01", "2001-01-01"]),
        (["--delivery-day", "2199-01-01"], ["--delivery-day", "EPF_DE", "2199-01-01"]),
        (["--delivery-day", "2016-01-20", "--at", "noon"], ["--at", "noon"]),
        (["--delivery-day", "2016-01-20", "--at", "2016-01-19T11:00"], ["--at", "zone"]),
        (["--desk", "nowhere.yaml"], ["nowhere.yaml", "desk file"]),
        (["--data", "nowhere"], ["--data", "nowhere"]),
    ],
)
def test_bad_arguments_of_day_ahead_are_refused(arguments, said, root, desk, command):
    before = files_below(root)
    given = ["--desk", desk, "--data", root / "real"]
    answer = command("day-ahead", *given, *arguments)
    assert answer.code == 2
    assert all(part in answer.line for part in said), answer.line
    assert files_below(root) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "2016-01-20", "--to", "2016-01-19"], ["--to", "2016-01-19"]),
        (["--from", "x", "--to", "2016-01-19"], ["--from", "x"]),
        (
            ["--from", "2016-01-19", "--to", "2016-01-20", "--strategies", "magic"],
            ["--strategies", "magic", "stochastic"],
        ),
    ],
)
def test_bad_arguments_of_backtest_are_refused(arguments, said, root, desk, command):
    before = files_below(root)
    answer = command("backtest", "--desk", desk, "--data", root / "real", *arguments)
    assert answer.code == 2
    assert all(part in answer.line for part in said), answer.line
    assert files_below(root) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--prices", "nowhere.csv"], ["nowhere.csv", "readable"]),
        (["--members", "laer_56"], ["--members", "laer_56", "lear_1092"]),
        (["--members", "lear_0"], ["--members", "lear_0"]),
        (["--test-from", "2016-01-30"], ["--test-to"]),
        (["--test-to", "2016-03-30"], ["--test-to", "ends on 2016-01-20", "2016-03-30"]),
        (["--test-from", "2015-01-01"], ["--test-from", "2015-01-01"]),
        (["--area", "DE_XX"], ["DE_XX"]),
    ],
)
def test_bad_arguments_of_forecast_benchmark_are_refused(arguments, said, root, desk, command):
    before = files_below(root)
    given = {
        "--prices": root / "real" / EPF_PATH,
        "--test-from": EPF_DAY,
        "--test-to": EPF_DAY,
        "--members": "lear_28",
        arguments[0]: arguments[1],
    }
    answer = command("forecast-benchmark", *(part for pair in given.items() for part in pair))
    assert answer.code == 2
    assert all(part in answer.line for part in said), answer.line
    assert files_below(root) == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", ["problem.json", "JSON"]),
        ("[]", ["problem.json"]),
        ("{}", ["problem.json"]),
        ('{"units": [{"kind": "battery", "name": "b", "power_mw": -1}]}', ["problem.json"]),
    ],
)
def test_a_bad_problem_document_is_refused(content, said, root, command):
    (root / "problem.json").write_text(content)
    answer = command("optimise", root / "problem.json")
    assert answer.code == 2
    assert all(part in answer.line for part in said), answer.line


def test_an_unknown_solver_and_a_missing_problem_are_refused(root, command, repo):
    example = repo / "docs/examples/battery_two_hours.json"
    assert "--solver" in command("optimise", example, "--solver", "oracle").line
    answer = command("optimise", root / "nowhere.json")
    assert (answer.code, "nowhere.json" in answer.line) == (2, True)


@pytest.mark.parametrize(
    "sql",
    [
        "drop view raw.market_prices",
        "create table t as select 1",
        "copy (select 1) to 'out.csv'",
        "attach 'other.duckdb'",
        "explain analyze copy (select 1) to 'out.csv'",
        "select 1; copy (select 1) to 'out.csv'",
        "install httpfs",
        "",
    ],
)
def test_query_runs_nothing_but_one_select(sql, root, tmp_path, command):
    answer = command("query", sql)
    assert answer.code == 2
    assert "expected one SELECT" in answer.line
    assert not (tmp_path / "out.csv").exists()
    assert not (tmp_path / "other.duckdb").exists()


def test_query_names_what_duckdb_did_not_understand(root, command):
    assert "no_such" in command("query", "select * from no_such").line
    assert command("query", "selec 1").code == 2


def test_a_setting_that_cannot_be_used_is_named(root, command, monkeypatch):
    monkeypatch.setenv("ENERGY_ASSETS_SCHEDULES", "perhaps")
    answer = command("day-ahead")
    assert answer.code == 2
    assert "ENERGY_ASSETS_SCHEDULES" in answer.line


def test_a_missing_argument_is_a_usage_error(command):
    answer = command("backtest", "--from", "2016-01-19")
    assert answer.code == 2
    assert "--to" in answer.err
    assert "Traceback" not in answer.err
