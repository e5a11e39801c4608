"""`backtest`: replay a range, write `results.*`, the report and the summary."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from rich.table import Column, Table

from energy_assets.backtesting import STRATEGIES, replay
from energy_assets.backtesting.records import backtest_document, write_backtest
from energy_assets.commands.history import (
    Report,
    fetch_history,
    open_lake,
    require_readable_feeds,
)
from energy_assets.curation.desk_view import desk_view
from energy_assets.errors import InputError
from energy_assets.forecasting.day_ahead import Forecaster
from energy_assets.forecasting.model_store import model_store
from energy_assets.forecasting.records import LakeHindcasts
from energy_assets.market import load_area
from energy_assets.portfolio import Desk
from energy_assets.reports import (
    BacktestReportInputs,
    StrategySummary,
    backtest_report,
    write_report,
)
from energy_assets.settings import Settings

# Late meter revisions are in by then.
_SETTLED_AFTER = timedelta(days=14)


@dataclass(frozen=True)
class BacktestSummary:
    """What the command prints.

    Attributes:
        document: The JSON contract.
        report: HTML report.
        shown: Strategies the table shows, all if empty; every one is always replayed.
    """

    document: dict[str, Any]
    report: Path
    shown: tuple[str, ...] = ()

    def table(self) -> Table:
        """One line per strategy, for people."""
        document = self.document
        title = f"{document['desk']} · {document['from']} to {document['to']}"
        table = Table(
            Column("strategy", no_wrap=True, min_width=max(map(len, STRATEGIES))),
            "profit",
            "per day",
            "capture",
            "imbalance MWh",
            "CVaR 95 a day",
            title=f"{title} · {document['seconds']:.0f} s",
        )
        for name, value in document["strategies"].items():
            if self.shown and name not in self.shown:
                continue
            capture = "–" if value["capture"] is None else f"{value['capture']:.3f}"
            table.add_row(
                name,
                f"{value['profit']:,.2f}",
                f"{value['profit_per_day']:,.2f}",
                capture,
                f"{value['imbalance_mwh']:,.2f}",
                f"{value['cvar95_per_day']:,.2f}",
            )
        return table


def run_backtest(
    settings: Settings,
    desk: Desk,
    first: date,
    last: date,
    strategies: list[str],
    report: Report,
) -> BacktestSummary:
    """Replay a range of delivery days.

    Raises:
        EnergyAssetsError: Bad input, or days without prices.
    """
    if last < first:
        raise InputError("--to", expected=f"a day from {first} on", found=str(last))
    unknown = [name for name in strategies if name not in STRATEGIES]
    if unknown:
        raise InputError("--strategies", expected=f"some of {', '.join(STRATEGIES)}", found=unknown)
    require_readable_feeds(settings, desk)
    lake = open_lake(settings)
    session = load_area(desk.area).session()
    now = datetime.now(UTC)
    settled = min(now, session.delivery_day(last).end + _SETTLED_AFTER)
    fetch_history(lake, settings, desk, first, last, now, report)
    known = desk_view(lake, desk, settled)
    forecaster = Forecaster(
        store=LakeHindcasts(lake, desk, "backtest"),
        models=model_store(settings, lake, desk),
        progress=report,
    )
    result = replay(known, desk, first, last, forecaster=forecaster, progress=report)
    write_backtest(lake, desk, result)
    document = backtest_document(result)
    path = settings.reports / f"{desk.name}.backtest.{first}.{last}.html"
    write_report(
        path,
        backtest_report(
            BacktestReportInputs(
                desk=desk.name,
                area_code=desk.area,
                first=first,
                last=last,
                strategies=StrategySummary.all_of(document),
                days=result.days,
                unit_days=result.unit_days,
                parameters=_parameters(desk),
                command=(
                    f"energy-assets backtest --desk data/desks/{desk.name}.yaml "
                    f"--from {first} --to {last}"
                ),
                seconds=result.seconds,
                scores=_score_rows(result.scores),
            )
        ),
    )
    return BacktestSummary(document, path, tuple(strategies))


def _parameters(desk: Desk) -> dict[str, str]:
    return {
        "area": desk.area,
        "units": ", ".join(f"{unit.name} ({unit.kind})" for unit in desk.units),
        "risk weight": f"{desk.risk_weight:g}",
        "scenarios": str(desk.scenarios.count),
        "price members": ", ".join(desk.forecast.members_of("price")),
        "lead time": f"{desk.lead_time_minutes} min",
        "configuration": desk.config_hash[:16],
    }


def _score_rows(scores: pl.DataFrame) -> pl.DataFrame:
    """Columns of `forecasts.scores` that the report reads."""
    return scores.unpivot(
        index="delivery_day", on=["mae", "pinball99"], variable_name="metric"
    ).with_columns(target=pl.lit("price"), model=pl.lit("ensemble"))
