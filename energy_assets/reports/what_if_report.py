"""The what-if report of a delivery day: every stress case against the base.

Belongs here: what stands on the page, in which order, and its charts. Not here: any figure
(`bidding.what_if`), the page's HTML (`page`).
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.what_if import CaseOutcome, Outcome, WhatIf
from energy_assets.market import load_area
from energy_assets.portfolio import Desk
from energy_assets.reports import theme
from energy_assets.reports.page import Card, Page, Panel, code_block, render, table
from energy_assets.reports.price_chart import stepped
from energy_assets.reports.time_axis import TimeAxis

# A unit whose expected path moves less, of its largest power and in MW, runs as in the base.
_LEAST_SHARE, _LEAST_CHANGE_MW = 0.05, 0.05
_ROW_PIXELS = 120
# Bars longer than this many times the median are cut.
_EXTREME = 8.0


def what_if_path(folder: Path, found: WhatIf) -> Path:
    """Where the report of a desk and delivery day lies."""
    return folder / f"what_if_{found.desk}_{found.day.label}.html"


def what_if_report(found: WhatIf, desk: Desk) -> str:
    """The report as one HTML document."""
    area = load_area(found.area)
    panels = [_values_panel(found)]
    if found.cases:
        panels.append(_orders_panel(found))
    panels += [_case_panel(found, desk, outcome) for outcome in found.cases]
    panels.append(_command_panel(found))
    label = found.day.label
    badges = [(area.code, "plain"), ("What if · no orders are sent", "plain")]
    if area.synthetic:
        badges.insert(0, ("SYNTHETIC DATA", "warn"))
    page = Page(
        title=f"What if · {label:%A} {label.day} {label:%B %Y}",
        subtitle=f"Desk {found.desk} · {area.name} · {len(found.cases)} cases against the base",
        badges=badges,
        cards=_cards(found),
        facts=_facts(found),
        panels=panels,
        footer=(
            "Signs: injection, sale and cash received are positive; imbalance is long positive. "
            "This file fetches nothing."
        ),
    )
    return render(page)


def _cards(found: WhatIf) -> list[Card]:
    base, currency = found.base, found.currency
    cards = [
        Card("Base value", theme.number(base.expected_value, 0, currency), "mean of scenarios"),
        Card(_cvar_name(found), theme.number(base.cvar, 0, currency), "base, worst scenarios"),
    ]
    if not found.cases:
        return cards
    worst = min(found.cases, key=lambda outcome: outcome.rebid.expected_value)
    loss = worst.rebid.expected_value - base.expected_value
    tone = "bad" if loss < 0 else "good"
    cards.append(Card("Worst case", _signed(loss, currency), worst.case.title, tone))
    valued = [(c.regret, c.case.title) for c in found.cases if c.regret is not None]
    if valued:
        regret, title = max(valued)
        cards.append(Card("Largest regret", theme.number(regret, 0, currency), title))
    return cards


def _cvar_name(found: WhatIf) -> str:
    return f"CVaR {100 * found.cvar_level:g}"


def _facts(found: WhatIf) -> list[tuple[str, str]]:
    day = found.day
    facts = [
        (
            "Delivery day",
            f"{day.label}, {day.hours} h in {day.mtu_count} MTUs of {day.mtu_minutes} min",
        ),
        ("Decision", f"{found.decision_time:%Y-%m-%d %H:%M} UTC, {found.mode}"),
        ("Base orders", _rung(found.base)),
    ]
    return facts + [(f"Left out: {name}", why) for name, why in found.left_out.items()]


def _rung(outcome: Outcome) -> str:
    name = outcome.rung.replace("_", "-")
    return f"{name}: {outcome.reason}" if outcome.reason else name


def _values_panel(found: WhatIf) -> Panel:
    note = (
        f"Change of the expected value against the base, {found.currency}. Re-bid: the best orders "
        "had the case been known. Kept: the base's orders while it happens, with the plant run as "
        "well as it can; imbalance in MWh is theirs. Regret: what keeping them gives up, in mean "
        "and CVaR at the desk's risk weight, less its aversion to imbalance. Bars far "
        "beyond the others are cut."
    )
    heads = (
        "Case",
        "Value",
        "change",
        _cvar_name(found),
        "change",
        "Orders kept",
        "regret",
        "MTUs re-bid",
        "Imbalance MWh",
        "Rung",
    )
    base = found.base
    first = (
        "Base",
        theme.number(base.expected_value),
        "–",
        theme.number(base.cvar),
        "–",
        theme.number(base.expected_value),
        "–",
        "–",
        theme.number(base.imbalance_mwh, 1),
        base.rung.replace("_", "-"),
    )
    rows = [first, *(_value_row(found, outcome) for outcome in found.cases)]
    return Panel(
        "values",
        "Values",
        _values_heading(found),
        note,
        _values_figure(found) if found.cases else None,
        table(heads, rows, 1),
    )


def _values_heading(found: WhatIf) -> str:
    if not found.cases:
        return "No case befalls this desk"
    losing = [c for c in found.cases if c.rebid.expected_value < found.base.expected_value]
    text = f"{len(losing)} of {len(found.cases)} cases cost value"
    valued = [(c.regret, c.case.title) for c in found.cases if c.regret is not None]
    if not valued:
        return text
    regret, title = max(valued)
    amount = theme.number(regret, 0, found.currency)
    return f"{text}; not re-bidding costs most in “{title}”: {amount}"


def _value_row(found: WhatIf, outcome: CaseOutcome) -> tuple[str, ...]:
    base, rebid, kept = found.base, outcome.rebid, outcome.kept
    shown = kept or rebid
    return (
        outcome.case.title,
        theme.number(rebid.expected_value),
        _signed(rebid.expected_value - base.expected_value),
        theme.number(rebid.cvar),
        _signed(rebid.cvar - base.cvar),
        theme.number(None if kept is None else kept.expected_value),
        theme.number(outcome.regret),
        "–" if kept is None else str(len(found.changed_mtus(outcome))),
        theme.number(shown.imbalance_mwh, 1),
        rebid.rung.replace("_", "-"),
    )


def _signed(value: float, unit: str = "") -> str:
    text = theme.number(value, 0, unit)
    return f"+{text}" if value > 0 and not text.startswith("0") else text


def _values_figure(found: WhatIf) -> dict[str, Any]:
    titles = [escape(outcome.case.title) for outcome in found.cases]
    base = found.base.expected_value

    def bars(name: str, values: list[float | None], colour: str) -> dict[str, Any]:
        return {
            "type": "bar",
            "orientation": "h",
            "y": titles,
            "x": [None if value is None else round(value - base, 2) for value in values],
            "name": name,
            "marker": {"color": colour},
            "hovertemplate": "%{y}<br>"
            + name
            + ": %{x:+,.0f} "
            + found.currency
            + "<extra></extra>",
        }

    rebid = [c.rebid.expected_value for c in found.cases]
    kept = [None if c.kept is None else c.kept.expected_value for c in found.cases]
    known = [value - base for value in (*rebid, *kept) if value is not None]
    return {
        "data": [
            bars("re-bid", list(rebid), theme.BLUE),
            bars("base orders kept", kept, theme.ORANGE),
        ],
        "layout": theme.layout(
            90 + 46 * len(titles),
            barmode="group",
            bargap=0.3,
            xaxis=theme.axis(
                f"change of value, {found.currency}", zeroline=True, range=_range(known)
            ),
            yaxis=_case_axis(titles),
        ),
    }


def _range(values: list[float]) -> list[float]:
    """Ends of the value axis: an extreme case must not press all others flat, so its bar is cut."""
    usual = _EXTREME * float(np.median(np.abs(values)))
    shown = [value for value in values if abs(value) <= usual] or values
    low, high = min(0.0, *shown), max(0.0, *shown)
    margin = max(1.0, 0.12 * (high - low))
    return [round(low - margin, 2), round(high + margin, 2)]


def _case_axis(titles: list[str]) -> dict[str, Any]:
    """Rows from top to bottom in the order of the cases, labels broken to leave room on phones."""
    return theme.axis(
        autorange="reversed", showgrid=False, tickvals=titles, ticktext=list(map(_broken, titles))
    )


def _broken(title: str, width: int = 18) -> str:
    lines = [""]
    for word in title.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(lines)


def _orders_panel(found: WhatIf) -> Panel:
    axis = TimeAxis(found.day)
    minutes = found.day.mtu_minutes
    titles = [escape(outcome.case.title) for outcome in found.cases]
    changes = [
        np.round(outcome.rebid.awarded - found.base.awarded, 3).tolist() for outcome in found.cases
    ]
    largest = max(0.1, *(abs(value) for row in changes for value in row))
    heat = {
        "type": "heatmap",
        "x": axis.edges(minutes),
        "y": titles,
        "z": changes,
        "zmin": -largest,
        "zmax": largest,
        "ygap": 3,
        "colorscale": [list(stop) for stop in theme.VOLUME_SCALE],
        "colorbar": {"title": {"text": "MW"}, "thickness": 12, "outlinewidth": 0},
        "customdata": [axis.labels(minutes)] * len(titles),
        "hovertemplate": "%{y}<br>%{customdata} local<br><b>%{z:+.1f} MW</b><extra></extra>",
    }
    figure = {
        "data": [heat],
        "layout": theme.layout(
            90 + 40 * len(titles),
            showlegend=False,
            xaxis=axis.ticks(6, tickangle=0),
            yaxis=_case_axis(titles),
        ),
    }
    moved = sum(bool(found.changed_mtus(outcome)) for outcome in found.cases)
    heading = f"{moved} of {len(titles)} cases call for other orders"
    note = (
        "Change of the expected award of re-bid orders against the base, by MTU: blue sells more "
        "or buys less, orange the other way round. It holds the effect of new orders and that of "
        "new prices on them."
    )
    return Panel("orders", "Orders", heading, note, figure)


def _case_panel(found: WhatIf, desk: Desk, outcome: CaseOutcome) -> Panel:
    case = outcome.case
    moved = [
        unit.name
        for unit in desk.units
        if _apart(outcome.rebid.dispatch[unit.name], found.base.dispatch[unit.name])
    ]
    words = list(case.words)
    if case.weight:
        words.append(f"weight {case.weight:g} where a desk bids with it")
    facts = "".join(f"<li>{escape(text)}</li>" for text in words)
    body = f'<ul style="margin:6px 0;padding-left:18px">{facts}</ul>'
    if len(moved) < len(desk.units):
        still = ", ".join(unit.name for unit in desk.units if unit.name not in moved)
        body += f"<p>Within a twentieth of the base: {escape(still)}.</p>"
    if outcome.kept_reason:
        body += f"<p>Base orders could not be valued: {escape(outcome.kept_reason)}</p>"
    change = outcome.rebid.expected_value - found.base.expected_value
    return Panel(
        f"case-{case.name}",
        case.name.replace("_", " "),
        f"{case.title}: {_signed(change, found.currency)}",
        case.why,
        _dispatch_figure(found, desk, outcome, moved) if moved else None,
        body,
        wide=False,
    )


def _apart(path: FloatArray, other: FloatArray) -> bool:
    largest = float(np.abs(np.concatenate([path, other])).max())
    least = max(_LEAST_CHANGE_MW, _LEAST_SHARE * largest)
    return bool(np.abs(path - other).max() >= least)


def _dispatch_figure(
    found: WhatIf, desk: Desk, outcome: CaseOutcome, moved: list[str]
) -> dict[str, Any]:
    """Expected power of the units that run otherwise, one row each: base and case."""
    axis, minutes = TimeAxis(found.day), found.day.mtu_minutes
    kinds = {unit.name: unit.kind for unit in desk.units}
    traces: list[dict[str, Any]] = []
    settings: dict[str, Any] = {}
    height = 1.0 / len(moved)
    for place, unit in enumerate(moved):
        number = "" if place == 0 else str(place + 1)
        top = 1.0 - place * height
        settings[f"yaxis{number}"] = theme.axis(
            f"{escape(unit)}, MW", domain=[round(top - 0.84 * height, 4), round(top, 4)], nticks=4
        )
        colour = theme.unit_colour(kinds[unit], place)
        lines: list[tuple[str, FloatArray, dict[str, Any], dict[str, Any]]] = [
            ("base", found.base.dispatch[unit], {"dash": "dot"}, {"meta": theme.INK}),
            ("re-bid", outcome.rebid.dispatch[unit], {"color": colour, "width": 2.4}, {}),
        ]
        if outcome.kept is not None:
            kept = {"color": theme.PURPLE, "width": 1.4, "dash": "dash"}
            lines.append(("orders kept", outcome.kept.dispatch[unit], kept, {}))
        traces += [
            {
                "type": "scatter",
                "mode": "lines",
                "x": axis.edges(minutes),
                "y": stepped(np.round(path, 3).tolist()),
                "yaxis": f"y{number}",
                "name": name,
                "legendgroup": name,
                "showlegend": place == 0,
                "line": {"shape": "hv", "width": 1.6, "color": theme.INK_COLOUR, **line},
                "hovertemplate": f"{escape(unit)} {name}: " + "%{y:.1f} MW<extra></extra>",
                **extra,
            }
            for name, path, line, extra in lines
        ]
    last = "y" if len(moved) == 1 else f"y{len(moved)}"
    return {
        "data": traces,
        "layout": theme.layout(
            90 + _ROW_PIXELS * len(moved), xaxis=axis.ticks(6, anchor=last, tickangle=0), **settings
        ),
    }


def _command_panel(found: WhatIf) -> Panel:
    names = ",".join(outcome.case.name for outcome in found.cases) or "all"
    command = (
        f"energy-assets what-if --desk data/desks/{found.desk}.yaml "
        f"--delivery-day {found.day.label} --scenarios {names}"
    )
    return Panel(
        "command",
        "Reproduce",
        "How to run it again",
        "Cases are files of the desk's scenario library, data/scenarios. The comparison reads the "
        "decision's stored scenarios and writes nothing but this page.",
        body=code_block(command),
    )
