"""Real sets that load in a second: clocks, gaps and traps as their documentation states them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import polars as pl
import pytest

from energy_assets.feeds.mapped_files import MappedFeed, load_mapping, mapped_feeds
from energy_assets_tests.feeds.mapped_files.written import utc

_SIDES = ("balancing_up", "balancing_down")


@pytest.fixture(scope="module")
def real_feeds(repo, real_data):
    """Feeds of a mapping, by file set and table."""

    def of(name: str, scope: str | None = None) -> dict[tuple[str, str], MappedFeed]:
        mapping = load_mapping(repo / f"data/mappings/{name}.yaml")
        return {
            (feed.files.name, feed.table.name): feed
            for feed in mapped_feeds(mapping, real_data, scope)
        }

    return of


def spans(feed: MappedFeed) -> dict[str, tuple[int, int | None]]:
    return {span.labels: (span.rows, span.gaps) for span in feed.series()}


def test_belgian_prices_lack_18_quarter_hours_around_the_clock_changes(real_feeds):
    feeds = real_feeds("be_imbalance")
    day_ahead = feeds["day_ahead", "market_prices"]
    assert spans(day_ahead) == {"day_ahead": (52_498, 18)}
    assert spans(feeds["imbalance", "market_prices"]) == {"imbalance": (38_888, 0)}
    times = day_ahead.rows["period_start"].sort()
    lacking = pl.datetime_range(times[0], times[-1], "15m", eager=True)
    lacking = lacking.filter(~lacking.is_in(times.implode()))
    days = Counter(moment.date().isoformat() for moment in lacking.to_list())
    assert days == {"2024-03-31": 8, "2024-10-27": 8, "2025-03-30": 2}


def test_german_prices_of_two_sources_and_conventions_agree_in_utc(real_feeds):
    smard = real_feeds("de_smard")["price", "market_prices"]
    normalised = real_feeds("de_postforecasts")["price", "market_prices"]
    assert spans(smard) == {"day_ahead": (37_268, 5)}
    assert spans(normalised) == {"day_ahead": (35_180, 4)}
    assert normalised.prepared.skipped == {"hour_does_not_exist": 4}
    both = smard.rows.join(normalised.rows, on="period_start", suffix="_other")
    assert both.height == 35_180
    differing = both.filter((pl.col("price") - pl.col("price_other")).abs() > 0.011)
    # Only the autumn hour, which one source averaged: 02:00 in Berlin, its first pass.
    berlin = differing["period_start"].dt.convert_time_zone("Europe/Berlin")
    assert set(berlin.dt.strftime("%m %H").to_list()) == {"10 02"}
    assert differing.height <= 4


def test_german_mix_becomes_mw_and_weather_metres_per_second(real_feeds):
    feeds = real_feeds("de_smard")
    mix = feeds["generation_mix", "system_actuals"]
    assert set(spans(mix).values()) == {(43_819, 5)}
    first = mix.rows.filter(pl.col("period_start") == utc("2017-12-31T23:00"))
    assert dict(first.select("series", "value_mw").iter_rows())["wind_onshore"] == 29_538
    weather = feeds["weather", "weather_actuals"]
    assert set(spans(weather).values()) == {(43_824, 0)}
    wind = weather.rows.filter(pl.col("variable") == "wind_speed_100m")["value"]
    assert wind[0] == pytest.approx(41.1522 / 3.6, rel=1e-12)


def test_danish_spot_and_regulating_prices_share_one_clock_in_utc(real_feeds):
    feeds = real_feeds("dk_balancing_2022", "DK_2")
    spot, regulating = feeds["spot", "market_prices"], feeds["regulating", "market_prices"]
    assert spans(spot) == {"day_ahead": (8_783, 1)}
    assert set(spans(regulating).values()) == {(8_783, 1)}
    wide = regulating.rows.pivot("series", index="period_start", values="price")
    # Single price: the imbalance price is the up or the down price of its hour.
    either = (pl.col("imbalance") == pl.col("balancing_up")) | (
        pl.col("imbalance") == pl.col("balancing_down")
    )
    assert wide.select(either.all()).item()
    # Most hours need no regulation in one direction: its price is the spot price of that hour.
    shares = []
    for shift in (-1, 0, 1):
        moved = spot.rows.select(pl.col("period_start") + timedelta(hours=shift), "price")
        both = wide.join(moved, on="period_start")
        near = [(both[name] - both["price"]).abs() < 0.01 for name in _SIDES]
        shares.append((near[0] | near[1]).mean())
    assert shares[1] > 0.7
    assert max(shares[0], shares[2]) < 0.01


def test_british_forecasts_have_46_and_50_periods_and_their_issue_time(real_feeds):
    feeds = real_feeds("gb_heftcom")
    forecasts = feeds["neso_forecasts", "system_forecasts"]
    # 128 target days are absent; no two rows share a period.
    assert set(spans(forecasts).values()) == {(47_232, 128 * 48)}
    load = forecasts.rows.filter(pl.col("series") == "load")
    assert load["period_start"].is_unique().all()
    long_day = load.filter(
        pl.col("period_start").dt.convert_time_zone("Europe/London").dt.date()
        == pl.date(2021, 10, 31)
    )
    assert long_day.height == 50
    assert (load["knowledge_time"] < load["period_start"]).all()


def test_a_rebuilt_grid_covers_a_fixed_offset_year(real_feeds):
    feeds = real_feeds("multimarket_2024", "CH")
    auction = feeds["day_ahead", "market_prices"]
    assert spans(auction) == {"intraday_auction": (35_136, 0)}
    times = auction.rows["period_start"]
    assert (times.min(), times.max()) == (utc("2023-12-31T23:00"), utc("2024-12-31T22:45"))
    fcr = feeds["fcr", "auction_results"]
    assert (fcr.prepared.rows_read, fcr.prepared.skipped) == (2_197, {"last_rows": 1})
    assert spans(fcr) == {"fcr/capacity/marginal": (2_190, 6)}


def test_a_fifth_of_the_turbine_rows_is_empty(real_feeds):
    homer = real_feeds("scada_windup", "windup_homer")["homer", "telemetry"]
    assert homer.prepared.rows_read == 8_928
    assert homer.missing.empty["ActivePowerMean"] == 1_891
    power = homer.rows.filter(pl.col("signal") == "power")
    counts = dict(power.group_by("unit").len().iter_rows())
    assert counts == {"HMR_T01": 4_464 - 757, "HMR_T02": 4_464 - 1_134}
    assert power["value"].max() == 1.3
    categories = homer.rows.filter(pl.col("signal") == "loss_category")["value"].value_counts()
    assert dict(categories.iter_rows()) == {1: 5_873, 2: 859, 5: 254, 3: 51}


def test_greek_generation_equals_demand_in_every_hour_of_shifted_days(real_feeds):
    feeds = real_feeds("gr_power_markets")
    need = pl.concat(
        feeds[name, "system_actuals"]
        .rows.select("period_start", "value_mw", "series")
        .with_columns(pl.col("value_mw") * (1 if name == "load" else -1))
        for name in ("load", "renewables", "imports", "exports")
    )
    need = need.group_by("period_start").agg(pl.col("value_mw").sum())
    committed = feeds["committed", "telemetry"].rows
    made = committed.group_by("measured_at").agg(pl.col("value").sum())
    both = need.join(made, left_on="period_start", right_on="measured_at")
    assert both.height == need.height == made.height == 33_620
    spring = both.filter(pl.col("period_start").dt.date() == pl.date(2019, 3, 31))
    assert ((spring["value_mw"] - spring["value"]).abs() < 0.01).all()
    assert ((both["value_mw"] - both["value"]).abs() < 1).mean() > 0.9
