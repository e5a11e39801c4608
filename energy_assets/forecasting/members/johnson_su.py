"""The Johnson-SU distribution for torch, and GluonTS outputs that end a network with one.

Belongs here: the distribution and its `DistributionOutput`. Not here: networks (`feed_forward`,
`temporal`). Imports torch and GluonTS at the top, so it is itself imported inside functions.

Johnson (1949, Biometrika 36(1/2)): X = loc + scale * sinh((Z - skew) / tail) with Z standard
normal. Location, scale, skewness and tail weight move apart from each other, which suits prices
with spikes on one side (Marcjasz, Narajewski, Weron and Ziel 2023, Energy Econ. 125, 106843). Its
quantiles are explicit, so a network can be trained on the pinball loss as well as on likelihood.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from gluonts.torch.distributions import DistributionOutput
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.distributions.utils import broadcast_all
from torch.nn import functional

# Tail weights below allow quantiles no market has seen; a larger one is nearer to a normal.
LEAST_TAIL = 1.0
LEAST_SCALE = 1e-3


class JohnsonSU(Distribution):
    """Johnson's unbounded distribution.

    Args:
        loc: Location, the median where `skew` is 0.
        scale: Scale, above 0.
        skew: Positive leans to low values.
        tail: Above 0; the larger, the nearer to a normal.
    """

    arg_constraints = {  # noqa: RUF012
        "loc": constraints.real,
        "scale": constraints.positive,
        "skew": constraints.real,
        "tail": constraints.positive,
    }
    support = constraints.real
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        scale: Tensor,
        skew: Tensor,
        tail: Tensor,
        validate_args: bool | None = None,
    ) -> None:
        self.loc, self.scale, self.skew, self.tail = broadcast_all(loc, scale, skew, tail)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density."""
        standard = (value - self.loc) / self.scale
        z = self.skew + self.tail * torch.asinh(standard)
        slope = torch.log(self.tail / self.scale) - 0.5 * torch.log1p(standard**2)
        return slope - 0.5 * z**2 - 0.5 * math.log(2 * math.pi)

    def cdf(self, value: Tensor) -> Tensor:
        """Probability of at most `value`."""
        z = self.skew + self.tail * torch.asinh((value - self.loc) / self.scale)
        probability: Tensor = torch.special.ndtr(z)
        return probability

    def icdf(self, value: Tensor) -> Tensor:
        """Quantile at a probability."""
        return self._at_normal(torch.special.ndtri(value))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw, differentiable in the parameters."""
        shape = self._extended_shape(torch.Size(sample_shape))
        return self._at_normal(torch.randn(shape, dtype=self.loc.dtype))

    @property
    def mean(self) -> Tensor:
        """Expectation, loc - scale * exp(1 / (2 tail^2)) * sinh(skew / tail)."""
        bend = torch.exp(0.5 / self.tail**2)
        return self.loc - self.scale * bend * torch.sinh(self.skew / self.tail)

    @property
    def variance(self) -> Tensor:
        """Variance, scale^2 / 2 * (w - 1) * (w cosh(2 skew / tail) + 1), w = exp(1 / tail^2)."""
        w = torch.exp(1 / self.tail**2)
        spread = (w - 1) * (w * torch.cosh(2 * self.skew / self.tail) + 1)
        return 0.5 * self.scale**2 * spread

    def _at_normal(self, z: Tensor) -> Tensor:
        return self.loc + self.scale * torch.sinh((z - self.skew) / self.tail)


class JohnsonSUOutput(DistributionOutput):  # type: ignore[misc]
    """Ends a GluonTS network with a Johnson-SU distribution, trained on likelihood."""

    args_dim = {"loc": 1, "scale": 1, "skew": 1, "tail": 1}  # noqa: RUF012
    distr_cls: type = JohnsonSU

    @classmethod
    def domain_map(cls, *args: Tensor) -> tuple[Tensor, ...]:
        """Parameters in their domain from what the network says, each (..., 1) to (...)."""
        loc, scale, skew, tail = (arg.squeeze(-1) for arg in args)
        return (
            loc,
            functional.softplus(scale) + LEAST_SCALE,
            skew,
            functional.softplus(tail) + LEAST_TAIL,
        )

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Univariate."""
        return ()
