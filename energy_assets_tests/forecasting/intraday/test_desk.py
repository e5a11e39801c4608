from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from energy_assets.errors import InputError
from energy_assets.forecasting.intraday import desk as served
from energy_assets.forecasting.intraday.boosting import IntradayModel
from energy_assets.forecasting.intraday.desk import (
    UnitModel,
    day_ahead_rows,
    intraday_forecast,
    load_unit_model,
    train_units,
)
from energy_assets.forecasting.intraday.rows import intraday_rows
from energy_assets.forecasting.members.base import MemberUnavailableError
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import load_area
from energy_assets_tests.e2e.desks import fetch, reference_desk, stamp_of
from energy_assets_tests.forecasting.intraday.series import QUICK
from energy_assets_tests.lakehouse.frames import frame

# Clocks go forward on 2026-03-29.
DAY = date(2026, 3, 29)
AT = datetime(2026, 3, 28, 15, 50, tzinfo=UTC)
DESK = reference_desk(units=["wind", "solar", "load"], history_days=50)
SESSION = load_area(DESK.area).session()
MODEL = IntradayModel(30, QUICK)
WIND = DESK.model_copy(update={"units": (DESK.unit("wind"),)})


def metered(lake: Lake, unit: str, start: datetime, end: datetime) -> pl.DataFrame:
    rows = lake.read(
        "raw.meter_readings", scope=DESK.name, start=start, end=end, where={"unit": unit}
    )
    return rows.sort("period_start")


def telemetry(lake: Lake, until: datetime) -> pl.DataFrame:
    """What telemetry would have said: the meter, known a minute after each quarter-hour."""
    rows = pl.concat(
        [metered(lake, unit.name, AT - timedelta(days=44), until) for unit in DESK.units]
    )
    starts = rows["period_start"].to_list()
    count = len(starts)
    return frame(
        "raw.telemetry",
        {
            "unit": rows["unit"].to_list(),
            "signal": ["power"] * count,
            "measured_at": starts,
            "interval_seconds": [900] * count,
            "value": (rows["energy_mwh"] * 4).to_list(),
            "source": ["control_system"] * count,
            "knowledge_time": [start + timedelta(minutes=16) for start in starts],
            "knowledge_basis": ["observed"] * count,
        },
    )


def day_ahead_frame(day: date, level: float) -> pl.DataFrame:
    """A stored day-ahead forecast whose percentile p is `level` + p MW in every MTU."""
    delivery = SESSION.delivery_day(day)
    frames = [
        pl.DataFrame(
            {
                "target": unit.name,
                "model": "ensemble",
                "model_version": "v",
                "period_start": [start for start in delivery.starts for _ in PERCENTILES],
                "resolution_min": delivery.mtu_minutes,
                "level": list(PERCENTILES) * delivery.mtu_count,
                "value": list(level + PERCENTILES) * delivery.mtu_count,
            }
        )
        for unit in DESK.units
    ]
    return stamp_of(DESK, day).on(pl.concat(frames), "forecasts.quantiles")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("intraday"))
    fetch(lake, DESK, Path(), DAY, DAY)
    lake.append_if_changed(
        "raw.telemetry", telemetry(lake, AT + timedelta(days=1)), scope=DESK.name
    )
    lake.append("forecasts.quantiles", day_ahead_frame(DAY, 5.0), scope=DESK.name)
    return lake


@pytest.fixture(scope="module")
def models(lake: Lake) -> Mapping[str, UnitModel]:
    return train_units(PointInTime(lake, AT), DESK, AT, model=MODEL)


def test_it_reaches_over_a_short_day_in_quarter_hours(
    lake: Lake, models: Mapping[str, UnitModel]
) -> None:
    made = intraday_forecast(PointInTime(lake, AT), DESK, AT, models=models)
    assert sorted(made) == ["load", "solar", "wind"]
    for unit in DESK.units:
        forecast = made[unit.name]
        assert (forecast.model, forecast.note) == ("intraday", "")
        assert forecast.starts[0] == datetime(2026, 3, 28, 15, 45, tzinfo=UTC)
        assert set(np.diff(forecast.starts)) == {timedelta(minutes=15)}
        # The last MTU begins within 36 hours.
        assert forecast.starts[-1] == datetime(2026, 3, 30, 3, 45, tzinfo=UTC)
        labels = [day.label.isoformat() for day in forecast.days]
        assert labels == ["2026-03-28", "2026-03-29", "2026-03-30"]
        assert forecast.quantiles.shape == (len(forecast.starts), 99)
        assert (np.diff(forecast.quantiles, axis=1) >= 0).all()
        assert forecast.quantiles.min() >= 0
        assert forecast.seen_until == datetime(2026, 3, 28, 15, 45, tzinfo=UTC) - timedelta(
            minutes=15 if AT.minute < 46 else 0
        )
    on_short_day = [s for s in made["wind"].starts if SESSION.delivery_day_of(s).label == DAY]
    assert len(on_short_day) == 92
    night = [
        SESSION.delivery_day(DAY).start <= s < datetime(2026, 3, 29, 3, tzinfo=UTC)
        for s in made["solar"].starts
    ]
    assert made["solar"].quantiles[night][:, 49].max() < 1.0


