"""Requests to a remote source: rate limit, retry with backoff, and the raw answer kept.

`SourceSession` is a `requests.Session`, so that a library which takes a session (entsoe-py) obeys
the same rules as our own clients. Every request waits for its turn (`rate_limit`); a refused
connection, a broken answer, HTTP 429 and 5xx are tried again with exponential backoff and jitter
(`Retry-After` is obeyed up to the longest wait); other answers are the caller's. A source that was
given up gets one try per request for a while: its other feeds must not each wait for it anew. Each
answer is kept (`raw_answers`), secrets covered (`redaction`), and read as UTF-8 unless it names a
charset.

Errors name the source and what was asked, never a token. Redirects are not followed: a source that
answers from elsewhere is not the one configured.

Not here: what an answer means (the module of each source).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests
import tenacity

from energy_assets.errors import EnergyAssetsError
from energy_assets.feeds.rate_limit import turns_of
from energy_assets.feeds.raw_answers import keep_answer
from energy_assets.feeds.redaction import (
    SECRET_PARAMETERS,
    cover_secrets,
    quiet_http_logs,
    without_secrets,
)

__all__ = [
    "SECRET_PARAMETERS",
    "Policy",
    "SourceSession",
    "SourceUnavailableError",
    "without_secrets",
]

_TIMEOUT_SECONDS = (10.0, 60.0)
_LARGEST_ANSWER_BYTES = 256 * 1024 * 1024
_CHUNK_BYTES = 1 << 20
# Another try may help; after anything else, such as a bad address, it would not.
_PASSING = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)


class SourceUnavailableError(EnergyAssetsError):
    """A source did not answer, or not with anything usable; a run goes on with what is stored."""

    def __init__(self, source: str, asked: str, found: str) -> None:
        super().__init__(f"{source}: expected an answer to {asked}, found {found}")


@dataclass(frozen=True)
class Policy:
    """How a source is asked.

    Attributes:
        requests_per_minute: Most requests in any minute; a tenth of it may come in one burst.
        attempts: Times one request is tried.
        longest_wait_seconds: Longest pause between two tries.
        first_wait_seconds: Pause after the first try; doubled each time.
        given_up_seconds: How long after giving up one try per request is all.
    """

    requests_per_minute: float
    attempts: int = 5
    longest_wait_seconds: float = 30.0
    first_wait_seconds: float = 1.0
    given_up_seconds: float = 120.0


class _Transient(Exception):  # noqa: N818 - never leaves this module
    """Worth another try."""

    def __init__(self, found: str, retry_after: float | None = None) -> None:
        super().__init__(found)
        self.retry_after = retry_after


# When a source was given up in this process, by source and address: each feed has its own session.
_GIVEN_UP: dict[tuple[str, str], float] = {}


class _Final(Exception):  # noqa: N818 - never leaves this module
    """No further try would help."""


class SourceSession(requests.Session):
    """A session of one source.

    Args:
        source: Name in errors, folders and rows.
        base_url: Every request goes below this address, whatever address the caller names.
        policy: Rate limit and retries.
        secrets: Query parameters added to every request; their names must be among
            `SECRET_PARAMETERS`.
        raw_answers: Folder of kept answers; None keeps nothing.
        sleep: Waits; replaced in tests.
        clock: Seconds on a clock that only goes forward; replaced in tests.
    """

    def __init__(
        self,
        source: str,
        base_url: str,
        policy: Policy,
        *,
        secrets: Mapping[str, str] | None = None,
        raw_answers: Path | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.source = source
        self._base = base_url.rstrip("/")
        self._policy = policy
        self._secrets = dict(secrets or {})
        self._raw_answers = raw_answers
        self._sleep = sleep
        self._clock = clock
        self._turns = turns_of(source, self._base, policy.requests_per_minute)
        self.trust_env = False
        quiet_http_logs()

    def ask(self, path: str = "", params: dict[str, Any] | None = None) -> requests.Response:
        """GET a path below the source's address; only a successful answer comes back.

        Raises:
            SourceUnavailableError: No usable answer after all tries, or a refusal (4xx).
        """
        answer = self.get(f"{self._base}/{path.lstrip('/')}" if path else self._base, params=params)
        if not answer.ok:
            found = f"HTTP {answer.status_code}: {answer.text[:200]!r}"
            raise SourceUnavailableError(self.source, answer.url, found)
        return answer

    def request(  # type: ignore[override]
        self, method: str, url: str, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """One request under the source's policy; same signature as `requests.Session.request`.

        Raises:
            SourceUnavailableError: No answer after all tries, or one that cannot be used.
        """
        kwargs |= {"timeout": _TIMEOUT_SECONDS, "allow_redirects": False, "stream": True}
        if self._secrets:
            kwargs["params"] = {**dict(kwargs.get("params") or {}), **self._secrets}
        target = url if self._is_below_base(url) else self._base

        def attempt() -> requests.Response:
            if self._turns:
                self._turns.wait(self._sleep, self._clock)
            return self._once(method, target, *args, **kwargs)

        tries = self._tries()
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Transient),
            stop=tenacity.stop_after_attempt(tries),
            wait=self._wait,
            sleep=self._sleep,
            reraise=True,
        )
        asked = _asked(target, kwargs.get("params"))
        try:
            answer: requests.Response = retrying(attempt)
        except _Transient as error:
            _GIVEN_UP[self.source, self._base] = self._clock()
            found = f"{error} after {tries} {'try' if tries == 1 else 'tries'}"
            raise SourceUnavailableError(self.source, asked, found) from None
        except _Final as error:
            raise SourceUnavailableError(self.source, asked, str(error)) from None
        _GIVEN_UP.pop((self.source, self._base), None)
        return answer

    def _tries(self) -> int:
        given_up = _GIVEN_UP.get((self.source, self._base))
        recent = given_up is not None and self._clock() - given_up < self._policy.given_up_seconds
        return 1 if recent else self._policy.attempts

    def _is_below_base(self, url: str) -> bool:
        # A bare prefix would let `https://host.example.org` pass for `https://host`.
        return url == self._base or url.startswith((f"{self._base}/", f"{self._base}?"))

    def _once(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        # Errors of the library hold the address, and with it the token: they are let go of before
        # anything is raised, so that no chain of errors carries them.
        failed: _Transient | _Final | None = None
        try:
            answer = super().request(method, url, *args, **kwargs)
            content = _read(answer)
        except _PASSING as error:
            failed = _Transient(type(error).__name__)
        except (requests.RequestException, OSError) as error:
            failed = _Final(type(error).__name__)
        if failed:
            raise failed
        _finish(answer, content)
        self._keep(answer)
        if answer.status_code == 429 or answer.status_code >= 500:
            raise _Transient(f"HTTP {answer.status_code}", _retry_after(answer))
        if 300 <= answer.status_code < 400:
            raise _Final(f"HTTP {answer.status_code}, a redirect, which is not followed")
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
        try:
            keep_answer(
                self._raw_answers / self.source,
                at=datetime.now(UTC),
                request=answer.url,
                status=answer.status_code,
                content_type=answer.headers.get("Content-Type", ""),
                content=answer.content,
            )
        except OSError as error:
            msg = f"no room to keep the raw answer ({error.strerror or type(error).__name__})"
            raise _Final(msg) from error


def _finish(answer: requests.Response, content: bytes) -> None:
    """Give a streamed answer its content and cover its secrets, before anybody sees it."""
    url = answer.url
    answer._content = cover_secrets(content, url)
    answer._content_consumed = True  # type: ignore[attr-defined]
    if "charset" not in answer.headers.get("Content-Type", ""):
        # Guessing costs seconds on a large answer, and takes `text/*` for Latin-1.
        answer.encoding = "utf-8"
    answer.url = answer.request.url = without_secrets(url)


def _read(answer: requests.Response) -> bytes:
    expected = answer.headers.get("Content-Length")
    parts, size = [], 0
    for chunk in answer.iter_content(_CHUNK_BYTES):
        parts.append(chunk)
        size += len(chunk)
        if size > _LARGEST_ANSWER_BYTES:
            answer.close()
            msg = f"an answer above {_LARGEST_ANSWER_BYTES >> 20} MiB"
            raise _Final(msg)
    plain = answer.headers.get("Content-Encoding", "identity") == "identity"
    if plain and expected is not None and expected.isdigit() and int(expected) != size:
        raise _Transient("an answer cut short")
    return b"".join(parts)


def _retry_after(answer: requests.Response) -> float | None:
    text = answer.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def _asked(url: str, params: object) -> str:
    query = f"?{urlencode(params)}" if isinstance(params, dict) and params else ""
    return without_secrets(url + query)
