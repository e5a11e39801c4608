"""Days that are not 24 hours of 60 minutes, from raw feed to settled value."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from energy_assets.market import load_area
from energy_assets.trading.order_drop import verify_drop
from energy_assets_tests.defs.chain import LATER, Chain, failures
from energy_assets_tests.e2e.desks import reference_desk

# Delivery day: hours, minutes of an MTU.
DAYS = {
    date(2025, 9, 30): (24, 60),
    date(2025, 10, 1): (24, 15),
    date(2026, 3, 29): (23, 15),
    date(2026, 10, 25): (25, 15),
}
# The last and first day of each side of the switch to quarter-hours share one history.
SHARED = {date(2025, 10, 1): date(2025, 9, 30)}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("calendar")


@pytest.fixture(scope="module", params=list(DAYS), ids=str)
def settled(request: pytest.FixtureRequest, root: Path) -> tuple[Chain, date]:
    """The day decided, awarded and settled on the light desk of every unit type."""
    day = request.param
    chain = Chain(
        root / str(SHARED.get(day, day)),
        reference_desk(
            forecast={
                "members": {"price": ("lear_21",), "wind": ("analogues",), "solar": ("analogues",)},
                "qra_window_days": 28,
                "fold_days": 0,
                "longest_retrain_days": 1,
            },
            scenarios={"count": 6, "reduced_count": 2},
            price_points=4,
        ),
    )
    chain.clock.now = max(LATER, chain.desk.decision_time(day) + timedelta(days=60))
    chain.fetch(day)
    for job in ("day_ahead", "results", "settlement"):
        result = chain.run(job, day)
        assert result.success, failures(result)
    return chain, day


def test_every_mtu_of_the_day_is_bid_awarded_and_settled_once(settled):
    chain, day = settled
    hours, minutes = DAYS[day]
    delivery = load_area(chain.desk.area).session().delivery_day(day)
    mtus = hours * 60 // minutes
    assert (delivery.mtu_count, delivery.mtu_minutes) == (mtus, minutes)

    sha, rung = chain.orders(day)
    assert rung == "stochastic"
    (drop,) = [
        path
        for path in chain.settings.orders.glob("*.sha256")
        if f".{day}." in path.name and sha[:16] in path.name
    ]
    curves = verify_drop(drop).curves
    assert [curve.start for curve in curves] == list(delivery.starts)
    assert {curve.minutes for curve in curves} == {minutes}

    for table, column in (("trading.awards", None), ("bids.unit_schedules", "unit")):
        rows = chain.lake.read(table, where={"delivery_day": day})
        groups = rows.partition_by(column) if column else [rows]
        for group in groups:
            assert group["period_start"].to_list() == list(delivery.starts), table

    cash = chain.lake.read("trading.settlement", where={"delivery_day": day})
    traded = cash.filter(pl.col("component") == "day_ahead")
    assert traded["period_start"].sort().to_list() == list(delivery.starts)


def test_cash_of_the_award_is_energy_times_price_in_hours_of_the_mtu(settled):
    chain, day = settled
    awards = chain.lake.read("trading.awards", where={"delivery_day": day})
    energy = awards["volume_mw"] * awards["resolution_min"] / 60
    expected = (energy * awards["price"] * 100).sum()
    cash = chain.lake.read("trading.settlement", where={"delivery_day": day})
    traded = cash.filter(pl.col("component") == "day_ahead")["cash_cents"].sum()
    # Each MTU is rounded to a cent.
    assert abs(traded - expected) <= 0.5 * len(awards)


def test_the_stored_forecast_covers_the_day_and_is_scored(settled):
    chain, day = settled
    delivery = load_area(chain.desk.area).session().delivery_day(day)
    rows = chain.lake.read("forecasts.quantiles", where={"delivery_day": day}).filter(
        pl.col("target") == "price"
    )
    full = rows.group_by("model").len().filter(pl.col("len") == 99 * delivery.mtu_count)
    assert full.height == 1
    scores = chain.lake.read("forecasts.scores", where={"delivery_day": day})
    assert {"price", "wind", "solar", "load"} <= set(scores["target"])


def test_the_report_of_the_settled_day_is_one_page_on_its_own(settled):
    chain, day = settled
    path = chain.settings.reports / f"reference_light.day_ahead.{day}.replay.html"
    text = path.read_text(encoding="utf-8")
    assert day.isoformat() in text
    assert "<script src=" not in text
