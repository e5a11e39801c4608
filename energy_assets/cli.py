"""The `energy-assets` command.

Exit code 0 only on success, 2 for bad input or a failed run, with one clear line on standard error
and never a traceback. `--json` prints one document on standard output and nothing else there;
progress goes to standard error.

Belongs here: arguments, progress and printing. Not here: anything a library user would want.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from energy_assets.errors import EnergyAssetsError, InputError
from energy_assets.portfolio import Desk, load_desk
from energy_assets.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A power desk's day-ahead work: forecasts, bid curves, settlement.",
)
OUT, ERR = Console(), Console(stderr=True)

DeskOption = Annotated[
    Path | None, typer.Option("--desk", help="Desk file; ENERGY_ASSETS_DESK or the reference desk.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
DataOption = Annotated[
    Path | None, typer.Option("--data", help="Folder that relative feed paths hang off.")
]
Day = Annotated[str, typer.Option(help="Delivery day, YYYY-MM-DD.")]


@app.command("day-ahead")
def day_ahead(
    desk_file: DeskOption = None,
    delivery_day: Annotated[str, typer.Option(help="YYYY-MM-DD; default tomorrow.")] = "",
    at: Annotated[str, typer.Option(help="Decision time, ISO with zone; default the desk's.")] = "",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """The chain for one delivery day, from feeds to order file; a past day is settled too.

    Example: energy-assets day-ahead --delivery-day 2026-03-29
    """
    from energy_assets.commands.day_ahead import run_day_ahead

    settings = _settings(data)
    desk = _desk(settings, desk_file)
    day = _date(delivery_day, "--delivery-day") if delivery_day else None
    moment = _moment(at) if at else None
    with _progress() as report:
        result = run_day_ahead(settings, desk, day, moment, report)
    if as_json:
        _print_json(result.document())
        return
    OUT.print(result.curve_table())
    OUT.print(f"orders  {result.orders_file}", soft_wrap=True)
    OUT.print(f"report  {result.report}", soft_wrap=True)


@app.command()
def backtest(
    first: Annotated[str, typer.Option("--from", help="First delivery day, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", help="Last delivery day, YYYY-MM-DD.")],
    desk_file: DeskOption = None,
    strategies: Annotated[
        str, typer.Option(help="Shown in the table, comma-separated; default all.")
    ] = "",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay a range with point-in-time data: value beside naive and perfect foresight.

    Example: energy-assets backtest --desk data/desks/epf_de.yaml --from 2016-01-04 --to 2016-03-31
    """
    from energy_assets.commands.backtest import run_backtest

    settings = _settings(data)
    desk = _desk(settings, desk_file)
    chosen = [name.strip() for name in strategies.split(",") if name.strip()]
    with _progress() as report:
        result = run_backtest(
            settings, desk, _date(first, "--from"), _date(last, "--to"), chosen, report
        )
    if as_json:
        _print_json(result.document)
        return
    OUT.print(result.table())
    OUT.print(f"report  {result.report}", soft_wrap=True)


