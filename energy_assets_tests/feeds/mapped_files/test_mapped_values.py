from __future__ import annotations

import polars as pl
import pytest

from energy_assets.errors import InputError
from energy_assets.feeds.mapped_files.conversions import CONVERSIONS, units_into
from energy_assets_tests.feeds.mapped_files.written import (
    KNOWN,
    actuals,
    feed_in,
    feeds_in,
    utc,
    values,
    write,
)

LINES = ["t,mw", *(f"2026-01-0{day} 00:00,{value}" for day, value in ((1, 0), (2, -999), (3, 5)))]


def stored(folder, cell, table, labels, unit, minutes=60):
    write(folder, ["t,v", f"2026-01-01 00:00,{cell}"])
    document = actuals(
        table_table=table,
        value_column="v",
        value_unit=unit,
        value_labels=labels,
        time_resolution_min=minutes,
    )
    return feed_in(folder, document).rows


@pytest.mark.parametrize(
    ("unit", "cell", "minutes", "expected"),
    [
        ("MW", "12.5", 60, 12.5),
        ("kW", "1850", 10, 1.85),
        ("W", "5426.4", 15, 0.0054264),
        ("GW", "1.5", 60, 1500),
        ("GWh/h", "29.538", 15, 29538),
        ("GWh/period", "29.538", 60, 29538),
        ("GWh/period", "1", 15, 4000),
        ("MWh/period", "-459.6", 30, -919.2),
        ("kWh/period", "500", 15, 2),
    ],
)
def test_powers_become_mw(tmp_path, unit, cell, minutes, expected):
    rows = stored(tmp_path, cell, "raw.system_actuals", {"series": "load"}, unit, minutes)
    assert rows["value_mw"].item() == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("unit", "minutes", "expected"),
    [("MWh/period", 15, 3.0), ("kWh", 15, 0.003), ("MW", 15, 0.75), ("kW", 30, 0.0015)],
)
def test_energies_become_mwh(tmp_path, unit, minutes, expected):
    rows = stored(tmp_path, "3", "raw.meter_readings", {"unit": "wind"}, unit, minutes)
    assert rows["energy_mwh"].item() == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("variable", "unit", "cell", "expected", "into"),
    [
        ("wind_speed_100m", "km/h", "36", 10.0, "m/s"),
        ("wind_speed_10m", "knots", "10", 5.144444444444445, "m/s"),
        ("temperature_2m", "degF", "32", 0.0, "degC"),
        ("temperature_2m", "degF", "212", 100.0, "degC"),
        ("temperature_2m", "K", "300", 26.85, "degC"),
        ("pressure", "Pa", "101325", 1013.25, "hPa"),
        ("pressure", "kPa", "101.325", 1013.25, "hPa"),
        ("pressure", "hPa", "935", 935.0, "hPa"),
        ("relative_humidity_2m", "1", "0.35", 35.0, "%"),
    ],
)
def test_weather_is_stored_in_the_unit_of_its_variable(
    tmp_path, variable, unit, cell, expected, into
):
    labels = {"site": "a", "variable": variable}
    row = stored(tmp_path, cell, "raw.weather_actuals", labels, unit).row(0, named=True)
    assert row["value"] == pytest.approx(expected, abs=1e-12)
    assert row["unit"] == into


def test_every_conversion_ends_in_a_unit_some_table_holds():
    assert {into for _, into in CONVERSIONS} == {"MW", "MWh", "m/s", "degC", "hPa", "%"}
    assert units_into("hPa") == ["hPa", "Pa", "kPa"]


def test_price_units_name_the_currency(tmp_path):
    row = stored(tmp_path, "55.2", "raw.market_prices", {"series": "day_ahead"}, "GBP/MWh", 30).row(
        0, named=True
    )
    assert (row["price"], row["currency"]) == (55.2, "GBP")
    labels = {"product": "fcr", "component": "capacity", "statistic": "marginal"}
    row = stored(tmp_path, "9", "raw.auction_results", labels, "EUR/MW", 240).row(0, named=True)
    assert (row["unit"], row["currency"], row["volume_mw"]) == ("currency/MW", "EUR", None)


