"""The tsfresh block: lags only, selected on training days only, carried with the model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from energy_assets.forecasting.members import series_features as block
from energy_assets.forecasting.members.base import MemberSpec, MemberUnavailableError
from energy_assets.forecasting.members.lear import LearMember
from energy_assets.forecasting.members.registry import member
from energy_assets_tests.forecasting.members.markets import (
    assert_knows_nothing_later,
    assert_round_trip,
    market,
    spoiled,
)

pytest.importorskip("tsfresh")
MEMBER = block.WithSeriesFeatures(LearMember(58), "lear_tsfresh_58")


@pytest.fixture(scope="module")
def history():
    return market(100)


class Noted:
    """A member that notes the histories it is given and says the last daily values."""

    def __init__(self):
        self.spec = MemberSpec("noted", "points", 1, None, 1, 0.0)
        self.seen = []

    def fit(self, history):
        self.seen.append(history)
        self.trained_until = history.trained_until
        return self

    def predict(self, history):
        self.seen.append(history)
        return np.array([values[-1] for values in history.daily.values()])

    def dump(self):
        return b"noted"

    def load(self, content):
        return self


def test_changes_nothing_with_what_comes_later(history):
    assert_knows_nothing_later(MEMBER, history, 90)


def test_model_read_back_is_the_same(history):
    assert_round_trip(MEMBER, history, 90)


def test_features_of_a_day_are_those_of_its_past_week(history):
    table = block.series_features(history.before(60), 3)
    week = history.outcome[53:60].ravel()
    assert table["outcome__mean"].iloc[-1] == pytest.approx(week.mean())
    assert table["outcome__quantile__q_0.9"].iloc[-1] == pytest.approx(np.quantile(week, 0.9))
    wind = history.drivers["wind"][53:60].ravel()
    assert table["wind__standard_deviation"].iloc[-1] == pytest.approx(wind.std())
    late = block.series_features(replace(history, outcome_lag=2).before(60), 1)
    assert late["outcome__mean"].iloc[0] == pytest.approx(history.outcome[52:59].mean())


def test_features_do_not_depend_on_what_else_is_asked_for(history):
    block._remembered.clear()
    together = block.series_features(history.before(60), 10).iloc[-1]
    block._remembered.clear()
    alone = block.series_features(history.before(60), 1).iloc[0]
    np.testing.assert_array_equal(together.to_numpy(), alone.to_numpy())


def test_quarter_hours_have_the_features_of_their_hours(history):
    fine = replace(history, outcome=np.repeat(history.outcome, 4, axis=1), drivers={}, daily={})
    coarse = replace(history, drivers={})
    np.testing.assert_allclose(
        block.series_features(fine.before(60), 2).to_numpy(),
        block.series_features(coarse.before(60), 2).to_numpy(),
        rtol=1e-9,
        atol=1e-9,
    )


def test_a_week_with_a_gap_has_no_features(history):
    gap = replace(history, outcome=history.outcome.copy())
    gap.outcome[50, 4] = np.nan
    table = block.series_features(gap.before(60), 10)
    rows = table["outcome__mean"].isna().to_numpy()
    assert rows.tolist() == [True] * 7 + [False] * 3 or rows.sum() == 7


def test_selection_sees_training_days_only(history):
    row = 90
    selected = [MEMBER.fit(seen.before(row)).selected for seen in (history, spoiled(history, row))]
    assert selected[0] == selected[1]
    # What came true on the day itself must not matter even where it is known.
    told = history.before(row)
    told.outcome[-1] = 1e4
    assert MEMBER.fit(told).selected == selected[0]


def test_selection_finds_what_matters_and_little_else():
    rng = np.random.default_rng(5)
    import pandas as pd

    table = pd.DataFrame(rng.normal(size=(200, 30)), columns=[f"noise {k}" for k in range(30)])
    table["signal"] = rng.normal(size=200)
    table["constant"] = 1.0
    table["gaps"] = np.where(np.arange(200) % 3 == 0, np.nan, 1.0)
    response = table["signal"].to_numpy() + rng.normal(0, 0.3, 200)
    response[3] = np.nan
    chosen = block.select_columns(table, response)
    assert chosen[0] == "signal"
    assert len(chosen) <= 3


def test_selection_of_noise_is_empty_and_the_member_still_works(monkeypatch, history):
    monkeypatch.setattr(block, "select_columns", lambda *_: ())
    fitted = MEMBER.fit(history.before(90))
    assert fitted.selected == ()
    plain = LearMember(58)
    np.testing.assert_array_equal(
        fitted.predict(history.before(90)),
        plain.fit(history.before(90)).predict(history.before(90)),
    )


def test_wrapped_member_gets_the_columns_as_daily_values(history):
    noted = Noted()
    wrapped = block.WithSeriesFeatures(noted, "noted_tsfresh")
    fitted = wrapped.fit(history.before(90))
    path = fitted.predict(history.before(92))
    given, asked = noted.seen
    assert tuple(given.daily) == ("holiday", "gas", *fitted.selected)
    assert tuple(asked.daily) == tuple(given.daily)
    assert 0 < len(fitted.selected) <= block.MOST_SELECTED
    table = block.series_features(history.before(92), 1)
    np.testing.assert_array_equal(path[2:], table[list(fitted.selected)].to_numpy()[0])
    # Nothing else is changed.
    np.testing.assert_array_equal(given.outcome, history.before(90).outcome)


def test_families_wrap_their_member():
    made = member("lear_tsfresh_70")
    assert made.spec.name == "lear_tsfresh_70"
    assert made.spec.extra == "deep"
    assert made.spec.settings["wrapped"]["name"] == "lear_70"
    assert member("boosting_tsfresh").spec.retrain_days == member("boosting").spec.retrain_days


def test_refusals(history):
    with pytest.raises(MemberUnavailableError, match="56 days"):
        MEMBER.fit(history.before(20))
    for content in (b"", b"{}", b'{"fitted": "!"}', b"[]"):
        with pytest.raises(MemberUnavailableError):
            MEMBER.load(content)


def test_without_tsfresh_the_member_is_unavailable(monkeypatch, history):
    def missing(name):
        raise ImportError(name)

    block._remembered.clear()
    monkeypatch.setattr(block, "import_module", missing)
    with pytest.raises(MemberUnavailableError, match=r"energy_assets\[deep\]"):
        MEMBER.fit(history.before(90))
