"""`what-if`: a delivery day's decision under the cases of the scenario library, and the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.table import Column, Table

from energy_assets.bidding.what_if import WhatIf, what_if
from energy_assets.commands.history import Report, open_lake
from energy_assets.market import load_area
from energy_assets.portfolio import Desk
from energy_assets.portfolio.desk import LIBRARY
from energy_assets.portfolio.stress_cases import load_cases
from energy_assets.reports.page import write_report
from energy_assets.reports.what_if_report import what_if_path, what_if_report
from energy_assets.settings import Settings


@dataclass(frozen=True)
class WhatIfResult:
    """What the command prints.

    Attributes:
        found: The comparison.
        report: HTML report.
    """

    found: WhatIf
    report: Path

    def document(self) -> dict[str, Any]:
        """The JSON contract of `what-if --json`."""
        return {**self.found.as_json(), "report": str(self.report)}

    def table(self) -> Table:
        """One line per case, for people."""
        found, base = self.found, self.found.base
        synthetic = " · SYNTHETIC DATA" if load_area(found.area).synthetic else ""
        title = f"{found.desk} · {found.day.label} · {found.currency}{synthetic}"
        figures = ("value", "CVaR", "orders kept", "regret", "MTUs re-bid")
        table = Table(
            Column("case", no_wrap=True),
            *(Column(name, justify="right", no_wrap=True) for name in figures),
            title=title,
            caption=_lower_rungs(found),
        )
        table.add_row("base", _text(base.expected_value), _text(base.cvar))
        for outcome in found.cases:
            rebid, kept = outcome.rebid, outcome.kept
            table.add_row(
                outcome.case.name,
                _text(rebid.expected_value),
                _text(rebid.cvar),
                _text(None if kept is None else kept.expected_value),
                _text(outcome.regret),
                str(len(found.changed_mtus(outcome))),
            )
        return table


def run_what_if(
    settings: Settings,
    desk: Desk,
    day: date | None,
    names: Sequence[str] | None,
    report: Report,
) -> WhatIfResult:
    """Compare cases on the decision of a delivery day and write the report.

    Args:
        settings: Where things are.
        desk: The desk.
        day: Delivery day; tomorrow in the area's zone by default.
        names: Cases; None for all that can befall the desk.
        report: Told about progress.

    Raises:
        EnergyAssetsError: Unknown cases, or a day without a decision.
    """
    area = load_area(desk.area)
    tomorrow = datetime.now(UTC).astimezone(ZoneInfo(area.timezone)).date() + timedelta(days=1)
    cases = load_cases(settings.root / "data" / LIBRARY, names, where="--scenarios")
    found = what_if(
        open_lake(settings),
        desk,
        day or tomorrow,
        cases,
        skip_misfits=names is None,
        progress=report,
    )
    path = write_report(what_if_path(settings.reports, found), what_if_report(found, desk))
    return WhatIfResult(found, path)


def _lower_rungs(found: WhatIf) -> str:
    """Which orders are not the best rung's, and why."""
    bids = {"base": found.base} | {each.case.name: each.rebid for each in found.cases}
    return "\n".join(
        f"{name}: {bid.rung}, {bid.reason}" for name, bid in bids.items() if bid.reason
    )


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"
