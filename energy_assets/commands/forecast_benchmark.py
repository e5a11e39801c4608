"""`forecast-benchmark`: daily rolling-origin accuracy on an EPF-format price file."""

from __future__ import annotations

import csv
import gzip
import math
import re
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from energy_assets.commands.history import Report
from energy_assets.curation.desk_view import desk_view
from energy_assets.errors import InputError
from energy_assets.feeds import Access, Window, feeds_for
from energy_assets.feeds.epf_format import read_epf_file
from energy_assets.forecasting.benchmark import BenchmarkResult, ModelScores, forecast_benchmark
from energy_assets.lakehouse.lake import Lake
from energy_assets.market import load_area
from energy_assets.portfolio import (
    BatteryUnit,
    Desk,
    FileColumns,
    FilesFeed,
    ForecastSettings,
    Limits,
)
from energy_assets.quality import admit
from energy_assets.quality.verdicts import system_series

WINDOWS_DAYS = (56, 84, 1092, 1456)
_EVER = Window(datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


@dataclass(frozen=True)
class BenchmarkSummary:
    """What the command prints: the JSON contract."""

    document: dict[str, Any]

    def table(self) -> Table:
        """One line per model, for people."""
        document = self.document
        table = Table(
            "model",
            "MAE",
            "RMSE",
            "rMAE weekly",
            "rMAE std",
            "pinball99",
            "CRPS",
            "coverage 50/80/90/98 %",
            title=f"{document['prices']} · {document['from']} to {document['to']} · "
            f"{document['seconds_per_day']:.2f} s a day",
        )
        for name, scores in document["models"].items():
            coverage = scores["coverage"]
            shares = (
                "" if coverage is None else "/".join(f"{100 * v:.1f}" for v in coverage.values())
            )
            table.add_row(
                name,
                *(
                    "" if scores[key] is None else f"{scores[key]:.3f}"
                    for key in ("mae", "rmse", "rmae_weekly", "rmae_std", "pinball99", "crps")
                ),
                shares,
            )
        return table


def run_forecast_benchmark(
    prices: Path, area: str, first: date, last: date, members: list[str], report: Report
) -> BenchmarkSummary:
    """Forecast and score every test day.

    Args:
        prices: EPF-format file.
        area: Benchmark area whose clock and gates the file follows.
        first: First test day.
        last: Last test day.
        members: Members wanted; all by default.
        report: Told about progress.

    Raises:
        InputError: Bad file, area, member or range.
    """
    if last < first:
        raise InputError("--test-to", expected=f"a day from {first} on", found=str(last))
    desk = _benchmark_desk(prices, area, members)
    _require_days(prices, desk, first, last)
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(folder)
        lake.ensure_tables(["raw.market_prices", "raw.system_forecasts"])
        ever = _EVER.end
        for feed in feeds_for(desk, Access(prices.resolve().parent)):
            admit(lake, feed, _EVER, ever, area=load_area(area))
        known = desk_view(lake, desk, ever)
        result = forecast_benchmark(
            known, desk, first, last, series=system_series(desk, last), progress=report
        )
    return BenchmarkSummary(_document(prices, result))


def _document(prices: Path, result: BenchmarkResult) -> dict[str, Any]:
    return {
        "prices": prices.name,
        "from": result.days[0].isoformat(),
        "to": result.days[-1].isoformat(),
        "days": len(result.days),
        "seconds_per_day": round(result.seconds_per_day, 4),
        "models": {name: _scores(scores) for name, scores in result.models.items()},
    }


def _scores(scores: ModelScores) -> dict[str, Any]:
    """A score that these days do not define (a weekly error of less than a week) is null."""
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in asdict(scores).items()
    }


def _require_days(prices: Path, desk: Desk, first: date, last: date) -> None:
    """The whole file is read and checked here, before any forecast is made."""
    (spec,) = desk.feeds
    assert isinstance(spec, FilesFeed)
    starts = read_epf_file(prices.resolve(), spec.columns).local_starts
    begin, end = starts[0].date(), starts[-1].date()
    for option, day in (("--test-from", first), ("--test-to", last)):
        if not begin < day <= end:
            expected = f"a day of {prices.name}, which ends on {end}, after its first, {begin}"
            raise InputError(option, expected=expected, found=str(day))


def _benchmark_desk(prices: Path, area: str, members: list[str]) -> Desk:
    windows: tuple[int, ...] = WINDOWS_DAYS
    if members:
        known = {f"lear_{window}": window for window in WINDOWS_DAYS}
        for name in members:
            if not re.fullmatch(r"lear_[1-9]\d{0,3}", name):
                expected = f"some of {', '.join(known)} (or lear_<days>)"
                raise InputError("--members", expected=expected, found=name)
        windows = tuple(int(name.removeprefix("lear_")) for name in members)
    return Desk(
        name="forecast_benchmark",
        area=load_area(area).code,
        owner="quants",
        participant_id="BENCHMARK",
        portfolio_id="BENCHMARK",
        balance_area="BENCHMARK",
        # A benchmark has no plant; a desk must: the smallest one stands in and is never read.
        units=(BatteryUnit(name="battery", power_mw=1, energy_mwh=1),),
        feeds=(FilesFeed(source="files", path=prices.name, columns=_columns(prices)),),
        limits=Limits(max_sale_mw=1, max_purchase_mw=1, max_imbalance_mw=1),
        lead_time_minutes=30,
        forecast=ForecastSettings(lear_windows_days=windows),
        history_days=max(windows) + 8,
    )


def _columns(prices: Path) -> FileColumns:
    """Roles by the benchmark's convention: time first, one `price…`, forecasts the rest."""
    try:
        opener = gzip.open if prices.suffix == ".gz" else open
        with opener(prices, "rt", encoding="utf-8", newline="") as file:
            header = next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError, EOFError) as error:
        expected = "a readable CSV or CSV.gz file"
        raise InputError(str(prices), expected=expected, found=str(error)) from error
    names = [name.strip() for name in header[1:]]
    price = [name for name in names if name.lower().startswith("price")]
    if len(price) != 1:
        raise InputError(f"{prices.name}: header", expected="one column price…", found=names)
    forecasts = {
        re.sub(r"\W", "_", f"forecast_{number}_{name}", flags=re.ASCII): name
        for number, name in enumerate(names)
        if name != price[0]
    }
    return FileColumns(time=header[0].strip(), price=price[0], forecasts=forecasts)
