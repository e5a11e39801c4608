from __future__ import annotations

import gzip
import json
import logging
import subprocess
import sys
from datetime import timedelta

import pytest
from polars.testing import assert_frame_equal

from energy_assets.feeds import SourceUnavailableError, Window
from energy_assets.feeds.entsoe import platform as platform_module
from energy_assets.feeds.entsoe.platform import blocks
from energy_assets_tests.feeds.entsoe.conftest import EVERY_SERIES, LATER, utc
from energy_assets_tests.loopback.entsoe import TOKEN, Market
from energy_assets_tests.loopback.entsoe_documents import (
    OutageMessage,
    acknowledgement,
    billion_laughs,
    external_entity,
    zipped,
)
from energy_assets_tests.loopback.server import CutShort, Replaced, Slow, Status

DAY = utc(2025, 11, 2, 23), utc(2025, 11, 3, 23)


def replaced_by(content):
    return Replaced(lambda _: content)


def test_a_desk_file_series_each_has_a_feed_and_outages_have_two(loopback):
    with loopback() as platform:
        feeds = platform.feeds()
        assert platform.server.count() == 0
    assert set(feeds) == {*EVERY_SERIES, "unit_outages"}
    assert {feed.source for feed in feeds.values()} == {"entsoe"}
    assert feeds["imbalance_prices"].selection == {"series": "imbalance"}