def test_the_next_hour_is_near_the_last_value(lake: Lake, models: Mapping[str, UnitModel]) -> None:
    errors: dict[str, list[float]] = {"next": [], "far": []}
    for hours in range(0, 20, 4):
        at = AT + timedelta(hours=hours)
        made = intraday_forecast(PointInTime(lake, at), WIND, at, 24, models=models)["wind"]
        start = made.starts[0]
        truth = metered(lake, "wind", start, start + timedelta(hours=24))["energy_mwh"] * 4
        off = np.abs(truth.to_numpy()[:48] - made.quantiles[:48, 49])
        errors["next"].append(off[:2].mean())
        errors["far"].append(off[12:].mean())
    assert np.mean(errors["next"]) < np.mean(errors["far"])
    assert np.mean(errors["next"]) < 0.1 * DESK.unit("wind").capacity_mw  # type: ignore[union-attr]


def test_far_leads_are_the_day_ahead_forecast(lake: Lake, models: Mapping[str, UnitModel]) -> None:
    rows = day_ahead_rows(lake, DESK, AT, "replay")
    made = intraday_forecast(PointInTime(lake, AT), DESK, AT, day_ahead=rows, models=models)["load"]
    alone = intraday_forecast(PointInTime(lake, AT), DESK, AT, models=models)["load"]
    hours = np.array([(s - made.starts[0]).total_seconds() / 3600 for s in made.starts])
    covered = [SESSION.delivery_day_of(start).label == DAY for start in made.starts]
    near, far = hours < 8, covered & (hours > 29)
    np.testing.assert_allclose(made.quantiles[near], alone.quantiles[near])
    off = np.abs(made.quantiles - (5.0 + PERCENTILES))
    assert off[far].mean() < 0.5 * np.abs(alone.quantiles - (5.0 + PERCENTILES))[far].mean()


def test_a_decision_made_later_is_not_in_force(lake: Lake) -> None:
    early = DESK.decision_time(DAY) - timedelta(minutes=1)
    assert day_ahead_rows(lake, DESK, early, "replay").is_empty()
    assert not day_ahead_rows(lake, DESK, AT, "replay").is_empty()
    assert day_ahead_rows(lake, DESK, AT, "live").is_empty()


