from __future__ import annotations

import gzip

import pytest
import yaml

from energy_assets.errors import InputError
from energy_assets.feeds.mapped_files import load_mapping
from energy_assets_tests.feeds.mapped_files.written import SPRING, actuals, feed_in, feeds_in, write

GOOD = ["t,mw", "2026-01-01 00:00,1", "2026-01-01 01:00,2"]
RULE = {"kind": "before_delivery", "time": "12:00", "days_before": 1, "clock": "UTC"}

MAPPING_FAULTS = {
    "no clock": (actuals(time_clock=None), "files[a].time.clock: expected a value"),
    "a clock that is none": (
        actuals(time_clock="Berlin"),
        "files[a].time.clock: expected an IANA zone, UTC, a fixed offset such as UTC+1",
    ),
    "a zone without a convention": (
        actuals(time_clock="Europe/Berlin"),
        "files[a].time.convention: expected one of autumn_hour_dropped, local_with_both_hours",
    ),
    "a convention of changing clocks on a fixed one": (
        actuals(time_clock="UTC+1", time_convention="normalised_24"),
        "files[a].time.convention: expected one of row_number, utc with clock UTC+1",
    ),
    "a row-number grid without a start": (
        actuals(time_convention="row_number"),
        "files[a].time.start: expected a local time with row_number",
    ),
    "no resolution": (
        actuals(time_resolution_min=None),
        "files[a].time.resolution_min: expected it or resolution_column, found 'neither'",
    ),
    "a period without its date": (
        actuals(time_period="p"),
        "files[a].time.column: expected a stamp column, or date with period",
    ),
    "an unknown table": (
        actuals(table_table="raw.loads"),
        "files[a].tables[0].table: expected one of raw.market_prices",
    ),
    "a label too few": (
        actuals(value_labels={}),
        "files[a].tables[0].values[mw].labels: expected series",
    ),
    "a label the registry does not know": (
        actuals(
            table_table="raw.market_prices", value_unit="EUR/MWh", value_labels={"series": "spot"}
        ),
        "values[mw].labels.series: expected one of day_ahead",
    ),
    "a unit that cannot be stored": (
        actuals(value_unit="degC"),
        "values[mw].unit: expected one of MW, W, kW",
    ),
    "a price without a currency": (
        actuals(
            table_table="raw.market_prices",
            value_unit="MWh",
            value_labels={"series": "day_ahead"},
        ),
        "values[mw].unit: expected a currency and unit such as EUR/MWh",
    ),
    "a forecast without an issue time": (
        actuals(table_table="raw.system_forecasts"),
        "files[a].tables[0].issue_time: expected one, found 'none'",
    ),
    "an issue time where there are no vintages": (
        actuals(table_issue_time=RULE),
        "files[a].tables[0].issue_time: expected none for this table, found 'one'",
    ),
    "a path out of the folder": (
        actuals(path="../a.csv"),
        "files[a].path: expected a path inside the data folder",
    ),
    "a scope that is no name": (actuals(scope="a/b"), "files[a].scope"),
    "an unknown field": (actuals(zone="UTC"), "files[a].zone: expected a known field"),
}


@pytest.mark.parametrize("fault", MAPPING_FAULTS)
def test_a_faulty_mapping_is_refused_in_one_line(tmp_path, fault):
    document, line = MAPPING_FAULTS[fault]
    path = tmp_path / "mapping.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(InputError) as refused:
        load_mapping(path)
    text = str(refused.value)
    assert text.startswith("mapping.yaml: ")
    assert line in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("content", "line"),
    [("files: [", "expected valid YAML"), ("- a", "expected a mapping of fields, found 'list'")],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path, content, line):
    path = tmp_path / "mapping.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=line):
        load_mapping(path)
    with pytest.raises(InputError, match="readable mapping file"):
        load_mapping(tmp_path / "other.yaml")


def test_every_mapping_of_the_project_is_valid(repo):
    names = {path.stem: load_mapping(path) for path in (repo / "data/mappings").glob("*.yaml")}
    assert len({mapping.source for mapping in names.values()}) == len(names) >= 9
    assert all(mapping.about for mapping in names.values())


DATA_FAULTS = {
    "a column that is not there": (
        ["t,power", "2026-01-01 00:00,1"],
        "a.csv: expected a column 'mw', found 't, power'",
    ),
    "text in a number": (
        [*GOOD, "2026-01-01 02:00,n/a"],
        "a.csv: row 4, column 'mw': expected a number, found 'n/a'",
    ),
    "infinity": ([*GOOD, "2026-01-01 02:00,inf"], "a.csv: row 4, column 'mw': expected a number"),
    "no time": (
        [*GOOD, "yesterday,1"],
        "a.csv: row 4, column 't': expected a time as %Y-%m-%d %H:%M:%S or",
    ),
    "an empty time": ([*GOOD, ",1"], "a.csv: row 4, column 't': expected a time"),
    "a row cut short": ([*GOOD, "2026-01-01 02:00"], "a.csv: row 4: expected 2 fields"),
    "a row too long": ([*GOOD, "2026-01-01 02:00,1,2"], "a.csv: expected csv with as many fields"),
    "only a header": (["t,mw"], "a.csv: expected rows, found 'none'"),
}


@pytest.mark.parametrize("fault", DATA_FAULTS)
def test_a_faulty_file_is_refused_in_one_line(tmp_path, fault):
    lines, expected = DATA_FAULTS[fault]
    write(tmp_path, lines)
    with pytest.raises(InputError) as refused:
        _ = feed_in(tmp_path, actuals()).rows
    assert expected in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_cut_off_archive_and_a_missing_file_are_named(tmp_path):
    packed = actuals(path="a.csv.gz", format="csv.gz")
    with pytest.raises(InputError, match=r"files\[a\].path: expected a file below"):
        _ = feed_in(tmp_path, packed).rows
    content = gzip.compress("\n".join(GOOD * 50).encode())
    (tmp_path / "a.csv.gz").write_bytes(content[:-30])
    with pytest.raises(InputError, match=r"a.csv.gz: expected"):
        _ = feed_in(tmp_path, packed).rows
    (tmp_path / "a.parquet").write_bytes(b"no parquet")
    with pytest.raises(InputError, match=r"a.parquet: expected a readable parquet"):
        _ = feed_in(tmp_path, actuals(path="a.parquet", format="parquet")).rows


def test_an_area_nobody_declared_is_refused_with_its_row(tmp_path):
    write(tmp_path, ["t,zone,mw", "2026-01-01 00:00,DE,1", "2026-01-01 00:00,FR,1"])
    document = actuals(scope=None, scope_column="zone", scopes={"DE": "DE_LU"})
    (feed,) = feeds_in(tmp_path, document)
    with pytest.raises(InputError, match="row 3, column 'zone': expected one of DE, found 'FR'"):
        _ = feed.rows


def test_stamps_without_an_offset_are_not_taken_for_such_with_one(tmp_path):
    write(tmp_path, ["t,mw", f"{SPRING} 00:00,1"])
    with pytest.raises(InputError, match="expected an offset in each stamp, as clock in_stamp"):
        _ = feed_in(tmp_path, actuals(time_clock="in_stamp")).rows
    write(tmp_path, ["t,mw", f"{SPRING} 00:00:00+0200,1"])
    with pytest.raises(InputError, match="expected stamps with no offset, as clock UTC says"):
        _ = feed_in(tmp_path, actuals(time_formats="%Y-%m-%d %H:%M:%S%z")).rows
