"""Days of the EPF benchmark area with a known best answer for a small battery.

Every hour costs 47 but hours 2 and 3 (10) and hours 18 and 19 (50 and 49.5): the battery of 1 MW,
2 MWh and 90 % takes 2 MWh at 10 and sells 1 MW, then 0.8 MW. That is 69.60 a day.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from energy_assets.backtesting.one_day import settle_strategy
from energy_assets.backtesting.strategies import DayContext, Strategy
from energy_assets.bidding.desk_problem import StartStates
from energy_assets.forecasting.day_ahead import DayForecast, Scenarios
from energy_assets.forecasting.targets import PRICE
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import load_area
from energy_assets.portfolio import Desk, load_desk
from energy_assets_tests.bidding.known_rows import add_series
from energy_assets_tests.lakehouse.frames import frame

DAY = date(2016, 3, 3)
LATER = datetime(2016, 6, 1, tzinfo=UTC)
_DESKS = Path(__file__).resolve().parents[2] / "data" / "desks"
BATTERY, MIXED = (load_desk(_DESKS / f"{name}.yaml") for name in ("epf_de", "epf_de_mixed"))
SHAPE = np.full(24, 47.0)
SHAPE[[2, 3, 18, 19]] = 10.0, 10.0, 50.0, 49.5
BEST_PROFIT = 69.60
BEST_POSITION = np.zeros(24)
BEST_POSITION[[2, 3, 18, 19]] = -1.0, -1.0, 1.0, 0.8


def day_of(label: date, area: str = "EPF_DE"):
    return load_area(area).session().delivery_day(label)


def add_prices(lake: Lake, label: date, prices: np.ndarray, *, known: datetime | None = None):
    """A day's prices, published an hour after its gate unless said otherwise."""
    session = load_area("EPF_DE").session()
    published = known or session.gate_closure(label) + timedelta(hours=1)
    add_series(lake, "EPF_DE", day_of(label), "day_ahead", prices.tolist(), published)


def add_history(lake: Lake, label: date, days: int, prices: np.ndarray):
    """The same prices on so many days before a delivery day, in one write."""
    session = load_area("EPF_DE").session()
    before = [label - timedelta(days=back) for back in range(days, 0, -1)]
    starts = [start for day in before for start in day_of(day).starts]
    published = [
        session.gate_closure(day) + timedelta(hours=1) for day in before for _ in range(24)
    ]
    count = len(starts)
    rows = {
        "series": ["day_ahead"] * count,
        "period_start": starts,
        "resolution_min": [60] * count,
        "price": prices.tolist() * days,
        "currency": ["EUR"] * count,
        "source": ["test"] * count,
        "knowledge_time": published,
        "knowledge_basis": ["published"] * count,
    }
    lake.append_if_changed("raw.market_prices", frame("raw.market_prices", rows), scope="EPF_DE")


def context_of(
    lake: Lake,
    desk: Desk,
    label: date,
    actual: np.ndarray,
    forecast: np.ndarray | None = None,
    expected: dict[str, np.ndarray] | None = None,
    output: dict[str, np.ndarray] | None = None,
) -> DayContext:
    """A day whose forecast is one path (what comes true, where left out)."""
    day = day_of(label, desk.area)
    expected = expected or {}
    path = actual if forecast is None else forecast
    paths = {PRICE: path, **expected}
    scenarios = Scenarios(day, np.array([1.0]), {name: p[None, :] for name, p in paths.items()})
    return DayContext(
        known=PointInTime(lake, desk.decision_time(label)),
        desk=desk,
        day=day,
        forecast=DayForecast(day, {}, scenarios),
        expected=expected,
        actual_prices=actual,
        actual_output=expected if output is None else output,
    )


def earned(lake: Lake, context: DayContext, strategy: Strategy, states: StartStates | None = None):
    """What a strategy's day comes to."""
    states = states or {}
    known = PointInTime(lake, max(LATER, context.day.end + timedelta(days=2)))
    return settle_strategy(known, context, states, strategy(context, states))