def test_stale_telemetry_falls_back_to_the_day_ahead_forecast(
    lake: Lake, models: Mapping[str, UnitModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = PointInTime.as_of

    def stopped(self: PointInTime, table_id: str, **asked: object) -> pl.DataFrame:
        rows = honest(self, table_id, **asked)  # type: ignore[arg-type]
        if table_id != "raw.telemetry":
            return rows
        return rows.filter(pl.col("measured_at") < AT - timedelta(hours=3))

    monkeypatch.setattr(PointInTime, "as_of", stopped)
    rows = day_ahead_rows(lake, DESK, AT, "replay")
    made = intraday_forecast(PointInTime(lake, AT), DESK, AT, day_ahead=rows, models=models)
    for forecast in made.values():
        assert "newest value is" in forecast.note
        covered = np.array([SESSION.delivery_day_of(s).label == DAY for s in forecast.starts])
        expected = np.minimum(5.0 + PERCENTILES, 30)
        np.testing.assert_allclose(forecast.quantiles[covered], np.tile(expected, (92, 1)))
        assert np.isfinite(forecast.quantiles).all(), "today is beyond that forecast"


def test_without_models_the_rungs_are_the_day_ahead_and_the_time_of_day(lake: Lake) -> None:
    rows = day_ahead_rows(lake, DESK, AT, "replay")
    made = intraday_forecast(PointInTime(lake, AT), DESK, AT, day_ahead=rows, models={})["wind"]
    assert made.note == "wind: no intraday model is trained"
    assert made.model == served.TIME_OF_DAY
    start = SESSION.delivery_day(DAY).start
    later = intraday_forecast(PointInTime(lake, start), DESK, start, 20, day_ahead=rows, models={})[
        "wind"
    ]
    assert later.model == served.DAY_AHEAD


def test_nothing_known_later_changes_a_bit(
    lake: Lake, models: Mapping[str, UnitModel], tmp_path: Path
) -> None:
    other = Lake(tmp_path)
    for table_id, scope in (
        ("raw.meter_readings", DESK.name),
        ("raw.telemetry", DESK.name),
        ("raw.weather_forecasts", DESK.area),
    ):
        rows = lake.read(table_id, scope=scope)
        value = "energy_mwh" if table_id == "raw.meter_readings" else "value"
        late = pl.col("knowledge_time") > AT
        assert rows.select(late.any()).item()
        rows = rows.with_columns(
            pl.when(late).then(pl.lit(3.0)).otherwise(pl.col(value)).alias(value)
        )
        names = [c for c in rows.columns if c not in _SYSTEM]
        other.append_if_changed(table_id, rows.select(names), scope=scope)
    honest = intraday_forecast(PointInTime(lake, AT), DESK, AT, models=models)
    changed = intraday_forecast(PointInTime(other, AT), DESK, AT, models=models)
    for name, forecast in honest.items():
        assert forecast.quantiles.tobytes() == changed[name].quantiles.tobytes()
    again = train_units(PointInTime(other, AT), WIND, AT, model=MODEL)
    assert again["wind"].dump() == models["wind"].dump()


_SYSTEM = {"scope", "month", "ingested_at", "revision", "content_hash"}


def test_an_outage_scales_what_is_left(
    lake: Lake, models: Mapping[str, UnitModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = PointInTime(lake, AT)
    whole = intraday_forecast(known, WIND, AT, models=models)["wind"]
    begin = AT + timedelta(hours=5)
    outage = frame(
        "raw.outages",
        {
            "message_id": ["m"],
            "message_revision": [1],
            "part": [0],
            "unit": ["wind"],
            "issued_at": [AT - timedelta(hours=1)],
            "published_at": [AT - timedelta(hours=1)],
            "event_start": [begin],
            "event_end": [AT + timedelta(days=3)],
            "available_mw": [10.0],
            "installed_mw": [50.0],
            "outage_type": ["planned"],
            "event_status": ["active"],
            "cause": [""],
            "source": ["own"],
            "knowledge_time": [AT - timedelta(hours=1)],
            "knowledge_basis": ["published"],
        },
    )
    honest = PointInTime.as_of

    def with_outage(self: PointInTime, table_id: str, **asked: object) -> pl.DataFrame:
        return outage if table_id == "raw.outages" else honest(self, table_id, **asked)  # type: ignore[arg-type]

    monkeypatch.setattr(PointInTime, "as_of", with_outage)
    made = intraday_forecast(known, WIND, AT, models=models)["wind"]
    out = np.array([start + timedelta(minutes=15) > begin for start in made.starts])
    np.testing.assert_allclose(made.quantiles[out], whole.quantiles[out] / 5)
    np.testing.assert_allclose(made.quantiles[~out], whole.quantiles[~out])


def test_rows_fit_the_table_one_batch_a_day(lake: Lake, models: Mapping[str, UnitModel]) -> None:
    made = intraday_forecast(PointInTime(lake, AT), DESK, AT, models=models)
    frames = intraday_rows(made, "run", "replay")
    assert [day.isoformat() for day in frames] == ["2026-03-28", "2026-03-29", "2026-03-30"]
    for day, rows in frames.items():
        written = lake.append("forecasts.quantiles", rows, scope=DESK.name)
        assert written.rows_written == rows.height
        assert lake.append("forecasts.quantiles", rows, scope=DESK.name).rows_written == 0
        back = lake.read(
            "forecasts.quantiles",
            scope=DESK.name,
            where={"session": "intraday", "delivery_day": day, "target": "wind"},
        ).sort("period_start", "level")
        inside = [SESSION.delivery_day_of(s).label == day for s in made["wind"].starts]
        np.testing.assert_array_equal(
            back["value"].to_numpy(), made["wind"].quantiles[inside].reshape(-1)
        )


def test_a_unit_model_comes_back_from_its_bytes(
    lake: Lake, models: Mapping[str, UnitModel]
) -> None:
    again = {name: load_unit_model(model.dump()) for name, model in models.items()}
    known = PointInTime(lake, AT)
    first = intraday_forecast(known, DESK, AT, 6, models=models)
    second = intraday_forecast(known, DESK, AT, 6, models=again)
    for name, forecast in first.items():
        assert forecast.quantiles.tobytes() == second[name].quantiles.tobytes()
    assert again["load"].weather is None
    with pytest.raises(MemberUnavailableError, match="other bytes"):
        load_unit_model(b"no model")


def test_a_moment_after_the_decision_is_refused(lake: Lake) -> None:
    with pytest.raises(InputError, match="not after"):
        intraday_forecast(PointInTime(lake, AT), DESK, AT + timedelta(minutes=1))
