"""Every step process of a deployment loads the definitions: that has to stay cheap."""

from __future__ import annotations

import json
import os
import subprocess
import sys

BUDGET_CPU_SECONDS = 6.0
HEAVY = (
    "prophet",
    "gluonts",
    "torch",
    "mlflow",
    "great_expectations",
    "pyomo",
    "lightgbm",
    "highspy",
    "numba",
)
_LOAD = """
import json, sys, time
from energy_assets.definitions import defs
defs().get_repository_def()
print(json.dumps({"seconds": time.process_time(), "modules": sorted(sys.modules)}))
"""


def test_loading_the_definitions_is_cheap_and_imports_nothing_heavy(repo):
    environment = {**os.environ, "ENERGY_ASSETS_ROOT": str(repo)}
    child = subprocess.run(
        [sys.executable, "-c", _LOAD], env=environment, capture_output=True, text=True, check=True
    )
    loaded = json.loads(child.stdout.splitlines()[-1])
    print(f"definitions load in {loaded['seconds']:.2f} CPU seconds")
    assert [name for name in HEAVY if name in loaded["modules"]] == []
    assert loaded["seconds"] < BUDGET_CPU_SECONDS
    assert "Warning" not in child.stderr
