"""Whole Dagster runs of light desks in a folder of their own, and what they left there."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path

import dagster as dg
import polars as pl

from energy_assets.bidding.runs import orders_in_force
from energy_assets.definitions import build_defs
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.run_stamp import Mode
from energy_assets.lakehouse.tables import TABLES
from energy_assets.portfolio import Desk
from energy_assets.settings import Settings
from energy_assets_tests.e2e.desks import fetch, stamp_of
from energy_assets_tests.lakehouse.frames import SteppingClock

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
LATER = datetime(2026, 6, 1, 12, tzinfo=UTC)
# What says when and by whom a row was written, not what it says.
_WRITING = ("ingested_at", "ingested_before", "run_id", "seconds")


def settings_in(root: Path, **variables: str) -> Settings:
    """Settings whose every folder lies under `root`."""
    given = {f"ENERGY_ASSETS_{name}": value for name, value in variables.items()}
    return Settings.from_environment({"ENERGY_ASSETS_ROOT": str(root), **given})


@dataclass
class Chain:
    """One desk's definitions, lake and instance below a folder."""

    root: Path
    desk: Desk
    variables: dict[str, str] = field(default_factory=dict)
    clock: SteppingClock = field(default_factory=lambda: SteppingClock(LATER))

    @cached_property
    def settings(self) -> Settings:
        return settings_in(self.root, **self.variables)

    @cached_property
    def lake(self) -> Lake:
        lake = Lake(self.settings.lake_root, clock=self.clock)
        lake.ensure_tables()
        return lake

    @cached_property
    def definitions(self) -> dg.Definitions:
        return build_defs(self.settings, [self.desk], clock=self.clock, with_warehouse=False)

    @cached_property
    def instance(self) -> dg.DagsterInstance:
        return dg.DagsterInstance.ephemeral()

    def fetch(self, first: date, last: date | None = None) -> None:
        """History for decisions of some days, as known once all has passed."""
        fetch(self.lake, self.desk, self.settings.real_data, first, last or first)

    def run(
        self, job: str, first: date, last: date | None = None, **tags: str
    ) -> dg.ExecuteInProcessResult:
        """One run of a job for a day, or for a range of days in a single run."""
        given = dict(tags)
        if last is not None:
            given["dagster/asset_partition_range_start"] = first.isoformat()
            given["dagster/asset_partition_range_end"] = last.isoformat()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.definitions.resolve_job_def(f"{job}__{self.desk.area}").execute_in_process(
                instance=self.instance,
                partition_key=first.isoformat() if last is None else None,
                raise_on_error=False,
                run_config=QUIET,
                tags=given,
            )

    def orders(self, day: date, mode: Mode = "replay") -> tuple[str, str]:
        """Hash and rung of the orders in force."""
        orders, rung = orders_in_force(self.lake, self.desk, stamp_of(self.desk, day, mode))
        return orders.sha256, rung

    def rows(self) -> dict[str, int]:
        """Stored rows of every table."""
        return {name: self.lake.read(name, latest_revision=False).height for name in TABLES}

    def contents(self) -> dict[str, pl.DataFrame]:
        """What every table says, without when and by whom it was written."""
        found = {}
        for name in TABLES:
            rows = self.lake.read(name, latest_revision=False)
            said = rows.drop([column for column in _WRITING if column in rows.columns])
            found[name] = said.sort(said.columns)
        return found


def steps(result: dg.ExecuteInProcessResult) -> list[str]:
    """Steps that succeeded, in their order."""
    return [e.step_key for e in result.all_events if e.is_step_success and e.step_key]


def failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Failed steps and their one line."""
    found = {}
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            assert data.user_failure_data is not None, data.error
            found[event.step_key] = data.user_failure_data.description
    return found
