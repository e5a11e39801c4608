"""Energy-Charts as a handler: prices by stamp, cut to the days asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from energy_assets_tests.loopback.server import Answer, Handler, Request, json_answer


def energy_charts_handler(
    prices: Mapping[datetime, float | None], *, zone: str = "DE-LU", unit: str = "EUR / MWh"
) -> Handler:
    """A handler for `/price`; the days asked for are read as UTC days, both included."""

    def handle(request: Request) -> Answer:
        if request.query.get("bzn") != zone:
            return json_answer({"detail": "no such bidding zone"}, 404)
        start = datetime.fromisoformat(request.query["start"]).replace(tzinfo=UTC)
        end = datetime.fromisoformat(request.query["end"]).replace(tzinfo=UTC) + timedelta(days=1)
        found = {stamp: price for stamp, price in prices.items() if start <= stamp < end}
        return json_answer(
            {
                "license_info": "CC BY 4.0 (creativecommons.org/licenses/by/4.0) from Somebody",
                "unix_seconds": [int(stamp.timestamp()) for stamp in found],
                "price": list(found.values()),
                "unit": unit,
                "deprecated": False,
            }
        )

    return handle
