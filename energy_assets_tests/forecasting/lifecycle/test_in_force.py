"""Which ensemble makes the forecasts: the champion as of the decision, or what can be had of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from energy_assets.forecasting.ensembles import Ensemble, desk_ensemble
from energy_assets.forecasting.lifecycle.artefacts import Artefacts
from energy_assets.forecasting.lifecycle.champions import CHAMPIONS, Champions, Validation
from energy_assets.forecasting.lifecycle.configurations import Configuration
from energy_assets.forecasting.lifecycle.in_force import ensembles_in_force
from energy_assets.forecasting.lifecycle.registry import LakeModels
from energy_assets.forecasting.lifecycle.training import (
    days_before,
    desk_targets,
    looked_back_days,
    train_models,
)
from energy_assets.forecasting.members import registry
from energy_assets.forecasting.members.serving import anchor_of
from energy_assets.forecasting.runs import run_forecast
from energy_assets.forecasting.target_forecasts import ENSEMBLE, TargetForecast
from energy_assets.lakehouse.enforcement import caller_columns
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.run_stamp import Mode
from energy_assets.lakehouse.tables import table
from energy_assets.portfolio import Desk
from energy_assets_tests.e2e.desks import EPF_DAY as DAY
from energy_assets_tests.e2e.desks import epf_desk, fetch, stamp_of, write_epf_file
from energy_assets_tests.forecasting.lifecycle import made

NEXT = DAY + timedelta(days=1)
HOUR, ONE_DAY = timedelta(hours=1), timedelta(days=1)


def desk_with(member: str, name: str = "epf_light", window: int = 28) -> Desk:
    return epf_desk(
        name=name,
        forecast={
            "members": {"price": [member]},
            "qra_window_days": window,
            "fold_days": 0,
            "longest_retrain_days": 28,
        },
    )


def configuration(member: str, window: int = 28) -> Configuration:
    return Configuration.of(desk_ensemble(desk_with(member, window=window), "price"), date.min)


DESK = desk_with("lear_21")
DECISION = DESK.decision_time(DAY)
NAIVE, LEAR = configuration("weekly_naive"), configuration("lear_21")
GONE = replace(NAIVE, members={"gone": "v"})
OTHER_VERSION = replace(LEAR, members={"lear_21": "v"})


def promote(lake: Lake, desk: Desk, chosen: Configuration, at: datetime) -> None:
    """Make a configuration champion: the first, or a better one than that before."""
    days = [at.date() - timedelta(days=n) for n in range(28, 0, -1)]
    losses = np.random.default_rng(3).normal(9, 1, 28)
    validation = Validation(days, losses - 1, losses)
    choice = Champions(lake, desk.name).offer("price", chosen, at, validation)
    assert (choice.role, choice.configuration.name) == ("champion", chosen.name)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("epf")
    write_epf_file(folder, DAY - timedelta(days=100), NEXT + ONE_DAY)
    lake = Lake(folder / "lake")
    lake.ensure_tables(["forecasts.quantiles", "forecasts.champions"])
    fetch(lake, DESK, folder, DAY, NEXT)
    return lake


def price(lake: Lake, day: date, desk: Desk = DESK, mode: Mode = "live") -> TargetForecast:
    return run_forecast(lake, desk, stamp_of(desk, day, mode)).forecast.targets["price"]


def test_a_challenger_makes_no_forecast_until_it_is_champion_and_no_replay_from_before(history):
    without = price(history, DAY)
    assert set(without.members) == {"lear_21"}

    champions = Champions(history, DESK.name)
    promote(history, DESK, NAIVE, DECISION - 2 * ONE_DAY)
    assert champions.offer("price", LEAR, DECISION - ONE_DAY).role == "challenger"
    waiting = price(history, DAY, mode="what_if")
    assert (set(waiting.members), waiting.model, waiting.note) == ({"weekly_naive"}, ENSEMBLE, "")
    assert waiting.version != without.version

    promote(history, DESK, LEAR, DECISION + HOUR)
    following = price(history, NEXT)
    assert (set(following.members), following.version) == ({"lear_21"}, without.version)
    replayed = price(history, DAY, mode="replay")
    assert replayed.version == waiting.version
    assert replayed.quantiles.tobytes() == waiting.quantiles.tobytes()
    recorded = history.read("forecasts.quantiles", where={"delivery_day": DAY, "mode": "replay"})
    assert waiting.version in recorded.filter(model=ENSEMBLE)["model_version"].to_list()


def test_a_champion_this_code_lost_falls_to_the_one_before_and_the_forecast_says_so(history):
    desk = desk_with("lear_21", "lost")
    promote(history, desk, NAIVE, DECISION - 3 * ONE_DAY)
    promote(history, desk, GONE, DECISION - 2 * ONE_DAY)
    forecast = price(history, DAY, desk)
    assert (set(forecast.members), forecast.model) == ({"weekly_naive"}, ENSEMBLE)
    assert forecast.note.startswith("price: champion of 2016-01-17 not used: configuration ")
    assert "found 'forecast member: gone'; the champion of 2016-01-16 serves" in forecast.note


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    empty = Lake(tmp_path)
    empty.ensure_tables([CHAMPIONS])
    return empty


def in_force(lake: Lake, at: datetime = DECISION, before: datetime | None = None) -> Ensemble:
    return ensembles_in_force(lake, DESK, at, before)["price"]


def cut(lake: Lake) -> None:
    """The newest row of champions is revised to one nobody can read."""
    rows = lake.read(CHAMPIONS, scope=DESK.name).sort("chosen_at").tail(1)
    known = pl.col("knowledge_time") + timedelta(minutes=1)
    broken = rows.with_columns(document=pl.col("document").str.head(30), knowledge_time=known)
    lake.append_if_changed(
        CHAMPIONS, broken.select(caller_columns(table(CHAMPIONS))), scope=DESK.name
    )


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda lake: promote(lake, DESK, GONE, DECISION - HOUR), "found 'forecast member: gone'"),
        (lambda lake: promote(lake, DESK, OTHER_VERSION, DECISION - HOUR), "versions of lear_21"),
        (cut, "expected JSON with members"),
    ],
    ids=["member", "version", "row"],
)
def test_without_any_champion_that_can_be_made_the_desk_serves_and_says_so(
    lake: Lake, spoil: Callable[[Lake], None], said: str
) -> None:
    promote(lake, DESK, replace(GONE, members={"never": "v"}), DECISION - 3 * ONE_DAY)
    spoil(lake)
    found = in_force(lake)
    assert found == desk_ensemble(DESK, "price")
    assert said in found.note
    assert found.note.endswith("; the desk's own members serve")


def test_only_what_was_chosen_and_written_in_time_counts(lake: Lake) -> None:
    assert ensembles_in_force(lake, DESK, DECISION) == {}
    promote(lake, DESK, NAIVE, DECISION - ONE_DAY)
    promote(lake, DESK, LEAR, DECISION)
    instant = timedelta(microseconds=1)
    assert ensembles_in_force(lake, DESK, DECISION - ONE_DAY - instant) == {}
    for at, name in ((DECISION - instant, "weekly_naive"), (DECISION, "lear_21")):
        assert [one.spec.name for one in in_force(lake, at).members] == [name]
    written = lake.read(CHAMPIONS).filter(configuration=LEAR.name)["ingested_at"][0]
    assert in_force(lake, DECISION, written).members[0].spec.name == "weekly_naive"


@pytest.fixture
def slot_means(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A cheap member that is trained weekly, as an installed package would bring it."""
    point = EntryPoint("slot_means", f"{made.__name__}:SlotMeans", registry.PLUGIN_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda **_: [point])
    registry.member.cache_clear()
    yield "slot_means_21"
    registry.member.cache_clear()


