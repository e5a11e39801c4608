"""Calendar columns of delivery days: public holidays and the days beside them.

The dates come from the package `holidays`; which country counts is a field of the market area. Not
here: weekdays (every history knows its own), slots of the wall clock (`profiles`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from energy_assets.forecasting.arrays import FloatArray


def holiday_columns(country: str, days: Sequence[date]) -> dict[str, FloatArray]:
    """Daily values `holiday`, `holiday_before`, `holiday_after`, each 0 or 1, (N,).

    `holiday_before` marks the day after a holiday (its yesterday was one), `holiday_after` the day
    before one. Without a country there are none.

    Args:
        country: ISO 3166 code, or empty.
        days: Delivery days.
    """
    if not country or not days:
        return {}
    import holidays

    years = range(min(days).year - 1, max(days).year + 2)
    off = holidays.country_holidays(country, years=years)

    def column(shift: int) -> FloatArray:
        return np.array([float(day + timedelta(days=shift) in off) for day in days])

    return {"holiday": column(0), "holiday_before": column(-1), "holiday_after": column(1)}
