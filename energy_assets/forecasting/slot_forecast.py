"""Quantiles of one target by slot, and where past outcomes fell in theirs.

Belongs here: the value that rungs hand to the scenarios. Not here: how it is made.
"""

from __future__ import annotations

from dataclasses import dataclass

from energy_assets.forecasting.arrays import FloatArray


@dataclass(frozen=True)
class SlotForecast:
    """Quantiles of one target by slot, and the ranks of past outcomes.

    Attributes:
        quantiles: (slots, 99).
        ranks: (past days, slots), the day before the delivery day last; NaN where a past day has
            no outcome or no forecast.
    """

    quantiles: FloatArray
    ranks: FloatArray


class TooLittleHistoryError(Exception):
    """A target cannot be forecast from what is known; the text says what is missing."""
