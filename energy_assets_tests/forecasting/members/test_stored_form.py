"""Names in stored models: models of years are read by them, so a rename is a reviewed change."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from energy_assets.forecasting.asinh import Asinh
from energy_assets.forecasting.members.auto_arima import AutoArima
from energy_assets.forecasting.members.feed_forward import FittedFeedForward
from energy_assets.forecasting.members.lear import LearMember
from energy_assets.forecasting.members.mstl import Mstl
from energy_assets.forecasting.members.temporal_windows import Scaling
from energy_assets_tests.forecasting.members.markets import market

TRANSFORM = {"centre", "scale", "dummies"}
BOTH_SIDES = {f"{side}_{name}" for side in ("inputs", "outputs") for name in TRANSFORM}
FITTED_ON_INPUTS = {"trained_until", "window_days", "inputs", "outcome", "regressors"}


def small():
    """One slot keeps the order search short."""
    history = market(90)
    wind = {"wind": history.drivers["wind"][:, :1]}
    return replace(history, outcome=history.outcome[:, :1], drivers=wind).before(85)


def test_lear():
    content = LearMember(56).fit(market(90).before(85)).dump()
    with np.load(io.BytesIO(content), allow_pickle=False) as found:
        own = {"used", "coefficients", "intercepts", "penalties", "limits", "trained_until"}
        assert set(found) == own | BOTH_SIDES


def test_feed_forward():
    inputs, outputs = Asinh.fit(np.eye(3)), Asinh.fit(np.eye(24))
    limits = (np.zeros((2, 3)), np.zeros((2, 24)))
    weights = [np.zeros((1, 3, 48), np.float32), np.zeros((1, 1, 48), np.float32)] * 2
    fitted = FittedFeedForward(
        date(2026, 1, 1), "normal", 28, inputs, outputs, np.arange(3), *limits, weights
    )
    with np.load(io.BytesIO(fitted.dump()), allow_pickle=False) as found:
        own = {"used", "input_limits", "output_limits", "distribution", "level_days"}
        layers = {f"layer_{number}" for number in range(4)}
        assert set(found) == own | layers | {"trained_until"} | BOTH_SIDES


def test_auto_arima():
    found = json.loads(AutoArima(60).fit(small()).dump())
    assert found.keys() == FITTED_ON_INPUTS | {"models"}
    assert found["outcome"].keys() == found["regressors"][0].keys() == TRANSFORM


def test_mstl():
    history = market(40).before(35)
    found = json.loads(Mstl(28).fit(history).dump())
    assert found.keys() == FITTED_ON_INPUTS | {"slopes", "model"}
    assert found["outcome"].keys() == found["regressors"].keys() == TRANSFORM


def test_tide_scaling():
    pytest.importorskip("torch")
    history = market(40).before(35)
    scaling = Scaling.fit(history, 0, 1.0)
    content = scaling.to_content()
    assert content.keys() == {"drivers", "daily", "limits", "outcome", "covariates"}
    assert content["outcome"].keys() == content["covariates"].keys() == TRANSFORM
    again = Scaling.from_content(content | {"states": []})
    assert (again.drivers, again.daily) == (["wind"], ["holiday", "gas"])
    assert again.limits == scaling.limits
    np.testing.assert_array_equal(again.covariates_of(history), scaling.covariates_of(history))
