"""MLflow as the book of record: a run and a registered version per model, aliases for champions.

What is written, in one experiment per desk:

- a run per trained model: artefact, parameters (spec, window, anchor, versions), validation scores,
  tags (scope, target, member, version, anchor, trained until, decision time, training set, table
  versions); registered as a version of `<scope>__<target>__<member>`;
- a run per ensemble configuration, registered as a version of `<scope>__<target>`, on which the
  aliases `champion` and `challenger` stand: for live use and for people. A replay asks the dated
  rows of `forecasts.champions` instead.

Everything is written from rows of the lake and found again by a tag, so that writing twice adds
nothing, a run that was cut short is completed, and a lost book is filled again. Costs, one core
(MLflow 3.17, SQLite): 1.3 CPU seconds to import, 1.4 for a new file or 0.8 for an old one, 0.05 a
model: so it is written once per training job, after the training.

Not here: what was trained (`registry`), which configuration is chosen (`champions`).
"""

from __future__ import annotations

import logging
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from energy_assets.errors import EnergyAssetsError
from energy_assets.forecasting.lifecycle.artefacts import ArtefactError, Artefacts
from energy_assets.forecasting.lifecycle.registry import ModelRecord, model_id, model_name

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

Role = Literal["champion", "challenger"]
Progress = Callable[[str, int, int], None]
_SQLITE = "sqlite:///"
_ID = "energy_assets.id"
_LONGEST_PARAMETER = 500
_LOGGERS = ("mlflow.store.db.utils", "mlflow.store.db.workspace", "alembic")


class ModelBookError(EnergyAssetsError):
    """MLflow's store cannot be reached, read or written; models and forecasts are not affected."""


class MlflowBook:
    """MLflow's tracking store and registry.

    Args:
        uri: Tracking and registry store: `sqlite:///…`, a database or a server.
        artefacts: Where the models' files are; MLflow's copies lie beside them, unless a server
            keeps its own.
        patience_seconds: How long a locked SQLite file is waited for.
    """

    def __init__(self, uri: str, artefacts: Artefacts, patience_seconds: float = 20.0) -> None:
        self._uri = uri
        self._artefacts = artefacts
        self._patience_seconds = patience_seconds
        self._made: MlflowClient | None = None

    def enter_models(
        self, records: Iterable[ModelRecord], progress: Progress | None = None
    ) -> list[str]:
        """Enter the models that are not in the book yet; names of those entered.

        Raises:
            ModelBookError: The store, or an artefact to copy, cannot be used.
        """
        wanted = sorted(records, key=model_id)
        with self._in_one_line():
            known = self._entered({record.key.scope for record in wanted})
            missing = [record for record in wanted if model_id(record) not in known]
            for number, record in enumerate(missing):
                self._enter_model(record)
                if progress:
                    progress("models entered in MLflow", number + 1, len(missing))
        return [model_name(record.key) for record in missing]

    def enter_configuration(
        self,
        scope: str,
        target: str,
        configuration: str,
        document: str,
        metrics: Mapping[str, float],
        role: Role,
    ) -> str:
        """Enter an ensemble configuration and put the alias of its role on it; its version.

        Raises:
            ModelBookError: The store cannot be used.
        """
        name = f"{scope}__{target}"
        with self._in_one_line():
            identity = f"{scope}/{target}/{configuration}"
            version = self._entered({scope}).get(identity)
            if version is None:
                tags = {_ID: identity, "scope": scope, "target": target}
                files = {"configuration.json": document.encode()}
                parameters = {"configuration": configuration}
                version = self._enter(name, identity, tags, parameters, metrics, files)
            client = self._client()
            aliases = {
                alias: str(held)
                for alias, held in client.get_registered_model(name).aliases.items()
            }
            if aliases.get(role) != version:
                client.set_registered_model_alias(name, role, version)
            # A champion no longer challenges.
            if role == "champion" and aliases.get("challenger") == version:
                client.delete_registered_model_alias(name, "challenger")
        return version

    def _enter_model(self, record: ModelRecord) -> None:
        key, used = record.key, record.training_set
        tags = {
            _ID: model_id(record),
            "scope": key.scope,
            "target": key.target,
            "member": key.member,
            "version": key.version,
            "anchor": key.anchor.isoformat(),
            "trained_until": record.trained_until.isoformat(),
            "decision_time": record.known_at.isoformat(),
            "training_set": used.sha256,
            "artefact_sha256": record.artefact.sha256,
            **{f"table_version.{name}": str(n) for name, n in used.table_versions.items()},
        }
        parameters = {
            **{f"spec.{name}": str(value) for name, value in record.spec.items()},
            "anchor": key.anchor.isoformat(),
            "version": key.version,
            "first_day": used.first_day.isoformat(),
            "days": str(used.days),
            "slots": str(used.slots),
        }
        try:
            files = {"model.bin": self._artefacts.read(record.artefact)}
        except ArtefactError as error:
            raise ModelBookError(f"{model_name(key)}: {error}") from error
        name = f"{key.scope}__{key.target}__{key.member}"
        self._enter(name, model_id(record), tags, parameters, record.metrics, files)

    def _enter(
        self,
        name: str,
        identity: str,
        tags: Mapping[str, str],
        parameters: Mapping[str, str],
        metrics: Mapping[str, float],
        files: Mapping[str, bytes],
    ) -> str:
        """One finished run with its files, registered; a run cut short before is completed."""
        from mlflow.entities import Metric, Param

        client = self._client()
        experiment = self._experiment(tags["scope"])
        found = client.search_runs([experiment], f"tags.`{_ID}` = '{identity}'", max_results=1)
        run = found[0] if found else client.create_run(experiment, tags=dict(tags), run_name=name)
        run_id = run.info.run_id
        cut = {key: value[:_LONGEST_PARAMETER] for key, value in parameters.items()}
        client.log_batch(
            run_id,
            metrics=[Metric(key, value, run.info.start_time, 0) for key, value in metrics.items()],
            params=[Param(key, value) for key, value in cut.items()],
        )
        with tempfile.TemporaryDirectory() as folder:
            for file_name, content in files.items():
                (Path(folder) / file_name).write_bytes(content)
            client.log_artifacts(run_id, folder)
        self._ensure_registered(name)
        source = f"{run.info.artifact_uri}/{next(iter(files))}"
        version = client.create_model_version(name, source, run_id, tags={_ID: identity})
        client.set_terminated(run_id)
        return str(version.version)

    def _entered(self, scopes: set[str]) -> dict[str, str]:
        """Version by identity of everything registered for some scopes."""
        client = self._client()
        found: dict[str, str] = {}
        for scope in sorted(scopes):
            token = None
            while True:
                page = client.search_model_versions(
                    f"name LIKE '{scope}__%'", max_results=1000, page_token=token
                )
                found |= {v.tags[_ID]: str(v.version) for v in page if _ID in v.tags}
                token = page.token
                if not token:
                    break
        return found

    def _ensure_registered(self, name: str) -> None:
        from mlflow.exceptions import MlflowException

        client = self._client()
        try:
            client.get_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            client.create_registered_model(name)

    def _experiment(self, scope: str) -> str:
        client = self._client()
        found = client.get_experiment_by_name(scope)
        if found is not None:
            return str(found.experiment_id)
        return str(client.create_experiment(scope, artifact_location=self._copies()))

    def _copies(self) -> str | None:
        """Where MLflow puts its copies of files; None where a server says so."""
        if urlsplit(self._uri).scheme in {"http", "https"}:
            return None
        folder = self._artefacts.folder
        if folder is not None:
            return (folder.resolve() / "mlflow").as_uri()
        return f"{self._artefacts.root.rstrip('/')}/mlflow"

    def _client(self) -> MlflowClient:
        if self._made is None:
            # Set before the import: it reports usage to its makers otherwise.
            os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
            for name in _LOGGERS:
                logging.getLogger(name).setLevel(logging.WARNING)
            from mlflow.tracking import MlflowClient

            self._made = MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)
        return self._made

    @contextmanager
    def _in_one_line(self) -> Iterator[None]:
        """Any error of MLflow or its database as one that names the store and says why."""
        require_reachable(self._uri, self._patience_seconds)
        try:
            yield
        except EnergyAssetsError:
            raise
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            password = urlsplit(self._uri).password
            reason = reason.replace(password, "***") if password else reason
            raise ModelBookError(f"MLflow store {shown(self._uri)}: {reason}") from error


