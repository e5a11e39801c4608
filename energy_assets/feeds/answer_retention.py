"""How long raw answers are kept: day folders older than that are deleted.

Rows keep what was read from an answer for good; the answer itself serves to look into a dispute
with a source. Belongs here: deleting whole days below `<folder>/<source>/<UTC day>/`. Not here:
keeping answers (`raw_answers`).
"""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

KEPT = timedelta(days=180)


def prune_answers(folder: Path, now: datetime, kept: timedelta = KEPT) -> dict[str, int]:
    """Delete the days that are older than `kept`.

    Only real folders named by a date are touched; links are not followed.

    Args:
        folder: Folder of all sources; nothing happens where there is none.
        now: The current time, UTC.
        kept: How long a day stays.

    Returns:
        Days deleted by source.
    """
    oldest = (now - kept).date()
    deleted: dict[str, int] = {}
    for source in _folders(folder):
        for day in _folders(source):
            label = _date(day.name)
            if label is not None and label < oldest:
                shutil.rmtree(day)
                deleted[source.name] = deleted.get(source.name, 0) + 1
    return deleted


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())


def _date(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None
