"""Totals of settlement rows, in integer cents.

Belongs here: adding rounded rows up. Not here: computing them (`settlement`) or attributing value
to strategies (`backtesting`).
"""

from __future__ import annotations

import polars as pl

from energy_assets.lakehouse.tables import table

COMPONENTS = table("trading.settlement").column("component").allowed


def totals_cents(settlement: pl.DataFrame) -> dict[str, int]:
    """Cash by component in the registry's order; a component without rows is 0."""
    sums = dict(settlement.group_by("component").agg(pl.col("cash_cents").sum()).iter_rows())
    return {component: int(sums.get(component, 0)) for component in COMPONENTS}


def profit_cents(settlement: pl.DataFrame) -> int:
    """Cash of all components."""
    return int(settlement["cash_cents"].sum())


def amount_text(cash_cents: int) -> str:
    """Cents as an amount with thousands separators: -123456 is `-1,234.56`."""
    whole, part = divmod(abs(cash_cents), 100)
    return f"{'-' if cash_cents < 0 else ''}{whole:,}.{part:02d}"
