from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from energy_assets.bidding.runs import orders_in_force, run_bids, run_last_rung
from energy_assets.forecasting.runs import run_forecast, run_verdicts
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.reading import Selection
from energy_assets.lakehouse.tables import Table, table
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
    unusable,
)
from energy_assets_tests.e2e.desks import REFERENCE_DAY as DAY
from energy_assets_tests.e2e.desks import decide, epf_desk, fetch, reference_desk, stamp_of
from energy_assets_tests.lakehouse.frames import frame

DESK = reference_desk()
SESSION = load_area(DESK.area).session()
UNITS = {"wind", "solar", "gas_turbine", "load"}
TABLES_READ = (
    "raw.market_prices",
    "raw.system_forecasts",
    "raw.meter_readings",
    "raw.weather_forecasts",
)


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


def found(lake: Lake, table_id: str = "", lost: pl.Expr | None = None) -> list[Verdict]:
    source = WithoutRows(lake, table_id, pl.lit(value=False) if lost is None else lost)
    known = PointInTime(source, DESK.decision_time(DAY))
    return verdicts(known, DESK, DAY)


def by_rule(judged: list[Verdict]) -> dict[str, Verdict]:
    return {f"{verdict.source.name} {verdict.rule}": verdict for verdict in judged}


def not_good(judged: list[Verdict]) -> dict[str, str]:
    return {name: v.verdict for name, v in by_rule(judged).items() if v.verdict != GOOD}


def test_everything_is_good_on_a_whole_lake(lake: Lake) -> None:
    whole = found(lake)
    assert not_good(whole) == {}
    assert {verdict.source.feeds for verdict in whole} == {"price", *UNITS}
    assert overall(whole) == GOOD
    rules = {name: {v.rule for v in whole if v.source.table == name} for name in TABLES_READ}
    assert all(found == {"freshness", "completeness", "plausibility"} for found in rules.values())
    assert {v.rule for v in whole if v.source.table == "raw.fuel_prices"} == {
        "freshness",
        "plausibility",
    }


def test_one_missing_price_hour_of_the_last_week_steps_the_price_down(lake: Lake) -> None:
    start = SESSION.delivery_day(DAY - timedelta(days=4)).start
    hour = pl.col("period_start").is_between(start, start + timedelta(minutes=15), closed="left")
    seen = found(lake, "raw.market_prices", hour)
    assert not_good(seen) == {"raw.market_prices:day_ahead completeness": MISSING}
    reason = unusable(seen, "price")
    assert reason.endswith("completeness: expected 168 periods of 60 min, found 167")
    assert overall(seen, "price") == MISSING
    assert overall(seen, "wind") == GOOD
    assert unusable(seen, "wind") == ""


def test_a_vintage_out_after_the_decision_is_missing(lake: Lake) -> None:
    morning = (pl.col("series") == "wind") & (
        pl.col("knowledge_time") > SESSION.delivery_day(DAY - timedelta(days=1)).start
    )
    seen = found(lake, "raw.system_forecasts", morning)
    assert not_good(seen) == {
        "raw.system_forecasts:wind freshness": MISSING,
        "raw.system_forecasts:wind completeness": MISSING,
    }
    site = pl.col("site") == "wind"
    assert not_good(found(lake, "raw.weather_forecasts", site)) == {
        "raw.weather_forecasts:wind:wind_speed_100m freshness": MISSING,
        "raw.weather_forecasts:wind:wind_speed_100m completeness": MISSING,
    }


@pytest.mark.parametrize(("share", "verdict"), [(0.49, MISSING), (0.55, SUSPECT)])
def test_meters_may_lack_half(lake: Lake, share: float, verdict: str) -> None:
    first = SESSION.delivery_day(DAY - timedelta(days=29)).start
    lost = timedelta(minutes=15) * round((1 - share) * 28 * 96)
    early = (pl.col("unit") == "wind") & pl.col("period_start").is_between(
        first, first + lost, closed="left"
    )
    assert not_good(found(lake, "raw.meter_readings", early)) == {
        "raw.meter_readings:wind completeness": verdict
    }


