"""Requests to a remote source: rate limit, retry with backoff, and the raw answer kept.

`SourceSession` is a `requests.Session`, so that a library which takes a session (entsoe-py) obeys
the same rules as our own clients. Every request waits for its turn; a refused connection, a broken
answer, HTTP 429 and 5xx are tried again with exponential backoff and jitter (`Retry-After` is
obeyed up to the longest wait); other answers are the caller's. Each answer is written below
`raw_answers/<source>/<UTC day>/` as gzip beside a line in `index.jsonl` that names the request
without its secrets.

Errors name the source and what was asked, never a token. Redirects are not followed: a source that
answers from elsewhere is not the one configured.

Not here: what an answer means (the module of each source).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import requests
import tenacity

from energy_assets.errors import EnergyAssetsError

SECRET_PARAMETERS = frozenset({"securitytoken", "apikey", "api_key", "token"})
_TIMEOUT_SECONDS = (10.0, 60.0)
_LARGEST_ANSWER_BYTES = 256 * 1024 * 1024
_CHUNK_BYTES = 1 << 20


class SourceUnavailableError(EnergyAssetsError):
    """A source did not answer, or not with anything usable; a run goes on with what is stored."""

    def __init__(self, source: str, asked: str, found: str) -> None:
        super().__init__(f"{source}: expected an answer to {asked}, found {found}")


@dataclass(frozen=True)
class Policy:
    """How a source is asked.

    Attributes:
        requests_per_minute: Rate limit.
        attempts: Times one request is tried.
        longest_wait_seconds: Longest pause between two tries.
        first_wait_seconds: Pause after the first try; doubled each time.
    """

    requests_per_minute: float
    attempts: int = 5
    longest_wait_seconds: float = 30.0
    first_wait_seconds: float = 1.0


class _Transient(Exception):  # noqa: N818 - never leaves this module
    """Worth another try."""

    def __init__(self, found: str, retry_after: float | None = None) -> None:
        super().__init__(found)
        self.retry_after = retry_after


class SourceSession(requests.Session):
    """A session of one source.

    Args:
        source: Name in errors, folders and rows.
        base_url: Every request goes below this address, whatever address the caller names.
        policy: Rate limit and retries.
        raw_answers: Folder of kept answers; None keeps nothing.
        sleep: Waits; replaced in tests.
    """

    def __init__(
        self,
        source: str,
        base_url: str,
        policy: Policy,
        *,
        raw_answers: Path | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__()
        self.source = source
        self._base = base_url.rstrip("/")
        self._policy = policy
        self._raw_answers = raw_answers
        self._sleep = sleep
        self._turn = _Turns(60.0 / policy.requests_per_minute, sleep)
        self.trust_env = False

    def ask(self, path: str = "", params: dict[str, Any] | None = None) -> requests.Response:
        """GET a path below the source's address; only a successful answer comes back.

        Raises:
            SourceUnavailableError: No usable answer after all tries, or a refusal (4xx).
        """
        answer = self.get(f"{self._base}/{path.lstrip('/')}" if path else self._base, params=params)
        if not answer.ok:
            found = f"HTTP {answer.status_code}: {answer.text[:200]!r}"
            raise SourceUnavailableError(self.source, without_secrets(answer.url), found)
        return answer

    def request(  # type: ignore[override]
        self, method: str, url: str, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """One request under the source's policy; same signature as `requests.Session.request`.

        Raises:
            SourceUnavailableError: No answer after all tries.
        """
        kwargs |= {"timeout": _TIMEOUT_SECONDS, "allow_redirects": False, "stream": True}
        target = url if url.startswith(self._base) else self._base
        last = "nothing"

        def attempt() -> requests.Response:
            self._turn.wait()
            return self._once(method, target, *args, **kwargs)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Transient),
            stop=tenacity.stop_after_attempt(self._policy.attempts),
            wait=self._wait,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            answer: requests.Response = retrying(attempt)
        except _Transient as error:
            last = f"{error} after {self._policy.attempts} tries"
            asked = _asked(target, kwargs.get("params"))
            raise SourceUnavailableError(self.source, asked, last) from None
        return answer

    def _once(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            answer = super().request(method, url, *args, **kwargs)
            answer._content = _read(answer)
        except (requests.RequestException, OSError) as error:
            # The text of the error holds the address, and with it the token.
            raise _Transient(type(error).__name__) from None
        answer._content_consumed = True  # type: ignore[attr-defined]
        self._keep(answer)
        if answer.status_code == 429 or answer.status_code >= 500:
            raise _Transient(f"HTTP {answer.status_code}", _retry_after(answer))
        if answer.is_redirect:
            raise _Transient(f"HTTP {answer.status_code}, a redirect")
        return answer

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        wait = self._policy.first_wait_seconds * 2.0 ** (state.attempt_number - 1)
        wait *= 1.0 + random.random() / 4  # noqa: S311 - jitter
        if isinstance(error, _Transient) and error.retry_after is not None:
            wait = max(wait, error.retry_after)
        return min(wait, self._policy.longest_wait_seconds)

    def _keep(self, answer: requests.Response) -> None:
        if self._raw_answers is None:
            return
        now = datetime.now(UTC)
        folder = self._raw_answers / self.source / now.date().isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(answer.content).hexdigest()
        path = folder / f"{digest[:32]}.gz"
        if not path.exists():
            partial = path.with_suffix(f".{threading.get_ident()}.partial")
            partial.write_bytes(gzip.compress(answer.content, mtime=0))
            partial.replace(path)
        line = {
            "at": now.isoformat(),
            "request": without_secrets(answer.url),
            "status": answer.status_code,
            "content_type": answer.headers.get("Content-Type", ""),
            "sha256": digest,
            "file": path.name,
        }
        with (folder / "index.jsonl").open("a", encoding="utf-8") as index:
            index.write(json.dumps(line) + "\n")


def without_secrets(url: str) -> str:
    """The address with every secret parameter's value replaced."""
    parts = urlsplit(url)
    query = [
        (name, "***" if name.lower() in SECRET_PARAMETERS else value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, host + port, parts.path, urlencode(query, safe="*:"), ""))


class _Turns:
    """Spaces requests of one process evenly."""

    def __init__(self, seconds_apart: float, sleep: Callable[[float], None]) -> None:
        self._seconds_apart = seconds_apart
        self._sleep = sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        with self._lock:
            now = time.monotonic()
            pause = self._next - now
            self._next = max(now, self._next) + self._seconds_apart
        if pause > 0:
            self._sleep(pause)


def _read(answer: requests.Response) -> bytes:
    expected = answer.headers.get("Content-Length")
    parts, size = [], 0
    for chunk in answer.iter_content(_CHUNK_BYTES):
        parts.append(chunk)
        size += len(chunk)
        if size > _LARGEST_ANSWER_BYTES:
            msg = f"an answer above {_LARGEST_ANSWER_BYTES >> 20} MiB"
            raise requests.exceptions.ContentDecodingError(msg)
    plain = answer.headers.get("Content-Encoding", "identity") == "identity"
    if plain and expected is not None and expected.isdigit() and int(expected) != size:
        raise requests.exceptions.ConnectionError("cut short")
    return b"".join(parts)


def _retry_after(answer: requests.Response) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None


def _asked(url: str, params: object) -> str:
    query = f"?{urlencode(params)}" if isinstance(params, dict) and params else ""
    return without_secrets(url + query)
