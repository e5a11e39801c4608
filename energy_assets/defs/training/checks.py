"""Checks on calibration drift: are forecasts still as good as when their models were chosen?

One check per desk, target and window (28 and 91 days), on the desk's models, run with their
training: never in a deadline job. They warn and block nothing. A run of one delivery day looks at
the days before it; a range run looks back from each of its days and names those with a finding.
Only outcomes known at the time count.

Not here: the tests (`forecasting.lifecycle.drift`), reading (`forecasting.lifecycle.recent`).
"""

# No postponed annotations here: Dagster reads the type of `context` from the function.
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

import dagster as dg

from energy_assets.defs.decisions import run_days
from energy_assets.defs.resources import Workspace
from energy_assets.defs.specs import key
from energy_assets.errors import InputError
from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.lifecycle.champions import Champions
from energy_assets.forecasting.lifecycle.drift import WINDOWS_DAYS, DayMeasure, Drift, drift
from energy_assets.forecasting.lifecycle.recent import measured_days
from energy_assets.forecasting.lifecycle.registry import MODELS
from energy_assets.forecasting.lifecycle.training import days_before
from energy_assets.forecasting.targets import target_names
from energy_assets.market import DeliveryDay
from energy_assets.portfolio import Desk

_SHOWN = 20


def drift_checks(workspace: Workspace) -> list[dg.AssetChecksDefinition]:
    """One group of checks per desk."""
    return [_checks(workspace, desk) for desk in workspace.desks]


def check_name(target: str, days: int) -> str:
    """Name of the check of a target over so many days."""
    return f"calibration_{days}d__{target}"


def _checks(workspace: Workspace, desk: Desk) -> dg.AssetChecksDefinition:
    windows = {
        check_name(target, days): (target, days)
        for target in target_names(desk)
        for days in WINDOWS_DAYS
    }
    specs = [
        dg.AssetCheckSpec(
            name=name,
            asset=key(desk.name, MODELS),
            description=(
                f"Forecasts of {target} over {days} days: coverage of the 80 and 90 % interval, "
                "uniform PIT, pinball loss beside the validation."
            ),
        )
        for name, (target, days) in windows.items()
    ]

    @dg.multi_asset_check(name=f"{desk.name}__calibration", specs=specs, can_subset=True)
    def _check(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        days = run_days(context.run.tags)
        measured = _measured(workspace, desk, days)
        for check in sorted(context.selected_asset_check_keys, key=lambda each: each.name):
            target, window = windows[check.name]
            references, unreadable = _references(workspace, desk, target, days)
            found = {
                day: drift(some, references.get(day))
                for day in days
                if (some := _window(measured.get(target, {}), day, window))
            }
            yield _result(check, found, unreadable)

    return _check


def _measured(
    workspace: Workspace, desk: Desk, days: list[date]
) -> dict[str, dict[date, DayMeasure]]:
    span = days_before(days[-1], (days[-1] - days[0]).days + max(WINDOWS_DAYS))[:-1]
    at = min(workspace.now(), desk.decision_time(days[-1]))

    def outcomes_of(day: DeliveryDay) -> Mapping[str, FloatArray]:
        return outcomes(workspace, desk, day, at)

    return measured_days(workspace.lake, desk, span, outcomes_of)


def outcomes(
    workspace: Workspace, desk: Desk, day: DeliveryDay, at: datetime
) -> Mapping[str, FloatArray]:
    """What came true on a day by target, as known at a time."""
    from energy_assets.forecasting import runs

    return runs.outcomes(workspace.lake, desk, day, at)


def _window(measured: Mapping[date, DayMeasure], day: date, window: int) -> list[DayMeasure]:
    """The measured days among the last so many before a delivery day."""
    return [found for label, found in measured.items() if 0 < (day - label).days <= window]


def _references(
    workspace: Workspace, desk: Desk, target: str, days: list[date]
) -> tuple[dict[date, float | None], str]:
    """The score the champion of each day was chosen by, None where it was the first or none.

    Champions that cannot be read give no score, and the reason.
    """
    now = workspace.now()
    try:
        champions = Champions(workspace.lake, desk.name).champions(target, now)
    except InputError as error:
        return {}, str(error)
    references = {
        day: next(
            (
                champion.pinball99
                for champion in reversed(champions)
                if champion.chosen_at <= min(now, desk.decision_time(day))
            ),
            None,
        )
        for day in days
    }
    return references, ""


def _result(
    check: dg.AssetCheckKey, found: Mapping[date, Drift], unreadable: str
) -> dg.AssetCheckResult:
    findings = {day.isoformat(): each.findings for day, each in found.items() if each.findings}
    metadata: dict[str, Any] = {
        "days with findings": dg.MetadataValue.json(dict(list(findings.items())[:_SHOWN])),
    }
    if unreadable:
        metadata["no score to compare with"] = unreadable
    if found:
        newest = max(found)
        metadata |= {"looked back from": newest.isoformat(), **_figures(found[newest])}
    return dg.AssetCheckResult(
        asset_key=check.asset_key,
        check_name=check.name,
        passed=not findings,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )


def _figures(found: Drift) -> dict[str, Any]:
    figures: dict[str, Any] = {"days measured": found.days, "pinball99": found.pinball99}
    for nominal, share in found.coverage.items():
        figures[f"coverage {nominal:.0%}"] = share
        figures[f"Kupiec p {nominal:.0%}"] = found.kupiec_p[nominal]
    figures["PIT p"] = found.pit_p
    figures["PIT by tenth"] = dg.MetadataValue.json([round(float(x), 4) for x in found.pit])
    if found.pinball_ratio is not None:
        figures["pinball99 over validation"] = found.pinball_ratio
    return figures
