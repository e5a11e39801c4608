from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from energy_assets.feeds.interface import Window, known
from energy_assets.lakehouse import PointInTime
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.tables import Table, table
from energy_assets.portfolio import BatteryUnit, Desk
from energy_assets.quality import admission, admit
from energy_assets.quality.judging import judge
from energy_assets_tests.e2e.desks import reference_desk
from energy_assets_tests.lakehouse.frames import SteppingClock, frame
from energy_assets_tests.quality.signals import load as made_up_load

AREA = "SIM_DE_LU"
# Over both clock changes of the year: the grid is UTC, no hour is lost or doubled on it.
START = datetime(2025, 2, 1, tzinfo=UTC)
LATE = datetime(2030, 1, 1, tzinfo=UTC)
ACTUALS, FORECASTS, POINTS = "raw.system_actuals", "raw.system_forecasts", "quality.point_verdicts"
HOUR = timedelta(hours=1)


@dataclass
class Rows:
    """A feed that serves a frame."""

    table: Table
    rows: pl.DataFrame
    scope: str = AREA
    source: str = "operator"
    name: str = "rows"
    selection: dict[str, str] = field(default_factory=dict)

    def fetch(self, window: Window, as_of: datetime) -> pl.DataFrame:
        return known(self.table, self.rows, window, as_of)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path, clock=SteppingClock(datetime(2026, 1, 1, tzinfo=UTC)))


def rows_of(
    values: np.ndarray, *, minutes: int = 60, source: str = "operator", delay: timedelta = HOUR
) -> pl.DataFrame:
    """Measured load from START on, each value known a while after its period."""
    count = values.size
    starts = [START + timedelta(minutes=minutes * i) for i in range(count)]
    return frame(
        ACTUALS,
        {
            "series": ["load"] * count,
            "period_start": starts,
            "resolution_min": [minutes] * count,
            "value_mw": values.ravel().tolist(),
            "source": [source] * count,
            "knowledge_time": [each + timedelta(minutes=minutes) + delay for each in starts],
            "knowledge_basis": ["published"] * count,
        },
    )


def forecast_of(values: np.ndarray) -> pl.DataFrame:
    """Its day-ahead forecast, out the day before at 10:00."""
    count = values.size
    starts = [START + HOUR * i for i in range(count)]
    issued = [each.replace(hour=10) - timedelta(days=1) for each in starts]
    return frame(
        FORECASTS,
        {
            "series": ["load"] * count,
            "issue_time": issued,
            "period_start": starts,
            "resolution_min": [60] * count,
            "value_mw": values.ravel().tolist(),
            "source": ["operator"] * count,
            "knowledge_time": issued,
            "knowledge_basis": ["published"] * count,
        },
    )


def admitted(lake: Lake, rows: pl.DataFrame, days: Sequence[int], table_id: str = ACTUALS) -> int:
    """Admit from the first to before the last of some days after START; verdicts written."""
    feed = Rows(table(table_id), rows)
    written = 0
    for first, last in itertools.pairwise(days):
        window = Window(START + timedelta(days=first), START + timedelta(days=last))
        written += admit(lake, feed, window, LATE, area=None).judged
    return written


TRUTH = made_up_load(130)


def world(days: int = 130) -> tuple[np.ndarray, np.ndarray]:
    """A load with a spike, a frozen spell and a bias, and its forecast."""
    assert TRUTH.expected is not None
    values = TRUTH.values.copy()
    values[60, 5] *= 1.5
    values[80, 2:12] = values[80, 2]
    values[100:110] *= 1.12
    return values[:days], np.round(TRUTH.expected[:days], 1)


def verdicts(lake: Lake) -> pl.DataFrame:
    return lake.read(POINTS).sort("table", "series", "point_time")


def days_of(frame: pl.DataFrame) -> set[int]:
    return {(each.date() - START.date()).days for each in frame["point_time"]}


