"""A small desk on given sources, and its feeds asking a loopback server without waiting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from energy_assets.feeds import Access, feeds_for
from energy_assets.feeds.source_session import Policy, SourceSession
from energy_assets.portfolio import Desk

UNITS = (
    {"kind": "wind", "name": "wind", "capacity_mw": 50},
    {"kind": "solar", "name": "solar", "capacity_mw": 30},
    {"kind": "battery", "name": "battery", "power_mw": 20, "energy_mwh": 40},
    {"kind": "load", "name": "load", "peak_mw": 12},
    {
        "kind": "thermal",
        "name": "gas",
        "capacity_mw": 100,
        "fuel": {
            "product": "ttf_hhv",
            "price_basis": "higher",
            "efficiency_lhv": 0.52,
            "emission_factor": 0.202,
            "emission_factor_basis": "lower",
            "co2_product": "eua",
        },
    },
)
POLICY = Policy(requests_per_minute=6000, attempts=3)


def desk_on(*feeds: dict[str, Any], area: str = "DE_LU") -> Desk:
    return Desk.model_validate(
        {
            "name": "desk",
            "area": area,
            "owner": "tests",
            "participant_id": "P",
            "portfolio_id": "P",
            "balance_area": "B",
            "units": UNITS,
            "feeds": feeds,
            "limits": {"max_sale_mw": 1, "max_purchase_mw": 1, "max_imbalance_mw": 1},
        }
    )


def feeds_on(
    spec: dict[str, Any],
    *,
    area: str = "DE_LU",
    folder: Path = Path(),
    url: str = "",
    tokens: Mapping[str, str] | None = None,
    raw_answers: Path | None = None,
    **changes: Any,
) -> list[Any]:
    """Feeds of one source; with an address, every one of its services is there."""
    source = spec["source"]
    names = [source, *(f"{source}_{name}" for name in ("forecast", "previous_runs", "single_runs"))]
    access = Access(
        folder,
        {name: url for name in names if url},
        {name: SecretStr(token) for name, token in (tokens or {}).items()},
        raw_answers,
    )
    found = feeds_for(desk_on(spec, area=area), access)
    if not url:
        return found
    secrets = {"apikey": tokens[source]} if tokens else None
    session = SourceSession(
        source, url, POLICY, secrets=secrets, raw_answers=raw_answers, sleep=lambda _: None
    )
    return [replace(feed, session=session, **changes) for feed in found]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)
