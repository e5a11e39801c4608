"""Thresholds of the checks, read from the dated `quality/thresholds.yaml`.

Belongs here: their names, meaning and loading. Not here: figures (the YAML file), checks.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from importlib.resources import files
from typing import Any, TypeVar

import yaml

from energy_assets.errors import InputError
from energy_assets.quality.plausibility.signal import Kind

SectionT = TypeVar("SectionT")
FILE = "thresholds.yaml"


@dataclass(frozen=True)
class LimitThresholds:
    """Of `limits`: tolerance as a share of the range; what is dark and what is light at night."""

    tolerance: float
    dark_days: int
    dark_share: float
    light_share: float


@dataclass(frozen=True)
class RampThresholds:
    """Of `ramp`: margin on the asset's ramp."""

    margin: float


@dataclass(frozen=True)
class EnergyBalanceThresholds:
    """Of `energy_balance`: windows, and room as shares of capacity and of throughput."""

    window_hours: tuple[float, ...]
    tolerance: float
    throughput_tolerance: float


@dataclass(frozen=True)
class FrozenThresholds:
    """Of `frozen`: shortest run that counts (hours and points), and what makes a longer one normal.

    Runs at rest may last `rest_hours`. A run is normal up to `growth` times the `rank`-longest of
    the last `memory_days`. At rest is what lies within `full_share` of capacity or `floor_share`
    (of the size) of the lowest value.
    """

    hours: float
    line_hours: float
    rest_hours: float
    least_points: int
    line_tolerance: float
    memory_days: int
    rank: int
    growth: float
    full_share: float
    floor_share: float


@dataclass(frozen=True)
class ZeroThresholds:
    """Of `zero`: longest real zero of an area (hours), steps and expectations it contradicts."""

    memory_days: int
    calm_hours: float
    dark_hours: float
    step_share: float
    area_step_share: float
    expected_share: float
    contrary_points: int


@dataclass(frozen=True)
class ResidualThresholds:
    """Of `residual`: days of the median, slots to either side, and the thresholds.

    `together` holds for the smallest of the three z, `alone` where only neighbours are known; what
    a share `usual_share` of the last `usual_days` stayed below raises both.
    """

    memory_days: int
    usual_days: int
    usual_share: float
    neighbours: int
    floor_share: float
    together: float
    alone: float


@dataclass(frozen=True)
class LevelThresholds:
    """Of `level_shift`: slack, threshold (robust deviations) and reach (days) of the CUSUM.

    A day's z needs `least_days` of the `memory_days` before; `clip` keeps one day from being an
    alarm by itself, `floor` is the smallest spread believed, `least_shift` the smallest mean shift
    (share of the level) worth an alarm.
    """

    slack: float
    threshold: float
    clip: float
    reach_days: int
    memory_days: int
    least_days: int
    size_days: int
    floor: float
    least_level: float
    least_share: float
    least_shift: float


@dataclass(frozen=True)
class SkewThresholds:
    """Of `skew`: windows and history in days, lags tried, gain in Fisher's z that is an alarm."""

    windows: tuple[int, ...]
    memory_days: int
    least_days: int
    usual_days: int
    reach_hours: float
    step_minutes: int
    least_gain: float
    usual_share: float
    growth: float
    least_correlation: float
    least_share: float


@dataclass(frozen=True)
class ScaleThresholds:
    """Of `scale` and `sign`: factor, slots in a row, and how large a value has to be to tell.

    `factor` holds against an expected series, `factor_alone` against what is usual.
    """

    memory_days: int
    factor: float
    factor_alone: float
    least_share: float
    small_points: int
    large_points: int
    mirror_share: float
    sign_share: float
    sign_points: int


@dataclass(frozen=True)
class ReplayThresholds:
    """Of `replay` and `duplicate`: days looked back, and how long and varied a block has to be."""

    replay_days: int
    least_hours: float
    least_points: int
    least_values: int


@dataclass(frozen=True)
class AgreementThresholds:
    """Of `agreement`: tolerance, and when the expected series clears one of the two."""

    tolerance: float
    clear_ratio: float
    clear_least: float


@dataclass(frozen=True)
class JumpThresholds:
    """Of `jump`: closes looked back, robust deviations, smallest change that counts."""

    memory_closes: int
    threshold: float
    least_change: float


@dataclass(frozen=True)
class Thresholds:
    """All thresholds for one kind of signal."""

    limits: LimitThresholds
    ramp: RampThresholds
    energy_balance: EnergyBalanceThresholds
    frozen: FrozenThresholds
    zero: ZeroThresholds
    residual: ResidualThresholds
    level_shift: LevelThresholds
    skew: SkewThresholds
    scale: ScaleThresholds
    replay: ReplayThresholds
    agreement: AgreementThresholds
    jump: JumpThresholds


_SECTIONS: dict[str, type[Any]] = {
    "limits": LimitThresholds,
    "ramp": RampThresholds,
    "energy_balance": EnergyBalanceThresholds,
    "frozen": FrozenThresholds,
    "zero": ZeroThresholds,
    "residual": ResidualThresholds,
    "level_shift": LevelThresholds,
    "skew": SkewThresholds,
    "scale": ScaleThresholds,
    "replay": ReplayThresholds,
    "agreement": AgreementThresholds,
    "jump": JumpThresholds,
}


@lru_cache(maxsize=32)
def thresholds_of(kind: Kind) -> Thresholds:
    """The thresholds for a kind of signal.

    Raises:
        InputError: If the file lacks a figure or has one that no check knows.
    """
    document = _document()
    own = document["kinds"].get(kind, {})
    sections = {
        name: _section(made, name, {**document["default"].get(name, {}), **own.get(name, {})})
        for name, made in _SECTIONS.items()
    }
    return Thresholds(**sections)


@lru_cache(maxsize=1)
def _document() -> dict[str, Any]:
    text = files("energy_assets.quality").joinpath(FILE).read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def _section(made: type[SectionT], name: str, figures: dict[str, Any]) -> SectionT:
    known = {field.name for field in fields(made)}  # type: ignore[arg-type]
    if set(figures) != known:
        expected = ", ".join(sorted(known))
        raise InputError(f"{FILE}: {name}", expected=expected, found=", ".join(sorted(figures)))
    values = {key: tuple(x) if isinstance(x, list) else x for key, x in figures.items()}
    return made(**values)
