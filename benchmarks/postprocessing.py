"""Quantiles of the German price from four given LEAR forecasts, stage by stage.

Usage: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/postprocessing.py [YEAR ...]

The four forecasts are those of `de-postforecasts` (Lipiecki, Uniejewski and Weron 2024); nothing
else is known to the combination. Every day is made from the days before it with the default recipe.
The recipe was chosen on the second half of 2019 (the forecasts begin on 2018-12-27) and on 2021;
2020 and 2022 are tests, scored twice: once before the isotonic stages were made anew on the
validation days, once after. Historical simulation is the bar: per hour, 182 days, errors of the
mean.

Columns: pinball99 (mean pinball loss over 99 percentiles, half the CRPS), gain on historical
simulation in percent, MAE of the median, coverage of the 80, 90 and 98 % intervals, and hours of 24
that pass Kupiec's test of the 90 % interval at 5 %.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
from datasets import real_data

from energy_assets.forecasting.combination import (
    DEFAULT,
    MemberForecasts,
    walk_forward_combination,
)
from energy_assets.forecasting.combination.recipe import STAGES
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.scoring import interval_coverage, mae, pinball99

SPANS = {
    2019: (date(2019, 7, 1), date(2019, 12, 31), "validation"),
    2020: (date(2020, 1, 1), date(2020, 12, 31), "test"),
    2021: (date(2021, 1, 1), date(2021, 12, 31), "validation"),
    2022: (date(2022, 1, 1), date(2022, 12, 31), "test"),
}
LOCAL_STAGES = tuple(name for name in STAGES if name != "quantile_members")
# In plain units, the two isotonic stages are one.
CLASSIC_STAGES = tuple(name for name in LOCAL_STAGES if name != "isotonic_unscaled")
CLASSIC = replace(
    DEFAULT,
    stages=CLASSIC_STAGES,
    windows_days=(182,),
    isotonic_windows_days=(182,),
    fold_days=0,
    error_scale="none",
    reference="zero",
    aggregation="average",
    calibration="none",
)


# The same stages with the default's windows, error scale and reference.
LOCAL = replace(
    CLASSIC,
    stages=LOCAL_STAGES,
    windows_days=DEFAULT.windows_days,
    isotonic_windows_days=DEFAULT.isotonic_windows_days,
    error_scale=DEFAULT.error_scale,
    reference=DEFAULT.reference,
)


def given_forecasts() -> MemberForecasts:
    frame = pd.read_csv(real_data() / "de-postforecasts/epex_de_lear_2018_2022.csv.gz")
    days = [stamp.date() for stamp in pd.to_datetime(frame["datetime_local"])[::24]]
    names = [name for name in frame.columns if name.startswith("lear_")]
    points = {name: frame[name].to_numpy(float).reshape(-1, 24) for name in names}
    outcome = frame["price_eur_mwh"].to_numpy(float).reshape(-1, 24)
    return MemberForecasts(days, points, {}, outcome)


def kupiec_passes(quantiles: np.ndarray, outcome: np.ndarray) -> int:
    """Hours whose share inside the 90 % interval passes Kupiec's likelihood ratio at 5 %."""
    inside = (quantiles[..., 4] <= outcome) & (outcome <= quantiles[..., 94])
    hits, days = inside.sum(axis=0), len(inside)
    share = np.clip(hits / days, 1e-9, 1 - 1e-9)
    ratio = 2 * (hits * np.log(share / 0.9) + (days - hits) * np.log((1 - share) / 0.1))
    return int((ratio <= 3.841).sum())


def rows_of(forecasts: MemberForecasts, first: date, last: date) -> dict[str, np.ndarray]:
    """Quantiles by step: classic stages, the default's stages, weights, calibration."""
    steps: dict[str, np.ndarray] = {}
    for title, recipe in (("", CLASSIC), (", local scale", LOCAL)):
        _, stages = walk_forward_combination(forecasts, recipe, first, last, show)
        steps |= {f"{name}{title}": stages[name] for name in recipe.stages}
        averaged = [stages[name] for name in DEFAULT.stages if name in recipe.stages]
        steps[f"average{title}"] = np.mean(averaged, axis=0)
    calibrated, stages = walk_forward_combination(forecasts, DEFAULT, first, last, show)
    steps["+ online weights"], steps["+ online calibration"] = stages["combined"], calibrated
    return steps


def show(name: str, done: int, count: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{name} {done}/{count}", end="" if done < count else "\n", file=sys.stderr)


def main() -> None:
    forecasts = given_forecasts()
    for year in [int(word) for word in sys.argv[1:]] or list(SPANS):
        first, last, use = SPANS[year]
        start = time.process_time()
        steps = rows_of(forecasts, first, last)
        rows = slice((first - forecasts.days[0]).days, (last - forecasts.days[0]).days + 1)
        outcome = forecasts.outcome[rows]
        bar = pinball99(steps["historical_simulation"], outcome)
        print(f"\n{year} ({use}), {len(outcome)} days, {time.process_time() - start:.0f} CPU s")
        print(f"{'':32s} pinball99  gain      MAE    80 %   90 %   98 %  Kupiec")
        for name, quantiles in steps.items():
            found = interval_coverage(quantiles, outcome, PERCENTILES, (0.8, 0.9, 0.98))
            score = pinball99(quantiles, outcome)
            covered = " ".join(f"{100 * share:6.1f}" for share in found.values())
            print(
                f"{name:32s} {score:9.3f} {100 * (1 - score / bar):5.1f} % "
                f"{mae(quantiles[..., 49], outcome):8.3f} {covered} "
                f"{kupiec_passes(quantiles, outcome):7d}",
                flush=True,
            )


if __name__ == "__main__":
    main()
