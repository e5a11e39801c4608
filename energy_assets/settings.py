"""Settings: the only module that reads the environment.

Every other module is handed what it needs. Each variable starts with `ENERGY_ASSETS_`; a relative
path is taken from the project root, `ENERGY_ASSETS_ROOT` (default: the folder above the package if
it holds `pyproject.toml`, else the working directory).

Not here: desk configuration (`portfolio`), market facts (`market`), defaults of any algorithm.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, SecretStr

from energy_assets.errors import InputError

PREFIX = "ENERGY_ASSETS_"
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


class Settings(BaseModel):
    """Where things are and what runs, for one process.

    Attributes:
        root: Project root; relative paths hang off it.
        lake_root: Lake folder or object-store URL (`ENERGY_ASSETS_LAKE`).
        storage_options: Object-store options, JSON in `ENERGY_ASSETS_STORAGE_OPTIONS`; secret.
        warehouse: DuckDB file of the marts (`ENERGY_ASSETS_WAREHOUSE`).
        reports: Folder of HTML reports (`ENERGY_ASSETS_REPORTS`).
        orders: Folder of order files (`ENERGY_ASSETS_ORDERS`).
        dagster_home: Dagster instance of the command line (`ENERGY_ASSETS_DAGSTER_HOME`); the
            daemon's, so that the UI shows its runs.
        desks: Desks in the asset graph (`ENERGY_ASSETS_DESKS`, comma-separated).
        desk_file: Desk of the command line (`ENERGY_ASSETS_DESK`).
        real_data: Folder that relative feed paths hang off (`ENERGY_ASSETS_REAL_DATA`).
        endpoints: Addresses of sources that differ from the public ones, JSON by name
            (`ENERGY_ASSETS_ENDPOINTS`, e.g. `{"entsoe": "http://127.0.0.1:8080/api"}`).
        tokens: Tokens of sources, JSON by source (`ENERGY_ASSETS_TOKENS`); secret.
        raw_answers: Folder the answers of remote sources are kept in as they came
            (`ENERGY_ASSETS_RAW_ANSWERS`).
        models: Folder or object-store URL of trained models (`ENERGY_ASSETS_MODELS`).
        mlflow: MLflow tracking and registry store (`ENERGY_ASSETS_MLFLOW`); may hold a password.
        schedules_running: Start schedules and sensors running (`ENERGY_ASSETS_SCHEDULES`).
        ingest_cron: When schedules look for news from the feeds (`ENERGY_ASSETS_INGEST_CRON`).
        quality_cron: When the lake is held against its expectations, UTC
            (`ENERGY_ASSETS_QUALITY_CRON`).
        maintenance_cron: When closed months are rewritten and old files go, UTC
            (`ENERGY_ASSETS_MAINTENANCE_CRON`).
        training_cron: When models are trained for the coming day, UTC
            (`ENERGY_ASSETS_TRAINING_CRON`).
        webhook_url: Where run failures are posted (`ENERGY_ASSETS_WEBHOOK_URL`); secret.
        log_level: Level of the project's loggers (`ENERGY_ASSETS_LOG_LEVEL`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    root: Path
    lake_root: str
    storage_options: dict[str, SecretStr] = {}
    warehouse: Path
    reports: Path
    orders: Path
    dagster_home: Path
    desks: tuple[str, ...] = ("reference",)
    desk_file: Path
    real_data: Path
    endpoints: dict[str, str] = {}
    tokens: dict[str, SecretStr] = {}
    raw_answers: Path
    models: str
    mlflow: SecretStr
    schedules_running: bool = False
    ingest_cron: str = "20 * * * *"
    quality_cron: str = "40 2 * * *"
    maintenance_cron: str = "10 1 * * *"
    training_cron: str = "30 0 * * *"
    webhook_url: SecretStr | None = None
    log_level: LogLevel = "INFO"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Settings of this process.

        Args:
            environment: Variables to read instead of the process environment.

        Raises:
            InputError: If a variable cannot be used; names it.
        """
        source = _Source(os.environ if environment is None else environment)
        root = Path(source.text("ROOT", str(_default_root()))).expanduser().resolve()
        url = source.text("WEBHOOK_URL")
        return cls(
            root=root,
            lake_root=_location(root, source.text("LAKE", "data/lake")),
            storage_options=source.options("STORAGE_OPTIONS"),
            warehouse=root / source.text("WAREHOUSE", "data/warehouse.duckdb"),
            reports=root / source.text("REPORTS", "data/reports"),
            orders=root / source.text("ORDERS", "data/orders"),
            dagster_home=root / source.text("DAGSTER_HOME", "data/dagster"),
            desks=source.names("DESKS", "reference"),
            desk_file=root / source.text("DESK", "data/desks/reference.yaml"),
            real_data=root / source.text("REAL_DATA", str(_default_real_data(root))),
            endpoints=source.addresses("ENDPOINTS"),
            tokens=source.options("TOKENS"),
            raw_answers=root / source.text("RAW_ANSWERS", "data/raw_answers"),
            models=_location(root, source.text("MODELS", "data/models")),
            mlflow=SecretStr(source.text("MLFLOW", f"sqlite:///{root}/data/mlflow.db")),
            schedules_running=source.flag("SCHEDULES"),
            ingest_cron=source.text("INGEST_CRON", "20 * * * *"),
            quality_cron=source.text("QUALITY_CRON", "40 2 * * *"),
            maintenance_cron=source.text("MAINTENANCE_CRON", "10 1 * * *"),
            training_cron=source.text("TRAINING_CRON", "30 0 * * *"),
            webhook_url=SecretStr(url) if url else None,
            log_level=source.log_level("LOG_LEVEL"),
        )

    @property
    def object_store_options(self) -> dict[str, str]:
        """Storage options in the clear, for the object-store client."""
        return {name: value.get_secret_value() for name, value in self.storage_options.items()}

    def resolve_feed_path(self, path: str | Path) -> Path:
        """A feed's path: absolute as it is, relative under `real_data`."""
        return self.real_data / Path(path).expanduser()


