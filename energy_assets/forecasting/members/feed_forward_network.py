"""Training of feed-forward distributional networks: several at once, in plain torch.

Belongs here: the training loop and its settings' meaning. Not here: features, scaling, serving
(`feed_forward`). Imports torch and GluonTS at the top, so it is itself imported inside functions.

All networks of an ensemble are trained in the same batched products, each on its own order of the
days and with its own days held out for early stopping, which Lightning's one network per fit cannot
do; at these sizes its hooks and loaders would also cost more than the products. What ends the
networks and their loss are GluonTS's `DistributionOutput`.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from gluonts.torch.distributions import DistributionOutput, NormalOutput
from torch import Tensor

from energy_assets.forecasting.members.johnson_su import JohnsonSUOutput

if TYPE_CHECKING:
    from energy_assets.forecasting.members.feed_forward import NetworkSettings

Weights = list[npt.NDArray[np.float32]]
_OUTPUTS = {"johnson_su": JohnsonSUOutput, "normal": NormalOutput}
_PINBALL_LEVELS = torch.arange(0.05, 1.0, 0.1)


def output_of(distribution: str) -> DistributionOutput:
    """GluonTS output of a distribution's name."""
    return _OUTPUTS[distribution]()


def train(
    inputs: npt.NDArray[np.float32], outcome: npt.NDArray[np.float32], settings: NetworkSettings
) -> Weights:
    """Train the networks of an ensemble; generators are seeded by the caller.

    Args:
        inputs: Scaled features, (N, F).
        outcome: Scaled outcomes, (N, S).
        settings: Size of the networks and how they are trained.

    Returns:
        Weights and biases by layer, weights (K, fan in, fan out), biases (K, 1, fan out); the last
        layer's outputs are slots by parameters of the distribution.
    """
    x, y = torch.from_numpy(inputs), torch.from_numpy(outcome)
    output = output_of(settings.distribution)
    sizes = [x.shape[1], *settings.hidden, y.shape[1] * len(output.args_dim)]
    weights = _initial(settings.networks, sizes)
    learned, held_out = _split(len(x), settings)
    steps = math.ceil(learned.shape[1] / settings.batch_days)
    optimizer = torch.optim.AdamW(
        weights, lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=steps * settings.epochs + 1
    )
    best = _Best(weights)
    for _epoch in range(settings.epochs):
        order = torch.argsort(torch.rand(learned.shape), dim=1)
        for rows in torch.split(torch.gather(learned, 1, order), settings.batch_days, dim=1):
            optimizer.zero_grad()
            loss = _loss(weights, x[rows], y[rows], output, settings, settings.dropout)
            loss.sum().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            score = _loss(weights, x[held_out], y[held_out], output, settings, 0.0)
        if best.stale(score, weights) >= settings.patience:
            break
    return [weight.numpy() for weight in best.weights]


class _Best:
    """The weights of each network where its held-out days scored best."""

    def __init__(self, weights: list[Tensor]) -> None:
        self.weights = [weight.detach().clone() for weight in weights]
        self._score = torch.full((len(weights[0]),), math.inf)
        self._epochs = 0

    def stale(self, score: Tensor, weights: list[Tensor]) -> int:
        """Note an epoch's score, (K,); epochs since any network last improved."""
        better = score < self._score
        self._score = torch.where(better, score, self._score)
        for kept, weight in zip(self.weights, weights, strict=True):
            kept[better] = weight.detach()[better]
        self._epochs = 0 if bool(better.any()) else self._epochs + 1
        return self._epochs


def _initial(networks: int, sizes: list[int]) -> list[Tensor]:
    """He's initial weights, biases of zero; the last layer starts small: near the plain scale."""
    weights = []
    for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        gain = math.sqrt(2.0 if layer < len(sizes) - 2 else 0.1)
        weights.append(torch.randn(networks, fan_in, fan_out) * gain / math.sqrt(fan_in))
        weights.append(torch.zeros(networks, 1, fan_out))
    return [weight.requires_grad_() for weight in weights]


def _split(days: int, settings: NetworkSettings) -> tuple[Tensor, Tensor]:
    """Days learned from and held out by network, (K, n) each; the held-out parts do not overlap."""
    count = max(round(settings.held_out * days), 1)
    order = torch.randperm(days)
    learned, held_out = [], []
    for network in range(settings.networks):
        turned = order.roll(-network * count)
        held_out.append(turned[:count])
        learned.append(turned[count:])
    return torch.stack(learned), torch.stack(held_out)


def _loss(
    weights: list[Tensor],
    x: Tensor,
    y: Tensor,
    output: DistributionOutput,
    settings: NetworkSettings,
    dropout: float,
) -> Tensor:
    """Mean loss of each network, (K,), on its own days: x (K, n, F), y (K, n, S)."""
    hidden = x
    for layer in range(0, len(weights) - 2, 2):
        hidden = torch.relu(torch.baddbmm(weights[layer + 1], hidden, weights[layer]))
        hidden = torch.nn.functional.dropout(hidden, dropout, training=dropout > 0)
    raw = torch.baddbmm(weights[-1], hidden, weights[-2])
    count = len(output.args_dim)
    arguments = output.domain_map(*torch.split(raw.reshape(*y.shape, count), 1, dim=-1))
    if settings.loss == "likelihood":
        loss: Tensor = output.loss(y, arguments)
    else:
        loss = _pinball(y, output.distribution(arguments))
    return loss.mean(dim=(1, 2))


def _pinball(y: Tensor, distribution: torch.distributions.Distribution) -> Tensor:
    """Mean pinball loss over ten levels, (K, n, S)."""
    total = torch.zeros_like(y)
    for level in _PINBALL_LEVELS:
        error = y - distribution.icdf(level)
        total = total + torch.maximum(level * error, (level - 1) * error)
    return total / len(_PINBALL_LEVELS)
