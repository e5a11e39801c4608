"""Validation: the generated suites over the last days of the lake, and what they found.

Rows are read with `Lake.read`, every revision, and judged by Great Expectations in memory: no
datasource reaches the lake, nothing is sent anywhere (the context is ephemeral, analytics are off,
whatever the environment says), and no file but the pages is written. What an expectation does not
find is a result, never an exception.

Belongs here: running suites over frames. Not here: what is expected (`expectations`), the pages
(`data_docs`), when it runs (`defs.quality`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.tables import TABLES, UTC_TIME, Table, table
from energy_assets.market import Session
from energy_assets.quality import data_docs
from energy_assets.quality.expectations import (
    DAYS_SUITE,
    Expected,
    day_coverage,
    day_expectations,
    row_identity,
    series_columns,
    suite,
    table_expectations,
)

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.core import (
        ExpectationSuiteValidationResult,
        ExpectationValidationResult,
    )
    from great_expectations.data_context.data_context.ephemeral_data_context import (
        EphemeralDataContext,
    )
    from great_expectations.datasource.fluent.pandas_datasource import PandasDatasource

DAYS = 14
FIRST_ROWS = 5
_SITE = "data_docs"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Unmet:
    """An expectation that rows did not meet.

    Attributes:
        expectation: Which, in Great Expectations' own name.
        column: Column concerned; several are joined by `,`; empty for the whole table.
        count: Rows that do not meet it.
        first: The first of them, identifying columns and value, as text.
        error: Why it could not be judged, if so.
    """

    expectation: str
    column: str
    count: int
    first: tuple[dict[str, str], ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Outcome:
    """What one suite found in one data set.

    Attributes:
        suite: Suite's name: the table's id, `.days` after it for its coverage by day.
        scope: Data set.
        rows: Rows judged.
        expectations: Expectations judged.
        unmet: Those not met.
        page: Its page, relative to the site.
    """

    suite: str
    scope: str
    rows: int
    expectations: int
    unmet: tuple[Unmet, ...]
    page: str = ""

    @property
    def table(self) -> str:
        """Id of the table."""
        return self.suite.removesuffix(DAYS_SUITE)


@dataclass(frozen=True)
class _Batch:
    """Rows for one suite."""

    suite: str
    scope: str
    expected: list[Expected]
    rows: pl.DataFrame
    identity: list[str]


def validate(
    lake: Lake,
    scopes: Mapping[str, Session | None],
    folder: Path,
    now: datetime,
    *,
    tables: Iterable[str] | None = None,
    days: int = DAYS,
    progress: Progress | None = None,
) -> list[Outcome]:
    """Judge the last days of every table and write the pages.

    Args:
        lake: The lake.
        scopes: Data sets looked at, each with the session that gives its delivery days (None:
            no completeness by day).
        folder: Folder of the pages; replaced whole.
        now: The current time, UTC.
        tables: Table ids; all by default. A table without rows in a scope gives no outcome.
        days: How many days back the time column is looked at.
        progress: Told after each suite.

    Returns:
        One outcome per suite and scope, in the registry's order.
    """
    chosen = [table(table_id) for table_id in (TABLES if tables is None else tables)]
    pairs = [(each, scope) for each in chosen for scope in scopes]
    folder.parent.mkdir(parents=True, exist_ok=True)
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix=".data_docs-", dir=folder.parent) as workplace:
        site = Path(workplace) / _SITE
        context = _context(site)
        source = context.data_sources.add_pandas("lake")
        for number, (registered, scope) in enumerate(pairs):
            batches = _batches(lake, registered, scope, scopes[scope], now, days)
            outcomes += [_judge(context, source, batch, now) for batch in batches]
            if progress:
                progress(f"{registered.id} of {scope}", number + 1, len(pairs))
        context.build_data_docs(site_names=[_SITE])
        outcomes = [_with_page(outcome, site) for outcome in outcomes]
        data_docs.finish(site, outcomes, now)
        data_docs.publish(site, folder)
    return outcomes


def _batches(
    lake: Lake, registered: Table, scope: str, session: Session | None, now: datetime, days: int
) -> Iterator[_Batch]:
    since = now - timedelta(days=days)
    rows = lake.read(registered.id, scope=scope, start=since, latest_revision=False)
    if rows.is_empty():
        return
    identity = row_identity(registered)
    yield _Batch(registered.id, scope, table_expectations(registered), rows, identity)
    expected = day_expectations(registered)
    if expected and session is not None:
        # The first day looked at may lie half before the window.
        first = session.delivery_day_of(since).label + timedelta(days=1)
        covered = day_coverage(registered, rows, session, first, now)
        if covered.height:
            identity = [*series_columns(registered), "delivery_day"]
            yield _Batch(registered.id + DAYS_SUITE, scope, expected, covered, identity)


def _context(site: Path) -> EphemeralDataContext:
    """A context that keeps everything in memory but the pages, and tells nobody."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
        data_docs_sites={
            _SITE: {
                "class_name": "SiteBuilder",
                "show_how_to_buttons": False,
                "store_backend": {
                    "class_name": "TupleFilesystemStoreBackend",
                    "base_directory": str(site),
                },
            }
        },
    )
    return gx.get_context(project_config=config, mode="ephemeral")


