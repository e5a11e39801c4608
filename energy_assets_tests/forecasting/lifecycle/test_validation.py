"""Challenger against champion on past days: whose forecasts, which outcomes, and how often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from energy_assets.errors import InputError
from energy_assets.forecasting import runs
from energy_assets.forecasting.combination import Recipe
from energy_assets.forecasting.ensembles import Ensemble, desk_ensemble
from energy_assets.forecasting.lifecycle import champions as champions_module
from energy_assets.forecasting.lifecycle import validation as module
from energy_assets.forecasting.lifecycle.champions import CHAMPIONS, Champions
from energy_assets.forecasting.lifecycle.configurations import Configuration, rebuilt
from energy_assets.forecasting.lifecycle.validation import AGAIN_AFTER_DAYS, Validator
from energy_assets.forecasting.members.registry import member
from energy_assets.forecasting.members.serving import MemoryModels
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.scoring import pinball99
from energy_assets.forecasting.target_forecasts import DAY_TYPE
from energy_assets.lakehouse.lake import Lake
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk
from energy_assets_tests.e2e.desks import epf_desk, reference_desk
from energy_assets_tests.forecasting.lifecycle.recording import record_made_up

HOURLY = epf_desk()
QUARTERS = reference_desk(["battery"])
AT = datetime(2016, 1, 19, 0, 30, tzinfo=UTC)
DAYS, FEWEST = 9, 7


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few days, and nothing forecast unless a test says so."""
    monkeypatch.setattr(module, "VALIDATION_DAYS", DAYS)
    for each in (module, champions_module):
        monkeypatch.setattr(each, "FEWEST_DAYS", FEWEST)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a forecast is made where the record is enough")

    monkeypatch.setattr(module, "target_forecast", refuse)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(tmp_path)
    made.ensure_tables(["forecasts.quantiles", "forecasts.champions", "raw.market_prices"])
    return made


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> Callable[[DeliveryDay], np.ndarray]:
    """Standard normal prices, one series per day, known when the day begins."""

    def price(day: DeliveryDay) -> np.ndarray:
        return np.random.default_rng(day.label.toordinal()).normal(size=day.mtu_count)

    def known(
        _lake: Lake, _desk: Desk, day: DeliveryDay, at: datetime, _before: datetime | None
    ) -> dict[str, np.ndarray]:
        return {"price": price(day) if day.start <= at else np.full(day.mtu_count, np.nan)}

    monkeypatch.setattr(runs, "outcomes", known)
    return price


def configuration(desk: Desk, *names: str, recorded_as: str = "") -> Configuration:
    """The price configuration of a desk with some members."""
    members = {**desk.forecast.members, "price": names}
    settings = desk.forecast.model_copy(update={"members": members})
    own = desk.model_copy(update={"forecast": settings})
    return Configuration.of(desk_ensemble(own, "price"), date.min, recorded_as)


OLD = configuration(HOURLY, "weekly_naive", recorded_as="old")
NEW = configuration(HOURLY, "lear_21", recorded_as="new")


def validator(lake: Lake, desk: Desk = HOURLY, at: datetime = AT) -> Validator:
    return Validator(lake, desk, MemoryModels(), at)


@pytest.mark.parametrize(("spread", "role"), [(1.0, "champion"), (9.0, "challenger")])
def test_the_better_takes_over_and_the_worse_waits_a_week_for_its_next_try(
    lake, outcomes, spread, role
):
    days, champions = validator(lake).days(), Champions(lake, HOURLY.name)
    record_made_up(lake, HOURLY, days, "old", 3.0)
    record_made_up(lake, HOURLY, days, "new", spread, "replay")
    assert validator(lake).offer(champions, "price", OLD).role == "champion"
    made = validator(lake).offer(champions, "price", NEW)
    assert (made.role, made.validated_until) == (role, AT.date() - timedelta(days=1))
    assert (made.pinball99 < made.champion_pinball99) == (role == "champion")
    written = lake.read(CHAMPIONS).height

    nights = [AT + timedelta(days=n) for n in range(1, AGAIN_AFTER_DAYS + 1)]
    new_days = [night.date() - timedelta(days=1) for night in nights]
    record_made_up(lake, HOURLY, new_days, "old", 3.0)
    record_made_up(lake, HOURLY, new_days, "new", spread, "replay")
    for night in nights[:-1]:
        again = validator(lake, at=night).offer(champions, "price", NEW)
        assert (again.role, again.chosen_at) == (role, AT)
    assert lake.read(CHAMPIONS).height == written
    last = validator(lake, at=nights[-1]).offer(champions, "price", NEW)
    assert last.chosen_at == (AT if role == "champion" else nights[-1])