def test_bad_points_get_a_verdict_and_raw_rows_stay(lake: Lake) -> None:
    values, expected = world()
    admitted(lake, forecast_of(expected), (0, 130), FORECASTS)
    admitted(lake, rows_of(values), (0, 130))
    found = verdicts(lake)
    assert {"residual", "frozen", "level_shift"} <= set(found["rule"])
    assert {60, 80, *range(100, 110)} <= days_of(found)
    assert days_of(found) <= {60, 80, *range(92, 130)}
    spike = found.filter(pl.col("rule") == "residual").row(0, named=True)
    assert spike["series"] == "series=load"
    assert spike["row_source"] == "operator"
    assert spike["point_time"] == START + timedelta(days=60, hours=5)
    assert spike["raw_value"] == values[60, 5]
    assert "expected within" in spike["detail"]
    assert lake.read(ACTUALS).height == values.size


def test_decisions_read_good_points_only_once_the_verdict_is_known(lake: Lake) -> None:
    values, expected = world(70)
    admitted(lake, forecast_of(expected), (0, 70), FORECASTS)
    admitted(lake, rows_of(values), (0, 70))
    spike = START + timedelta(days=60, hours=5)
    (judged_at,) = verdicts(lake).filter(pl.col("point_time") == spike)["knowledge_time"]
    seen = spike + 2 * HOUR
    assert seen < judged_at <= spike + 6 * HOUR
    window = {"start": spike, "end": spike + HOUR, "scope": AREA}
    before = lake.as_of(ACTUALS, judged_at - timedelta(seconds=1), **window)
    assert before["value_mw"].to_list() == [values[60, 5]]
    assert lake.as_of(ACTUALS, judged_at, **window).is_empty()
    assert lake.read(ACTUALS, **window).height == 1
    # What was read is on the record: the hash knows that the row is missing.
    hashes = set()
    for at in (judged_at - timedelta(seconds=1), judged_at):
        reader = PointInTime(lake, at)
        reader.as_of(ACTUALS, scope=AREA, start=START, end=spike + HOUR)
        hashes.add(reader.input_hash())
    assert len(hashes) == 2


def test_every_way_of_reading_leaves_the_same_points_out(lake: Lake) -> None:
    values, expected = world(90)
    admitted(lake, forecast_of(expected), (0, 90), FORECASTS)
    admitted(lake, rows_of(values), (0, 90))
    wide = PointInTime(lake, LATE)
    wide.preload(ACTUALS, scope=AREA)
    for hours in range(24 * 58, 24 * 90, 31):
        at = START + HOUR * hours
        window = {"start": at - timedelta(days=9), "end": at}
        rows = wide.for_decision(at).as_of(ACTUALS, scope=AREA, **window)
        assert_frame_equal(rows, lake.as_of(ACTUALS, at, scope=AREA, **window))
    assert wide.as_of(ACTUALS, scope=AREA).height == values.size - verdicts(lake).height


def test_a_past_runs_inputs_do_not_see_verdicts_written_since(lake: Lake) -> None:
    values, expected = world(70)
    admitted(lake, forecast_of(expected), (0, 70), FORECASTS)
    lake.append_if_changed(ACTUALS, rows_of(values), scope=AREA)
    between = lake.clock()
    window = Window(START, START + timedelta(days=70))
    done = judge(lake, table(ACTUALS), AREA, window, START)
    assert done.written > 0
    assert lake.as_of(ACTUALS, LATE, scope=AREA, ingested_before=between).height == values.size
    assert lake.as_of(ACTUALS, LATE, scope=AREA).height == values.size - done.written


def test_the_other_sources_row_stays(lake: Lake) -> None:
    values, expected = world(70)
    admitted(lake, forecast_of(expected), (0, 70), FORECASTS)
    good = TRUTH.values[:70]
    both = pl.concat([rows_of(values), rows_of(good, source="exchange")])
    admitted(lake, both, (0, 70))
    spike = START + timedelta(days=60, hours=5)
    rows = lake.as_of(ACTUALS, LATE, scope=AREA, start=spike, end=spike + HOUR)
    assert rows.select("source", "value_mw").rows() == [("exchange", good[60, 5])]


