"""Prophet as a member: leaks, stored form, bounds, inputs, silence."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest

from energy_assets.forecasting.members.base import MemberUnavailableError
from energy_assets.forecasting.members.prophet import ProphetMember
from energy_assets_tests.forecasting.members.markets import (
    assert_knows_nothing_later,
    assert_round_trip,
    market,
    mean_errors,
)

pytest.importorskip("prophet")
MEMBER = ProphetMember(49)


def test_changes_nothing_with_what_comes_later():
    assert_knows_nothing_later(MEMBER, market(90), 80)


def test_an_outcome_known_two_days_late_is_not_used():
    assert_knows_nothing_later(MEMBER, replace(market(90), outcome_lag=2), 80)


def test_model_read_back_is_the_same():
    assert_round_trip(MEMBER, market(80), 70)


def test_beats_the_weekly_naive_a_week_after_its_fit():
    error, naive = mean_errors(ProphetMember(84), market(120), range(106, 119))
    assert error < 0.5 * naive


@pytest.mark.parametrize("slots", [48, 96])
def test_finer_slots_are_days_like_any_other(slots):
    history = market(60, slots=slots)
    path = ProphetMember(42).fit(history.before(55)).predict(history.before(55))
    assert path.shape == (slots,)
    assert np.abs(path - history.outcome[55]).mean() < 4


def test_never_below_a_bound_of_zero():
    history = market(70)
    power = replace(history, outcome=np.maximum(history.outcome - 45, 0), bounds=(0.0, 20.0))
    fitted = MEMBER.fit(power.before(60))
    paths = np.stack([fitted.predict(power.before(row)) for row in range(60, 65)])
    assert paths.min() == 0.0
    assert paths.max() <= 20.0


def test_missing_inputs():
    history = market(80)
    history.drivers["wind"][75:] = np.nan
    fitted = MEMBER.fit(history.before(70))
    with pytest.raises(MemberUnavailableError, match="wind"):
        fitted.predict(history.before(75))
    without = MEMBER.fit(history.before(75))
    assert without.inputs == ("holiday", "gas")
    assert np.isfinite(without.predict(history.before(76))).all()


def test_a_past_week_with_gaps_is_left_out():
    history = market(80)
    history.outcome[40, 3] = np.nan
    assert np.isfinite(MEMBER.fit(history.before(70)).predict(history.before(70))).all()


def test_too_little_history_and_other_bytes_are_refused():
    with pytest.raises(MemberUnavailableError, match="28 days"):
        MEMBER.fit(market(40).before(20))
    for content in (b"", b"{}", b"\x80\x04", b"[]"):
        with pytest.raises(MemberUnavailableError, match="prophet_49"):
            MEMBER.load(content)


def test_writes_nothing_to_the_log(caplog, capfd):
    history = market(60)
    with caplog.at_level(logging.DEBUG):
        MEMBER.fit(history.before(50)).predict(history.before(50))
    assert not [one for one in caplog.records if one.name in {"cmdstanpy", "prophet"}]
    assert "Chain" not in "".join(capfd.readouterr())
