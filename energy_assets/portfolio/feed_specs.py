"""Where a desk's data comes from: one model per kind of source, told apart by `source`.

Order counts: where two sources bring the same series, decisions read the first one named.

Belongs here: what a desk file may say about a source. Not here: how a source is read (`feeds`),
addresses, tokens and folders of this machine (`settings`).
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from energy_assets.portfolio.units import Name
from energy_assets.portfolio.validation import broken_rule

Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]
EntsoeSeries = Literal[
    "day_ahead_prices",
    "load_forecast",
    "wind_solar_forecast",
    "load_actual",
    "generation_actual",
    "imbalance_prices",
    "reserve_prices",
    "outages",
]
ElexonSeries = Literal["day_ahead_prices", "imbalance_prices", "outages"]


def _inside(path: str) -> str:
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\\" in path:
        raise broken_rule("", "a path inside the data folder", path)
    return path


DataPath = Annotated[str, AfterValidator(_inside)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReferenceMarketFeed(_Model):
    """The embedded, synthetic reference market.

    Attributes:
        balancing: Whether it brings reserve auctions, intraday prices, balancing energy and called
            reserves too; a desk that does not trade them spares itself the time.
    """

    source: Literal["reference_market"]
    balancing: bool = False

    @model_serializer(mode="wrap")
    def _without_default(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = dump(self)
        # A desk that does not ask keeps the configuration hash it had before it could.
        if not self.balancing:
            fields.pop("balancing", None)
        return fields


class FileColumns(_Model):
    """Roles of a file's columns: name of role to name of column.

    Attributes:
        time: Local hour start.
        price: Day-ahead price, currency/MWh.
        forecasts: Day-ahead forecast columns, MW, by variable.
    """

    time: str = "datetime_local"
    price: str = "price"
    forecasts: dict[Name, str] = Field(default_factory=dict)


class FilesFeed(_Model):
    """A file in EPF format (CSV, plain or gz).

    Attributes:
        path: Relative to the real-data folder.
        columns: Which column is what.
    """

    source: Literal["files"]
    path: DataPath
    columns: FileColumns = FileColumns()


class MappedFilesFeed(_Model):
    """Files read by a mapping: metering, telemetry, history of any source.

    Attributes:
        mapping: Mapping file, relative to the real-data folder.
        forecasts: System forecasts of the mapping that the desk's price forecast reads.
    """

    source: Literal["mapped_files"]
    mapping: DataPath
    forecasts: tuple[Name, ...] = ()


class EntsoeFeed(_Model):
    """The ENTSO-E Transparency Platform.

    Attributes:
        series: What is fetched.
        unit_codes: EIC code of the resource in outage messages, by unit of the desk.
    """

    source: Literal["entsoe"]
    series: tuple[EntsoeSeries, ...] = (
        "day_ahead_prices",
        "load_forecast",
        "wind_solar_forecast",
        "load_actual",
        "generation_actual",
        "imbalance_prices",
        "outages",
    )
    unit_codes: dict[Name, str] = Field(default_factory=dict)


class Site(_Model):
    """A point a unit's weather is read at.

    Attributes:
        name: Site name, distinct inside the desk.
        latitude: Degrees north.
        longitude: Degrees east.
        weight: Share of the unit's output that follows this site, in any scale.
    """

    name: Name
    latitude: Latitude
    longitude: Longitude
    weight: Weight = 1.0


class OpenMeteoFeed(_Model):
    """Weather forecasts of Open-Meteo.

    Attributes:
        product: `forecast` is the newest run; `previous_runs` and `single_runs` are what was
            forecast then.
        model: Weather model.
        sites: Sites by unit of the desk.
    """

    source: Literal["open_meteo"]
    product: Literal["forecast", "previous_runs", "single_runs"] = "previous_runs"
    model: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")] = "icon_seamless"
    sites: dict[Name, tuple[Site, ...]] = Field(min_length=1)


class EnergyChartsFeed(_Model):
    """Day-ahead prices of Energy-Charts: a second source to compare with.

    Attributes:
        bidding_zone: Its name of the zone; the area's code with a hyphen if left out.
    """

    source: Literal["energy_charts"]
    bidding_zone: str = ""


class ElexonFeed(_Model):
    """Elexon Insights, Great Britain.

    Attributes:
        series: What is fetched.
        unit_codes: Asset id in REMIT messages, by unit of the desk.
    """

    source: Literal["elexon"]
    series: tuple[ElexonSeries, ...] = ("day_ahead_prices", "imbalance_prices", "outages")
    unit_codes: dict[Name, str] = Field(default_factory=dict)


class ReserveAuctionsFeed(_Model):
    """Results of reserve auctions as downloaded from regelleistung.net (CSV).

    Attributes:
        folder: Relative to the real-data folder.
    """

    source: Literal["reserve_auctions"]
    folder: DataPath


class FuelFolderFeed(_Model):
    """A folder in which somebody drops dated closes of fuel and carbon (CSV).

    Attributes:
        folder: Relative to the real-data folder.
    """

    source: Literal["fuel_folder"]
    folder: DataPath


class OwnOutagesFeed(_Model):
    """A folder in which the plant drops outage messages about its own units (JSON).

    Attributes:
        folder: Relative to the real-data folder.
    """

    source: Literal["own_outages"]
    folder: DataPath


FeedSpec = Annotated[
    ReferenceMarketFeed
    | FilesFeed
    | MappedFilesFeed
    | EntsoeFeed
    | OpenMeteoFeed
    | EnergyChartsFeed
    | ElexonFeed
    | ReserveAuctionsFeed
    | FuelFolderFeed
    | OwnOutagesFeed,
    Field(discriminator="source"),
]
