"""One daily partition set per market area: the delivery day's calendar label.

`end_offset=2` because a morning schedule on day D must reach delivery day D+1: the label of the
day after tomorrow's start. The hours a label covers come from `market`, never from Dagster's
partition window.
"""

from __future__ import annotations

from datetime import date
from functools import cache

import dagster as dg

from energy_assets.market import load_area

_START = date(2024, 1, 1)
# Benchmark series begin in 2011 and 2013; their first days serve as history only.
_BENCHMARK_START = date(2012, 1, 1)


@cache
def delivery_days(area: str) -> dg.DailyPartitionsDefinition:
    """The partitions of an area's assets; one object, since assets of one job must share it."""
    market_area = load_area(area)
    start = _BENCHMARK_START if market_area.benchmark_only else _START
    return dg.DailyPartitionsDefinition(
        start_date=start.isoformat(), timezone=market_area.timezone, end_offset=2
    )
