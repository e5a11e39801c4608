"""The benchmark on arrays forecasts what the daily run forecasts, and takes up where it stopped."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from energy_assets.commands.forecast_benchmark import price_history
from energy_assets.errors import InputError
from energy_assets.forecasting import benchmark
from energy_assets.forecasting.benchmark import Checkpoints, run_benchmark
from energy_assets.forecasting.combination import Recipe
from energy_assets.forecasting.ensembles import recipe_of
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.registry import member
from energy_assets.forecasting.target_forecasts import Forecaster, price_forecast
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import load_area
from energy_assets_tests.e2e.desks import EPF_DAY as DAY
from energy_assets_tests.e2e.desks import EPF_PATH, epf_desk, fetch, write_epf_file

DESK = epf_desk()
MEMBERS = [member("lear_21"), member("lear_28")]
RECIPE = Recipe(windows_days=(29,), fold_days=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("epf")
    write_epf_file(folder, DAY - timedelta(days=90), DAY)
    return folder


@pytest.fixture(scope="module")
def history(folder: Path) -> TargetHistory:
    return price_history(folder / EPF_PATH, load_area("EPF_DE"))


def test_arrays_and_the_lake_give_the_same_forecast(folder: Path, history: TargetHistory) -> None:
    lake = Lake(folder / "lake")
    fetch(lake, DESK, folder, DAY, DAY)
    known = PointInTime(lake, DESK.decision_time(DAY))
    series = ["load", "renewables"]
    made = price_forecast(known, DESK, DAY, series=series, forecaster=Forecaster())
    # Members of the desk are fitted on its history, so the file is cut to that.
    cut = history.newest(DESK.history_days)
    for one in MEMBERS:
        np.testing.assert_allclose(
            one.fit(cut.before(len(cut.days) - 1)).predict(cut.before(len(cut.days) - 1)),
            made.members[one.spec.name],
            atol=1e-9,
        )
    run = run_benchmark(history, MEMBERS, recipe_of(DESK, "price"), DAY, DAY)
    np.testing.assert_allclose(run.quantiles[0], made.quantiles, atol=1e-6)


def test_a_run_broken_off_goes_on_from_its_checkpoint(
    history: TargetHistory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = DAY - timedelta(days=3)
    whole = run_benchmark(history, MEMBERS, RECIPE, first, DAY)
    honest, calls = benchmark.walk_forward, []

    def broken(one: object, *given: object, **more: object) -> np.ndarray:
        calls.append(one)
        if len(calls) == 32:
            raise KeyboardInterrupt
        return honest(one, *given, **more)

    kept = Checkpoints(tmp_path, history)
    with monkeypatch.context() as patch:
        patch.setattr(benchmark, "walk_forward", broken)
        with pytest.raises(KeyboardInterrupt):
            run_benchmark(history, MEMBERS, RECIPE, first, DAY, checkpoints=kept)
    again = run_benchmark(history, MEMBERS, RECIPE, first, DAY, checkpoints=kept)
    assert again.days_made["lear_21"] == whole.days_made["lear_21"] - 28
    assert again.quantiles.tobytes() == whole.quantiles.tobytes()
    once_more = run_benchmark(history, MEMBERS, RECIPE, first, DAY, checkpoints=kept)
    assert set(once_more.days_made.values()) == {0}
    assert once_more.quantiles.tobytes() == whole.quantiles.tobytes()


def test_checkpoints_of_another_series_or_damaged_ones_are_not_read(
    history: TargetHistory, tmp_path: Path
) -> None:
    kept = Checkpoints(tmp_path, history)
    kept.save(MEMBERS[0], {DAY: np.zeros(24)})
    assert set(kept.load(MEMBERS[0])) == {DAY}
    assert Checkpoints(tmp_path, history.newest(40)).load(MEMBERS[0]) == {}
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:50])
    assert kept.load(MEMBERS[0]) == {}


def test_a_member_that_never_could_is_one_clear_line(history: TargetHistory) -> None:
    early = history.days[10]
    with pytest.raises(InputError, match=r"forecast benchmark: lear_21: expected 21 days without"):
        run_benchmark(history, MEMBERS, RECIPE, early, early)
