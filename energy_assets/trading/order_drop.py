"""The order drop: order files with a checksum in a folder the exchange's side picks up from.

A drop is three files with one stem, `<area>.<session>.<day>.<desk>.<hash>`: `.json`, `.csv` and
`.sha256` (the format of `sha256sum -c`). Each is written beside its place and renamed into it, the
checksum last, so a reader that waits for it never sees half a drop. The stem holds the hash of the
orders' content: equal orders are the same files, and writing them again touches nothing.

Names come from validated labels only; no part may hold a dot or a separator.

Belongs here: the folder. Not here: file formats (`market.order_files`), submission.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from energy_assets.errors import InputError
from energy_assets.market import OrderSet
from energy_assets.market.order_files import from_csv, from_json, to_csv, to_json

HASH_CHARACTERS = 16
_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_STEM = re.compile(
    r"[A-Za-z]\w{0,63}\.[A-Za-z]\w{0,63}\.\d{4}-\d{2}-\d{2}\.[A-Za-z]\w{0,63}\.[0-9a-f]{16}",
    re.ASCII,
)
_CHECKSUM_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")


@dataclass(frozen=True)
class OrderDrop:
    """The files of one drop.

    Attributes:
        json: Order document.
        csv: The same orders, one point a row.
        checksum: SHA-256 of both; its presence says that the drop is complete.
    """

    json: Path
    csv: Path
    checksum: Path


def write_drop(orders: OrderSet, folder: Path, desk: str) -> OrderDrop:
    """Write an order set to the folder; equal content that is already there is left untouched.

    Args:
        orders: The order set.
        folder: Orders folder, made if absent.
        desk: Desk name, part of the file name.

    Raises:
        InputError: If area, session or desk is not a plain label.
    """
    drop = _paths(folder, _stem(orders, desk))
    folder.mkdir(parents=True, exist_ok=True)
    contents = {drop.json: to_json(orders).encode(), drop.csv: to_csv(orders).encode()}
    checksum = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {path.name}\n"
        for path, content in contents.items()
    )
    for path, content in (*contents.items(), (drop.checksum, checksum.encode())):
        _write_if_changed(path, content)
    return drop


def verify_drop(checksum: Path) -> OrderSet:
    """The orders of a complete, undamaged drop.

    Args:
        checksum: The drop's `.sha256` file.

    Raises:
        InputError: Names the file that is missing, damaged or disagrees with the others.
    """
    stem = checksum.name.removesuffix(".sha256")
    if checksum.suffix != ".sha256" or not _STEM.fullmatch(stem):
        raise InputError("order drop", expected="the .sha256 file of a drop", found=checksum.name)
    drop = _paths(checksum.parent, stem)
    stated = _stated(checksum, {drop.json.name, drop.csv.name})
    texts = {}
    for path in (drop.json, drop.csv):
        content = _read(path)
        found = hashlib.sha256(content).hexdigest()
        if found != stated[path.name]:
            raise InputError(path.name, expected=f"sha256 {stated[path.name]}", found=found)
        texts[path] = content.decode()
    orders = from_json(texts[drop.json], drop.json.name)
    if from_csv(texts[drop.csv], drop.csv.name) != orders:
        raise InputError(drop.csv.name, expected="the orders of the JSON file", found="others")
    if _stem(orders, stem.split(".")[3]) != stem:
        raise InputError(drop.json.name, expected="orders of this file name", found="others")
    return orders


def _stem(orders: OrderSet, desk: str) -> str:
    for field, label in (("area", orders.area), ("session", orders.session), ("desk", desk)):
        if not _LABEL.fullmatch(label):
            raise InputError(field, expected="letters, digits and underscores", found=label)
    parts = (orders.area, orders.session, orders.delivery_day.isoformat(), desk)
    return ".".join((*parts, orders.sha256[:HASH_CHARACTERS]))


def _paths(folder: Path, stem: str) -> OrderDrop:
    return OrderDrop(*(folder / f"{stem}.{kind}" for kind in ("json", "csv", "sha256")))


def _stated(checksum: Path, names: set[str]) -> dict[str, str]:
    try:
        lines = _read(checksum).decode().splitlines()
    except UnicodeDecodeError as error:
        raise InputError(checksum.name, expected="text", found="bytes") from error
    matches = [match for line in lines if (match := _CHECKSUM_LINE.fullmatch(line))]
    stated = {match[2]: match[1] for match in matches}
    if stated.keys() != names or len(lines) != len(names):
        raise InputError(
            checksum.name, expected=f"checksums of {', '.join(sorted(names))}", found=sorted(stated)
        )
    return stated


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(path.name, expected="a readable file", found=error.strerror) from error


def _write_if_changed(path: Path, content: bytes) -> None:
    if path.is_file() and path.read_bytes() == content:
        return
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".drop-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp gives owner-only files; the reader may be another account.
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
