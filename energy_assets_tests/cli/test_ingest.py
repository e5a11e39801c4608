"""`ingest files`: what it says, what it stores, and that a second load stores nothing."""

from __future__ import annotations

import json

import pytest
import yaml

from energy_assets.lakehouse import Lake
from energy_assets_tests.cli.conftest import files_below
from energy_assets_tests.feeds.mapped_files.written import actuals, hours, write

SPRING = "2026-03-29"
NORMAL = {"time_clock": "Europe/Berlin", "time_convention": "normalised_24"}


@pytest.fixture
def lake(root) -> Lake:
    return Lake(root / "data/lake")


@pytest.fixture
def loaded(root, command):
    """Run the command on a mapping and a file written next to it."""

    def run(lines, *arguments, **changes):
        write(root / "data", ["t,mw", *lines])
        (root / "mapping.yaml").write_text(yaml.safe_dump(actuals(**changes)), encoding="utf-8")
        return command(
            "ingest", "files", root / "mapping.yaml", f"--data={root / 'data'}", *arguments
        )

    return run


def test_loading_twice_adds_nothing(loaded, lake):
    lines = hours(SPRING, list(range(24)))
    counts = []
    for _ in range(2):
        document = json.loads(loaded(lines, "--json", **NORMAL).out)
        counts.append([document[name] for name in ("rows", "written", "unchanged", "rejected")])
    assert counts == [[23, 23, 0, 0], [23, 0, 23, 0]]
    (table,) = document["tables"]
    assert table["skipped"] == {"hour_does_not_exist": 1}
    assert table["rows_read"] == 24
    assert table["series"] == [
        {
            "labels": "load",
            "rows": 23,
            "first": "2026-03-28T23:00:00+00:00",
            "last": "2026-03-29T21:00:00+00:00",
            "gaps": 0,
        }
    ]
    stored = lake.read("raw.system_actuals", scope="X", latest_revision=False)
    assert stored["revision"].unique().to_list() == [1]
    assert stored["source"].unique().to_list() == ["written"]


def test_a_corrected_value_becomes_the_next_revision(loaded, lake):
    loaded(["2026-01-01 00:00,1", "2026-01-01 01:00,2"])
    document = json.loads(loaded(["2026-01-01 00:00,1", "2026-01-01 01:00,3"], "--json").out)
    assert (document["written"], document["unchanged"]) == (1, 1)
    assert lake.read("raw.system_actuals")["value_mw"].to_list() == [1, 3]


def test_implausible_rows_are_quarantined_and_counted(loaded, lake):
    document = json.loads(loaded(["2026-01-01 00:00,1", "2026-01-01 01:00,9e9"], "--json").out)
    assert document["tables"][0]["rejected"] == {"range.value_mw": 1}
    assert (document["written"], document["unchanged"], document["rejected"]) == (1, 0, 1)
    assert lake.read("quality.rejected_rows")["rule"].to_list() == ["range.value_mw"]


def test_people_see_rows_gaps_and_what_was_left_out(loaded):
    answer = loaded(["2026-01-01 00:00,1", "2026-01-01 01:00,", "2026-01-01 05:00,2"])
    assert answer.code == 0
    for text in ("system_actuals", "2026-01-01", "mw: empty", "rows read"):
        assert text in answer.out
    assert "storing tables: 1 of 1" in answer.err


def test_a_scope_can_be_given_by_hand(loaded, lake):
    lines = ["2026-01-01 00:00,1"]
    refused = loaded(lines, scope=None)
    assert refused.code == 2
    assert refused.line.startswith("--scope: expected a scope for the rows of files[a]")
    assert loaded(lines, "--scope=north", scope=None).code == 0
    assert lake.read("raw.system_actuals")["scope"].to_list() == ["north"]


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        (["2026-01-01 00:00,x"], "a.csv: row 2, column 'mw': expected a number"),
        (["soon,1"], "a.csv: row 2, column 't': expected a time"),
    ],
)
def test_a_faulty_file_writes_nothing(loaded, root, lines, place):
    answer = loaded(lines)
    assert answer.code == 2
    assert answer.line.startswith(place)
    assert not [path for path in files_below(root) if path.startswith("data/lake")]


def test_a_faulty_mapping_names_the_field(loaded, root):
    answer = loaded([], time_clock="Europe/Atlantis")
    assert answer.code == 2
    assert answer.line.startswith("mapping.yaml: files[a].time.clock: expected an IANA zone")
    assert not [path for path in files_below(root) if path.startswith("data/lake")]


def test_a_renamed_column_is_refused_in_one_line_and_touches_nothing_stored(root, command):
    data, mapping = root / "data", root / "mapping.yaml"
    mapping.write_text(yaml.safe_dump(actuals()), encoding="utf-8")
    lines = hours("2026-03-28", list(range(24)))
    ingest = ("ingest", "files", mapping, f"--data={data}")
    write(data, ["t,mw", *lines])
    assert command(*ingest).code == 0
    before = files_below(root / "data/lake")
    write(data, ["t,power", *lines, "2026-03-29 00:00,7"])
    refused = command(*ingest)
    assert refused.code == 2
    assert refused.out == ""
    assert refused.line == "a.csv: expected a column 'mw', found 't, power'"
    assert files_below(root / "data/lake") == before
    write(data, ["t,mw", *lines, "2026-03-29 00:00,7"])
    assert command(*ingest).code == 0
    stored = Lake(root / "data/lake").read("raw.system_actuals", latest_revision=False)
    assert stored.height == 25
