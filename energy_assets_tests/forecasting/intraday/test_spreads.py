from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from energy_assets.forecasting.intraday.history import RollingHistory, Vintages
from energy_assets.forecasting.intraday.spreads import FittedSpread, SpreadModel
from energy_assets.forecasting.members.base import MemberUnavailableError
from energy_assets_tests.forecasting.intraday.series import QUICK, START

MODEL = SpreadModel(90, QUICK)


def spreads(days: int = 90, seed: int = 4) -> RollingHistory:
    """Half-hourly spreads, wider where the day-ahead price is high, with rare large spikes."""
    rng = np.random.default_rng(seed)
    size = days * 48
    price = 80 + 40 * np.sin(np.arange(size) * 2 * np.pi / 48)
    spread = rng.normal(0, 1, size) * price / 8 + 5
    spread += np.where(rng.random(size) < 0.004, 1500.0, 0.0)
    return RollingHistory(
        "spread",
        START,
        30,
        spread,
        origin=size - 48,
        first=size - 48,
        drivers={"price": Vintages.fixed(price)},
        clock="Europe/London",
        delay=3,
    )


WHOLE = spreads()
AT = 70 * 48


@pytest.fixture(scope="module")
def fitted() -> FittedSpread:
    return MODEL.fit(WHOLE.at(AT))


def test_spreads_widen_with_the_price(fitted: FittedSpread) -> None:
    history = WHOLE.at(AT + 5)
    made = fitted.predict(history)
    price = history.drivers["price"].known_at(history.periods, history.periods)
    width = made[:, 89] - made[:, 9]
    assert width[price > 110].mean() > 1.5 * width[price < 50].mean()


def test_the_mean_holds_the_tails_that_percentiles_cut(fitted: FittedSpread) -> None:
    history = WHOLE.at(AT + 5)
    trained = WHOLE.outcome[:AT].mean()
    cut = fitted.predict(history).mean(axis=1).mean()
    assert fitted.mean(history).mean() == pytest.approx(trained, abs=5.0)
    assert abs(cut - trained) > abs(fitted.mean(history).mean() - trained)


def test_nothing_published_later_changes_a_bit(fitted: FittedSpread) -> None:
    outcome = WHOLE.outcome.copy()
    outcome[AT - 2 :] = 1e4
    other = replace(WHOLE, outcome=outcome).at(AT)
    again = MODEL.fit(other)
    assert again.dump() == fitted.dump()
    assert again.predict(other).tobytes() == fitted.predict(WHOLE.at(AT)).tobytes()


def test_the_day_ahead_decision_learns_from_past_gates() -> None:
    gates = np.arange(5, 69) * 48 + 19
    daily = replace(WHOLE, decisions=gates).at(69 * 48 + 19, 69 * 48 + 46, 48)
    made = MODEL.fit(daily)
    assert made.predict(daily).shape == (48, 99)
    assert np.isfinite(made.mean(daily)).all()


def test_a_stored_model_makes_the_same_bits(fitted: FittedSpread) -> None:
    again, history = MODEL.load(fitted.dump()), WHOLE.at(AT + 5)
    assert again.mean(history).tobytes() == fitted.mean(history).tobytes()
    with pytest.raises(MemberUnavailableError, match="spread_90"):
        MODEL.load(b"no model")
    assert MODEL.spec.name == "spread_90"
