from __future__ import annotations

import json
from datetime import date, timedelta

import polars as pl
import pytest

from energy_assets.errors import InputError
from energy_assets.feeds import SourceUnavailableError, Window
from energy_assets.feeds.elexon.remit import OPEN_END
from energy_assets.feeds.elexon.settlement_periods import settlement_session
from energy_assets.lakehouse import Lake
from energy_assets.lakehouse.enforcement import caller_columns
from energy_assets.market import load_area
from energy_assets.quality.admission import admit
from energy_assets_tests.feeds.source_desks import feeds_on, utc
from energy_assets_tests.loopback.elexon import (
    ROOT,
    Insights,
    index_row,
    message,
    system_price_row,
)
from energy_assets_tests.loopback.server import CutShort, LoopbackServer, Replaced, Status

LATER = utc(2030, 1, 1)
DAY = Window(utc(2026, 3, 2), utc(2026, 3, 3))
CHANGE_DAYS = [(date(2026, 3, 29), 46), (date(2026, 10, 25), 50), (date(2026, 3, 2), 48)]


def feeds(url, series, **options):
    spec = {"source": "elexon", "series": [series], **options}
    return feeds_on(spec, area="GB", url=url + ROOT)


def fetched(insights, series, window, as_of=LATER, number=0, **options):
    with LoopbackServer({ROOT: insights.handler()}) as server:
        return feeds(server.url, series, **options)[number].fetch(window, as_of)


def zulu(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def settlement(day):
    """Period, its start and the day's UTC bounds."""
    found = settlement_session("GB").delivery_day(day)
    return list(enumerate(found.grid(30), start=1)), Window(found.start, found.end)


def system_prices(day, price=lambda period: float(period)):
    periods, window = settlement(day)
    rows = [
        system_price_row(
            day.isoformat(),
            period,
            zulu(start),
            price(period),
            zulu(start + timedelta(minutes=48)),
        )
        for period, start in periods
    ]
    return rows, window


@pytest.mark.parametrize(("day", "count"), CHANGE_DAYS)
def test_settlement_periods_are_positions_in_the_days_utc_grid(day, count):
    rows, window = system_prices(day)
    found = fetched(Insights(system_prices=rows), "imbalance_prices", window)
    assert found.height == count
    assert found["price"].to_list() == list(range(1, count + 1))
    assert found["period_start"].diff().drop_nulls().unique().to_list() == [timedelta(minutes=30)]
    assert found["period_start"][0] == window.start
    assert set(found["resolution_min"]) == {30}
    assert set(found["currency"]) == {"GBP"}


def test_a_system_price_is_known_when_its_run_was_made():
    rows, window = system_prices(date(2026, 3, 2))
    insights = Insights(system_prices=rows)
    found = fetched(insights, "imbalance_prices", window)
    assert found.columns == caller_columns(feeds("", "imbalance_prices")[0].table)
    assert set(found["series"]) == {"imbalance"}
    assert set(found["knowledge_basis"]) == {"published"}
    at_noon = fetched(insights, "imbalance_prices", window, utc(2026, 3, 2, 12))
    # The period of 11:00 was priced at 11:48, that of 11:30 at 12:18.
    assert at_noon["period_start"].max() == utc(2026, 3, 2, 11)


def test_without_a_time_of_making_a_rule_says_when_a_system_price_was_known():
    rows, window = system_prices(date(2026, 3, 2))
    rows[3]["createdDateTime"] = None
    found = fetched(Insights(system_prices=rows), "imbalance_prices", window)
    assert found["knowledge_basis"].to_list().count("rule") == 1
    row = found.row(3, named=True)
    assert row["knowledge_time"] == row["period_start"] + timedelta(minutes=90)


def test_two_system_prices_are_two_series_and_a_missing_one_a_gap():
    rows, window = system_prices(date(2026, 3, 2))
    rows[0]["systemBuyPrice"] = 99.0
    rows[1]["systemSellPrice"] = rows[1]["systemBuyPrice"] = None
    found = fetched(Insights(system_prices=rows), "imbalance_prices", window)
    first = found.filter(pl.col("period_start") == window.start)
    assert dict(zip(first["series"], first["price"], strict=True)) == {
        "imbalance_long": 1.0,
        "imbalance_short": 99.0,
    }
    assert window.start + timedelta(minutes=30) not in found["period_start"].to_list()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"settlementPeriod": 49}, "settlement period 49 on 2026-03-02, which has 48"),
        ({"settlementPeriod": 0}, "settlement period 0"),
        ({"startTime": "2026-03-02T05:00:00Z"}, "not 2026-03-02 00:00:00"),
        ({"settlementPeriod": "1"}, "data.0.settlementPeriod"),
        ({"systemSellPrice": "12,5"}, "data.0.systemSellPrice"),
        ({"createdDateTime": "2026-03-02T05:00:00"}, "data.0.createdDateTime"),
        ({"settlementDate": 20260302}, "data.0.settlementDate"),
    ],
)
def test_a_row_that_contradicts_the_calendar_or_its_type_is_one_line(changes, what):
    rows, window = system_prices(date(2026, 3, 2))
    insights = Insights(system_prices=rows)
    served = [{**rows[0], **changes}, *rows[1:]]

    def with_change(body):
        return json.dumps({"data": served}).encode()

    with LoopbackServer({ROOT: insights.handler()}) as server:
        server.inject(Replaced(with_change))
        with pytest.raises(SourceUnavailableError) as caught:
            feeds(server.url, "imbalance_prices")[0].fetch(window, LATER)
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)


