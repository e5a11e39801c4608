from __future__ import annotations

import json
from datetime import date, timedelta

import polars as pl
import pytest

from energy_assets.errors import InputError
from energy_assets.feeds import Access, SourceUnavailableError, Window, feeds_for
from energy_assets.feeds.open_meteo.products import publication_delay
from energy_assets.lakehouse import Lake
from energy_assets.lakehouse.enforcement import caller_columns
from energy_assets.market import load_area
from energy_assets.quality.admission import admit
from energy_assets_tests.feeds.source_desks import desk_on, feeds_on, utc
from energy_assets_tests.loopback.open_meteo import by_vintage, open_meteo_handler
from energy_assets_tests.loopback.server import CutShort, LoopbackServer, Replaced, Status

LATER = utc(2030, 1, 1)
NORTH = {"name": "north", "latitude": 54.3, "longitude": 8.9, "weight": 3}
EAST = {"name": "east", "latitude": 52.6, "longitude": 12.4, "weight": 2}
SOUTH = {"name": "south", "latitude": 48.6, "longitude": 12.1}
SITES = {"wind": [NORTH, EAST], "solar": [SOUTH]}
SESSION = load_area("DE_LU").session()
DELAY = publication_delay("icon_seamless", date(2026, 3, 1))
PATH = "/v1/forecast"


def spec(product, sites=SITES, **more):
    return {"source": "open_meteo", "product": product, "sites": sites, **more}


def feed_on(server, product, sites=SITES, now=LATER, tokens=None, **more):
    url = server.url + PATH
    feeds = feeds_on(spec(product, sites, **more), url=url, tokens=tokens, clock=lambda: now)
    return feeds[0]


def fetched(product, window, as_of=LATER, sites=SITES, now=LATER, **handler):
    with LoopbackServer({PATH: open_meteo_handler(**handler)}) as server:
        return feed_on(server, product, sites, now).fetch(window, as_of)


def day_window(day):
    found = SESSION.delivery_day(day)
    return Window(found.start, found.end)


def only(found, variable, site=None):
    rows = found.filter(pl.col("variable") == variable)
    return rows if site is None else rows.filter(pl.col("site") == site)


@pytest.mark.parametrize("product", ["forecast", "previous_runs", "single_runs"])
def test_units_have_the_weather_they_need_at_their_sites(product):
    day = date(2026, 3, 2)
    now = utc(2026, 3, 1, 10, 20)
    found = fetched(product, day_window(day), now, now=now)
    feed = feeds_on(spec(product))[0]
    assert found.columns == caller_columns(feed.table)
    assert (feed.scope, feed.source) == ("DE_LU", "open_meteo")
    assert set(found.select("site", "variable", "unit").rows()) == {
        ("north", "wind_speed_100m", "m/s"),
        ("north", "temperature_2m", "degC"),
        ("east", "wind_speed_100m", "m/s"),
        ("east", "temperature_2m", "degC"),
        ("south", "irradiance", "W/m2"),
        ("south", "temperature_2m", "degC"),
    }
    assert set(found["resolution_min"]) == {60}
    assert found["knowledge_time"].max() <= now


def test_a_mean_of_the_preceding_hour_is_stored_for_that_hour():
    found = fetched("single_runs", day_window(date(2026, 3, 2)))
    # The value tells the hour of the year of its stamp.
    hours = (pl.col("period_start") - utc(2026, 1, 1)).dt.total_hours()
    ages = found.with_columns(late=pl.col("value") - hours)
    assert set(only(ages, "irradiance")["late"]) == {1.0}
    assert set(only(ages, "wind_speed_100m")["late"]) == {0.0}


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 3, 2), 24)]
)
@pytest.mark.parametrize("product", ["previous_runs", "single_runs"])
def test_every_hour_of_a_delivery_day_is_there(product, day, hours):
    found = fetched(product, day_window(day))
    for variable in ("irradiance", "wind_speed_100m"):
        starts = only(found, variable)["period_start"].unique().sort().to_list()
        assert len(starts) == hours
        assert starts[0] == day_window(day).start


