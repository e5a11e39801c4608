from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from energy_assets.errors import InputError
from energy_assets.feeds import Access, Window, feeds_for
from energy_assets.feeds.epf_files import epf_feeds
from energy_assets.feeds.epf_format import read_epf_file
from energy_assets.lakehouse.enforcement import caller_columns
from energy_assets.portfolio import FileColumns, FilesFeed, load_desk

HEADER = "datetime_local,load_mw,price"
COLUMNS = FileColumns(forecasts={"load": "load_mw"})
ALL = Window(datetime(2000, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
LATER = datetime(2030, 1, 1, tzinfo=UTC)


def rows(days=3, start=datetime(2016, 3, 26)):  # noqa: DTZ001
    return [
        f"{start + timedelta(hours=h):%Y-%m-%d %H:%M:%S},{40000 + h}.5,{20 + h % 24}.25"
        for h in range(24 * days)
    ]


def write(folder, lines, name="X.csv", header=HEADER):
    path = folder / name
    text = "\n".join([header, *lines]) + "\n"
    content = text.encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def replaced(row, line):
    lines = rows()
    lines[row - 2] = line
    return lines


BAD_ROWS = {
    "gap": (rows()[:5] + rows()[6:], "row 7, column 'datetime_local'", "gap: 1 missing"),
    "duplicate hour": (rows()[:5] + rows()[4:], "row 7, column 'datetime_local'", "duplicate hour"),
    "out of order": (
        [*rows()[:5], rows()[2], *rows()[6:]],
        "row 7, column 'datetime_local'",
        "out of order",
    ),
    "23 rows on the last day": (rows()[:-1], "row 72, column 'datetime_local'", "24 rows a day"),
    "starts at hour 1": (rows()[1:], "row 2, column 'datetime_local'", "24 rows a day"),
    "text in a price": (
        replaced(10, "2016-03-26 08:00:00,40008.5,n/e"),
        "row 10, column 'price'",
        "found 'n/e'",
    ),
    "text in a forecast": (
        replaced(11, "2016-03-26 09:00:00,1 200,29.25"),
        "row 11, column 'load_mw'",
        "found '1 200'",
    ),
    "NaN": (replaced(12, "2016-03-26 10:00:00,NaN,30.25"), "row 12, column 'load_mw'", "NaN"),
    "infinity": (replaced(12, "2016-03-26 10:00:00,inf,30.25"), "row 12, column 'load_mw'", "inf"),
    "empty field": (
        replaced(13, "2016-03-26 11:00:00,,31.25"),
        "row 13, column 'load_mw'",
        "empty field",
    ),
    "bad time": (
        replaced(14, "26/03/2016 12:00,40012.5,32.25"),
        "row 14, column 'datetime_local'",
        "26/03/2016 12:00",
    ),
    "half hour": (
        replaced(15, "2016-03-26 13:30:00,40013.5,33.25"),
        "row 15, column 'datetime_local'",
        "hour start",
    ),
    "missing field": (replaced(16, "2016-03-26 14:00:00,40014.5"), "row 16", "3 fields"),
    "blank row": (replaced(17, ""), "row 17", "3 fields"),
    "header only": ([], "X.csv", "only a header"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
@pytest.mark.parametrize("name", ["X.csv", "X.csv.gz"])
def test_a_bad_row_is_named_by_file_row_and_column(tmp_path, case, name):
    lines, where, what = BAD_ROWS[case]
    path = write(tmp_path, lines, name)
    with pytest.raises(InputError) as caught:
        read_epf_file(path, COLUMNS)
    message = str(caught.value)
    assert message.startswith(name)
    assert where.replace("X.csv", name) in message
    assert what in message
    assert "\n" not in message


def test_a_missing_or_repeated_column_is_named(tmp_path):
    path = write(tmp_path, rows(), header="datetime_local,load_mw,preis")
    with pytest.raises(InputError, match=r"X\.csv: row 1: expected one column 'price'"):
        read_epf_file(path, COLUMNS)
    path = write(tmp_path, rows(), header="datetime_local,price,price")
    with pytest.raises(InputError, match="one column 'price'"):
        read_epf_file(path, FileColumns())


def test_unreadable_files_are_named(tmp_path):
    whole = gzip.compress("\n".join([HEADER, *rows()]).encode())
    for content in (b"no gz", whole[:-20], whole[:40] + b"xxxx" + whole[44:]):
        (tmp_path / "X.csv.gz").write_bytes(content)
        with pytest.raises(InputError, match=r"X\.csv\.gz: expected a readable gz file"):
            read_epf_file(tmp_path / "X.csv.gz", COLUMNS)
    (tmp_path / "X.csv").write_bytes(b"")
    with pytest.raises(InputError, match=r"X\.csv: .* 'an empty file'"):
        read_epf_file(tmp_path / "X.csv", COLUMNS)
    (tmp_path / "Y.csv").write_bytes(HEADER.encode() + b"\n\xff\xfe")
    with pytest.raises(InputError, match=r"Y\.csv: row 2: expected UTF-8"):
        read_epf_file(tmp_path / "Y.csv", COLUMNS)
    with pytest.raises(InputError, match="expected a readable file"):
        read_epf_file(tmp_path / "absent.csv", COLUMNS)
    with pytest.raises(InputError, match="expected a readable file"):
        read_epf_file(tmp_path, COLUMNS)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace(":00:00,", ":00,"),
        lambda text: text.replace("2016-03-26 ", "2016-03-26T"),
        lambda text: text + "\n\n",
    ],
)
def test_harmless_differences_of_format_are_read(tmp_path, change):
    plain = read_epf_file(write(tmp_path, rows()), COLUMNS)
    (tmp_path / "Y.csv").write_text(change("\n".join([HEADER, *rows()])), encoding="utf-8")
    other = read_epf_file(tmp_path / "Y.csv", COLUMNS)
    assert other.prices.equals(plain.prices)
    assert other.local_starts.equals(plain.local_starts)
    assert_frame_equal(other.forecasts, plain.forecasts)


def test_a_changed_file_is_read_again(tmp_path):
    path = write(tmp_path, rows())
    first = read_epf_file(path, COLUMNS)
    assert read_epf_file(path, COLUMNS) is first
    write(tmp_path, replaced(2, "2016-03-26 00:00:00,40000.5,999.25"))
    assert read_epf_file(path, COLUMNS).prices[0] == 999.25


def test_hours_become_utc_by_the_areas_fixed_clock_also_on_clock_change_days(tmp_path):
    # 27 March 2016 has 23 hours in Germany and 24 rows in the normalised file.
    write(tmp_path, rows())
    spec = FilesFeed(source="files", path="X.csv", columns=COLUMNS)
    prices, forecasts = epf_feeds(spec, tmp_path, "EPF_DE")
    found = prices.fetch(ALL, LATER)
    assert found.columns == caller_columns(prices.table)
    assert found["period_start"][0] == datetime(2016, 3, 25, 23, tzinfo=UTC)
    assert found["period_start"].diff().drop_nulls().unique().to_list() == [timedelta(hours=1)]
    assert found.height == 72
    assert set(found["currency"]) == {"EUR"}
    assert set(found["knowledge_basis"]) == {"rule"}
    last_day = found.filter(pl.col("period_start") >= datetime(2016, 3, 27, 23, tzinfo=UTC))
    assert set(last_day["knowledge_time"]) == {datetime(2016, 3, 27, 11, 57, tzinfo=UTC)}
    issued = forecasts.fetch(ALL, LATER)
    assert issued.columns == caller_columns(forecasts.table)
    assert set(issued["series"]) == {"load"}
    assert issued["knowledge_time"].equals(issued["issue_time"])
    assert issued["issue_time"][0] == datetime(2016, 3, 25, 10, tzinfo=UTC)


def test_window_and_point_in_time_cut_the_rows(tmp_path):
    write(tmp_path, rows())
    spec = FilesFeed(source="files", path="X.csv", columns=COLUMNS)
    prices, forecasts = epf_feeds(spec, tmp_path, "EPF_DE")
    day = Window(datetime(2016, 3, 26, 23, tzinfo=UTC), datetime(2016, 3, 27, 23, tzinfo=UTC))
    gate = datetime(2016, 3, 26, 11, tzinfo=UTC)
    assert forecasts.fetch(day, gate).height == 24
    assert forecasts.fetch(day, gate - timedelta(hours=1, seconds=1)).is_empty()
    assert prices.fetch(day, gate).is_empty()
    assert prices.fetch(day, datetime(2016, 3, 26, 11, 57, tzinfo=UTC)).height == 24
    assert prices.fetch(ALL, gate).height == 24


def test_pjm_is_read_in_its_own_clock_and_currency(tmp_path):
    write(tmp_path, rows())
    spec = FilesFeed(source="files", path="X.csv", columns=COLUMNS)
    found = epf_feeds(spec, tmp_path, "EPF_PJM")[0].fetch(ALL, LATER)
    assert found["period_start"][0] == datetime(2016, 3, 26, 5, tzinfo=UTC)
    assert set(found["currency"]) == {"USD"}


def test_an_area_with_clock_changes_refuses_normalised_days(tmp_path):
    write(tmp_path, rows())
    spec = FilesFeed(source="files", path="X.csv", columns=COLUMNS)
    with pytest.raises(InputError, match="24 hourly market time units"):
        epf_feeds(spec, tmp_path, "DE_LU")[0].fetch(ALL, LATER)


def test_synthetic_and_real_data_never_meet(repo, tmp_path):
    desk = load_desk(repo / "data/desks/epf_de.yaml")
    with pytest.raises(InputError, match=r"feeds\[0\]\.source"):
        feeds_for(desk.model_copy(update={"area": "SIM_DE_LU"}), Access(tmp_path))
    reference = load_desk(repo / "data/desks/reference.yaml")
    with pytest.raises(InputError, match="reference_market for DE_LU"):
        feeds_for(reference.model_copy(update={"area": "DE_LU"}), Access(tmp_path))


def test_the_real_german_file_is_read_whole_plain_or_gz(repo, real_data, tmp_path):
    desk = load_desk(repo / "data/desks/epf_de.yaml")
    packed = feeds_for(desk, Access(real_data))
    assert [feed.table.id for feed in packed] == ["raw.market_prices", "raw.system_forecasts"]
    prices, forecasts = (feed.fetch(ALL, LATER) for feed in packed)
    assert prices.height == 52_416
    assert forecasts.group_by("series").len()["len"].to_list() == [52_416, 52_416]
    plain = desk.feeds[0].model_copy(update={"path": "DE.csv"})
    with gzip.open(real_data / desk.feeds[0].path) as source:
        (tmp_path / "DE.csv").write_bytes(source.read())
    for feed, expected in zip(
        epf_feeds(plain, tmp_path, desk.area), (prices, forecasts), strict=True
    ):
        assert_frame_equal(feed.fetch(ALL, LATER), expected)
