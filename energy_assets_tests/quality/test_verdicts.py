from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.reading import Selection
from energy_assets.lakehouse.tables import Table
from energy_assets.market import load_area
from energy_assets.portfolio import Desk
from energy_assets.quality import overall, verdict_frame, verdicts
from energy_assets.quality.verdicts import (
    GOOD,
    MISSING,
    SUSPECT,
    Verdict,
    fuel_scope,
    inputs,
    system_series,
)
from energy_assets_tests.e2e.desks import REFERENCE_DAY as DAY
from energy_assets_tests.e2e.desks import decide, epf_desk, fetch, reference_desk, stamp_of

DESK = reference_desk()
SESSION = load_area(DESK.area).session()
UNITS = {"wind", "solar", "gas_turbine", "load"}


class WithoutRows:
    """A lake that lost the rows for which an expression holds."""

    def __init__(self, lake: Lake, table_id: str, lost: pl.Expr) -> None:
        self.lake, self.table_id, self.lost = lake, table_id, lost

    def revisions(self, table: Table, selection: Selection, before: object) -> pl.DataFrame:
        rows = self.lake.revisions(table, selection, before)
        return rows.filter(~self.lost) if table.id == self.table_id else rows


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("lake"))
    fetch(lake, DESK, Path(), DAY, DAY)
    return lake


def found(lake: Lake, table_id: str = "", lost: pl.Expr | None = None) -> dict[str, Verdict]:
    source = WithoutRows(lake, table_id, pl.lit(value=False) if lost is None else lost)
    known = PointInTime(source, DESK.decision_time(DAY))
    return {verdict.source.name: verdict for verdict in verdicts(known, DESK, DAY)}


def not_good(verdicts_by_name: dict[str, Verdict]) -> dict[str, str]:
    return {name: v.verdict for name, v in verdicts_by_name.items() if v.verdict != GOOD}


def test_everything_is_good_on_a_whole_lake(lake: Lake) -> None:
    whole = found(lake)
    assert not_good(whole) == {}
    assert {verdict.source.feeds for verdict in whole.values()} == {"price", *UNITS}
    assert overall(list(whole.values())) == GOOD


def test_one_missing_price_hour_of_the_last_week_steps_the_price_down(lake: Lake) -> None:
    start = SESSION.delivery_day(DAY - timedelta(days=4)).start
    hour = pl.col("period_start").is_between(start, start + timedelta(minutes=15), closed="left")
    seen = found(lake, "raw.market_prices", hour)
    assert not_good(seen) == {"raw.market_prices:day_ahead": MISSING}
    detail = seen["raw.market_prices:day_ahead"].detail
    assert detail == "expected 168 periods of 60 min, found 167"
    assert overall(list(seen.values()), "price") == MISSING
    assert overall(list(seen.values()), "wind") == GOOD


def test_a_vintage_out_after_the_decision_is_missing(lake: Lake) -> None:
    morning = (pl.col("series") == "wind") & (
        pl.col("knowledge_time") > SESSION.delivery_day(DAY - timedelta(days=1)).start
    )
    seen = found(lake, "raw.system_forecasts", morning)
    assert not_good(seen) == {"raw.system_forecasts:wind": MISSING}
    site = pl.col("site") == "wind"
    assert not_good(found(lake, "raw.weather_forecasts", site)) == {
        "raw.weather_forecasts:wind:wind_speed_100m": MISSING
    }


@pytest.mark.parametrize(("share", "verdict"), [(0.89, MISSING), (0.95, SUSPECT)])
def test_meters_may_lack_a_tenth(lake: Lake, share: float, verdict: str) -> None:
    first = SESSION.delivery_day(DAY - timedelta(days=29)).start
    lost = timedelta(minutes=15) * round((1 - share) * 28 * 96)
    early = (pl.col("unit") == "wind") & pl.col("period_start").is_between(
        first, first + lost, closed="left"
    )
    assert not_good(found(lake, "raw.meter_readings", early)) == {
        "raw.meter_readings:wind": verdict
    }


def test_fuel_prices_may_be_a_week_old(lake: Lake) -> None:
    delivery = SESSION.delivery_day(DAY).start.date()
    recent = pl.col("price_date") > delivery - timedelta(days=5)
    assert not_good(found(lake, "raw.fuel_prices", recent)) == {}
    older = pl.col("price_date") >= delivery - timedelta(days=8)
    seen = found(lake, "raw.fuel_prices", older & (pl.col("product") == "eua"))
    assert not_good(seen) == {"raw.fuel_prices:eua": MISSING}
    assert overall(list(seen.values()), "gas_turbine") == MISSING


