"""Revisions of raw rows: which incoming rows are new, and which stored one was known when.

Each (natural key, source) has a timeline of revisions. The revision *in force* at T is the one with
the latest knowledge time not after T; among equal knowledge times, the highest revision number. An
incoming row is not inserted when

- the revision in force at its own knowledge time has the same content (nothing changed), or
- a revision known later already has the same content (it is no news, whatever its knowledge time:
  fetching history again must not make a value known earlier than this desk knew it).

Otherwise it becomes the next revision. Both conditions stay true once they are, so writing the same
batch twice adds nothing, also when the batch holds several revisions of one key, in any order of
batches. A row that arrives late with an earlier knowledge time enters the timeline at its place and
does not displace what was known later.

Not here: reading the stored rows (`reading`) or committing (`storage`).
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from energy_assets.lakehouse.enforcement import require_unique
from energy_assets.lakehouse.tables import Table

Places = np.ndarray[tuple[int], np.dtype[np.intp]]


class Revisions:
    """All revisions of a selection, ready to be read as known at any time.

    Args:
        table: A raw table.
        frame: Its rows, any order.
    """

    def __init__(self, table: Table, frame: pl.DataFrame) -> None:
        keys = ["scope", *table.key, "source"]
        self.frame = frame.sort([*keys, "knowledge_time", "revision"])
        self._group = self.frame.select(pl.struct(keys).rle_id()).to_series().to_numpy()
        self._known = self.frame.get_column("knowledge_time").to_physical().to_numpy()

    def places(self, at: datetime | None = None) -> Places:
        """Row numbers in force at a time (or at the end of time), in key order."""
        if at is None:
            known = np.arange(self.frame.height)
        else:
            microseconds = pl.Series([at], dtype=pl.Datetime("us", "UTC")).to_physical()[0]
            known = np.flatnonzero(self._known <= microseconds)
        groups = self._group[known]
        # Within a group rows rise in knowledge time, so the last known one is in force.
        last = np.append(groups[1:] != groups[:-1], np.ones(min(len(groups), 1), dtype=bool))
        places: Places = known[last]
        return places

    def in_force(self, at: datetime | None = None) -> pl.DataFrame:
        """The rows in force at a time, sorted by scope, key and source."""
        return self.frame[self.places(at)]


def next_revisions(table: Table, batch: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """The rows of a batch that are news, with their revision numbers.

    Args:
        table: A raw table.
        batch: Rows with key, source, `knowledge_time` and `content_hash`.
        stored: Those columns and `revision` of every stored row that may share a key.

    Returns:
        The rows to append, with a `revision` column.

    Raises:
        LakeError: If two rows of a key differ in content at the same knowledge time.
    """
    keys = [*table.key, "source"]
    moments = [*keys, "knowledge_time"]
    batch = batch.sort([*moments, "content_hash", "knowledge_basis"]).unique(
        [*moments, "content_hash"], keep="first", maintain_order=True
    )
    require_unique(table, batch, moments)
    batch = batch.with_columns(_turn=pl.int_range(pl.len()).over(keys))
    timeline = stored.select(*moments, "content_hash", "revision").join(
        batch.select(keys).unique(), on=keys, how="semi"
    )
    news = [_accept(batch.drop("_turn").clear(), timeline, keys)]
    # Almost every batch has one row per key, hence one turn.
    for turn in range(batch.get_column("_turn").n_unique()):
        candidates = batch.filter(pl.col("_turn") == turn).drop("_turn")
        accepted = _accept(candidates, timeline, keys)
        news.append(accepted)
        timeline = pl.concat([timeline, accepted.select(timeline.columns)])
    return pl.concat(news)


def _accept(candidates: pl.DataFrame, timeline: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Candidates (one per key) that the timeline does not already hold."""
    if timeline.is_empty():
        return candidates.with_columns(revision=pl.lit(1, dtype=pl.Int32))
    incoming = candidates.with_row_index("_row")
    pairs = incoming.select("_row", *keys, at="knowledge_time", incoming_hash="content_hash").join(
        timeline, on=keys, how="inner"
    )
    same = pl.col("content_hash") == pl.col("incoming_hash")
    in_force = (
        pairs.filter(pl.col("knowledge_time") <= pl.col("at"))
        .sort("_row", "knowledge_time", "revision")
        .unique("_row", keep="last", maintain_order=True)
        .filter(same)
    )
    known_later = pairs.filter(pl.col("knowledge_time") > pl.col("at"), same)
    highest = pairs.group_by("_row").agg(_highest=pl.col("revision").max())
    return (
        incoming.join(in_force, on="_row", how="anti")
        .join(known_later, on="_row", how="anti")
        .join(highest, on="_row", how="left", maintain_order="left")
        .with_columns(revision=(pl.col("_highest").fill_null(0) + 1).cast(pl.Int32))
        .drop("_row", "_highest")
    )
