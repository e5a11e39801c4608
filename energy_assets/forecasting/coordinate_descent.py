"""Coordinate descent for many LASSO problems that share one Gram matrix.

Belongs here: the compiled loops, and nothing else. The module imports numba, so it is imported
inside the functions that fit. Not here: scaling, choice of the penalty, time series (`lear`).

A price day has 24, 48 or 96 targets and one feature matrix, so the Gram matrix is built once and
every target is solved on it. The *covariance update* of Friedman, Hastie and Tibshirani (2010, J.
Stat. Softw. 33(1), section 2.2) keeps the gradient c - G b up to date: a coordinate that does not
move costs one comparison, whatever the number of days. Neighbouring hours are nearly equal
columns, on which sweeps converge slowly; so, as in the feature-sign search of Lee, Battle, Raina
and Ng (2007, NIPS 19), an exact step on the active set follows every few sweeps.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from energy_assets.forecasting.arrays import FloatArray, IntArray

_SWEEPS_PER_JUMP = 14
# Share of its own variance a column must keep beside the others for the exact step.
_LEAST_PIVOT = 1e-10


@njit(cache=True)
def _move(
    gram: FloatArray, j: int, penalty: float, coefficients: FloatArray, gradient: FloatArray
) -> float:
    """Minimise over coordinate `j`; return the fall in the objective's scale, G_jj * step^2."""
    curvature = gram[j, j]
    old = coefficients[j]
    pull = gradient[j] + curvature * old
    if pull > penalty:
        new = (pull - penalty) / curvature
    elif pull < -penalty:
        new = (pull + penalty) / curvature
    else:
        new = 0.0
    step = new - old
    if step == 0.0:
        return 0.0
    coefficients[j] = new
    row = gram[j]
    for k in range(gradient.shape[0]):
        gradient[k] -= step * row[k]
    return float(curvature * step * step)


@njit(cache=True, fastmath={"reassoc", "contract"})
def _factor(gram: FloatArray, active: IntArray, lower: FloatArray) -> bool:
    """Cholesky factor of the active rows and columns; False if they are too nearly dependent."""
    for a in range(active.shape[0]):
        for b in range(a + 1):
            value = gram[active[a], active[b]]
            for k in range(b):
                value -= lower[a, k] * lower[b, k]
            if a > b:
                lower[a, b] = value / lower[b, b]
            elif value > _LEAST_PIVOT * gram[active[a], active[a]]:
                lower[a, a] = np.sqrt(value)
            else:
                return False
    return True


@njit(cache=True, fastmath={"reassoc", "contract"})
def _substitute(lower: FloatArray, step: FloatArray) -> None:
    """Solve L L' x = step in place."""
    size = step.shape[0]
    for a in range(size):
        for k in range(a):
            step[a] -= lower[a, k] * step[k]
        step[a] /= lower[a, a]
    for a in range(size - 1, -1, -1):
        step[a] /= lower[a, a]
        for k in range(a):
            step[k] -= lower[a, k] * step[a]


@njit(cache=True)
def _jump(
    gram: FloatArray,
    active: IntArray,
    penalty: float,
    coefficients: FloatArray,
    gradient: FloatArray,
) -> None:
    """Go to the minimum over the active set with its signs held, or to the first change of sign.

    With signs s the objective is quadratic: G_AA d = g_A - penalty * s gives the step at once,
    where sweeps over neighbouring hours would need hundreds.
    """
    size = active.shape[0]
    lower = np.empty((size, size))
    if not _factor(gram, active, lower):
        return
    values = coefficients[active]
    step = gradient[active] - penalty * np.sign(values)
    _substitute(lower, step)
    share, leaving = 1.0, -1
    for a in range(size):
        if values[a] * (values[a] + step[a]) < 0.0 and -values[a] / step[a] < share:
            share, leaving = -values[a] / step[a], a
    for a in range(size):
        move = -values[a] if a == leaving else share * step[a]
        coefficients[active[a]] += move
        row = gram[active[a]]
        for k in range(gradient.shape[0]):
            gradient[k] -= move * row[k]


@njit(cache=True)
def _sweep(
    gram: FloatArray,
    penalty: float,
    coefficients: FloatArray,
    gradient: FloatArray,
    active: IntArray,
) -> tuple[float, int]:
    """Move every coordinate once; return the largest move and fill the active set, its size."""
    largest = 0.0
    size = 0
    for j in range(gradient.shape[0]):
        # A coordinate at rest inside the penalty band cannot move: skip it cheaply.
        if coefficients[j] == 0.0 and abs(gradient[j]) <= penalty:
            continue
        if gram[j, j] > 0.0:
            largest = max(largest, _move(gram, j, penalty, coefficients, gradient))
        if coefficients[j] != 0.0:
            active[size] = j
            size += 1
    return largest, size


@njit(cache=True)
def _solve_one(
    gram: FloatArray,
    penalty: float,
    coefficients: FloatArray,
    gradient: FloatArray,
    threshold: float,
    max_sweeps: int,
) -> None:
    """Solve for one penalty in place: sweeps find the active set and its signs, jumps settle it."""
    active = np.empty(gradient.shape[0], np.int64)
    for _ in range(max_sweeps):
        largest, size = _sweep(gram, penalty, coefficients, gradient, active)
        if largest <= threshold:
            return
        for _ in range(_SWEEPS_PER_JUMP):
            for i in range(size):
                _move(gram, active[i], penalty, coefficients, gradient)
        kept = active[:size][coefficients[active[:size]] != 0.0]
        _jump(gram, kept, penalty, coefficients, gradient)


@njit(cache=True)
def solve_targets(
    gram: FloatArray,
    penalties: FloatArray,
    coefficients: FloatArray,
    gradients: FloatArray,
    thresholds: FloatArray,
    max_sweeps: int,
) -> None:
    """Solve min_b b'Gb/2 - c'b + penalty * |b|_1 for every target, in place.

    Args:
        gram: X'X/n of the centred features, (F, F), C order; columns of zeros stay unused.
        penalties: One per target, (P,).
        coefficients: Where to start, and on return the solution, (P, F).
        gradients: c - G b at `coefficients`, (P, F); kept in step with them.
        thresholds: A target is solved when no coordinate of a whole sweep moves by more than this
            in G_jj * step^2, (P,).
        max_sweeps: Bound on the whole sweeps per target.
    """
    for p in range(penalties.shape[0]):
        _solve_one(gram, penalties[p], coefficients[p], gradients[p], thresholds[p], max_sweeps)
