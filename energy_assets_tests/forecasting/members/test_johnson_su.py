"""Johnson-SU against SciPy's own, and the network's quantiles with and without torch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from energy_assets.forecasting.members import feed_forward
from energy_assets.forecasting.quantile_regression import PERCENTILES

torch = pytest.importorskip("torch")
pytest.importorskip("gluonts.torch")

from energy_assets.forecasting.members import feed_forward_network  # noqa: E402
from energy_assets.forecasting.members.johnson_su import JohnsonSU, JohnsonSUOutput  # noqa: E402

parameters = st.tuples(st.floats(-5, 5), st.floats(0.05, 4), st.floats(-2, 2), st.floats(1.0, 4.0))


@given(parameters)
@settings(max_examples=40, deadline=None)
def test_density_distribution_and_quantiles_are_those_of_scipy(found):
    loc, scale, skew, tail = found
    ours = JohnsonSU(*(torch.tensor(value, dtype=torch.float64) for value in found))
    theirs = stats.johnsonsu(skew, tail, loc=loc, scale=scale)
    levels = np.array([0.001, 0.01, 0.2, 0.5, 0.9, 0.999])
    values = theirs.ppf(levels)
    np.testing.assert_allclose(ours.icdf(torch.from_numpy(levels)), values, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ours.cdf(torch.from_numpy(values)), levels, rtol=1e-8)
    np.testing.assert_allclose(
        ours.log_prob(torch.from_numpy(values)), theirs.logpdf(values), rtol=1e-7, atol=1e-8
    )
    np.testing.assert_allclose(ours.mean, theirs.mean(), rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(ours.variance, theirs.var(), rtol=1e-6)


def test_draws_follow_the_distribution():
    distribution = JohnsonSU(*torch.tensor([1.0, 2.0, -0.7, 1.5]).split(1))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        ranks = distribution.cdf(distribution.sample((4000,))).numpy().ravel()
    assert stats.kstest(ranks, "uniform").pvalue > 1e-3


def test_output_is_finite_and_differentiable_wherever_a_network_goes():
    raw = [torch.full((3, 1), value, requires_grad=True) for value in (-30.0, -30.0, 30.0, -30.0)]
    output = JohnsonSUOutput()
    loss = output.loss(torch.tensor([-50.0, 0.0, 50.0]), output.domain_map(*raw)).sum()
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(value.grad).all() for value in raw)


@pytest.mark.parametrize("distribution", ["johnson_su", "normal"])
def test_quantiles_served_without_torch_are_the_trained_distribution_s(distribution):
    output = feed_forward_network.output_of(distribution)
    raw = np.random.default_rng(1).normal(0, 2, (2, 5, len(output.args_dim)))
    arguments = output.domain_map(*torch.from_numpy(raw).split(1, dim=-1))
    levels = torch.from_numpy(PERCENTILES)[:, None, None]
    expected = np.moveaxis(output.distribution(arguments).icdf(levels).numpy(), 0, -1)
    np.testing.assert_allclose(
        feed_forward._quantiles(raw, distribution), expected, rtol=1e-6, atol=1e-8
    )