@pytest.mark.parametrize(
    ("last", "periods"),
    [
        (date(2025, 10, 2), {24, 96}),
        (date(2025, 10, 26), {96, 100}),
    ],
    ids=["first quarter-hourly days", "25 hours"],
)
def test_losses_are_those_of_the_whole_ensemble_on_days_of_any_length(
    lake, outcomes, last, periods
):
    """On two days something was of a lower rung; they do not count."""
    champion = configuration(QUARTERS, "weekly_naive", recorded_as="old")
    challenger = configuration(QUARTERS, "lear_21", recorded_as="new")
    night = datetime.combine(last + timedelta(days=1), time(0, 30), UTC)
    days = validator(lake, QUARTERS, night).days()
    assert days == [last - timedelta(days=n) for n in range(DAYS - 1, -1, -1)]
    record_made_up(lake, QUARTERS, days[:2], "old", 1.0, model=DAY_TYPE)
    record_made_up(lake, QUARTERS, days[2:], "old", 1.0)
    record_made_up(lake, QUARTERS, days, "new", 2.0, "replay")
    # Nor do forecasts of another configuration count.
    record_made_up(lake, QUARTERS, days[:2], "other", 1.0, "replay")
    found = validator(lake, QUARTERS, night).validation("price", challenger, champion)
    assert found.days == days
    assert np.isnan(found.champion[:2]).all()
    assert np.isnan(found.challenger[:2]).all()
    session = load_area(QUARTERS.area).session()
    counts = set()
    for label, loss in zip(days[2:], found.champion[2:], strict=True):
        day = session.delivery_day(label)
        counts.add(day.mtu_count)
        quantiles = np.tile(norm.ppf(PERCENTILES), (day.mtu_count, 1))
        assert loss == pytest.approx(pinball99(quantiles, outcomes(day)))
    assert counts == periods
    assert (found.challenger[2:] > found.champion[2:]).all()


def test_no_day_counts_that_is_not_over_and_no_outcome_known_later(lake, outcomes, monkeypatch):
    days = validator(lake).days()
    assert days[-1] == date(2016, 1, 18)
    # Just after midnight UTC a day of the west is not over.
    west = epf_desk(area="EPF_PJM")
    assert validator(lake, west).days()[-1] == date(2016, 1, 17)
    record_made_up(lake, HOURLY, days, "old", 3.0)
    record_made_up(lake, HOURLY, days, "new", 1.0, "replay")
    whole = validator(lake).validation("price", NEW, OLD)
    honest = runs.outcomes

    def late(
        lake: Lake, desk: Desk, day: DeliveryDay, at: datetime, before: datetime | None
    ) -> dict[str, np.ndarray]:
        """The last days' outcomes become known a minute after the training."""
        if day.label in days[-2:] and at <= AT:
            return {"price": np.full(day.mtu_count, np.nan)}
        return honest(lake, desk, day, at, before)

    monkeypatch.setattr(runs, "outcomes", late)
    found = validator(lake).validation("price", NEW, OLD)
    for role in ("champion", "challenger"):
        np.testing.assert_array_equal(getattr(found, role)[:-2], getattr(whole, role)[:-2])
        assert np.isnan(getattr(found, role)[-2:]).all()


def test_a_champion_this_code_no_longer_has_is_judged_by_its_record_or_not_at_all(lake, outcomes):
    champions, days = Champions(lake, HOURLY.name), validator(lake).days()
    lost = replace(OLD, members={"weekly_naive": "an older version"})
    champions.offer("price", lost, AT - timedelta(days=1))
    record_made_up(lake, HOURLY, days[:4], "old", 3.0)
    waiting = validator(lake).offer(champions, "price", NEW)
    assert waiting.role == "challenger"
    assert waiting.reason.startswith(
        "not validated: forecasts of the champion: expected at least 7 days, found 4; "
    )
    assert "found 'other versions of weekly_naive'" in waiting.reason
    # Not tried again the next night.
    night = AT + timedelta(days=1)
    assert validator(lake, at=night).offer(champions, "price", NEW).chosen_at == AT

    later = [day + timedelta(days=DAYS) for day in days[:AGAIN_AFTER_DAYS]]
    record_made_up(lake, HOURLY, [*days[4:], *later], "old", 3.0)
    record_made_up(lake, HOURLY, [*days, *later], "new", 1.0, "replay")
    week = AT + timedelta(days=AGAIN_AFTER_DAYS)
    assert validator(lake, at=week).offer(champions, "price", NEW).role == "champion"


def test_too_few_outcomes_are_said_before_anything_is_forecast(lake, monkeypatch):
    unknown = {"price": np.full(24, np.nan)}
    monkeypatch.setattr(runs, "outcomes", lambda *_: unknown)
    champions = Champions(lake, HOURLY.name)
    champions.offer("price", OLD, AT - timedelta(days=1))
    made = validator(lake).offer(champions, "price", NEW)
    assert made.reason == "not validated: known outcomes: expected at least 7 days, found 0"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"members": {"weekly_naive": "x"}}, "other versions of weekly_naive"),
        ({"members": {"gone": "x"}}, "forecast member: gone"),
        ({"recipe": OLD.recipe | {"levels": 9}}, "unexpected keyword argument 'levels'"),
        ({"recipe": {"windows_days": "x"}}, "found"),
        ({"recipe": {}}, "another recipe"),
    ],
)
def test_what_this_code_no_longer_has_is_named(changed, said):
    with pytest.raises(InputError, match=f"^configuration .* of price: .*{said}"):
        rebuilt(replace(OLD, **changed), "price")


def test_an_ensemble_comes_back_from_its_document_whatever_desks_are_set_to():
    recipe = Recipe(windows_days=(28, 56), fold_days=3, block_days=14, aggregation="average")
    given = Ensemble((member("lear_21"), member("analogues")), recipe)
    document = Configuration.of(given, date.min).document
    assert rebuilt(Configuration.from_document(document), "price") == given
