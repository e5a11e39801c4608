"""The mapping file: what a set of files holds, and how each column becomes rows of a table.

Belongs here: the models, their rules, and reading a mapping file. Not here: reading data files
(`cells`), the meaning of a clock convention (`clocks`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from energy_assets.errors import InputError
from energy_assets.feeds.knowledge_rules import AfterIssue, AfterPeriod, BeforeDelivery
from energy_assets.feeds.mapped_files.tables import TARGETS, Labels
from energy_assets.feeds.mapped_files.time_spec import MomentColumn, TimeSpec
from energy_assets.feeds.mapped_files.values import Value, require_labels, require_units
from energy_assets.portfolio import input_error
from energy_assets.portfolio.feed_specs import DataPath
from energy_assets.portfolio.units import Name
from energy_assets.portfolio.validation import broken_rule

Scope = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
IssueTime = Annotated[BeforeDelivery | MomentColumn, Field(discriminator="kind")]
Knowledge = Annotated[
    BeforeDelivery | AfterPeriod | AfterIssue | MomentColumn, Field(discriminator="kind")
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RowRules(_Model):
    """Rows of a file that are not data.

    Attributes:
        skip_first: Rows after the header.
        skip_last: Rows at the end.
        duplicates: Which of several rows of one period to keep; `refuse` leaves them to the
            screening, which quarantines rows that contradict each other.
    """

    skip_first: Annotated[int, Field(ge=0)] = 0
    skip_last: Annotated[int, Field(ge=0)] = 0
    duplicates: Literal["refuse", "keep_first", "keep_last"] = "refuse"


class TableRows(_Model):
    """What of a file goes to one table.

    Attributes:
        table: Table id.
        scope: Scope, where neither the file set nor a value names one.
        labels: Label columns of the table that are the same for all values.
        label_columns: Label columns of the table by the column of the file that holds them.
        issue_time: When a forecast was made.
        knowledge: When the desk could have known a row.
        knowledge_basis: `rule`, or `published` where the file says when.
        values: Value columns.
    """

    table: str
    scope: Scope | None = None
    labels: Labels = Field(default_factory=dict)
    label_columns: Labels = Field(default_factory=dict)
    issue_time: IssueTime | None = None
    knowledge: Knowledge
    knowledge_basis: Literal["published", "observed", "rule"] = "rule"
    values: Annotated[tuple[Value, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _complete(self) -> TableRows:
        if self.table not in TARGETS:
            raise broken_rule("table", f"one of {', '.join(TARGETS)}", self.table)
        target = TARGETS[self.table]
        if target.vintages != (self.issue_time is not None):
            expected = "one" if target.vintages else "none for this table"
            raise broken_rule("issue_time", expected, "none" if target.vintages else "one")
        if isinstance(self.knowledge, AfterIssue) and self.issue_time is None:
            raise broken_rule("knowledge.kind", "a rule that needs no issue time", "after_issue")
        for value in self.values:
            given = {*self.labels, *self.label_columns, *value.labels}
            if given != set(target.labels):
                where = f"values[{value.column}].labels"
                raise broken_rule(where, f"{', '.join(target.labels)}", ", ".join(sorted(given)))
            require_labels(self.table, {**self.labels, **value.labels}, value)
            require_units(self.table, {**self.labels, **value.labels}, value)
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the file it needs, values aside."""
        moments = [self.issue_time, self.knowledge]
        stamps = [name for at in moments if isinstance(at, MomentColumn) for name in at.columns]
        where = [name for v in self.values for code in v.missing for name in code.where]
        return tuple(dict.fromkeys((*self.label_columns.values(), *stamps, *where)))


class FileSet(_Model):
    """Files of one shape.

    Attributes:
        name: Name in reports.
        path: Path or glob below the data folder.
        format: How the files are written.
        separator: Between fields of a CSV.
        decimal: Decimal sign of a CSV.
        preamble_lines: Lines above a CSV's header.
        time: When a row's period starts.
        rows: Rows that are not data.
        scope: Scope of every row, where a table or value names none.
        scope_column: Column that names the scope.
        scopes: Its values and the scope each stands for.
        tables: What goes where.
    """

    name: Name
    path: DataPath
    format: Literal["csv", "csv.gz", "parquet"]
    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    decimal: Literal[".", ","] = "."
    preamble_lines: Annotated[int, Field(ge=0)] = 0
    time: TimeSpec
    rows: RowRules = RowRules()
    scope: Scope | None = None
    scope_column: str = ""
    scopes: dict[str, Scope] = Field(default_factory=dict)
    tables: Annotated[tuple[TableRows, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_scope(self) -> FileSet:
        if bool(self.scope_column) != bool(self.scopes):
            raise broken_rule("scopes", "scope_column and scopes together", "one of them")
        if self.scope_column and self.scope:
            raise broken_rule("scope", "none beside scope_column", self.scope)
        if self.time.period_columns:
            other = [v.column for t in self.tables for v in t.values if v.column != "value"]
            if other:
                raise broken_rule("tables", "values of the column 'value'", other[0])
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the file that is named, values last."""
        tables = [name for rows in self.tables for name in rows.columns]
        values = [] if self.time.period_columns else list(self.value_columns)
        scope = [self.scope_column] if self.scope_column else []
        return tuple(dict.fromkeys((*self.time.columns, *scope, *tables, *values)))

    @property
    def value_columns(self) -> tuple[str, ...]:
        """Every value column that is named."""
        return tuple(dict.fromkeys(v.column for rows in self.tables for v in rows.values))


class Mapping(_Model):
    """A set of files from one source.

    Attributes:
        source: Value of the rows' `source` column.
        about: What the set is, and which of its traps the mapping handles.
        files: The files.
    """

    source: Name
    about: str = ""
    files: Annotated[tuple[FileSet, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct_names(self) -> Mapping:
        names = [files.name for files in self.files]
        for name in names:
            if names.count(name) > 1:
                raise broken_rule("files", "distinct names", name)
        return self


def load_mapping(path: Path) -> Mapping:
    """Read and validate a mapping file.

    Raises:
        InputError: One line naming file, field, expected and found.
    """
    document = _document(path)
    try:
        return Mapping.model_validate(document)
    except ValidationError as error:
        raise input_error(path.name, document, error) from error


def _document(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(str(path), expected="a readable mapping file", found=str(error)) from error
    except yaml.YAMLError as error:
        found = " ".join(str(error).split())
        raise InputError(path.name, expected="valid YAML", found=found) from error
    if not isinstance(document, dict):
        found = type(document).__name__
        raise InputError(path.name, expected="a mapping of fields", found=found)
    return document
