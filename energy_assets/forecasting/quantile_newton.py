"""Newton's method for smoothed quantile regression over a list of levels.

Belongs here: the compiled loops, and nothing else. The module imports numba, so it is imported
inside the function that fits. Not here: scaling and meaning of the columns
(`quantile_regression`).

The check function tau * r + max(-r, 0) is made smooth by h * log(1 + exp(-r / h)) for its second
part, which is its convolution with a logistic density of bandwidth h (Fernandes, Guerre and Horta
2021, J. Bus. Econ. Stat. 39(1); He, Pan, Tan and Zhou 2023, J. Econom. 232(2)). It is convex and
twice differentiable, so a damped Newton step from the neighbouring level needs a few iterations.
Lower bounds on coefficients are kept by projection: a coefficient at its bound whose gradient
pushes outward is left out of the step (Bertsekas 1982, SIAM J. Control Optim. 20(2)).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from energy_assets.forecasting.arrays import FloatArray

_MAX_ITERATIONS = 100
_MAX_HALVINGS = 30


@njit(cache=True)
def _evaluate(
    design: FloatArray,
    response: FloatArray,
    coefficients: FloatArray,
    level: float,
    bandwidth: float,
    ridge: FloatArray,
    gradient: FloatArray,
    hessian: FloatArray,
) -> float:
    """Mean smoothed check loss plus ridge; fills gradient and Hessian in the same pass."""
    rows, columns = design.shape
    gradient[:] = 0.0
    hessian[:, :] = 0.0
    loss = 0.0
    for i in range(rows):
        residual = response[i]
        for a in range(columns):
            residual -= design[i, a] * coefficients[a]
        scaled = residual / bandwidth
        decay = np.exp(-abs(scaled))
        below = decay / (1.0 + decay) if scaled > 0 else 1.0 / (1.0 + decay)
        loss += level * residual + bandwidth * (max(-scaled, 0.0) + np.log1p(decay))
        slope = below - level
        curvature = below * (1.0 - below) / bandwidth
        for a in range(columns):
            gradient[a] += slope * design[i, a]
            weighted = curvature * design[i, a]
            for b in range(a + 1):
                hessian[a, b] += weighted * design[i, b]
    loss /= rows
    for a in range(columns):
        gradient[a] = gradient[a] / rows + ridge[a] * coefficients[a]
        loss += 0.5 * ridge[a] * coefficients[a] ** 2
        for b in range(a + 1):
            hessian[a, b] /= rows
            hessian[b, a] = hessian[a, b]
        hessian[a, a] += ridge[a]
    return float(loss)


@njit(cache=True)
def _free_only(
    current: FloatArray,
    lower: FloatArray,
    gradient: FloatArray,
    hessian: FloatArray,
) -> None:
    """Take coefficients held at their lower bound out of gradient and Hessian; regularise."""
    columns = current.shape[0]
    for a in range(columns):
        # Far in the tail no residual may lie within the bandwidth: keep the matrix regular.
        hessian[a, a] += 1e-8
        if current[a] <= lower[a] and gradient[a] > 0.0:
            gradient[a] = 0.0
            for b in range(columns):
                hessian[a, b] = 0.0
                hessian[b, a] = 0.0
            hessian[a, a] = 1.0


@njit(cache=True)
def quantile_coefficients(
    design: FloatArray,
    response: FloatArray,
    levels: FloatArray,
    bandwidth: float,
    ridge: FloatArray,
    start: FloatArray,
    tolerance: float,
    lower: FloatArray,
) -> FloatArray:
    """Minimise mean smoothed check loss + ridge * b^2 / 2 at each level, in order.

    Args:
        design: (n, K), C order.
        response: (n,).
        levels: Probability levels, (L,), each starting from the solution before it.
        bandwidth: Width h of the smoothing, in the response's unit.
        ridge: Penalty per coefficient, (K,).
        start: Coefficients to start the first level from, (K,).
        tolerance: Stop when the expected fall of the loss is below it.
        lower: Lower bound per coefficient, (K,), -inf for none; `start` respects it.

    Returns:
        Coefficients, (L, K).
    """
    columns = design.shape[1]
    result = np.empty((levels.shape[0], columns))
    gradient, trial_gradient = np.empty(columns), np.empty(columns)
    hessian, trial_hessian = np.empty((columns, columns)), np.empty((columns, columns))
    current = start.copy()
    for position in range(levels.shape[0]):
        level = levels[position]
        loss = _evaluate(design, response, current, level, bandwidth, ridge, gradient, hessian)
        for _ in range(_MAX_ITERATIONS):
            _free_only(current, lower, gradient, hessian)
            step = np.linalg.solve(hessian, -gradient)
            fall = -np.dot(gradient, step)
            if fall <= tolerance:
                break
            size = 1.0
            trial, trial_loss = current, loss
            for _ in range(_MAX_HALVINGS):
                trial = np.maximum(current + size * step, lower)
                trial_loss = _evaluate(
                    design, response, trial, level, bandwidth, ridge, trial_gradient, trial_hessian
                )
                if trial_loss <= loss - 1e-4 * np.dot(gradient, current - trial):
                    break
                size *= 0.5
            if trial_loss >= loss:
                break
            current, loss = trial, trial_loss
            gradient, trial_gradient = trial_gradient, gradient
            hessian, trial_hessian = trial_hessian, hessian
        result[position] = current
    return result
