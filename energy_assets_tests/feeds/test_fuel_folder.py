from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.errors import InputError
from energy_assets.feeds import Window
from energy_assets.feeds.fuel_folder import FuelFolder
from energy_assets.lakehouse import Lake
from energy_assets.lakehouse.enforcement import caller_columns
from energy_assets.quality.admission import admit
from energy_assets_tests.feeds.source_desks import feeds_on, utc

HEADER = "product,price_date,price,unit,published_at"
GAS = "ttf_hhv,2026-03-02,31.50,EUR/MWh HHV,2026-03-02T18:15:00+01:00"
CARBON = "eua,2026-03-02,71.2,EUR/t CO2,2026-03-02T18:15:00+01:00"
MARCH = Window(utc(2026, 3, 1), utc(2026, 4, 1))
LATER = utc(2030, 1, 1)


def write(folder, *lines, name="closes.csv", header=HEADER):
    (folder / "fuel").mkdir(exist_ok=True)
    (folder / "fuel" / name).write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


def feed(folder):
    return feeds_on({"source": "fuel_folder", "folder": "fuel"}, folder=folder)[0]


def test_a_close_is_known_from_its_publication_on(tmp_path):
    write(tmp_path, GAS, CARBON)
    found = feed(tmp_path).fetch(MARCH, LATER)
    assert found.columns == caller_columns(feed(tmp_path).table)
    assert dict(zip(found["product"], found["price"], strict=True)) == {
        "eua": 71.2,
        "ttf_hhv": 31.5,
    }
    assert set(found["knowledge_time"]) == {utc(2026, 3, 2, 17, 15)}
    assert set(found["knowledge_basis"]) == {"published"}
    assert feed(tmp_path).scope == "global"
    assert feed(tmp_path).fetch(MARCH, utc(2026, 3, 2, 17, 14)).is_empty()
    assert feed(tmp_path).fetch(Window(utc(2026, 3, 3), utc(2026, 4, 1)), LATER).is_empty()


def test_a_close_published_again_is_a_revision_whatever_file_it_is_in(tmp_path):
    corrected = GAS.replace("31.50", "32.75").replace("T18:15", "T20:00")
    write(tmp_path, corrected, name="a_first_by_name.csv")
    write(tmp_path, GAS, GAS, name="b_second_by_name.csv")
    lake = Lake(tmp_path / "lake")
    assert admit(lake, feed(tmp_path), MARCH, LATER, area=None).written == 2
    assert admit(lake, feed(tmp_path), MARCH, LATER, area=None).written == 0

    def price(*at):
        rows = lake.as_of("raw.fuel_prices", utc(*at), scope="global")
        return rows["price"].to_list()

    assert price(2026, 3, 2, 17) == []
    assert price(2026, 3, 2, 17, 30) == [31.5]
    assert price(2026, 3, 2, 19, 30) == [32.75]


def changed(**cells):
    values = dict(zip(HEADER.split(","), GAS.split(","), strict=True)) | cells
    return ",".join(values.values())


BAD_LINES = {
    "text for a price": (changed(price="n/a"), "price", "'n/a'"),
    "decimal comma": (changed(price='"31,5"'), "price", "'31,5'"),
    "infinite": (changed(price="inf"), "price", "'inf'"),
    "digit groups of Python": (changed(price="1_000"), "price", "'1_000'"),
    "no basis": (changed(unit="EUR/MWh"), "unit", "'EUR/MWh'"),
    "the other basis": (changed(unit="EUR/MWh LHV"), "unit", "MWh HHV"),
    "no zone": (changed(published_at="2026-03-02T18:15:00"), "published_at", "zone"),
    "no time": (changed(published_at="yesterday"), "published_at", "'yesterday'"),
    "published before it was": (
        changed(published_at="2026-03-01T18:15:00+01:00"),
        "published_at",
        "trading day 2026-03-02",
    ),
    "another calendar": (changed(price_date="02.03.2026"), "price_date", "'02.03.2026'"),
    "no such day": (changed(price_date="2026-02-30"), "price_date", "'2026-02-30'"),
    "a path for a product": (changed(product="../../etc"), "product", "'../../etc'"),
    "an empty price": (changed(price=""), "price", "an empty field"),
    "two prices at once": (changed(price="31.51"), "price", "31.5 as elsewhere"),
}


