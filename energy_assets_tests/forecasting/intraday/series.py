"""Made-up series with an error that lasts, for the tests of the intraday horizon."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from energy_assets.forecasting.boosted_trees import TreeSettings
from energy_assets.forecasting.intraday.boosting import IntradaySettings
from energy_assets.forecasting.intraday.history import RollingHistory, Vintages

START = datetime(2025, 1, 1, tzinfo=UTC)
QUICK = IntradaySettings(
    levels=(0.1, 0.3, 0.5, 0.7, 0.9),
    trees=TreeSettings(trees=25, learning_rate=0.1, num_leaves=7, min_data_in_leaf=50),
    rows=4000,
    leads_per_origin=8,
)


def lasting_error(days: int = 90, hours: int = 36, seed: int = 3) -> RollingHistory:
    """Hourly output: a forecast with a vintage of each midnight, and an error that lasts."""
    rng = np.random.default_rng(seed)
    size = days * 24 + hours
    guidance = (
        50
        + 20 * np.sin(np.arange(size) * 2 * np.pi / 24)
        + np.repeat(rng.normal(0, 8, size // 24 + 1), 24)[:size]
    )
    error = np.zeros(size)
    for i in range(1, size):
        error[i] = 0.9 * error[i - 1] + rng.normal(0, 3)
    periods = np.arange(size)
    oldest, old, new = ((periods // 24 - days) * 24 for days in (2, 1, 0))
    rough, fair = (guidance + rng.normal(0, spread, size) for spread in (3, 2))
    forecast = Vintages(np.stack([rough, fair, guidance]), np.stack([oldest, old, new]))
    return RollingHistory(
        "wind",
        START,
        60,
        np.clip(guidance + error, 0, 100),
        origin=size - hours,
        first=size - hours,
        guidance=forecast,
        drivers={"weather": Vintages(guidance[None] * 2, new[None])},
        bounds=(0.0, 100.0),
    )


def corrupted(whole: RollingHistory, origin: int, seed: int = 9) -> RollingHistory:
    """The same, with everything that is not known at an origin replaced by other values."""
    rng = np.random.default_rng(seed)

    def later(series: Vintages) -> Vintages:
        other = rng.normal(0, 1e3, series.values.shape)
        return Vintages(
            np.where(series.known_from > origin, other, series.values), series.known_from
        )

    outcome = whole.outcome.copy()
    unknown = origin - whole.delay + 1
    outcome[unknown:] = rng.normal(0, 1e3, len(outcome) - unknown)
    assert whole.guidance is not None
    return replace(
        whole,
        outcome=outcome,
        guidance=later(whole.guidance),
        drivers={name: later(series) for name, series in whole.drivers.items()},
    )
