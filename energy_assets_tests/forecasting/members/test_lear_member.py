"""LEAR and the weekly naive as members: layout, leaks, missing inputs, stored form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from energy_assets.forecasting import lear
from energy_assets.forecasting.members.base import Member, MemberUnavailableError
from energy_assets.forecasting.members.lear import LearMember
from energy_assets.forecasting.members.naive import WeeklyNaive
from energy_assets_tests.forecasting.members.markets import (
    assert_knows_nothing_later,
    assert_round_trip,
    market,
    mean_errors,
)


@pytest.mark.parametrize("member", [LearMember(56), LearMember(), WeeklyNaive()])
class TestEvery:
    def test_changes_nothing_with_what_comes_later(self, member):
        assert_knows_nothing_later(member, market(90), 80)

    def test_model_read_back_is_the_same(self, member):
        assert_round_trip(member, market(90), 80)

    def test_other_bytes_are_refused(self, member):
        for content in (b"", b"\xff\xfe", b"PK\x03\x04", b"not a model"):
            with pytest.raises(MemberUnavailableError, match=member.spec.name):
                member.load(content)

    def test_is_a_member(self, member):
        assert isinstance(member, Member)


def test_member_is_the_model_on_its_columns():
    history = replace(market(80), daily={}).before(79)
    path = LearMember(56).fit(history).predict(history)
    features, dummies = lear.feature_matrix(
        history.outcome, [history.drivers["wind"]], history.weekday.astype(int)
    )
    rows = slice(-57, -1)
    expected = lear.fit_predict(
        features[rows], history.outcome[rows], features[-1], dummies=dummies
    )
    np.testing.assert_array_equal(path, expected)


def test_holiday_is_a_dummy_and_other_daily_values_are_transformed():
    fitted = LearMember().fit(market(80).before(79))
    is_dummy = fitted.model.inputs.dummies
    assert is_dummy.sum() == 8
    # Fuel, then holiday, then the weekdays.
    assert not is_dummy[-9]


@pytest.mark.parametrize("slots", [48, 96])
def test_finer_targets_have_hourly_features(slots):
    history = market(90, slots)
    fitted = LearMember().fit(history.before(85))
    hourly = LearMember().fit(market(90).before(85))
    assert fitted.model.used.size == hourly.model.used.size
    assert fitted.predict(history.before(85)).shape == (slots,)


def test_beats_the_weekly_naive():
    error, naive = mean_errors(LearMember(84), market(120), range(106, 119))
    assert error < 0.5 * naive


def test_missing_inputs():
    history = market(90)
    history.drivers["wind"][85:] = np.nan
    with pytest.raises(MemberUnavailableError, match="every input"):
        LearMember().fit(history.before(80)).predict(history.before(85))
    without = LearMember().fit(history.before(85))
    assert np.isfinite(without.predict(history.before(85))).all()


def test_too_few_days_are_refused():
    for row in (0, 10, 19):
        with pytest.raises(MemberUnavailableError, match=r"lear.*price"):
            LearMember().fit(market(30).before(row))


def test_lear_keeps_within_bounds():
    history = market(80, bounds=(39.0, 41.0)).before(79)
    path = LearMember().fit(history).predict(history)
    assert path.min() >= 39
    assert path.max() <= 41


def test_naive_is_the_week_before_or_nothing():
    history = market(20)
    fitted = WeeklyNaive().fit(history.before(10))
    np.testing.assert_array_equal(fitted.predict(history.before(12)), history.outcome[5])
    history.outcome[5, 0] = np.nan
    with pytest.raises(MemberUnavailableError, match="week"):
        fitted.predict(history.before(12))
    with pytest.raises(MemberUnavailableError, match="week"):
        WeeklyNaive().fit(history.before(3)).predict(history.before(3))
    with pytest.raises(MemberUnavailableError, match="no outcome"):
        WeeklyNaive().fit(history.before(0))
