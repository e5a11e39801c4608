"""A small threaded HTTP server on 127.0.0.1: handlers by path, counted requests, injected faults.

    with LoopbackServer({"/api": entsoe_handler()}) as server:
        server.inject(Status(429, retry_after="2"), CutShort())
        ... server.url + "/api" ...
        server.count("/api")

A handler serves every path below its own; the longest matching one wins. Faults are used up in
order, one per request. Not here: any source's format (the modules beside this one).
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """One request as a handler sees it; of a repeated query parameter all values are kept."""

    path: str
    query: Mapping[str, str]
    values: Mapping[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """One answer."""

    body: bytes
    content_type: str = "text/xml"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Answer]


def json_answer(document: Any, status: int = 200) -> Answer:
    """An answer in JSON."""
    return Answer(json.dumps(document).encode(), "application/json", status)


@dataclass(frozen=True)
class Status:
    """Answers with a status instead of the handler's answer."""

    code: int
    retry_after: str = ""
    body: bytes = b"the loopback server says no"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CutShort:
    """Closes the connection in mid-body; `announce` says how long the body was to be."""

    share: float = 0.5
    announce: bool = True


@dataclass(frozen=True)
class Slow:
    """Waits before the first byte."""

    seconds: float


@dataclass(frozen=True)
class Replaced:
    """Serves other bytes with the status and headers of the handler's answer."""

    change: Callable[[bytes], bytes]


Fault = Status | CutShort | Slow | Replaced


class LoopbackServer:
    """The server; starts on entering the context and stops on leaving it.

    Args:
        handlers: Handler by path, each starting with `/`.
    """

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = dict(handlers)
        self._faults: deque[tuple[str, Fault]] = deque()
        self._lock = threading.Lock()
        self.requests: list[Request] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _responder(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.daemon = True

    @property
    def url(self) -> str:
        """Address without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def inject(self, *faults: Fault, path: str = "/") -> None:
        """The next requests below `path` meet these faults, one each, in order."""
        with self._lock:
            self._faults.extend((path, fault) for fault in faults)

    def count(self, path: str = "/") -> int:
        """Requests seen so far below a path, faulty ones included."""
        return sum(request.path.startswith(path) for request in self.requests)

    def __enter__(self) -> LoopbackServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, request: Request) -> tuple[Answer, Fault | None]:
        """What a request gets, and the fault it meets."""
        with self._lock:
            self.requests.append(request)
            fault = self._next_fault(request.path)
        if isinstance(fault, Status):
            extra = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            return Answer(fault.body, "text/plain", fault.code, {**extra, **fault.headers}), fault
        served = self._handled(request)
        if isinstance(fault, Replaced):
            changed = fault.change(served.body)
            served = Answer(changed, served.content_type, served.status, served.headers)
        return served, fault

    def _next_fault(self, path: str) -> Fault | None:
        for number, (below, fault) in enumerate(self._faults):
            if path.startswith(below):
                del self._faults[number]
                return fault
        return None

    def _handled(self, request: Request) -> Answer:
        for path in sorted(self._handlers, key=len, reverse=True):
            if request.path == path or request.path.startswith(path.rstrip("/") + "/"):
                return self._handlers[path](request)
        return Answer(b"no such path", "text/plain", 404)


def _responder(server: LoopbackServer) -> type[BaseHTTPRequestHandler]:
    class Responder(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Headers and body are two writes: without this, each answer waits for a delayed ACK.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            values = parse_qs(parts.query, keep_blank_values=True)
            query = {name: found[-1] for name, found in values.items()}
            request = Request(parts.path, query, values, dict(self.headers.items()))
            answer, fault = server.answer(request)
            if isinstance(fault, Slow):
                time.sleep(fault.seconds)
            try:
                self._send(answer, fault)
            except OSError:
                self.close_connection = True

        def _send(self, answer: Answer, fault: Fault | None) -> None:
            cut = isinstance(fault, CutShort)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if not (isinstance(fault, CutShort) and not fault.announce):
                self.send_header("Content-Length", str(len(answer.body)))
            else:
                self.send_header("Connection", "close")
            self.end_headers()
            body = answer.body
            if isinstance(fault, CutShort):
                body = body[: int(len(body) * fault.share)]
            self.wfile.write(body)
            if cut:
                self.close_connection = True
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_WR)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Says nothing."""

    return Responder
