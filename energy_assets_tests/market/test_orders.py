from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.errors import InputError, MarketRuleError
from energy_assets.market import (
    BlockOrder,
    CurveKind,
    CurveOrder,
    OrderSet,
    check_order_set,
    load_area,
    require_valid,
)
from energy_assets.market.order_files import from_csv, from_json, to_csv, to_json
from energy_assets.market.orders import flat_curve

DAYS = [date(2026, 2, 3), date(2026, 3, 29), date(2026, 10, 25), date(2024, 6, 1)]


def order_set(day: date = DAYS[0], code: str = "SIM_DE_LU", curves=None) -> OrderSet:
    session = load_area(code).session()
    rules = session.curve_rules(day)
    curves = curves or tuple(
        flat_curve(mtu.start, mtu.minutes, 1.5 * mtu.position, rules)
        for mtu in session.delivery_day(day).mtus
    )
    return OrderSet(
        code, "day_ahead", day, "EUR", rules, curves, "11XDESK-------1", "main", "11YGROUP------1"
    )


def rules_of(orders: OrderSet):
    session = load_area(orders.area).session()
    return session.delivery_day(orders.delivery_day), session.curve_rules(orders.delivery_day)


def broken(points) -> list[str]:
    orders = order_set()
    first = replace(orders.curves[0], points=tuple(points))
    orders = replace(orders, curves=(first, *orders.curves[1:]))
    return [breach.rule for breach in check_order_set(orders, *rules_of(orders))]


@pytest.mark.parametrize("day", DAYS)
def test_flat_order_sets_are_valid_on_every_kind_of_day(day):
    orders = order_set(day)
    assert check_order_set(orders, *rules_of(orders)) == []


LOW, HIGH = -50000, 400000


@pytest.mark.parametrize(
    ("points", "rule"),
    [
        ([(LOW, 5), (HIGH, 4)], "curve.monotone"),
        ([(LOW, 0), (100, 1), (100, 2), (HIGH, 3)], "curve.prices"),
        ([(LOW + 1, 0), (HIGH, 3)], "curve.endpoints"),
        ([(LOW, 0), (HIGH - 1, 3)], "curve.endpoints"),
        ([(LOW, 0), (HIGH + 1, 3)], "price.limits"),
        ([(LOW, 0)], "curve.points"),
        ([(LOW + i, 0) for i in range(257)], "curve.points"),
        ([(LOW, 0.5), (HIGH, 3)], "tick"),
        ([(LOW, True), (HIGH, 3)], "tick"),
    ],
)
def test_each_rule_names_its_breach(points, rule):
    assert rule in broken(points)


def test_missing_and_shifted_mtus_are_named():
    orders = order_set()
    short = replace(orders, curves=orders.curves[:-1])
    assert "mtu.count" in [b.rule for b in check_order_set(short, *rules_of(orders))]
    late = replace(orders.curves[0], start=orders.curves[0].start + timedelta(minutes=15))
    shifted = replace(orders, curves=(late, *orders.curves[1:]))
    assert "mtu.grid" in [b.rule for b in check_order_set(shifted, *rules_of(orders))]


def test_limits_are_those_of_the_delivery_day():
    orders = order_set(date(2022, 5, 9))
    wrong = replace(orders, rules=load_area("SIM_DE_LU").session().curve_rules(date(2022, 6, 1)))
    assert "rules.in_force" in [b.rule for b in check_order_set(wrong, *rules_of(orders))]
    with pytest.raises(MarketRuleError, match=r"rules\.in_force"):
        require_valid(wrong, *rules_of(orders))


POINTS = st.lists(
    st.tuples(st.integers(LOW + 1, HIGH - 1), st.integers(-500, 500)),
    min_size=0,
    max_size=8,
    unique_by=lambda point: point[0],
)


def curve_of(points) -> CurveOrder:
    prices = sorted({LOW, HIGH, *(price for price, _ in points)})
    volumes = sorted([*(volume for _, volume in points), -500, 500])
    start = load_area("SIM_DE_LU").session().delivery_day(DAYS[0]).start
    return CurveOrder(start, 15, tuple(zip(prices, volumes, strict=True)))


