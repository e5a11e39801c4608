"""The HTML page around charts and tables: one file, nothing fetched.

plotly.js is inlined once and a content security policy forbids every request, so that a report
opens the same on an archive server in ten years. All text goes through `escape`; charts travel as
JSON in which no tag can end the script.

Belongs here: page, panels, tables, cards. Not here: what they say (`day_report`,
`backtest_report`), colours of charts (`theme`).
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True)
class Panel:
    """A headed block of the page.

    Attributes:
        anchor: Id, for links.
        name: Short name in the navigation.
        heading: The message, in words.
        note: What is drawn and how to read it.
        figure: A chart, as Plotly data and layout.
        body: HTML made by this module (tables), below the chart.
        wide: Takes the full width.
    """

    anchor: str
    name: str
    heading: str
    note: str = ""
    figure: dict[str, Any] | None = None
    body: str = ""
    wide: bool = True


@dataclass(frozen=True)
class Card:
    """One key figure.

    Attributes:
        label: What it is.
        value: The figure with its unit.
        note: A line below it.
        tone: good, bad or empty.
    """

    label: str
    value: str
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Page:
    """A report.

    Attributes:
        title: Heading.
        subtitle: Line below it.
        badges: (text, tone) pairs; tone is warn, good or plain.
        cards: Key figures.
        facts: (label, value) pairs of the record.
        panels: Blocks in reading order.
        footer: How the report can be made again.
    """

    title: str
    subtitle: str
    badges: Sequence[tuple[str, str]]
    cards: Sequence[Card]
    panels: Sequence[Panel]
    facts: Sequence[tuple[str, str]] = field(default=())
    footer: str = ""


def render(page: Page) -> str:
    """The page as one HTML document."""
    from plotly.offline import get_plotlyjs

    style = (files("energy_assets.reports") / "page.css").read_text(encoding="utf-8")
    script = (files("energy_assets.reports") / "page.js").read_text(encoding="utf-8")
    charts = {
        f"chart-{panel.anchor}": panel.figure for panel in page.panels if panel.figure is not None
    }
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(page.title)} – {escape(page.subtitle)}</title>",
            f"<style>{style}</style></head><body>",
            _header(page),
            "<main>",
            *map(_panel, page.panels),
            "</main>",
            f"<footer>{escape(page.footer)}</footer>",
            f"<script>{get_plotlyjs()}</script>",
            f"<script>const charts = {_script_json(charts)};\n{script}</script>",
            "</body></html>\n",
        )
    )


def write_report(path: Path, html: str) -> Path:
    """Write a report so that a reader sees the old file or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".report-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(html)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], numbers_from: int | None = None
) -> str:
    """An HTML table.

    Args:
        columns: Headings.
        rows: Cell texts; all are escaped.
        numbers_from: Columns from this one on are right-aligned figures.
    """
    start = len(columns) if numbers_from is None else numbers_from

    def cells(tag: str, texts: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=number' if i >= start else ''}>{_chip(text)}</{tag}>"
            for i, text in enumerate(texts)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    head = f"<tr>{cells('th', columns)}</tr>"
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>'


def facts_table(facts: Iterable[tuple[str, str]]) -> str:
    """Labels and values of a record."""
    rows = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>" for label, value in facts
    )
    return f"<dl>{rows}</dl>"


def code_block(text: str) -> str:
    """A command or document, verbatim."""
    return f"<pre><code>{escape(text)}</code></pre>"


_CHIPS = {"good": "good", "suspect": "warn", "missing": "bad", "used": "good"}


def _chip(text: str) -> str:
    tone = _CHIPS.get(text)
    return f'<span class="chip {tone}">{text}</span>' if tone else escape(text)


def _header(page: Page) -> str:
    badges = "".join(
        f'<span class="badge {escape(tone)}">{escape(text)}</span>' for text, tone in page.badges
    )
    cards = "".join(
        f'<div class="card {escape(card.tone)}"><span>{escape(card.label)}</span>'
        f"<strong>{escape(card.value)}</strong><em>{escape(card.note)}</em></div>"
        for card in page.cards
    )
    links = "".join(
        f'<a href="#{escape(panel.anchor)}">{escape(panel.name)}</a>' for panel in page.panels
    )
    return (
        f'<header><div class="title"><div><h1>{escape(page.title)}</h1>'
        f'<p>{escape(page.subtitle)}</p></div><div class="badges">{badges}'
        '<button id="theme" type="button" title="Dark or light">◐</button></div></div>'
        f'<div class="cards">{cards}</div>{facts_table(page.facts) if page.facts else ""}</header>'
        f"<nav>{links}</nav>"
    )


def _panel(panel: Panel) -> str:
    width = "wide" if panel.wide else "half"
    note = f"<p>{escape(panel.note)}</p>" if panel.note else ""
    chart = f'<div class="chart" id="chart-{panel.anchor}"></div>' if panel.figure else ""
    return (
        f'<section id="{escape(panel.anchor)}" class="{width}">'
        f"<h2>{escape(panel.heading)}</h2>{note}{chart}{panel.body}</section>"
    )


def _script_json(document: object) -> str:
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
