"""Prices of `multimarket-2024` in Germany by day, on a grid rebuilt by row number.

Stamps drift by milliseconds, so rows are counted: 366 days of 96 quarter-hours or six blocks, in
fixed UTC+1; the 4-hour files have one row too many. The column called day-ahead is a 15-minute
auction, taken as the auction of 15:00. FCR is in EUR/MW per block. The unit of aFRR capacity is not
stated: EUR/MW per block here, as the other; per hour with `per_hour`. 0.0 among prices of called
energy stands for no value.

Not here: what is offered (`battery_markets`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
from datasets import real_data

DAYS, QUARTERS, BLOCKS = 366, 96, 6
BLOCK_HOURS = 4
FIRST = date(2024, 1, 1)
BLOCK_OF = tuple(t * BLOCKS // QUARTERS for t in range(QUARTERS))


@dataclass(frozen=True)
class MarketDays:
    """Prices of N days.

    Attributes:
        auction: Of the 15-minute auction (N, 96), EUR/MWh.
        fcr: Capacity (N, 6), EUR per MW and hour.
        afrr: Capacity up and down (N, 6), EUR per MW and hour.
        called: Energy called up and down (N, 96), EUR/MWh; the auction's price where it has none.
    """

    auction: np.ndarray
    fcr: np.ndarray
    afrr: dict[str, np.ndarray]
    called: dict[str, np.ndarray]

    def rows(self, rows: slice | np.ndarray) -> MarketDays:
        """Some of the days."""
        return MarketDays(
            self.auction[rows],
            self.fcr[rows],
            {side: values[rows] for side, values in self.afrr.items()},
            {side: values[rows] for side, values in self.called.items()},
        )


def day_start(row: int) -> datetime:
    """Start of a day, 00:00 in UTC+1."""
    return datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC) + timedelta(days=row, hours=-1)


def german_days(*, per_hour: bool = False) -> MarketDays:
    """All days of 2024.

    Args:
        per_hour: Read aFRR capacity prices as EUR/MW per hour, not per 4-hour block.
    """
    auction = _column("day_ahead", "DE_LU", QUARTERS)
    sides = {"up": "DE_Pos", "down": "DE_Neg"}
    called = {side: _column("afrr_energy", name, QUARTERS) for side, name in sides.items()}
    hours = 1 if per_hour else BLOCK_HOURS
    return MarketDays(
        auction,
        _column("fcr", "DE", BLOCKS) / BLOCK_HOURS,
        {side: _column("afrr_capacity", name, BLOCKS) / hours for side, name in sides.items()},
        {side: np.where(price == 0.0, auction, price) for side, price in called.items()},
    )


def _column(file: str, name: str, per_day: int) -> np.ndarray:
    values = pd.read_csv(real_data() / f"multimarket-2024/{file}.csv.gz")[name].to_numpy(float)
    table: np.ndarray = values[: DAYS * per_day].reshape(DAYS, per_day)
    if not np.isfinite(table).all():
        raise SystemExit(f"multimarket-2024/{file}: prices of {name} are missing")
    return table
