"""CPU seconds of one daily LEAR recalibration, against scikit-learn on the same problems.

Usage: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/lear_speed.py [PRICES.csv.gz]

With an EPF-format file the last day of the first 1500 is forecast; without one, a synthetic market
of the same shape. Our seconds are the whole recalibration (transform, Gram matrix, path, choice of
the penalty, forecast). scikit-learn solves the 24 hours one by one with `lasso_path` at its default
tolerance, on the same features and the same penalties down to the one chosen. Differences are taken
there: coefficients on the transformed scale, the largest excess of the objective over the better of
the two, prices in currency/MWh.
"""

from __future__ import annotations

import csv
import gzip
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.linear_model import lasso_path

from energy_assets.forecasting import lear

WINDOWS = (56, 84, 1092, 1456)
DAYS = 1500


def read_market(path: Path) -> tuple[np.ndarray, list[np.ndarray]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt") as file:
        header, *rows = csv.reader(file)
    values = np.array([[float(cell) for cell in row[1:]] for row in rows[: DAYS * 24]])
    values = values.reshape(-1, 24, len(header) - 1)
    price = next(i for i, name in enumerate(header[1:]) if name.startswith("price"))
    others = [i for i in range(len(header) - 1) if i != price]
    return values[..., price], [values[..., i] for i in others]


def synthetic_market() -> tuple[np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(1)
    shape = np.sin(np.arange(24) / 24 * 2 * np.pi)
    load = 20 + 4 * shape + rng.normal(0, 1, (DAYS, 1)) + rng.normal(0, 0.3, (DAYS, 24))
    wind = np.abs(rng.normal(8, 4, (DAYS, 1))) + rng.normal(0, 0.8, (DAYS, 24))
    fuel = 20 + np.cumsum(rng.normal(0, 0.4, DAYS))[:, None]
    return fuel + 2 * (load - wind) + rng.standard_t(3, (DAYS, 24)), [load, wind]


def scikit_learn_paths(model: lear.LearModel, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    config = lear.LearConfig()
    shares = np.geomspace(1.0, config.smallest_penalty_share, config.penalty_count)
    chosen = np.empty_like(model.coefficients)
    for hour in range(y.shape[1]):
        alphas = np.abs(x.T @ y[:, hour]).max() / len(x) * shares
        alphas = alphas[alphas >= model.penalties[hour] * (1 - 1e-9)]
        _, path, _ = lasso_path(x, y[:, hour], alphas=alphas, max_iter=10_000)
        chosen[hour] = path[:, -1]
    return chosen


def objective(
    x: np.ndarray, y: np.ndarray, coefficients: np.ndarray, penalties: np.ndarray
) -> np.ndarray:
    residuals = y.T - coefficients @ x.T
    return (residuals**2).mean(axis=1) / 2 + penalties * np.abs(coefficients).sum(axis=1)


def compare(
    features: np.ndarray, targets: np.ndarray, tomorrow: np.ndarray, dummies: np.ndarray
) -> tuple[float, ...]:
    start = time.process_time()
    model = lear.fit(features, targets, dummies=dummies)
    forecast = model.predict(tomorrow)
    ours = time.process_time() - start
    x, y = model.inputs.forward(features), model.outputs.forward(targets)
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    x, y = x - x_mean, y - y_mean
    start = time.process_time()
    other = scikit_learn_paths(model, x, y)
    theirs = time.process_time() - start
    values = [objective(x, y, b, model.penalties) for b in (model.coefficients, other)]
    excess = [float((value / np.minimum(*values)).max() - 1) for value in values]
    difference = (model.inputs.forward(tomorrow) - x_mean) @ other.T + y_mean
    price = np.abs(model.outputs.inverse(difference) - forecast).max()
    coefficient = np.abs(other - model.coefficients).max()
    nonzero = (model.coefficients != 0).sum(axis=1).mean()
    return ours, theirs, coefficient, excess[0], excess[1], price, nonzero


def main() -> None:
    market = read_market(Path(sys.argv[1])) if len(sys.argv) > 1 else synthetic_market()
    prices, exogenous = market
    features, dummies = lear.feature_matrix(prices, exogenous, np.arange(len(prices)) % 7)
    tomorrow = features[-1]
    # The first call compiles or loads the solver; a daily run pays that once, so it is not counted.
    lear.fit_predict(features[-60:-1], prices[-60:-1], tomorrow, dummies=dummies)
    print(
        "window  ours CPU s  scikit-learn CPU s  ratio  max |dcoef|  excess ours  excess theirs"
        "  max |dprice|  non-zero"
    )
    total = np.zeros(2)
    for window in WINDOWS:
        days = slice(max(7, len(prices) - 1 - window), -1)
        ours, theirs, coefficient, excess, others, price, nonzero = compare(
            features[days], prices[days], tomorrow, dummies
        )
        total += ours, theirs
        print(
            f"{window:6d}  {ours:10.3f}  {theirs:18.2f}  {theirs / ours:5.0f}  {coefficient:11.1e}"
            f"  {excess:11.1e}  {others:13.1e}  {price:12.3f}  {nonzero:8.0f}"
        )
    print(f"{'all':>6}  {total[0]:10.3f}  {total[1]:18.2f}  {total[1] / total[0]:5.0f}")


if __name__ == "__main__":
    main()
