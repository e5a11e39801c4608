"""The warehouse file: built beside the one in use, put in its place only when everything passed.

dbt writes to a fresh DuckDB file in a temporary folder next to the warehouse. After every model
and test passed, one rename replaces the warehouse: readers see the old file or the new one, hold
no lock the build could wait for, and a failed build changes nothing.

dbt runs as a child process of its own. `DbtCliResource` would ask the package index for its newest
version (`dbt --version`), change the working directory of the Dagster process and import the whole
of dbt into it; a child with a JSON result file needs none of that.

Belongs here: running dbt and publishing the file. Not here: assets and checks (`assets`), models
(`dbt_project/`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from energy_assets.errors import EnergyAssetsError
from energy_assets.settings import Settings

PASSED = frozenset({"success", "pass"})
WARNED = "warn"
SKIPPED = "skipped"
# The console script may not be on the path of a service; this interpreter always is.
_DBT = "from dbt.cli.main import cli; cli()"


class WarehouseError(EnergyAssetsError):
    """dbt could not run at all; the warehouse is as it was."""


@dataclass(frozen=True)
class NodeResult:
    """What became of one model or test.

    Attributes:
        unique_id: dbt's name of it, e.g. `model.energy_assets.desk_days`.
        status: success, error, pass, fail, warn or skipped.
        seconds: Wall seconds.
        failures: Rows a test found.
        message: What dbt said.
        rows: Rows of a model; None for tests and in a failed build.
    """

    unique_id: str
    status: str
    seconds: float
    failures: int | None = None
    message: str = ""
    rows: int | None = None

    @property
    def passed(self) -> bool:
        """Whether the model was built or the test found nothing."""
        return self.status in PASSED


@dataclass(frozen=True)
class WarehouseBuild:
    """A finished build.

    Attributes:
        nodes: Every model and test.
        published: Whether the new file is in place.
    """

    nodes: tuple[NodeResult, ...]
    published: bool

    @property
    def failed(self) -> tuple[NodeResult, ...]:
        """The models and tests that kept the new file out of place."""
        return tuple(n for n in self.nodes if not n.passed and n.status not in {WARNED, SKIPPED})


def project_folder(settings: Settings) -> Path:
    """The dbt project."""
    return settings.root / "dbt_project"


def build_warehouse(settings: Settings, *, project: Path | None = None) -> WarehouseBuild:
    """Build every model, run every test and, if all passed, replace the warehouse.

    Args:
        settings: Names lake and warehouse.
        project: dbt project folder; that of the settings' root by default.

    Raises:
        WarehouseError: If dbt ended before it had results.
    """
    warehouse = settings.warehouse
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".warehouse-", dir=warehouse.parent) as folder:
        # Same file name: dbt takes the catalog's name from it.
        built = Path(folder) / warehouse.name
        nodes = _run_dbt(project or project_folder(settings), built, settings.lake_root)
        build = WarehouseBuild(nodes, published=False)
        if build.failed:
            return build
        nodes = _with_row_counts(nodes, built)
        built.replace(warehouse)
    return WarehouseBuild(nodes, published=True)


def _run_dbt(project: Path, built: Path, lake_root: str) -> tuple[NodeResult, ...]:
    target = built.parent / "target"
    variables = {"warehouse": str(built), "lake_root": lake_root}
    command = [sys.executable, "-c", _DBT, "--no-use-colors", "--quiet", "build"]
    command += ["--project-dir", str(project), "--profiles-dir", str(project)]
    command += ["--target-path", str(target), "--log-path", str(target)]
    command += ["--vars", json.dumps(variables)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    results = target / "run_results.json"
    # 0 and 1 say how the nodes went; anything else is dbt's own trouble.
    if run.returncode not in {0, 1} or not results.is_file():
        said = " ".join((run.stdout + run.stderr).split()) or f"exit code {run.returncode}"
        msg = f"dbt build of {project}: expected results, dbt said: {said}"
        raise WarehouseError(msg)
    found = json.loads(results.read_text(encoding="utf-8"))["results"]
    return tuple(
        NodeResult(
            unique_id=node["unique_id"],
            status=node["status"],
            seconds=float(node["execution_time"]),
            failures=node["failures"],
            message=node["message"] or "",
        )
        for node in found
    )


def _with_row_counts(nodes: tuple[NodeResult, ...], built: Path) -> tuple[NodeResult, ...]:
    """Count the rows, and leave one file: closing a writer folds its write-ahead log into it."""
    import duckdb

    with duckdb.connect(str(built)) as connection:
        connection.execute("CHECKPOINT")
        names = connection.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
        rows = {name: len(connection.table(f'"{schema}"."{name}"')) for schema, name in names}
    return tuple(replace(node, rows=rows.get(node.unique_id.rsplit(".", 1)[-1])) for node in nodes)