def test_judging_again_adds_nothing(lake: Lake) -> None:
    values, expected = world()
    admitted(lake, forecast_of(expected), (0, 130), FORECASTS)
    admitted(lake, rows_of(values), (0, 130))
    before = verdicts(lake)
    window = Window(START + timedelta(days=50), START + timedelta(days=130))
    assert judge(lake, table(ACTUALS), AREA, window, START).written == 0
    assert_frame_equal(verdicts(lake), before)


def test_day_by_day_and_all_at_once_agree_on_what_was_known_when(
    lake: Lake, tmp_path: Path
) -> None:
    values, expected = world()
    live = Lake(tmp_path / "live", clock=lake.clock)
    for one, steps in (
        (lake, (0, 130)),
        (live, (0, 58, 60, 61, 62, 80, 81, 99, *range(102, 111), 124, 130)),
    ):
        admitted(one, forecast_of(expected), (0, 130), FORECASTS)
        admitted(one, rows_of(values), steps)
    for day in (61, 62, 81, 103, 105, 108, 110, 130):
        at = START + timedelta(days=day, hours=9)
        seen = [each.as_of(ACTUALS, at, scope=AREA).drop("ingested_at") for each in (lake, live)]
        assert_frame_equal(*seen)


def test_verdicts_known_at_a_time_do_not_depend_on_what_came_later(
    lake: Lake, tmp_path: Path
) -> None:
    values, expected = world()
    at = START + timedelta(days=104, hours=9)
    other = values.copy()
    later = [each > at for each in rows_of(values)["knowledge_time"]]
    other.ravel()[later] = 1.0
    another = Lake(tmp_path / "another", clock=lake.clock)
    for one, measured in ((lake, values), (another, other)):
        admitted(one, forecast_of(expected), (0, 130), FORECASTS)
        admitted(one, rows_of(measured), (0, 130))
    known_then = [
        verdicts(one).filter(pl.col("knowledge_time") <= at).drop("ingested_at")
        for one in (lake, another)
    ]
    assert known_then[0].height > 24
    assert_frame_equal(*known_then)


def test_a_corrected_value_counts_at_once_and_clears_the_point(lake: Lake) -> None:
    values, expected = world(70)
    admitted(lake, forecast_of(expected), (0, 70), FORECASTS)
    rows = rows_of(values)
    admitted(lake, rows, (0, 70))
    spike = START + timedelta(days=60, hours=5)
    right = TRUTH.values[:70][60, 5]
    moment = START + timedelta(days=69, hours=20)
    correction = rows.filter(pl.col("period_start") == spike).with_columns(
        value_mw=pl.lit(right), knowledge_time=pl.lit(moment, dtype=rows["knowledge_time"].dtype)
    )
    assert admitted(lake, pl.concat([rows, correction]), (56, 70)) == 1
    verdict = verdicts(lake).filter(pl.col("point_time") == spike).row(0, named=True)
    assert (verdict["verdict"], verdict["revision"], verdict["raw_value"]) == ("good", 2, right)
    assert verdict["knowledge_time"] >= moment
    window = {"start": spike, "end": spike + HOUR, "scope": AREA}
    assert lake.as_of(ACTUALS, moment - HOUR, **window).is_empty()
    assert lake.as_of(ACTUALS, moment, **window)["value_mw"].to_list() == [right]


