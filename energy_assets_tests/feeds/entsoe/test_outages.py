from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from energy_assets.errors import InputError
from energy_assets.feeds import SourceUnavailableError, Window
from energy_assets.feeds.entsoe.documents import read_documents
from energy_assets.feeds.entsoe.outages import outage_rows
from energy_assets.feeds.entsoe.xml_screen import UnusableAnswerError
from energy_assets.lakehouse import table
from energy_assets.lakehouse.enforcement import caller_columns
from energy_assets_tests.feeds.entsoe.conftest import LATER, OWN_UNIT_CODE, utc
from energy_assets_tests.loopback.entsoe import DE_LU, made_up_outages
from energy_assets_tests.loopback.entsoe_documents import OutageMessage, outage_document

MADE = utc(2025, 11, 3, 7, 30)
NOVEMBER = utc(2025, 11, 1), utc(2025, 12, 1)
OWN = OutageMessage(
    mrid="own-1",
    created=MADE,
    start=utc(2025, 11, 4),
    end=utc(2025, 11, 4, 12),
    unit=OWN_UNIT_CODE,
    available=((0, 0.0), (180, 300.0)),
)
OTHER = replace(OWN, mrid="other-1", unit="11WD2UNIT000099Z", available=((0, 0.0),))
PLANT = replace(
    OWN, mrid="plant-1", document_type="A77", unit="", plant="11WD2PLANT00009X", business_type="A53"
)


def rows(*messages):
    """Rows of messages, without a server."""
    documents = [
        found
        for message in messages
        for found in read_documents(outage_document(message, DE_LU), message.document_type)
    ]
    return outage_rows(documents).to_dicts()


def test_the_desks_own_unit_goes_to_the_desk_and_all_else_to_the_area(loopback):
    with loopback(outages=[OWN, OTHER, PLANT]) as platform:
        feeds = platform.feeds()
        own, area = (
            feeds[name].fetch(Window(*NOVEMBER), LATER) for name in ("unit_outages", "outages")
        )
        asked = platform.server.count()
    assert (feeds["unit_outages"].scope, feeds["outages"].scope) == ("epf_de", "DE_LU")
    assert own.columns == area.columns == caller_columns(table("raw.outages"))
    assert set(own["unit"]) == {"battery"}
    assert set(own["message_id"]) == {"own-1"}
    assert dict(area.select("message_id", "unit").unique().rows()) == {
        "other-1": "11WD2UNIT000099Z",
        "plant-1": "11WD2PLANT00009X",
    }
    # Two kinds, two statuses, two blocks of events; the second feed asks nothing again.
    assert asked == 8


def test_a_profile_is_one_row_per_part(loopback):
    with loopback(outages=[OWN]) as platform:
        found = platform.fetch("unit_outages", *NOVEMBER).sort("part").to_dicts()
    assert [
        (row["part"], row["event_start"], row["event_end"], row["available_mw"]) for row in found
    ] == [
        (0, utc(2025, 11, 4), utc(2025, 11, 4, 3), 0.0),
        (1, utc(2025, 11, 4, 3), utc(2025, 11, 4, 12), 300.0),
    ]
    first = found[0]
    assert first["issued_at"] == first["published_at"] == first["knowledge_time"] == MADE
    assert first["knowledge_basis"] == "published"
    assert (first["installed_mw"], first["outage_type"]) == (800.0, "forced")
    assert (first["event_status"], first["cause"]) == ("active", "Failure of a feed pump")


def test_a_message_is_not_known_before_it_was_made(loopback):
    with loopback(outages=[OWN]) as platform:
        before = MADE - timedelta(seconds=1)
        assert platform.fetch("unit_outages", *NOVEMBER, as_of=before).is_empty()
        assert platform.fetch("unit_outages", *NOVEMBER, as_of=MADE).height == 2
        count = platform.server.count()
        assert platform.fetch("unit_outages", *NOVEMBER, as_of=utc(2025, 9, 1)).is_empty()
        assert platform.server.count() == count


def test_the_window_is_one_of_issue_times(loopback):
    with loopback(outages=[OWN]) as platform:
        assert platform.fetch("unit_outages", utc(2025, 11, 4), utc(2025, 11, 5)).is_empty()
        assert platform.fetch("unit_outages", MADE, MADE + timedelta(minutes=1)).height == 2
        updates = {
            (request.query["periodStartUpdate"], request.query["periodEndUpdate"])
            for request in platform.server.requests
        }
    assert ("202511030700", "202511030800") in updates


def test_revisions_and_withdrawals_reach_the_desk_as_they_are_made(loopback):
    messages = [OWN]
    with loopback(outages=messages) as platform:
        feed = platform.feeds()["unit_outages"]
        assert feed.fetch(Window(*NOVEMBER), utc(2025, 11, 3, 8)).height == 2
        longer = replace(
            OWN, revision=2, created=MADE + timedelta(hours=3), available=((0, 100.0),)
        )
        messages.append(longer)
        second = feed.fetch(Window(*NOVEMBER), utc(2025, 11, 3, 12)).to_dicts()
        assert [(row["message_revision"], row["available_mw"]) for row in second] == [(2, 100.0)]
        messages.append(
            replace(OWN, revision=3, created=MADE + timedelta(hours=9), status="A13", available=())
        )
        third = feed.fetch(Window(*NOVEMBER), utc(2025, 11, 3, 18)).to_dicts()
    assert [(row["message_revision"], row["event_status"]) for row in third] == [(3, "withdrawn")]


