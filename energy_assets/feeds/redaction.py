"""Keeping tokens out of addresses, answers and logs.

A source that wants its token in the query puts it into every address a library shows: in errors,
in debug logs, in pages that echo the request. Belongs here: what counts as secret and how it is
covered. Not here: requests (`source_session`).
"""

from __future__ import annotations

import logging
import re
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

SECRET_PARAMETERS = frozenset({"securitytoken", "apikey", "api_key", "token"})
COVER = "***"
# Shorter values are words that answers hold anyway.
_SHORTEST_SECRET = 6
_IN_TEXT = re.compile(rf"(?i)\b({'|'.join(sorted(SECRET_PARAMETERS))})=[^&\s\"']*")


def without_secrets(url: str) -> str:
    """The address with every secret parameter's value covered, and without user and fragment."""
    parts = urlsplit(url)
    query = [
        (name, COVER if name.lower() in SECRET_PARAMETERS else value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, urlencode(query, safe="*:"), ""))


def cover_secrets(content: bytes, url: str) -> bytes:
    """The content with the address's secret values covered wherever they are echoed."""
    for name, value in parse_qsl(urlsplit(url).query):
        if name.lower() in SECRET_PARAMETERS and len(value) >= _SHORTEST_SECRET:
            for text in {value, quote(value, safe="")}:
                content = content.replace(text.encode(), COVER.encode())
    return content


class _CoverInLogs(logging.Filter):
    """Covers secret parameters in the text of a log record."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        covered = _IN_TEXT.sub(rf"\1={COVER}", text)
        if covered != text:
            record.msg, record.args = covered, ()
        return True


def quiet_http_logs() -> None:
    """Cover secrets in the HTTP library's debug log, which shows whole addresses."""
    log = logging.getLogger("urllib3.connectionpool")
    if not any(isinstance(found, _CoverInLogs) for found in log.filters):
        log.addFilter(_CoverInLogs())
