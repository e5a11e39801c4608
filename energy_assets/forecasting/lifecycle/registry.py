"""The model store behind `members.serving`: artefact by hash, one row of `forecasts.models` each.

Saving writes the artefact, then the row; a kill in between leaves a file nobody names. Loading
reads the row, checks the artefact against its hash and hands the bytes to the member. It needs the
lake and the artefact root only: neither a tracking server nor MLflow's start-up (2.7 CPU seconds)
stands between a decision and its models.

A row is known from the decision time whose history the model was trained on, so that a read at T
finds the models of T, in a replay too.

Belongs here: rows and their store. Not here: files (`artefacts`), training (`training`), MLflow
(`mlflow_book`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from energy_assets.errors import EnergyAssetsError
from energy_assets.forecasting.lifecycle.artefacts import Artefact, ArtefactError, Artefacts
from energy_assets.forecasting.lifecycle.training_sets import (
    TrainingSet,
    table_versions,
    training_set,
)
from energy_assets.forecasting.members.base import (
    FittedMember,
    Member,
    MemberSpec,
    MemberUnavailableError,
)
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.serving import ModelKey
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.tables import UTC_TIME, table

MODELS = "forecasts.models"
_SOURCE = "model_training"
# Hindcasts ask for one model on many days in a row; a whole year of models would fill the memory.
_KEPT_LOADED = 16


@dataclass(frozen=True)
class ModelRecord:
    """One row of `forecasts.models`.

    Attributes:
        key: What names the model.
        trained_until: Newest day whose outcome it was fitted on.
        known_at: Decision time of the history it was trained on, UTC.
        artefact: Its file.
        training_set: What it was trained on.
        spec: What the member declared.
        metrics: Validation scores.
    """

    key: ModelKey
    trained_until: date
    known_at: datetime
    artefact: Artefact
    training_set: TrainingSet
    spec: dict[str, Any]
    metrics: dict[str, float]


class LakeModels:
    """Trained models of one desk: a `ModelStore`.

    Args:
        lake: The lake.
        scope: The desk.
        artefacts: Where the files are.
        decision_time: Decision time of a delivery day, UTC.
        at: Models known after this are not seen; the lake's clock by default.
        ingested_before: Rows written from then on are not read.
        run_id: Run that writes.
    """

    def __init__(
        self,
        lake: Lake,
        scope: str,
        artefacts: Artefacts,
        decision_time: Callable[[date], datetime],
        *,
        at: datetime | None = None,
        ingested_before: datetime | None = None,
        run_id: str = "",
    ) -> None:
        self._lake = lake
        self._scope = scope
        self._artefacts = artefacts
        self._decision_time = decision_time
        self._at = at
        self._ingested_before = ingested_before
        self._run_id = run_id
        self._records: dict[ModelKey, ModelRecord] | None = None
        self._loaded: dict[ModelKey, FittedMember] = {}
        self._specs: dict[ModelKey, MemberSpec] = {}

    def records(self) -> dict[ModelKey, ModelRecord]:
        """Every model on record, read once."""
        if self._records is None:
            rows = self._lake.as_of(
                MODELS,
                self._at or self._lake.clock(),
                scope=self._scope,
                ingested_before=self._ingested_before,
            )
            found = [_record(row) for row in rows.iter_rows(named=True)]
            self._records = {record.key: record for record in found}
        return self._records

    def is_kept(self, key: ModelKey) -> bool:
        """Whether a model was trained before; its file is read and its hash checked.

        Raises:
            MemberUnavailableError: It was, and its file is missing or damaged.
        """
        return self._content(key) is not None

    def load(self, key: ModelKey, member: Member) -> FittedMember | None:
        """The model, or None where it was never trained.

        Raises:
            MemberUnavailableError: It is on record and cannot be loaded; names model and reason.
        """
        self._specs[key] = member.spec
        if key not in self._loaded:
            content = self._content(key)
            if content is None:
                return None
            self._keep(key, _model(key, member, content))
        return self._loaded[key]

    def save(
        self,
        key: ModelKey,
        fitted: FittedMember,
        history: TargetHistory,
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Keep a model with what it was trained on; the same again adds nothing.

        Args:
            key: What names it; its scope is this store's.
            fitted: The model.
            history: What it was trained on.
            metrics: Validation scores by name.

        Raises:
            ArtefactError: Its file cannot be written; nothing is on record.
        """
        record = ModelRecord(
            key=key,
            trained_until=fitted.trained_until,
            known_at=self._decision_time(history.day),
            artefact=self._artefacts.write(fitted.dump()),
            training_set=training_set(history, table_versions(self._lake)),
            spec=_declared(self._specs.get(key)),
            metrics=dict(metrics or {}),
        )
        self._lake.append_if_changed(MODELS, _row(record), scope=self._scope, run_id=self._run_id)
        self.records()[key] = record
        self._keep(key, fitted)

    def forget(self, key: ModelKey) -> None:
        """Treat a model as never trained from here on: it is trained again and its file mended."""
        self.records().pop(key, None)
        self._loaded.pop(key, None)

    def _keep(self, key: ModelKey, fitted: FittedMember) -> None:
        self._loaded[key] = fitted
        while len(self._loaded) > _KEPT_LOADED:
            del self._loaded[next(iter(self._loaded))]

    def _content(self, key: ModelKey) -> bytes | None:
        record = self.records().get(key)
        if record is None:
            return None
        try:
            return self._artefacts.read(record.artefact)
        except ArtefactError as error:
            raise MemberUnavailableError(f"{model_name(key)}: {error}") from error


