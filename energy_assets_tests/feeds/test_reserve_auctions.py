from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from energy_assets.errors import InputError
from energy_assets.feeds import Window
from energy_assets.lakehouse.enforcement import caller_columns
from energy_assets_tests.feeds.source_desks import feeds_on, utc

ALL = Window(utc(2020, 1, 1), utc(2030, 1, 1))
LATER = utc(2030, 1, 1)
BLOCKS = [f"{hour:02}_{hour + 4:02}" for hour in range(0, 24, 4)]
FCR_HEADER = (
    "DATE_FROM;DATE_TO;PRODUCT_TYPE;PRODUCTNAME;"
    "GERMANY_SETTLEMENTCAPACITY_PRICE_[EUR/MW];FRANCE_SETTLEMENTCAPACITY_PRICE_[EUR/MW]"
)
AFRR_HEADER = (
    "DATE_FROM;DATE_TO;TYPE_OF_RESERVES;PRODUCT;"
    "GERMANY_MIN_CAPACITY_PRICE_[(EUR/MW)/h];GERMANY_AVERAGE_CAPACITY_PRICE_[(EUR/MW)/h];"
    "GERMANY_MARGINAL_CAPACITY_PRICE_[(EUR/MW)/h];GERMANY_ALLOCATED_VOLUME_[MW]"
)


def fcr_lines(day, price="41,6"):
    return [f"{day};{day};FCR;NEGPOS_{block};{price};35" for block in BLOCKS]


def afrr_line(product="POS_04_08", day="2026-03-02", prices="1,5;4,25;12;1.893,5"):
    return f"{day};{day};aFRR;{product};{prices}"


def write(folder, header, lines, name="results.csv"):
    (folder / "reserves").mkdir(exist_ok=True)
    (folder / "reserves" / name).write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


def feed(folder, area="DE_LU"):
    return feeds_on({"source": "reserve_auctions", "folder": "reserves"}, area=area, folder=folder)[
        0
    ]


@pytest.mark.parametrize(
    ("day", "minutes"),
    [
        (date(2026, 3, 28), [240] * 6),
        (date(2026, 3, 29), [180, *[240] * 5]),
        (date(2026, 10, 25), [300, *[240] * 5]),
    ],
)
def test_blocks_follow_the_local_clock(tmp_path, day, minutes):
    write(tmp_path, FCR_HEADER, fcr_lines(day))
    found = feed(tmp_path).fetch(ALL, LATER)
    assert found.columns == caller_columns(feed(tmp_path).table)
    assert found["resolution_min"].to_list() == minutes
    gaps = found["period_start"].diff().drop_nulls().dt.total_minutes().to_list()
    assert gaps == minutes[:-1]
    local = found["period_start"].dt.convert_time_zone("Europe/Berlin")
    assert local.dt.hour().to_list() == [0, 4, 8, 12, 16, 20]


def test_fcr_is_symmetric_and_paid_per_block(tmp_path):
    write(tmp_path, FCR_HEADER, fcr_lines("02.03.2026"))
    found = feed(tmp_path).fetch(ALL, LATER)
    assert set(found["product"]) == {"fcr"}
    assert set(found["statistic"]) == {"marginal"}
    assert set(found["component"]) == {"capacity"}
    assert set(found["unit"]) == {"currency/MW"}
    assert set(found["price"]) == {41.6}
    assert found["volume_mw"].null_count() == 6
    assert set(feed(tmp_path, "FR").fetch(ALL, LATER)["price"]) == {35.0}


def test_afrr_has_a_direction_three_statistics_and_a_volume(tmp_path):
    write(tmp_path, AFRR_HEADER, [afrr_line(), afrr_line("NEG_04_08", prices="-;-1,25;0;")])
    found = feed(tmp_path).fetch(ALL, LATER)
    up = found.filter(pl.col("product") == "afrr_up")
    assert dict(zip(up["statistic"], up["price"], strict=True)) == {
        "average": 4.25,
        "marginal": 12.0,
        "minimum": 1.5,
    }
    assert set(up["unit"]) == {"currency/MW/h"}
    assert set(up["volume_mw"]) == {1893.5}
    down = found.filter(pl.col("product") == "afrr_down")
    assert dict(zip(down["statistic"], down["price"], strict=True)) == {
        "average": -1.25,
        "marginal": 0.0,
    }


def test_results_are_known_after_the_auction_of_the_day_before(tmp_path):
    write(tmp_path, FCR_HEADER, fcr_lines("2026-03-02"), "fcr.csv")
    write(tmp_path, AFRR_HEADER, [afrr_line()], "afrr.csv")
    found = feed(tmp_path).fetch(ALL, LATER)
    assert set(found["knowledge_basis"]) == {"rule"}
    # Gates close 08:00 and 09:00 local time, 07:00 and 08:00 UTC.
    assert feed(tmp_path).fetch(ALL, utc(2026, 3, 1, 7, 0)).is_empty()
    assert set(feed(tmp_path).fetch(ALL, utc(2026, 3, 1, 8, 30))["product"]) == {"fcr"}
    assert found["knowledge_time"].max() < utc(2026, 3, 1, 11) - timedelta(hours=1)


