"""Bytes of models, kept under their SHA-256 in a folder or an object store.

A file's name is its hash, so a file is never changed: it is there whole and right, or it is
damaged, and reading says so. Writing the same bytes again mends a damaged file.

Belongs here: files and their hashes. Not here: which model a file is (`registry`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from energy_assets.errors import EnergyAssetsError


class ArtefactError(EnergyAssetsError):
    """A file is missing, cannot be read or is not what was written."""


@dataclass(frozen=True)
class Artefact:
    """A file.

    Attributes:
        path: Path below the root.
        sha256: Hash of its content.
        size: Bytes.
    """

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Artefacts:
    """Files below one root.

    Attributes:
        root: Folder or object-store URL.
        options: Object-store options, as for the lake; kept out of `repr`.
    """

    root: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def write(self, content: bytes) -> Artefact:
        """Keep some bytes; costs a read where they are there already.

        Raises:
            ArtefactError: They cannot be written.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        artefact = Artefact(f"{sha256[:2]}/{sha256}.model", sha256, len(content))
        try:
            self.read(artefact)
        except ArtefactError:
            self._put(artefact.path, content)
        return artefact

    def read(self, artefact: Artefact) -> bytes:
        """The bytes of a file.

        Raises:
            ArtefactError: Missing, unreadable, of another size or hash.
        """
        try:
            content = self._get(artefact.path)
        except (OSError, ValueError) as error:
            found = "no file" if isinstance(error, FileNotFoundError) else type(error).__name__
            raise ArtefactError(f"{artefact.path}: expected a model, found {found}") from error
        if len(content) != artefact.size:
            msg = f"{artefact.path}: expected {artefact.size} bytes, found {len(content)}"
            raise ArtefactError(msg)
        found = hashlib.sha256(content).hexdigest()
        if found != artefact.sha256:
            msg = f"{artefact.path}: expected SHA-256 {artefact.sha256[:12]}…, found {found[:12]}…"
            raise ArtefactError(msg)
        return content

    @property
    def folder(self) -> Path | None:
        """The root as a folder; None for an object store."""
        plain = self.root.removeprefix("file://")
        return None if "://" in plain else Path(plain)

    def _get(self, path: str) -> bytes:
        if self.folder is not None:
            return (self.folder / path).read_bytes()
        return bytes(self._object_store().open_input_file(path).read())

    def _put(self, path: str, content: bytes) -> None:
        try:
            if self.folder is not None:
                _write_whole(self.folder / path, content)
            else:
                stream = self._object_store().open_output_stream(path, {})
                stream.write(content)
                stream.close()
        except (OSError, ValueError) as error:
            msg = f"{path}: expected a place to write a model, found {type(error).__name__}"
            raise ArtefactError(msg) from error

    def _object_store(self) -> Any:
        from deltalake.fs import DeltaStorageHandler

        # The lake's own client. Its face for pyarrow hands on buffers that the client refuses.
        return DeltaStorageHandler(self.root, dict(self.options))._handler


def _write_whole(path: Path, content: bytes) -> None:
    """Write beside the file and move it there: readers see all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
