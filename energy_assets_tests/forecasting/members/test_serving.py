"""Serving: anchors, versions, stores, the deadline path and walks over many days."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_assets.forecasting.members.base import MemberSpec, MemberUnavailableError
from energy_assets.forecasting.members.serving import (
    TRAINING_LEAD,
    MemoryModels,
    Serving,
    anchor_of,
    version_of,
    walk_forward,
)
from energy_assets_tests.forecasting.members.markets import market, spoiled


@dataclass
class Level:
    """Says the mean outcome it was fitted on; notes for which days it was fitted."""

    retrain_days: int = 7
    minimum_days: int = 1
    settings: dict = field(default_factory=dict)
    name: str = "level"
    fitted_for: list[date] = field(default_factory=list)
    cost_seconds: float = 0.0

    @property
    def spec(self):
        return MemberSpec(
            self.name,
            "points",
            self.minimum_days,
            None,
            self.retrain_days,
            self.cost_seconds,
            settings=self.settings,
        )

    def fit(self, history):
        if history.trained_until is None or len(history.days) <= self.minimum_days:
            raise MemberUnavailableError("level: too little history")
        self.fitted_for.append(history.day)
        return FittedLevel(history.trained_until, float(np.nanmean(history.outcome)))

    def load(self, content):
        raise NotImplementedError


@dataclass
class FittedLevel:
    trained_until: date
    level: float

    def predict(self, history):
        return np.full(history.slots, self.level)

    def dump(self):
        return b""


def serving(member, history, **options):
    return Serving("desk", lambda day: history.before(history.row_of(day)), **options)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 60))
def test_an_anchor_serves_the_days_to_the_next(day, interval):
    anchor = anchor_of(day, interval)
    assert timedelta(0) <= day - anchor < timedelta(days=interval)
    assert anchor_of(anchor, interval) == anchor
    assert anchor_of(anchor + timedelta(days=interval), interval) == anchor + timedelta(interval)


@pytest.mark.parametrize("weeks", [1, 4])
def test_anchors_of_whole_weeks_are_mondays(weeks):
    for day in range(60):
        anchor = anchor_of(date(2025, 3, 1) + timedelta(days=day), 7 * weeks)
        assert anchor.weekday() == 0


def test_version_is_of_what_forecasts_depend_on():
    same = version_of(Level())
    assert same == version_of(Level(cost_seconds=3.0))
    assert same == version_of(Level(settings={}))
    others = [Level(14), Level(name="other"), Level(settings={"trees": 3})]
    assert len({same, *map(version_of, others)}) == 4
    assert version_of(Level(settings={"a": 1, "b": 2})) == version_of(
        Level(settings={"b": 2, "a": 1})
    )


def test_a_model_is_trained_once_on_what_the_day_before_its_anchor_knew():
    history, member = market(60), Level()
    models = MemoryModels()
    desk = serving(member, history, models=models)
    days = [history.days[row] for row in range(33, 47)]
    for day in days:
        desk.forecast(member, day)
    anchors = sorted({anchor_of(day, 7) for day in days})
    assert member.fitted_for == [anchor - TRAINING_LEAD for anchor in anchors]
    # Another process with the same store trains nothing.
    other = Level()
    serving(other, history, models=models).forecast(other, days[5])
    assert other.fitted_for == []


def test_a_day_does_not_depend_on_which_days_were_asked_before():
    history = market(60)
    days = list(history.days[30:50])
    forward = [serving(None, history, models=MemoryModels()).forecast(Level(), d) for d in days]
    desk = serving(None, history, models=MemoryModels())
    backward = [desk.forecast(Level(), day) for day in reversed(days)]
    np.testing.assert_array_equal(forward, backward[::-1])


def test_a_member_fitted_anew_every_day_is_fitted_on_the_day_itself():
    history, member = market(40), Level(1)
    serving(member, history, models=MemoryModels()).forecast(member, history.days[30])
    assert member.fitted_for == [history.days[30]]


def test_on_the_deadline_path_a_missing_model_is_an_error():
    history, member, models = market(60), Level(), MemoryModels()
    day = history.days[40]
    late = serving(member, history, models=models, may_train=False)
    with pytest.raises(MemberUnavailableError, match=f"level for price.*{anchor_of(day, 7)}"):
        late.forecast(member, day)
    assert member.fitted_for == []
    serving(member, history, models=models).model(member, "price", day)
    assert np.isfinite(late.forecast(member, day)).all()
    # A member fitted anew for every day needs no model.
    assert np.isfinite(late.forecast(Level(1), day)).all()


def test_other_settings_variants_and_scopes_do_not_share_models():
    history, models = market(60), MemoryModels()
    day = history.days[40]
    made = [Level(), Level(settings={"trees": 3}), Level(), Level()]
    desks = [serving(None, history, models=models) for _ in made]
    desks[2] = replace(desks[2], variant="96")
    desks[3] = replace(desks[3], scope="other")
    for desk, member in zip(desks, made, strict=True):
        desk.forecast(member, day)
        assert len(member.fitted_for) == 1


def test_walk_forward_is_serving_of_every_day_and_nan_where_it_cannot():
    history, member = market(60), Level(minimum_days=20)
    told = []
    walk = walk_forward(
        member,
        history,
        history.days[15],
        history.days[45],
        progress=lambda *args: told.append(args),
    )
    assert walk.shape == (31, 24)
    known = np.isfinite(walk).all(axis=1)
    # A model is too young until its anchor has twenty days before it.
    first = next(
        row
        for row in range(15, 46)
        if history.row_of(anchor_of(history.days[row], 7) - TRAINING_LEAD) >= 20
    )
    np.testing.assert_array_equal(known, np.arange(15, 46) >= first)
    desk = serving(member, history, models=MemoryModels())
    np.testing.assert_array_equal(walk[-1], desk.forecast(Level(minimum_days=20), history.days[45]))
    assert told[0] == ("level", 1, 31)
    assert told[-1] == ("level", 31, 31)


def test_walk_forward_knows_nothing_later():
    history = market(60)
    day, last = history.days[30], history.days[50]
    walk = walk_forward(Level(), history, day, last)
    cut = walk_forward(Level(), spoiled(history, 50), day, last)
    np.testing.assert_array_equal(walk, cut)


def test_walk_of_a_member_that_never_can_is_all_nan():
    history = market(20)
    walk = walk_forward(Level(minimum_days=50), history, history.days[5], history.days[9])
    assert walk.shape == (5, 24)
    assert np.isnan(walk).all()


def test_walk_forward_uses_the_models_given():
    history, models = market(60), MemoryModels()
    first, last = history.days[30], history.days[40]
    walk_forward(Level(), history, first, last, models=models)
    again = Level()
    walk_forward(again, history, first, last, models=models)
    assert again.fitted_for == []
