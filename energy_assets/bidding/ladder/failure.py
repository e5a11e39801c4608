"""Why a rung of the ladder gave nothing, in one line.

Not here: which errors step down (`rungs`).
"""

from __future__ import annotations

from energy_assets.errors import EnergyAssetsError


class RungFailedError(EnergyAssetsError):
    """A rung has no orders to offer; the ladder takes the next one."""


def failure_text(error: BaseException) -> str:
    """One line for the record: the project's own words, else kind and first line."""
    text = (str(error).splitlines() or [""])[0]
    if isinstance(error, EnergyAssetsError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
