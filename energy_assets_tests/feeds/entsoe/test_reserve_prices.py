from __future__ import annotations

import polars as pl
import pytest

from energy_assets.feeds.entsoe.documents import read_documents
from energy_assets.feeds.entsoe.reserve_prices import reserve_prices
from energy_assets.feeds.entsoe.xml_screen import UnusableAnswerError
from energy_assets.lakehouse import table
from energy_assets.lakehouse.enforcement import caller_columns
from energy_assets.market import load_area
from energy_assets_tests.feeds.entsoe.conftest import utc
from energy_assets_tests.loopback.entsoe_documents import market_document, time_series


def test_every_reserve_has_six_blocks_a_day_known_the_day_before(loopback):
    with loopback() as platform:
        found = platform.fetch("reserve_prices", utc(2025, 11, 1, 23), utc(2025, 11, 3, 23))
    assert found.columns == caller_columns(table("raw.auction_results"))
    counts = dict(found.group_by("product").len().rows())
    assert counts == dict.fromkeys(("fcr", "afrr_up", "afrr_down", "mfrr_up", "mfrr_down"), 12)
    assert set(found["resolution_min"]) == {240}
    fcr = found.filter(pl.col("product") == "fcr")
    assert set(fcr["statistic"]) == {"marginal"}
    assert set(found.filter(pl.col("product") == "afrr_up")["statistic"]) == {"average"}
    assert fcr["volume_mw"].to_list() == [510, 520, 530, 540, 550, 560] * 2
    assert set(found["knowledge_time"]) == {utc(2025, 11, 1, 10), utc(2025, 11, 2, 10)}


@pytest.mark.parametrize(
    ("start", "end"),
    [(utc(2025, 3, 29, 23), utc(2025, 3, 30, 22)), (utc(2025, 10, 25, 22), utc(2025, 10, 26, 23))],
)
def test_clock_change_days_have_six_blocks_too(loopback, start, end):
    with loopback() as platform:
        found = platform.fetch("reserve_prices", start, end)
    fcr = found.filter(pl.col("product") == "fcr").sort("period_start")
    local = fcr["period_start"].dt.convert_time_zone("Europe/Brussels").dt.hour().to_list()
    assert local == [0, 4, 8, 12, 16, 20]


def document(*auctions, unit="MAW", direction="A01", category="A06"):
    body = ""
    for number, (price, volume) in enumerate(auctions, start=1):
        quantity = f"<quantity>{volume}</quantity>" if volume else ""
        mark = (
            f"<imbalance_Price.category>{category}</imbalance_Price.category>" if category else ""
        )
        inner = (
            "<Period><timeInterval><start>2025-11-01T23:00Z</start><end>2025-11-02T03:00Z</end>"
            "</timeInterval><resolution>PT4H</resolution><Point><position>1</position>"
            f"{quantity}<procurement_Price.amount>{price}</procurement_Price.amount>{mark}"
            "</Point></Period>"
        )
        head = {
            "flowDirection.direction": direction,
            "currency_Unit.name": "EUR",
            "price_Measure_Unit.name": unit,
            "quantity_Measure_Unit.name": "MAW",
        }
        body += time_series(number, head, "A01", inner)
    return read_documents(market_document("Balancing", "A81", body), "A81")


def result(*auctions, reserve="afrr", **options):
    found = reserve_prices(document(*auctions, **options), load_area("DE_LU"), reserve)
    return [
        (row["product"], row["statistic"], row["price"], row["volume_mw"], row["unit"])
        for row in found.to_dicts()
    ]


def test_sources_of_one_auction_are_put_together():
    assert result((10, 300), (20, 100)) == [("afrr_up", "average", 12.5, 400, "currency/MW")]
    assert result((10, 300), (20, 100), category="A07") == [
        ("afrr_up", "marginal", 20, 400, "currency/MW")
    ]
    assert result((10, None), (20, 100)) == [("afrr_up", "average", 15, None, "currency/MW")]


def test_unit_direction_and_category_are_read_from_the_document():
    assert result((5, 50), unit="MWH", direction="A02")[0][::4] == ("afrr_down", "currency/MW/h")
    assert result((5, 50), category="", reserve="fcr", direction="A03")[0][:2] == (
        "fcr",
        "marginal",
    )
    assert result((5, 50), category="", reserve="mfrr")[0][:2] == ("mfrr_up", "average")
    assert result((5, 50), direction="A03") == []


def test_what_is_not_known_is_refused():
    with pytest.raises(UnusableAnswerError, match=r"price_Measure_Unit\.name 'KWH'"):
        result((5, 50), unit="KWH")
    with pytest.raises(UnusableAnswerError, match=r"imbalance_Price\.category 'A99'"):
        result((5, 50), category="A99")
