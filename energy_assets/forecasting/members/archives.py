"""NumPy archives of models, read without pickles: what every `load` of one does.

Not here: what an archive holds (the members' own `dump` and `load`).
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from zipfile import BadZipFile

import numpy as np

from energy_assets.forecasting.members.base import MemberUnavailableError


@contextmanager
def archive(content: bytes, expected: str) -> Iterator[Mapping[str, Any]]:
    """The arrays of an archive by name.

    Args:
        content: What `dump` wrote.
        expected: Who reads it and what it should be, for the message.

    Raises:
        MemberUnavailableError: The bytes are no such archive, or an array in it is missing.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            yield found
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise MemberUnavailableError(f"{expected}, found other bytes") from error
