"""The intraday model: what the newest errors say about later ones, in two steps.

First a ridge regression by group of leads: the deviation of the outcome from its guidance as a
linear function of the last error, its means over the last hours, the errors at the same time a day
and a week ago and the pull towards the last value. At the shortest lead it is persistence, at long
leads the guidance. Then quantiles of what is left, by gradient boosting on all columns
(`features`), pooled over leads and scaled by each group's spread, so that short leads count as much
as long ones. The result is cut at the bounds.

One fit serves every origin and lead. Belongs here: the model, its settings and its stored form.
Not here: features, guidance (`weather_guidance`), reading for a desk (`desk`).
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from energy_assets import __version__
from energy_assets.forecasting.arrays import BoolArray, FloatArray, IntArray
from energy_assets.forecasting.boosted_trees import TreeSettings, fit_trees, trees_from_text
from energy_assets.forecasting.intraday.features import REACH_DAYS, Features, Pairs
from energy_assets.forecasting.intraday.history import RollingHistory
from energy_assets.forecasting.intraday.ladder import percentiles
from energy_assets.forecasting.members.archives import archive
from energy_assets.forecasting.members.base import MemberSpec, MemberUnavailableError

if TYPE_CHECKING:
    import lightgbm

# Upper ends of the groups of leads, in hours.
_GROUP_HOURS = (0.5, 1, 2, 3, 6, 12, 24, 36)
_RIDGE = 10.0
_MINIMUM_ROWS = 500
_TREES = TreeSettings(
    trees=120,
    learning_rate=0.06,
    num_leaves=7,
    min_data_in_leaf=200,
    feature_fraction=0.7,
    bagging_fraction=0.8,
    lambda_l2=1.0,
)
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class IntradaySettings:
    """How the model is fitted.

    Attributes:
        levels: Quantile levels with an ensemble of their own; the others lie between.
        trees: How an ensemble is grown.
        rows: Most training rows, pairs of origin and period.
        leads_per_origin: Periods drawn for every training origin.
    """

    levels: tuple[float, ...] = (
        0.01,
        0.05,
        0.1,
        0.2,
        0.3,
        0.4,
        0.5,
        0.6,
        0.7,
        0.8,
        0.9,
        0.95,
        0.99,
    )
    trees: TreeSettings = _TREES
    rows: int = 40_000
    leads_per_origin: int = 12


DEFAULT_SETTINGS = IntradaySettings()


@dataclass(frozen=True)
class FittedIntraday:
    """A trained model.

    Attributes:
        trained_until: End of the newest period it was fitted on.
        levels: Fitted levels, (L,).
        slopes: Of the ridge regression by group of leads, (groups, G).
        scales: Spread of its errors by group, (groups,).
        boosters: One ensemble per level.
    """

    trained_until: datetime
    levels: FloatArray
    slopes: FloatArray
    scales: FloatArray
    boosters: tuple[lightgbm.Booster, ...]

    def predict(self, history: RollingHistory) -> FloatArray:
        """Quantiles of the periods to forecast, (H, 99), non-decreasing and within bounds.

        Raises:
            MemberUnavailableError: Nothing was seen, or a period has neither guidance nor past.
        """
        if history.last_seen is None:
            msg = f"{history.target}: expected a live value before the origin, found none"
            raise MemberUnavailableError(msg)
        recent = history.newest(REACH_DAYS)
        periods = recent.periods
        made = predict_pairs(self, recent, np.full(len(periods), recent.origin), periods)
        if not np.isfinite(made).all():
            msg = f"{history.target}: expected guidance or a past for every period, found gaps"
            raise MemberUnavailableError(msg)
        return made

    def dump(self) -> bytes:
        """The model as a NumPy archive without pickles."""
        texts = [booster.model_to_string() for booster in self.boosters]
        file = io.BytesIO()
        np.savez_compressed(
            file,
            allow_pickle=False,
            trained_until=np.array(self.trained_until.isoformat()),
            levels=self.levels,
            slopes=self.slopes,
            scales=self.scales,
            boosters=np.array(json.dumps(texts)),
        )
        return file.getvalue()


class IntradayModel:
    """Quantiles of one target at every lead.

    Args:
        window_days: Days before the origin it trains on.
        settings: How it is fitted.
    """

    def __init__(
        self, window_days: int = 365, settings: IntradaySettings = DEFAULT_SETTINGS
    ) -> None:
        self.settings = settings
        self.spec = MemberSpec(
            name=f"intraday_{window_days}",
            produces="quantiles",
            minimum_days=14,
            window_days=window_days,
            retrain_days=7,
            cost_seconds=4.0,
            settings={"intraday": asdict(settings)},
        )

    def renamed(self, name: str, retrain_days: int) -> MemberSpec:
        """The spec of a model built on this one."""
        return replace(self.spec, name=name, retrain_days=retrain_days)

    @property
    def version(self) -> str:
        """Hash of everything but data that its forecasts depend on."""
        content = {"code": __version__, **asdict(self.spec)}
        text = json.dumps(content, sort_keys=True, default=sorted)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def fit(self, history: RollingHistory) -> FittedIntraday:
        """Train on origins before the history's own.

        Raises:
            MemberUnavailableError: Too few known outcomes.
        """
        origins, periods = training_pairs(history, self.spec.window_days or 0, self.settings)
        pairs = Features(history).pairs(origins, periods)
        deviation = history.outcome[periods] - pairs.expected
        usable = np.isfinite(deviation) & (pairs.lead_hours > 0)
        if usable.sum() < _MINIMUM_ROWS or history.trained_until is None:
            msg = (
                f"{self.spec.name} for {history.target}: expected {_MINIMUM_ROWS} outcomes "
                f"with a forecast to learn from, found {int(usable.sum())}"
            )
            raise MemberUnavailableError(msg)
        pairs, deviation = _rows(pairs, usable), deviation[usable]
        slopes, scales = _fit_linear(pairs, deviation)
        centre, scale, columns = _centred(pairs, slopes, scales)
        left = (deviation + pairs.expected - centre) / scale
        boosters = tuple(
            fit_trees(columns, left, self.settings.trees, level=level, seed=number)
            for number, level in enumerate(self.settings.levels)
        )
        levels = np.array(self.settings.levels)
        return FittedIntraday(history.trained_until, levels, slopes, scales, boosters)

    def load(self, content: bytes) -> FittedIntraday:
        """Read what `dump` wrote.

        Raises:
            MemberUnavailableError: It is no such archive.
        """
        with archive(content, f"{self.spec.name}: expected an intraday model") as found:
            texts = json.loads(str(found["boosters"]))
            return FittedIntraday(
                datetime.fromisoformat(str(found["trained_until"])),
                found["levels"],
                found["slopes"],
                found["scales"],
                tuple(trees_from_text(text) for text in texts),
            )


def predict_pairs(
    fitted: FittedIntraday, history: RollingHistory, origins: IntArray, periods: IntArray
) -> FloatArray:
    """Quantiles of pairs of origin and period, (n, 99); NaN where nothing is expected of one."""
    pairs = Features(history).pairs(origins, periods)
    centre, scale, columns = _centred(pairs, fitted.slopes, fitted.scales)
    made = np.column_stack([booster.predict(columns) for booster in fitted.boosters])
    quantiles = percentiles(centre[:, None] + scale[:, None] * made, fitted.levels)
    return np.clip(quantiles, *history.bounds)


def training_pairs(
    history: RollingHistory, window_days: int, settings: IntradaySettings
) -> tuple[IntArray, IntArray]:
    """Origins and periods to learn from, each (n,), all known at the history's origin.

    Periods are drawn from groups of leads that widen with the lead; which one of a group follows
    the origin by the golden ratio, so that all leads and times of the day come up evenly and no
    random numbers are needed.
    """
    origins = _training_origins(history, window_days, settings)
    skip, reach = history.first - history.origin, len(history.outcome) - history.origin
    edges = _lead_edges(skip, reach, settings.leads_per_origin)
    turn = np.arange(len(origins)) * _GOLDEN % 1.0
    groups = [
        origins + low + np.floor((turn + g * _GOLDEN) % 1.0 * (high - low)).astype(np.int64)
        for g, (low, high) in enumerate(pairwise(edges))
    ]
    periods = np.concatenate(groups)
    repeated = np.tile(origins, len(groups))
    known = periods <= history.origin - history.delay
    return repeated[known], periods[known]


def _training_origins(
    history: RollingHistory, window_days: int, settings: IntradaySettings
) -> IntArray:
    earliest = max(history.origin - window_days * history.per_day, 1)
    if history.decisions is not None:
        past = history.decisions
        return past[(past >= earliest) & (past < history.origin)]
    span = history.origin - earliest
    stride = max(-(-span * settings.leads_per_origin // settings.rows), 1)
    # No common divisor with a day: every time of the day comes up.
    while math.gcd(stride, history.per_day) > 1:
        stride += 1
    return np.arange(earliest, history.origin, stride)


def _lead_edges(skip: int, reach: int, groups: int) -> list[int]:
    """Rising period offsets from `skip` to `reach`, close at first, wide at the end."""
    span = reach - skip
    wanted = (
        np.geomspace(1, span + 1, min(groups, span) + 1) - 1
        if skip == 0
        else np.linspace(0, span, min(groups, span) + 1)
    )
    edges = np.unique(np.round(wanted).astype(np.int64) + skip)
    return [int(edge) for edge in edges]


def _fit_linear(pairs: Pairs, deviation: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Ridge slopes (groups, G) and spreads (groups,) by group of leads."""
    group = _group_of(pairs.lead_hours)
    count, width = len(_GROUP_HOURS) + 1, pairs.linear.shape[1]
    slopes, scales = np.zeros((count, width)), np.zeros(count)
    for number in range(count):
        rows = group == number
        if rows.sum() < 10 * width:
            continue
        design, wanted = pairs.linear[rows], deviation[rows]
        spread = design.std(axis=0)
        unit = design / np.where(spread > 0, spread, 1.0)
        gram = unit.T @ unit + _RIDGE * np.eye(width)
        solved = np.linalg.solve(gram, unit.T @ wanted)
        slopes[number] = solved / np.where(spread > 0, spread, 1.0)
        scales[number] = np.abs(wanted - design @ slopes[number]).mean()
    return _filled(slopes, scales, fallback=float(np.abs(deviation).mean()))


def _filled(
    slopes: FloatArray, scales: FloatArray, fallback: float
) -> tuple[FloatArray, FloatArray]:
    """Groups without rows take the fit of the nearest group that has some."""
    there = np.flatnonzero(scales > 0)
    if not there.size:
        return slopes, np.full(len(scales), fallback or 1.0)
    nearest = there[np.abs(np.arange(len(scales))[:, None] - there).argmin(axis=1)]
    return slopes[nearest], scales[nearest]


def _centred(
    pairs: Pairs, slopes: FloatArray, scales: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Linear forecast (n,), spread (n,) and all columns with the linear forecast in front."""
    group = _group_of(pairs.lead_hours)
    step = (pairs.linear * slopes[group]).sum(axis=1)
    centre = pairs.expected + step
    return centre, scales[group], np.column_stack([centre, step, pairs.columns])


def _group_of(lead_hours: FloatArray) -> IntArray:
    return np.searchsorted(np.array(_GROUP_HOURS), lead_hours - 1e-9).astype(np.int64)


def _rows(pairs: Pairs, rows: BoolArray) -> Pairs:
    return Pairs(
        pairs.lead_hours[rows], pairs.expected[rows], pairs.linear[rows], pairs.columns[rows]
    )