def test_the_reigning_champion_is_trained_while_another_waits_and_the_deadline_loads_it(
    history: Lake, tmp_path: Path, slot_means: str
) -> None:
    """With its longer window: members are loaded for every day it looks back on."""
    desk = desk_with("weekly_naive", "waiting")
    night = DECISION - 10 * HOUR
    promote(history, desk, configuration(slot_means, window=30), night - ONE_DAY)
    Champions(history, desk.name).offer("price", NAIVE, night)
    reach = looked_back_days(history, desk, night)
    assert reach == 30
    days = days_before(DAY, reach)
    targets = desk_targets(history, desk, days, night)
    assert {one.spec.name for one in targets.members("price")} == {"weekly_naive", slot_means}
    assert targets.configuration("price", DAY).name == NAIVE.name

    def models() -> LakeModels:
        artefacts = Artefacts(str(tmp_path / "models"))
        return LakeModels(history, desk.name, artefacts, desk.decision_time)

    report = train_models(targets, models(), days, decision_time=desk.decision_time, at=night)
    assert report.refused == {}
    assert len(report.trained) == len({anchor_of(day, 7) for day in days})
    run = run_forecast(history, desk, stamp_of(desk, DAY), models=models(), may_train=False)
    forecast = run.forecast.targets["price"]
    assert (forecast.model, set(forecast.members)) == (ENSEMBLE, {slot_means})
