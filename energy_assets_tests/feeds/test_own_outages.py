from __future__ import annotations

import json

import pytest

from energy_assets.errors import InputError
from energy_assets.feeds import Window
from energy_assets.lakehouse import Lake
from energy_assets.lakehouse.enforcement import caller_columns
from energy_assets.quality.admission import admit
from energy_assets_tests.feeds.source_desks import feeds_on, utc

MARCH = Window(utc(2026, 3, 1), utc(2026, 4, 1))
LATER = utc(2030, 1, 1)
PART = {
    "start": "2026-03-29T00:00:00+01:00",
    "end": "2026-03-30T00:00:00+02:00",
    "available_mw": 40,
}
MESSAGE = {
    "message_id": "gas-2026-017",
    "revision": 1,
    "unit": "gas",
    "created_at": "2026-03-02T08:40:00+01:00",
    "published_at": None,
    "status": "active",
    "type": "forced",
    "parts": [PART],
    "cause": "vibration on bearing 3",
}


def write(folder, name="message.json", **changes):
    (folder / "outages").mkdir(exist_ok=True)
    text = json.dumps({**MESSAGE, **changes})
    (folder / "outages" / name).write_text(text, encoding="utf-8")


def feed(folder):
    return feeds_on({"source": "own_outages", "folder": "outages"}, folder=folder)[0]


def test_the_desk_knows_a_message_before_the_market_does(tmp_path):
    write(tmp_path)
    write(tmp_path, "told.json", message_id="gas-2", published_at="2026-03-02T11:00:00+01:00")
    found = feed(tmp_path).fetch(MARCH, utc(2026, 3, 2, 7, 40))
    assert found.columns == caller_columns(feed(tmp_path).table)
    assert feed(tmp_path).scope == "desk"
    assert found["message_id"].to_list() == ["gas-2", "gas-2026-017"]
    assert found["published_at"].to_list() == [utc(2026, 3, 2, 10), None]
    assert set(found["knowledge_time"]) == {utc(2026, 3, 2, 7, 40)}
    assert set(found["knowledge_basis"]) == {"observed"}
    assert feed(tmp_path).fetch(MARCH, utc(2026, 3, 2, 7, 39)).is_empty()


def test_a_part_covers_the_23_hours_of_a_clock_change_day(tmp_path):
    write(tmp_path)
    row = feed(tmp_path).fetch(MARCH, LATER).row(0, named=True)
    assert (row["event_end"] - row["event_start"]).total_seconds() == 23 * 3600
    assert row["installed_mw"] == 100
    assert row["available_mw"] == 40


def test_parts_of_a_profile_and_revisions_are_rows(tmp_path):
    halves = [
        {**PART, "end": "2026-03-29T12:00:00+02:00"},
        {**PART, "start": "2026-03-29T12:00:00+02:00", "available_mw": 0},
    ]
    write(tmp_path, "b.json", parts=halves)
    write(
        tmp_path,
        "a.json",
        revision=2,
        status="withdrawn",
        created_at="2026-03-03T08:00:00Z",
    )
    found = feed(tmp_path).fetch(MARCH, LATER)
    assert found.select("message_revision", "part", "event_status").rows() == [
        (1, 0, "active"),
        (1, 1, "active"),
        (2, 0, "withdrawn"),
    ]


def test_publishing_an_unchanged_message_by_its_file_is_a_revision_of_the_row(tmp_path):
    lake = Lake(tmp_path / "lake")
    write(tmp_path)
    assert admit(lake, feed(tmp_path), MARCH, LATER, area=None).written == 1
    write(tmp_path, published_at="2026-03-02T11:00:00+01:00")
    assert admit(lake, feed(tmp_path), MARCH, LATER, area=None).written == 1
    assert admit(lake, feed(tmp_path), MARCH, LATER, area=None).written == 0
    rows = lake.as_of("raw.outages", utc(2026, 3, 2, 9), scope="desk")
    assert rows["published_at"].to_list() == [utc(2026, 3, 2, 10)]


