"""The figures the README quotes, on real EPF prices; slow: daily members over a year and a half."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

BIN = Path(sys.executable).parent
pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(3600)]


def command(repo: Path, lake: Path, *arguments: str) -> dict:
    environment = {
        **os.environ,
        "ENERGY_ASSETS_LAKE": str(lake / "lake"),
        "ENERGY_ASSETS_REPORTS": str(lake / "reports"),
    }
    done = subprocess.run(
        [BIN / "energy-assets", *arguments, "--json"],
        cwd=repo,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    document: dict = json.loads(done.stdout)
    print("\n" + json.dumps(document, indent=1))
    return document


def test_battery_captures_at_least_088_of_perfect_foresight(repo, real_data, tmp_path):
    document = command(
        repo,
        tmp_path,
        "backtest",
        "--desk=data/desks/epf_de.yaml",
        "--from=2016-01-04",
        "--to=2016-03-31",
        f"--data={real_data}",
    )
    value = document["strategies"]
    assert value["stochastic"]["capture_by_unit"]["battery"] >= 0.88
    assert value["stochastic"]["imbalance_share"] < 0.02
    assert value["yesterday"]["capture"] == pytest.approx(0.68, abs=0.02)
    assert value["shape_28d"]["capture"] == pytest.approx(0.81, abs=0.02)


def test_price_forecast_is_within_five_percent_of_the_published_ensemble(repo, real_data, tmp_path):
    document = command(
        repo,
        tmp_path,
        "forecast-benchmark",
        f"--prices={real_data / 'epf' / 'DE.csv.gz'}",
        "--test-from=2016-01-04",
        "--test-to=2016-06-30",
    )
    published = pl.read_csv(
        real_data / "epf" / "forecasts_DE_dnn_lear.csv.gz", try_parse_dates=True
    ).filter(pl.col("datetime_local") < pl.datetime(2016, 7, 1))
    bar = published.select((pl.col("Real price") - pl.col("LEAR Ensemble")).abs().mean()).item()
    print(f"published LEAR ensemble on the same days: {bar:.4f}")
    assert published.height == 24 * document["days"]
    assert document["models"]["ensemble"]["mae"] <= 1.05 * bar
