"""Statistical members, Prophet and the tsfresh block: error alone and beside LEAR, and cost.

    python benchmarks/statistical_members.py [--days 12] [--step 4] [--test] [MEMBER …]

Days are taken every `--step` days, the newest `--days` of them before the test window (all of the
364 validation days with `--days 91`), or from its start with `--test`. CPU seconds include child
processes (Prophet's optimiser is one). Columns:

- `MAE`, `pinball99` (mean over 99 percentiles, half the CRPS; for points half the MAE);
- `LEAR`: MAE of the mean of LEAR 56, 84, 1092 and 1456 on the same days;
- `LEAR+1/5`, `LEAR+1/2`: MAE of that mean with the member at this weight;
- `fit s`, `predict s`: CPU seconds of one fit and one prediction; `day s`: per day with the
  member's own retraining interval, were every day forecast.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import datasets
import numpy as np

from energy_assets.forecasting.members.base import FittedMember, Member
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.registry import member
from energy_assets.forecasting.members.serving import MemoryModels, Serving
from energy_assets.forecasting.scoring.quantile import pinball99

LEAR = ("lear_56", "lear_84", "lear_1092", "lear_1456")
MEMBERS = (
    "weekly_naive",
    "seasonal_quantiles_28",
    "mstl",
    "auto_arima",
    "prophet_364",
    "lear_364",
    "lear_tsfresh_364",
    "boosting_364",
    "boosting_tsfresh_364",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("members", nargs="*", default=MEMBERS)
    parser.add_argument("--market", default="DE", choices=sorted(datasets.EPF_TEST))
    parser.add_argument("--days", type=int, default=12)
    parser.add_argument("--step", type=int, default=4)
    parser.add_argument("--test", action="store_true")
    options = parser.parse_args()
    history = datasets.epf(options.market)
    start = history.row_of(datasets.EPF_TEST[options.market][0])
    first = start if options.test else start - options.step * options.days
    rows = range(first, first + options.step * options.days, options.step)
    outcome = history.outcome[list(rows)]
    lear = np.mean([forecasts(name, history, rows)[0] for name in LEAR], axis=0)
    print(f"{options.market}: {len(rows)} days from {history.days[first]}, every {options.step}")
    titles = ("MAE", "pinball99", "LEAR", "LEAR+1/5", "LEAR+1/2", "fit s", "predict s", "day s")
    print(f"{'member':24}" + "".join(f"{title:>11}" for title in titles))
    for name in options.members:
        found, clock = forecasts(name, history, rows)
        point = found[..., 49] if found.ndim == 3 else found
        quantiles = found if found.ndim == 3 else np.repeat(found[..., None], 99, axis=-1)
        blends = [lear, *((1 - share) * lear + share * point for share in (0.2, 0.5))]
        figures = [
            np.nanmean(np.abs(point - outcome)),
            pinball99(quantiles, outcome),
            *(np.nanmean(np.abs(blend - outcome)) for blend in blends),
            clock.fit,
            clock.predict,
            clock.fit / member(name).spec.retrain_days + clock.predict,
        ]
        print(f"{name:24}" + "".join(f"{figure:11.3f}" for figure in figures), flush=True)


def forecasts(name: str, history: TargetHistory, rows: Sequence[int]) -> tuple[np.ndarray, _Clock]:
    """Forecasts of the days, and the mean CPU seconds of a fit and a prediction."""
    clock = _Clock()
    timed = _Timed(member(name), clock)
    serving = Serving("", lambda day: history.before(history.row_of(day)), MemoryModels())
    found = np.stack([serving.forecast(timed, history.days[row]) for row in rows])
    return found, clock


@dataclass
class _Clock:
    fits: list[float] = field(default_factory=list)
    predictions: list[float] = field(default_factory=list)

    @property
    def fit(self) -> float:
        """Median: the first call also loads a library."""
        return float(np.median(self.fits))

    @property
    def predict(self) -> float:
        """Median of the predictions."""
        return float(np.median(self.predictions))


class _Timed:
    """A member that notes what its fits and predictions cost."""

    def __init__(self, inner: Member, clock: _Clock) -> None:
        self.inner, self.clock, self.spec = inner, clock, inner.spec

    def fit(self, history: TargetHistory) -> FittedMember:
        start = _cpu_seconds()
        fitted = self.inner.fit(history)
        self.clock.fits.append(_cpu_seconds() - start)
        return _TimedFitted(fitted, self.clock)

    def load(self, content: bytes) -> FittedMember:
        return self.inner.load(content)


class _TimedFitted:
    def __init__(self, inner: FittedMember, clock: _Clock) -> None:
        self.inner, self.clock, self.trained_until = inner, clock, inner.trained_until

    def predict(self, history: TargetHistory) -> np.ndarray:
        start = _cpu_seconds()
        path = self.inner.predict(history)
        self.clock.predictions.append(_cpu_seconds() - start)
        return path

    def dump(self) -> bytes:
        return self.inner.dump()


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    main()
