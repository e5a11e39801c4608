"""Bytes from outside to an XML tree, and zip archives to their members: screened before read.

A document type declaration is the only door to entities (billion laughs, files of this machine),
and it can only stand before the root element. So `defusedxml` reads up to the root element with
declarations forbidden; only then the fast parser sees the bytes. It is strict: a document cut in
the middle is refused, never half used.

Not here: what an element means (`documents`).
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Any
from xml.etree import ElementTree as ET

_PROLOG_BYTES = 64 * 1024
_CHUNK_BYTES = 4096
_MOST_MEMBERS = 2_000
_LARGEST_MEMBER_BYTES = 128 * 1024 * 1024
_LARGEST_ARCHIVE_BYTES = 256 * 1024 * 1024


class UnusableAnswerError(Exception):
    """An answer that cannot be used; the text says what was found, naming document and field."""


class _RootReached(Exception):  # noqa: N818 - never leaves this module
    pass


class _UntilRoot:
    """A parser's target that stops at the first element."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        del tag, attributes
        raise _RootReached

    def close(self) -> None:
        """Nothing to close."""


def parse_xml(content: bytes, name: str = "the answer") -> ET.Element:
    """The root element of a document without declarations.

    Args:
        content: The document.
        name: What it is called in errors.

    Raises:
        UnusableAnswerError: If it holds a declaration, or is not well-formed.
    """
    _refuse_declarations(content, name)
    try:
        return ET.fromstring(content)  # noqa: S314 - screened above
    except ET.ParseError as error:
        raise UnusableAnswerError(f"XML that is not well-formed in {name}: {error}") from None


def _refuse_declarations(content: bytes, name: str) -> None:
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser

    parser: Any = DefusedXMLParser(target=_UntilRoot(), forbid_dtd=True)
    try:
        for start in range(0, min(len(content), _PROLOG_BYTES), _CHUNK_BYTES):
            parser.feed(content[start : start + _CHUNK_BYTES])
    except _RootReached:
        return
    except DefusedXmlException as error:
        found = f"a forbidden declaration in {name} ({type(error).__name__})"
        raise UnusableAnswerError(found) from None
    except ET.ParseError as error:
        raise UnusableAnswerError(f"XML that is not well-formed in {name}: {error}") from None
    raise UnusableAnswerError(f"no XML element in the first {_PROLOG_BYTES >> 10} KiB of {name}")


def is_zip(content: bytes) -> bool:
    """Whether the bytes are a zip archive."""
    return content[:2] == b"PK"


def zip_members(content: bytes) -> list[tuple[str, bytes]]:
    """Name and content of every file of an archive; names are for messages only.

    Raises:
        UnusableAnswerError: If the archive is broken, encrypted, or larger than any real one.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            _refuse_bomb(infos)
            return [(_shown(info.filename), archive.read(info)) for info in infos]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise UnusableAnswerError(f"a zip archive that cannot be read: {error}") from None


def _refuse_bomb(infos: list[zipfile.ZipInfo]) -> None:
    # Reading never goes beyond the declared sizes, so the declarations are what counts.
    sizes = [info.file_size for info in infos]
    if len(infos) > _MOST_MEMBERS:
        raise UnusableAnswerError(f"a zip archive of {len(infos)} files")
    if sum(sizes) > _LARGEST_ARCHIVE_BYTES or max(sizes, default=0) > _LARGEST_MEMBER_BYTES:
        raise UnusableAnswerError(f"a zip archive that unpacks to {sum(sizes) >> 20} MiB")


def _shown(name: str) -> str:
    return "".join(letter for letter in name if letter.isprintable())[:80]