def model_name(key: ModelKey) -> str:
    """A model, for messages."""
    return f"{key.member} for {key.target}, anchor {key.anchor}"


def model_id(record: ModelRecord) -> str:
    """What names a model with its content: equal only for the same bytes under the same key."""
    key = record.key
    parts = (key.scope, key.target, key.member, key.version, key.anchor.isoformat())
    return "/".join((*parts, record.artefact.sha256[:16]))


def _model(key: ModelKey, member: Member, content: bytes) -> FittedMember:
    """The bytes as a model; whatever a library makes of bytes it does not know is one error."""
    try:
        return member.load(content)
    except EnergyAssetsError as error:
        raise MemberUnavailableError(f"{model_name(key)}: {error}") from error
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise MemberUnavailableError(f"{model_name(key)}: cannot be loaded: {reason}") from error


def _row(record: ModelRecord) -> pl.DataFrame:
    key, used = record.key, record.training_set
    values = {
        "target": key.target,
        "member": key.member,
        "version": key.version,
        "anchor": key.anchor,
        "trained_until": record.trained_until,
        "artefact": record.artefact.path,
        "artefact_sha256": record.artefact.sha256,
        "artefact_bytes": record.artefact.size,
        "history_sha256": used.sha256,
        "first_day": used.first_day,
        "days": used.days,
        "slots": used.slots,
        "spec": json.dumps(record.spec, sort_keys=True),
        "table_versions": json.dumps(used.table_versions, sort_keys=True),
        "metrics": json.dumps(record.metrics, sort_keys=True),
        "source": _SOURCE,
        "knowledge_time": record.known_at,
        "knowledge_basis": "rule",
    }
    own = {column.name: column.dtype for column in table(MODELS).columns}
    schema = own | {
        "source": pl.String,
        "knowledge_time": UTC_TIME,
        "knowledge_basis": pl.String,
    }
    return pl.DataFrame([values], schema=schema)


def _record(row: Mapping[str, Any]) -> ModelRecord:
    names = ("scope", "target", "member", "version", "anchor")
    return ModelRecord(
        key=ModelKey(*(row[name] for name in names)),
        trained_until=row["trained_until"],
        known_at=row["knowledge_time"],
        artefact=Artefact(row["artefact"], row["artefact_sha256"], row["artefact_bytes"]),
        training_set=TrainingSet(
            row["history_sha256"],
            row["first_day"],
            row["days"],
            row["slots"],
            json.loads(row["table_versions"]),
        ),
        spec=json.loads(row["spec"]),
        metrics=json.loads(row["metrics"]),
    )


def _declared(spec: MemberSpec | None) -> dict[str, Any]:
    """A spec as JSON holds it; empty where the model was saved without being asked for."""
    if spec is None:
        return {}
    text = json.dumps(asdict(spec), sort_keys=True, default=_plain)
    found: dict[str, Any] = json.loads(text)
    return found


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset | set) else str(value)