def test_telemetry_keeps_its_interval_and_moments_have_none(tmp_path):
    labels = {"unit": "t1", "signal": "power"}
    row = stored(tmp_path, "100", "raw.telemetry", labels, "kW", 10).row(0, named=True)
    assert (row["value"], row["interval_seconds"]) == (0.1, 600)
    document = actuals(
        table_table="raw.telemetry",
        value_column="v",
        value_unit="kW",
        value_labels=labels,
        time_momentary=True,
    )
    assert feed_in(tmp_path, document).rows["interval_seconds"].to_list() == [0]


def test_codes_and_empty_cells_are_no_values(tmp_path):
    write(tmp_path, [*LINES, "2026-01-04 00:00,", "2026-01-05 00:00,n/e"])
    feed = feed_in(tmp_path, actuals(value_missing=[0, -999, "n/e"]))
    assert values(feed) == [5]
    assert feed.missing.empty == {"mw": 1}
    assert feed.missing.coded == {"mw": 3}


def test_a_code_holds_only_in_its_dates(tmp_path):
    write(tmp_path, ["t,mw", *(f"2026-01-0{day} 00:00,0" for day in (1, 2, 3))])
    code = {"code": 0, "first": "2026-01-02", "last": "2026-01-02"}
    feed = feed_in(tmp_path, actuals(value_missing=[code]))
    assert feed.rows["period_start"].to_list() == [utc("2026-01-01T00:00"), utc("2026-01-03T00:00")]
    assert feed.series()[0].gaps == 47


def test_a_code_holds_only_where_it_is_said_to(tmp_path):
    write(tmp_path, ["t,zone,mw", *(f"2026-01-01 00:00,{zone},0" for zone in ("CH", "DE"))])
    document = actuals(
        scope=None,
        scope_column="zone",
        scopes={"CH": "CH", "DE": "DE_LU"},
        value_missing=[{"code": 0, "where": {"zone": ["CH"]}}],
    )
    found = {feed.scope: values(feed) for feed in feeds_in(tmp_path, document)}
    assert found == {"CH": [], "DE_LU": [0.0]}


def test_signs_and_lost_digits_are_given_back(tmp_path):
    frame = pl.DataFrame({"t": [utc("2026-01-01T00:00")], "mw": [22.34]}).cast({"mw": pl.Float32})
    frame.with_columns(pl.col("t").dt.replace_time_zone(None)).write_parquet(tmp_path / "a.parquet")
    parquet = {"path": "a.parquet", "format": "parquet"}
    assert values(feed_in(tmp_path, actuals(**parquet))) != [22.34]
    assert values(feed_in(tmp_path, actuals(**parquet, value_decimals=2))) == [22.34]
    assert values(feed_in(tmp_path, actuals(**parquet, value_decimals=2, value_sign=-1))) == [
        -22.34
    ]


def test_decimal_commas_and_lines_above_the_header(tmp_path):
    write(tmp_path, ["Report of today", "", "t;mw", "01.02.2026 00:00;1.234,5"])
    document = actuals(separator=";", decimal=",", preamble_lines=2, time_formats="%d.%m.%Y %H:%M")
    assert values(feed_in(tmp_path, document)) == [1234.5]


def test_the_last_duplicate_is_kept_and_the_extra_row_left_out(tmp_path):
    write(tmp_path, ["t,mw", "2026-01-01,1", "2026-01-01,2", "2026-01-02,3", "2027-01-01,4"])
    feed = feed_in(tmp_path, actuals(rows={"skip_last": 1, "duplicates": "keep_last"}))
    assert values(feed) == [2, 3]
    assert feed.prepared.skipped == {"last_rows": 1, "duplicate": 1}
    assert feed.prepared.rows_read == 4