@pytest.mark.parametrize(
    ("share_of_age", "verdict"), [(0.9, GOOD), (0.97, SUSPECT), (1.03, MISSING)]
)
def test_news_older_than_the_registry_allows_is_missing_and_close_to_it_suspect(
    lake: Lake, share_of_age: float, verdict: str
) -> None:
    max_age = table("raw.fuel_prices").service.freshness
    honest = WithoutRows(lake, "", pl.lit(value=False))
    decided = DESK.decision_time(DAY)

    class Aged:
        def revisions(self, wanted: Table, *asked: object) -> pl.DataFrame:
            rows = honest.revisions(wanted, *asked)
            if wanted.id != "raw.fuel_prices":
                return rows
            return rows.with_columns(knowledge_time=decided - max_age * share_of_age)

    seen = verdicts(PointInTime(Aged(), decided), DESK, DAY)
    products = {"raw.fuel_prices:gas_hhv freshness", "raw.fuel_prices:eua freshness"}
    expected = {} if verdict == GOOD else dict.fromkeys(products, verdict)
    assert not_good(seen) == expected
    assert overall(seen, "gas_turbine") == verdict
    assert overall(seen, "wind") == GOOD


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
    windows = {"qra_window_days": 1, "fold_days": 0, "longest_retrain_days": 1}
    desk = reference_desk(units=["battery"], history_days=8, forecast=windows)
    lake = Lake(tmp_path)
    fetch(lake, desk, tmp_path, day, day)
    # About the calendar: what is judged of single points shows elsewhere.
    unjudged = WithoutRows(lake, "quality.point_verdicts", pl.lit(value=True))
    seen = verdicts(PointInTime(unjudged, desk.decision_time(day)), desk, day)
    assert {verdict.verdict for verdict in seen} == {GOOD}
    details = {name: verdict.detail for name, verdict in by_rule(seen).items()}
    expected = f"expected {last_week_hours} periods of 60 min, found {last_week_hours}"
    assert details["raw.market_prices:day_ahead completeness"] == expected
    expected = f"expected {delivery_hours} periods of 60 min, found {delivery_hours}"
    assert details["raw.system_forecasts:load completeness"] == expected


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
    assert system_series(epf, date(2016, 1, 20)) == ["load", "renewables"]
    assert system_series(DESK, DAY) == ["load", "solar", "wind"]
    assert [each.name for each in inputs(epf, date(2016, 1, 20))] == [
        "raw.market_prices:day_ahead",
        "raw.system_forecasts:load",
        "raw.system_forecasts:renewables",
    ]
    assert fuel_scope(DESK) == "SIM_DE_LU"
    assert fuel_scope(epf) == "global"


def test_verdicts_are_stored_as_they_were_judged(lake: Lake) -> None:
    judged = found(lake)
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
    assert made.forecast.forecast.rung == "day_type"
    assert made.bids.solution.rung.value == "stochastic"
    assert len(made.bids.orders.curves) == 96
    assert lake.read("bids.bid_runs")["rung"].sort().to_list() == [
        "price_independent",
        "stochastic",
    ]


def test_a_stale_weather_vintage_steps_its_unit_down_and_the_desk_still_bids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk: Desk = reference_desk(units=["battery", "wind"])
    lake = Lake(tmp_path)
    fetch(lake, desk, tmp_path, DAY, DAY)
    decided = desk.decision_time(DAY)
    level = table("raw.weather_forecasts").service.freshness
    honest = Lake.revisions

    def stale(self: Lake, wanted: Table, *asked: object) -> pl.DataFrame:
        rows = honest(self, wanted, *asked)
        if wanted.id != "raw.weather_forecasts":
            return rows
        # The run of the morning never came; that of the days before covers every hour.
        old = pl.min_horizontal("knowledge_time", pl.lit(decided - level - timedelta(minutes=1)))
        return rows.with_columns(knowledge_time=old)

    monkeypatch.setattr(Lake, "revisions", stale)
    stamp = stamp_of(desk, DAY)
    judged = run_verdicts(lake, desk, stamp)
    assert not_good(judged) == {"raw.weather_forecasts:wind:wind_speed_100m freshness": MISSING}
    run_last_rung(lake, desk, stamp)
    made = run_forecast(lake, desk, stamp).forecast
    assert made.rung == "ensemble"
    assert made.targets["wind"].model == "day_type"
    assert re.search(r"wind: raw\.weather_forecasts.*within 26\.0 h.*26\.0 h old", made.note)
    run_bids(lake, desk, stamp)
    orders, rung = orders_in_force(lake, desk, stamp)
    assert rung == "stochastic"
    assert len(orders.curves) == 96


