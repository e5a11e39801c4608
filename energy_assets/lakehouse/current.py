"""The rows in force: which of several runs of a session and delivery day counts.

For tables whose rows carry a `rung` (the orders and plans of a bid run):

1. only runs with a `bids.bid_runs` row of the same scope, session, delivery day, decision time,
   mode and rung count (that row is committed last, so the run was finished), and only revisions
   written no later than that row;
2. a live run counts only if its `bids.bid_runs` row was written by the gate closure it names;
3. the latest decision time wins, in it the better rung, then the newest revision.

For other decision tables the latest decision time and its newest revision per batch count.
`analysts` states the same rule in SQL; a test compares the two.

Not here: point-in-time reads of raw data (`point_in_time`).
"""

from __future__ import annotations

import polars as pl

from energy_assets.lakehouse.tables import Table, table

RUN = ("scope", "session", "delivery_day", "decision_time", "mode")
SLOT = ("scope", "session", "delivery_day", "mode")
BID_RUNS = "bids.bid_runs"


def rungs() -> tuple[str, ...]:
    """Rungs from best to last, as the registry lists them."""
    return table(BID_RUNS).column("rung").allowed


def has_rung(registered: Table) -> bool:
    """Whether rows of a table belong to a rung of a bid run."""
    return any(column.name == "rung" for column in registered.columns)


def slot_columns(registered: Table) -> list[str]:
    """Columns of one decision slot: the batch key without decision time and rung."""
    others = [n for n in registered.batch_key if n not in {"decision_time", "rung"}]
    return ["scope", *others]


def newest_revision(registered: Table, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of the newest revision of every batch."""
    batch = ["scope", *registered.batch_key]
    newest = rows.group_by(batch).agg(pl.col("revision").max())
    return rows.join(newest, on=[*batch, "revision"], how="semi")


def runs_in_force(bid_runs: pl.DataFrame) -> pl.DataFrame:
    """One row of `bids.bid_runs` per scope, session, delivery day and mode: the run that counts."""
    order = {rung: place for place, rung in enumerate(rungs())}
    in_time = pl.col("ingested_at") <= pl.col("gate_closure")
    return (
        bid_runs.filter((pl.col("mode") != "live") | in_time)
        .with_columns(
            _place=pl.col("rung").replace_strict(order, default=len(order), return_dtype=pl.Int32)
        )
        .sort(
            [*SLOT, "decision_time", "_place", "revision"],
            descending=[*[False] * len(SLOT), True, False, True],
        )
        .unique(SLOT, keep="first", maintain_order=True)
        .drop("_place")
    )


def rows_in_force(registered: Table, rows: pl.DataFrame, bid_runs: pl.DataFrame) -> pl.DataFrame:
    """The rows in force of a decision table, sorted by scope, batch key and key.

    Args:
        registered: A decision table.
        rows: Its rows, all revisions.
        bid_runs: All revisions of `bids.bid_runs` for the same slots (unused without rungs).
    """
    sort_by = sort_columns(registered)
    if registered.id == BID_RUNS:
        return runs_in_force(rows).sort(sort_by)
    if has_rung(registered):
        finished = runs_in_force(bid_runs).select(*RUN, "rung", finished_at="ingested_at")
        linked = rows.join(finished, on=[*RUN, "rung"], how="inner")
        written = linked.filter(pl.col("ingested_at") <= pl.col("finished_at"))
        return newest_revision(registered, written.drop("finished_at")).sort(sort_by)
    slot = slot_columns(registered)
    latest = rows.group_by(slot).agg(pl.col("decision_time").max())
    newest = rows.join(latest, on=[*slot, "decision_time"], how="semi")
    return newest_revision(registered, newest).sort(sort_by)


def sort_columns(registered: Table) -> list[str]:
    """Columns that give the rows of a table one order."""
    if registered.kind == "raw":
        return ["scope", *registered.key, "source", "knowledge_time", "revision"]
    if registered.kind == "decision":
        return list(dict.fromkeys(("scope", *registered.batch_key, "revision", *registered.key)))
    return list(dict.fromkeys(("scope", "delivery_day", *registered.key)))
