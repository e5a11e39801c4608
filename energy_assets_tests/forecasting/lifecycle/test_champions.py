"""Champions and challengers: the rule, its dates, and what a replay sees."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from energy_assets.errors import InputError
from energy_assets.forecasting.combination import Recipe
from energy_assets.forecasting.ensembles import Ensemble
from energy_assets.forecasting.lifecycle.champions import (
    CHAMPIONS,
    Champions,
    Validation,
    compare,
)
from energy_assets.forecasting.lifecycle.configurations import Configuration
from energy_assets_tests.forecasting.lifecycle.conftest import NOW
from energy_assets_tests.forecasting.lifecycle.made import ANCHOR, SCOPE, SlotMeans

OLD = Configuration({"lear_56": "v1"}, {"window_days": 182})
NEW = Configuration({"lear_56": "v1", "boosting": "v2"}, {"window_days": 182})
LATER = NOW + timedelta(days=1)


def validation(gain: float, days: int = 90, noise: float = 0.2, seed: int = 1) -> Validation:
    """Losses around 2, the challenger's lower by the gain."""
    rng = np.random.default_rng(seed)
    labels = [NOW.date() - timedelta(days=days - n) for n in range(days)]
    champion = 2 + rng.normal(0, 0.5, days)
    return Validation(labels, champion - gain + rng.normal(0, noise, days), champion)


@pytest.fixture
def champions(lake) -> Champions:
    return Champions(lake, SCOPE)


def test_the_first_configuration_is_champion_and_stays_while_it_is_offered(champions, lake):
    assert champions.in_role("price", "champion", NOW) is None
    assert champions.offer("price", OLD, NOW).role == "champion"
    for days in range(3):
        assert champions.offer("price", OLD, NOW + timedelta(days=days)).chosen_at == NOW
    assert lake.read(CHAMPIONS).height == 1
    assert champions.in_role("wind", "champion", LATER) is None


def test_another_waits_as_challenger_until_it_is_validated(champions, lake):
    champions.offer("price", OLD, NOW)
    for days in (1, 2, 3):
        waiting = champions.offer("price", NEW, NOW + timedelta(days=days))
        assert (waiting.role, waiting.chosen_at) == ("challenger", LATER)
    assert champions.in_role("price", "champion", LATER).configuration.name == OLD.name
    assert champions.in_role("price", "challenger", LATER).configuration.name == NEW.name
    assert lake.read(CHAMPIONS).height == 2


@pytest.mark.parametrize(("gain", "role"), [(0.3, "champion"), (-0.3, "challenger")])
def test_the_better_one_takes_over_and_the_worse_does_not(champions, lake, gain, role):
    champions.offer("price", OLD, NOW)
    made = champions.offer("price", NEW, LATER, validation(gain))
    assert made.role == role
    row = lake.read(CHAMPIONS, where={"role": role}).row(-1, named=True)
    assert row["champion_pinball99"] - row["pinball99"] == pytest.approx(gain, abs=0.1)
    assert (row["p_worse"] < 0.001) == (gain < 0)
    assert row["validation_last"] == NOW.date() - timedelta(days=1)
    now = champions.in_role("price", "champion", LATER).configuration.name
    assert now == (NEW if gain > 0 else OLD).name


def test_a_replay_sees_the_champion_of_its_time(champions):
    champions.offer("price", OLD, NOW)
    champions.offer("price", NEW, LATER)
    champions.offer("price", NEW, LATER + timedelta(days=1), validation(0.3))

    def held(role: str, days: float) -> str | None:
        found = champions.in_role("price", role, NOW + timedelta(days=days))
        return found.configuration.name if found else None

    assert [held("champion", d) for d in (-0.1, 0, 1.9, 2, 9)] == [
        None,
        OLD.name,
        OLD.name,
        NEW.name,
        NEW.name,
    ]
    held_since = champions.champions("price", NOW + timedelta(days=9))
    assert [c.configuration.name for c in held_since] == [OLD.name, NEW.name]
    assert [c.pinball99 is None for c in held_since] == [True, False]
    # Once it took over it challenges nobody.
    assert [held("challenger", d) for d in (0.5, 1, 2)] == [None, NEW.name, None]