BAD = {
    "a unit of somebody else": ({"unit": "nuclear"}, "unit", "'nuclear'"),
    "more than the unit has": (
        {"parts": [{**PART, "available_mw": 100.5}]},
        "parts[0].available_mw",
        "at most 100",
    ),
    "less than nothing": (
        {"parts": [{**PART, "available_mw": -1}]},
        "parts[0].available_mw",
        "found -1",
    ),
    "a number as text": (
        {"parts": [{**PART, "available_mw": "40"}]},
        "parts[0].available_mw",
        "'40'",
    ),
    "true for a number": ({"revision": True}, "revision", "True"),
    "an end before the start": (
        {"parts": [{**PART, "end": PART["start"]}]},
        "parts[0].end",
        "after start",
    ),
    "overlapping parts": ({"parts": [PART, PART]}, "parts[1].start", "the part before"),
    "no part": ({"parts": []}, "parts", "1 item"),
    "no zone": ({"created_at": "2026-03-02T08:40:00"}, "created_at", "timezone"),
    "a status of its own": ({"status": "Active"}, "status", "'Active'"),
    "an unknown field": ({"available": 3}, "available", "known field"),
    "published before it was made": (
        {"published_at": "2026-03-01T00:00:00Z"},
        "published_at",
        "not before created_at",
    ),
    "a path for an id": ({"message_id": "../x y"}, "message_id", "pattern"),
    "revision zero": ({"revision": 0}, "revision", "found 0"),
    "a book for a cause": ({"cause": "x" * 5000}, "cause", "4000"),
}


@pytest.mark.parametrize("case", BAD)
def test_one_bad_message_is_one_line_that_names_its_file(tmp_path, case):
    changes, field, what = BAD[case]
    write(tmp_path, "a.json")
    write(tmp_path, "b.json", message_id="other", revision=1)
    write(tmp_path, "b.json", **changes)
    with pytest.raises(InputError) as caught:
        feed(tmp_path).fetch(MARCH, LATER)
    message = str(caught.value)
    assert message.startswith(f"b.json: {field}")
    assert what in message
    assert "\n" not in message
    assert len(message) < 500


def test_truncated_json_and_other_documents_are_named(tmp_path):
    write(tmp_path)
    whole = (tmp_path / "outages/message.json").read_text()
    for text in (whole[:-20], "", "[]", "null", "[" * 100_000, '{"cause": "\\ud800"}'):
        (tmp_path / "outages/message.json").write_text(text)
        with pytest.raises(InputError, match=r"^message\.json") as caught:
            feed(tmp_path).fetch(MARCH, LATER)
        assert len(str(caught.value)) < 500


def test_two_contents_of_one_revision_are_refused(tmp_path):
    write(tmp_path, "a.json")
    write(tmp_path, "b.json")
    assert feed(tmp_path).fetch(MARCH, LATER).height == 1
    write(tmp_path, "b.json", cause="something else")
    with pytest.raises(InputError, match=r"b\.json: expected one content for revision 1"):
        feed(tmp_path).fetch(MARCH, LATER)


@pytest.mark.parametrize(
    "cause",
    [
        "'); DROP TABLE outages; --",
        "<!ENTITY x SYSTEM 'file:///etc/passwd'>&x;",
        "line\nbreak\u2028and \x00 nul",
        "=cmd|'/c calc'!A1",
        "\u202egnp.exe",
    ],
)
def test_a_hostile_cause_is_text_and_nothing_else(tmp_path, cause):
    write(tmp_path, cause=cause)
    lake = Lake(tmp_path / "lake")
    assert admit(lake, feed(tmp_path), MARCH, LATER, area=None).written == 1
    rows = lake.as_of("raw.outages", LATER, scope="desk")
    assert rows["cause"].to_list() == [cause]


def test_capacity_is_the_units_own_figure(tmp_path):
    for number, (unit, power) in enumerate({"battery": 20, "load": 12, "wind": 50}.items()):
        parts = [{**PART, "available_mw": power}]
        write(tmp_path, f"{number}.json", message_id=unit, unit=unit, parts=parts)
    found = feed(tmp_path).fetch(MARCH, LATER)
    assert found["installed_mw"].to_list() == [20, 12, 50]
