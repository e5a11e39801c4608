"""Data Docs as pages that need no network: what Great Expectations wrote, made self-contained.

Great Expectations' pages fetch style sheets, scripts, icons and a logo from six hosts, and its
index is drawn by one of those scripts: without a network it is empty. Here every script, foreign
link and picture is taken out, a content policy forbids any request, a style of our own makes up for
the missing one, and the index is written anew, as a table of suites with what they did not find.

Belongs here: the pages of one run. Not here: what they say (`validation`).
"""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from energy_assets.quality.validation import Outcome, Unmet

_POLICY = (
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
)
_STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1b1f24; --soft: #5b6570; --line: #d5dae0; --back: #fff; --panel: #f5f7f9;
  --bad: #b3261e; --good: #1a7f37; --link: #0b57a4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6e9ec; --soft: #9aa4ae; --line: #38404a; --back: #15191e; --panel: #1d2329;
    --bad: #ff8a80; --good: #6fd68a; --link: #7ab8ff;
  }
}
body {
  font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back);
  margin: 0 auto; max-width: 1280px; padding: 1rem 1.5rem 3rem;
}
a { color: var(--link); }
h1 { font-size: 1.4rem; }
h4, h5 { font-size: 1.1rem; margin: 1rem 0 .4rem; }
h6 { font-size: 1rem; margin: .8rem 0 .3rem; }
p { margin: .3rem 0; }
small { color: var(--soft); }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; }
th, td {
  border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: left;
  vertical-align: top; overflow-wrap: anywhere;
}
th { color: var(--soft); font-weight: 600; }
.number { text-align: right; white-space: nowrap; }
nav ol { list-style: none; padding: 0; display: flex; gap: .6rem; }
.row > .col-md-2 { display: none; }
.ge-section {
  border: 1px solid var(--line); border-radius: 6px; padding: .4rem 1rem; margin: 1rem 0;
}
.alert { background: var(--panel); border-radius: 6px; padding: .4rem .8rem; }
.badge { border: 1px solid var(--line); border-radius: 4px; padding: 0 .3rem; }
.good, .text-success { color: var(--good); }
.bad, .text-danger, .text-warning { color: var(--bad); }
.fa-check-circle::before, .fa-check::before { content: "\\2713"; font-style: normal; }
.fa-times::before, .fa-exclamation-triangle::before { content: "\\2717"; font-style: normal; }
"""
_TAKEN_OUT = (
    re.compile(r"<script\b.*?</script\s*>", re.DOTALL | re.IGNORECASE),
    re.compile(r"<link\b[^>]*>", re.IGNORECASE),
    re.compile(r"<img\b[^>]*>", re.IGNORECASE),
    re.compile(r"<style\b.*?</style\s*>", re.DOTALL | re.IGNORECASE),
    # Buttons and folds that only scripts can work; what was folded in is shown.
    re.compile(r'<div class="btn-group.*?</div>', re.DOTALL),
    re.compile(r'<a data-toggle="collapse".*?</a>', re.DOTALL),
    re.compile(r"<footer\b.*?</footer\s*>", re.DOTALL),
)


def finish(site: Path, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Make the pages of a built site self-contained and write its index."""
    shutil.rmtree(site / "static", ignore_errors=True)
    for path in sorted(site.rglob("*.html")):
        path.write_text(self_contained(path.read_text(encoding="utf-8")), encoding="utf-8")
    (site / "index.html").write_text(index_page(outcomes, now), encoding="utf-8")


def publish(site: Path, folder: Path) -> None:
    """Put a finished site in the place of the last one; both lie on one file system."""
    before = site.with_name("before")
    if folder.exists():
        folder.rename(before)
    site.rename(folder)


def self_contained(page: str) -> str:
    """A page of Great Expectations without scripts, pictures and anything from elsewhere."""
    for pattern in _TAKEN_OUT:
        page = pattern.sub("", page)
    head = f"{_POLICY}<style>{_STYLE}</style></head>"
    return page.replace("</head>", head, 1)


def index_page(outcomes: Sequence[Outcome], now: datetime) -> str:
    """The table of suites, and below it what was not met."""
    bad = [outcome for outcome in outcomes if outcome.unmet]
    count = f"{len(bad)} of {len(outcomes)} suites found something" if bad else "All suites are met"
    lines = "".join(_suite_line(outcome) for outcome in outcomes)
    details = "".join(_details(outcome) for outcome in bad)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Data Docs</title>{_POLICY}<style>{_STYLE}</style></head><body>"
        f"<h1>Data Docs</h1><p>{count}. Judged at {now:%Y-%m-%d %H:%M} UTC.</p>"
        "<table><thead><tr><th>Suite</th><th>Data set</th>"
        '<th class="number">Rows</th><th class="number">Expectations</th>'
        f'<th class="number">Not met</th></tr></thead><tbody>{lines}</tbody></table>{details}'
        "<p><small>Suites are generated from the table registry and judged by Great Expectations."
        "</small></p></body></html>"
    )


def _suite_line(outcome: Outcome) -> str:
    name = html.escape(outcome.suite)
    link = f'<a href="{quote(outcome.page)}">{name}</a>' if outcome.page else name
    mark = "bad" if outcome.unmet else "good"
    return (
        f"<tr><td>{link}</td><td>{html.escape(outcome.scope)}</td>"
        f'<td class="number">{outcome.rows:,}</td><td class="number">{outcome.expectations}</td>'
        f'<td class="number {mark}">{len(outcome.unmet) or "none"}</td></tr>'
    )


def _details(outcome: Outcome) -> str:
    lines = "".join(_unmet_line(unmet) for unmet in outcome.unmet)
    title = html.escape(f"{outcome.suite} of {outcome.scope}")
    return (
        f"<h5>{title}</h5><table><thead><tr><th>Expectation</th><th>Column</th><th>Rows</th>"
        f"<th>First of them</th></tr></thead><tbody>{lines}</tbody></table>"
    )


def _unmet_line(unmet: Unmet) -> str:
    rows = ["; ".join(f"{name}: {value}" for name, value in row.items()) for row in unmet.first]
    said = "<br>".join(html.escape(line) for line in [*rows, unmet.error] if line)
    cells = (html.escape(unmet.expectation), html.escape(unmet.column))
    return (
        f'<tr><td>{cells[0]}</td><td>{cells[1]}</td><td class="number">{unmet.count:,}</td>'
        f"<td>{said}</td></tr>"
    )
