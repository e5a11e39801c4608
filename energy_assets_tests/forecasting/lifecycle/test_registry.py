"""The model store: what is saved is loaded whole in another process, or refused in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta

import numpy as np
import pytest

from energy_assets.forecasting.lifecycle.registry import MODELS, LakeModels, model_id
from energy_assets.forecasting.lifecycle.training_sets import history_hash
from energy_assets.forecasting.members.base import MemberUnavailableError
from energy_assets.forecasting.members.serving import ModelKey, Serving, version_of
from energy_assets_tests.forecasting.lifecycle.conftest import NOW
from energy_assets_tests.forecasting.lifecycle.made import (
    ANCHOR,
    SCOPE,
    SlotMeans,
    decision_time,
    history,
)

MEMBER = SlotMeans()
KEY = ModelKey(SCOPE, "price", "slot_means", version_of(MEMBER), ANCHOR)
TRAINED_ON = history(ANCHOR - timedelta(days=1))


@pytest.fixture
def saved(store) -> LakeModels:
    made = store()
    assert made.load(KEY, MEMBER) is None
    made.save(KEY, MEMBER.fit(TRAINED_ON), TRAINED_ON, {"pinball99": 1.25})
    return made


def test_another_process_forecasts_the_same_bits(saved, store):
    day = history(ANCHOR + timedelta(days=3))
    direct = MEMBER.fit(TRAINED_ON).predict(day)
    found = store().load(KEY, MEMBER)
    assert np.array_equal(found.predict(day), direct)
    assert found.trained_until == ANCHOR - timedelta(days=2)


def test_the_row_says_what_was_trained_on_what(saved, store, lake):
    (row,) = lake.read(MODELS).iter_rows(named=True)
    assert row["history_sha256"] == history_hash(TRAINED_ON)
    assert row["knowledge_time"] == decision_time(ANCHOR - timedelta(days=1))
    assert (row["anchor"], row["trained_until"]) == (ANCHOR, ANCHOR - timedelta(days=2))
    assert json.loads(row["table_versions"]) == {"raw.market_prices": 0}
    spec = json.loads(row["spec"])
    assert (spec["retrain_days"], spec["needs"]) == (7, ["a", "b"])
    (record,) = store().records().values()
    assert record.key == KEY
    assert record.metrics == {"pinball99": 1.25}


def test_saving_the_same_model_again_adds_nothing(saved, store, lake):
    version = lake.version(MODELS)
    store().save(KEY, MEMBER.fit(TRAINED_ON), TRAINED_ON)
    assert lake.version(MODELS) == version


def test_other_versions_anchors_targets_and_scopes_are_other_models(saved, store):
    for change in (
        {"version": "other"},
        {"anchor": ANCHOR + timedelta(days=7)},
        {"target": "wind"},
        {"scope": "other"},
    ):
        key = ModelKey(**(KEY.__dict__ | change))
        assert store().load(key, MEMBER) is None
        assert not store().is_kept(key)


def test_a_decision_sees_no_model_whose_data_it_did_not_know(saved, store):
    known = decision_time(TRAINED_ON.day)
    assert store(at=known).load(KEY, MEMBER) is not None
    assert store(at=known - timedelta(microseconds=1)).load(KEY, MEMBER) is None
    # What was written later does not count where a past run's inputs are fixed.
    assert store(ingested_before=NOW).load(KEY, MEMBER) is None


DAMAGES = {
    "deleted": lambda file: file.unlink(),
    "truncated": lambda file: file.write_bytes(file.read_bytes()[:-5]),
    "emptied": lambda file: file.write_bytes(b""),
    "bytes flipped": lambda file: file.write_bytes(file.read_bytes()[::-1]),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_model_is_refused_in_one_line_and_never_replaced_in_silence(
    saved, store, tmp_path, damage
):
    (file,) = (tmp_path / "models").rglob("*.model")
    damage(file)
    # Also where training would be allowed: on record and damaged is not the same as never trained.
    for may_train in (False, True):
        serving = Serving(SCOPE, history, store(), may_train=may_train)
        with pytest.raises(MemberUnavailableError) as caught:
            serving.forecast(MEMBER, ANCHOR + timedelta(days=2))
        text = str(caught.value)
        assert text.startswith(f"slot_means for price, anchor {ANCHOR}: ")
        assert "\n" not in text
    with pytest.raises(MemberUnavailableError):
        store().is_kept(KEY)


@pytest.mark.parametrize("error", [ValueError("two\nlines"), RuntimeError("x" * 900), KeyError(1)])
def test_whatever_a_library_makes_of_the_bytes_is_one_line(saved, store, monkeypatch, error):
    def fail(content: bytes) -> None:
        raise error

    monkeypatch.setattr(MEMBER, "load", fail)
    with pytest.raises(MemberUnavailableError) as caught:
        store().load(KEY, MEMBER)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_model_on_record_without_its_root_is_refused(saved, lake):
    from energy_assets.forecasting.lifecycle.artefacts import Artefacts

    elsewhere = LakeModels(lake, SCOPE, Artefacts("/nowhere/models"), decision_time)
    with pytest.raises(MemberUnavailableError, match="no file"):
        elsewhere.load(KEY, MEMBER)


def test_forgotten_is_trained_again_and_its_file_mended(saved, store, tmp_path, lake):
    (file,) = (tmp_path / "models").rglob("*.model")
    whole = file.read_bytes()
    file.write_bytes(b"damaged")
    version = lake.version(MODELS)
    models = store()
    models.forget(KEY)
    Serving(SCOPE, history, models).model(MEMBER, "price", ANCHOR)
    # The same history gives the same bytes, so the row stands.
    assert file.read_bytes() == whole
    assert lake.version(MODELS) == version


def test_few_models_stay_in_memory(store):
    models = store()
    for week in range(40):
        key = ModelKey(**(KEY.__dict__ | {"anchor": ANCHOR - timedelta(days=7 * week)}))
        models._keep(key, MEMBER.fit(TRAINED_ON))
    assert len(models._loaded) < 20


_LOAD = """
import sys
from datetime import date, datetime, UTC
from energy_assets.forecasting.lifecycle.artefacts import Artefacts
from energy_assets.forecasting.lifecycle.registry import LakeModels
from energy_assets.forecasting.members.serving import ModelKey
from energy_assets.lakehouse.lake import Lake
from energy_assets_tests.forecasting.lifecycle.made import SlotMeans
lake, root = Lake(sys.argv[1]), sys.argv[2]
models = LakeModels(lake, "desk", Artefacts(root), lambda day: datetime(2026, 1, 1, tzinfo=UTC))
found = models.load(ModelKey(*sys.argv[3:7], date.fromisoformat(sys.argv[7])), SlotMeans())
assert found is not None
print([name for name in ("mlflow", "dagster", "torch", "lightgbm") if name in sys.modules])
"""


def test_loading_imports_no_mlflow(saved, tmp_path):
    arguments = [str(tmp_path / "lake"), str(tmp_path / "models"), *vars(KEY).values()]
    child = subprocess.run(
        [sys.executable, "-c", _LOAD, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert child.stdout.strip() == "[]"


def test_a_models_identity_holds_its_content(saved, store):
    (record,) = store().records().values()
    assert model_id(record).endswith(record.artefact.sha256[:16])