class _Source:
    """Typed look-ups in the environment, each error naming its variable."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str, default: str = "") -> str:
        return self._environment.get(PREFIX + name, "").strip() or default

    def names(self, name: str, default: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.text(name, default).split(",") if part.strip())

    def flag(self, name: str) -> bool:
        value = self.text(name).lower()
        if value not in _TRUE | _FALSE:
            raise InputError(PREFIX + name, expected="true or false", found=value)
        return value in _TRUE

    def log_level(self, name: str) -> LogLevel:
        value = self.text(name, "INFO").upper()
        for level in ("DEBUG", "INFO", "WARNING", "ERROR"):
            if value == level:
                return level
        raise InputError(PREFIX + name, expected="DEBUG, INFO, WARNING or ERROR", found=value)

    def addresses(self, name: str) -> dict[str, str]:
        found = {key: value.get_secret_value() for key, value in self.options(name).items()}
        for key, value in found.items():
            if not value.startswith(("https://", "http://")):
                where = f"{PREFIX}{name}: {key}"
                raise InputError(where, expected="an http(s) address", found=value)
        return found

    def options(self, name: str) -> dict[str, SecretStr]:
        expected = "a JSON object of strings"
        try:
            found = json.loads(self.text(name, "{}"))
        except json.JSONDecodeError as error:
            # The value may hold a secret: it is never shown.
            raise InputError(PREFIX + name, expected=expected, found="other text") from error
        if not isinstance(found, dict):
            raise InputError(PREFIX + name, expected=expected, found=type(found).__name__)
        return {str(key): SecretStr(str(value)) for key, value in found.items()}


def _default_root() -> Path:
    checkout = Path(__file__).resolve().parents[1]
    return checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()


def _default_real_data(root: Path) -> Path:
    shared = root.parent / "shared" / "data" / "real"
    return shared if shared.is_dir() else root / "data"


def _location(root: Path, text: str) -> str:
    return text if "://" in text else str(root / Path(text).expanduser())
