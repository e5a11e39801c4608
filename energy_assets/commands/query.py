"""`query`: one SELECT over the lake's views.

DuckDB could also write files and attach databases; what is not a query is refused, so that an
analyst's slip changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from energy_assets.errors import InputError
from energy_assets.lakehouse import connect


@dataclass(frozen=True)
class QueryAnswer:
    """Rows of a query.

    Attributes:
        names: Column names; DuckDB may give two columns one name.
        rows: Values, row by row.
    """

    names: list[str]
    rows: list[tuple[Any, ...]]

    def document(self) -> list[dict[str, Any]]:
        """The rows for `--json`: what JSON has no type for becomes text, NaN and infinity null."""
        return [dict(zip(self.names, map(_plain, row), strict=True)) for row in self.rows]

    def table(self) -> Table:
        """The rows for people."""
        table = Table(*self.names)
        for row in self.rows:
            table.add_row(*(str(value) for value in row))
        return table


def run_query(sql: str, limit: int) -> QueryAnswer:
    """Run one query over the lake of this process's settings.

    Args:
        sql: One SELECT (DESCRIBE, SHOW and SUMMARIZE are selects too).
        limit: Most rows wanted.

    Raises:
        InputError: The text is something else, or DuckDB cannot run it.
    """
    import duckdb

    with connect() as connection:
        try:
            statements = connection.extract_statements(sql)
            # EXPLAIN is not among them: with ANALYZE it runs what it explains, writes too.
            if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
                found = ", ".join(statement.type.name for statement in statements) or "nothing"
                raise InputError("sql", expected="one SELECT; the lake is read only", found=found)
            answer = connection.execute(statements[0])
            names = [str(column[0]) for column in answer.description or []]
            return QueryAnswer(names, answer.fetchmany(limit))
        except duckdb.Error as error:
            found = str(error).splitlines()[0]
            raise InputError("sql", expected="a query DuckDB can run", found=found) from error


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, int | float | str | bool | None) else str(value)