@pytest.mark.parametrize(
    ("status", "expected"),
    [("", "active"), ("A05", "active"), ("A09", "withdrawn"), ("A13", "withdrawn")],
)
def test_status_codes(status, expected):
    assert {row["event_status"] for row in rows(replace(OWN, status=status))} == {expected}


def test_a_withdrawal_that_says_nothing_more_still_ends_its_message():
    (row,) = rows(replace(OWN, revision=4, status="A13", has_periods=False))
    assert (row["unit"], row["event_status"], row["part"]) == (OWN_UNIT_CODE, "withdrawn", 0)
    assert (row["event_start"], row["event_end"]) == (OWN.start, OWN.end)
    assert row["available_mw"] == row["installed_mw"] == 800
    (row,) = rows(replace(OWN, revision=4, status="A09", has_series=False))
    assert (row["unit"], row["event_status"]) == ("unknown", "withdrawn")


def test_equal_neighbours_are_one_part():
    found = rows(replace(OWN, available=((0, 5.0), (60, 5.0), (120, 0.0), (180, 5.0))))
    assert [row["available_mw"] for row in found] == [5, 0, 5]


def test_of_two_copies_of_a_revision_the_later_counts():
    later = replace(OWN, created=MADE + timedelta(minutes=5), available=((0, 50.0),))
    for order in ((OWN, later), (later, OWN)):
        assert [row["available_mw"] for row in rows(*order)] == [50.0]
    assert len(rows(OWN, OWN)) == 2


def test_a_plants_code_never_stands_for_one_of_its_units():
    (row, *_) = rows(replace(OWN, unit="UNIT", plant="PLANT"))
    assert row["unit"] == "UNIT"
    (row, *_) = rows(replace(OWN, unit="", plant="PLANT"))
    assert row["unit"] == "PLANT"


def test_causes_are_untrusted_text_in_one_short_line():
    nasty = "Boiler\n\t\u202eleak\u0085 <b>\u200b & 'DROP TABLE'" + "x" * 2000
    (row, *_) = rows(replace(OWN, reason=nasty))
    assert row["cause"].startswith("Boiler leak <b> & 'DROP TABLE'x")
    assert len(row["cause"]) == 500
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200b\u202e]", row["cause"])


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"business_type": "A60"}, "businessType 'A60', not A53 or A54"),
        ({"status": "X99"}, "docStatus 'X99', which is unknown"),
        ({"has_periods": False}, "without any Available_Period"),
        ({"revision": 0}, "revisionNumber '0'"),
        ({"installed_mw": float("inf")}, "nominalP 'inf', not a number"),
        ({"available": ((99_999, 1.0),)}, "position 100000 of 720"),
    ],
)
def test_what_cannot_be_used_names_the_message_and_the_field(change, found):
    with pytest.raises(UnusableAnswerError) as caught:
        rows(replace(OWN, **change))
    assert "Unavailability_MarketDocument 'own-1'" in str(caught.value)
    assert found in str(caught.value)


def test_a_broken_message_stops_the_feed_with_one_line(loopback):
    messages = [OWN, replace(OTHER, business_type="A60")]
    with loopback(outages=messages) as platform, pytest.raises(SourceUnavailableError) as caught:
        platform.fetch("outages", *NOVEMBER)
    assert "other-1" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("page", [100, 200])
def test_hundreds_of_messages_come_page_by_page_each_once(loopback, page):
    made = [
        replace(OTHER, mrid=f"m{n:04d}", created=MADE + timedelta(minutes=n)) for n in range(450)
    ]
    with loopback(outages=made, page=page) as platform:
        found = platform.fetch("outages", *NOVEMBER)
    assert found["message_id"].sort().to_list() == [message.mrid for message in made]


def test_made_up_messages_are_read_whole(loopback):
    made = made_up_outages([OWN_UNIT_CODE, "11WD2UNIT000002C"], utc(2025, 11, 1), 20)
    newest = {}
    for message in made:
        newest[message.mrid] = message
    inside = [message for message in newest.values() if message.created < NOVEMBER[1]]
    with loopback(outages=made) as platform:
        own, area = (platform.fetch(name, *NOVEMBER) for name in ("unit_outages", "outages"))
    assert own.height + area.height == sum(len(message.available) for message in inside)
    everything = pl.concat([own, area])
    assert set(everything["event_status"]) == {"active", "withdrawn"}
    assert everything.select(table("raw.outages").key).is_unique().all()


def test_an_area_the_platform_does_not_know_is_refused(loopback):
    with loopback(area="EPF_DE") as platform, pytest.raises(InputError) as caught:
        platform.fetch("outages", *NOVEMBER)
    assert "areas/epf_de.yaml: eic" in str(caught.value)
