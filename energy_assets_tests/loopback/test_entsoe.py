from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from energy_assets_tests.loopback import entsoe_market as figures
from energy_assets_tests.loopback.entsoe import DE_LU, TOKEN, entsoe_handler, made_up_outages
from energy_assets_tests.loopback.server import Request

DAY = {"securityToken": TOKEN, "periodStart": "202511022300", "periodEnd": "202511032300"}


def ask(handler=None, **query):
    return (handler or entsoe_handler())(Request("/api", {**DAY, **query}))


def test_a_moment_has_one_value_whatever_span_is_asked_for():
    moments = np.arange(0, 96, dtype=np.int64) * 900_000_000 + 1_760_000_400_000_000
    for values in (figures.load_forecast, figures.day_ahead_price, figures.imbalance_price):
        assert np.array_equal(values(moments)[40:60], values(moments[40:60]))


def test_figures_stay_inside_what_a_market_can_be():
    moments = np.arange(0, 2 * 35_040, dtype=np.int64) * 900_000_000 + 1_704_063_600_000_000
    assert 25_000 < figures.load_forecast(moments).min() < figures.load_forecast(moments).max()
    assert figures.load_forecast(moments).max() < 90_000
    assert figures.solar_forecast(moments).min() == 0
    prices = figures.day_ahead_price(moments)
    assert -300 < prices.min() < prices.mean() < prices.max() < 600
    assert 0.03 < (np.diff(prices) == 0).mean() < 0.3


def test_questions_the_platform_would_refuse_are_refused():
    assert ask(documentType="A44", in_Domain=DE_LU, securityToken="x").status == 401
    assert ask(documentType="A44", in_Domain=DE_LU, periodEnd="202712032300").status == 400
    assert ask(documentType="A99", in_Domain=DE_LU).status == 400
    outages = made_up_outages(["U"], datetime(2025, 10, 1, tzinfo=UTC), 40, every_hours=2)
    handler = entsoe_handler(outages=outages)
    span = {"periodStart": "202510010000", "periodEnd": "202512010000"}
    question = {"documentType": "A80", "biddingZone_domain": DE_LU, **span}
    assert b"exceeds allowed limit" in ask(handler, **question).body
    assert ask(handler, **question, offset="0").content_type == "application/zip"
    assert b"No matching data found" in ask(handler, **question, offset="4800").body


@pytest.mark.parametrize("kind", ["A80", "A77"])
def test_withdrawn_messages_must_be_asked_for(kind):
    outages = made_up_outages(["U"], datetime(2025, 10, 1, tzinfo=UTC), 60)
    handler = entsoe_handler(outages=outages)
    span = {"periodStart": "202510010000", "periodEnd": "202601010000"}
    question = {"documentType": kind, "biddingZone_domain": DE_LU, "offset": "0", **span}
    asked, withdrawn = ask(handler, **question), ask(handler, **question, docStatus="A13")
    is_served = kind == "A80"
    assert (asked.content_type == "application/zip") == is_served
    assert (withdrawn.content_type == "application/zip") == is_served
    assert asked.body != withdrawn.body or not is_served
