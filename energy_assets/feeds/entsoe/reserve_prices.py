"""Prices of contracted reserve capacity: zipped documents A81 to rows of `raw.auction_results`.

One question per process: A52 frequency containment, A51 automatic and A47 manual restoration. The
category of a price is A06 average or A07/A08 marginal; without one, the containment reserve is
cleared at the margin and the others are paid as bid. Where one auction comes in several time series
(sources of reserve), the marginal price is the highest, an average is weighted by volume, and
volumes add up. A price "per MWH" of capacity is per MW and hour, one "per MAW" per MW and block.

Restoration reserve without a direction (symmetric) has no product name here and is left out.

Not here: asking (`platform`), when a price was known (`knowledge`).
"""

from __future__ import annotations

import polars as pl

from energy_assets.feeds.entsoe.documents import Document, Node
from energy_assets.feeds.entsoe.periods import Points, empty_blocks, fill, is_held, read_points
from energy_assets.feeds.entsoe.platform import Question
from energy_assets.feeds.entsoe.xml_screen import UnusableAnswerError
from energy_assets.market import Area

_PERIOD = ("period_start", "resolution_min")
_KEY = ("product", "statistic", *_PERIOD, "unit")
_METHOD = "query_contracted_reserve_prices_procured_capacity"
_DIRECTIONS = {"A01": "up", "A02": "down"}
_STATISTICS = {"A06": "average", "A07": "marginal", "A08": "marginal"}
_UNITS = {"MWH": "currency/MW/h", "MAW": "currency/MW"}
_WITHOUT_CATEGORY = {"fcr": "marginal", "afrr": "average", "mfrr": "average"}


def _question(process: str) -> Question:
    options = {"process_type": process, "type_marketagreement_type": "A01"}
    return Question("reserve_prices", _METHOD, "A81", options, is_paged=True)


QUESTIONS = {"fcr": _question("A52"), "afrr": _question("A51"), "mfrr": _question("A47")}


def reserve_prices(documents: list[Document], area: Area, reserve: str) -> pl.DataFrame:
    """Results of one kind of reserve: own columns of `raw.auction_results`."""
    frames = [empty_blocks("product", "statistic", "unit").with_columns(volume_mw=pl.lit(0.0))]
    for series in (series for document in documents for series in document.time_series):
        product = _product(series, reserve)
        if product:
            frames += _auctions(series, area, product, reserve)
    rows = pl.concat(frames).group_by(_KEY, maintain_order=True).agg(_price(), _volume())
    return rows.with_columns(component=pl.lit("capacity"), currency=pl.lit(area.currency))


def _price() -> pl.Expr:
    weighted = (pl.col("value") * pl.col("volume_mw")).sum() / pl.col("volume_mw").sum()
    weighable = pl.col("volume_mw").is_not_null().all() & (pl.col("volume_mw").sum() > 0)
    average = pl.when(weighable).then(weighted).otherwise(pl.col("value").mean())
    is_marginal = pl.col("statistic").first() == "marginal"
    return pl.when(is_marginal).then(pl.col("value").max()).otherwise(average).alias("price")


def _volume() -> pl.Expr:
    known = pl.col("volume_mw").is_not_null().all()
    return pl.when(known).then(pl.col("volume_mw").sum()).alias("volume_mw")


def _product(series: Node, reserve: str) -> str:
    if reserve == "fcr":
        return reserve
    direction = _DIRECTIONS.get(series.text("flowDirection.direction"))
    return f"{reserve}_{direction}" if direction else ""


def _auctions(series: Node, area: Area, product: str, reserve: str) -> list[pl.DataFrame]:
    series.require("currency_Unit.name", area.currency)
    series.require("quantity_Measure_Unit.name", "MAW")
    unit = series.text("price_Measure_Unit.name")
    if unit not in _UNITS:
        found = f"{series.where} with price_Measure_Unit.name {unit[:20]!r}, not MAW or MWH"
        raise UnusableAnswerError(found)
    held = is_held(series)
    frames = []
    for period in series.children("Period"):
        prices = read_points(period, "procurement_Price.amount")
        volumes = read_points(period, "quantity")
        for statistic, places in _by_statistic(period, reserve).items():
            own = (
                fill(period, Points(read.positions[places], read.values[places]), held).frame()
                for read in (prices, volumes)
            )
            priced, offered = own
            offered = offered.rename({"value": "volume_mw"})
            labels = (pl.lit(product), pl.lit(statistic), pl.lit(_UNITS[unit]))
            frames.append(
                priced.join(offered, on=_PERIOD, how="left", maintain_order="left").select(
                    *_PERIOD,
                    "value",
                    *(label.alias(name) for label, name in zip(labels, _LABELS, strict=True)),
                    "volume_mw",
                )
            )
    return frames


_LABELS = ("product", "statistic", "unit")


def _by_statistic(period: Node, reserve: str) -> dict[str, list[int]]:
    """Places of the points, in order of position, by the statistic their price is."""
    found: dict[str, list[int]] = {}
    points = sorted(period.children("Point"), key=lambda point: int(point.text("position")))
    for place, point in enumerate(points):
        category = point.optional("imbalance_Price.category")
        statistic = _STATISTICS.get(category) if category else _WITHOUT_CATEGORY[reserve]
        if statistic is None:
            text = f"{point.where} with imbalance_Price.category {category[:20]!r}, not A06 to A08"
            raise UnusableAnswerError(text)
        found.setdefault(statistic, []).append(place)
    return found
