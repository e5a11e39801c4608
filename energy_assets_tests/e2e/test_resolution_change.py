"""A source that goes from hours to quarter-hours in mid-series, and delivers old hours again."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from energy_assets.curation.desk_view import desk_view
from energy_assets.forecasting.profiles import slot_matrix
from energy_assets.forecasting.vintages import price_matrix
from energy_assets.lakehouse.lake import Lake
from energy_assets.market import DeliveryDay, Session, load_area
from energy_assets.quality.catch_up import catch_up
from energy_assets.quality.verdicts import verdicts
from energy_assets_tests.e2e.desks import reference_desk
from energy_assets_tests.lakehouse.frames import SteppingClock, prices
from energy_assets_tests.quality.test_admission import Prices

PRICES = "raw.market_prices"
# The change itself, and both clock changes, when a source answers in both.
CHANGES = [date(2025, 10, 1), date(2025, 10, 26), date(2026, 3, 29)]


@pytest.mark.parametrize("changed", CHANGES)
def test_a_change_of_resolution_counts_every_hour_once_at_every_time(changed, tmp_path):
    desk = reference_desk(["battery"], name="de", area="DE_LU", feeds=[{"source": "energy_charts"}])
    session = load_area(desk.area).session()
    hourly = session.days(changed - timedelta(days=30), changed)
    quarterly = session.days(changed, changed + timedelta(days=1))
    again = session.days(changed - timedelta(days=8), changed - timedelta(days=1))
    late = session.delivery_day(changed + timedelta(days=3)).start

    def rows(days: list[DeliveryDay], minutes: int, known: datetime | None = None) -> pl.DataFrame:
        """Made-up prices; a quarter lies a little off its hour, whose mean is the hour's price."""
        frames = []
        for day in days:
            grid = day.grid(minutes)
            of_hours = np.random.default_rng(day.label.toordinal()).normal(60, 15, day.hours)
            hour = [int((start - day.start).total_seconds() // 3600) for start in grid]
            quarter = np.asarray([start.minute // 15 for start in grid]) if minutes == 15 else 1.5
            values = of_hours[hour] + (quarter - 1.5) / 1000
            published = known or session.publication(day.label)
            frames.append(prices(grid, list(values), published, minutes=minutes, source="file"))
        return pl.concat(frames)

    # Until the change in hours, that day in both, from then on in quarters; later the week before
    # once more, in quarters.
    answer = pl.concat([rows(hourly, 60), rows(quarterly, 15), rows(again, 15, late)])
    lake = Lake(tmp_path, clock=SteppingClock(late + timedelta(days=1)))
    decided = changed + timedelta(days=2)
    done = catch_up(lake, desk, Prices(answer, scope="DE_LU"), decided, decided, late)
    assert sum(each.written for each in done) == answer.height
    assert sum(sum(each.rejected.values()) for each in done) == 0
    first, last = changed - timedelta(days=9), changed + timedelta(days=1)
    expected = matrices(rows(session.days(first, last), 15), session, first, last)
    for at in (desk.decision_time(decided), late):
        known = desk_view(lake, desk, at)
        for slots, tolerance in ((24, 1e-9), (96, 0.0016)):
            found = price_matrix(known, desk.area, first, last, slots)
            np.testing.assert_allclose(found, expected[slots], atol=tolerance)
        (complete,) = [
            verdict
            for verdict in verdicts(known, desk, decided)
            if verdict.rule == "completeness" and verdict.source.table == PRICES
        ]
        hours = sum(
            day.hours
            for day in session.days(decided - timedelta(days=7), decided - timedelta(days=1))
        )
        assert complete.verdict == "good"
        assert complete.detail == f"expected {hours} periods of 60 min, found {hours}"
    assert (
        sum(
            each.written
            for each in catch_up(lake, desk, Prices(answer, scope="DE_LU"), decided, decided, late)
        )
        == 0
    )


def matrices(
    quarters: pl.DataFrame, session: Session, first: date, last: date
) -> dict[int, np.ndarray]:
    """By slots a day: the matrix of a series that was quarter-hourly all along."""
    return {
        slots: slot_matrix(quarters, "price", session, first, last, slots) for slots in (24, 96)
    }
