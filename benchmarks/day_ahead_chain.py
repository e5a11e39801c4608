"""Seconds of the whole `day-ahead` chain on the reference desk, cold and warm, by step.

Cold includes the history of the reference market and all member hindcasts. Runs on a root of its
own; prints wall seconds as the Dagster instance recorded them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
COMMAND = [str(Path(sys.executable).parent / "energy-assets"), "day-ahead", "--json"]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(REPO / "data" / "desks", root / "data" / "desks")
        shutil.copy(REPO / "dagster.yaml", root / "dagster.yaml")
        environment = {**os.environ, "ENERGY_ASSETS_ROOT": folder}
        answers, totals = [], []
        for _ in ("cold", "warm"):
            started = time.perf_counter()
            done = subprocess.run(
                COMMAND, env=environment, cwd=folder, check=True, capture_output=True, text=True
            )
            totals.append(time.perf_counter() - started)
            answers.append(json.loads(done.stdout))
    cold, warm = answers
    assert cold["orders_sha256"] == warm["orders_sha256"]
    print(f"{'step':<52}{'cold s':>9}{'warm s':>9}")
    for step in warm["seconds"]:
        print(f"{step:<52}{cold['seconds'].get(step, 0):>9.2f}{warm['seconds'][step]:>9.2f}")
    print(f"{'whole command, process start included':<52}{totals[0]:>9.1f}{totals[1]:>9.1f}")


if __name__ == "__main__":
    main()