def test_the_previous_days_run_is_not_known_at_noon_for_the_afternoon():
    day = date(2026, 3, 2)
    gate = SESSION.gate_closure(day)
    everything = fetched("previous_runs", day_window(day))
    at_gate = fetched("previous_runs", day_window(day), gate)
    age = pl.col("value").mod(1).mul(1000).round().cast(pl.Int64).alias("age")
    wind = only(at_gate, "wind_speed_100m", "north").with_columns(age)
    first_day = wind.filter(pl.col("age") == 1)
    # Noon CET of D-1 is 11:00 UTC; a value of the hour h was started by h - 24 h.
    last_known = gate - DELAY + timedelta(hours=24)
    assert first_day["period_start"].max() <= last_known
    assert first_day["period_start"].max() < utc(2026, 3, 2, 6)
    assert wind.filter(pl.col("age") == 2)["period_start"].n_unique() == 24
    assert only(everything, "wind_speed_100m", "north").height == 3 * 24
    afternoon = everything.with_columns(age).filter(
        pl.col("age") == 1, pl.col("period_start") >= utc(2026, 3, 2, 11)
    )
    assert not afternoon.is_empty()
    assert afternoon["knowledge_time"].min() > gate


def test_previous_runs_are_issued_whole_days_before_their_stamp():
    found = fetched("previous_runs", day_window(date(2026, 3, 2)))
    lead = (pl.col("period_start") - pl.col("issue_time")).dt.total_hours()
    assert set(only(found, "temperature_2m").select(lead).to_series()) == {24, 48, 72}
    assert set(only(found, "irradiance").select(lead).to_series()) == {23, 47, 71}
    assert (found["knowledge_time"] - found["issue_time"]).unique().to_list() == [DELAY]
    assert set(found["knowledge_basis"]) == {"rule"}


def test_previous_runs_ask_for_no_hour_that_no_run_has_reached():
    window = Window(utc(2026, 3, 1), utc(2026, 6, 1))
    now = utc(2026, 3, 10, 9)
    with LoopbackServer({PATH: open_meteo_handler()}) as server:
        found = feed_on(server, "previous_runs", now=now).fetch(window, LATER)
        assert {request.query["end_date"] for request in server.requests} == {"2026-03-13"}
    assert found["period_start"].max() <= now + timedelta(days=3)


def test_history_before_the_archive_is_not_asked_for():
    with LoopbackServer({PATH: open_meteo_handler()}) as server:
        old = Window(utc(2022, 1, 1), utc(2022, 3, 1))
        assert feed_on(server, "previous_runs").fetch(old, LATER).is_empty()
        assert not server.requests


def test_a_long_window_is_asked_for_quarter_by_quarter_and_brings_each_row_once():
    window = Window(utc(2025, 1, 1), utc(2025, 8, 1))
    with LoopbackServer({PATH: open_meteo_handler()}) as server:
        found = feed_on(server, "previous_runs", {"wind": [NORTH]}).fetch(window, LATER)
        assert server.count() == 3
    assert only(found, "temperature_2m").height == 3 * 24 * 212
    assert not found.select("variable", "issue_time", "period_start").is_duplicated().any()


def test_a_single_run_is_known_after_its_publication_and_reaches_sixty_hours():
    day = date(2026, 3, 2)
    gate = SESSION.gate_closure(day)
    found = fetched("single_runs", day_window(day), gate)
    assert found["issue_time"].max() + DELAY <= gate
    assert set(found["issue_time"].dt.hour()) <= {0, 6, 12, 18}
    newest = found.filter(pl.col("issue_time") == found["issue_time"].max())
    assert only(newest, "wind_speed_100m", "north").height == 24
    lead = (found["period_start"] - found["issue_time"]).dt.total_hours()
    assert 0 <= lead.min() <= lead.max() < 60
    assert (found["knowledge_time"] - found["issue_time"]).unique().to_list() == [DELAY]


def test_only_the_runs_that_reach_the_window_are_asked_for():
    day = date(2026, 3, 2)
    with LoopbackServer({PATH: open_meteo_handler()}) as server:
        feed_on(server, "single_runs").fetch(day_window(day), SESSION.gate_closure(day))
        runs = sorted({request.query["run"] for request in server.requests})
    # From 60 hours before the day's start (23:00 UTC) on, until the gate less the delay.
    assert runs[0] == "2026-02-27T12:00"
    assert runs[-1] == "2026-03-01T00:00"
    assert len(runs) == 7


def test_a_run_the_model_skipped_is_a_gap():
    day = date(2026, 3, 2)
    skipped = utc(2026, 3, 1)
    found = fetched("single_runs", day_window(day), missing_runs=[skipped])
    assert skipped not in found["issue_time"].to_list()
    assert skipped - timedelta(hours=6) in found["issue_time"].to_list()


def test_the_newest_forecast_is_observed_now_and_holds_nothing_of_the_past():
    now = utc(2026, 3, 1, 10, 20)
    window = Window(utc(2026, 2, 1), utc(2026, 3, 3))
    found = fetched("forecast", window, as_of=now + timedelta(hours=3), now=now)
    assert set(found["issue_time"]) == {utc(2026, 3, 1, 10)}
    assert set(found["knowledge_time"]) == {now}
    assert set(found["knowledge_basis"]) == {"observed"}
    assert found["period_start"].min() == utc(2026, 3, 1, 10)
    assert found["period_start"].max() == utc(2026, 3, 2, 23)


