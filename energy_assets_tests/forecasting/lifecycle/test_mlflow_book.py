"""MLflow as the book of record: everything once, completed after a cut, refused in one line."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from energy_assets.forecasting.lifecycle.artefacts import Artefacts
from energy_assets.forecasting.lifecycle.champions import Champions, Configuration
from energy_assets.forecasting.lifecycle.mlflow_book import (
    MlflowBook,
    ModelBookError,
    require_reachable,
    shown,
)
from energy_assets.forecasting.lifecycle.registry import LakeModels, ModelRecord
from energy_assets.forecasting.members.serving import ModelKey, version_of
from energy_assets.lakehouse.lake import Lake
from energy_assets_tests.forecasting.lifecycle.conftest import NOW
from energy_assets_tests.forecasting.lifecycle.made import (
    ANCHOR,
    SCOPE,
    SlotMeans,
    decision_time,
    history,
)
from energy_assets_tests.lakehouse.frames import SteppingClock

MEMBER = SlotMeans()


class Place:
    """A folder with a book, as several processes would open it."""

    def __init__(self, root: Path) -> None:
        # A folder as people name them.
        self.root = root / "model book ü"
        self.uri = f"sqlite:///{self.root}/mlflow.db"
        self.artefacts = Artefacts(str(self.root / "models"))
        self.lake = Lake(root / "lake", clock=SteppingClock(NOW))
        self.lake.ensure_tables(["forecasts.models", "forecasts.champions"])

    def book(self, uri: str = "") -> MlflowBook:
        return MlflowBook(uri or self.uri, self.artefacts, patience_seconds=0.05)

    def records(self, target: str, anchors: int = 1) -> list[ModelRecord]:
        models = LakeModels(self.lake, SCOPE, self.artefacts, decision_time)
        for week in range(anchors):
            anchor = ANCHOR - timedelta(days=7 * week)
            key = ModelKey(SCOPE, target, "slot_means", version_of(MEMBER), anchor)
            used = history(anchor - timedelta(days=1), target)
            models.load(key, MEMBER)
            models.save(key, MEMBER.fit(used), used, {"pinball99": 1.5})
        return [r for r in models.records().values() if r.key.target == target]

    @property
    def client(self):
        from mlflow.tracking import MlflowClient

        return MlflowClient(self.uri, self.uri)


# The file of a store costs a second and a half to make: one for the module, a target a test.
@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    return Place(tmp_path_factory.mktemp("book"))


def test_a_model_is_a_run_with_its_artefact_and_a_registered_version(place):
    (record,) = place.records("price")
    assert place.book().enter_models([record]) == [f"slot_means for price, anchor {ANCHOR}"]
    (version,) = place.client.search_model_versions("name = 'desk__price__slot_means'")
    run = place.client.get_run(version.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["spec.retrain_days"] == "7"
    assert run.data.params["anchor"] == ANCHOR.isoformat()
    assert run.data.metrics == {"pinball99": 1.5}
    tags = run.data.tags
    assert tags["training_set"] == record.training_set.sha256
    assert tags["decision_time"] == decision_time(ANCHOR - timedelta(days=1)).isoformat()
    assert tags["trained_until"] == (ANCHOR - timedelta(days=2)).isoformat()
    copy = Path(place.client.download_artifacts(version.run_id, "model.bin"))
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == record.artefact.sha256


def test_what_is_entered_is_not_entered_again(place):
    told: list[int] = []
    records = place.records("twice", anchors=3)
    assert len(place.book().enter_models(records[:1])) == 1
    assert len(place.book().enter_models(records, lambda *step: told.append(step[2]))) == 2
    assert told == [2, 2]
    assert place.book().enter_models(records) == []
    found = place.client.search_model_versions("name = 'desk__twice__slot_means'")
    assert len(found) == 3


def test_a_run_that_was_cut_short_is_completed(place, monkeypatch):
    from mlflow.tracking import MlflowClient

    (record,) = place.records("cut")

    def killed(*arguments: object, **options: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "create_model_version", killed)
        with pytest.raises(ModelBookError, match="killed"):
            place.book().enter_models([record])
    assert len(place.book().enter_models([record])) == 1
    runs = place.client.search_runs(
        [place.client.get_experiment_by_name(SCOPE).experiment_id], "tags.target = 'cut'"
    )
    assert [run.info.status for run in runs] == ["FINISHED"]


def test_a_model_whose_file_is_lost_cannot_be_entered(place):
    (record,) = place.records("lost")
    (place.root / "models" / record.artefact.path).unlink()
    with pytest.raises(ModelBookError, match=r"slot_means for lost, anchor .* no file"):
        place.book().enter_models([record])


def test_aliases_follow_the_choices_in_the_lake(place):
    champions = Champions(place.lake, SCOPE)
    first, second = (
        Configuration({name: "v1"}, {"window": 28}, {name: ANCHOR}) for name in ("a", "b")
    )

    def aliases() -> dict[str, str]:
        champions.enter(place.book(), ["wind"], NOW + timedelta(days=9))
        registered = place.client.get_registered_model("desk__wind").aliases
        documents = {}
        for alias in registered:
            version = place.client.get_model_version_by_alias("desk__wind", alias)
            run = place.client.get_run(version.run_id)
            documents[alias] = run.data.params["configuration"]
        return documents

    champions.offer("wind", first, NOW)
    assert aliases() == {"champion": first.name}
    champions.offer("wind", second, NOW + timedelta(days=1))
    assert aliases() == {"champion": first.name, "challenger": second.name}
    champions._record("wind", second, "champion", NOW + timedelta(days=2), "observed", "test")
    assert aliases() == {"champion": second.name}
    assert aliases() == {"champion": second.name}
    assert len(place.client.search_model_versions("name = 'desk__wind'")) == 2


def test_a_locked_store_is_one_line_and_no_model_is_out_of_reach(place):
    (record,) = place.records("locked")
    with closing(sqlite3.connect(place.root / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ModelBookError, match="locked") as caught:
            place.book().enter_models([record])
        models = LakeModels(place.lake, SCOPE, place.artefacts, decision_time)
        assert models.load(record.key, MEMBER) is not None
        other.execute("ROLLBACK")
    assert "\n" not in str(caught.value)
    assert len(place.book().enter_models([record])) == 1


def test_a_file_that_is_no_store_and_a_place_that_takes_none_are_one_line(place, tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"no database at all" * 100)
    (tmp_path / "file").write_text("")
    for path, found in (("mlflow.db", "not a database"), ("file/mlflow.db", "file")):
        with pytest.raises(ModelBookError, match=found) as caught:
            place.book(f"sqlite:///{tmp_path}/{path}").enter_models([])
        assert "\n" not in str(caught.value)


def test_a_server_that_does_not_answer_is_one_line_without_its_password():
    uri = "http://user:secret@127.0.0.1:1/mlflow"
    with pytest.raises(ModelBookError, match="expected an answer") as caught:
        require_reachable(uri, 0.2)
    assert "secret" not in str(caught.value)
    assert shown(uri) == "http://127.0.0.1:1/mlflow"
    assert "secret" not in require_reachable("postgresql://user:secret@db/mlflow")


def test_a_store_that_is_not_there_yet_is_none_to_complain_of(tmp_path):
    assert "first training" in require_reachable(f"sqlite:///{tmp_path}/a/b/mlflow.db")
    assert not (tmp_path / "a").exists()
