"""Answers of remote sources, kept as they came: the evidence behind every row.

Each distinct answer is one gzip file below `<folder>/<source>/<UTC day>/`, named by its hash;
`index.jsonl` beside it has a line per request. Belongs here: that folder. Not here: requests
(`source_session`), what an answer means (the module of each source).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from datetime import datetime
from pathlib import Path


def keep_answer(
    folder: Path, *, at: datetime, request: str, status: int, content_type: str, content: bytes
) -> Path:
    """Keep one answer; an equal one of the same day is stored once and indexed each time.

    Args:
        folder: Folder of the source.
        at: When it was asked, UTC.
        request: Address without secrets.
        status: HTTP status.
        content_type: As the source said.
        content: The answer's body.

    Returns:
        The file.

    Raises:
        OSError: If it cannot be written.
    """
    day = folder / at.date().isoformat()
    day.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(content).hexdigest()
    path = day / f"{digest[:32]}.gz"
    if not path.exists():
        partial = path.with_suffix(f".{threading.get_ident()}.partial")
        partial.write_bytes(gzip.compress(content, compresslevel=6, mtime=0))
        partial.replace(path)
    line = {
        "at": at.isoformat(),
        "request": request,
        "status": status,
        "content_type": content_type,
        "sha256": digest,
        "file": path.name,
    }
    with (day / "index.jsonl").open("a", encoding="utf-8") as index:
        index.write(json.dumps(line) + "\n")
    return path
