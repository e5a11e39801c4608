from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from energy_assets.lakehouse.tables import table
from energy_assets.market import load_area
from energy_assets.quality import screen
from energy_assets_tests.lakehouse.frames import frame, hours, prices

DE_LU = load_area("DE_LU")
START = datetime(2024, 3, 15, tzinfo=UTC)
KNOWN = datetime(2024, 3, 14, 12, tzinfo=UTC)
COUNT = 6


def good_prices(minutes: int = 60) -> pl.DataFrame:
    # Not in time order: screening must not sort.
    starts = hours(START, COUNT, minutes)
    order = [3, 0, 5, 1, 4, 2]
    return prices([starts[n] for n in order], [10.0 + n for n in order], KNOWN, minutes=minutes)


def good_weather() -> pl.DataFrame:
    starts = hours(START, COUNT)
    columns = {
        "site": ["wind"] * COUNT,
        "variable": ["wind_speed_100m"] * COUNT,
        "issue_time": [START - timedelta(hours=24)] * COUNT,
        "period_start": starts,
        "resolution_min": [60] * COUNT,
        "value": [7.5] * COUNT,
        "unit": ["m/s"] * COUNT,
        "source": ["weather"] * COUNT,
        "knowledge_time": [KNOWN] * COUNT,
        "knowledge_basis": ["published"] * COUNT,
    }
    return frame("raw.weather_forecasts", columns)


def with_row(good: pl.DataFrame, row: int, **values: object) -> pl.DataFrame:
    changes = (
        pl.when(pl.int_range(pl.len()) == row)
        .then(pl.lit(value, dtype=good.schema[name]))
        .otherwise(pl.col(name))
        .alias(name)
        for name, value in values.items()
    )
    return good.with_columns(changes)


BAD = {
    "above the price limit": (good_prices, {"price": 4000.01}, "price.limits"),
    "below the price limit": (good_prices, {"price": -500.01}, "price.limits"),
    "no number": (good_prices, {"price": float("nan")}, "price.limits"),
    "infinite": (good_prices, {"price": float("inf")}, "price.limits"),
    "null": (good_prices, {"price": None}, "range.price"),
    "unknown series": (good_prices, {"series": "spot"}, "label.series"),
    "unknown basis": (good_prices, {"knowledge_basis": "rumour"}, "label.knowledge_basis"),
    "off its grid": (
        good_prices,
        {"period_start": START + timedelta(minutes=15)},
        "grid.period_start",
    ),
    "implausible imbalance price": (
        good_prices,
        {"series": "imbalance", "price": 20_000.0},
        "range.price",
    ),
    "five-minute period": (good_prices, {"resolution_min": 5}, "range.resolution_min"),
    "hurricane of 2000 m/s": (good_weather, {"value": 2000.0}, "range.value"),
    "wrong unit": (good_weather, {"unit": "kn"}, "label.unit"),
    "unknown variable": (good_weather, {"variable": "snow"}, "label.variable"),
}


@pytest.mark.parametrize(("make", "change", "rule"), BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("row", [0, 4])
def test_a_bad_row_is_refused_with_its_rule_and_the_others_are_kept_in_order(
    make: Callable[[], pl.DataFrame], change: dict[str, object], rule: str, row: int
) -> None:
    target = table("raw.market_prices" if make is good_prices else "raw.weather_forecasts")
    batch = with_row(make(), row, **change)
    good, rejections = screen(target, batch, DE_LU)
    assert [rejection.rule for rejection in rejections] == [rule]
    assert rejections[0].reason
    assert_frame_equal(rejections[0].rows, batch[row : row + 1])
    assert_frame_equal(good, pl.concat([batch[:row], batch[row + 1 :]]))


def test_good_rows_pass_untouched() -> None:
    for target, batch in (
        ("raw.market_prices", good_prices()),
        ("raw.market_prices", good_prices(15)),
        ("raw.weather_forecasts", good_weather()),
        ("raw.market_prices", good_prices().clear()),
    ):
        good, rejections = screen(table(target), batch, DE_LU)
        assert rejections == []
        assert_frame_equal(good, batch)


def test_price_limits_are_those_of_the_delivery_day() -> None:
    """3 000 until 9 May 2022 and 4 000 from the 10th, by the market's clock."""
    midnight = datetime(2022, 5, 9, 22, tzinfo=UTC)
    batch = prices(hours(midnight - timedelta(hours=1), 2), [3500.0, 3500.0], KNOWN)
    good, rejections = screen(table("raw.market_prices"), batch[::-1], DE_LU)
    assert good["period_start"].to_list() == [midnight]
    assert rejections[0].rows["period_start"].to_list() == [midnight - timedelta(hours=1)]


def test_limits_bind_the_auction_and_not_imbalance_prices() -> None:
    batch = with_row(good_prices(), 0, series="imbalance", price=9000.0)
    assert screen(table("raw.market_prices"), batch, DE_LU)[1] == []


def test_a_repeated_row_is_kept_once_and_a_contradiction_not_at_all() -> None:
    batch = good_prices()
    twice = pl.concat([batch, batch[2:3]])
    good, rejections = screen(table("raw.market_prices"), twice, DE_LU)
    assert_frame_equal(good, batch)
    assert [(r.rule, r.rows.height) for r in rejections] == [("duplicate", 1)]

    contradiction = pl.concat([batch, with_row(batch[2:3], 0, price=99.0)])
    good, rejections = screen(table("raw.market_prices"), contradiction, DE_LU)
    assert_frame_equal(good, pl.concat([batch[:2], batch[3:]]))
    assert [(r.rule, r.rows.height) for r in rejections] == [("conflict", 2)]


def test_a_revision_known_later_is_no_conflict() -> None:
    batch = good_prices()
    later = batch[:1].with_columns(
        price=pl.lit(99.0), knowledge_time=pl.col("knowledge_time") + timedelta(hours=1)
    )
    both = pl.concat([batch, later])
    assert_frame_equal(screen(table("raw.market_prices"), both, DE_LU)[0], both)


def test_the_first_broken_rule_counts() -> None:
    batch = with_row(good_prices(), 1, price=1e6, series="day_ahead", knowledge_basis="rumour")
    _, rejections = screen(table("raw.market_prices"), batch, DE_LU)
    assert [(r.rule, r.rows.height) for r in rejections] == [("price.limits", 1)]


@settings(max_examples=30, deadline=None)
@given(
    values=st.lists(
        st.one_of(
            st.floats(-20_000, 20_000), st.sampled_from([float("nan"), float("inf"), -500.0, None])
        ),
        min_size=1,
        max_size=30,
    )
)
def test_every_row_is_either_kept_or_refused_once(values: list[float | None]) -> None:
    batch = prices(hours(START, len(values)), values, KNOWN)
    good, rejections = screen(table("raw.market_prices"), batch, DE_LU)
    parts = pl.concat([good, *(rejection.rows for rejection in rejections)])
    assert_frame_equal(parts.sort("period_start"), batch)
    assert good["price"].is_between(-500, 4000).all()
    assert good["period_start"].is_sorted()
