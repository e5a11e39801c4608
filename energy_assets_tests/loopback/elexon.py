"""Elexon Insights as a handler: market index, system prices, REMIT messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from energy_assets_tests.loopback.server import Answer, Handler, Request, json_answer

ROOT = "/elexon"
Row = dict[str, Any]


@dataclass(frozen=True)
class Insights:
    """What the service holds, in its own field names.

    Attributes:
        index: Rows of dataset MID.
        system_prices: Rows of system prices.
        messages: REMIT messages, every revision.
        longest_span: Longest span one question may cover.
    """

    index: Sequence[Row] = ()
    system_prices: Sequence[Row] = ()
    messages: Sequence[Row] = ()
    longest_span: timedelta = timedelta(days=7)

    def handler(self) -> Handler:
        """A handler below `ROOT`."""

        def handle(request: Request) -> Answer:
            path = request.path.removeprefix(ROOT)
            if path == "/datasets/MID":
                return self._index(request)
            if path.startswith("/balancing/settlement/system-prices/"):
                day = path.rpartition("/")[2]
                found = [row for row in self.system_prices if row["settlementDate"] == day]
                return json_answer({"metadata": {"datasets": ["DISEBSP"]}, "data": found})
            if path == "/remit/list/by-publish":
                return self._listed(request)
            if path == "/remit":
                ids = {int(text) for text in request.values["messageId"]}
                return json_answer({"data": [row for row in self.messages if row["id"] in ids]})
            return Answer(b"not found", "text/plain", 404)

        return handle

    def _index(self, request: Request) -> Answer:
        start, end = _span(request)
        if end - start > self.longest_span:
            return json_answer({"errors": "the span must not exceed 7 days"}, 400)
        rows = [
            row
            for row in self.index
            if start <= _moment(row["startTime"]) <= end
            and row["dataProvider"] in request.values["dataProviders"]
        ]
        return json_answer({"data": rows})

    def _listed(self, request: Request) -> Answer:
        start, end = _span(request)
        if end - start > self.longest_span:
            return json_answer({"errors": "the span must not exceed 7 days"}, 400)
        asset = request.query.get("assetId")
        rows = [
            {"id": row["id"], "mrid": row["mrid"], "revisionNumber": row["revisionNumber"]}
            for row in self.messages
            if start <= _moment(row["publishTime"]) <= end and asset in {None, row["assetId"]}
        ]
        if request.query.get("latestRevisionOnly", "true") == "true":
            rows = list({row["mrid"]: row for row in rows}.values())
        return json_answer({"data": rows})


def index_row(day: str, period: int, start: str, price: float, provider: str, volume=500.0) -> Row:
    """A row of dataset MID."""
    return {
        "dataset": "MID",
        "startTime": start,
        "dataProvider": provider,
        "settlementDate": day,
        "settlementPeriod": period,
        "price": price,
        "volume": volume,
    }


def system_price_row(day: str, period: int, start: str, price: float | None, created: str) -> Row:
    """A row of system prices, one price for both directions."""
    return {
        "settlementDate": day,
        "settlementPeriod": period,
        "startTime": start,
        "createdDateTime": created,
        "systemSellPrice": price,
        "systemBuyPrice": price,
        "netImbalanceVolume": -12.5,
        "priceDerivationCode": "N",
    }


def message(number: int, **changes: Any) -> Row:
    """A REMIT message about half of a plant."""
    return {
        "id": number,
        "mrid": "48X000000000011X-NGET-RMT-00000001",
        "revisionNumber": 1,
        "publishTime": "2026-03-02T09:15:00Z",
        "createdTime": "2026-03-02T09:14:40Z",
        "messageType": "UnavailabilitiesOfElectricityFacilities",
        "messageHeading": "REMIT",
        "eventType": "Production unavailability",
        "unavailabilityType": "Unplanned",
        "participantId": "PARTY",
        "assetId": "T_PLANT-1",
        "assetType": "Production",
        "affectedUnit": "PLANT-1",
        "fuelType": "Fossil Gas",
        "normalCapacity": 400.0,
        "availableCapacity": 200.0,
        "unavailableCapacity": 200.0,
        "eventStatus": "Active",
        "eventStartTime": "2026-03-02T09:00:00Z",
        "eventEndTime": "2026-03-03T18:00:00Z",
        "cause": "turbine",
        **changes,
    }


def _span(request: Request) -> tuple[datetime, datetime]:
    return _moment(request.query["from"]), _moment(request.query["to"])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
