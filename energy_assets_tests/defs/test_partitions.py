"""Partitions are calendar labels; which hours a label covers is the market's business."""

from __future__ import annotations

from datetime import UTC, date, datetime

import dagster as dg
import pytest

from energy_assets.defs.decisions import run_days
from energy_assets.defs.partitions import delivery_days


@pytest.mark.parametrize(
    ("now", "last"),
    [
        # Brussels is ahead of UTC: the local date decides.
        (datetime(2026, 3, 28, 10, 0, tzinfo=UTC), "2026-03-29"),
        (datetime(2026, 3, 28, 22, 59, tzinfo=UTC), "2026-03-29"),
        (datetime(2026, 3, 28, 23, 1, tzinfo=UTC), "2026-03-30"),
        (datetime(2026, 10, 24, 22, 1, tzinfo=UTC), "2026-10-26"),
        (datetime(2026, 10, 25, 22, 59, tzinfo=UTC), "2026-10-26"),
        (datetime(2026, 10, 25, 23, 1, tzinfo=UTC), "2026-10-27"),
    ],
)
def test_the_last_key_is_tomorrow_in_the_areas_zone(now, last):
    assert delivery_days("SIM_DE_LU").get_partition_keys(current_time=now)[-1] == last


@pytest.mark.parametrize("change", [date(2026, 3, 29), date(2026, 10, 25)])
def test_clock_change_days_have_one_key_each(change):
    now = datetime(2026, 12, 1, tzinfo=UTC)
    keys = delivery_days("SIM_DE_LU").get_partition_keys(current_time=now)
    assert len(keys) == len(set(keys)) == (date(2026, 12, 2) - date(2024, 1, 1)).days + 1
    assert keys.count(change.isoformat()) == 1


def test_benchmark_areas_reach_back_to_their_series():
    assert delivery_days("EPF_DE").get_first_partition_key() == "2012-01-01"


def test_assets_of_one_area_share_one_partitions_object():
    assert delivery_days("SIM_DE_LU") is delivery_days("SIM_DE_LU")


def test_a_runs_days_come_from_its_partition_or_its_range():
    assert run_days({"dagster/partition": "2026-03-29"}) == [date(2026, 3, 29)]
    days = run_days(
        {
            "dagster/asset_partition_range_start": "2026-03-28",
            "dagster/asset_partition_range_end": "2026-03-30",
        }
    )
    assert days == [date(2026, 3, 28), date(2026, 3, 29), date(2026, 3, 30)]
    with pytest.raises(dg.Failure, match="expected a partition"):
        run_days({})