def test_a_resolution_that_changes_in_mid_series_leaves_no_gap(tmp_path):
    rows = ["2025-09-30 22:00,PT1H,1", "2025-09-30 23:00,60,2"]
    rows += [f"2025-10-01 00:{q:02d},PT15M,{q}" for q in (0, 15, 30, 45)]
    write(tmp_path, ["t,length,mw", *rows])
    document = actuals(time_resolution_min=None, time_resolution_column="length")
    feed = feed_in(tmp_path, document)
    assert feed.rows["resolution_min"].to_list() == [60, 60, 15, 15, 15, 15]
    assert feed.series()[0].gaps == 0


def test_columns_of_areas_go_to_their_own_scopes(tmp_path):
    write(tmp_path, ["t,AT,DE", "2026-01-01 00:00,1,2", "2026-01-01 01:00,3,4"])
    document = actuals(scope=None)
    value = {"unit": "MW", "labels": {"series": "load"}}
    document["files"][0]["tables"][0]["values"] = [
        {**value, "column": "AT", "scope": "AT"},
        {**value, "column": "DE", "scope": "DE_LU"},
    ]
    assert {feed.scope: values(feed) for feed in feeds_in(tmp_path, document)} == {
        "AT": [1, 3],
        "DE_LU": [2, 4],
    }
    (only,) = feeds_in(tmp_path, document, "AT")
    assert only.scope == "AT"
    with pytest.raises(InputError, match="--scope: expected one of AT, DE_LU, found 'FR'"):
        feeds_in(tmp_path, document, "FR")


def test_knowledge_follows_its_rule(tmp_path):
    write(tmp_path, ["t,mw,out", "2026-03-29 21:00,1,2026-03-30 07:00"])
    after = feed_in(tmp_path, actuals()).rows
    assert after["knowledge_time"].to_list() == [utc("2026-03-29T22:15")]
    assert after["knowledge_basis"].to_list() == ["rule"]
    # 23:00 in Brussels on the 29th: known at noon on the 28th, still winter time.
    before = {
        "kind": "before_delivery",
        "time": "12:00",
        "days_before": 1,
        "clock": "Europe/Brussels",
    }
    found = feed_in(tmp_path, actuals(table_knowledge=before)).rows
    assert found["knowledge_time"].to_list() == [utc("2026-03-28T11:00")]
    stated = {"kind": "column", "column": "out", "clock": "Europe/Berlin", "plus_min": 5}
    document = actuals(table_knowledge=stated, table_knowledge_basis="published")
    found = feed_in(tmp_path, document).rows
    assert found["knowledge_time"].to_list() == [utc("2026-03-30T05:05")]
    assert found["knowledge_basis"].to_list() == ["published"]


def test_forecasts_carry_the_issue_time_the_file_states(tmp_path):
    write(tmp_path, ["t,d,p,mw", "2026-03-30 00:00,2026-03-29,19,1"])
    document = actuals(
        table_table="raw.system_forecasts",
        table_issue_time={
            "kind": "column",
            "date": "d",
            "period": "p",
            "clock": "Europe/London",
            "period_min": 30,
        },
        table_knowledge={"kind": "after_issue", "minutes": 30},
    )
    row = feed_in(tmp_path, document).rows.row(0, named=True)
    # Nine hours after the midnight of a 23-hour day: 10:00 in London, 09:00 UTC.
    assert row["issue_time"] == utc("2026-03-29T09:00")
    assert row["knowledge_time"] == utc("2026-03-29T09:30")


def test_daily_closes_repeated_every_hour_are_one_close_a_day(tmp_path):
    write(tmp_path, ["t,mw", *(f"2026-01-01 {hour:02d}:00,7" for hour in range(24))])
    document = actuals(
        scope=None,
        rows={"duplicates": "keep_last"},
        table_table="raw.fuel_prices",
        value_unit="EUR/t CO2",
        value_labels={"product": "eua"},
        table_knowledge=KNOWN,
    )
    feed = feed_in(tmp_path, document)
    assert (feed.scope, feed.rows.height, feed.series()[0].gaps) == ("global", 1, None)
    assert str(feed.rows["price_date"].item()) == "2026-01-01"