def test_prices_of_an_hourly_period_count_whole_on_any_grid(lake: Lake) -> None:
    hourly = WithoutRows(lake, "raw.meter_readings", pl.lit(value=False))
    honest = hourly.revisions

    def hourly_meters(table: Table, selection: Selection, before: object) -> pl.DataFrame:
        rows = honest(table, selection, before)
        if table.id != "raw.meter_readings":
            return rows
        on_the_hour = rows.filter(pl.col("period_start").dt.minute() == 0)
        return on_the_hour.with_columns(resolution_min=pl.lit(60, dtype=pl.Int32))

    hourly.revisions = hourly_meters
    known = PointInTime(hourly, DESK.decision_time(DAY))
    assert {verdict.verdict for verdict in verdicts(known, DESK, DAY)} == {GOOD}


@pytest.mark.parametrize(
    ("day", "last_week_hours", "delivery_hours"),
    [
        (date(2026, 3, 29), 168, 23),
        (date(2026, 3, 30), 167, 24),
        (date(2026, 10, 25), 168, 25),
        (date(2026, 10, 26), 169, 24),
    ],
)
def test_days_with_a_clock_change_are_complete(
    day: date, last_week_hours: int, delivery_hours: int, tmp_path: Path
) -> None:
    windows = {"lear_windows_days": (7,), "qra_window_days": 1}
    desk = reference_desk(units=["battery"], history_days=8, forecast=windows)
    lake = Lake(tmp_path)
    fetch(lake, desk, tmp_path, day, day)
    seen = verdicts(PointInTime(lake, desk.decision_time(day)), desk, day)
    assert {verdict.verdict for verdict in seen} == {GOOD}
    details = {verdict.source.name: verdict.detail for verdict in seen}
    expected = f"expected {last_week_hours} periods of 60 min, found {last_week_hours}"
    assert details["raw.market_prices:day_ahead"] == expected
    expected = f"expected {delivery_hours} periods of 60 min, found {delivery_hours}"
    assert details["raw.system_forecasts:load"] == expected


def test_the_worst_verdict_counts_and_none_is_good() -> None:
    wanted = inputs(DESK, DAY)
    some = [
        Verdict(each, "rule", verdict, "")
        for each, verdict in zip(wanted, (GOOD, SUSPECT, MISSING), strict=False)
    ]
    assert overall(some) == MISSING
    assert overall(some[:2]) == SUSPECT
    assert overall(some[:1]) == GOOD
    assert overall([]) == GOOD
    assert overall(some, "no such forecast") == GOOD


def test_inputs_follow_from_the_desks_feeds_and_units() -> None:
    epf = epf_desk()
    assert system_series(epf) == ["load", "renewables"]
    assert system_series(DESK) == ["load", "solar", "wind"]
    assert [each.name for each in inputs(epf, date(2016, 1, 20))] == [
        "raw.market_prices:day_ahead",
        "raw.system_forecasts:load",
        "raw.system_forecasts:renewables",
    ]
    assert fuel_scope(DESK) == "SIM_DE_LU"
    assert fuel_scope(epf) == "global"


def test_verdicts_are_stored_as_they_were_judged(lake: Lake) -> None:
    judged = list(found(lake).values())
    rows = stamp_of(DESK, DAY).on(verdict_frame(judged), "quality.verdicts")
    assert lake.append("quality.verdicts", rows, scope=DESK.name).rows_written == len(judged)
    assert lake.append("quality.verdicts", rows, scope=DESK.name).rows_written == 0
    stored = lake.read("quality.verdicts", scope=DESK.name)
    assert set(stored["input"]) == {verdict.source.name for verdict in judged}
    assert stored["decision_time"].unique().to_list() == [DESK.decision_time(DAY)]


def test_a_missing_price_input_steps_down_and_still_bids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk: Desk = reference_desk(units=["battery"])
    lake = Lake(tmp_path)
    fetch(lake, desk, tmp_path, DAY, DAY)
    honest = Lake.revisions

    def without_load(self: Lake, table: Table, *asked: object) -> pl.DataFrame:
        rows = honest(self, table, *asked)
        is_forecast = table.id == "raw.system_forecasts"
        return rows.filter(pl.col("series") != "load") if is_forecast else rows

    monkeypatch.setattr(Lake, "revisions", without_load)
    made = decide(lake, desk, DAY)
    assert overall(made.verdicts, "price") == MISSING
    assert made.forecast.forecast.rung == "climatology"
    assert made.bids.solution.rung.value == "stochastic"
    assert len(made.bids.orders.curves) == 96
    assert lake.read("bids.bid_runs")["rung"].sort().to_list() == [
        "price_independent",
        "stochastic",
    ]
