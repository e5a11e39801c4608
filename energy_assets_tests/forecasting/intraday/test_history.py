from __future__ import annotations

import numpy as np
import pytest

from energy_assets.errors import InputError
from energy_assets.forecasting.intraday.history import RollingHistory, Vintages
from energy_assets_tests.forecasting.intraday.series import START, lasting_error


def test_an_origin_sees_the_newest_vintage_known_by_then() -> None:
    values = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, np.nan]])
    series = Vintages(values, np.array([[-5, -5, -5], [0, 2, 0]]))
    asked = np.array([0, 1, 2])
    assert series.known_at(np.array([0, 0, 0]), asked).tolist() == [10.0, 2.0, 3.0]
    assert series.known_at(np.array([2, 2, 2]), asked).tolist() == [10.0, 20.0, 3.0]
    assert np.isnan(series.known_at(np.array([-6, -6, -6]), asked)).all()


def test_another_origin_sees_nothing_later() -> None:
    whole = lasting_error(days=10)
    cut = whole.at(100)
    assert len(cut.outcome) == 100 + 36
    assert np.isfinite(cut.outcome[:100]).all()
    assert np.isnan(cut.outcome[100:]).all()
    assert cut.guidance is not None
    seen = cut.guidance.known_from[np.isfinite(cut.guidance.values)]
    assert seen.max() <= 100
    assert cut.trained_until == whole.time_of(100)


def test_a_value_published_later_is_not_seen_yet() -> None:
    outcome = np.arange(50.0)
    late = RollingHistory("price", START, 30, outcome, origin=40, first=40, delay=3).at(20)
    assert late.last_seen == 17


def test_the_newest_days_keep_their_time_of_day() -> None:
    whole = lasting_error(days=20)
    short = whole.newest(5)
    assert (short.start - whole.start).total_seconds() % 86400 == 0
    assert short.origin // 24 == 5
    np.testing.assert_array_equal(short.outcome, whole.outcome[-len(short.outcome) :])
    assert short.guidance is not None
    assert whole.guidance is not None
    for period in range(len(short.outcome)):
        late, early = (
            np.array([period]),
            np.array([period + len(whole.outcome) - len(short.outcome)]),
        )
        assert short.guidance.known_at(late, late) == whole.guidance.known_at(early, early)


def test_series_of_other_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="wind: guidance: expected 20 periods"):
        RollingHistory(
            "wind",
            START,
            60,
            np.zeros(20),
            origin=5,
            first=5,
            guidance=Vintages.fixed(np.zeros(19)),
        )
    with pytest.raises(InputError, match="origin <= first"):
        RollingHistory("wind", START, 60, np.zeros(20), origin=9, first=5)