@app.command("forecast-benchmark")
def forecast_benchmark(
    prices: Annotated[Path, typer.Option(help="EPF-format file, plain or gz.")],
    test_from: Day,
    test_to: Day,
    area: Annotated[str, typer.Option(help="Benchmark area the file belongs to.")] = "EPF_DE",
    members: Annotated[str, typer.Option(help="Comma-separated, e.g. lear_56,lear_84.")] = "",
    report: Annotated[Path | None, typer.Option(help="HTML report to write.")] = None,
    checkpoints: Annotated[
        Path | None, typer.Option(help="Folder that keeps member forecasts between runs.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Daily rolling-origin accuracy on an EPF-format file: members, stages and ensemble.

    Example: energy-assets forecast-benchmark --prices DE.csv.gz --test-from 2016-01-04
    --test-to 2016-06-30 --report DE.html --checkpoints data/checkpoints
    """
    from energy_assets.commands.forecast_benchmark import BenchmarkOptions, run_forecast_benchmark

    options = BenchmarkOptions(
        prices,
        area,
        _date(test_from, "--test-from"),
        _date(test_to, "--test-to"),
        tuple(name.strip() for name in members.split(",") if name.strip()),
        report,
        checkpoints,
    )
    with _progress() as tell:
        result = run_forecast_benchmark(options, tell)
    if as_json:
        _print_json(result.document)
        return
    OUT.print(result.table())
    if report is not None:
        OUT.print(f"report: {report}")


@app.command()
def optimise(
    problem: Annotated[Path, typer.Argument(help="Problem document, JSON.")],
    solver: Annotated[
        str, typer.Option(help="highs, gurobi, cplex, scip or ortools; `doctor` says which work.")
    ] = "highs",
    as_json: JsonOption = False,
) -> None:
    """One bidding problem in; curves, other orders, plan and risk out.

    Example: energy-assets optimise data/examples/battery.json --solver scip --json
    """
    from energy_assets.commands.optimise import run_optimise

    answer = run_optimise(problem, solver)
    if as_json:
        _print_json(answer.document())
        return
    OUT.print(answer.headline(), soft_wrap=True)
    for table in answer.tables():
        OUT.print(table)
    for breach in answer.breaches():
        OUT.print(breach, style="yellow")


@app.command("what-if")
def what_if(
    desk_file: DeskOption = None,
    delivery_day: Annotated[str, typer.Option(help="YYYY-MM-DD; default tomorrow.")] = "",
    scenarios: Annotated[
        str, typer.Option(help="Cases of data/scenarios, comma-separated, or all.")
    ] = "all",
    as_json: JsonOption = False,
) -> None:
    """A day's decision under stress cases: orders, dispatch, value and risk against the base.

    Example: energy-assets what-if --delivery-day 2026-03-29 --scenarios low_wind,gas_up
    """
    from energy_assets.commands.what_if import run_what_if

    settings = Settings.from_environment()
    desk = _desk(settings, desk_file)
    day = _date(delivery_day, "--delivery-day") if delivery_day else None
    names = [name.strip() for name in scenarios.split(",") if name.strip()]
    with _progress() as report:
        result = run_what_if(settings, desk, day, None if names == ["all"] else names, report)
    if as_json:
        _print_json(result.document())
        return
    OUT.print(result.table())
    OUT.print(f"report  {result.report}", soft_wrap=True)


ingest = typer.Typer(no_args_is_help=True, help="History from files into the lake.")
app.add_typer(ingest, name="ingest")


@ingest.command("files")
def ingest_files(
    mapping: Annotated[Path, typer.Argument(help="Mapping file, YAML.")],
    data: DataOption = None,
    scope: Annotated[
        str, typer.Option(help="Only this scope; needed where the mapping names none.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Load historical files by a declared mapping; loading again adds nothing.

    Example: energy-assets ingest files data/mappings/be_imbalance.yaml
    """
    from energy_assets.commands.ingest import run_ingest_files

    settings = _settings(data)
    with _progress() as report:
        result = run_ingest_files(settings, mapping, scope or None, report)
    if as_json:
        _print_json(result.document())
        return
    OUT.print(result.table())


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="SQL over the views, e.g. raw.market_prices.")],
    as_json: JsonOption = False,
    limit: Annotated[int, typer.Option(help="Rows shown.")] = 100,
) -> None:
    """SQL over the lake with DuckDB: every table is a view, `current_…` what is in force.

    Example: energy-assets query "select * from bids.current_bid_runs"
    """
    from energy_assets.commands.query import run_query

    answer = run_query(sql, limit)
    if as_json:
        _print_json(answer.document())
        return
    OUT.print(answer.table())


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """What works on this machine, and the fix for what does not; exit code 1 if something must.

    Example: energy-assets doctor --json
    """
    from energy_assets.doctor import examine

    findings = examine(Settings.from_environment())
    if as_json:
        _print_json([vars(finding) for finding in findings])
    else:
        table = Table("", "check", "found", "fix")
        marks = {"ok": "[green]ok[/]", "warn": "[yellow]warn[/]", "fail": "[red]fail[/]"}
        for finding in findings:
            table.add_row(marks[finding.state], finding.name, finding.found, finding.fix)
        OUT.print(table)
    if any(finding.state == "fail" for finding in findings):
        raise typer.Exit(1)


def main() -> None:
    """Entry point: one line for people, exit code 2, where something is wrong."""
    try:
        app()
    except EnergyAssetsError as error:
        ERR.print(
            f"error: {' '.join(str(error).split())}",
            style="red",
            soft_wrap=True,
            markup=False,
            highlight=False,
        )
        sys.exit(2)


def _settings(data: Path | None) -> Settings:
    settings = Settings.from_environment()
    if data is None:
        return settings
    if not data.is_dir():
        raise InputError("--data", expected="a folder", found=str(data))
    return settings.model_copy(update={"real_data": data.resolve()})


def _desk(settings: Settings, desk_file: Path | None) -> Desk:
    return load_desk(desk_file or settings.desk_file)


def _date(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(option, expected="a day as YYYY-MM-DD", found=text) from error


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            "--at", expected="a time such as 2026-03-28T11:00+01:00", found=text
        ) from error
    if moment.tzinfo is None:
        raise InputError("--at", expected="a time with its zone", found=text)
    return moment.astimezone(UTC)


def _print_json(document: Any) -> None:
    sys.stdout.write(json.dumps(document, indent=1, allow_nan=False) + "\n")


@contextmanager
def _progress() -> Iterator[Any]:
    """A callable (what, done, of) that shows bars on a terminal and lines elsewhere."""
    if not ERR.is_terminal:
        yield _line_progress()
        return
    columns = (
        TextColumn("{task.description:<34}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=ERR, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=of)
            bars.update(tasks[what], completed=done, total=of)

        yield report


def _line_progress() -> Any:
    last: dict[str, int] = {}

    def report(what: str, done: int, of: int) -> None:
        tenth = 10 * done // max(of, 1)
        if last.get(what) != tenth:
            last[what] = tenth
            ERR.print(f"{what}: {done} of {of}", highlight=False)

    return report
