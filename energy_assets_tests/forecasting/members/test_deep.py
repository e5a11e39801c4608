"""Deep members: what they learn, that nothing leaks, and that a history gives one model."""

from __future__ import annotations

import io
import random
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from energy_assets.forecasting.members import feed_forward
from energy_assets.forecasting.members.base import Member, MemberUnavailableError
from energy_assets.forecasting.members.feed_forward import FeedForwardMember, NetworkSettings
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.registry import member
from energy_assets.forecasting.members.temporal import TemporalSettings, TideMember

torch = pytest.importorskip("torch")
pytest.importorskip("gluonts.torch")

SMALL = NetworkSettings(networks=2, hidden=(16,), epochs=2, batch_days=32)
TINY = TemporalSettings(
    networks=1, hidden=8, layers=1, feature_size=2, decoder_size=4, temporal_hidden=8, epochs=1
)
MEMBERS = {
    "feed_forward": FeedForwardMember(80, SMALL),
    "tide": TideMember(80, TINY),
}


def market(days: int = 100, slots: int = 24, lag: int = 1, seed: int = 5) -> TargetHistory:
    """Prices that follow wind, weekday and a daily shape."""
    rng = np.random.default_rng(seed)
    dates = [date(2024, 1, 1) + timedelta(days=n) for n in range(days)]
    weekend = np.array([float(day.weekday() >= 5) for day in dates])
    wind = rng.normal(0, 1, (days, 1)) + rng.normal(0, 0.3, (days, slots))
    shape = 10 * np.sin(np.arange(slots) / slots * 2 * np.pi)
    prices = 40 + shape - 15 * wind - 6 * weekend[:, None] + rng.normal(0, 0.5, (days, slots))
    holiday = (rng.random(days) < 0.05).astype(float)
    daily = {"holiday": holiday, "gas": 20 + np.cumsum(rng.normal(0, 0.3, days))}
    history = TargetHistory(
        "price", dates, prices, {"wind": wind}, daily, bounds=(-500.0, 4000.0), outcome_lag=lag
    )
    return history.before(days - 1)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.tobytes() == b.tobytes()


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize(("slots", "lag"), [(24, 1), (48, 1), (96, 2)])
def test_forecasts_are_ordered_percentiles_within_bounds(name, slots, lag):
    history = replace(market(slots=slots, lag=lag), bounds=(20.0, 60.0))
    quantiles = MEMBERS[name].fit(history).predict(history)
    assert quantiles.shape == (slots, 99)
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert quantiles.min() >= 20.0
    assert quantiles.max() <= 60.0


@pytest.mark.parametrize("name", MEMBERS)
def test_nothing_after_the_decision_changes_a_bit(name):
    anchor, served = 90, 93
    history = market()
    outcome, wind = history.outcome.copy(), history.drivers["wind"].copy()
    gas = history.daily["gas"].copy()
    outcome[served:], wind[served + 1 :], gas[served + 1 :] = 1e4, -1e4, 1e4
    changed = replace(
        history, outcome=outcome, drivers={"wind": wind}, daily=dict(history.daily) | {"gas": gas}
    )
    # The model of the anchor must not see the days between anchor and day served either.
    late = outcome.copy()
    late[anchor:] = -1e4
    used = MEMBERS[name].fit(history.before(anchor))
    again = MEMBERS[name].fit(replace(changed, outcome=late).before(anchor))
    forecast = used.predict(history.before(served))
    assert same(forecast, again.predict(changed.before(served)))
    assert used.trained_until == history.days[anchor - 1]
    shifted = replace(history, outcome=history.outcome + 5.0)
    assert not same(forecast, used.predict(shifted.before(served)))


@pytest.mark.parametrize("name", MEMBERS)
def test_same_history_gives_the_same_model_whatever_ran_before(name):
    history, made = market(), MEMBERS[name]
    first = made.fit(history).predict(history)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    torch.set_num_threads(2)
    before = (random.getstate(), torch.random.get_rng_state().tolist())
    assert same(first, made.fit(history).predict(history))
    assert (random.getstate(), torch.random.get_rng_state().tolist()) == before
    assert torch.get_num_threads() == 2
    assert not torch.are_deterministic_algorithms_enabled()
    other = replace(history, target="load")
    assert not same(first, made.fit(other).predict(other))


@pytest.mark.parametrize("name", MEMBERS)
def test_what_is_loaded_forecasts_as_what_was_dumped(name):
    history, made = market(), MEMBERS[name]
    fitted = made.fit(history)
    loaded = made.load(fitted.dump())
    assert loaded.trained_until == fitted.trained_until == history.days[-2]
    assert same(fitted.predict(history), loaded.predict(history))


