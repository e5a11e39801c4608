"""Nothing known after the decision time changes an output of the decision, not by one bit."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from energy_assets.forecasting.profiles import slot_matrix
from energy_assets.forecasting.targets import TargetReader
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.maintenance import maintain
from energy_assets.lakehouse.revisions import Revisions
from energy_assets.market import load_area
from energy_assets.portfolio import Desk
from energy_assets_tests.conftest import REPO
from energy_assets_tests.e2e import rewriting
from energy_assets_tests.e2e.desks import (
    EPF_DAY,
    decide,
    epf_desk,
    fetch,
    fingerprints,
    reference_desk,
    write_epf_file,
)

# Several whole decisions a test: generous, for machines that do other things too.
pytestmark = pytest.mark.timeout(600)
# The last summer of hourly prices: a quarter of the work of a quarter-hourly day.
HOURLY_DAY = date(2025, 6, 12)


@dataclass(frozen=True)
class World:
    """A desk, the day it decides, and a lake that holds what came true as well."""

    desk: Desk
    day: date
    lake: Lake
    folder: Path

    @property
    def decision_time(self) -> datetime:
        return self.desk.decision_time(self.day)

    def outputs(self, lake: Lake | None = None) -> dict[str, str]:
        where = lake or self.lake
        return fingerprints(where, self.desk, self.day, decide(where, self.desk, self.day))

    def lake_of_another_future(self) -> Lake:
        """A fresh lake with the same past that only ever saw other values afterwards."""
        rows = rewriting.raw_rows(self.lake)
        lake = Lake(self.folder / "another_future")
        rewriting.store(lake, rewriting.news(rows, self.decision_time, in_place=True))
        rewriting.store(lake, rewriting.known_at(rows, self.decision_time))
        return lake


def reference_world(folder: Path, **changes: object) -> World:
    desk = reference_desk(**changes)
    return _world(desk, HOURLY_DAY, folder)


def epf_world(folder: Path) -> World:
    """With a member that is trained every four weeks beside those fitted daily."""
    write_epf_file(folder, EPF_DAY - timedelta(days=150), EPF_DAY + timedelta(days=9))
    desk = epf_desk(
        forecast={
            "members": {"price": ("lear_21", "lear_28", "boosting_60")},
            "qra_window_days": 29,
            "fold_days": 0,
            "longest_retrain_days": 28,
        },
        history_days=70,
    )
    return _world(desk, EPF_DAY, folder)


def _world(desk: Desk, day: date, folder: Path) -> World:
    lake = Lake(folder / "lake")
    fetch(lake, desk, folder, day, day)
    return World(desk, day, lake, folder)


def differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    return sorted(name for name in one | other if one.get(name) != other.get(name))


def forget_forecasts(lake: Lake) -> None:
    """Member hindcasts are kept: without them every step is computed from raw rows again."""
    shutil.rmtree(Path(lake.storage.root) / "forecasts")


def outputs_of_another_process(world: World) -> dict[str, str]:
    command = [sys.executable, "-m", "energy_assets_tests.e2e.desks"]
    arguments = [world.lake.storage.root, world.desk.model_dump_json(), world.day.isoformat()]
    done = subprocess.run(
        [*command, *arguments], cwd=REPO, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("make", [reference_world, epf_world])
def test_what_is_known_later_changes_no_bit(make: Callable[[Path], World], tmp_path: Path) -> None:
    world = make(tmp_path)
    before = world.outputs()
    assert before["rungs"] == "ensemble, stochastic"

    another = world.lake_of_another_future()
    rows = rewriting.raw_rows(world.lake)
    rewriting.store(world.lake, rewriting.news(rows, world.decision_time, in_place=False))
    again = decide(world.lake, world.desk, world.day)
    assert again.rows_written == 0
    assert differences(before, fingerprints(world.lake, world.desk, world.day, again)) == []

    late = world.decision_time + timedelta(days=365)
    assert any(rewrite.table.startswith("raw.") for rewrite in maintain(world.lake, now=late))
    assert differences(before, world.outputs()) == []

    forget_forecasts(world.lake)
    assert differences(before, outputs_of_another_process(world)) == []

    assert differences(before, world.outputs(another)) == []


def reads_a_day_ahead(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    honest = Revisions.places

    def leaky(self: Revisions, at: datetime | None = None) -> object:
        return honest(self, at if at is None else at + timedelta(days=1))

    monkeypatch.setattr(Revisions, "places", leaky)


def knows_the_outcome(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """A driver of the price that is the price itself, read past the point-in-time view."""
    honest = TargetReader.history
    session = load_area(world.desk.area).session()

    def leaky(self: TargetReader, target: str, day: date, slots: int | None = None) -> object:
        history = honest(self, target, day, slots)
        rows = self.known._lake.read("raw.market_prices", where={"series": "day_ahead"})
        first, last = history.days[0], history.days[-1]
        outcome = slot_matrix(rows, "price", session, first, last, history.slots)
        return replace(history, drivers={**history.drivers, "outcome": outcome})

    monkeypatch.setattr(TargetReader, "history", leaky)


@pytest.mark.parametrize("leak", [reads_a_day_ahead, knows_the_outcome])
def test_a_leaky_feature_is_found(
    leak: Callable[[pytest.MonkeyPatch, World], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = epf_world(tmp_path)
    another = world.lake_of_another_future()
    leak(monkeypatch, world)
    found = differences(world.outputs(), world.outputs(another))
    assert {"quantiles/price", "scenarios/price", "bids/sha256"} <= set(found)


def test_a_leaky_feature_is_found_on_the_reference_desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = reference_world(tmp_path, units=["wind", "battery"])
    another = world.lake_of_another_future()
    reads_a_day_ahead(monkeypatch, world)
    found = differences(world.outputs(), world.outputs(another))
    assert {"quantiles/price", "quantiles/wind", "scenarios/wind", "bids/sha256"} <= set(found)


def test_days_are_decided_alike_in_any_order(tmp_path: Path) -> None:
    """Also: hindcasts another decision stored are those a decision would make itself."""
    world = epf_world(tmp_path)
    following = world.day + timedelta(days=1)
    fetch(world.lake, world.desk, tmp_path, following, following)
    rows = rewriting.raw_rows(world.lake)
    found = []
    for days in ((world.day, following), (following, world.day)):
        lake = Lake(tmp_path / f"{days[0]}_first")
        rewriting.store(lake, rows)
        made = {day: decide(lake, world.desk, day) for day in days}
        found.append({day: fingerprints(lake, world.desk, day, made[day]) for day in days})
    for day in (world.day, following):
        assert differences(found[0][day], found[1][day]) == []
    assert differences(found[0][world.day], found[0][following]) != []
