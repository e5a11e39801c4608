"""Results of reserve auctions as downloaded from regelleistung.net: raw.auction_results.

Each `*.csv` file of the folder is a result overview of capacity auctions: semicolons, decimal
comma, one line per product. Columns, by English name and the German one that is accepted too (the
German names are not verified against a download; the English ones are as in public notebooks that
read the files):

    DATE_FROM               DATUM_VON               delivery day, 2026-03-02 or 02.03.2026
    DATE_TO                 DATUM_BIS               optional; equal to DATE_FROM
    PRODUCT, PRODUCTNAME    PRODUKT, PRODUKTNAME    NEGPOS_00_04, POS_08_12, NEG_20_24
    TYPE_OF_RESERVES,       REGELLEISTUNGSART       FCR, aFRR or mFRR; PRL, SRL or MRL; may be
    PRODUCT_TYPE                                    left out where the product says NEGPOS
    TENDER_NUMBER           AUSSCHREIBUNGSNUMMER    optional; only the first tender is read

and, with the country of the desk's area in front (GERMANY, BELGIUM, FRANCE, NETHERLANDS; German
names DEUTSCHLAND, BELGIEN, FRANKREICH, NIEDERLANDE), prices in `[EUR/MW]` (per block) or
`[(EUR/MW)/h]`:

    …_SETTLEMENTCAPACITY_PRICE_     …_LEISTUNGSPREIS_               marginal (FCR, pay as cleared)
    …_MARGINAL_CAPACITY_PRICE_      …_GRENZLEISTUNGSPREIS_          marginal
    …_AVERAGE_CAPACITY_PRICE_       …_MITTLERER_LEISTUNGSPREIS_     average
    …_MIN_CAPACITY_PRICE_           …_MINIMALER_LEISTUNGSPREIS_     minimum
    …_ALLOCATED_VOLUME_[MW]         …_BEZUSCHLAGTE_LEISTUNG_[MW]    volume, optional

An empty cell or `-` is no price and gives no row. Blocks are cut on the local clock, so that on
the day of a clock change the first block has three or five hours. The files carry no time of
publication: the rule of each product gives it. One bad line is one error, and nothing is returned.

Not here: what is offered in an auction (`bidding`), energy activated (other sources).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any

import polars as pl

from energy_assets.errors import InputError
from energy_assets.feeds.access import Access
from energy_assets.feeds.drop_folder import CsvLine, DropFolderFeed, csv_lines, dropped_files
from energy_assets.feeds.interface import Feed, Window, known, typed_frame
from energy_assets.feeds.knowledge_rules import knowledge_rule, knowledge_time
from energy_assets.lakehouse.tables import UTC_TIME
from energy_assets.market import load_area
from energy_assets.market.clock import wall_clock
from energy_assets.portfolio import Desk, FeedSpec, ReserveAuctionsFeed

SOURCE = "reserve_auctions"
_COUNTRIES = {
    "DE_LU": ("GERMANY", "DEUTSCHLAND"),
    "BE": ("BELGIUM", "BELGIEN"),
    "FR": ("FRANCE", "FRANKREICH"),
    "NL": ("NETHERLANDS", "NIEDERLANDE"),
}
_DAY = ("DATE_FROM", "DATUM_VON")
_LAST_DAY = ("DATE_TO", "DATUM_BIS")
_PRODUCT = ("PRODUCT", "PRODUCTNAME", "PRODUKT", "PRODUKTNAME")
_RESERVE = ("TYPE_OF_RESERVES", "PRODUCT_TYPE", "REGELLEISTUNGSART")
_TENDER = ("TENDER_NUMBER", "AUSSCHREIBUNGSNUMMER")
_STATISTICS = {
    "SETTLEMENTCAPACITY_PRICE": "marginal",
    "LEISTUNGSPREIS": "marginal",
    "MARGINAL_CAPACITY_PRICE": "marginal",
    "GRENZLEISTUNGSPREIS": "marginal",
    "AVERAGE_CAPACITY_PRICE": "average",
    "MITTLERER_LEISTUNGSPREIS": "average",
    "MIN_CAPACITY_PRICE": "minimum",
    "MINIMALER_LEISTUNGSPREIS": "minimum",
}
_VOLUMES = ("ALLOCATED_VOLUME_[MW]", "BEZUSCHLAGTE_LEISTUNG_[MW]")
_UNITS = {"[EUR/MW]": "currency/MW", "[(EUR/MW)/h]": "currency/MW/h"}
_RESERVES = {
    "FCR": "fcr",
    "PRL": "fcr",
    "AFRR": "afrr",
    "SRL": "afrr",
    "MFRR": "mfrr",
    "MRL": "mfrr",
}
_DIRECTIONS = {"NEGPOS": "", "POS": "_up", "NEG": "_down"}
_BLOCK = re.compile(r"(NEGPOS|POS|NEG)_(\d\d)_(\d\d)", re.ASCII)
_NUMBER = re.compile(r"-?(\d+|\d{1,3}(\.\d{3})+(?=,))(,\d+)?", re.ASCII)
_DAY_FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%Y-%m-%d %H:%M:%S")
_NONE = {"", "-"}


@dataclass(frozen=True)
class ReserveAuctions(DropFolderFeed):
    """The results of one folder, of one market area."""

    SOURCE = SOURCE
    TABLE = "raw.auction_results"

    def fetch(self, window: Window, as_of: datetime) -> pl.DataFrame:
        """Results of blocks in the window that were out by `as_of`.

        Raises:
            InputError: At the first bad line of any file.
        """
        rows: dict[tuple[str, str, datetime], dict[str, Any]] = {}
        for path in dropped_files(self.folder, ".csv"):
            for line in csv_lines(path, ";"):
                for row in list(_Result(line, self.scope).rows()):
                    key = (row["product"], row["statistic"], row["period_start"])
                    if rows.setdefault(key, row) != row:
                        raise line.fault(_one_of(line, _PRODUCT), "one result per day and product")
        schema = {column.name: column.dtype for column in self.table.columns}
        frame = pl.DataFrame(list(rows.values()), schema={**schema, "knowledge_time": UTC_TIME})
        typed = typed_frame(self.table, frame, source=SOURCE, basis="rule")
        return known(self.table, typed, window, as_of)


def feeds_of(spec: FeedSpec, access: Access, desk: Desk) -> list[Feed]:
    """The feed of a desk's folder of auction results.

    Raises:
        InputError: The files name no country of the desk's area.
    """
    assert isinstance(spec, ReserveAuctionsFeed)
    if desk.area not in _COUNTRIES:
        where = f"desk {desk.name}: feeds: {SOURCE}"
        expected = f"an area that the files name ({', '.join(sorted(_COUNTRIES))})"
        raise InputError(where, expected=expected, found=desk.area)
    return [ReserveAuctions(access.data_root / spec.folder, desk.area)]


@dataclass(frozen=True)
class _Result:
    """One line: the result of one block of one product."""

    line: CsvLine
    area: str

    def rows(self) -> Iterator[dict[str, Any]]:
        """One row per price; none for a repeated tender."""
        tender = _one_of(self.line, _TENDER, required=False)
        if tender and self.line.cells[tender] not in {"1", ""}:
            return
        start, minutes = self._block()
        for column, statistic, unit in self._price_columns():
            price = _number(self.line, column)
            if price is None:
                continue
            yield {
                "product": self.product,
                "component": "capacity",
                "statistic": statistic,
                "period_start": start,
                "resolution_min": minutes,
                "price": price,
                "unit": unit,
                "volume_mw": self._volume(),
                "currency": "EUR",
                "knowledge_time": self._published(),
            }

    @cached_property
    def day(self) -> date:
        """Delivery day."""
        column = _one_of(self.line, _DAY)
        day = _day(self.line, column)
        last = _one_of(self.line, _LAST_DAY, required=False)
        if last and _day(self.line, last) != day:
            raise self.line.fault(last, f"{day}, as the auctions are daily")
        return day

    @cached_property
    def product(self) -> str:
        """Registry name: reserve and direction."""
        column = _one_of(self.line, _RESERVE, required=False)
        direction = _DIRECTIONS[self._matched()[1]]
        if not column:
            if direction:
                raise self.line.fault(_RESERVE[0], "FCR, aFRR or mFRR")
            return "fcr"
        reserve = _RESERVES.get(self.line.cells[column].upper())
        if reserve is None:
            raise self.line.fault(column, "FCR, aFRR or mFRR")
        if (reserve == "fcr") == bool(direction):
            raise self.line.fault(column, f"a reserve whose product is {self._matched()[0]}")
        return reserve + direction

    def _matched(self) -> re.Match[str]:
        column = _one_of(self.line, _PRODUCT)
        matched = _BLOCK.fullmatch(self.line.cells[column].upper())
        if not matched or not 0 <= int(matched[2]) < int(matched[3]) <= 24:
            raise self.line.fault(column, "a product like NEGPOS_00_04, POS_04_08 or NEG_20_24")
        return matched

    def _block(self) -> tuple[datetime, int]:
        """UTC start and minutes of the block, cut on the local clock."""
        matched = self._matched()
        zone = load_area(self.area).timezone
        start, end = (
            wall_clock(self.day + timedelta(days=int(hour) // 24), time(int(hour) % 24), zone)
            for hour in (matched[2], matched[3])
        )
        return start, int((end - start).total_seconds()) // 60

    def _published(self) -> datetime:
        rule = knowledge_rule(SOURCE, self.product.split("_")[0], self.day)
        start, minutes = self._block()
        return knowledge_time(rule, day=self.day, period_end=start + timedelta(minutes=minutes))

    def _price_columns(self) -> list[tuple[str, str, str]]:
        found = [
            (f"{country}_{name}_{unit}", statistic, _UNITS[unit])
            for country in _COUNTRIES[self.area]
            for name, statistic in _STATISTICS.items()
            for unit in _UNITS
            if f"{country}_{name}_{unit}" in self.line.cells
        ]
        if not found:
            where = f"{self.line.file}: line 1"
            expected = f"a price column of {_COUNTRIES[self.area][0]}"
            raise InputError(where, expected=expected, found=";".join(self.line.cells)[:200])
        return found

    def _volume(self) -> float | None:
        for country in _COUNTRIES[self.area]:
            for name in _VOLUMES:
                if f"{country}_{name}" in self.line.cells:
                    return _number(self.line, f"{country}_{name}")
        return None


def _one_of(line: CsvLine, names: tuple[str, ...], *, required: bool = True) -> str:
    for name in names:
        if name in line.cells:
            return name
    if required:
        where = f"{line.file}: line 1"
        expected = f"a column {' or '.join(names)}"
        raise InputError(where, expected=expected, found=";".join(line.cells)[:200])
    return ""


def _day(line: CsvLine, column: str) -> date:
    for form in _DAY_FORMATS:
        try:
            return datetime.strptime(line.cells[column], form).date()  # noqa: DTZ007
        except ValueError:
            continue
    raise line.fault(column, "a day, YYYY-MM-DD or DD.MM.YYYY")


def _number(line: CsvLine, column: str) -> float | None:
    text = line.cells[column]
    if text in _NONE:
        return None
    if not _NUMBER.fullmatch(text):
        raise line.fault(column, "a number with a decimal comma, or -")
    return float(text.replace(".", "").replace(",", "."))
