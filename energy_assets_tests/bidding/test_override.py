"""The manual bid is the reference; the model may move by the delta and no further."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.bidding.override import (
    ManualBid,
    is_within_band,
    manual_curve,
    override,
    volume_at,
)
from energy_assets.errors import InputError
from energy_assets.market import load_area
from energy_assets.market.orders import CurveKind, CurveOrder, CurveRules
from energy_assets.portfolio import Limits

START = datetime(2026, 1, 14, 23, tzinfo=UTC)
NOON = datetime(2026, 1, 14, 11, tzinfo=UTC)
LIMITS = Limits(max_sale_mw=4, max_purchase_mw=3, max_imbalance_mw=1)


def rules(kind, most=60, highest=400):
    return CurveRules(kind, 2, most, 0.1, 0.1, -50, highest)


def curve(points, start=START, minutes=60):
    return CurveOrder(start, minutes, tuple(points))


def bid(curves, delta, made_at=NOON, trader="ada"):
    return ManualBid(made_at, trader, tuple(curves), delta)


STEP, LINEAR = rules(CurveKind.STEP), rules(CurveKind.PIECEWISE_LINEAR)


def test_step_curve_is_cut_to_the_band_and_says_how_much():
    manual = curve([(-50, 0), (100, 20), (400, 20)])
    model = curve([(-50, 0), (50, 30), (400, 30)])
    result = override([model], [bid([manual], delta=0.5)], STEP, LIMITS)
    # Band 0 +- 5 below 10.0, 20 +- 5 above: the model's 30 is cut to 5, then to 25.
    assert result.curves[0].points == ((-50, 0), (50, 5), (100, 25), (400, 25))
    clip = result.clips[0]
    assert (clip.trader, clip.clipped) == ("ada", True)
    assert clip.most_mw == pytest.approx(2.5)


def test_linear_curve_enters_and_leaves_the_band_where_it_crosses_it():
    manual = curve([(-50, 0), (400, 0)])
    model = curve([(-50, -30), (250, 30), (400, 30)])
    result = override([model], [bid([manual], delta=1.0)], LINEAR, LIMITS)
    # The model rises by 0.2 ticks a tick and is within +-10 from 50 to 150.
    assert result.curves[0].points == ((-50, -10), (50, -10), (150, 10), (400, 10))
    assert result.clips[0].most_mw == pytest.approx(2.0)


def test_newest_manual_bid_wins_whatever_the_order_of_the_list():
    model = curve([(-50, 0), (400, 0)])
    older = bid([curve([(-50, 10), (400, 10)])], 0, NOON, "old")
    newer = bid([curve([(-50, 20), (400, 20)])], 0, NOON + timedelta(minutes=1), "new")
    for bids in ([older, newer], [newer, older]):
        result = override([model], bids, LINEAR, LIMITS)
        assert result.curves[0].points == ((-50, 20), (400, 20))
        assert result.clips[0].trader == "new"


def test_mtus_without_a_manual_bid_keep_the_model_curve():
    hours = [START, START + timedelta(hours=1)]
    model = [curve([(-50, 0), (400, 7)], start) for start in hours]
    manual = bid([curve([(-50, 3), (400, 3)], hours[1])], 0)
    result = override(model, [manual], LINEAR, LIMITS)
    assert result.curves[0] is model[0]
    assert result.curves[1].points == ((-50, 3), (400, 3))
    assert [clip.clipped for clip in result.clips] == [False, True]


@pytest.mark.parametrize(("day", "count"), [("2026-03-29", 92), ("2026-10-25", 100)])
def test_quarter_hours_of_clock_change_days_are_matched_by_their_start(day, count):
    session = load_area("DE_LU").session()
    mtus = session.delivery_day(datetime.fromisoformat(day).date()).mtus
    model = [curve([(-50, 0), (400, 10)], mtu.start, mtu.minutes) for mtu in mtus]
    manual = [curve([(-50, n % 30), (400, n % 30)], m.start, 15) for n, m in enumerate(mtus)]
    result = override(model, [bid(manual, 0)], LINEAR, LIMITS)
    assert len(result.curves) == count
    assert result.curves == tuple(manual)


def test_too_many_points_are_thinned_within_the_band():
    few = rules(CurveKind.STEP, most=4)
    manual = curve([(-50, 0), (100, 10), (400, 10)])
    model = curve([(-50, 0), (20, 2), (120, 11), (400, 12)])
    result = override([model], [bid([manual], delta=0.3)], few, LIMITS).curves[0]
    assert len(result.points) <= 4
    assert is_within_band(result.points, manual.points, 3, CurveKind.STEP)


def test_manual_volumes_become_a_curve_over_all_prices():
    made = manual_curve(START, 15, {10.0: 1.0, 20.0: 2.5}, LINEAR)
    assert made.points == ((-50, 10), (100, 10), (200, 25), (400, 25))
    assert manual_curve(START, 15, {0.0: -1.2}, STEP).points == ((-50, -12), (0, -12), (400, -12))


@pytest.mark.parametrize(
    ("volumes", "expected"),
    [
        ({}, "a volume"),
        ({10.0: 1.04}, "whole ticks"),
        ({10.03: 1.0}, "whole ticks"),
        ({10.0: 2.0, 20.0: 1.0}, "do not fall"),
        ({90.0: 1.0}, "end points"),
    ],
)
def test_a_manual_bid_that_is_no_valid_curve_is_refused(volumes, expected):
    with pytest.raises(InputError, match=expected):
        manual_curve(START, 60, volumes, LINEAR)


@pytest.mark.parametrize(
    ("manual", "delta", "expected"),
    [
        (curve([(-50, 0), (400, 41)]), 1, "from -3 to 4 MW"),
        (curve([(-50, 0), (400, 1)], minutes=15), 1, "an MTU of the model"),
        (curve([(-50, 0), (400, 1)], START + timedelta(days=1)), 1, "an MTU of the model"),
        (curve([]), 1, "2 to 60 points"),
        (curve([(-50, 0), (400, 1)]), -1, "a volume from 0"),
        (curve([(-50, 0), (400, 1)]), float("nan"), "a volume from 0"),
    ],
)
def test_manual_bids_beyond_limits_or_rules_are_refused(manual, delta, expected):
    model = curve([(-50, 0), (400, 0)])
    with pytest.raises(InputError, match=expected):
        override([model], [bid([manual], delta)], LINEAR, LIMITS)


@st.composite
def points(draw):
    inner = draw(st.lists(st.integers(-49, 49), max_size=8, unique=True))
    prices = sorted([-50, *inner, 50])
    volumes = draw(st.lists(st.integers(-30, 40), min_size=len(prices), max_size=len(prices)))
    return tuple(zip(prices, sorted(volumes), strict=True))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    points(),
    points(),
    st.integers(0, 12),
    st.sampled_from(list(CurveKind)),
    st.sampled_from([5, 60]),
)
def test_within_the_band_at_every_tick_monotone_and_within_the_rules(
    model, manual, delta, kind, most
):
    figures = rules(kind, max(most, len(manual), len(model)), 50)
    result = (
        override([curve(model)], [bid([curve(manual)], delta * 0.1)], figures, LIMITS)
        .curves[0]
        .points
    )
    for price in range(-50, 51):
        distance = abs(volume_at(result, price, kind) - volume_at(manual, price, kind))
        assert distance <= delta
    assert all(low < high for (low, _), (high, _) in pairwise(result))
    assert all(low <= high for (_, low), (_, high) in pairwise(result))
    assert (result[0][0], result[-1][0]) == (-50, 50)
    assert len(result) <= figures.max_points
    assert all(-30 <= volume <= 40 for _, volume in result)
    if delta == 0:
        assert result == manual


@settings(max_examples=40, deadline=None, derandomize=True)
@given(points(), points(), st.sampled_from(list(CurveKind)))
def test_a_wide_band_leaves_the_model_as_it_is(model, manual, kind):
    result = override([curve(model)], [bid([curve(manual)], 20.0)], rules(kind, 60, 50), LIMITS)
    found = result.curves[0].points
    # Where lines run between whole ticks, an added point is rounded by up to half a tick.
    most = 0 if kind is CurveKind.STEP else 0.5
    assert all(
        abs(volume_at(found, p, kind) - volume_at(model, p, kind)) <= most for p in range(-50, 51)
    )
    assert result.clips[0].most_mw <= most * 0.1
