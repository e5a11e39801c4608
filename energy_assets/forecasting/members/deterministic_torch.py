"""Torch as this project runs it: one thread, deterministic kernels, seeds from the history.

Belongs here: whether torch and GluonTS are there, the seed of a fit, the setting in which networks
are trained and run. Not here: networks (`feed_forward`, `temporal`), distributions (`johnson_su`).
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from energy_assets.forecasting.members.base import MemberUnavailableError
from energy_assets.forecasting.members.history import TargetHistory

EXTRA = "deep"


def require_deep(member: str) -> None:
    """Import torch and GluonTS.

    Raises:
        MemberUnavailableError: One is not installed; the message names the extra.
    """
    try:
        import gluonts.torch  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        msg = f"{member}: {error}; install the extra `{EXTRA}` (energy_assets[{EXTRA}])"
        raise MemberUnavailableError(msg) from error


def seed_of(member: str, history: TargetHistory) -> int:
    """Seed of the model a member fits on a history: a hash of target, anchor and member name."""
    text = f"{history.target}|{history.day.isoformat()}|{member}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


@contextmanager
def deterministic(seed: int) -> Iterator[None]:
    """Seed every generator, take one thread and deterministic kernels; all as before at the end.

    Args:
        seed: 0 to 2^32 - 1.
    """
    import torch

    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        torch.manual_seed(seed)
        random.seed(seed)
        # GluonTS draws from NumPy's global generator.
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(strict)
            torch.set_num_threads(threads)
            random.setstate(python_state)
            np.random.set_state(numpy_state)  # noqa: NPY002