def index_rows(day, provider, price=lambda period: float(period)):
    periods, window = settlement(day)
    rows = [
        index_row(day.isoformat(), period, zulu(start), price(period), provider)
        for period, start in periods
    ]
    return rows, window


def test_each_index_provider_is_its_own_series():
    day = date(2026, 3, 2)
    n2ex, window = index_rows(day, "N2EXMIDP", lambda period: 100.0 + period)
    apx, _ = index_rows(day, "APXMIDP")
    insights = Insights(index=[*n2ex, *apx])
    day_ahead = fetched(insights, "day_ahead_prices", window)
    intraday = fetched(insights, "day_ahead_prices", window, number=1)
    assert (set(day_ahead["series"]), day_ahead["price"].min()) == ({"day_ahead"}, 101.0)
    assert (set(intraday["series"]), intraday["price"].max()) == ({"intraday_index"}, 48.0)
    names = [feed.name for feed in feeds("", "day_ahead_prices")]
    assert names == ["elexon.day_ahead", "elexon.intraday_index"]


def test_an_index_is_known_after_its_period_and_never_the_day_before():
    rows, window = index_rows(date(2026, 3, 2), "N2EXMIDP")
    found = fetched(Insights(index=rows), "day_ahead_prices", window)
    assert set(found["knowledge_basis"]) == {"rule"}
    assert (found["knowledge_time"] - found["period_start"]).unique().to_list() == [
        timedelta(hours=1)
    ]
    gate = load_area("GB").session().gate_closure(date(2026, 3, 2))
    assert fetched(Insights(index=rows), "day_ahead_prices", window, gate).is_empty()


def test_zero_price_and_volume_is_a_gap_but_a_traded_zero_is_a_price():
    rows, window = index_rows(date(2026, 3, 2), "APXMIDP")
    rows[0] |= {"price": 0.0, "volume": 0.0}
    rows[1] |= {"price": 0.0, "volume": 12.0}
    rows[2] |= {"price": None, "volume": None}
    found = fetched(Insights(index=rows), "day_ahead_prices", window, number=1)
    assert found.height == 46
    assert found["price"][0] == 0


def test_a_long_window_of_index_prices_is_asked_for_week_by_week():
    days = [date(2026, 3, 20) + timedelta(days=number) for number in range(20)]
    rows = [row for day in days for row in index_rows(day, "APXMIDP")[0]]
    window = Window(settlement(days[0])[1].start, settlement(days[-1])[1].end)
    with LoopbackServer({ROOT: Insights(index=rows).handler()}) as server:
        found = feeds(server.url, "day_ahead_prices")[1].fetch(window, LATER)
        assert server.count() == 3
    # One day of the twenty has 46 periods.
    assert found.height == 20 * 48 - 2
    assert found["period_start"].is_unique().all()


