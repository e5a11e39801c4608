from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.feeds.reference_market.noise import Field, key_of, noise, normals, uniforms

SPECTRUM = ((48.0, 0.6), (6.0, 0.4))
MINUTES = np.arange(0, 40_000 * 60, 60)


def test_hashed_numbers_follow_their_distributions():
    index = np.arange(200_000)
    uniform, normal = uniforms(1, index), normals(1, index)
    assert uniform.min() > 0
    assert uniform.max() < 1
    assert uniform.mean() == pytest.approx(0.5, abs=0.003)
    assert normal.mean() == pytest.approx(0, abs=0.01)
    assert normal.std() == pytest.approx(1, abs=0.01)
    assert abs(np.corrcoef(normal[1:], normal[:-1])[0, 1]) < 0.01


def test_noise_has_unit_variance_at_every_distance_from_a_knot():
    values = noise(key_of(1, "x"), MINUTES, ((10.0, 1.0),))
    for place in range(10):
        assert values[place::10].std() == pytest.approx(1, abs=0.06)


@given(st.integers(-(10**7), 10**8), st.integers(1, 700), st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_any_part_of_the_noise_equals_the_whole(start, length, offset):
    minutes = start + 15 * np.arange(900)
    whole = noise(7, minutes, SPECTRUM)
    part = noise(7, minutes[offset : offset + length].copy(), SPECTRUM)
    assert np.array_equal(whole[offset : offset + length], part)


def test_keys_and_layers_are_independent():
    here = noise(key_of(1, "wind"), MINUTES, SPECTRUM)
    for other in (
        noise(key_of(1, "cloud"), MINUTES, SPECTRUM),
        noise(key_of(2, "wind"), MINUTES, SPECTRUM),
        noise(key_of(1, "wind"), MINUTES, SPECTRUM, np.ones_like(MINUTES)),
    ):
        assert abs(np.corrcoef(here, other)[0, 1]) < 0.05


@pytest.mark.parametrize("lead_hours", [1, 12, 24, 60])
def test_forecast_error_has_the_stated_size_and_the_forecast_is_calibrated(lead_hours):
    field = Field(key_of(3, "z"), SPECTRUM, error_sd_24h=0.3)
    issue = MINUTES - 60 * lead_hours
    actual, forecast = field.at(MINUTES), field.at(MINUTES, issue)
    stated = 0.3 * ((lead_hours + 2) / 26) ** 0.5
    assert (actual - forecast).std() == pytest.approx(stated, rel=0.06)
    # Regressing the actual on the forecast gives the forecast back.
    slope = np.cov(actual, forecast)[0, 1] / forecast.var()
    assert slope == pytest.approx(1, abs=0.03)


def test_successive_vintages_err_alike_and_distant_ones_do_not():
    field = Field(key_of(3, "z"), SPECTRUM, error_sd_24h=0.3)
    actual = field.at(MINUTES)

    def error(hours):
        return field.at(MINUTES, MINUTES - 60 * hours) - actual

    assert np.corrcoef(error(24), error(36))[0, 1] > 0.6
    assert abs(np.corrcoef(error(24), error(24 + 144))[0, 1]) < 0.3
