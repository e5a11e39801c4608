from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from energy_assets.forecasting.intraday.boosting import (
    FittedIntraday,
    IntradayModel,
    training_pairs,
)
from energy_assets.forecasting.intraday.history import RollingHistory
from energy_assets.forecasting.members.base import MemberUnavailableError
from energy_assets_tests.forecasting.intraday.series import QUICK, corrupted, lasting_error

MODEL = IntradayModel(120, QUICK)
WHOLE = lasting_error(days=170)
TRAINED_AT = 100 * 24 + 7
ORIGINS = range(TRAINED_AT + 1, len(WHOLE.outcome) - 36, 17)


@pytest.fixture(scope="module")
def fitted() -> FittedIntraday:
    return MODEL.fit(WHOLE.at(TRAINED_AT))


def errors(fitted: FittedIntraday) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Absolute errors by origin and lead of the median, of persistence and of the guidance."""
    found = []
    for origin in ORIGINS:
        history = WHOLE.at(origin)
        truth = WHOLE.outcome[origin : origin + 36]
        assert history.guidance is not None
        ahead = history.guidance.known_at(np.full(36, origin), history.periods)
        made = fitted.predict(history)
        inside = (made[:, 9] <= truth) & (truth <= made[:, 89])
        last = WHOLE.outcome[origin - 1]
        found.append((abs(truth - made[:, 49]), abs(truth - last), abs(truth - ahead), inside))
    model, persistence, guidance, inside = (np.array(part) for part in zip(*found, strict=True))
    return model, persistence, guidance, inside


def test_it_beats_persistence_and_guidance_nearby_and_is_the_guidance_far_off(
    fitted: FittedIntraday,
) -> None:
    model, persistence, guidance, inside = (e.mean(axis=0) for e in errors(fitted))
    assert model[:3].mean() < 0.85 * guidance[:3].mean()
    assert model[:3].mean() < 0.85 * persistence[:3].mean()
    assert model[26:].mean() == pytest.approx(guidance[26:].mean(), rel=0.12)
    assert model[:2].mean() < 0.8 * model[20:].mean()
    assert inside.mean() == pytest.approx(0.8, abs=0.1)


def test_nothing_known_later_changes_a_bit(fitted: FittedIntraday) -> None:
    other = corrupted(WHOLE, TRAINED_AT)
    again = MODEL.fit(other.at(TRAINED_AT))
    assert again.dump() == fitted.dump()
    for origin in (TRAINED_AT + 30, TRAINED_AT + 200):
        honest = fitted.predict(WHOLE.at(origin))
        assert honest.tobytes() == fitted.predict(corrupted(WHOLE, origin).at(origin)).tobytes()
        changed = replace(
            WHOLE, outcome=WHOLE.outcome + (np.arange(len(WHOLE.outcome)) == origin - 1)
        )
        assert honest.tobytes() != fitted.predict(changed.at(origin)).tobytes(), "the last is used"


def test_a_stored_model_makes_the_same_bits(fitted: FittedIntraday) -> None:
    loaded = MODEL.load(fitted.dump())
    history = WHOLE.at(TRAINED_AT + 50)
    assert loaded.predict(history).tobytes() == fitted.predict(history).tobytes()
    assert loaded.trained_until == fitted.trained_until == WHOLE.time_of(TRAINED_AT)
    with pytest.raises(MemberUnavailableError, match="other bytes"):
        MODEL.load(b"no model")


def test_quantiles_rise_within_bounds(fitted: FittedIntraday) -> None:
    tight = replace(WHOLE.at(TRAINED_AT + 40), bounds=(45.0, 55.0))
    made = fitted.predict(tight)
    assert made.shape == (36, 99)
    assert (np.diff(made, axis=1) >= 0).all()
    assert made.min() >= 45.0
    assert made.max() <= 55.0


def test_old_telemetry_is_a_longer_lead(fitted: FittedIntraday) -> None:
    history = WHOLE.at(TRAINED_AT + 40)
    stale = history.outcome.copy()
    stale[history.origin - 8 :] = np.nan
    fresh, old = fitted.predict(history), fitted.predict(replace(history, outcome=stale))
    width = (fresh[:4, 89] - fresh[:4, 9]).mean(), (old[:4, 89] - old[:4, 9]).mean()
    assert width[1] > 1.2 * width[0]


def test_gaps_in_the_past_are_no_obstacle(fitted: FittedIntraday) -> None:
    outcome = WHOLE.outcome.copy()
    outcome[np.random.default_rng(1).random(len(outcome)) < 0.3] = np.nan
    holed = replace(WHOLE, outcome=outcome)
    made = MODEL.fit(holed.at(TRAINED_AT)).predict(holed.at(TRAINED_AT + 40))
    assert np.isfinite(made).all()


def test_training_pairs_are_known_and_cover_leads_and_hours() -> None:
    history = WHOLE.at(TRAINED_AT)
    origins, periods = training_pairs(history, 90, QUICK)
    assert periods.max() < TRAINED_AT
    assert (periods >= origins).all()
    assert set(periods - origins) == set(range(36))
    assert set(origins % 24) == set(range(24))
    assert len(origins) <= QUICK.rows * 1.1


def test_past_decisions_alone_are_learnt_from() -> None:
    gates = np.arange(10, 60) * 24 + 9
    daily = replace(WHOLE.at(TRAINED_AT, TRAINED_AT + 14, 22), decisions=gates)
    origins, periods = training_pairs(daily, 90, QUICK)
    assert set(origins) <= set(gates)
    assert (periods - origins).min() >= 14


def test_without_guidance_the_time_of_day_takes_its_place() -> None:
    bare = replace(WHOLE, guidance=None, drivers={})
    made = MODEL.fit(bare.at(TRAINED_AT)).predict(bare.at(TRAINED_AT + 40))
    # The daily swing of 40 MW shows a day and a half ahead.
    assert np.ptp(made[:, 49]) > 20


def test_a_time_of_day_never_seen_is_forecast_all_the_same() -> None:
    """A logger that misses midnight on every day: what is expected lies between its neighbours."""
    outcome = np.where(np.arange(len(WHOLE.outcome)) % 24 == 0, np.nan, WHOLE.outcome)
    bare = replace(WHOLE, outcome=outcome, guidance=None, drivers={})
    fitted = MODEL.fit(bare.at(TRAINED_AT))
    made = fitted.predict(bare.at(TRAINED_AT + 30))[:, 49]
    midnight = 1 + np.flatnonzero((TRAINED_AT + 31 + np.arange(34)) % 24 == 0)
    assert np.abs(made[midnight] - (made[midnight - 1] + made[midnight + 1]) / 2).max() < 10


def test_too_little_history_is_said() -> None:
    with pytest.raises(MemberUnavailableError, match="expected 500 outcomes"):
        MODEL.fit(WHOLE.at(50))
    nothing = replace(WHOLE.at(100), outcome=np.full(136, np.nan))
    with pytest.raises(MemberUnavailableError, match="live value before the origin"):
        MODEL.fit(WHOLE.at(TRAINED_AT)).predict(nothing)


def test_meters_are_forecast_from_telemetry() -> None:
    """Telemetry that reads 10 % low is corrected: errors are learnt against what is metered."""
    live = WHOLE.outcome * 0.9
    both = replace(WHOLE, live=live)
    made = MODEL.fit(both.at(TRAINED_AT))
    cells = [(o, made.predict(both.at(o))[:3, 49]) for o in ORIGINS]
    off = np.mean([(m - WHOLE.outcome[o : o + 3]).mean() for o, m in cells])
    assert abs(off) < 2.0


def test_version_names_the_settings() -> None:
    other = IntradayModel(120, replace(QUICK, rows=7000))
    assert other.version != MODEL.version == IntradayModel(120, QUICK).version


def test_a_history_trimmed_to_its_reach_gives_the_same_forecast(fitted: FittedIntraday) -> None:
    def made(history: RollingHistory) -> np.ndarray:
        return fitted.predict(history)

    history = WHOLE.at(TRAINED_AT + 40)
    np.testing.assert_allclose(made(history.newest(46)), made(history), atol=1e-9)
