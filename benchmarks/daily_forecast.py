"""Seconds of a desk's whole daily forecast by step, as the run before the gate makes it.

All targets of the reference desk (96 quarter-hours, synthetic data: for cost only), its ensemble,
200 joint scenarios. History, trained models and the member forecasts of past days are made first
and timed apart: they are there when the daily run begins.

Usage: python benchmarks/daily_forecast.py
"""

from __future__ import annotations

import cProfile
import pstats
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from energy_assets.curation.desk_view import desk_view
from energy_assets.feeds import Access, feeds_for
from energy_assets.forecasting.members.serving import MemoryModels
from energy_assets.forecasting.runs import run_forecast
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.portfolio import load_desk
from energy_assets.quality.catch_up import catch_up

DESK = Path(__file__).resolve().parents[1] / "data/desks/reference.yaml"
FIRST = date(2026, 2, 11)
STEPS = {
    "histories read": "targets.py:history",
    "members fit and predict": "serving.py:forecast",
    "combination": "daily.py:combine",
    "joint scenarios": "paths.py:joint_paths",
    "verdicts": "verdicts.py:verdicts",
    "rows written": "lake.py:append",
}


def main() -> None:
    """Print the table."""
    desk = load_desk(DESK)
    desk = desk.model_copy(update={"scenarios": desk.scenarios.model_copy(update={"count": 200})})
    models = MemoryModels()
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(folder)
        lake.ensure_tables()
        late = datetime(2100, 1, 1, tzinfo=UTC)
        began = time.process_time()
        for feed in feeds_for(desk, Access(Path(folder))):
            catch_up(lake, desk, feed, FIRST, FIRST + timedelta(days=1), late)
        print(f"history into an empty lake   {time.process_time() - began:6.1f} CPU s")

        def forecast(day: date) -> None:
            stamp = RunStamp("day_ahead", day, desk.decision_time(day), "benchmark", "replay")
            run_forecast(lake, desk, stamp, models=models)

        began = time.process_time()
        forecast(FIRST)
        print(f"first day, with hindcasts and training {time.process_time() - began:6.1f} CPU s")
        desk_view(lake, desk, desk.decision_time(FIRST))
        profile = cProfile.Profile()
        began, wall = time.process_time(), time.perf_counter()
        profile.runcall(forecast, FIRST + timedelta(days=1))
        print(
            f"the next day                 {time.process_time() - began:6.1f} CPU s, "
            f"{time.perf_counter() - wall:.1f} s wall"
        )
    _print_steps(profile)


def _print_steps(profile: cProfile.Profile) -> None:
    seconds: dict[str, float] = {}
    # pstats types its table as an attribute that only exists at run time.
    table = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    for (file, _, function), (_, _, _, cumulative, _) in table.items():
        seconds[f"{Path(file).name}:{function}"] = cumulative
    for step, place in STEPS.items():
        print(f"  {step:26s} {seconds.get(place, 0.0):6.2f} s")


if __name__ == "__main__":
    main()
