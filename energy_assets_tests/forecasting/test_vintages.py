from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from energy_assets.errors import LakeError
from energy_assets.forecasting.vintages import actual_matrix, decision_times, vintage_matrix
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import load_area
from energy_assets_tests.e2e.desks import reference_desk
from energy_assets_tests.lakehouse.frames import frame, prices

DESK = reference_desk(units=["battery"])
SESSION = load_area(DESK.area).session()
DAY = date(2026, 2, 12)
BEFORE = DAY - timedelta(days=1)
INSTANT = timedelta(microseconds=1)
TABLE = "raw.system_forecasts"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path)
    lake.ensure_tables([TABLE, "raw.market_prices"])
    return lake


def add(
    lake: Lake, day: date, value: float, known: datetime, issued: datetime, source: str = "tso"
) -> None:
    starts = SESSION.delivery_day(day).grid(60)
    count = len(starts)
    columns = {
        "series": ["load"] * count,
        "issue_time": [issued] * count,
        "period_start": starts,
        "resolution_min": [60] * count,
        "value_mw": [value] * count,
        "source": [source] * count,
        "knowledge_time": [known] * count,
        "knowledge_basis": ["published"] * count,
    }
    lake.append_if_changed(TABLE, frame(TABLE, columns), scope=DESK.area)


def vintages(lake: Lake, decision_time: datetime | None = None) -> list[float]:
    """The first hour of the day before and of the day, as the decision sees them."""
    known = PointInTime(lake, decision_time or DESK.decision_time(DAY))
    found = vintage_matrix(
        known,
        TABLE,
        DESK.area,
        {"series": "load"},
        "value_mw",
        desk=DESK,
        first=BEFORE,
        last=DAY,
        slots=24,
    )
    assert all(len(set(row[np.isfinite(row)])) <= 1 for row in found)
    return found[:, 0].tolist()


def test_every_day_takes_the_newest_vintage_of_its_own_decision(lake: Lake) -> None:
    for day, base in ((BEFORE, 1.0), (DAY, 2.0)):
        decision = DESK.decision_time(day)
        for early, value in ((30, 10.0), (2, 20.0), (0, 30.0)):
            moment = decision - timedelta(hours=early)
            add(lake, day, base + value, moment, moment)
        add(lake, day, base + 40.0, decision + INSTANT, decision + INSTANT)
    assert vintages(lake) == [31.0, 32.0]


def test_a_vintage_revised_after_its_days_decision_is_seen_as_it_was(lake: Lake) -> None:
    issued = DESK.decision_time(BEFORE) - timedelta(hours=3)
    add(lake, BEFORE, 5.0, issued, issued)
    add(lake, DAY, 7.0, issued, issued)
    assert vintages(lake) == [5.0, 7.0]
    # Known to the decision of the day, not to that of the day before.
    add(lake, BEFORE, 50.0, DESK.decision_time(BEFORE) + INSTANT, issued)
    add(lake, DAY, 70.0, DESK.decision_time(BEFORE) + INSTANT, issued)
    assert vintages(lake) == [5.0, 70.0]


def test_a_vintage_published_too_late_is_a_gap(lake: Lake) -> None:
    decision = DESK.decision_time(DAY)
    add(lake, BEFORE, 5.0, decision, decision - timedelta(days=3))
    add(lake, DAY, 7.0, decision + INSTANT, decision - timedelta(days=3))
    assert np.isnan(vintages(lake, decision + timedelta(days=1))).all()


def test_an_early_decision_sees_what_was_out_by_then(lake: Lake) -> None:
    decision = DESK.decision_time(DAY)
    for hours, value in ((12, 5.0), (1, 7.0)):
        add(lake, DAY, value, decision - timedelta(hours=hours), decision - timedelta(hours=hours))
    assert vintages(lake, decision - timedelta(hours=2))[1] == 5.0
    assert vintages(lake, decision)[1] == 7.0


def test_actuals_are_the_revision_in_force_and_nothing_is_read_past_the_decision(
    lake: Lake,
) -> None:
    starts = SESSION.delivery_day(BEFORE).grid(60)
    decision = DESK.decision_time(DAY)
    moments = (decision - timedelta(days=1), decision, decision + INSTANT)
    for value, known in zip((1.0, 2.0, 3.0), moments, strict=True):
        lake.append_if_changed(
            "raw.market_prices", prices(starts, [value] * 24, known), scope=DESK.area
        )
    known = PointInTime(lake, decision)
    found = actual_matrix(
        known,
        "raw.market_prices",
        DESK.area,
        {"series": "day_ahead"},
        "price",
        session=SESSION,
        first=BEFORE,
        last=DAY,
        slots=96,
    )
    assert (found[0] == 2.0).all()
    assert np.isnan(found[1]).all()
    with pytest.raises(LakeError, match="not after the decision time"):
        known.as_of("raw.market_prices", scope=DESK.area, at=decision + INSTANT)


def test_decision_times_follow_the_wall_clock_over_a_clock_change() -> None:
    times = decision_times(DESK, date(2026, 3, 29), date(2026, 3, 30))["decision_time"].to_list()
    assert [moment.hour for moment in times] == [10, 9]
