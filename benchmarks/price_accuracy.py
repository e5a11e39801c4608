"""Day-ahead price accuracy on the public benchmark sets, beside the published forecasts.

For each set: members, their plain mean, the stages of the combination and the ensemble, on the 364
validation days before the test window and on the test window itself; Diebold-Mariano p-values of
the ensemble against the published LEAR ensemble, DNN ensemble and their average (comparison only,
never an input); what each member adds to the plain mean. Choices were made on validation days.

Usage: python benchmarks/price_accuracy.py [NP PJM BE DE DE19] [--members a,b] [--checkpoints DIR]
       [--first-days N] [--ablation]

With `--ablation` also the ensemble without each member in turn, combined and calibrated anew (six
CPU minutes each). Member forecasts are kept in the checkpoint folder; a set takes about 25 CPU
minutes without them.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import datasets
import numpy as np

from energy_assets.commands.forecast_benchmark import MEMBERS
from energy_assets.forecasting import scoring
from energy_assets.forecasting.benchmark import BenchmarkRun, Checkpoints, run_benchmark
from energy_assets.forecasting.combination import Recipe
from energy_assets.forecasting.evaluation import ModelForecast, ModelScores, evaluate
from energy_assets.forecasting.members.registry import member

PUBLISHED = {"LEAR ens": "LEAR Ensemble", "DNN ens": "DNN Ensemble"}


def main() -> None:
    """Print a table per set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=["NP", "PJM", "BE", "DE", "DE19"])
    parser.add_argument("--members", default=",".join(MEMBERS))
    parser.add_argument("--checkpoints", type=Path, default=Path("data/checkpoints"))
    parser.add_argument("--first-days", type=int, help="only the first days of the test window")
    parser.add_argument("--ablation", action="store_true")
    asked = parser.parse_args()
    for name in asked.sets:
        _one_set(name, asked)


def _one_set(name: str, asked: argparse.Namespace) -> None:
    history = datasets.de_2015_2020() if name == "DE19" else datasets.epf(name)
    first, last = datasets.DE_TEST if name == "DE19" else datasets.EPF_TEST[name]
    if asked.first_days:
        last = first + timedelta(days=asked.first_days - 1)
    names = asked.members.split(",")

    def run_of(names: list[str]) -> BenchmarkRun:
        return run_benchmark(
            history,
            [member(each) for each in names],
            Recipe(),
            first - timedelta(days=datasets.VALIDATION_DAYS),
            last,
            checkpoints=Checkpoints(asked.checkpoints, history),
            progress=_tell,
        )

    run = run_of(names)
    models = {"ensemble": _model(run.quantiles, "ensemble")}
    for left_out in names if asked.ablation else []:
        without = run_of([each for each in names if each != left_out])
        models[f"ensemble without {left_out}"] = _model(without.quantiles, "stage")
    models |= _stages_and_members(run)
    cut = datasets.VALIDATION_DAYS
    parts = {"validation": slice(None, cut), "test": slice(cut, None)}
    scores = {
        part: evaluate(
            {key: _rows(model, rows) for key, model in models.items()},
            run.outcome[rows],
            run.days[rows],
        )
        for part, rows in parts.items()
    }
    print(f"\n{name}, test {first} to {last}, {run.seconds_per_day:.2f} CPU s a day")
    _print_scores(scores)
    if name != "DE19":
        _print_published(name, run.outcome[cut:], models["ensemble"].path[cut:])


def _stages_and_members(run: BenchmarkRun) -> dict[str, ModelForecast]:
    models = {stage: _model(values, "stage") for stage, values in run.stages.items()}
    paths = {each: _median(values) for each, values in run.members.items()}
    models["mean of members"] = ModelForecast(np.mean(list(paths.values()), axis=0))
    models |= {each: ModelForecast(path) for each, path in paths.items()}
    for each in paths:
        rest = [path for other, path in paths.items() if other != each]
        models[f"mean without {each}"] = ModelForecast(np.mean(rest, axis=0))
    return models


def _model(quantiles: np.ndarray, role: str) -> ModelForecast:
    return ModelForecast(quantiles[..., 49], quantiles, role=role)  # type: ignore[arg-type]


def _median(values: np.ndarray) -> np.ndarray:
    return values if values.ndim == 2 else values[..., 49]


def _rows(model: ModelForecast, rows: slice) -> ModelForecast:
    quantiles = None if model.quantiles is None else model.quantiles[rows]
    return ModelForecast(model.path[rows], quantiles, role=model.role)


def _print_scores(scores: Mapping[str, Mapping[str, ModelScores]]) -> None:
    print(f"{'':38s} {'validation':>20s}   {'test':>20s}")
    print(
        f"{'model':38s} {'MAE':>7s} {'pinball99':>10s}   {'MAE':>7s} {'pinball99':>10s} "
        f"{'rMAE w':>7s} {'RMSE':>7s}  coverage 50/80/90/98 (Kupiec hours)"
    )
    for model, test in scores["test"].items():
        before = scores["validation"][model]
        line = f"{model:38s} {before.mae:7.3f} {_number(before.pinball99):>10s}   {test.mae:7.3f} "
        line += f"{_number(test.pinball99):>10s} {test.rmae_weekly:7.3f} {test.rmse:7.3f}"
        if test.coverage and test.kupiec_hours:
            shares = "/".join(f"{100 * share:.1f}" for share in test.coverage.values())
            hours = "/".join(str(count) for count in test.kupiec_hours.values())
            line += f"  {shares} ({hours})"
        print(line)


def _print_published(name: str, outcome: np.ndarray, path: np.ndarray) -> None:
    frame = datasets.epf_published(name)
    published = {
        label: frame[column].to_numpy().reshape(-1, 24)[: len(outcome)]
        for label, column in PUBLISHED.items()
    }
    published["avg(LEAR, DNN)"] = np.mean(list(published.values()), axis=0)
    ours = scoring.daily_loss(path, outcome, 1)
    for label, other in published.items():
        p_value = scoring.diebold_mariano(scoring.daily_loss(other, outcome, 1), ours)
        print(
            f"published {label:28s} MAE {scoring.mae(other, outcome):.3f}   "
            f"DM p that the ensemble is better {float(p_value):.2g}"
        )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _tell(what: str, done: int, of: int) -> None:
    if done == of or done % 50 == 0:
        print(f"  {what}: {done} of {of}", end="\r" if done < of else "\n", flush=True)


if __name__ == "__main__":
    main()