def test_nothing_is_asked_about_a_window_after_the_point_in_time():
    with LoopbackServer({ROOT: Insights().handler()}) as server:
        for series in ("day_ahead_prices", "imbalance_prices", "outages"):
            for feed in feeds(server.url, series):
                assert feed.fetch(DAY, utc(2026, 3, 1)).is_empty()
        assert not server.requests


MESSAGES = [
    message(1),
    message(2, revisionNumber=2, publishTime="2026-03-02T15:00:00Z", availableCapacity=350.0),
    message(3, revisionNumber=3, publishTime="2026-03-03T08:00:00Z", eventStatus="Dismissed"),
]
WEEK = Window(utc(2026, 3, 1), utc(2026, 3, 8))


def test_every_revision_of_a_message_is_known_from_its_publication_on():
    insights = Insights(messages=MESSAGES)
    found = fetched(insights, "outages", WEEK, unit_codes={"gas": "T_PLANT-1"})
    assert found.columns == caller_columns(feeds("", "outages")[0].table)
    assert found.select("message_revision", "available_mw", "event_status", "unit").rows() == [
        (1, 200.0, "active", "gas"),
        (2, 350.0, "active", "gas"),
        (3, 200.0, "withdrawn", "gas"),
    ]
    assert found["knowledge_time"].equals(found["published_at"].alias("knowledge_time"))
    assert set(found["outage_type"]) == {"forced"}
    early = fetched(insights, "outages", WEEK, utc(2026, 3, 2, 14, 59))
    assert early["message_revision"].to_list() == [1]


def test_a_profile_is_one_part_per_segment():
    profile = [
        {
            "startTime": "2026-03-29T00:00:00Z",
            "endTime": "2026-03-29T01:30:00Z",
            "capacity": 0,
        },
        {
            "startTime": "2026-03-29T01:30:00Z",
            "endTime": "2026-03-30T00:00:00Z",
            "capacity": 250.5,
        },
    ]
    found = fetched(
        Insights(messages=[message(1, outageProfile=profile, unavailabilityType="Planned")]),
        "outages",
        WEEK,
    )
    assert found.select("part", "available_mw", "event_start", "outage_type").rows() == [
        (0, 0.0, utc(2026, 3, 29), "planned"),
        (1, 250.5, utc(2026, 3, 29, 1, 30), "planned"),
    ]


@pytest.mark.parametrize(
    ("changes", "column", "value"),
    [
        ({"eventEndTime": None}, "event_end", OPEN_END),
        ({"availableCapacity": None}, "available_mw", 200.0),
        (
            {"availableCapacity": None, "unavailableCapacity": None, "normalCapacity": None},
            "available_mw",
            0.0,
        ),
        ({"assetId": None}, "unit", "PLANT-1"),
        ({"eventStatus": "Inactive"}, "event_status", "withdrawn"),
        ({"cause": None}, "cause", ""),
    ],
)
def test_what_a_message_leaves_open_is_read_with_care(changes, column, value):
    found = fetched(Insights(messages=[message(1, **changes)]), "outages", WEEK)
    assert found[column].to_list() == [value]


@pytest.mark.parametrize(
    "cause",
    ["'); DROP TABLE x; --", "<script>alert(1)</script>", "a\nb\u2028c\x00d", "\u202egnp.exe"],
)
def test_a_hostile_cause_is_stored_as_text(tmp_path, cause):
    lake = Lake(tmp_path)
    insights = Insights(messages=[message(1, cause=cause)])
    with LoopbackServer({ROOT: insights.handler()}) as server:
        feed = feeds(server.url, "outages")[0]
        assert admit(lake, feed, WEEK, LATER, area=None).written == 1
        assert admit(lake, feed, WEEK, LATER, area=None).written == 0
    assert lake.as_of("raw.outages", LATER, scope="desk")["cause"].to_list() == [cause]


