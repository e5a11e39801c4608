"""What this machine can do: Python, solver, extension, system libraries, time zones, folders.

Each finding says what was looked for, what was found and, where it is not good, the fix. Belongs
here: the checks behind `energy-assets doctor`. Not here: printing.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from zoneinfo import ZoneInfo

from energy_assets.errors import EnergyAssetsError
from energy_assets.market import area_codes, load_area
from energy_assets.portfolio import load_desk
from energy_assets.settings import Settings

_FREE_GIGABYTES = 2


@dataclass(frozen=True)
class Finding:
    """One check.

    Attributes:
        name: What was looked at.
        state: `ok`, `warn` (works without) or `fail`.
        found: What was found.
        fix: What to do about it.
    """

    name: str
    state: str
    found: str
    fix: str = ""


def examine(settings: Settings) -> list[Finding]:
    """All findings for this process's settings."""
    checks: tuple[Callable[[Settings], Finding], ...] = (
        _python,
        _solver,
        _delta_extension,
        _lightgbm,
        _torch,
        _time_zones,
        _areas,
        _desk,
        _real_data,
        _mlflow,
        _free_disk,
        _chromium,
    )
    return [_finding(check, settings) for check in checks] + _other_solvers()


def _finding(check: Callable[[Settings], Finding], settings: Settings) -> Finding:
    """A check that cannot be made is a finding too: the others are still worth seeing."""
    try:
        return check(settings)
    except (EnergyAssetsError, OSError) as error:
        name = check.__name__.strip("_").replace("_", " ")
        return Finding(name, "fail", " ".join(str(error).split()))


def _python(_: Settings) -> Finding:
    found = sys.version.split()[0]
    good = (3, 11) <= sys.version_info[:2] < (3, 14)
    return Finding("Python 3.11 to 3.13", "ok" if good else "fail", found)


def _solver(_: Settings) -> Finding:
    try:
        import highspy

        return Finding("HiGHS solver", "ok", str(highspy.Highs().version()))
    except ImportError as error:
        return Finding("HiGHS solver", "fail", str(error), "install requirements/core.lock")


def _other_solvers() -> list[Finding]:
    from energy_assets.bidding.solvers import available_solvers

    findings = []
    for solver in available_solvers():
        if solver.name == "highs":
            continue
        state = "ok" if solver.usable else "warn"
        found = ", ".join(part for part in (solver.version, solver.reason) if part)
        fix = "" if solver.usable else "only for `optimise --solver`; see the extra `solvers`"
        findings.append(Finding(f"solver {solver.name}", state, found, fix))
    return findings


def _delta_extension(_: Settings) -> Finding:
    name = "DuckDB delta extension"
    if (
        importlib.util.find_spec("duckdb_extension_delta") is None
        and _version_of("duckdb-extension-delta") == "absent"
    ):
        return Finding(
            name,
            "warn",
            "absent: views read slower pyarrow datasets",
            "pip install duckdb-extension-delta, same version as duckdb",
        )
    return Finding(name, "ok", _version_of("duckdb-extension-delta"))


def _lightgbm(_: Settings) -> Finding:
    try:
        import lightgbm

        return Finding("LightGBM", "ok", str(lightgbm.__version__))
    except (ImportError, OSError) as error:
        return Finding(
            "LightGBM", "warn", str(error).splitlines()[0], "install the system package libgomp1"
        )


def _torch(_: Settings) -> Finding:
    found = _version_of("torch")
    if found == "absent":
        return Finding(
            "torch (extra `deep`)",
            "warn",
            found,
            "only for deep models: pip install 'energy_assets[deep]'",
        )
    return Finding("torch (extra `deep`)", "ok", found)


def _time_zones(_: Settings) -> Finding:
    try:
        ZoneInfo("Europe/Brussels")
    except KeyError as error:
        return Finding("time-zone data", "fail", str(error), "pip install tzdata")
    return Finding("time-zone data", "ok", f"tzdata {_version_of('tzdata')}")


def _areas(_: Settings) -> Finding:
    codes = area_codes()
    for code in codes:
        load_area(code)
    return Finding("market areas", "ok", ", ".join(codes))


def _desk(settings: Settings) -> Finding:
    desk = load_desk(settings.desk_file)
    return Finding("desk file", "ok", f"{desk.name} in {desk.area}, {len(desk.units)} units")


def _real_data(settings: Settings) -> Finding:
    if settings.real_data.is_dir():
        return Finding("real data", "ok", str(settings.real_data))
    return Finding(
        "real data",
        "warn",
        "absent: only the reference market runs",
        "set ENERGY_ASSETS_REAL_DATA to a folder of price files",
    )


def _mlflow(settings: Settings) -> Finding:
    from energy_assets.forecasting.lifecycle.mlflow_book import ModelBookError, require_reachable

    name = "MLflow store"
    try:
        return Finding(name, "ok", require_reachable(settings.mlflow.get_secret_value()))
    except ModelBookError as error:
        # Forecasts load their models from the lake: only the book of record stays behind.
        return Finding(name, "warn", str(error), "set ENERGY_ASSETS_MLFLOW to a store in reach")


def _free_disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(settings.root).free / 1e9
    state = "ok" if free > _FREE_GIGABYTES else "fail"
    return Finding("free disk", state, f"{free:.1f} GB")


def _chromium(_: Settings) -> Finding:
    path = shutil.which("chromium")
    if path:
        return Finding("chromium (browser tests)", "ok", path)
    return Finding(
        "chromium (browser tests)",
        "warn",
        "absent: browser tests skip",
        "install the system package chromium",
    )


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
