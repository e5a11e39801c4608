"""The desk's net position: everything sold and bought of a delivery day, session by session.

Auctions of different sessions have MTUs of different lengths and may sell part of the day only, so
a position is kept on the finest grid of anything sold: no energy moves in time by adding up.

A session's awards count from their publication on, trades from the moment of the decision that sent
them: the rule `bidding.earlier_awards` reads by.

Belongs here: adding sales up, and which of them a decision knows. Not here: reserve (it is no sale
of energy), imbalance (`settlement`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import numpy as np
import polars as pl

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.session_problem import INTRADAY, RESERVE_SESSIONS
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.lakehouse.tables import table
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk
from energy_assets.trading.day_series import energy_by_period, exact

DAY_AHEAD = "day_ahead"
_Sale = tuple[datetime, int, Decimal]


def _no_trades() -> pl.DataFrame:
    return pl.DataFrame(schema={c.name: c.dtype for c in table("trading.trades").columns})


@dataclass(frozen=True)
class Sold:
    """What was sold and bought of one delivery day.

    Attributes:
        awards: Own columns of `trading.awards` by session.
        trades: Own columns of `trading.trades`, of all decisions.
    """

    awards: Mapping[str, pl.DataFrame]
    trades: pl.DataFrame = field(default_factory=_no_trades)

    def finest_minutes(self, day: DeliveryDay) -> int:
        """Length of the shortest period anything was sold for, at most the day's MTU."""
        frames = (*self.awards.values(), self.trades)
        lengths = (int(length) for frame in frames for length in frame["resolution_min"])
        return min((day.mtu_minutes, *lengths))

    def energies(self, day: DeliveryDay, minutes: int) -> tuple[Decimal, ...]:
        """Net sale in each period of a grid, MWh, exact."""
        return energy_by_period(self._sales(), day, minutes, "position")

    def power(self, day: DeliveryDay, minutes: int) -> FloatArray:
        """Mean net sale in each period of a grid, MW."""
        hours = Decimal(minutes) / 60
        return np.array([float(energy / hours) for energy in self.energies(day, minutes)])

    def _sales(self) -> Iterator[_Sale]:
        for awards in self.awards.values():
            yield from _energies(awards)
        for side, sign in (("sale", 1), ("purchase", -1)):
            for start, minutes, energy in _energies(self.trades.filter(pl.col("side") == side)):
                yield start, minutes, sign * energy


def position_rows(sold: Sold, own: Sold, day: DeliveryDay) -> pl.DataFrame:
    """Own columns of `trading.positions` after a session.

    Args:
        sold: Everything sold so far, the session's included.
        own: What the session itself sold.
        day: Delivery day.
    """
    minutes = sold.finest_minutes(day)
    rows = {
        "period_start": day.grid(minutes),
        "resolution_min": minutes,
        "volume_mw": sold.power(day, minutes),
        "session_volume_mw": own.power(day, minutes),
    }
    schema = {column.name: column.dtype for column in table("trading.positions").columns}
    return pl.DataFrame(rows, schema=schema)


def read_sold(lake: Lake, desk: Desk, stamp: RunStamp, known_at: datetime) -> Sold:
    """What the results of a decision follow: its own session's, and all others known.

    Args:
        lake: The lake.
        desk: The desk.
        stamp: The decision.
        known_at: Auctions published and trades decided by then count.
    """
    area = load_area(desk.area)
    label = stamp.delivery_day
    awards = {}
    for session in energy_auctions(desk):
        rows = awards_in_force(lake, desk, stamp, session, "trading.awards")
        mine = session == stamp.session
        if len(rows) and (mine or area.publication(session, label) <= known_at):
            awards[session] = rows
    # Trades of all decisions add up; of an auction the newest decision counts.
    where = {"delivery_day": label, "mode": stamp.mode}
    trades = lake.read("trading.trades", scope=desk.name, where=where)
    known = pl.col("decision_time") < known_at
    if stamp.session == INTRADAY:
        known |= pl.col("decision_time") == stamp.decision_time
    return Sold(awards, trades.filter(known))


def awards_in_force(
    lake: Lake, desk: Desk, stamp: RunStamp, session: str, table_id: str
) -> pl.DataFrame:
    """A session's rows of a table of awards: those of the decision itself, else the newest."""
    if session == stamp.session:
        return lake.read(table_id, scope=desk.name, where=stamp.where)
    return lake.current(
        table_id,
        scope=desk.name,
        session=session,
        delivery_day=stamp.delivery_day,
        mode=stamp.mode,
    )


def energy_auctions(desk: Desk) -> tuple[str, ...]:
    """Auctions of energy the desk bids in, in the order of their gates."""
    return tuple(name for name in desk.markets.sessions if name not in RESERVE_SESSIONS)


def _energies(rows: pl.DataFrame) -> Iterator[_Sale]:
    """Start, minutes and MWh of each row."""
    columns = rows.select("period_start", "resolution_min", "volume_mw")
    for start, minutes, volume in columns.iter_rows():
        yield start, minutes, exact(volume) * minutes / 60
