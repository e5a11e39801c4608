from __future__ import annotations

import io
import zipfile

import pytest

from energy_assets.feeds.entsoe import xml_screen
from energy_assets.feeds.entsoe.documents import NoDataError, TooMuchError, read_documents, refuse
from energy_assets.feeds.entsoe.xml_screen import UnusableAnswerError, parse_xml, zip_members
from energy_assets_tests.loopback.entsoe_documents import (
    CREATED,
    NO_DATA,
    SPACES,
    acknowledgement,
    billion_laughs,
    external_entity,
    market_document,
    zipped,
)

PLAIN = market_document("GL", "A65", "<TimeSeries><mRID>1</mRID></TimeSeries>")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "hostile",
    [
        billion_laughs(),
        external_entity("file:///etc/hostname"),
        external_entity("http://127.0.0.1:9/x"),
        b"<!DOCTYPE x><x/>",
        b"<!-- late -->" * 900 + b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>",
    ],
)
def test_declarations_are_refused_in_any_encoding_before_they_are_used(hostile, encoding):
    text = hostile.decode().removeprefix('<?xml version="1.0"?>')
    with pytest.raises(UnusableAnswerError, match="forbidden declaration"):
        parse_xml(text.encode(encoding))


def test_a_document_that_never_starts_is_refused():
    with pytest.raises(UnusableAnswerError, match="no XML element in the first 64 KiB"):
        parse_xml(b"<!-- x -->" * 10_000 + b"<x/>")
    with pytest.raises(UnusableAnswerError, match="no XML element"):
        parse_xml(b"")


def test_a_document_cut_anywhere_is_refused_not_half_read():
    for cut in range(1, len(PLAIN.rstrip()), 7):
        with pytest.raises(UnusableAnswerError):
            parse_xml(PLAIN[:cut])
    assert parse_xml(PLAIN).tag.endswith("GL_MarketDocument")


def test_zip_members_are_screened_like_plain_documents():
    good = zipped([PLAIN, PLAIN])
    assert len(read_documents(good, "A65")) == 2
    with pytest.raises(UnusableAnswerError, match=r"002-001-DOCUMENT\.xml"):
        read_documents(zipped([PLAIN, billion_laughs()]), "A65")
    with pytest.raises(UnusableAnswerError, match="not well-formed"):
        read_documents(zipped([PLAIN, PLAIN[:-30]]), "A65")


@pytest.mark.parametrize("damage", [lambda b: b[:-40], lambda b: b[:60] + b"xxxx" + b[64:]])
def test_a_broken_archive_is_refused(damage):
    with pytest.raises(UnusableAnswerError, match="zip archive that cannot be read"):
        zip_members(damage(zipped([PLAIN])))


def test_an_archive_that_unpacks_beyond_any_real_answer_is_refused(monkeypatch):
    monkeypatch.setattr(xml_screen, "_LARGEST_MEMBER_BYTES", 1_000_000)
    bomb = zipped([b"<x>" + b" " * 2_000_000 + b"</x>"])
    assert len(bomb) < 20_000
    with pytest.raises(UnusableAnswerError, match="unpacks to 1 MiB"):
        zip_members(bomb)
    monkeypatch.setattr(xml_screen, "_MOST_MEMBERS", 3)
    with pytest.raises(UnusableAnswerError, match="4 files"):
        zip_members(zipped([b"<x/>"] * 4))


def test_names_inside_an_archive_are_never_paths():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../etc/evil\n\x1b[31m.xml", PLAIN)
    ((name, content),) = zip_members(buffer.getvalue())
    assert content == PLAIN
    assert name.isprintable()


def test_an_acknowledgement_says_no_data_or_why_not():
    with pytest.raises(NoDataError):
        read_documents(NO_DATA, "A65")
    with pytest.raises(UnusableAnswerError, match="a refusal: 999 The area is closed"):
        read_documents(acknowledgement("The area\n is closed"), "A65")


@pytest.mark.parametrize(
    ("content", "error", "found"),
    [
        (NO_DATA, NoDataError, ""),
        (acknowledgement("why"), UnusableAnswerError, "HTTP 400: 999 why"),
        (acknowledgement("exceeds the allowed maximum"), TooMuchError, "maximum"),
        (acknowledgement("data exceeds allowed limit: 9"), TooMuchError, "limit"),
        (b"<html>\ngateway</html>", UnusableAnswerError, "HTTP 400: <html> gateway</html>"),
        (billion_laughs(), UnusableAnswerError, "HTTP 400: <"),
    ],
)
def test_a_failed_request_is_told_by_its_reason(content, error, found):
    with pytest.raises(error) as caught:
        refuse(content, 400)
    assert found in str(caught.value)
    assert len(str(caught.value)) < 200


def test_another_document_than_the_one_asked_for_is_refused():
    with pytest.raises(UnusableAnswerError, match=r"with type 'A65', not A44"):
        read_documents(PLAIN, "A44")
    with pytest.raises(UnusableAnswerError, match="without type"):
        read_documents(b"<html><body>hello</body></html>", "A44")
    late = PLAIN.replace(CREATED.encode(), b"yesterday")
    with pytest.raises(UnusableAnswerError, match="createdDateTime 'yesterday', not a UTC moment"):
        read_documents(late, "A65")
    assert SPACES["GL"].encode() in PLAIN
