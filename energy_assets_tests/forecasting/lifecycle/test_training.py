"""Training ahead: every model once, from no less and no more than its decision knew."""

from __future__ import annotations

from datetime import timedelta

import pytest

from energy_assets.forecasting.lifecycle.training import (
    days_before,
    seconds_by_member,
    train_models,
)
from energy_assets.forecasting.members.serving import MemoryModels, anchor_of
from energy_assets_tests.forecasting.lifecycle.made import (
    ANCHOR,
    MemoryTargets,
    SlotMeans,
    decision_time,
    history,
)

DAY = ANCHOR + timedelta(days=7)
DAYS = days_before(DAY, 27)
# The night before the first deadline of the newest anchor.
NIGHT = decision_time(DAY) - timedelta(hours=10)


def targets() -> MemoryTargets:
    return MemoryTargets(
        {
            "price": [SlotMeans(), SlotMeans(14), SlotMeans(5, retrain_days=1)],
            "wind": [SlotMeans()],
        }
    )


def train(store, of=None, days=DAYS, at=NIGHT, **options):
    return train_models(
        of or targets(), store(), days, decision_time=decision_time, at=at, **options
    )


def test_each_anchor_of_each_trained_member_is_trained_once(store):
    wanted = targets()
    report = train(store, wanted)
    anchors = {anchor_of(day, 7) for day in DAYS}
    assert len(anchors) == 5
    made = [(m.key.target, m.key.member, m.key.anchor) for m in report.trained]
    assert sorted(made) == sorted(
        (target, name, anchor)
        for target, name in (
            ("price", "slot_means"),
            ("price", "slot_means_14"),
            ("wind", "slot_means"),
        )
        for anchor in anchors
    )
    assert report.refused == {}
    # The coming deadline's model first.
    assert made[0][2] == DAY
    daily = wanted.members("price")[2]
    assert daily.fits == 0
    assert set(seconds_by_member(report.trained)) == {"slot_means", "slot_means_14"}


def test_a_second_run_trains_nothing_and_reads_no_history(store):
    train(store)
    again = targets()
    report = train(store, again)
    assert report.trained == []
    assert len(report.kept) == 15
    assert again.asked == []


def test_models_are_those_a_hindcast_makes_years_later(store):
    train(store)
    member, models = SlotMeans(), store()
    for day in (DAY, ANCHOR, ANCHOR - timedelta(days=3)):
        served = MemoryTargets({"price": [member]}).serving("price", day)
        served.models = MemoryModels()
        later = served.model(member, "price", day)
        served.models, served.may_train = models, False
        assert served.model(member, "price", day).dump() == later.dump()


def test_no_model_is_made_before_the_decision_whose_data_it_is_made_of(store):
    early = decision_time(DAY - timedelta(days=1)) - timedelta(seconds=1)
    wanted = targets()
    report = train(store, wanted, at=early)
    assert {m.key.anchor for m in report.trained} == {anchor_of(d, 7) for d in DAYS} - {DAY}
    assert len(report.refused) == 3
    assert all("decision of 2026-03-08" in reason for reason in report.refused.values())
    assert max(wanted.asked) < DAY - timedelta(days=1)
    # The next night makes it.
    assert {m.key.anchor for m in train(store).trained} == {DAY}


def test_what_cannot_be_trained_is_named_once_and_the_rest_is_made(store):
    # A window of two days is less than the member needs, whatever the day.
    wanted = MemoryTargets({"price": [SlotMeans(2), SlotMeans()]})
    report = train(store, wanted)
    anchors = {anchor_of(day, 7) for day in DAYS}
    assert set(report.refused) == {f"slot_means_2 for price, anchor {a}" for a in anchors}
    assert all("too little history" in reason for reason in report.refused.values())
    assert {m.key.anchor for m in report.trained} == anchors
    # Once an anchor and member, not once for every day it would serve.
    assert len(wanted.asked) == 2 * len(anchors)


def test_a_damaged_model_is_made_again(store, tmp_path):
    train(store)
    files = sorted((tmp_path / "models").rglob("*.model"))
    whole = {file: file.read_bytes() for file in files}
    files[0].unlink()
    files[1].write_bytes(b"x")
    report = train(store)
    assert {f: f.read_bytes() for f in files} == whole
    assert len(report.trained) == len(report.mended) >= 2


@pytest.mark.parametrize("count", [0, 3])
def test_progress_ends_at_the_end(store, count):
    told: list[tuple[int, int]] = []
    train(store, days=days_before(DAY, count), progress=lambda *step: told.append(step[1:]))
    assert told[-1] == (3 * (count + 1), 3 * (count + 1))
    assert [n for n, _ in told] == list(range(1, len(told) + 1))


def test_the_histories_are_long_enough_for_the_test():
    assert history(DAY).outcome.shape[0] > 28
