"""Fixtures shared by all tests: real data (or a skip with its reason) and thread limits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no failure (tests have their own time-outs), and a run in CI is decided by the
# change alone: `HYPOTHESIS_PROFILE=search` draws new examples.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

# One thread per library and process: two test workers must not fight over two cores.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("POLARS_MAX_THREADS", "2")

REPO = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repo() -> Path:
    """The repository's root."""
    return REPO


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real market data, or a skip."""
    root = Path(os.environ.get("ENERGY_ASSETS_REAL_DATA") or REPO.parent / "shared/data/real")
    if not (root / "epf" / "DE.csv.gz").is_file():
        pytest.skip("real data is absent: set ENERGY_ASSETS_REAL_DATA to its folder")
    return root
