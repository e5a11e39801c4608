"""Raw rows of a small desk, as the lake takes them, and lakes that hold only those."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from energy_assets.lakehouse.lake import Lake
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk, load_desk
from energy_assets_tests.lakehouse.frames import SteppingClock, frame

DAY = date(2026, 2, 12)
SPRING, AUTUMN = date(2026, 3, 29), date(2025, 10, 26)
_REFERENCE = Path(__file__).resolve().parents[2] / "data" / "desks" / "reference.yaml"


def desk_of(*units: str, **changes: object) -> Desk:
    """The reference desk with these units."""
    desk = load_desk(_REFERENCE)
    kept = [unit.model_dump() for unit in desk.units if unit.name in units]
    return Desk.model_validate(desk.model_dump() | {"units": kept} | changes)


def day_of(label: date = DAY) -> DeliveryDay:
    return load_area("SIM_DE_LU").session().delivery_day(label)


def lake_at(folder: Path) -> Lake:
    """An empty lake whose clock runs by itself, after every delivery day of the tests."""
    return Lake(folder, clock=SteppingClock(datetime(2026, 11, 1, tzinfo=UTC)))


def add(lake: Lake, table_id: str, scope: str, known: datetime, **columns: list[object]) -> None:
    """Append raw rows known at one time."""
    count = len(next(iter(columns.values())))
    rows = {
        **columns,
        "source": ["test"] * count,
        "knowledge_time": [known] * count,
        "knowledge_basis": ["published"] * count,
    }
    lake.append_if_changed(table_id, frame(table_id, rows), scope=scope)


def add_outage(
    lake: Lake,
    desk: Desk,
    message: str,
    start: datetime,
    end: datetime,
    available_mw: float,
    *,
    unit: str = "gas_turbine",
    revision: int = 1,
    status: str = "active",
    known: datetime | None = None,
) -> None:
    known = known or datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=revision)
    add(
        lake,
        "raw.outages",
        desk.name,
        known,
        message_id=[message],
        message_revision=[revision],
        unit=[unit],
        part=[0],
        issued_at=[known],
        published_at=[known],
        event_start=[start],
        event_end=[end],
        available_mw=[available_mw],
        installed_mw=[None],
        outage_type=["forced"],
        event_status=[status],
        cause=[""],
    )


def add_close(
    lake: Lake, desk: Desk, product: str, day: date, price: float, known: datetime
) -> None:
    unit = "EUR/t CO2" if product == "eua" else "EUR/MWh HHV"
    values = {"product": [product], "price_date": [day], "price": [price], "unit": [unit]}
    add(lake, "raw.fuel_prices", desk.area, known, **values)


def add_series(
    lake: Lake, area: str, day: DeliveryDay, series: str, prices: list[float], known: datetime
) -> None:
    """Prices of one day, by its MTUs."""
    count = day.mtu_count
    add(
        lake,
        "raw.market_prices",
        area,
        known,
        series=[series] * count,
        period_start=day.starts,
        resolution_min=[day.mtu_minutes] * count,
        price=list(prices),
        currency=["EUR"] * count,
    )


def add_readings(
    lake: Lake, desk: Desk, day: DeliveryDay, unit: str, power_mw: list[float], minutes: int
) -> None:
    """Meter readings of one day from its power, known at its end."""
    count = len(day.grid(minutes))
    assert len(power_mw) == count
    add(
        lake,
        "raw.meter_readings",
        desk.name,
        day.end,
        unit=[unit] * count,
        period_start=day.grid(minutes),
        resolution_min=[minutes] * count,
        energy_mwh=[power * minutes / 60 for power in power_mw],
    )
