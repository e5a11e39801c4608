"""What the combination does: stages, windows and rates, as one value that goes on the record.

Belongs here: `Recipe` and its default. Not here: any computation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from energy_assets.errors import InputError

StageName = Literal[
    "historical_simulation",
    "conformal",
    "qra",
    "sign_constrained_qra",
    "isotonic",
    "isotonic_unscaled",
    "quantile_members",
]
STAGES: tuple[StageName, ...] = (
    "historical_simulation",
    "conformal",
    "qra",
    "sign_constrained_qra",
    "isotonic",
    "isotonic_unscaled",
    "quantile_members",
)


@dataclass(frozen=True)
class Recipe:
    """Stages, windows and rates of one combination.

    Attributes:
        stages: Distributions made from the members (`stages`); `quantile_members` is the average
            of the members that forecast quantiles and is left out where there is none.
        windows_days: Each stage is fitted on so many days before, once per window, and its
            quantiles are averaged; the warm-up of the error scale counts among the days.
        isotonic_windows_days: The same for the isotonic stages, which assume no shape and so need
            more days to reach the outer levels; one beyond the longest window is cut to it.
        fold_days: Days before the day to forecast over which weights and shifts are learnt from
            out-of-sample stage quantiles; 0 for none.
        block_days: Days served by one past fit. Blocks start on a fixed calendar (Mondays for 7).
        error_scale: `local`: every error is measured in the scale expected of its day and slot
            (`error_scale`); `none`: errors enter as they are.
        reference: What members are measured from: `zero` as in the classic regression, `mean` of
            the members (weights then sum to one) or the recent `level` of the outcome.
        slot_blocks: Regressions are fitted apart in so many equal blocks of slots.
        aggregation: `average` of the stages with equal weights, or `bernstein` online weights.
        aggregation_slots: Width of the smoothing of online losses over the day, in hours; 24 or
            more for one set of weights for all slots.
        aggregation_levels: Width of the smoothing over levels, in percentage points.
        aggregation_half_life: Days after which a loss counts half; 0 for no forgetting.
        calibration: `none`; `tracking` of every level by itself; or `width`, tracking of central
            intervals, which leaves the median alone.
        calibration_rate: Step of the shifts per day, in units of the forecast's own spread.
        calibration_slots: Width in hours over which misses are smoothed; 24 or more for one shift
            per level.
        calibration_half_life: Days after which a shift has gone half-way back to none.
    """

    stages: tuple[StageName, ...] = (
        "conformal",
        "sign_constrained_qra",
        "isotonic",
        "isotonic_unscaled",
    )
    windows_days: tuple[int, ...] = (56, 182)
    isotonic_windows_days: tuple[int, ...] = (91, 182)
    fold_days: int = 182
    block_days: int = 7
    error_scale: Literal["none", "local"] = "local"
    reference: Literal["zero", "mean", "level"] = "level"
    slot_blocks: int = 1
    aggregation: Literal["average", "bernstein"] = "bernstein"
    aggregation_slots: float = 24.0
    aggregation_levels: float = 20.0
    aggregation_half_life: float = 60.0
    calibration: Literal["none", "tracking", "width"] = "width"
    calibration_rate: float = 0.2
    calibration_slots: float = 24.0
    calibration_half_life: float = 60.0

    def __post_init__(self) -> None:
        if not self.stages or len(set(self.stages)) != len(self.stages):
            raise InputError("recipe stages", expected="one or more, each once", found=self.stages)
        unknown = [name for name in self.stages if name not in STAGES]
        if unknown:
            raise InputError("recipe stages", expected=f"some of {STAGES}", found=unknown)
        for name in ("windows_days", "isotonic_windows_days"):
            windows = getattr(self, name)
            if not windows or min(windows) < 28:
                where = f"recipe {name}"
                raise InputError(where, expected="at least 28 days each", found=windows)
        least = {"fold_days": 0, "block_days": 1, "slot_blocks": 1}
        for name, value in least.items():
            if getattr(self, name) < value:
                where, found = f"recipe {name}", getattr(self, name)
                raise InputError(where, expected=f"at least {value}", found=found)

    @property
    def window_days(self) -> int:
        """The longest window."""
        return max(self.windows_days)

    @property
    def isotonic_windows(self) -> tuple[int, ...]:
        """Distinct windows of the isotonic stages, none beyond the longest window."""
        return tuple(sorted({min(days, self.window_days) for days in self.isotonic_windows_days}))

    @property
    def days_before(self) -> int:
        """Days before the day to forecast that a forecast depends on; no earlier day matters."""
        return self.window_days + self.fold_days


DEFAULT = Recipe()
