"""The steps after the decision on a lake: order file, results, settlement, and their re-runs."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from energy_assets.bidding.records import start_states
from energy_assets.bidding.runs import run_bids, run_last_rung
from energy_assets.errors import InputError
from energy_assets.forecasting.day_ahead import Scenarios
from energy_assets.forecasting.records import scenario_rows
from energy_assets.forecasting.targets import PRICE
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.trading import profit_cents, totals_cents
from energy_assets.trading.runs import run_order_file, run_results, run_settlement
from energy_assets_tests.bidding.known_rows import (
    AUTUMN,
    DAY,
    SPRING,
    add,
    add_readings,
    add_series,
    day_of,
    desk_of,
    lake_at,
)

DESK = desk_of("wind", "load", "battery", price_points=4)
WIND, LOAD = 20.0, 8.0


def stamp_of(label=DAY, run_id="run"):
    return RunStamp("day_ahead", label, DESK.decision_time(label), run_id, "replay")


def price_path(label):
    count = day_of(label).mtu_count
    return 60 + 40 * np.sin((np.arange(count) / count * 24 - 6) / 24 * 4 * np.pi)


def decided(lake, label=DAY):
    """A decided day: scenarios, both rungs."""
    day, stamp, path = day_of(label), stamp_of(label), price_path(label)
    flat = np.ones((2, day.mtu_count))
    paths = {
        PRICE: np.stack([path - 5, path + 5]),
        "wind": WIND * flat,
        "load": LOAD * flat,
        "imbalance_spread": 0 * flat,
    }
    frame = scenario_rows(Scenarios(day, np.array([0.5, 0.5]), paths))
    rows = stamp.on(frame, "forecasts.scenarios")
    lake.append("forecasts.scenarios", rows, scope=DESK.name)
    run_last_rung(lake, DESK, stamp)
    run_bids(lake, DESK, stamp)
    return stamp


def outcome(lake, label=DAY, *, wind=WIND, load=LOAD, imbalance=0.0):
    """What came true: prices as expected, imbalance prices above them, meters."""
    day, path = day_of(label), price_path(label)
    published = day.start - timedelta(hours=10)
    add_series(lake, DESK.area, day, "day_ahead", path.tolist(), published)
    add_series(lake, DESK.area, day, "imbalance", (path + imbalance).tolist(), day.end)
    add_readings(lake, DESK, day, "wind", [wind] * day.mtu_count, 15)
    add_readings(lake, DESK, day, "load", [-load] * day.mtu_count, 15)
    return day.end + timedelta(days=2)


@pytest.fixture
def lake(tmp_path):
    return lake_at(tmp_path / "lake")


@pytest.mark.parametrize("label", [SPRING, DAY, AUTUMN])
def test_a_day_is_awarded_scheduled_and_settled(lake, label):
    stamp, at = decided(lake, label), outcome(lake, label)
    day = day_of(label)
    results = run_results(lake, DESK, stamp, at)
    assert results.awards.height == day.mtu_count
    schedules = lake.read("bids.unit_schedules", scope=DESK.name)
    assert schedules.height == 3 * day.mtu_count
    cash = run_settlement(lake, DESK, stamp, at)
    by_hand = (results.awards["volume_mw"] * results.awards["price"]).to_numpy() / 4
    assert totals_cents(cash)["day_ahead"] == sum(round(100 * value) for value in by_hand)
    stored = lake.read("trading.settlement", scope=DESK.name)
    assert profit_cents(stored) == profit_cents(cash)


def test_a_deviation_settles_at_the_imbalance_price_of_the_area(lake):
    stamp = decided(lake)
    at = outcome(lake, wind=WIND + 4, imbalance=10.0)
    run_results(lake, DESK, stamp, at)
    cash = run_settlement(lake, DESK, stamp, at)
    imbalance = cash.filter(pl.col("component") == "imbalance").sort("period_start")
    # The store follows the award to the volume tick; the wind's surplus is imbalance.
    np.testing.assert_allclose(imbalance["volume_mwh"], 1.0, atol=0.02)
    np.testing.assert_allclose(imbalance["price"], price_path(DAY) + 10)


def test_every_step_again_writes_nothing(lake, tmp_path):
    stamp, at = decided(lake), outcome(lake)
    assert run_results(lake, DESK, stamp, at).rows_written > 0
    first = run_settlement(lake, DESK, stamp, at)
    tables = ("trading.awards", "bids.unit_schedules", "trading.settlement", "raw.meter_readings")
    versions = [lake.version(name) for name in tables]
    again = stamp_of(run_id="again")
    assert run_results(lake, DESK, again, at).rows_written == 0
    assert run_settlement(lake, DESK, again, at).equals(first)
    assert [lake.version(name) for name in tables] == versions
    drop = run_order_file(lake, DESK, stamp, tmp_path / "orders")
    text = drop.json.read_bytes()
    assert run_order_file(lake, DESK, again, tmp_path / "orders").json.read_bytes() == text


def test_a_meter_revision_is_settled_anew_and_the_first_statement_kept(lake):
    stamp, at = decided(lake), outcome(lake)
    run_results(lake, DESK, stamp, at)
    before = run_settlement(lake, DESK, stamp, at)
    day, count = day_of(DAY), 96
    add(
        lake,
        "raw.meter_readings",
        DESK.name,
        at + timedelta(days=7),
        unit=["wind"] * count,
        period_start=day.starts,
        resolution_min=[15] * count,
        energy_mwh=[WIND / 4 + 0.1] * count,
    )
    assert run_settlement(lake, DESK, stamp, at).equals(before)
    after = run_settlement(lake, DESK, stamp, at + timedelta(days=8))
    assert totals_cents(after)["imbalance"] > totals_cents(before)["imbalance"]
    kept = lake.read("trading.settlement", scope=DESK.name, latest_revision=False)
    assert sorted(kept["revision"].unique().to_list()) == [1, 2]


def test_the_next_day_starts_where_the_schedule_ends(lake):
    stamp, at = decided(lake), outcome(lake)
    run_results(lake, DESK, stamp, at)
    states = start_states(
        lake, DESK, day_of(DAY + timedelta(days=1)), "replay", datetime(2026, 12, 1, tzinfo=UTC)
    )
    assert states["battery"].energy_mwh == pytest.approx(DESK.unit("battery").end_energy_mwh)


def test_a_price_corrected_after_the_next_decision_moves_no_schedule(lake):
    stamp, at = decided(lake), outcome(lake)
    run_results(lake, DESK, stamp, at)
    corrected = DESK.decision_time(DAY + timedelta(days=1)) + timedelta(seconds=1)
    twisted = (price_path(DAY)[::-1] - 50).tolist()
    add_series(lake, DESK.area, day_of(DAY), "day_ahead", twisted, corrected)
    assert run_results(lake, DESK, stamp, at).rows_written == 0


def test_a_day_bid_by_the_last_rung_alone_still_has_results_and_settlement(lake):
    """The forecast failed: there are no scenarios, units are scheduled for recent output."""
    before = day_of(DAY - timedelta(days=2))
    add_readings(lake, DESK, before, "wind", [WIND] * 96, 15)
    add_readings(lake, DESK, before, "load", [-LOAD] * 96, 15)
    stamp = stamp_of()
    run_last_rung(lake, DESK, stamp)
    at = outcome(lake)
    results = run_results(lake, DESK, stamp, at)
    np.testing.assert_allclose(results.awards["volume_mw"], WIND - LOAD)
    cash = run_settlement(lake, DESK, stamp, at)
    assert totals_cents(cash)["imbalance"] == 0


def test_steps_say_what_is_missing(lake):
    stamp = decided(lake)
    at = day_of(DAY).end + timedelta(days=2)
    with pytest.raises(InputError, match="run the results job first"):
        run_settlement(lake, DESK, stamp, at)
    with pytest.raises(InputError, match="SIM_DE_LU day_ahead price"):
        run_results(lake, DESK, stamp, at)


def test_prices_and_meters_count_once_they_are_known(lake):
    stamp = decided(lake)
    outcome(lake)
    day = day_of(DAY)
    with pytest.raises(InputError, match="price"):
        run_results(lake, DESK, stamp, day.start - timedelta(hours=11))
    run_results(lake, DESK, stamp, day.start)
    with pytest.raises(InputError, match=r"raw.meter_readings of reference: wind on 2026-02-12"):
        run_settlement(lake, DESK, stamp, day.end - timedelta(hours=1))
