"""`forecast-benchmark`: daily rolling-origin accuracy on an EPF-format price file.

Members, stages of the combination and the ensemble on the same days, with the scores of the field,
significance tests and a report. Member forecasts can be kept in checkpoints: a run broken off takes
up where it stopped, and a second run with other members costs only those.

Not here: forecasting (`forecasting.benchmark`), scores (`forecasting.evaluation`).
"""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.table import Column, Table

from energy_assets.commands.history import Report
from energy_assets.errors import InputError
from energy_assets.feeds.epf_format import EpfFile, read_epf_file
from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.benchmark import BenchmarkRun, Checkpoints, run_benchmark
from energy_assets.forecasting.calendar_features import holiday_columns
from energy_assets.forecasting.combination import Recipe
from energy_assets.forecasting.evaluation import (
    ForecastEvaluation,
    ModelForecast,
    ModelScores,
    Role,
    evaluate,
)
from energy_assets.forecasting.members.base import Member
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.registry import member
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.market import Area, load_area
from energy_assets.portfolio import FileColumns
from energy_assets.reports import forecast_report, write_report

MEMBERS = (
    "lear_56",
    "lear_84",
    "lear_1092",
    "lear_1456",
    "boosting_1456",
    "boosting_residuals_1456",
)
ENSEMBLE = "ensemble"
_HEADS = ("model", "MAE", "RMSE", "rMAE w", "pinball", "CRPS", "80 %", "98 %", "DM p")


@dataclass(frozen=True)
class BenchmarkOptions:
    """What is asked.

    Attributes:
        prices: EPF-format file.
        area: Benchmark area whose clock, limits and holidays the file follows.
        first: First test day.
        last: Last test day.
        members: Members wanted; the default ensemble if empty.
        report: HTML file to write.
        checkpoints: Folder member forecasts are kept in; None keeps none.
    """

    prices: Path
    area: str
    first: date
    last: date
    members: tuple[str, ...] = ()
    report: Path | None = None
    checkpoints: Path | None = None


@dataclass(frozen=True)
class BenchmarkSummary:
    """What the command prints: the JSON contract."""

    document: dict[str, Any]

    def table(self) -> Table:
        """One line per model, for people."""
        document = self.document
        keys = ("mae", "rmse", "rmae_weekly", "pinball99", "crps")
        table = Table(
            *(Column(head, no_wrap=True) for head in _HEADS),
            box=SIMPLE,
            padding=(0, 1, 0, 0),
            title=f"{document['prices']} · {document['from']} to {document['to']} · "
            f"{document['seconds_per_day']:.2f} CPU s a day",
            caption="rMAE over the weekly naive; pinball: pinball99; 80 %, 98 %: coverage; DM p: "
            "Diebold-Mariano, small where the ensemble is better",
        )
        for name, scores in document["models"].items():
            coverage = scores["coverage"] or {}
            p_value = scores["dm_p"]
            table.add_row(
                name,
                *("" if scores[key] is None else f"{scores[key]:.3f}" for key in keys),
                *(f"{100 * coverage[c]:.1f}" if coverage else "" for c in ("80", "98")),
                "" if p_value is None else f"{p_value:.2f}",
            )
        return table


def run_forecast_benchmark(options: BenchmarkOptions, report: Report) -> BenchmarkSummary:
    """Forecast and score every test day.

    Args:
        options: What is asked.
        report: Told about progress.

    Raises:
        InputError: Bad file, area, member or range.
    """
    if options.last < options.first:
        expected = f"a day from {options.first} on"
        raise InputError("--test-to", expected=expected, found=str(options.last))
    members = _members(options.members or MEMBERS)
    history = price_history(options.prices, load_area(options.area))
    for option, day in (("--test-from", options.first), ("--test-to", options.last)):
        if not history.days[0] < day <= history.days[-1]:
            where = f"{options.prices.name}, which ends on {history.days[-1]}"
            expected = f"a day of {where}, after its first, {history.days[0]}"
            raise InputError(option, expected=expected, found=str(day))
    checkpoints = None
    if options.checkpoints is not None:
        checkpoints = Checkpoints(options.checkpoints, history)
    run = run_benchmark(
        history,
        members,
        Recipe(),
        options.first,
        options.last,
        checkpoints=checkpoints,
        progress=report,
    )
    evaluation = _evaluation(options, run)
    scores = evaluate(evaluation.models, evaluation.outcome, evaluation.days, evaluation.main)
    if options.report is not None:
        write_report(options.report, forecast_report(evaluation, scores))
    return BenchmarkSummary(_document(options.prices, run, evaluation, scores))


