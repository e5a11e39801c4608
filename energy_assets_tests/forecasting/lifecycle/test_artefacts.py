"""Files by hash: whole and right, or refused in one line."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from energy_assets.forecasting.lifecycle.artefacts import Artefact, ArtefactError, Artefacts

CONTENT = b"a model" * 100


class ObjectStore(Artefacts):
    """The way to an object store, which this one's address does not force."""

    folder = None  # type: ignore[assignment]


@pytest.fixture(params=["folder", "file address", "object store"])
def artefacts(request, tmp_path) -> Artefacts:
    if request.param == "folder":
        return Artefacts(str(tmp_path / "a folder ü" / "models"))
    root = tmp_path / "models"
    root.mkdir()
    kind = Artefacts if request.param == "file address" else ObjectStore
    return kind(f"file://{root}", {})


def test_bytes_come_back_under_their_hash(artefacts):
    made = artefacts.write(CONTENT)
    assert made.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert made.size == len(CONTENT)
    assert artefacts.read(made) == CONTENT
    assert artefacts.write(CONTENT) == made


def test_what_was_never_written_is_missing(artefacts):
    with pytest.raises(ArtefactError, match="no file"):
        artefacts.read(Artefact("ab/absent.model", "0" * 64, 1))


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


@pytest.mark.parametrize("damage", [b"", CONTENT[:-1], b"X" + CONTENT[1:], CONTENT + b"x"])
def test_damage_is_refused_and_writing_again_mends_it(artefacts, tmp_path, damage):
    made = artefacts.write(CONTENT)
    (file,) = _files(tmp_path)
    file.write_bytes(damage)
    with pytest.raises(ArtefactError) as caught:
        artefacts.read(made)
    assert "\n" not in str(caught.value)
    artefacts.write(CONTENT)
    assert artefacts.read(made) == CONTENT
    assert _files(tmp_path) == [file]


def test_nothing_is_left_where_nothing_can_be_written(tmp_path):
    (tmp_path / "models").write_text("a file where the folder should be")
    with pytest.raises(ArtefactError, match="expected a place to write"):
        Artefacts(str(tmp_path / "models")).write(CONTENT)
