"""The Transparency Platform on loopback: prices, load, generation, reserves, outage messages.

    with LoopbackServer({"/api": entsoe_handler()}) as server:
        endpoint = server.url + "/api"

Any span of any year is answered, with days of 23 and 25 hours, hourly prices before 2025-10-01 and
quarter-hourly ones from then on, points left out by curve type A03, pages, acknowledgements and the
platform's refusals. `Market` says what is odd about the data, `OutageMessage`s are served by
revision, status, event and time of change as the platform does.

Not here: XML (`entsoe_documents`), figures (`entsoe_market`), broken answers (`server` faults).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import numpy as np

from energy_assets_tests.loopback import entsoe_market as figures
from energy_assets_tests.loopback.entsoe_documents import (
    MINUTE,
    NO_DATA,
    OutageMessage,
    PointSeries,
    acknowledgement,
    market_document,
    numbers,
    outage_document,
    periods,
    time_series,
    zipped,
)
from energy_assets_tests.loopback.server import Answer, Handler, Request

TOKEN = "loopback-token-0123456789"
DE_LU = "10Y1001A1001A82H"
DE_AMPRION = "10YDE-RWENET---I"
CLOCK = ZoneInfo("Europe/Brussels")
QUARTER_HOURS_FROM = datetime(2025, 10, 1, tzinfo=CLOCK)
_NEVER = datetime(2200, 1, 1, tzinfo=UTC)
Span = tuple[datetime, datetime]
Values = Callable[[figures.Moments], figures.Values]


@dataclass(frozen=True)
class Market:
    """What the served data looks like.

    Attributes:
        zones: Codes that are answered; others are acknowledged as having no data.
        currency: Currency of prices.
        power_unit: Unit code of power.
        curve: Curve type of every document.
        gaps: Spans in which nothing is known.
        until: Nothing is known from this moment on; None means no end.
        local_auction: Whether a second auction's prices stand beside the coupled ones.
        two_imbalance_prices: Whether long and short differ.
        has_offshore: Whether the zone has wind at sea.
    """

    zones: tuple[str, ...] = (DE_LU, DE_AMPRION)
    currency: str = "EUR"
    power_unit: str = "MAW"
    curve: str = "A03"
    gaps: tuple[Span, ...] = ()
    until: datetime | None = None
    local_auction: bool = True
    two_imbalance_prices: bool = False
    has_offshore: bool = True


def entsoe_handler(
    market: Market | None = None,
    outages: Sequence[OutageMessage] = (),
    *,
    token: str = TOKEN,
    page: int = 100,
) -> Handler:
    """A handler that answers as the platform does.

    Args:
        market: What the data looks like.
        outages: Outage messages, every revision; read anew for each request.
        token: The only token that is let in.
        page: Documents of one page.
    """
    served = market or Market()

    def handle(request: Request) -> Answer:
        if request.query.get("securityToken") != token:
            return Answer(acknowledgement("Unauthorized. Missing or invalid token"), status=401)
        start, end = (_asked(request.query[name]) for name in ("periodStart", "periodEnd"))
        if end - start > timedelta(days=365):
            return Answer(acknowledgement("The time interval must not exceed one year"), status=400)
        kind = request.query["documentType"]
        if kind in {"A80", "A77"}:
            return _outage_answer(outages, request, (start, end), page)
        if not set(request.query.values()) & set(served.zones):
            return Answer(NO_DATA)
        make = _MAKERS.get((kind, request.query.get("processType", "")))
        if make is None:
            return Answer(acknowledgement(f"Unknown documentType {kind}"), status=400)
        return make(served, request, (start, end), page)

    return handle


def made_up_outages(
    resources: Sequence[str], first: datetime, days: int, *, every_hours: int = 30
) -> list[OutageMessage]:
    """Messages over a span: one per resource every so many hours; some revised, some withdrawn."""
    messages = []
    for number, resource in enumerate(resources):
        for step in range(days * 24 // every_hours):
            made = first + timedelta(hours=every_hours * step + number % every_hours)
            moment = np.asarray([int(made.timestamp()) * 1_000_000])
            draw = float(figures.uniform(moment, 20 + number)[0])
            start = made + timedelta(hours=round(2 + 40 * draw))
            message = OutageMessage(
                mrid=f"demo{number:03d}-{step:05d}",
                created=made,
                start=start,
                end=start + timedelta(hours=6 + round(60 * draw)),
                business_type="A53" if draw < 0.5 else "A54",
                unit=resource,
                available=((0, 0.0),) if draw < 0.7 else ((0, 0.0), (180, 400.0)),
            )
            messages.append(message)
            if draw > 0.8:
                status = "A13" if draw > 0.9 else "A05"
                later = made + timedelta(hours=1)
                messages.append(_revised(message, later, status))
    return messages


def _revised(message: OutageMessage, made: datetime, status: str) -> OutageMessage:
    return OutageMessage(
        **{**message.__dict__, "created": made, "revision": message.revision + 1, "status": status}
    )


def _asked(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=UTC)


def _points(
    market: Market, span: Span, minutes: int, field: str, values: Values, decimals: int = 0
) -> PointSeries:
    first, last = (int(moment.timestamp()) * 1_000_000 for moment in span)
    moments = np.arange(first, last, minutes * MINUTE, dtype=np.int64)
    texts: list[str | None] = list(numbers(values(moments), decimals))
    cuts = [
        *market.gaps,
        *([(market.until, datetime(2200, 1, 1, tzinfo=UTC))] if market.until else []),
    ]
    for start, end in cuts:
        low, high = (int(moment.timestamp()) * 1_000_000 for moment in (start, end))
        for place in np.flatnonzero((moments >= low) & (moments < high)):
            texts[place] = None
    return PointSeries(first, minutes, tuple(texts), field)


def _days(span: Span) -> list[Span]:
    """The market days that touch a span."""
    day = span[0].astimezone(CLOCK).replace(hour=0, minute=0)
    found = []
    while day < span[1]:
        following = (day + timedelta(days=1)).replace(fold=0)
        found.append((day.astimezone(UTC), following.astimezone(UTC)))
        day = following
    return found


def _inside(span: Span) -> list[Span]:
    """The market days of a span, cut to it."""
    return [(max(start, span[0]), min(end, span[1])) for start, end in _days(span)]


def _prices(market: Market, request: Request, span: Span, page: int) -> Answer:
    items = []
    for start, end in _days(span):
        minutes = 15 if start >= QUARTER_HOURS_FROM else 60
        items.append((start, end, minutes, "1", figures.day_ahead_price))
        if market.local_auction:
            items.append((start, end, 15, "2", _local_price))
    offset = int(request.query.get("offset", "0"))
    body = ""
    for number, (start, end, minutes, sequence, values) in enumerate(
        items[offset : offset + page], start=1
    ):
        points = _points(market, (start, end), minutes, "price.amount", values, 2)
        head = {
            "auction.type": "A01",
            "businessType": "A62",
            "in_Domain.mRID": request.query["in_Domain"],
            "out_Domain.mRID": request.query["out_Domain"],
            "contract_MarketAgreement.type": "A01",
            "currency_Unit.name": market.currency,
            "price_Measure_Unit.name": "MWH",
            "classificationSequence_AttributeInstanceComponent.position": sequence,
        }
        inner = periods(points, market.curve)
        body += time_series(number, head, market.curve, inner) if inner else ""
    return _answer(body, "Publication", "A44")


def _local_price(moments: figures.Moments) -> figures.Values:
    return np.round(figures.day_ahead_price(moments) + 3.21, 2)


def _generation_load(
    market: Market,
    request: Request,
    span: Span,
    page: int,
    *,
    kind: str,
    process: str,
    types: Callable[[Market], list[tuple[str, str, Values]]],
) -> Answer:
    del page
    body = ""
    for number, (code, side, values) in enumerate(types(market), start=1):
        inner = "".join(
            periods(_points(market, day, 15, "quantity", values), market.curve)
            for day in _inside(span)
        )
        head = {
            "businessType": "A04" if not code else "A01",
            "objectAggregation": "A01",
            f"{side}BiddingZone_Domain.mRID": _zone(request),
            "quantity_Measure_Unit.name": market.power_unit,
        }
        psr = f"<MktPSRType><psrType>{code}</psrType></MktPSRType>" if code else ""
        body += time_series(number, head, market.curve, psr + inner) if inner else ""
    return _answer(body, "GL", kind, process)


def _zone(request: Request) -> str:
    return next(value for name, value in request.query.items() if name.endswith("Domain"))


def _load_types(market: Market) -> list[tuple[str, str, Values]]:
    del market
    return [("", "out", figures.load_forecast)]


def _load_actual_types(market: Market) -> list[tuple[str, str, Values]]:
    del market
    return [("", "out", _as_actual(figures.load_forecast, 11))]


def _renewables(market: Market) -> list[tuple[str, str, Values]]:
    sea: list[tuple[str, str, Values]] = [("B18", "in", figures.offshore_forecast)]
    on_land: list[tuple[str, str, Values]] = [
        ("B16", "in", figures.solar_forecast),
        ("B19", "in", figures.onshore_forecast),
    ]
    return on_land + (sea if market.has_offshore else [])


def _generation_types(market: Market) -> list[tuple[str, str, Values]]:
    found: list[tuple[str, str, Values]] = [
        (code, side, _as_actual(values, 12 + number))
        for number, (code, side, values) in enumerate(_renewables(market))
    ]
    pumping = _as_actual(lambda moments: 900 * figures.uniform(moments // figures.HOUR, 31), 32)
    return [*found, ("B10", "in", _turbine), ("B10", "out", pumping)]


def _turbine(moments: figures.Moments) -> figures.Values:
    return np.round(1500 * figures.uniform(moments // figures.HOUR, 30))


def _as_actual(values: Values, salt: int) -> Values:
    return lambda moments: figures.actual(values(moments), moments, salt)


def _imbalance(market: Market, request: Request, span: Span, page: int) -> Answer:
    del page
    sides: list[tuple[str, Values]] = [("A04", figures.imbalance_price)]
    short = _short_price if market.two_imbalance_prices else figures.imbalance_price
    sides.append(("A05", short))
    body = ""
    for number, (category, values) in enumerate(sides, start=1):
        inner = ""
        for day in _inside(span):
            points = _points(market, day, 15, "imbalance_Price.amount", values, 2)
            extra = (f"<imbalance_Price.category>{category}</imbalance_Price.category>",)
            labelled = PointSeries(points.start, 15, points.values, points.field, extra)
            inner += periods(labelled, market.curve)
        head = {
            "businessType": "A19",
            "currency_Unit.name": market.currency,
            "price_Measure_Unit.name": "MWH",
        }
        body += time_series(number, head, market.curve, inner) if inner else ""
    answer = _answer(body, "Balancing", "A85", "A16")
    return _in_zip(answer) if body else answer


def _short_price(moments: figures.Moments) -> figures.Values:
    return np.round(figures.imbalance_price(moments) + 25, 2)


def _reserves(market: Market, request: Request, span: Span, page: int) -> Answer:
    process = request.query["processType"]
    business = {"A52": "A95", "A51": "A96", "A47": "A97"}[process]
    directions = ("A03",) if process == "A52" else ("A01", "A02")
    items = [(day, direction) for day in _days(span) for direction in directions]
    offset = int(request.query.get("offset", "0"))
    body = ""
    for number, (day, direction) in enumerate(items[offset : offset + page], start=1):
        head = {
            "businessType": business,
            "type_MarketAgreement.type": "A01",
            "mktPSRType.psrType": "A03",
            "flowDirection.direction": direction,
            "currency_Unit.name": market.currency,
            "price_Measure_Unit.name": "MAW",
            "quantity_Measure_Unit.name": "MAW",
        }
        body += time_series(number, head, "A01", _reserve_period(day, process, direction))
    answer = _answer(body, "Balancing", "A81", process)
    return _in_zip(answer) if body else answer


def _reserve_period(day: Span, process: str, direction: str) -> str:
    """Six blocks of four hours by the wall clock, with price and volume."""
    starts = [day[0].astimezone(CLOCK) + timedelta(hours=4 * block) for block in range(6)]
    moments = np.asarray([int(start.timestamp()) * 1_000_000 for start in starts])
    salt = 40 + int(process[1:]) + int(direction[1:])
    prices = numbers(figures.capacity_price(moments, salt), 2)
    category = "A07" if process == "A52" else "A06"
    lines = "".join(
        f"<Point><position>{place}</position><quantity>{500 + 10 * place}</quantity>"
        f"<procurement_Price.amount>{price}</procurement_Price.amount>"
        f"<imbalance_Price.category>{category}</imbalance_Price.category></Point>"
        for place, price in enumerate(prices, start=1)
    )
    start, end = (moment.strftime("%Y-%m-%dT%H:%MZ") for moment in day)
    return (
        f"<Period><timeInterval><start>{start}</start><end>{end}</end></timeInterval>"
        f"<resolution>PT4H</resolution>{lines}</Period>"
    )


def _outage_answer(
    outages: Sequence[OutageMessage], request: Request, events: Span, page: int
) -> Answer:
    query = request.query
    updated = tuple(
        _asked(query[name]) if name in query else bound
        for name, bound in (
            ("periodStartUpdate", datetime(1970, 1, 1, tzinfo=UTC)),
            ("periodEndUpdate", _NEVER),
        )
    )
    newest: dict[str, OutageMessage] = {}
    for message in outages:
        if message.revision >= newest.get(message.mrid, message).revision:
            newest[message.mrid] = message
    found = [
        message
        for message in sorted(newest.values(), key=lambda message: message.mrid)
        if message.document_type == query["documentType"]
        and (message.status == "A13") == (query.get("docStatus") == "A13")
        and message.start < events[1]
        and message.end > events[0]
        and updated[0] <= message.created <= updated[1]
    ]
    if "offset" not in query and len(found) > page:
        refused = (
            "The amount of requested data exceeds allowed limit: allowed "
            f"{page} elements, requested {len(found)} elements"
        )
        return Answer(acknowledgement(refused), status=400)
    offset = int(query.get("offset", "0"))
    chosen = found[offset : offset + page]
    if not chosen:
        return Answer(NO_DATA)
    zone = query["biddingZone_domain"]
    content = zipped((outage_document(message, zone) for message in chosen), "UNAVAILABILITY")
    return Answer(content, "application/zip")


def _answer(body: str, kind: str, document_type: str, process: str = "") -> Answer:
    if not body:
        return Answer(NO_DATA)
    return Answer(market_document(kind, document_type, body, process=process))


def _in_zip(answer: Answer) -> Answer:
    return Answer(zipped([answer.body], "BALANCING"), "application/zip")


_Maker = Callable[[Market, Request, Span, int], Answer]
_MAKERS: dict[tuple[str, str], _Maker] = {
    ("A44", ""): _prices,
    ("A85", ""): _imbalance,
    ("A65", "A01"): partial(_generation_load, kind="A65", process="A01", types=_load_types),
    ("A65", "A16"): partial(_generation_load, kind="A65", process="A16", types=_load_actual_types),
    ("A69", "A01"): partial(_generation_load, kind="A69", process="A01", types=_renewables),
    ("A75", "A16"): partial(_generation_load, kind="A75", process="A16", types=_generation_types),
    ("A81", "A52"): _reserves,
    ("A81", "A51"): _reserves,
    ("A81", "A47"): _reserves,
}