def _judge(
    context: EphemeralDataContext, source: PandasDatasource, batch: _Batch, now: datetime
) -> Outcome:
    import great_expectations as gx

    suites = {made.name: made for made in context.suites.all()}
    wanted = suites.get(batch.suite) or context.suites.add(suite(batch.suite, batch.expected))
    asset = source.add_dataframe_asset(f"{batch.scope}.{batch.suite}")
    definition = gx.ValidationDefinition(
        name=f"{batch.scope}.{batch.suite}",
        data=asset.add_batch_definition_whole_dataframe("days"),
        suite=wanted,
    )
    found = context.validation_definitions.add(definition).run(
        batch_parameters={"dataframe": _in_pandas(batch.rows)},
        result_format={
            "result_format": "SUMMARY",
            "partial_unexpected_count": FIRST_ROWS,
            "unexpected_index_column_names": batch.identity,
            "include_unexpected_rows": False,
        },
        run_id=gx.RunIdentifier(run_name=batch.scope, run_time=now),
    )
    return _outcome(batch, found)


def _in_pandas(rows: pl.DataFrame) -> pd.DataFrame:
    moments = [name for name, dtype in rows.schema.items() if dtype == UTC_TIME]
    return rows.with_columns(pl.col(moments).dt.replace_time_zone(None)).to_pandas()


def _outcome(batch: _Batch, found: ExpectationSuiteValidationResult) -> Outcome:
    unmet = tuple(_unmet(each) for each in found.results if not each.success)
    return Outcome(batch.suite, batch.scope, batch.rows.height, len(found.results), unmet)


def _unmet(result: ExpectationValidationResult) -> Unmet:
    configuration = result.expectation_config
    assert configuration is not None
    arguments = configuration.kwargs
    column = arguments.get("column") or ", ".join(arguments.get("column_list", ()))
    found: Mapping[str, Any] = result.result or {}
    first = tuple(
        {name: str(value) for name, value in row.items()}
        for row in found.get("partial_unexpected_index_list") or ()
    )
    errors = result.exception_info or {}
    error = str(errors.get("exception_message") or "") if errors.get("raised_exception") else ""
    seen = "" if first or error else str(found.get("observed_value", ""))
    return Unmet(
        expectation=configuration.type,
        column=column,
        count=int(found.get("unexpected_count") or 0),
        first=first or (({"observed": seen},) if seen else ()),
        error=error,
    )


def _with_page(outcome: Outcome, site: Path) -> Outcome:
    """The outcome with the page Great Expectations wrote for it."""
    under = site.joinpath("validations", *outcome.suite.split("."), outcome.scope)
    pages = sorted(under.rglob("*.html"))
    page = pages[-1].relative_to(site).as_posix() if pages else ""
    return Outcome(
        outcome.suite, outcome.scope, outcome.rows, outcome.expectations, outcome.unmet, page
    )