@pytest.mark.parametrize("case", BAD_LINES)
def test_one_bad_line_is_one_line_and_nothing_is_returned(tmp_path, case):
    line, column, what = BAD_LINES[case]
    write(tmp_path, CARBON, GAS, name="a.csv")
    write(tmp_path, CARBON, line, name="b.csv")
    with pytest.raises(InputError) as caught:
        feed(tmp_path).fetch(MARCH, LATER)
    message = str(caught.value)
    assert message.startswith(f"b.csv: line 3, column '{column}'")
    assert what in message
    assert "\n" not in message


def test_a_product_keeps_its_unit(tmp_path):
    write(tmp_path, "coal,2026-03-02,12,EUR/MWh LHV,2026-03-02T18:00:00Z", name="a.csv")
    write(tmp_path, "coal,2026-03-03,12,USD/MWh LHV,2026-03-03T18:00:00Z", name="b.csv")
    with pytest.raises(InputError, match=r"b\.csv: line 2, column 'unit': .*EUR/MWh LHV"):
        feed(tmp_path).fetch(MARCH, LATER)


def test_faults_of_a_whole_file_name_it(tmp_path):
    with pytest.raises(InputError, match=r"fuel: expected a folder of \.csv files"):
        feed(tmp_path).fetch(MARCH, LATER)
    write(tmp_path, GAS, header="product,price_date,price,unit")
    with pytest.raises(InputError, match=r"closes\.csv: line 2: expected 4 fields"):
        feed(tmp_path).fetch(MARCH, LATER)
    write(tmp_path, GAS, header=HEADER.replace("unit", "einheit"))
    with pytest.raises(InputError, match=r"closes\.csv: line 1: expected product,price_date"):
        feed(tmp_path).fetch(MARCH, LATER)
    write(tmp_path, GAS, header=HEADER.replace("unit", "price"))
    with pytest.raises(InputError, match=r"closes\.csv: line 1: expected each column once"):
        feed(tmp_path).fetch(MARCH, LATER)
    (tmp_path / "fuel/closes.csv").write_bytes(HEADER.encode() + b"\n\xff\xfe")
    with pytest.raises(InputError, match=r"closes\.csv: expected UTF-8"):
        feed(tmp_path).fetch(MARCH, LATER)
    (tmp_path / "fuel/closes.csv").write_bytes(b"")
    with pytest.raises(InputError, match=r"closes\.csv: expected a header line"):
        feed(tmp_path).fetch(MARCH, LATER)


def test_files_not_meant_for_the_feed_are_left_alone(tmp_path):
    write(tmp_path, GAS)
    write(tmp_path, "half a", name=".closes.csv")
    write(tmp_path, "half a", name="closes.csv.partial")
    (tmp_path / "fuel/older.csv").mkdir()
    assert feed(tmp_path).fetch(MARCH, LATER).height == 1


def test_an_empty_folder_has_no_closes(tmp_path):
    (tmp_path / "fuel").mkdir()
    found = feed(tmp_path).fetch(MARCH, LATER)
    assert found.is_empty()
    assert found.columns == caller_columns(feed(tmp_path).table)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_rows_or_one_clear_line(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("fuel")
    (folder / "x.csv").write_bytes(HEADER.encode() + b"\n" + content)
    message = "x.csv"
    try:
        FuelFolder(folder).fetch(MARCH, LATER)
    except InputError as error:
        message = str(error)
    assert "x.csv" in message
    assert "\n" not in message
