from __future__ import annotations

import numpy as np

from energy_assets.forecasting.intraday.weather_guidance import (
    WeatherSeries,
    apply_weather,
    fit_weather,
    weather_guidance,
    weather_quantiles,
)

DAYS = 64
RNG = np.random.default_rng(5)
SPEED = np.abs(8 + 3 * RNG.standard_normal(DAYS * 24))
OUTPUT = np.clip((SPEED - 3) / 9, 0, 1) + RNG.normal(0, 0.05, len(SPEED))
WEATHER = WeatherSeries(SPEED[None, :, None], np.zeros((1, len(SPEED)), dtype=np.int64))
UNTIL = 56 * 24


def test_guidance_follows_the_wind() -> None:
    made = weather_guidance(WEATHER, OUTPUT, UNTIL, 24).values[0]
    assert np.abs(made - OUTPUT)[UNTIL:].mean() < 0.07
    assert np.abs(made - OUTPUT)[:UNTIL].mean() < 0.07


def test_no_block_is_explained_by_itself() -> None:
    honest = weather_guidance(WEATHER, OUTPUT, UNTIL, 24).values[0]
    block = slice(8 * 24, 16 * 24)
    other = OUTPUT.copy()
    other[block] = RNG.random(8 * 24) * 50
    made = weather_guidance(WEATHER, other, UNTIL, 24).values[0]
    assert made[block].tobytes() == honest[block].tobytes()
    assert made[:100].tobytes() != honest[:100].tobytes()


def test_outcomes_from_the_end_of_training_on_do_not_count() -> None:
    other = OUTPUT.copy()
    other[UNTIL:] = 99.0
    honest = weather_guidance(WEATHER, OUTPUT, UNTIL, 24)
    assert weather_guidance(WEATHER, other, UNTIL, 24).values.tobytes() == honest.values.tobytes()


def test_a_silent_vintage_stays_silent() -> None:
    silent = WEATHER.columns.copy()
    silent[0, 100:200] = np.nan
    weather = WeatherSeries(silent, WEATHER.known_from)
    booster = fit_weather(weather, OUTPUT, np.arange(len(OUTPUT)) < UNTIL)
    assert booster is not None
    made = apply_weather(booster, weather).values[0]
    assert np.isnan(made[100:200]).all()
    assert np.isfinite(np.delete(made, np.arange(100, 200))).all()


def test_quantiles_of_a_vintage_cover_as_they_say() -> None:
    made = weather_quantiles(WEATHER, 0, OUTPUT, UNTIL, (0.1, 0.5, 0.9))
    truth = OUTPUT[UNTIL:]
    inside = (made[:, 9] <= truth) & (truth <= made[:, 89])
    assert 0.65 < inside.mean() < 0.9