def test_german_column_names_are_read_too(tmp_path):
    header = "DATUM_VON;REGELLEISTUNGSART;PRODUKT;DEUTSCHLAND_GRENZLEISTUNGSPREIS_[(EUR/MW)/h]"
    write(tmp_path, header, ["02.03.2026;SRL;NEG_20_24;7,5"])
    row = feed(tmp_path).fetch(ALL, LATER).row(0, named=True)
    assert (row["product"], row["statistic"], row["price"]) == ("afrr_down", "marginal", 7.5)
    assert row["period_start"] == utc(2026, 3, 2, 19)


def test_only_the_first_of_repeated_tenders_counts(tmp_path):
    lines = [f"{line};{tender}" for tender in (1, 2) for line in fcr_lines("2026-03-02", tender)]
    write(tmp_path, f"{FCR_HEADER};TENDER_NUMBER", lines)
    found = feed(tmp_path).fetch(ALL, LATER)
    assert found.height == 6
    assert set(found["price"]) == {1.0}


def test_the_same_result_in_two_files_is_one_row_and_a_contradiction_is_named(tmp_path):
    write(tmp_path, AFRR_HEADER, [afrr_line()], "march.csv")
    write(tmp_path, AFRR_HEADER, [afrr_line()], "year.csv")
    assert feed(tmp_path).fetch(ALL, LATER).height == 3
    write(tmp_path, AFRR_HEADER, [afrr_line(prices="1,5;4,25;13;10")], "year.csv")
    with pytest.raises(InputError, match=r"year\.csv: line 2, column 'PRODUCT': expected one"):
        feed(tmp_path).fetch(ALL, LATER)


BAD = {
    "decimal point": (afrr_line(prices="1.5;1;1;1"), "PRICE_[(EUR/MW)/h]", "decimal comma"),
    "text": (afrr_line(prices="1;n/a;1;1"), "AVERAGE", "'n/a'"),
    "no such product": (afrr_line("UP_04_08"), "'PRODUCT'", "'UP_04_08'"),
    "a block that ends before it starts": (afrr_line("POS_08_04"), "'PRODUCT'", "POS_04_08"),
    "a block past midnight": (afrr_line("POS_20_28"), "'PRODUCT'", "'POS_20_28'"),
    "the day of another calendar": (afrr_line(day="03/02/2026"), "DATE_FROM", "'03/02/2026'"),
    "a weekly product": (
        afrr_line().replace("2026-03-02;2026-03-02", "2026-03-02;2026-03-08"),
        "DATE_TO",
        "daily",
    ),
    "a symmetric aFRR": (afrr_line("NEGPOS_04_08"), "TYPE_OF_RESERVES", "NEGPOS_04_08"),
    "an unknown reserve": (afrr_line().replace("aFRR", "RR"), "TYPE_OF_RESERVES", "'RR'"),
}


@pytest.mark.parametrize("case", BAD)
def test_one_bad_line_is_one_line_and_nothing_is_returned(tmp_path, case):
    line, column, what = BAD[case]
    write(tmp_path, AFRR_HEADER, [afrr_line(), line])
    with pytest.raises(InputError) as caught:
        feed(tmp_path).fetch(ALL, LATER)
    message = str(caught.value)
    assert message.startswith("results.csv: line 3, column")
    assert column in message
    assert what in message
    assert "\n" not in message


def test_a_missing_column_is_named(tmp_path):
    write(tmp_path, "DATE_FROM;PRODUCT;PRICE", ["2026-03-02;NEGPOS_00_04;1"])
    with pytest.raises(InputError, match="line 1: expected a price column of GERMANY"):
        feed(tmp_path).fetch(ALL, LATER)
    write(tmp_path, "DATE_FROM;PRICE", ["2026-03-02;1"])
    with pytest.raises(InputError, match="a column PRODUCT or PRODUCTNAME"):
        feed(tmp_path).fetch(ALL, LATER)
    write(tmp_path, AFRR_HEADER.replace("TYPE_OF_RESERVES", "X"), [afrr_line()])
    with pytest.raises(InputError, match=r"TYPE_OF_RESERVES.*FCR, aFRR or mFRR"):
        feed(tmp_path).fetch(ALL, LATER)


def test_an_area_outside_the_files_is_refused(tmp_path):
    with pytest.raises(InputError, match="found 'GB'"):
        feed(tmp_path, "GB")
