"""A flood of duplicates at the door: rows delivered twice, and twice with different values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from detecting.labelled import Line
from detecting.series import zones
from energy_assets.lakehouse.tables import table
from energy_assets.quality.screening import screen

PRICES = "raw.market_prices"


def flood_lines(root: Path, instances: int) -> list[Line]:
    """Copies and conflicting copies among a real week of prices: rows refused."""
    rows = (
        zones(root)
        .filter(pl.col("zone") == "BE")
        .select(
            series=pl.lit("day_ahead"),
            period_start=pl.col("datetime_local").dt.replace_time_zone("UTC"),
            resolution_min=pl.lit(60, dtype=pl.Int32),
            price=pl.col("price_eur_mwh").cast(pl.Float64),
            currency=pl.lit("EUR"),
            source=pl.lit("real"),
            knowledge_time=pl.col("datetime_local").dt.replace_time_zone("UTC"),
            knowledge_basis=pl.lit("rule"),
        )
    )
    found = []
    for name, rule, offset in (("copies", "duplicate", 0.0), ("conflicts", "conflict", 7.0)):
        hits = points = refused = alarms = 0
        for number in range(instances):
            rng = np.random.default_rng([13, number])
            week = rows.slice(int(rng.integers(0, rows.height - 168)), 168)
            again = week.sample(int(rng.integers(1, 168)), seed=number)
            flood = pl.concat([week, *[again.with_columns(pl.col("price") + offset)] * 5])
            good, rejections = screen(table(PRICES), flood, None)
            there = sum(each.rows.height for each in rejections if each.rule == rule)
            expected = again.height * (5 if not offset else 2)
            hits += there >= expected
            points += expected
            refused += min(there, expected)
            alarms += 168 - good.height if not offset else 168 - again.height - good.height
        months = instances * 7 / 30.44
        found.append(
            Line(f"flood at the door: {name}", instances, hits, points, refused, alarms, months)
        )
    return found
