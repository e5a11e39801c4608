"""Availability of units in two times: which power was available when, as believed when.

For every MTU the outage messages known at a moment give one state. States change when a revision
becomes known, and when a message already known becomes public; each state holds until the next
change. A reader asks `known_from <= T` and (`known_until` is null or > T). What held before any
message starts at `SINCE_EVER`.

Pure functions on rows. Not here: what a set of messages leaves of a unit (`outages`).
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl

from energy_assets.curation.outages import (
    Periods,
    available_power,
    parts_in_force,
    rating_mw,
    touches,
)
from energy_assets.curation.unpublished_outages import is_hidden
from energy_assets.lakehouse.revisions import Revisions
from energy_assets.lakehouse.tables import UTC_TIME, table
from energy_assets.market import DeliveryDay
from energy_assets.portfolio import Desk, LoadUnit, Unit

SINCE_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_STATE = ("available_mw", "messages", "outage_type", "unpublished")


def unit_availability(desk: Desk, day: DeliveryDay, revisions: pl.DataFrame) -> pl.DataFrame:
    """Rows of `curated.unit_availability` of a desk's units and one delivery day.

    Args:
        desk: The desk; its loads have no availability.
        day: The delivery day.
        revisions: Every stored row of `raw.outages` of the desk.
    """
    about = touches(revisions, day.start, day.end)["message_id"].unique()
    relevant = revisions.filter(pl.col("message_id").is_in(about.implode()))
    frames = []
    for unit in desk.units:
        if isinstance(unit, LoadUnit):
            continue
        messages = relevant.filter(pl.col("unit") == unit.name)["message_id"].unique()
        mine = relevant.filter(pl.col("message_id").is_in(messages.implode()))
        frames.append(_spans(unit, day, mine))
    return pl.concat(frames) if frames else _empty()


def _spans(unit: Unit, day: DeliveryDay, revisions: pl.DataFrame) -> pl.DataFrame:
    """One row per MTU and span of knowledge in which its state was the same."""
    known = Revisions(table("raw.outages"), revisions)
    states = [
        _state(unit, day, known.in_force(at), at).with_columns(known_from=pl.lit(at, UTC_TIME))
        for at in _changes(revisions)
    ]
    by_mtu = pl.concat(states).sort("period_start", "known_from")
    same = pl.all_horizontal(
        pl.col(name).eq_missing(pl.col(name).shift().over("period_start")) for name in _STATE
    )
    first = pl.col("known_from") == pl.col("known_from").min().over("period_start")
    return (
        by_mtu.filter(first | ~same)
        .with_columns(known_until=pl.col("known_from").shift(-1).over("period_start"))
        .with_columns(capacity_mw=pl.lit(rating_mw(unit)))
        .select(_empty().columns)
    )


def _changes(revisions: pl.DataFrame) -> list[datetime]:
    """Moments at which what is known of the messages, or that it is public, changes."""
    known = revisions["knowledge_time"]
    public = revisions.filter(pl.col("published_at") > pl.col("knowledge_time"))["published_at"]
    return [SINCE_EVER, *pl.concat([known, public.cast(known.dtype)]).unique().sort().to_list()]


def _state(unit: Unit, day: DeliveryDay, rows: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """What rows in force at a moment say of each MTU."""
    parts = touches(parts_in_force(rows), day.start, day.end).filter(pl.col("unit") == unit.name)
    periods = Periods.of_day(day)
    power = available_power(parts, unit, periods)
    messages: list[list[str]] = [[] for _ in day.mtus]
    kind, least = ["none"] * day.mtu_count, np.full(day.mtu_count, np.inf)
    unpublished = [False] * day.mtu_count
    ordered = parts.with_columns(hidden=is_hidden(at)).sort("message_id", "part")
    for row in ordered.iter_rows(named=True):
        for i, mtu in enumerate(day.mtus):
            if mtu.start >= row["event_end"] or mtu.end <= row["event_start"]:
                continue
            if row["message_id"] not in messages[i]:
                messages[i].append(row["message_id"])
            unpublished[i] |= row["hidden"]
            if row["available_mw"] < least[i]:
                kind[i], least[i] = row["outage_type"], row["available_mw"]
    return pl.DataFrame(
        {
            "unit": unit.name,
            "period_start": day.starts,
            "resolution_min": day.mtu_minutes,
            "available_mw": power,
            "messages": [",".join(found) for found in messages],
            "outage_type": kind,
            "unpublished": unpublished,
        },
        schema_overrides={"period_start": UTC_TIME},
    )


def _empty() -> pl.DataFrame:
    columns = table("curated.unit_availability").columns
    return pl.DataFrame(schema={column.name: column.dtype for column in columns})
