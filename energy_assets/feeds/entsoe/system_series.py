"""Load and generation, forecast and measured: documents A65, A69 and A75 to rows in MW.

`wind` is the sum of the wind types. From a type's first block on, every block of the sum needs it:
a missing part is a gap, never a smaller sum. Consumption of a type (storage charging) is a series
of its own, negative, with `_consumption` behind its name.

Not here: asking (`platform`), when a value was known (`knowledge`).
"""

from __future__ import annotations

import re
from functools import cache

import polars as pl

from energy_assets.feeds.entsoe.documents import Document, Node
from energy_assets.feeds.entsoe.periods import blocks_of, empty_blocks
from energy_assets.feeds.entsoe.platform import Question
from energy_assets.feeds.entsoe.xml_screen import UnusableAnswerError
from energy_assets.market import Area

LOAD_FORECAST = Question("load_forecast", "query_load_forecast", "A65")
LOAD_ACTUAL = Question("load_actual", "query_load", "A65")
WIND_SOLAR_FORECAST = Question("wind_solar_forecast", "query_wind_and_solar_forecast", "A69")
# Some twenty types at once: a quarter of a year keeps an answer near 20 MB.
GENERATION_ACTUAL = Question("generation_actual", "query_generation", "A75", block_days=92)

_PERIOD = ("period_start", "resolution_min")
_WIND_TYPES = ("wind_offshore", "wind_onshore")


def load(documents: list[Document], area: Area) -> pl.DataFrame:
    """Total load: `series` and `value_mw` per period."""
    del area
    frames = [empty_blocks("series")]
    for series in (series for document in documents for series in document.time_series):
        frames += _blocks(series, "load")
    return _distinct(frames)


def generation(documents: list[Document], area: Area) -> pl.DataFrame:
    """Generation by type, with `wind` as a sum: `series` and `value_mw` per period."""
    del area
    frames = [empty_blocks("series")]
    for series in (series for document in documents for series in document.time_series):
        name = _type_name(series)
        if series.optional("outBiddingZone_Domain.mRID"):
            taken = _blocks(series, f"{name}_consumption")
            frames += [frame.with_columns(value=-pl.col("value")) for frame in taken]
        else:
            frames += _blocks(series, name)
    return _with_wind(_distinct(frames))


def _blocks(series: Node, name: str) -> list[pl.DataFrame]:
    series.require("quantity_Measure_Unit.name", "MAW")
    return [blocks.frame(series=name) for blocks in blocks_of(series, "quantity")]


def _distinct(frames: list[pl.DataFrame]) -> pl.DataFrame:
    rows = pl.concat(frames).unique(("series", *_PERIOD), keep="last", maintain_order=True)
    return rows.select("series", *_PERIOD, value_mw="value")


def _with_wind(rows: pl.DataFrame) -> pl.DataFrame:
    types = rows.filter(pl.col("series").is_in(_WIND_TYPES))
    if types["series"].n_unique() < 2:
        alone = types.with_columns(series=pl.lit("wind"))
        return pl.concat([rows.filter(~pl.col("series").is_in(_WIND_TYPES)), alone])
    started = types.group_by("series").agg(pl.col("period_start").min().alias("first"))
    begun = pl.lit(0)
    for first in started["first"].to_list():
        begun = begun + (pl.col("period_start") >= first).cast(pl.Int32)
    total = (
        types.group_by(_PERIOD)
        .agg(pl.col("value_mw").sum(), parts=pl.len())
        .filter(pl.col("parts") == begun)
        .select(pl.lit("wind").alias("series"), *_PERIOD, "value_mw")
    )
    return pl.concat([rows, total])


def _type_name(series: Node) -> str:
    code = series.text("MktPSRType/psrType")
    names = _names()
    if code not in names:
        raise UnusableAnswerError(f"{series.where} with psrType {code[:20]!r}, which is unknown")
    return names[code]


@cache
def _names() -> dict[str, str]:
    """Series name by type code, from entsoe-py's table."""
    from entsoe.mappings import PSRTYPE_MAPPINGS

    return {
        code: re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
        for code, name in PSRTYPE_MAPPINGS.items()
    }