def price_history(prices: Path, area: Area) -> TargetHistory:
    """The whole series of an EPF-format file as a history, with the area's limits and holidays.

    Raises:
        InputError: The file cannot be read; names row and column.
    """
    file = read_epf_file(prices.resolve(), _columns(prices))
    starts = file.local_starts
    days = [starts[0].date() + timedelta(days=n) for n in range(len(starts) // 24)]
    rules = area.session().curve_rules(days[-1])
    return TargetHistory(
        "price",
        days,
        _by_day(file, "price"),
        drivers={role: _by_day(file, role) for role in file.forecasts.columns},
        daily=holiday_columns(area.holiday_country, days),
        bounds=(rules.price(rules.price_min_ticks), rules.price(rules.price_max_ticks)),
    )


def _by_day(file: EpfFile, column: str) -> FloatArray:
    values = file.prices if column == "price" else file.forecasts[column]
    matrix: FloatArray = values.to_numpy().astype(float).reshape(-1, 24)
    return matrix


def _members(names: tuple[str, ...]) -> list[Member]:
    found = []
    for name in names:
        try:
            found.append(member(name))
        except InputError as error:
            expected = f"some of {', '.join(MEMBERS)}, or another {error.expected}"
            raise InputError("--members", expected=expected, found=name) from error
    return found


def _evaluation(options: BenchmarkOptions, run: BenchmarkRun) -> ForecastEvaluation:
    """Ensemble first, then the stages on the way to it, the members, and the naive forecast."""
    models = {ENSEMBLE: _model(run.quantiles, "ensemble", run.seconds_per_day)}
    for name, values in run.stages.items():
        models[name] = _model(values, "stage")
    for name, values in run.members.items():
        made = run.days_made[name]
        models[name] = _model(values, "member", run.seconds[name] / made if made else None)
    names = ",".join(run.members)
    return ForecastEvaluation(
        target=f"day-ahead price of {options.area}",
        unit=f"{load_area(options.area).currency}/MWh",
        days=run.days,
        outcome=run.outcome,
        models=models,
        main=ENSEMBLE,
        seconds=run.seconds,
        command=(
            f"energy-assets forecast-benchmark --prices {options.prices.name} --area "
            f"{options.area} --members {names} --test-from {options.first} --test-to {options.last}"
        ),
        facts={"prices": options.prices.name, "recipe": str(Recipe())},
    )


def _model(values: FloatArray, role: Role, seconds: float | None = None) -> ModelForecast:
    if values.ndim == 2:
        return ModelForecast(values, role=role, seconds=seconds)
    median = values[..., len(PERCENTILES) // 2]
    return ModelForecast(median, values, role=role, seconds=seconds)


def _document(
    prices: Path,
    run: BenchmarkRun,
    evaluation: ForecastEvaluation,
    scores: Mapping[str, ModelScores],
) -> dict[str, Any]:
    return {
        "prices": prices.name,
        "from": run.days[0].isoformat(),
        "to": run.days[-1].isoformat(),
        "days": len(run.days),
        "seconds_per_day": round(run.seconds_per_day, 4),
        "seconds": {name: round(value, 3) for name, value in run.seconds.items()},
        "models": {
            name: {"role": evaluation.models[name].role, **scored.document()}
            for name, scored in scores.items()
        },
    }


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
