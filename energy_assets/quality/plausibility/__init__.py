"""Plausibility and poisoning checks: pure functions from a signal to findings.

One module per kind of check; `rules` names the groups that the table registry's service levels
refer to. Every check is causal: a finding names the last slot it needed, and what it holds normal
comes from the days before. Belongs here: numpy on one signal. Not here: the lake, units, who the
expected series is taken from (`quality.judging`), rows refused on the way in
(`quality.screening`).
"""

from energy_assets.quality.plausibility.calibration import blended, calibrated
from energy_assets.quality.plausibility.energy_balance import Storage, energy_balance
from energy_assets.quality.plausibility.rules import RULES, context_days, findings
from energy_assets.quality.plausibility.signal import Finding, Kind, Outcome, Signal, on_day_grid
from energy_assets.quality.plausibility.thresholds import Thresholds, thresholds_of

__all__ = [
    "RULES",
    "Finding",
    "Kind",
    "Outcome",
    "Signal",
    "Storage",
    "Thresholds",
    "blended",
    "calibrated",
    "context_days",
    "energy_balance",
    "findings",
    "on_day_grid",
    "thresholds_of",
]