def test_messages_of_other_kinds_and_of_others_assets_are_left_out():
    others = [
        message(4, mrid="B", messageType="OtherMarketInformation"),
        message(5, mrid="C", assetId="T_OTHER-1", affectedUnit="OTHER-1"),
    ]
    insights = Insights(messages=[*MESSAGES[:1], *others])
    own = fetched(insights, "outages", WEEK, unit_codes={"gas": "T_PLANT-1"})
    assert set(own["message_id"]) == {MESSAGES[0]["mrid"]}
    everybody = fetched(insights, "outages", WEEK)
    assert set(everybody["unit"]) == {"T_PLANT-1", "T_OTHER-1"}


def test_many_messages_are_fetched_in_bulk_over_several_pages():
    many = [
        message(number, mrid=f"M{number:03}", publishTime=f"2026-03-{1 + number % 20:02}T10:00:00Z")
        for number in range(120)
    ]
    window = Window(utc(2026, 3, 1), utc(2026, 3, 22))
    with LoopbackServer({ROOT: Insights(messages=many).handler()}) as server:
        found = feeds(server.url, "outages")[0].fetch(window, LATER)
        assert server.count(f"{ROOT}/remit/list") == 3
        assert server.count(f"{ROOT}/remit") == 3 + 3
    assert found["message_id"].n_unique() == 120


def test_listed_messages_that_are_not_given_are_not_passed_over():
    insights = Insights(messages=MESSAGES)
    with LoopbackServer({ROOT: insights.handler()}) as server:
        feed = feeds(server.url, "outages")[0]
        server.inject(Replaced(lambda _: b'{"data": []}'), path=f"{ROOT}/remit")
        assert feed.fetch(WEEK, LATER).is_empty()
        server.inject(Replaced(lambda body: body), path=f"{ROOT}/remit/list")
        server.inject(Replaced(lambda _: b'{"data": []}'), path=f"{ROOT}/remit")
        with pytest.raises(SourceUnavailableError, match="3 of 3 listed messages missing"):
            feed.fetch(WEEK, LATER)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"eventStatus": "Perhaps\nso"}, "eventStatus"),
        ({"revisionNumber": 1.5}, "data.0.revisionNumber"),
        ({"publishTime": None}, "data.0.publishTime"),
        ({"outageProfile": {"startTime": "now"}}, "data.0.outageProfile"),
        ({"availableCapacity": "half"}, "data.0.availableCapacity"),
    ],
)
def test_a_message_of_another_form_is_one_line(changes, what):
    bad = {**message(1), **changes}
    insights = Insights(messages=[message(1)])
    with LoopbackServer({ROOT: insights.handler()}) as server:
        server.inject(Replaced(lambda body: body), path=f"{ROOT}/remit/list")
        server.inject(
            Replaced(lambda _: json.dumps({"data": [bad]}).encode()), path=f"{ROOT}/remit"
        )
        with pytest.raises(SourceUnavailableError) as caught:
            feeds(server.url, "outages")[0].fetch(WEEK, LATER)
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("series", ["day_ahead_prices", "imbalance_prices", "outages"])
def test_refusals_for_now_are_asked_again_and_lasting_ones_are_one_line(series):
    rows, window = index_rows(date(2026, 3, 2), "N2EXMIDP")
    prices, _ = system_prices(date(2026, 3, 2))
    insights = Insights(index=rows, system_prices=prices, messages=MESSAGES)
    with LoopbackServer({ROOT: insights.handler()}) as server:
        feed = feeds(server.url, series)[0]
        server.inject(Status(429, retry_after="3"), CutShort())
        assert not feed.fetch(window, LATER).is_empty()
        for fault in (Status(500), Status(429), CutShort(announce=False)):
            server.inject(*[fault] * 3)
            with pytest.raises(SourceUnavailableError, match=r"^elexon: ") as caught:
                feed.fetch(window, LATER)
            assert "\n" not in str(caught.value)


def test_a_desk_elsewhere_cannot_name_the_source():
    with pytest.raises(InputError, match="expected a desk in GB, found 'DE_LU'"):
        feeds_on({"source": "elexon"}, area="DE_LU")
