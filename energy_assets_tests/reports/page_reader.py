"""Reads a report the way a browser would, without one: text, sources, charts."""

from __future__ import annotations

import json
import re
from functools import cached_property
from html import unescape
from html.parser import HTMLParser


class ReportPage(HTMLParser):
    """The document's tags, visible text and chart data."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside = tag

    def handle_endtag(self, tag):
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts.append(data)
        elif not self._inside:
            self.texts.append(data)

    @property
    def text(self) -> str:
        """Everything a reader sees outside charts."""
        return " ".join(self.texts)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of every tag of this name."""
        return [attributes for name, attributes in self.tags if name == tag]

    @cached_property
    def charts(self) -> dict[str, dict]:
        """Chart data by element id."""
        script = next(text for text in self.scripts if text.startswith("const charts = "))
        document = re.match(r"const charts = (.*);\n", script)
        assert document is not None
        return json.loads(document[1])

    def trace(self, chart: str, name: str) -> dict:
        """The trace with this legend name."""
        traces = self.charts[f"chart-{chart}"]["data"]
        return next(trace for trace in traces if unescape(trace.get("name", "")) == name)
