"""The forecast rung below the ensemble: what prices did at this time of day in the last weeks.

Needs nothing but prices: quantiles and ranks of the last 28 days by slot, neighbouring hours
included. Used when an input of the ensemble is missing. Not here: choosing the rung (`day_ahead`).
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from energy_assets.forecasting.profiles import slots_per_day
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.unit_output import SlotForecast, TooLittleHistoryError
from energy_assets.forecasting.vintages import price_matrix
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import load_area
from energy_assets.portfolio import Desk

DAYS = 28
MINIMUM_DAYS = 7


def price_climatology(known: PointInTime, desk: Desk, day: date) -> SlotForecast:
    """Price quantiles by slot from the last 28 days.

    Raises:
        TooLittleHistoryError: Fewer than seven whole days of prices are known.
    """
    session = load_area(desk.area).session()
    slots = slots_per_day(session.delivery_day(day).mtu_minutes)
    prices = price_matrix(
        known, desk.area, day - timedelta(days=DAYS), day - timedelta(days=1), slots
    )
    is_whole = np.isfinite(prices).all(axis=1)
    whole = prices[is_whole]
    if len(whole) < MINIMUM_DAYS:
        msg = f"price: expected {MINIMUM_DAYS} whole days in the last {DAYS}, found {len(whole)}"
        raise TooLittleHistoryError(msg)
    quantiles = np.quantile(whole, PERCENTILES, axis=0).T
    order = whole.argsort(axis=0).argsort(axis=0)
    # Days with gaps keep their row, so that ranks stay on the calendar they share with units.
    ranks = np.full(prices.shape, np.nan)
    ranks[is_whole] = (order + 0.5) / len(whole)
    return SlotForecast(quantiles, ranks)