def test_history_with_corrections_is_judged_as_it_was_first_told(lake: Lake) -> None:
    values, expected = world(70)
    rows = rows_of(values)
    spike = START + timedelta(days=60, hours=5)
    moment = START + timedelta(days=68)
    correction = rows.filter(pl.col("period_start") == spike).with_columns(
        value_mw=pl.lit(TRUTH.values[:70][60, 5]),
        knowledge_time=pl.lit(moment, dtype=rows["knowledge_time"].dtype),
    )
    admitted(lake, forecast_of(expected), (0, 70), FORECASTS)
    admitted(lake, pl.concat([rows, correction]), (0, 70))
    window = {"start": spike, "end": spike + HOUR, "scope": AREA}
    assert lake.as_of(ACTUALS, moment - HOUR, **window).is_empty()
    assert lake.as_of(ACTUALS, moment, **window).height == 1


def test_what_a_run_could_not_judge_is_judged_by_the_next(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    values, expected = world(70)
    admitted(lake, forecast_of(expected), (0, 70), FORECASTS)
    admitted(lake, rows_of(values), (0, 58))

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(admission, "judge", dies)
        with pytest.raises(KeyboardInterrupt):
            admitted(lake, rows_of(values), (58, 62))
    assert verdicts(lake).is_empty()
    # The next run asks for the last two weeks again.
    assert admitted(lake, rows_of(values), (50, 63)) > 0
    assert 60 in days_of(verdicts(lake))


def test_a_vintage_is_judged_by_itself(lake: Lake) -> None:
    _, expected = world(70)
    wrong = expected.copy()
    wrong[66, 4] = 0.0
    admitted(lake, forecast_of(wrong), (0, 70), FORECASTS)
    found = verdicts(lake)
    assert found.select("rule", "verdict").rows() == [("zero", "quarantined")]
    assert found["series"][0] == "series=load,issue_time=2025-04-07T10:00:00Z"
    rows = lake.as_of(FORECASTS, LATE, scope=AREA)
    assert rows.height == expected.size - 1
    assert 0.0 not in rows["value_mw"].to_list()


def test_a_change_of_resolution_in_mid_series_is_no_fault(lake: Lake) -> None:
    _, expected = world(70)
    hourly = TRUTH.values[:70]
    admitted(lake, forecast_of(expected), (0, 70), FORECASTS)
    start = START + timedelta(days=65)
    quarters = np.repeat(hourly.ravel(), 4) * np.tile([0.998, 0.999, 1.001, 1.002], hourly.size)
    fine = rows_of(np.round(quarters, 1), minutes=15).filter(pl.col("period_start") >= start)
    coarse = rows_of(hourly).filter(pl.col("period_start") < start)
    admitted(lake, pl.concat([coarse, fine]), (0, 70))
    assert verdicts(lake).is_empty()


def battery_desk() -> Desk:
    return reference_desk(units=["battery"])


def telemetry(signal: str, values: np.ndarray) -> pl.DataFrame:
    starts = [START + timedelta(minutes=15 * i) for i in range(len(values))]
    count = len(values)
    return frame(
        "raw.telemetry",
        {
            "unit": ["battery"] * count,
            "signal": [signal] * count,
            "measured_at": starts,
            "interval_seconds": [900] * count,
            "value": values.tolist(),
            "source": ["scada"] * count,
            "knowledge_time": [each + timedelta(minutes=16) for each in starts],
            "knowledge_basis": ["observed"] * count,
        },
    )


def test_a_battery_whose_charge_does_not_follow_its_power_is_suspect(lake: Lake) -> None:
    desk = battery_desk()
    (unit,) = desk.units_of(BatteryUnit)
    hours = np.arange(20 * 96) / 4 % 24
    noise = np.random.default_rng(3).normal(0, 0.01, hours.size)
    power = np.where(hours < 2, -15.0, np.where((hours >= 18) & (hours < 19.8), 15.0, 0.0)) + noise
    change = np.where(
        power < 0, -power * unit.charge_efficiency, -power / unit.discharge_efficiency
    )
    energy = 5 + np.concatenate([[0.0], np.cumsum(change / 4)[:-1]])
    energy[10 * 96 :] = energy[10 * 96 : 11 * 96].mean()
    rows = pl.concat([telemetry("power", power), telemetry("stored_energy", energy)])
    feed = Rows(table("raw.telemetry"), rows, scope=desk.name, source="scada")
    window = Window(START, START + timedelta(days=20))
    assert admit(lake, feed, window, LATE, area=None, desk=desk).judged > 0
    found = verdicts(lake).filter(pl.col("rule") == "energy_balance")
    assert set(found["series"]) == {
        "unit=battery,signal=power",
        "unit=battery,signal=stored_energy",
    }
    assert min(days_of(found)) in (9, 10)


def test_a_units_limits_come_from_the_desk(lake: Lake) -> None:
    desk = battery_desk()
    power = np.random.default_rng(4).normal(0, 5, 96)
    power[40] = 25.0
    feed = Rows(table("raw.telemetry"), telemetry("power", power), scope=desk.name, source="scada")
    window = Window(START, START + timedelta(days=1))
    admit(lake, feed, window, LATE, area=None, desk=desk)
    assert verdicts(lake).select("rule", "raw_value").rows() == [("limits", 25.0)]
    # Without the desk nothing is known of the unit; its rows are kept unjudged.
    other = Lake(Path(lake.storage.root) / "other", clock=lake.clock)
    assert admit(other, replace(feed), window, LATE, area=None).judged == 0


def test_two_sources_of_a_price_have_to_agree(lake: Lake) -> None:
    rng = np.random.default_rng(5)
    prices = rng.normal(60, 20, 24 * 20).round(2)
    starts = [START + HOUR * i for i in range(prices.size)]

    def rows(values: np.ndarray, source: str) -> pl.DataFrame:
        count = values.size
        columns = {
            "series": ["day_ahead"] * count,
            "period_start": starts,
            "resolution_min": [60] * count,
            "price": values.tolist(),
            "currency": ["EUR"] * count,
            "source": [source] * count,
            "knowledge_time": [each.replace(hour=12) - timedelta(days=1) for each in starts],
            "knowledge_basis": ["rule"] * count,
        }
        return frame("raw.market_prices", columns)

    biased = prices.copy()
    biased[300:310] += 4.0
    window = Window(START, START + timedelta(days=20))
    for source, values in (("one", prices), ("two", biased)):
        feed = Rows(table("raw.market_prices"), rows(values, source), source=source)
        feed.selection["series"] = "day_ahead"
        admit(lake, feed, window, LATE, area=None)
    found = verdicts(lake)
    assert set(found["rule"]) == {"agreement"}
    assert found.group_by("row_source").len().sort("row_source").rows() == [
        ("one", 10),
        ("two", 10),
    ]


def test_fuel_closes_that_jump_are_left_out(lake: Lake) -> None:
    days = [date(2025, 1, 1) + timedelta(days=i) for i in range(90)]
    closes = 40 * np.exp(np.cumsum(np.random.default_rng(6).normal(0, 0.01, 90)))
    closes[80] *= 1.108 * 3.6
    rows = frame(
        "raw.fuel_prices",
        {
            "product": ["gas_hhv"] * 90,
            "price_date": days,
            "price": closes.tolist(),
            "unit": ["EUR/MWh HHV"] * 90,
            "source": ["drop"] * 90,
            "knowledge_time": [datetime(d.year, d.month, d.day, 18, tzinfo=UTC) for d in days],
            "knowledge_basis": ["published"] * 90,
        },
    )
    feed = Rows(table("raw.fuel_prices"), rows, scope="global", source="drop")
    window = Window(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC))
    admit(lake, feed, window, LATE, area=None)
    assert verdicts(lake).select("series", "rule").rows() == [("product=gas_hhv", "jump")]
    kept = lake.as_of("raw.fuel_prices", LATE, scope="global")["price_date"].to_list()
    assert kept == [day for day in days if day != days[80]]
