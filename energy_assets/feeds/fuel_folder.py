"""Daily closes of fuels and carbon, dropped into a folder as CSV files: raw.fuel_prices, global.

Each `*.csv` file has the header

    product,price_date,price,unit,published_at

    product        name as units use it: ttf_hhv, coal_lhv, eua
    price_date     trading day of the close, YYYY-MM-DD
    price          close, decimal point
    unit           currency, quantity and basis: `EUR/MWh HHV`, `EUR/MWh LHV`, `EUR/t CO2`
    published_at   when the desk could know it, ISO 8601 with a zone: 2026-03-02T18:15:00+01:00

Knowledge time is `published_at`. The same close in two files, published at two times, is a
revision: from its publication on the later one counts. A product keeps one unit, and it must be
the basis the desk's units read it on, since a price per MWh of the higher heating value taken for
one of the lower would pass unseen. One bad line is one error, and no row of any file is returned.

Not here: the cost of a plant (`portfolio.units`), which close a decision uses (`bidding`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl

from energy_assets.errors import InputError
from energy_assets.feeds.access import Access
from energy_assets.feeds.drop_folder import CsvLine, DropFolderFeed, csv_lines, dropped_files
from energy_assets.feeds.interface import Feed, Window, known, typed_frame
from energy_assets.lakehouse.tables import UTC_TIME
from energy_assets.portfolio import Desk, FeedSpec, FuelFolderFeed, ThermalUnit

SOURCE = "fuel_folder"
HEADER = ("product", "price_date", "price", "unit", "published_at")
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_UNIT = re.compile(r"[A-Z]{3}/(?P<basis>MWh HHV|MWh LHV|t [A-Za-z0-9]+)", re.ASCII)
_HEATING_VALUES = {"higher": "MWh HHV", "lower": "MWh LHV"}


@dataclass(frozen=True)
class _Close:
    line: CsvLine
    product: str
    price_date: date
    price: float
    unit: str
    published_at: datetime


@dataclass(frozen=True)
class FuelFolder(DropFolderFeed):
    """The closes of one folder.

    Attributes:
        bases: Quantity and basis a product's unit must name, where the desk uses the product.
    """

    SOURCE = SOURCE
    TABLE = "raw.fuel_prices"

    scope: str = "global"
    bases: Mapping[str, str] = field(default_factory=dict)

    def fetch(self, window: Window, as_of: datetime) -> pl.DataFrame:
        """Closes of trading days in the window that were published by `as_of`.

        Raises:
            InputError: At the first bad line of any file.
        """
        closes = [
            self._close(line)
            for path in dropped_files(self.folder, ".csv")
            for line in csv_lines(path, ",")
        ]
        frame = pl.DataFrame(
            {
                "product": [close.product for close in closes],
                "price_date": [close.price_date for close in closes],
                "price": [close.price for close in closes],
                "unit": [close.unit for close in closes],
                "knowledge_time": [close.published_at for close in closes],
            },
            schema_overrides={"knowledge_time": UTC_TIME},
        )
        _require_agreement(closes)
        rows = typed_frame(self.table, frame.unique(), source=SOURCE, basis="published")
        return known(self.table, rows, window, as_of)

    def _close(self, line: CsvLine) -> _Close:
        if set(line.cells) != set(HEADER):
            where = f"{line.file}: line 1"
            raise InputError(where, expected=",".join(HEADER), found=",".join(line.cells)[:200])
        cells = line.cells
        if not _PRODUCT.fullmatch(cells["product"]):
            raise line.fault("product", "a name of letters, digits and _")
        if not _NUMBER.fullmatch(cells["price"]):
            raise line.fault("price", "a number with a decimal point")
        unit = _UNIT.fullmatch(cells["unit"])
        if not unit:
            raise line.fault("unit", "currency, quantity and basis (EUR/MWh HHV, EUR/t CO2)")
        wanted = self.bases.get(cells["product"], unit["basis"])
        if unit["basis"] != wanted:
            raise line.fault("unit", f"a price per {wanted}, as the desk's units read it")
        day, published = _day(line), _moment(line)
        if published.date() < day:
            raise line.fault("published_at", f"a time not before the trading day {day}")
        return _Close(line, cells["product"], day, float(cells["price"]), cells["unit"], published)


def feeds_of(spec: FeedSpec, access: Access, desk: Desk) -> list[Feed]:
    """The feed of a desk's fuel folder."""
    assert isinstance(spec, FuelFolderFeed)
    return [FuelFolder(access.data_root / spec.folder, bases=_bases(desk))]


def _bases(desk: Desk) -> dict[str, str]:
    bases = {}
    for unit in desk.units_of(ThermalUnit):
        if unit.fuel is not None:
            bases[unit.fuel.product] = _HEATING_VALUES[unit.fuel.price_basis]
            bases[unit.fuel.co2_product] = "t CO2"
    return bases


def _day(line: CsvLine) -> date:
    try:
        return datetime.strptime(line.cells["price_date"], "%Y-%m-%d").date()  # noqa: DTZ007
    except ValueError:
        raise line.fault("price_date", "a day, YYYY-MM-DD") from None


def _moment(line: CsvLine) -> datetime:
    expected = "an ISO 8601 time with a zone"
    try:
        moment = datetime.fromisoformat(line.cells["published_at"])
    except ValueError:
        raise line.fault("published_at", expected) from None
    if moment.tzinfo is None:
        raise line.fault("published_at", expected)
    return moment


def _require_agreement(closes: list[_Close]) -> None:
    """One unit per product, one price per product, day and publication."""
    units: dict[str, str] = {}
    prices: dict[tuple[str, date, datetime], float] = {}
    for close in closes:
        unit = units.setdefault(close.product, close.unit)
        if unit != close.unit:
            raise close.line.fault("unit", f"{unit!r} as on earlier lines of {close.product}")
        price = prices.setdefault(
            (close.product, close.price_date, close.published_at), close.price
        )
        if price != close.price:
            raise close.line.fault("price", f"{price:g} as elsewhere for the same published_at")