def shown(uri: str) -> str:
    """A store's address without user, password and query."""
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def require_reachable(uri: str, patience_seconds: float = 5.0) -> str:
    """Look whether a store can be used, without MLflow; says what was found.

    MLflow itself tries a store it cannot open for minutes before it says so.

    Raises:
        ModelBookError: A SQLite file is locked or none, or a server does not answer.
    """
    if uri.startswith(_SQLITE):
        return _sqlite_state(Path(uri.removeprefix(_SQLITE).partition("?")[0]), patience_seconds)
    if urlsplit(uri).scheme in {"http", "https"}:
        return _server_state(uri, patience_seconds)
    return f"{shown(uri)}, not looked at"


def _sqlite_state(path: Path, patience_seconds: float) -> str:
    if not path.exists():
        above = next(folder for folder in path.absolute().parents if folder.exists())
        if above.is_dir() and os.access(above, os.W_OK):
            return f"{path}: made at the first training"
        msg = f"MLflow store {path}: expected a folder that can be written, found {above}"
        raise ModelBookError(msg)
    try:
        with closing(sqlite3.connect(path, timeout=patience_seconds)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        msg = f"MLflow store {path}: expected a SQLite file that can be written, found {error}"
        raise ModelBookError(msg) from error
    return str(path)


def _server_state(uri: str, patience_seconds: float) -> str:
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]
    address = f"{parts.scheme}://{host}{parts.path.rstrip('/')}/health"
    try:
        with urlopen(Request(address), timeout=patience_seconds):  # noqa: S310 - http(s) only
            return shown(uri)
    except (OSError, ValueError) as error:
        reason = type(error).__name__
        msg = f"MLflow server {shown(uri)}: expected an answer at /health, found {reason}"
        raise ModelBookError(msg) from error
