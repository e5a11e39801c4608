"""Reserve, intraday and balancing energy on the reference market: grids, knowledge, signs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from energy_assets.feeds import Access, Window, feeds_for
from energy_assets.feeds.reference_market import SOURCE, reference_market_feeds
from energy_assets.feeds.reference_market.price_ticks import on_ticks
from energy_assets.lakehouse import Lake
from energy_assets.lakehouse.enforcement import caller_columns, conform
from energy_assets.market import load_area
from energy_assets.portfolio import ReferenceMarketFeed
from energy_assets.quality.admission import admit

AREA = load_area("SIM_DE_LU")
SESSION = AREA.session()
AUCTIONS = {
    "intraday_auction_1": "ida1",
    "intraday_auction_2": "ida2",
    "intraday_auction_3": "ida3",
}
AFTER_DELIVERY = {
    "intraday_index": 15,
    "balancing_up": 30,
    "balancing_down": 30,
    "called_reserves": 30,
}
NAMES = ["auction_results", *AUCTIONS, *AFTER_DELIVERY]
PRODUCTS = ["fcr", "afrr_up", "afrr_down", "mfrr_up", "mfrr_down"]
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
DAYS = st.one_of(
    st.sampled_from([SPRING, AUTUMN, date(2025, 9, 30), date(2025, 10, 1), date(2024, 6, 14)]),
    st.dates(date(2024, 6, 14), date(2031, 12, 31)),
)
# Sums over 17 March 2026.
PINNED = {
    "auction_results": 418.82,
    "intraday_auction_1": 8960.05,
    "intraday_auction_3": 4703.85,
    "intraday_index": 10851.57,
    "balancing_up": 13574.5,
    "called_reserves": 30.0299,
}


def span(first: date, last: date) -> Window:
    """The delivery days from first to last."""
    return Window(SESSION.delivery_day(first).start, SESSION.delivery_day(last).end)


def by_name(feeds):
    return {feed.name.split(".")[-1]: feed for feed in feeds}


@pytest.fixture(scope="module")
def traded(reference_desk, tmp_path_factory):
    """Feeds of the reference desk when it asks for everything."""
    asking = reference_desk.model_copy(
        update={"feeds": (ReferenceMarketFeed(source="reference_market", balancing=True),)}
    )
    return by_name(feeds_for(asking, Access(tmp_path_factory.mktemp("no_files"))))


@pytest.fixture(scope="module")
def world(traded, later):
    """Eight months of everything that levels and signs are judged on."""
    window = span(date(2026, 1, 1), date(2026, 8, 31))
    names = ["day_ahead_prices", "imbalance_prices", "system_forecasts", *NAMES]
    return {name: traded[name].fetch(window, later) for name in names}


@pytest.fixture(scope="module")
def prices(world):
    """One column per price series, one row per quarter-hour."""
    joined = world["day_ahead_prices"].select("period_start", day_ahead="price")
    for name in ["imbalance_prices", *AUCTIONS, "intraday_index", "balancing_up", "balancing_down"]:
        one = world[name].select(
            "period_start", pl.col("price").alias(name.removesuffix("_prices"))
        )
        joined = joined.join(one, on="period_start", how="left")
    return joined


def test_only_a_desk_that_asks_gets_them_and_no_other_row_changes(feeds, traded, later):
    assert not set(NAMES) & set(feeds)
    assert set(traded) == {*feeds, *NAMES}
    window = span(SPRING, SPRING)
    for name, feed in feeds.items():
        assert_frame_equal(feed.fetch(window, later), traded[name].fetch(window, later))


def test_a_desk_that_does_not_ask_keeps_its_configuration_hash():
    silent = ReferenceMarketFeed(source="reference_market")
    assert silent.model_dump() == {"source": "reference_market"}
    asking = ReferenceMarketFeed(source="reference_market", balancing=True)
    assert asking.model_dump() == {"source": "reference_market", "balancing": True}


@pytest.mark.parametrize("name", NAMES)
# The switch to quarter-hours, and the autumn clock change.
@pytest.mark.parametrize("first", [date(2025, 9, 29), date(2025, 10, 24)])
def test_rows_match_the_registry_and_single_days_equal_the_range(traded, later, name, first):
    feed = traded[name]
    days = [first + timedelta(days=number) for number in range(4)]
    whole = feed.fetch(span(days[0], days[-1]), later)
    assert whole.columns == caller_columns(feed.table)
    assert_frame_equal(conform(feed.table, whole), whole)
    assert set(whole["source"]) == {SOURCE}
    for column in feed.table.columns:
        if column.allowed:
            assert set(whole[column.name]) <= set(column.allowed)
        if column.minimum is not None:
            assert whole[column.name].min() >= column.minimum
        if column.maximum is not None:
            assert whole[column.name].max() <= column.maximum
    parts = pl.concat([feed.fetch(span(day, day), later) for day in reversed(days)])
    assert_frame_equal(parts.sort(*feed.table.key), whole, check_exact=True)


@given(st.integers(0, 3000), st.integers(15, 5000), st.sampled_from(NAMES))
@settings(max_examples=12, deadline=None)
def test_a_longer_window_gives_the_same_rows(traded, later, start, length, name):
    begin = datetime(2026, 3, 27, tzinfo=UTC)
    window = Window(begin + timedelta(minutes=start), begin + timedelta(minutes=start + length))
    part = traded[name].fetch(window, later)
    large = traded[name].fetch(window.widened(timedelta(days=2), timedelta(days=3)), later)
    moment = pl.col("period_start")
    cut = large.filter(moment >= window.start, moment < window.end)
    assert_frame_equal(part, cut, check_exact=True)


@given(st.integers(0, 2**32), DAYS)
@example(1, SPRING)
@example(2, AUTUMN)
@settings(max_examples=8, deadline=None)
def test_every_world_and_day_is_complete_in_time_and_within_limits(
    reference_desk, later, seed, day
):
    made = by_name(reference_market_feeds(reference_desk, seed, balancing=True))
    rows = {name: made[name].fetch(span(day, day), later) for name in NAMES}
    require_blocks(rows["auction_results"], day)
    for name, session in AUCTIONS.items():
        auction = AREA.session(session)
        assert rows[name]["period_start"].to_list() == auction.delivery_day(day).starts
        assert set(rows[name]["knowledge_time"]) == {auction.publication(day)}
        assert auction.publication(day) > auction.gate_closure(day)
        rules = auction.curve_rules(day)
        assert rows[name]["price"].min() >= rules.price(rules.price_min_ticks)
        assert rows[name]["price"].max() <= rules.price(rules.price_max_ticks)
    quarters = SESSION.delivery_day(day).grid(15)
    for name, minutes in AFTER_DELIVERY.items():
        kinds = PRODUCTS if name == "called_reserves" else [name]
        column = "product" if name == "called_reserves" else "series"
        for kind in kinds:
            starts = rows[name].filter(pl.col(column) == kind)["period_start"]
            assert starts.to_list() == quarters
        delay = rows[name]["knowledge_time"] - rows[name]["period_start"]
        assert set(delay) == {timedelta(minutes=15 + minutes)}
    require_signs(made, rows, span(day, day), later)


def require_blocks(results: pl.DataFrame, day: date) -> None:
    """Every block of every product once per statistic, published after its gate."""
    for product in PRODUCTS:
        auction = AREA.reserve(product)
        paid_as_bid = auction.rules(day).pricing == "pay_as_bid"
        statistics = {"marginal", "average", "minimum"} if paid_as_bid else {"marginal"}
        own = results.filter(pl.col("product") == product)
        assert set(own["statistic"]) == statistics
        for _, rows in own.group_by("statistic"):
            ends = rows["period_start"] + pl.duration(minutes=rows["resolution_min"])
            found = list(zip(rows["period_start"], pl.select(ends).to_series(), strict=True))
            assert found == auction.blocks(day)
        assert set(own["knowledge_time"]) == {auction.publication(day)}
        assert auction.publication(day) > auction.gate_closure(day)
        assert own["price"].min() >= 0
        assert own["volume_mw"].min() >= auction.rules(day).min_volume_mw


def require_signs(made, rows, window: Window, later: datetime) -> None:
    """A short system is dear, calls up more than down; a long one the other way round."""
    base = made["day_ahead_prices"].fetch(window, later).sort("period_start")
    imbalance = made["imbalance_prices"].fetch(window, later).sort("period_start")
    joined = imbalance.join_asof(base, on="period_start", suffix="_day_ahead")
    spread = (joined["price"] - joined["price_day_ahead"]).to_numpy()
    shares = rows["called_reserves"].pivot("product", index="period_start", values="called_share")
    net = (shares["afrr_up"] - shares["afrr_down"]).to_numpy()
    clear = np.abs(spread) > 0.1
    assert (np.sign(net) == np.sign(spread))[clear].all()
    # Manual reserve only helps the side that is called, once automatic reserve is used up.
    for direction in ("up", "down"):
        manual = (shares[f"mfrr_{direction}"] > 0).to_numpy()
        assert (shares[f"afrr_{direction}"] == 1.0).to_numpy()[manual].all()
    up, down = (rows[f"balancing_{side}"]["price"].to_numpy() for side in ("up", "down"))
    price = joined["price"].to_numpy()
    assert ((down <= price) & (price <= up)).all()
    assert (up > joined["price_day_ahead"].to_numpy()).all()
    assert (down < joined["price_day_ahead"].to_numpy()).all()


@pytest.mark.parametrize(("day", "first_block"), [(SPRING, 180), (AUTUMN, 300)])
def test_the_night_of_a_clock_change_has_a_shorter_or_longer_block(traded, later, day, first_block):
    rows = traded["auction_results"].fetch(span(day, day), later)
    for (_, _), group in rows.group_by("product", "statistic"):
        assert group["resolution_min"].to_list() == [first_block, 240, 240, 240, 240, 240]


def test_intraday_auctions_are_held_from_their_first_day_on(traded, later):
    window = span(date(2024, 6, 12), date(2024, 6, 14))
    for name, session in AUCTIONS.items():
        starts = traded[name].fetch(window, later)["period_start"].to_list()
        assert starts == AREA.session(session).delivery_day(date(2024, 6, 14)).starts
        before = traded[name].fetch(span(date(2024, 6, 1), date(2024, 6, 13)), later)
        assert before.is_empty()
        assert before.columns == caller_columns(traded[name].table)


@pytest.mark.parametrize("name", NAMES)
def test_knowing_less_changes_no_value(traded, later, name):
    window = span(date(2026, 4, 1), date(2026, 5, 31))
    as_of = datetime(2026, 5, 10, 9, tzinfo=UTC)
    then, now = (traded[name].fetch(window, moment) for moment in (as_of, later))
    assert then["knowledge_time"].max() <= as_of
    assert_frame_equal(then, now.filter(pl.col("knowledge_time") <= as_of), check_exact=True)
    assert 0 < then.height < now.height


def test_at_a_gate_its_own_result_is_unknown_and_the_earlier_ones_are_known(traded):
    day, window = AUTUMN, span(AUTUMN, AUTUMN)
    gates = [AREA.reserve(product).gate_closure(day) for product in ("fcr", "afrr_up", "mfrr_up")]
    counts = [traded["auction_results"].fetch(window, gate)["product"].n_unique() for gate in gates]
    assert counts == [0, 1, 3]
    assert traded["auction_results"].fetch(window, SESSION.gate_closure(day)).height == 6 * 13
    for number, session in enumerate(AUCTIONS.values()):
        gate = AREA.session(session).gate_closure(day)
        known = [not traded[name].fetch(window, gate).is_empty() for name in AUCTIONS]
        assert known == [place < number for place in range(3)]


def test_capacity_prices_have_plausible_levels_and_order(world):
    results = world["auction_results"]
    fcr = results.filter(pl.col("product") == "fcr")["price"]
    assert fcr.is_between(5, 25).mean() > 0.95
    assert 10 < fcr.mean() < 16
    wide = results.filter(pl.col("product") != "fcr").pivot(
        "statistic", index=["product", "period_start"], values="price"
    )
    assert (wide["minimum"] <= wide["average"]).all()
    assert (wide["average"] <= wide["marginal"]).all()
    means = dict(wide.group_by("product").agg(pl.col("marginal").mean()).rows())
    assert means["mfrr_up"] < means["afrr_up"] < 20
    assert means["mfrr_down"] < means["afrr_down"] < 20


def test_downward_reserve_is_dear_at_low_residual_load_and_upward_at_high(world):
    sign = pl.when(pl.col("series") == "load").then(1.0).otherwise(-1.0)
    residual = (
        world["system_forecasts"]
        .filter(pl.col("issue_time").dt.hour() < 12)
        .group_by("period_start")
        .agg(residual=(sign * pl.col("value_mw")).sum())
        .sort("period_start")
    )
    marginal = world["auction_results"].filter(pl.col("statistic") == "marginal")
    for product, low, high in (("afrr_up", 0.4, 0.9), ("afrr_down", -0.9, -0.4)):
        own = marginal.filter(pl.col("product") == product).sort("period_start")
        own = own.select("period_start", "price", block="period_start")
        blocks = (
            residual.join_asof(own, on="period_start")
            .group_by("block")
            .agg(pl.col("price").first().log(), pl.col("residual").mean())
        )
        assert low < np.corrcoef(blocks["price"], blocks["residual"])[0, 1] < high


def test_capacity_prices_persist_from_day_to_day(world):
    marginal = world["auction_results"].filter(pl.col("statistic") == "marginal")
    for _, rows in marginal.group_by("product"):
        price = np.log(rows.sort("period_start")["price"].to_numpy() + 0.01)
        after_a_day = np.corrcoef(price[6:], price[:-6])[0, 1]
        assert 0.5 < after_a_day < 0.95
        assert np.corrcoef(price[180:], price[:-180])[0, 1] < after_a_day - 0.2


def test_each_later_auction_is_nearer_to_the_imbalance_price(prices):
    afternoon = prices.drop_nulls()
    assert afternoon.height > 11_000
    order = ["day_ahead", *AUCTIONS, "intraday_index"]
    errors = [(afternoon[name] - afternoon["imbalance"]).pow(2).mean() for name in order]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.6 * errors[0]
    for name in order[1:]:
        assert np.corrcoef(afternoon[name], afternoon["day_ahead"])[0, 1] > 0.5
        assert abs((afternoon[name] - afternoon["imbalance"]).mean()) < 6


def test_balancing_energy_is_called_now_and_then_and_frequency_reserve_both_ways(world, prices):
    shares = world["called_reserves"].pivot("product", index="period_start", values="called_share")
    for product in ("afrr_up", "afrr_down"):
        assert 0.1 < shares[product].mean() < 0.3
    for product in ("mfrr_up", "mfrr_down"):
        assert 0 < (shares[product] > 0).mean() < 0.05
    assert abs(shares["fcr"].mean()) < 0.02
    assert 0.05 < shares["fcr"].std() < 0.2
    short = prices["imbalance"] - prices["day_ahead"]
    assert np.corrcoef(shares["fcr"], short)[0, 1] > 0.1
    # The side that balances the system sets its price.
    set_by = (prices["imbalance"] == prices["balancing_up"]) | (
        prices["imbalance"] == prices["balancing_down"]
    )
    assert set_by.mean() > 0.8


def test_prices_stay_on_the_tick_and_within_limits():
    wild = np.array([-20_000.0, -0.004, 0.005001, 12.344, 20_000.0])
    assert on_ticks(wild, 0.01, -9999, 9999).tolist() == [-9999, 0, 0.01, 12.34, 9999]
    ticks = np.array([0.01, 0.01, 0.05, 0.05, 0.05])
    assert on_ticks(wild, ticks, -500.0, 4000.0).tolist() == [-500, 0, 0, 12.35, 4000]
    assert not np.signbit(on_ticks(wild, 0.01, -9999, 9999)[1])


def test_area_rows_do_not_depend_on_the_desk_but_on_the_seed(traded, reference_desk, later):
    window = span(AUTUMN, AUTUMN)
    other = reference_desk.model_copy(update={"name": "other", "seed": 1, "units": ()})
    same = by_name(reference_market_feeds(other, balancing=True))
    changed = by_name(reference_market_feeds(reference_desk, seed=1, balancing=True))
    for name in NAMES:
        rows = traded[name].fetch(window, later)
        assert traded[name].scope == "SIM_DE_LU"
        assert_frame_equal(same[name].fetch(window, later), rows)
        assert not changed[name].fetch(window, later).equals(rows)


def test_the_lake_keeps_the_auctions_apart_and_nothing_is_refused_or_doubted(
    traded, reference_desk, later, tmp_path
):
    lake, window = Lake(tmp_path), span(date(2026, 3, 22), date(2026, 4, 16))
    for name in NAMES:
        for first in (True, False):
            done = admit(lake, traded[name], window, later, area=AREA, desk=reference_desk)
            assert (done.rejected, done.judged) == ({}, 0)
            assert done.written == (done.fetched if first else 0)
    gate = AREA.session("ida2").gate_closure(SPRING)
    known = lake.as_of("raw.market_prices", gate, scope="SIM_DE_LU").filter(
        pl.col("period_start") >= SESSION.delivery_day(SPRING).start
    )
    assert known["series"].unique().to_list() == ["intraday_auction_1"]
    later_known = lake.as_of("raw.market_prices", later, scope="SIM_DE_LU")
    counts = dict(
        later_known.filter(pl.col("period_start").dt.date() == date(2026, 4, 15))
        .group_by("series")
        .len()
        .rows()
    )
    assert (counts["intraday_auction_1"], counts["intraday_auction_2"]) == (96, 96)
    assert counts["intraday_auction_3"] == 48


def test_the_world_has_not_changed(traded, later):
    """Pinned values: a change here changes every result of a desk that trades them."""
    window = span(date(2026, 3, 17), date(2026, 3, 17))
    found = {}
    for name in PINNED:
        column = "called_share" if name == "called_reserves" else "price"
        found[name] = traded[name].fetch(window, later)[column].sum()
    assert found == pytest.approx(PINNED, rel=1e-6)