def test_rows_written_later_do_not_change_a_past_run(champions, lake):
    champions.offer("price", OLD, NOW)
    fixed = lake.clock()
    champions.offer("price", NEW, NOW + timedelta(minutes=1), validation(0.3), basis="rule")
    at = NOW + timedelta(days=1)
    assert champions.in_role("price", "champion", at).configuration.name == NEW.name
    past = champions.in_role("price", "champion", at, ingested_before=fixed)
    assert past.configuration.name == OLD.name


def test_not_worse_means_no_higher_mean_unless_a_tolerance_is_given():
    slightly = validation(-0.005, noise=0.3, seed=3)
    found = compare(slightly)
    assert found.challenger > found.champion
    assert found.p_worse > 0.05
    assert not found.is_not_worse
    assert compare(slightly, tolerance=0.05).is_not_worse
    # A tolerance lets nothing in that is worse for sure.
    surely = validation(-0.05, noise=0.01)
    assert surely.challenger.mean() < 1.05 * surely.champion.mean()
    assert not compare(surely, tolerance=0.05).is_not_worse


def test_equal_losses_are_not_worse():
    same = validation(0.0, noise=0.0)
    found = compare(same)
    assert (found.p_worse, found.is_not_worse) == (None, True)


def test_days_that_one_of_them_lacks_do_not_count():
    some = validation(0.3)
    some.challenger[:40] = np.nan
    some.champion[40:50] = 1e9
    some.champion[40:50] = np.nan
    assert compare(some).days == 40
    some.challenger[:70] = np.nan
    with pytest.raises(InputError, match="at least 28"):
        compare(some)


def test_a_validation_reaching_into_the_future_is_refused(champions, lake):
    champions.offer("price", OLD, NOW)
    some = validation(0.3)
    ahead = [day + timedelta(days=1) for day in some.days]
    with pytest.raises(InputError, match="days before"):
        champions.offer("price", NEW, NOW, Validation(ahead, some.challenger, some.champion))
    with pytest.raises(InputError, match="one loss for each"):
        Validation([date(2026, 1, 1)], np.zeros(2), np.zeros(1))
    assert lake.read(CHAMPIONS).height == 1


def test_what_could_not_be_compared_waits_with_the_reason_and_the_days_looked_at(champions, lake):
    champions.offer("price", OLD, NOW)
    days = validation(0.0).days
    champions.keep_waiting("price", NEW, LATER, days, "no record")
    held = champions.in_role("price", "challenger", LATER)
    assert (held.reason, held.validated_until) == ("not validated: no record", days[-1])
    assert held.pinball99 is None
    made = champions.offer("price", NEW, LATER + timedelta(days=1), validation(0.3))
    assert made == champions.in_role("price", "champion", LATER + timedelta(days=1))
    assert made.reason.startswith("not worse: ")


@pytest.mark.parametrize(
    "document",
    ["", "[]", OLD.document[:30], '{"members": 3, "recipe": {}, "anchors": {}}', '{"anchors": 1}'],
)
def test_a_document_that_is_none_is_one_clear_error(document):
    with pytest.raises(InputError, match="expected JSON with members, recipe and anchors"):
        Configuration.from_document(document)


def test_a_configuration_is_named_by_members_and_recipe_only():
    recipe, members = Recipe(fold_days=28), (SlotMeans(), SlotMeans(14))
    given = Ensemble(members, recipe)
    made = Configuration.of(given, ANCHOR)
    later = Configuration.of(replace(given, note="why"), ANCHOR + timedelta(days=9))
    assert later.name == made.name
    assert later.anchors != made.anchors
    assert made.anchors == {"slot_means": ANCHOR, "slot_means_14": ANCHOR}
    back = Configuration.from_document(made.document)
    assert (back, back.name, back.anchors) == (made, made.name, made.anchors)
    kept = Configuration.of(given, ANCHOR, "v")
    assert kept.name == made.name
    assert Configuration.from_document(kept.document).recorded_as == "v"
    for other in (
        Ensemble(members[::-1], recipe),
        Ensemble(members, Recipe(fold_days=27)),
        Ensemble(members[:1], recipe),
    ):
        assert Configuration.of(other, ANCHOR).name != made.name
