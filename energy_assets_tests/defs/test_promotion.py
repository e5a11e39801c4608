"""The training job with a desk set to another configuration than its champion's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from energy_assets.defs.resources import Workspace
from energy_assets.defs.training import assets, checks
from energy_assets.forecasting.lifecycle import champions as champions_module
from energy_assets.forecasting.lifecycle import validation
from energy_assets.forecasting.lifecycle.champions import CHAMPIONS, Champions
from energy_assets.forecasting.lifecycle.training import desk_targets
from energy_assets.lakehouse.enforcement import caller_columns
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.tables import table
from energy_assets.portfolio import Desk
from energy_assets_tests.defs.chain import QUIET, failures, settings_in
from energy_assets_tests.e2e import rewriting
from energy_assets_tests.e2e.desks import EPF_DAY as DAY
from energy_assets_tests.e2e.desks import epf_desk, fetch, write_epf_file
from energy_assets_tests.lakehouse.frames import SteppingClock

DAYS, FEWEST = 6, 5
NIGHT = datetime(2016, 1, 19, 0, 30, tzinfo=UTC)


def desk_with(member: str) -> Desk:
    """A desk whose price is forecast by one member, anew each day."""
    return epf_desk(
        forecast={
            "members": {"price": [member]},
            "qra_window_days": 28,
            "fold_days": 0,
            "longest_retrain_days": 1,
        }
    )


NAIVE, LEAR = desk_with("weekly_naive"), desk_with("lear_21")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> rewriting.Rows:
    """What the desk ever comes to know, days after the delivery day included."""
    folder = tmp_path_factory.mktemp("epf")
    write_epf_file(folder, DAY - timedelta(days=80), DAY + timedelta(days=3))
    lake = Lake(folder / "lake")
    fetch(lake, LEAR, folder, DAY - timedelta(days=DAYS), DAY)
    return rewriting.raw_rows(lake)


@pytest.fixture(scope="module", autouse=True)
def light() -> Iterator[None]:
    """Few validation days, no drift checks and no MLflow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "VALIDATION_DAYS", DAYS)
        for each in (validation, champions_module):
            patch.setattr(each, "FEWEST_DAYS", FEWEST)
        patch.setattr(checks, "outcomes", lambda *_: {})
        patch.setattr(assets, "_enter", lambda *_: [])
        yield


@pytest.fixture(scope="module")
def promoted(rows: rewriting.Rows, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A night with one configuration, the next with a better one; what the second shows."""
    root = world(tmp_path_factory.mktemp("promoted"), rows)
    assert "first configuration" in train(root, NAIVE, NIGHT - timedelta(days=1))
    return root, train(root, LEAR, NIGHT)


def reign(root: Path, desk: Desk, at: datetime) -> None:
    """Make what a desk is set to the first champion, as its first night would."""
    lake = Lake(settings_in(root).lake_root)
    targets = desk_targets(lake, desk, [DAY], at)
    Champions(lake, desk.name).offer("price", targets.configuration("price", DAY), at)


def world(root: Path, rows: rewriting.Rows) -> Path:
    """A lake of these rows."""
    lake = Lake(settings_in(root).lake_root, clock=SteppingClock(NIGHT - timedelta(days=9)))
    lake.ensure_tables()
    rewriting.store(lake, rows)
    return root


def train(root: Path, desk: Desk, at: datetime, day: date = DAY) -> str:
    """A night's run; the table of champions it shows."""
    workspace = Workspace(settings_in(root), (desk,), SteppingClock(at))
    job = assets.training_definitions(workspace).resolve_job_def(assets.job_name(desk.area))
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            instance=instance,
            partition_key=day.isoformat(),
            run_config=QUIET,
            raise_on_error=False,
        )
    assert result.success, failures(result)
    (event,) = result.get_asset_materialization_events()
    return str(event.materialization.metadata["champions"].value)


def choices(root: Path, *columns: str) -> pl.DataFrame:
    lake = Lake(settings_in(root).lake_root)
    found = lake.read(CHAMPIONS, scope=LEAR.name).sort("chosen_at")
    return found.select(columns) if columns else found


def test_the_better_configuration_takes_over(promoted):
    """On real hindcasts of both: the price follows its drivers, not the week before."""
    root, shown = promoted
    (line,) = (line for line in shown.splitlines() if line.startswith("| price"))
    first, second = choices(root).head(2).iter_rows(named=True)
    assert second["role"] == "champion"
    assert second["pinball99"] < 0.7 * second["champion_pinball99"]
    assert (second["validation_first"], second["validation_last"]) == (
        NIGHT.date() - timedelta(days=DAYS),
        NIGHT.date() - timedelta(days=1),
    )
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1:3] == [second["configuration"], first["configuration"]]
    assert cells[3:6] == [
        f"{second[name]:.4g}" for name in ("pinball99", "champion_pinball99", "p_worse")
    ]
    assert cells[6].startswith("champion since 2016-01-19 00:30 UTC: not worse")


def test_the_worse_configuration_waits_and_is_not_computed_again_the_next_night(promoted):
    root, _ = promoted
    shown = train(root, NAIVE, NIGHT + timedelta(hours=1))
    assert "challenger since 2016-01-19 01:30 UTC: worse" in shown
    assert train(root, NAIVE, NIGHT + timedelta(days=1)) == shown
    assert choices(root)["role"].to_list() == ["champion", "champion", "challenger"]
    held = Champions(Lake(settings_in(root).lake_root), LEAR.name)
    champion = held.in_role("price", "champion", NIGHT + timedelta(days=2))
    assert list(champion.configuration.members) == ["lear_21"]


def test_what_becomes_known_after_the_training_changes_nothing(rows, promoted, tmp_path):
    """Other values of everything known later, in a lake that holds them already."""
    late = NIGHT + timedelta(minutes=30)
    root = world(tmp_path, rewriting.known_at(rows, late))
    rewriting.store(Lake(settings_in(root).lake_root), rewriting.news(rows, late, in_place=True))
    reign(root, NAIVE, NIGHT - timedelta(days=1))
    train(root, LEAR, NIGHT)
    columns = ("pinball99", "champion_pinball99", "p_worse", "role")
    found = choices(root, *columns)
    assert found["pinball99"].is_not_null().any()
    assert found.equals(choices(promoted[0], *columns).head(2))


def test_a_champion_that_cannot_be_read_is_named_and_left_as_it_is(tmp_path):
    root = tmp_path
    lake = Lake(settings_in(root).lake_root, clock=SteppingClock(NIGHT - timedelta(days=9)))
    lake.ensure_tables()
    reign(root, NAIVE, NIGHT - timedelta(days=1))
    whole = lake.read(CHAMPIONS).select(caller_columns(table(CHAMPIONS)))
    later = pl.col("knowledge_time") + timedelta(minutes=1)
    cut = whole.with_columns(document=pl.col("document").str.head(40), knowledge_time=later)
    lake.append_if_changed(CHAMPIONS, cut, scope=LEAR.name)
    shown = train(root, LEAR, NIGHT)
    assert "left as it is: champion of price, chosen 2016-01-18 00:30" in shown
    assert "expected JSON with members, recipe and anchors" in shown
    assert choices(root)["document"].to_list() == cut["document"].to_list()