@given(points=POINTS, price=st.integers(LOW, HIGH))
@settings(max_examples=200, deadline=None)
def test_linear_reading_equals_numpy_interpolation(points, price):
    curve = curve_of(points)
    prices, volumes = zip(*curve.points, strict=True)
    expected = np.interp(price, prices, volumes)
    assert curve.volume_ticks_at(price, CurveKind.PIECEWISE_LINEAR) == pytest.approx(expected)


@given(points=POINTS, price=st.integers(LOW, HIGH))
@settings(max_examples=200, deadline=None)
def test_step_reading_takes_the_highest_point_not_above_the_price(points, price):
    curve = curve_of(points)
    expected = max(volume for at, volume in curve.points if at <= price)
    assert curve.volume_ticks_at(price, CurveKind.STEP) == expected


@given(points=POINTS, low=st.integers(LOW, HIGH), high=st.integers(LOW, HIGH))
@settings(max_examples=100, deadline=None)
def test_accepted_volume_never_falls_as_the_price_rises(points, low, high):
    low, high = sorted((low, high))
    curve = curve_of(points)
    for kind in CurveKind:
        assert curve.volume_ticks_at(low, kind) <= curve.volume_ticks_at(high, kind)


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize(("write", "read"), [(to_json, from_json), (to_csv, from_csv)])
def test_order_files_parse_back_to_the_same_orders(day, write, read):
    orders = order_set(day)
    again = read(write(orders))
    assert again == orders
    assert again.sha256 == orders.sha256


@pytest.mark.parametrize(("write", "read"), [(to_json, from_json), (to_csv, from_csv)])
@pytest.mark.parametrize("day", DAYS)
def test_block_orders_pass_through_files_and_count_in_the_hash(day, write, read):
    plain = order_set(day)
    first = plain.curves[0]
    blocks = (
        BlockOrder(first.start, first.minutes, 4, "sale", 5512, 120),
        BlockOrder(first.start, first.minutes, 8, "purchase", -300, 5),
    )
    orders = replace(plain, blocks=tuple(sorted(blocks)))
    assert read(write(orders)) == orders
    assert orders.sha256 != plain.sha256
    assert replace(plain, blocks=()).sha256 == plain.sha256
    assert check_order_set(orders, *rules_of(orders)) == []


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"mtu_count": 1000}, "block.grid"),
        ({"minutes": 7}, "block.grid"),
        ({"side": "both"}, "block.side"),
        ({"volume_ticks": 0}, "block.volume"),
        ({"price_ticks": 10**9}, "price.limits"),
        ({"volume_ticks": 1.5}, "tick"),
    ],
)
def test_each_block_rule_names_its_breach(change, rule):
    plain = order_set()
    first = plain.curves[0]
    block = replace(BlockOrder(first.start, first.minutes, 4, "sale", 5512, 120), **change)
    found = check_order_set(replace(plain, blocks=(block,)), *rules_of(plain))
    assert [breach.rule for breach in found] == [rule]


def test_hash_covers_economic_content():
    orders = order_set()
    first = orders.curves[0]
    changed = replace(first, points=(first.points[0], (HIGH, first.points[1][1] + 1)))
    assert replace(orders, curves=(changed, *orders.curves[1:])).sha256 != orders.sha256
    assert replace(orders, portfolio_id="other").sha256 != orders.sha256


def test_tampered_files_are_refused_naming_the_field():
    text = to_json(order_set())
    with pytest.raises(InputError, match="volume_mw"):
        from_json(text.replace('"volume_mw": 1.5', '"volume_mw": 9.5', 1))
    with pytest.raises(InputError, match="sha256"):
        from_json(text.replace('"portfolio_id": "main"', '"portfolio_id": "evil"'))
    with pytest.raises(InputError, match="price"):
        from_csv(to_csv(order_set()).replace("-500.0", "-400.0", 1))
    with pytest.raises(InputError, match="column"):
        from_csv("a,b\n1,2\n")
    with pytest.raises(InputError, match="order document"):
        from_json("{}")
