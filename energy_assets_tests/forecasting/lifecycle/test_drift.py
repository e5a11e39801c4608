"""Drift: calibrated forecasts are left alone, drifted ones are named."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from energy_assets.forecasting import scoring
from energy_assets.forecasting.lifecycle.drift import DayMeasure, drift, measure
from energy_assets.forecasting.quantile_regression import PERCENTILES

Z = norm.ppf(PERCENTILES)


def days(
    count: int,
    slots: int | list[int] = 24,
    *,
    spread: float = 1.0,
    bias: float = 0.0,
    together: float = 0.6,
    seed: int = 0,
) -> list[DayMeasure]:
    """Days of standard normal forecasts whose errors go together within a day."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        size = slots if isinstance(slots, int) else slots[number % len(slots)]
        shared, own = rng.normal(), rng.normal(size=size)
        error = np.sqrt(together) * shared + np.sqrt(1 - together) * own
        measured = measure(np.tile(Z, (size, 1)), bias + spread * error)
        assert measured is not None
        made.append(measured)
    return made


def test_measures_are_the_shares_of_the_day():
    actual = np.array([-1.0, 0.0, 1.5, 3.0, np.nan])
    found = measure(np.tile(Z, (5, 1)), actual)
    assert found is not None
    assert found.periods == 4
    assert found.inside == pytest.approx([0.5, 0.75])
    assert found.pit.sum() == pytest.approx(1.0)
    assert found.pit[9] == pytest.approx(0.5)
    assert found.pinball99 == pytest.approx(scoring.pinball99(np.tile(Z, (4, 1)), actual[:4]))
    assert measure(Z[None], np.array([np.nan])) is None


def test_kupiec_is_the_textbooks_where_periods_are_independent():
    # One period a day: nothing to go together with; F with many days is the chi-squared.
    made = days(2000, 1, spread=1.1, together=0.0)
    hits = np.array([day.inside for day in made])
    for place, nominal in enumerate((0.8, 0.9)):
        oracle = float(scoring.kupiec(hits[:, place], nominal))
        assert drift(made).kupiec_p[nominal] == pytest.approx(oracle, rel=0.15, abs=1e-4)


@pytest.mark.parametrize("together", [0.0, 0.8])
def test_calibrated_forecasts_are_seldom_called_drifted(together):
    found = [drift(days(28, 24, together=together, seed=s)) for s in range(60)]
    called = np.mean([bool(each.findings) for each in found])
    assert called < 0.12
    # Taking periods as independent would call about every second one.
    if together:
        naive = [
            float(scoring.kupiec(_spread_out(each.coverage[0.8], 28 * 24), 0.8)) for each in found
        ]
        assert np.mean(np.array(naive) < 0.01) > 0.3


def _spread_out(share: float, count: int) -> np.ndarray:
    return (np.arange(count) < round(share * count)).astype(float)


def test_too_narrow_and_too_wide_intervals_are_named():
    narrow = drift(days(91, spread=1.6))
    assert narrow.coverage[0.8] < 0.72
    assert any(line.startswith("80% interval covers") for line in narrow.findings)
    wide = drift(days(91, spread=0.5))
    assert wide.coverage[0.9] > 0.97
    assert any("90% interval" in line for line in wide.findings)


def test_a_bias_shows_in_the_pit_even_where_coverage_holds():
    found = drift(days(91, bias=0.7, spread=0.8, together=0.2))
    assert any(line.startswith("PIT not uniform") for line in found.findings)
    assert found.pit[5:].sum() > 0.7
    assert found.pit.sum() == pytest.approx(1.0)


def test_pinball_is_held_against_the_validation_where_there_is_one():
    made = days(28)
    loss = drift(made).pinball99
    assert drift(made).pinball_ratio is None
    assert drift(made, loss).pinball_ratio == pytest.approx(1.0)
    assert drift(made, loss / 1.6).findings == ["pinball99 1.60 times that of the validation"]


def test_days_of_23_25_hours_and_of_quarter_hours_weigh_by_their_periods():
    made = days(30, [23, 25, 96])
    found = drift(made)
    inside = sum(day.inside[0] * day.periods for day in made)
    assert found.coverage[0.8] == pytest.approx(inside / sum(day.periods for day in made))


def test_few_days_are_no_finding():
    assert drift(days(13, spread=5)).findings == []
    assert drift(days(1, spread=5)).days == 1
    # All outside on every day: nothing varies, and it is a finding all the same.
    same = [measure(np.tile(Z, (24, 1)), np.full(24, 9.0))] * 28
    assert len(drift([day for day in same if day]).findings) == 3