def test_making_feeds_imports_neither_pandas_nor_entsoe():
    code = (
        "import sys, energy_assets.feeds.entsoe;"
        "print([name for name in ('pandas', 'entsoe', 'bs4', 'defusedxml') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_passing_faults_are_tried_again_and_change_nothing(loopback):
    with loopback() as platform:
        clean = platform.fetch("load_forecast", *DAY)
        faults = (Status(429, retry_after="7"), Status(503), CutShort(), CutShort(announce=False))
        platform.server.inject(*faults[:3])
        assert_frame_equal(platform.fetch("load_forecast", *DAY), clean)
        assert platform.server.count() == 5
        assert platform.slept[0] == pytest.approx(7)
        platform.server.inject(Slow(0.05))
        assert_frame_equal(platform.fetch("load_forecast", *DAY), clean)


def test_an_answer_cut_short_without_a_length_is_refused_not_half_used(loopback):
    with loopback() as platform:
        platform.server.inject(CutShort(announce=False))
        with pytest.raises(SourceUnavailableError, match="not well-formed"):
            platform.fetch("load_forecast", *DAY)


@pytest.mark.parametrize(
    "hostile",
    [
        billion_laughs(),
        external_entity("file:///etc/hostname"),
        zipped([billion_laughs()]),
        b"",
        b"PK\x03\x04 no archive",
        b"<html><body>maintenance</body></html>",
        b'{"json": true}',
    ],
)
def test_hostile_or_foreign_answers_are_one_line(loopback, hostile):
    with loopback() as platform:
        platform.server.inject(replaced_by(hostile))
        with pytest.raises(SourceUnavailableError) as caught:
            platform.fetch("load_forecast", *DAY)
    message = str(caught.value)
    assert message.startswith("entsoe: expected an answer to load_forecast from 2025-11-02T23:00Z")
    assert "\n" not in message


def test_no_data_is_no_rows_and_any_other_refusal_says_why(loopback):
    with loopback(Market(zones=())) as platform:
        assert platform.fetch("load_forecast", *DAY).is_empty()
        platform.server.inject(Status(400, body=acknowledgement("Delivered time is wrong")))
        with pytest.raises(SourceUnavailableError, match="HTTP 400: 999 Delivered time is wrong"):
            platform.fetch("load_forecast", *DAY)
        platform.server.inject(replaced_by(acknowledgement("Something else")))
        with pytest.raises(SourceUnavailableError, match="a refusal: 999 Something else"):
            platform.fetch("load_forecast", *DAY)


def test_a_wrong_token_is_said_without_saying_the_token(loopback):
    refused = pytest.raises(SourceUnavailableError, match="HTTP 401: 999 Unauthorized")
    with loopback(token="wrong-token-987654") as platform, refused as caught:
        platform.fetch("load_forecast", *DAY)
    assert "wrong-token" not in str(caught.value)


def test_a_missing_token_is_said_before_anything_is_asked(loopback):
    with loopback(token="") as platform:
        with pytest.raises(SourceUnavailableError, match="no token in the settings"):
            platform.fetch("load_forecast", *DAY)
        assert platform.server.count() == 0


def test_the_token_is_in_no_log_error_or_kept_answer(loopback, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    with loopback() as platform:
        platform.fetch("load_forecast", *DAY)
        echo = Status(400, body=f"<p>you asked securityToken={TOKEN}</p>".encode())
        platform.server.inject(echo)
        with pytest.raises(SourceUnavailableError) as caught:
            platform.fetch("load_forecast", *DAY)
        assert platform.server.requests[0].query["securityToken"] == TOKEN
    assert "securityToken=***" in caplog.text
    chain = [caught.value, caught.value.__cause__, caught.value.__context__]
    kept = [path for path in (tmp_path / "raw_answers").rglob("*") if path.is_file()]
    assert len(kept) == 3
    texts = [caplog.text, *map(repr, chain), *map(str, chain)]
    texts += [
        (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
        for path in kept
    ]
    assert not [text for text in texts if TOKEN in text]


def test_every_answer_is_kept_as_it_came(loopback, tmp_path):
    with loopback() as platform:
        platform.fetch("imbalance_prices", *DAY)
        platform.server.inject(Status(503, body=b"down"))
        platform.fetch("imbalance_prices", *DAY)
    (index,) = (tmp_path / "raw_answers" / "entsoe").rglob("index.jsonl")
    lines = [json.loads(line) for line in index.read_text().splitlines()]
    assert [line["status"] for line in lines] == [200, 503, 200]
    assert lines[0]["file"] == lines[2]["file"]
    assert gzip.decompress((index.parent / lines[0]["file"]).read_bytes())[:2] == b"PK"
    assert gzip.decompress((index.parent / lines[1]["file"]).read_bytes()) == b"down"
    assert "documentType=A85" in lines[0]["request"]


def test_no_request_spans_a_year_and_blocks_meet_without_overlap(loopback):
    span = Window(utc(2021, 1, 1, 0, 30), utc(2025, 6, 1, 3, 1))
    found = blocks(span, 360)
    assert (found[0].start, found[-1].end) == (utc(2021, 1, 1), utc(2025, 6, 1, 4))
    assert all(block.end - block.start <= timedelta(days=360) for block in found)
    assert [block.end for block in found[:-1]] == [block.start for block in found[1:]]
    with loopback() as platform:
        frame = platform.fetch("load_actual", utc(2024, 1, 1), utc(2025, 6, 1))
    assert frame.height == (366 + 151) * 96
    assert frame["period_start"].is_unique().all()


def test_more_messages_than_the_platform_gives_are_asked_for_in_halves(loopback, monkeypatch):
    monkeypatch.setattr(platform_module, "LAST_OFFSET", 100)
    created = utc(2025, 11, 3, 7)
    messages = [
        OutageMessage(
            mrid=f"m{n:04d}",
            created=created,
            start=utc(2025, 11, 4) + timedelta(days=n),
            end=utc(2025, 11, 4, 12) + timedelta(days=n),
            unit="11WD2UNIT000099Z",
        )
        for n in range(330)
    ]
    with loopback(outages=messages) as platform:
        found = platform.fetch("outages", utc(2025, 11, 1), utc(2025, 11, 5))
    assert found["message_id"].sort().to_list() == [message.mrid for message in messages]


def test_a_platform_that_ignores_the_offset_is_found_out(loopback):
    with loopback() as platform:
        first = platform.server.requests
        platform.fetch("day_ahead_prices", utc(2024, 11, 1), utc(2025, 2, 1))
        assert len(first) == 2
        body = []
        platform.server.inject(Replaced(lambda content: body.append(content) or content))
        platform.server.inject(Replaced(lambda _: body[0]))
        with pytest.raises(SourceUnavailableError, match="offset 100, found the page before it"):
            platform.fetch("day_ahead_prices", utc(2024, 11, 1), utc(2025, 2, 1))


def test_fetching_again_brings_the_same_rows(loopback):
    with loopback() as platform:
        for feed in platform.feeds().values():
            window = Window(*DAY)
            assert_frame_equal(feed.fetch(window, LATER), feed.fetch(window, LATER))
