"""Order files: an order set as JSON or CSV, and back, bit for bit.

Both formats carry integer ticks (the truth) and the decoded price and volume (for people). Reading
back checks that both agree, so a hand-edited file cannot say two things. The JSON holds the
order-set hash; a file whose content does not match it is refused.

Not here: exchange formats (`trading` adapters), checks of market rules (`orders`).
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from datetime import date, datetime
from itertools import groupby
from typing import Any

from energy_assets.errors import InputError
from energy_assets.market.orders import BlockOrder, CurveKind, CurveOrder, CurveRules, OrderSet

FORMAT_VERSION = 1
_HEADER_FIELDS = (
    "area",
    "session",
    "delivery_day",
    "currency",
    "participant_id",
    "portfolio_id",
    "balance_area",
    "order_scope",
)
_CSV_COLUMNS = (
    *_HEADER_FIELDS,
    "curve_kind",
    "min_points",
    "max_points",
    "price_tick",
    "volume_tick_mw",
    "price_min_ticks",
    "price_max_ticks",
    "mtu_start_utc",
    "minutes",
    "point",
    "price_ticks",
    "volume_ticks",
    "price",
    "volume_mw",
)
# Only in files with block orders.
_BLOCK_COLUMNS = ("mtu_count", "side")


def to_json(orders: OrderSet) -> str:
    """The order set as a JSON document with its hash."""
    rules = orders.rules
    document: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        **_header(orders),
        "rules": asdict(rules),
        "sha256": orders.sha256,
        "curves": [
            {
                "mtu_start_utc": curve.start.isoformat(),
                "minutes": curve.minutes,
                "points": [_point(price, volume, rules) for price, volume in curve.points],
            }
            for curve in orders.curves
        ],
    }
    if orders.blocks:
        document["blocks"] = [_block_fields(block, rules) for block in orders.blocks]
    return json.dumps(document, indent=1) + "\n"


def from_json(text: str, name: str = "order file") -> OrderSet:
    """The order set of a JSON document.

    Args:
        text: The document.
        name: File name for error messages.

    Raises:
        InputError: If a field is missing or wrong, or the hash does not match the content.
    """
    try:
        document = json.loads(text)
        rules = _rules(document["rules"])
        curves = tuple(
            CurveOrder(
                datetime.fromisoformat(curve["mtu_start_utc"]),
                int(curve["minutes"]),
                tuple(
                    _agreed(point, rules, f"{name}, {curve['mtu_start_utc']}")
                    for point in curve["points"]
                ),
            )
            for curve in document["curves"]
        )
        blocks = tuple(_block(block, rules, name) for block in document.get("blocks", []))
        orders = _order_set(document, rules, curves, blocks)
        stated = document["sha256"]
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(name, expected="an order document", found=str(error)) from error
    if orders.sha256 != stated:
        raise InputError(f"{name}: sha256", expected=orders.sha256, found=stated)
    return orders


def to_csv(orders: OrderSet) -> str:
    """The order set as CSV, one point or block order a row, header fields repeated."""
    buffer = io.StringIO()
    columns = (*_CSV_COLUMNS, *_BLOCK_COLUMNS) if orders.blocks else _CSV_COLUMNS
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    rules = asdict(orders.rules)
    shared = {**_header(orders), **rules, "curve_kind": orders.rules.kind.value}
    shared.pop("kind")
    for curve in orders.curves:
        for number, (price, volume) in enumerate(curve.points):
            writer.writerow(
                {
                    **shared,
                    "mtu_start_utc": curve.start.isoformat(),
                    "minutes": curve.minutes,
                    "point": number,
                    **_point(price, volume, orders.rules),
                }
            )
    for number, block in enumerate(orders.blocks):
        writer.writerow({**shared, "point": number, **_block_fields(block, orders.rules)})
    return buffer.getvalue()


def from_csv(text: str, name: str = "order file") -> OrderSet:
    """The order set of a CSV file.

    Raises:
        InputError: Names the row and field that is missing or wrong.
    """
    rows = list(csv.DictReader(io.StringIO(text)))
    if not rows:
        raise InputError(name, expected="at least one point", found="no rows")
    missing = [column for column in _CSV_COLUMNS if rows[0].get(column) is None]
    if missing:
        raise InputError(name, expected=f"column {missing[0]}", found=sorted(filter(None, rows[0])))
    try:
        rules = _rules({**rows[0], "kind": rows[0]["curve_kind"]})
        curves = tuple(
            CurveOrder(
                datetime.fromisoformat(start),
                int(minutes),
                tuple(_agreed(row, rules, f"{name}, {start}") for row in group),
            )
            for (start, minutes), group in groupby(
                (row for row in rows if not row.get("side")),
                key=lambda row: (row["mtu_start_utc"], row["minutes"]),
            )
        )
        blocks = tuple(_block(row, rules, name) for row in rows if row.get("side"))
        return _order_set(rows[0], rules, curves, blocks)
    except (KeyError, ValueError) as error:
        raise InputError(name, expected="order rows", found=str(error)) from error


def _header(orders: OrderSet) -> dict[str, str]:
    return {name: str(getattr(orders, name)) for name in _HEADER_FIELDS}


def _point(price: int, volume: int, rules: CurveRules) -> dict[str, float]:
    return {
        "price_ticks": price,
        "volume_ticks": volume,
        "price": round(rules.price(price), 6),
        "volume_mw": round(rules.volume_mw(volume), 6),
    }


def _block_fields(block: BlockOrder, rules: CurveRules) -> dict[str, Any]:
    return {
        "mtu_start_utc": block.start.isoformat(),
        "minutes": block.minutes,
        "mtu_count": block.mtu_count,
        "side": block.side,
        **_point(block.price_ticks, block.volume_ticks, rules),
    }


def _block(fields: dict[str, Any], rules: CurveRules, name: str) -> BlockOrder:
    price, volume = _agreed(fields, rules, f"{name}, block {fields['mtu_start_utc']}")
    return BlockOrder(
        datetime.fromisoformat(fields["mtu_start_utc"]),
        int(fields["minutes"]),
        int(fields["mtu_count"]),
        fields["side"],
        price,
        volume,
    )


def _agreed(point: dict[str, Any], rules: CurveRules, where: str) -> tuple[int, int]:
    price, volume = int(point["price_ticks"]), int(point["volume_ticks"])
    stated = _point(price, volume, rules)
    for name in ("price", "volume_mw"):
        if abs(float(point[name]) - stated[name]) > 1e-6:
            raise InputError(f"{where}: {name}", expected=str(stated[name]), found=point[name])
    return price, volume


def _rules(fields: dict[str, Any]) -> CurveRules:
    return CurveRules(
        kind=CurveKind(fields["kind"]),
        min_points=int(fields["min_points"]),
        max_points=int(fields["max_points"]),
        price_tick=float(fields["price_tick"]),
        volume_tick_mw=float(fields["volume_tick_mw"]),
        price_min_ticks=int(fields["price_min_ticks"]),
        price_max_ticks=int(fields["price_max_ticks"]),
    )


def _order_set(
    fields: dict[str, Any],
    rules: CurveRules,
    curves: tuple[CurveOrder, ...],
    blocks: tuple[BlockOrder, ...],
) -> OrderSet:
    return OrderSet(
        area=fields["area"],
        session=fields["session"],
        delivery_day=date.fromisoformat(fields["delivery_day"]),
        currency=fields["currency"],
        rules=rules,
        curves=curves,
        participant_id=fields["participant_id"],
        portfolio_id=fields["portfolio_id"],
        balance_area=fields["balance_area"],
        order_scope=fields["order_scope"],
        blocks=blocks,
    )
