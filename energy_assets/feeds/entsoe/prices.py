"""Day-ahead and imbalance prices: documents A44 and A85 to rows of `raw.market_prices`.

Around 2025-10-01 one answer holds hours and quarter-hours, and Germany's also the prices of a local
auction. A delivery day keeps the blocks of its session's market time unit, of the first auction
sequence (the coupled one); where none has that length, what there is stays, for quality to judge.

An imbalance price comes per category: A04 for a long (excess) position, A05 for a short one, or
none. Where both are equal, or the area has one price, the series is `imbalance`; where they differ,
`imbalance_long` and `imbalance_short`.

Not here: asking (`platform`), when a price was known (`knowledge`).
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl

from energy_assets.feeds.entsoe.documents import Document, Node
from energy_assets.feeds.entsoe.knowledge import delivery_days
from energy_assets.feeds.entsoe.periods import (
    Points,
    blocks_of,
    empty_blocks,
    fill,
    is_held,
    read_points,
)
from energy_assets.feeds.entsoe.platform import Question
from energy_assets.feeds.entsoe.xml_screen import UnusableAnswerError
from energy_assets.feeds.interface import Window
from energy_assets.lakehouse.tables.model import UTC_TIME
from energy_assets.market import Area

DAY_AHEAD = Question("day_ahead_prices", "query_day_ahead_prices", "A44", is_paged=True)
IMBALANCE = Question("imbalance_prices", "query_imbalance_prices", "A85")

_SEQUENCE = "classificationSequence_AttributeInstanceComponent.position"
_AGREEMENT = "contract_MarketAgreement.type"
_CATEGORY = "imbalance_Price.category"
_SIDES = {"A04": "long", "A05": "short", "": "any"}
_PERIOD = ("period_start", "resolution_min")


def day_ahead_prices(documents: list[Document], area: Area) -> pl.DataFrame:
    """Prices of the coupled day-ahead auction: `price`, `series`, `currency` per period."""
    frames = [empty_blocks()]
    for series in (series for document in documents for series in document.time_series):
        if series.optional(_SEQUENCE) not in {"", "1"} or series.optional(_AGREEMENT) == "A07":
            continue
        _require_units(series, area)
        frames += [blocks.frame() for blocks in blocks_of(series, "price.amount")]
    prices = pl.concat(frames).unique(_PERIOD, keep="last", maintain_order=True)
    return _of_the_session(prices, area).select(
        *_PERIOD, price="value", series=pl.lit("day_ahead"), currency=pl.lit(area.currency)
    )


def imbalance_prices(documents: list[Document], area: Area) -> pl.DataFrame:
    """Imbalance prices: `price`, `series`, `currency` per period."""
    frames = [empty_blocks("side")]
    for series in (series for document in documents for series in document.time_series):
        _require_units(series, area)
        for period in series.children("Period"):
            frames += _by_side(period, is_held(series))
    sided = pl.concat(frames).unique((*_PERIOD, "side"), keep="last", maintain_order=True)
    return _named(sided, is_single(area)).with_columns(currency=pl.lit(area.currency))


def is_single(area: Area) -> bool:
    """Whether the area's newest rule has one imbalance price for both signs."""
    return area.imbalance is None or area.imbalance.rows[-1].value.pricing == "single"


def _require_units(series: Node, area: Area) -> None:
    series.require("currency_Unit.name", area.currency)
    series.require("price_Measure_Unit.name", "MWH")


def _of_the_session(prices: pl.DataFrame, area: Area) -> pl.DataFrame:
    """Each delivery day in its session's market time unit, where it has any such block."""
    if prices.is_empty():
        return prices
    first, last = prices["period_start"].min(), prices["period_start"].max()
    days = delivery_days(area, Window(first, last + timedelta(minutes=1)))  # type: ignore[arg-type, operator]
    units = pl.DataFrame(
        {"day": [day.start for day in days], "mtu": [day.mtu_minutes for day in days]},
        schema={"day": UTC_TIME, "mtu": pl.Int32},
    )
    is_session = pl.col("resolution_min") == pl.col("mtu")
    return (
        prices.sort(_PERIOD)
        .join_asof(units, left_on="period_start", right_on="day", strategy="backward")
        .filter(is_session | ~is_session.any().over("day"))
    )


def _by_side(period: Node, held: bool) -> list[pl.DataFrame]:
    """Blocks of a period by side.

    A period either changes its category from point to point, or repeats each position once per
    category; a held value ends at the next point of the first, and of its own category in the
    second.
    """
    points = read_points(period, "imbalance_Price.amount")
    sides = _sides(period)
    if len(np.unique(points.positions)) == len(points.positions):
        # A point without a price has no side, so that both arrays lose the same blocks.
        codes = np.where(np.isnan(points.values), np.nan, sides)
        side = fill(period, Points(points.positions, codes), held).values
        frame = fill(period, points, held).frame()
        return [_labelled(frame.with_columns(pl.Series("code", side)))]
    frames = []
    for code in sorted(set(sides)):
        chosen = [place for place, side in enumerate(sides) if side == code]
        own = Points(points.positions[chosen], points.values[chosen])
        frames.append(_labelled(fill(period, own, held).frame().with_columns(code=pl.lit(code))))
    return frames


def _labelled(frame: pl.DataFrame) -> pl.DataFrame:
    names = dict(enumerate(_SIDES.values()))
    side = pl.col("code").cast(pl.Int64).replace_strict(names, return_dtype=pl.String)
    return frame.select(*_PERIOD, "value", side=side)


def _sides(period: Node) -> list[float]:
    """Number of each point's side, in order of position."""
    codes = {category: float(number) for number, category in enumerate(_SIDES)}
    space, found = period.space, []
    for point in period.element.iterfind(f"{space}Point"):
        category = (point.findtext(f"{space}{_CATEGORY}") or "").strip()
        if category not in codes:
            text = f"{period.where} with {_CATEGORY} {category[:20]!r}, not A04 or A05"
            raise UnusableAnswerError(text)
        found.append((int(point.findtext(f"{space}position") or 0), codes[category]))
    return [code for _, code in sorted(found, key=lambda item: item[0])]


def _named(sided: pl.DataFrame, single: bool) -> pl.DataFrame:
    """Rows of `imbalance`, `imbalance_long` and `imbalance_short`."""
    wide = sided.pivot("side", index=list(_PERIOD), values="value")
    missing = [side for side in _SIDES.values() if side not in wide.columns]
    wide = wide.with_columns(pl.lit(None, pl.Float64).alias(side) for side in missing)
    alone = pl.coalesce("any", "long", "short") if single else pl.col("any")
    agreed = pl.when(pl.col("long") == pl.col("short")).then("long")
    differ = pl.col("long").is_not_null() & pl.col("short").is_not_null()
    one = pl.when(differ).then(agreed.otherwise(None)).otherwise(alone)
    is_two = one.is_null()
    rows = wide.select(
        *_PERIOD,
        imbalance=one,
        imbalance_long=pl.when(is_two).then("long"),
        imbalance_short=pl.when(is_two).then("short"),
    )
    return rows.unpivot(index=list(_PERIOD), variable_name="series", value_name="price").drop_nulls(
        "price"
    )