def test_doubtful_points_of_an_input_make_it_suspect_once_they_are_known(tmp_path: Path) -> None:
    desk = reference_desk(units=["battery"])
    lake = Lake(tmp_path)
    fetch(lake, desk, tmp_path, DAY, DAY)
    decided = desk.decision_time(DAY)
    start = SESSION.delivery_day(DAY).start
    points = [
        # Series, hours after the day's start, when judged, verdict.
        ("series=load", 1, decided - timedelta(hours=1), "suspect"),
        (
            "series=load,issue_time=2026-02-11T05:00:00Z",
            2,
            decided - timedelta(hours=1),
            "quarantined",
        ),
        ("series=load", 3, decided + timedelta(hours=1), "suspect"),
        ("series=load", 30, decided - timedelta(hours=1), "suspect"),
        ("series=load_peak", 1, decided - timedelta(hours=1), "suspect"),
        ("series=wind", 1, decided - timedelta(hours=1), "good"),
    ]
    rows = frame(
        "quality.point_verdicts",
        {
            "table": ["raw.system_forecasts"] * len(points),
            "series": [point[0] for point in points],
            "row_source": ["other"] * len(points),
            "point_time": [start + timedelta(hours=point[1]) for point in points],
            "rule": ["frozen"] * len(points),
            "verdict": [point[3] for point in points],
            "raw_value": [1.0] * len(points),
            "detail": [""] * len(points),
            "source": ["quality"] * len(points),
            "knowledge_time": [point[2] for point in points],
            "knowledge_basis": ["observed"] * len(points),
        },
    )
    lake.append_if_changed("quality.point_verdicts", rows, scope=desk.area)
    seen = verdicts(PointInTime(lake, decided), desk, DAY)
    assert not_good(seen) == {"raw.system_forecasts:load plausibility": SUSPECT}
    detail = by_rule(seen)["raw.system_forecasts:load plausibility"].detail
    assert detail == "expected no doubtful point, found 2, 1 of them quarantined (rules: frozen)"


@pytest.mark.parametrize(("lead_minutes", "known"), [(60, ["load"]), (0, ["load"]), (150, [])])
def test_system_forecasts_published_after_the_decision_are_no_input(
    lead_minutes: int, known: list[str]
) -> None:
    # Load is out by 10:00, wind and solar by 18:00 of the day before; the gate is at noon.
    desk = real_desk([{"source": "entsoe"}], lead_time_minutes=lead_minutes)
    assert system_series(desk, DAY) == known
    wanted = [each.name for each in inputs(desk, DAY) if each.table == "raw.system_forecasts"]
    assert wanted == [f"raw.system_forecasts:{name}" for name in known]


def test_a_desk_that_decides_late_reads_wind_and_sun_and_one_that_fetches_none_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evening = SESSION.delivery_day(DAY).start - timedelta(hours=5)
    monkeypatch.setattr(Desk, "decision_time", lambda *_: evening)
    assert system_series(real_desk([{"source": "entsoe"}]), DAY) == ["load", "solar", "wind"]
    prices_only = {"source": "entsoe", "series": ["day_ahead_prices"]}
    assert system_series(real_desk([prices_only]), DAY) == []


def test_mapped_files_bring_the_system_forecasts_their_desk_names() -> None:
    feed = {"source": "mapped_files", "mapping": "m.yaml", "forecasts": ["load", "residual_load"]}
    assert system_series(real_desk([feed]), DAY) == ["load", "residual_load"]


def test_every_weather_site_of_a_unit_is_an_input() -> None:
    sites = [
        {"name": "coast", "latitude": 54, "longitude": 9, "weight": 3},
        {"name": "inland", "latitude": 52, "longitude": 12, "weight": 1},
    ]
    feed = {"source": "open_meteo", "sites": {"wind": sites}}
    wanted = inputs(real_desk([feed]), DAY)
    assert [each.name for each in wanted if each.table == "raw.weather_forecasts"] == [
        "raw.weather_forecasts:coast:wind_speed_100m",
        "raw.weather_forecasts:inland:wind_speed_100m",
    ]
    assert {each.series for each in wanted if each.table == "raw.weather_forecasts"} == {
        "site=coast,variable=wind_speed_100m",
        "site=inland,variable=wind_speed_100m",
    }


def real_desk(feeds: list[dict[str, object]], **changes: object) -> Desk:
    return reference_desk(["battery", "wind"], area="DE_LU", feeds=feeds, **changes)