def test_the_newest_forecast_is_never_backdated():
    now = utc(2026, 3, 1, 10, 20)
    with LoopbackServer({PATH: open_meteo_handler()}) as server:
        feed = feed_on(server, "forecast", now=now)
        assert feed.fetch(day_window(date(2026, 2, 2)), utc(2026, 2, 1, 11)).is_empty()
        assert feed.fetch(Window(utc(2026, 2, 1), utc(2026, 2, 5)), LATER).is_empty()
        assert not server.requests


def test_sites_share_a_request_and_their_answers_are_told_apart():
    def by_latitude(value):
        return value.latitude

    many = [{"name": f"s{n}", "latitude": 47 + n / 10, "longitude": 9.0} for n in range(70)]
    with LoopbackServer({PATH: open_meteo_handler(by_latitude)}) as server:
        feed = feed_on(server, "previous_runs", {"wind": many, "solar": [SOUTH]})
        found = feed.fetch(day_window(date(2026, 3, 2)), LATER)
        # 70 wind sites in two requests, one solar site in another.
        assert server.count() == 3
    wind = only(found, "wind_speed_100m").group_by("site").agg(pl.col("value").unique())
    assert dict(wind.rows()) == {
        site["name"]: [pytest.approx(site["latitude"], abs=1e-6)] for site in many
    }


def test_the_units_that_are_stored_are_asked_for():
    with LoopbackServer({PATH: open_meteo_handler()}) as server:
        feed_on(server, "previous_runs").fetch(day_window(date(2026, 3, 2)), LATER)
        query = server.requests[0].query
    assert query["wind_speed_unit"] == "ms"
    assert query["timeformat"] == "unixtime"
    assert query["timezone"] == "GMT"
    assert query["models"] == "icon_seamless"
    assert "wind_speed_120m_previous_day3" in query["hourly"].split(",")
    assert "apikey" not in query


def test_a_key_is_sent_and_never_shown():
    key = "s3cret-key-of-somebody"
    with LoopbackServer({PATH: open_meteo_handler(apikey=key)}) as server:
        feed = feed_on(server, "previous_runs", tokens={"open_meteo": key})
        assert feed.fetch(day_window(date(2026, 3, 2)), LATER).height
        server.inject(Status(400, body=f"bad key {key}".encode()))
        with pytest.raises(SourceUnavailableError) as caught:
            feed.fetch(day_window(date(2026, 3, 2)), LATER)
    assert key not in str(caught.value)


def test_wind_at_hub_height_lies_on_the_profile_of_a_model_without_that_level():
    heights = {"wind_speed_80m": 8.0, "wind_speed_100m": 9.9, "wind_speed_120m": 10.0}

    def by_height(value):
        return heights.get(value.parameter)

    window, sites = day_window(date(2026, 3, 2)), {"wind": [NORTH]}
    with LoopbackServer({PATH: open_meteo_handler(by_height)}) as server:
        icon = feed_on(server, "previous_runs", sites).fetch(window, LATER)
        other = feed_on(server, "previous_runs", sites, model="ecmwf_ifs025").fetch(window, LATER)
    # 8 + 2 ln(100/80) / ln(120/80)
    assert set(icon["value"].round(6)) == {9.100679}
    assert set(other["value"]) == {9.9}
    assert set(icon["variable"]) == set(other["variable"]) == {"wind_speed_100m"}


def test_nulls_are_gaps_and_a_variable_the_model_lacks_is_no_rows():
    def night_and_no_wind(value):
        if value.parameter == "wind_speed_80m" or value.stamp.hour == 3:
            return None
        return by_vintage(value)

    found = fetched("previous_runs", day_window(date(2026, 3, 2)), value=night_and_no_wind)
    assert only(found, "wind_speed_100m").is_empty()
    temperature = only(found, "temperature_2m", "north")
    assert temperature.height == 3 * 23
    assert 3 not in temperature["period_start"].dt.hour().to_list()
    assert 2 not in only(found, "irradiance")["period_start"].dt.hour().to_list()


def test_fetching_again_adds_nothing(tmp_path):
    lake = Lake(tmp_path)
    window = day_window(date(2026, 3, 2))
    with LoopbackServer({PATH: open_meteo_handler()}) as server:
        feed = feed_on(server, "previous_runs")
        assert admit(lake, feed, window, LATER, area=None).written == 3 * 24 * 6
        assert admit(lake, feed, window, LATER, area=None).written == 0


