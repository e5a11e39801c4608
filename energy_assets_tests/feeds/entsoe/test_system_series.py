from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from energy_assets.feeds.entsoe.documents import read_documents
from energy_assets.feeds.entsoe.system_series import generation
from energy_assets.feeds.entsoe.xml_screen import UnusableAnswerError
from energy_assets.lakehouse import table
from energy_assets.lakehouse.enforcement import caller_columns
from energy_assets.market import load_area
from energy_assets_tests.feeds.entsoe.conftest import utc
from energy_assets_tests.loopback import entsoe_market as figures
from energy_assets_tests.loopback.entsoe import Market
from energy_assets_tests.loopback.entsoe_documents import market_document, time_series

DAY = utc(2025, 11, 2, 23), utc(2025, 11, 3, 23)


def by_series(frame):
    return {name: frame.filter(pl.col("series") == name) for name in frame["series"].unique()}


def micros(frame):
    return frame["period_start"].dt.epoch("us").to_numpy()


def test_the_load_forecast_is_known_at_ten_the_day_before(loopback):
    with loopback() as platform:
        found = platform.fetch("load_forecast", *DAY)
    assert found.columns == caller_columns(table("raw.system_forecasts"))
    assert np.array_equal(found["value_mw"].to_numpy(), figures.load_forecast(micros(found)))
    assert set(found["knowledge_time"]) == {utc(2025, 11, 2, 9)}
    assert found["issue_time"].equals(found["knowledge_time"])


def test_a_noon_decision_does_not_see_the_days_wind_and_solar_forecast(loopback):
    with loopback() as platform:
        assert platform.fetch("wind_solar_forecast", *DAY, as_of=utc(2025, 11, 2, 11)).is_empty()
        found = platform.fetch("wind_solar_forecast", *DAY, as_of=utc(2025, 11, 2, 17))
        load = platform.fetch("load_forecast", *DAY, as_of=utc(2025, 11, 2, 11))
    assert load.height == 96
    assert set(found["issue_time"]) == {utc(2025, 11, 2, 17)}


def test_rule_times_follow_the_clock_in_summer_too(loopback):
    with loopback() as platform:
        found = platform.fetch("wind_solar_forecast", utc(2025, 6, 30, 22), utc(2025, 7, 1, 22))
    assert set(found["knowledge_time"]) == {utc(2025, 6, 30, 16)}


def test_wind_is_the_sum_of_its_types(loopback):
    with loopback() as platform:
        found = by_series(platform.fetch("wind_solar_forecast", *DAY))
    assert sorted(found) == ["solar", "wind", "wind_offshore", "wind_onshore"]
    total = found["wind_offshore"]["value_mw"] + found["wind_onshore"]["value_mw"]
    assert found["wind"]["value_mw"].equals(total)
    at = micros(found["solar"])
    assert np.array_equal(found["solar"]["value_mw"].to_numpy(), figures.solar_forecast(at))


def test_an_area_without_sea_has_one_wind_series(loopback):
    with loopback(Market(has_offshore=False)) as platform:
        found = by_series(platform.fetch("wind_solar_forecast", *DAY))
    assert sorted(found) == ["solar", "wind"]
    at = micros(found["wind"])
    assert np.array_equal(found["wind"]["value_mw"].to_numpy(), figures.onshore_forecast(at))


def test_measured_generation_has_every_type_and_storage_charging_below_zero(loopback):
    with loopback() as platform:
        frame = platform.fetch("generation_actual", *DAY)
    assert frame.columns == caller_columns(table("raw.system_actuals"))
    found = by_series(frame)
    assert sorted(found) == [
        "hydro_pumped_storage",
        "hydro_pumped_storage_consumption",
        "solar",
        "wind",
        "wind_offshore",
        "wind_onshore",
    ]
    assert {part.height for part in found.values()} == {96}
    assert found["hydro_pumped_storage"]["value_mw"].min() >= 0
    assert found["hydro_pumped_storage_consumption"]["value_mw"].max() <= 0
    assert found["hydro_pumped_storage_consumption"]["value_mw"].min() < -100


@pytest.mark.parametrize("name", ["load_actual", "generation_actual"])
def test_measurements_are_known_an_hour_after_their_period(loopback, name):
    with loopback() as platform:
        found = platform.fetch(name, *DAY, as_of=utc(2025, 11, 3, 12))
        periods = [request.query["periodEnd"] for request in platform.server.requests]
    assert found["period_start"].max() == utc(2025, 11, 3, 10, 45)
    assert found["knowledge_time"].max() == utc(2025, 11, 3, 12)
    assert periods == ["202511032300"]


def test_nothing_is_asked_about_measurements_of_the_future(loopback):
    with loopback() as platform:
        assert platform.fetch("load_actual", *DAY, as_of=DAY[0]).is_empty()
        assert platform.server.count() == 0


def parts(*types):
    """A document of types: code, first hour, hours, value."""
    body = ""
    for number, (code, first, hours, value) in enumerate(types, start=1):
        points = "".join(
            f"<Point><position>{n + 1}</position><quantity>{value}</quantity></Point>"
            for n in range(hours)
        )
        inner = (
            f"<MktPSRType><psrType>{code}</psrType></MktPSRType><Period><timeInterval>"
            f"<start>2025-11-01T{first:02d}:00Z</start><end>2025-11-01T{first + hours:02d}:00Z"
            f"</end></timeInterval><resolution>PT60M</resolution>{points}</Period>"
        )
        head = {"quantity_Measure_Unit.name": "MAW"}
        body += time_series(number, head, "A01", inner)
    return read_documents(market_document("GL", "A75", body), "A75")


def test_a_missing_part_of_the_wind_is_a_gap_of_the_sum_not_a_smaller_sum():
    found = generation(parts(("B19", 0, 6, 10), ("B18", 0, 3, 2)), load_area("DE_LU"))
    wind = found.filter(pl.col("series") == "wind").sort("period_start")
    assert wind["value_mw"].to_list() == [12, 12, 12]
    assert found.filter(pl.col("series") == "wind_onshore").height == 6


def test_wind_before_the_first_park_at_sea_is_what_stands_on_land():
    found = generation(parts(("B19", 0, 6, 10), ("B18", 4, 2, 2)), load_area("DE_LU"))
    wind = found.filter(pl.col("series") == "wind").sort("period_start")
    assert wind["value_mw"].to_list() == [10, 10, 10, 10, 12, 12]


def test_an_unknown_type_is_named():
    with pytest.raises(UnusableAnswerError, match="psrType 'B99', which is unknown"):
        generation(parts(("B99", 0, 1, 1)), load_area("DE_LU"))
