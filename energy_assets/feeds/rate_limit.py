"""Turns: how often a source may be asked, shared by all sessions of this process.

A bucket that refills evenly: a tenth of a minute's requests may come at once, and no minute sees
more than the limit. An address on this machine (a mirror, a test) has no limit. Not here: pauses
after a refusal (`source_session`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from urllib.parse import urlsplit

_THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})


class Turns:
    """The bucket of one source.

    Args:
        per_minute: Most requests in any minute.
    """

    def __init__(self, per_minute: float) -> None:
        self._burst = max(1.0, per_minute / 10.0)
        self._per_second = max(per_minute - self._burst, per_minute / 2.0) / 60.0
        self._left = self._burst
        self._at: float | None = None
        self._lock = threading.Lock()

    def wait(self, sleep: Callable[[float], None], clock: Callable[[], float]) -> None:
        """Take a turn, and sleep until it has come.

        Args:
            sleep: Sleeps some seconds.
            clock: Seconds on a clock that only goes forward.
        """
        with self._lock:
            now = clock()
            since = 0.0 if self._at is None else max(now - self._at, 0.0)
            self._at = now
            self._left = min(self._burst, self._left + since * self._per_second) - 1.0
            pause = -self._left / self._per_second
        if pause > 0:
            sleep(pause)


_TURNS: dict[tuple[str, str, float], Turns] = {}
_LOCK = threading.Lock()


def turns_of(source: str, address: str, per_minute: float) -> Turns | None:
    """The turns of a source at an address; None where nothing limits it."""
    if urlsplit(address).hostname in _THIS_MACHINE:
        return None
    with _LOCK:
        return _TURNS.setdefault((source, address, per_minute), Turns(per_minute))