@pytest.mark.parametrize("name", MEMBERS)
def test_other_bytes_and_pickles_are_refused(name):
    pickled = io.BytesIO()
    torch.save({"settings": date(2024, 1, 1), "run": print}, pickled)
    archive = io.BytesIO()
    np.savez(archive, used=np.array([object()]), allow_pickle=True)
    for content in (b"", b"no model", pickled.getvalue(), archive.getvalue()):
        with pytest.raises(MemberUnavailableError, match="found other bytes"):
            MEMBERS[name].load(content)


@pytest.mark.parametrize("name", MEMBERS)
def test_days_with_gaps_are_left_out_and_missing_inputs_said(name):
    history = market()
    outcome, wind = history.outcome.copy(), history.drivers["wind"].copy()
    outcome[40, 3], wind[50, 7] = np.nan, np.nan
    gaps = replace(history, outcome=outcome, drivers={"wind": wind})
    fitted = MEMBERS[name].fit(gaps)
    assert np.isfinite(fitted.predict(gaps)).all()
    wind = wind.copy()
    wind[-1, 0] = np.nan
    with pytest.raises(MemberUnavailableError, match="price"):
        fitted.predict(replace(gaps, drivers={"wind": wind}))
    # A driver that is missing on the anchor's day is not used at all.
    without = MEMBERS[name].fit(replace(gaps, drivers={"wind": wind}))
    assert np.isfinite(without.predict(replace(gaps, drivers={"wind": wind}))).all()


@pytest.mark.parametrize("name", MEMBERS)
def test_too_short_a_history_is_said(name):
    history = market().newest(60)
    with pytest.raises(MemberUnavailableError, match="expected at least 56"):
        MEMBERS[name].fit(history)


@pytest.mark.parametrize("missing", ["torch", "gluonts.torch"])
@pytest.mark.parametrize("name", MEMBERS)
def test_without_its_libraries_a_fit_names_the_extra(monkeypatch, name, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MemberUnavailableError, match="extra `deep`"):
        MEMBERS[name].fit(market())
    assert MEMBERS[name].spec.extra == "deep"


def test_feed_forward_serves_without_torch(monkeypatch):
    history = market()
    fitted = MEMBERS["feed_forward"].fit(history)
    content, expected = fitted.dump(), fitted.predict(history)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert same(MEMBERS["feed_forward"].load(content).predict(history), expected)


def test_tide_writes_nothing_and_says_nothing(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    MEMBERS["tide"].fit(market())
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


def test_level_is_the_mean_of_complete_days_before_and_never_of_the_day():
    outcome = np.outer([1.0, 2.0, np.nan, 4.0, 5.0, np.nan], np.ones(24))
    level = feed_forward._level(outcome, 3)
    np.testing.assert_array_equal(level, [np.nan, 1.0, 1.5, 1.5, 3.0, 4.5])
    np.testing.assert_array_equal(feed_forward._level(outcome, 0), np.zeros(6))


def test_feed_forward_follows_a_level_it_was_not_trained_on():
    history = market(days=200)
    fitted = FeedForwardMember(None, replace(SMALL, epochs=20)).fit(history.before(120))
    lifted = replace(history, outcome=history.outcome + 1000.0, bounds=(-np.inf, np.inf))
    rise = fitted.predict(lifted) - fitted.predict(history)
    assert np.abs(rise[:, 49] - 1000.0).max() < 15.0


def test_feed_forward_learns_what_drives_the_price():
    history = market(days=400)
    settings = NetworkSettings(networks=2, hidden=(32,), epochs=20)
    rows = range(len(history.days) - 28, len(history.days) - 1)
    fitted = FeedForwardMember(None, settings).fit(history.before(rows[0]))
    quantiles = np.stack([fitted.predict(history.before(row)) for row in rows])
    actual = history.outcome[rows]
    naive = np.abs(actual - history.outcome[np.array(rows) - 7]).mean()
    assert np.abs(actual - quantiles[..., 49]).mean() < 0.35 * naive
    inside = (quantiles[..., 9] <= actual) & (actual <= quantiles[..., 89])
    assert 0.6 < inside.mean() < 0.95


@pytest.mark.parametrize("name", ["feed_forward", "feed_forward_364", "tide", "tide_1456"])
def test_the_registry_knows_them(name):
    made = member(name)
    assert isinstance(made, Member)
    assert made.spec.produces == "quantiles"
    assert made.spec.retrain_days == 28


def test_importing_members_imports_no_torch():
    code = (
        "import sys; from energy_assets.forecasting.members.registry import member;"
        "member('feed_forward_364'); member('tide_364');"
        "assert not {'torch', 'gluonts', 'lightning'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