def test_refusals_for_now_are_asked_again_and_lasting_ones_are_one_line():
    window = day_window(date(2026, 3, 2))
    with LoopbackServer({PATH: open_meteo_handler()}) as server:
        feed = feed_on(server, "previous_runs")
        server.inject(Status(429, retry_after="60"), CutShort())
        assert feed.fetch(window, LATER).height
        for fault in (Status(502), Status(429), CutShort()):
            server.inject(*[fault] * 3)
            with pytest.raises(SourceUnavailableError, match=r"^open_meteo: ") as caught:
                feed.fetch(window, LATER)
            assert "\n" not in str(caught.value)


def first_location(**changes):
    def change(body):
        locations = json.loads(body)
        locations[0] |= changes
        return json.dumps(locations).encode()

    return Replaced(change)


def first_hourly(name, change_values):
    def change(body):
        locations = json.loads(body)
        locations[0]["hourly"][name] = change_values(locations[0]["hourly"].get(name))
        return json.dumps(locations).encode()

    return Replaced(change)


WIND = "wind_speed_80m_previous_day1"
UNUSABLE = {
    "cut in the middle": (Replaced(lambda body: body[: len(body) // 2]), "Invalid JSON"),
    "one place of two": (
        Replaced(lambda body: json.dumps(json.loads(body)[:1]).encode()),
        "1 places instead of 2",
    ),
    "places in another order": (
        Replaced(lambda body: json.dumps(json.loads(body)[::-1]).encode()),
        "north",
    ),
    "another unit": (
        Replaced(lambda body: body.replace(b'"m/s"', b'"km/h"')),
        "'km/h' instead of 'm/s'",
    ),
    "local time": (first_location(utc_offset_seconds=3600), "3600 s off UTC"),
    "text for a value": (first_hourly(WIND, lambda values: ["calm", *values[1:]]), WIND),
    "true for a value": (first_hourly(WIND, lambda values: [True, *values[1:]]), WIND),
    "one value short": (first_hourly(WIND, lambda values: values[1:]), "values of"),
    "a renamed variable": (Replaced(lambda body: body.replace(b"wind_speed", b"wind")), WIND),
    "stamps off the hour": (
        first_hourly("time", lambda stamps: [stamp + 60 for stamp in stamps]),
        "no full hour",
    ),
    "stamps twice": (
        first_hourly("time", lambda stamps: [stamps[0], *stamps[:-1]]),
        "out of order",
    ),
    "stamps in no century": (
        first_hourly("time", lambda stamps: [stamp * 10**6 for stamp in stamps]),
        "no full hour",
    ),
    "no location at all": (Replaced(lambda _: b"{}"), "latitude"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_an_unusable_answer_is_one_line_and_no_row(case):
    fault, what = UNUSABLE[case]
    with LoopbackServer({PATH: open_meteo_handler()}) as server:
        feed = feed_on(server, "previous_runs")
        server.inject(fault)
        with pytest.raises(SourceUnavailableError) as caught:
            feed.fetch(day_window(date(2026, 3, 2)), LATER)
    message = str(caught.value)
    assert message.startswith("open_meteo: expected an answer to ")
    assert what in message
    assert "\n" not in message


def test_a_model_without_a_publication_delay_is_named():
    with pytest.raises(InputError, match=r"open_meteo\.yaml: expected one of .*found 'crystal'"):
        feeds_on(spec("previous_runs", model="crystal"))
    assert feeds_on(spec("forecast", model="crystal"))


def test_a_site_name_stands_for_one_place():
    again = {**SOUTH, "name": "north"}
    with pytest.raises(InputError, match="distinct names, found 'north'"):
        feeds_on(spec("forecast", {"wind": [NORTH], "solar": [again]}))
    two = desk_on(spec("forecast", {"wind": [NORTH]}), spec("single_runs", {"solar": [again]}))
    with pytest.raises(InputError, match="distinct names, found 'north'"):
        feeds_for(two, Access(None))


def test_a_units_sites_have_shares_for_its_readers():
    desk = desk_on(spec("previous_runs"))
    assert desk.weather_sites("wind") == {"north": pytest.approx(0.6), "east": pytest.approx(0.4)}
    found = fetched("previous_runs", day_window(date(2026, 3, 2)))
    assert set(desk.weather_sites("wind")) <= set(found["site"])


def test_every_product_has_its_own_address():
    names = {
        product: feeds_on(spec(product))[0].session._base
        for product in ("forecast", "previous_runs", "single_runs")
    }
    assert len(set(names.values())) == 3
    assert not any("historical" in address for address in names.values())
