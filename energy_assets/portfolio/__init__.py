"""Typed units and desks: what the desk owns and how it may trade.

Belongs here: validated models and desk files. Not here: market facts, time series, equations.
"""

from energy_assets.portfolio.desk import (
    Desk,
    ForecastSettings,
    ImbalanceTerms,
    Limits,
    ScenarioSettings,
    TargetKind,
    load_desk,
)
from energy_assets.portfolio.feed_specs import (
    ElexonFeed,
    EnergyChartsFeed,
    EntsoeFeed,
    FeedSpec,
    FileColumns,
    FilesFeed,
    FuelFolderFeed,
    MappedFilesFeed,
    OpenMeteoFeed,
    OwnOutagesFeed,
    ReferenceMarketFeed,
    ReserveAuctionsFeed,
    Site,
)
from energy_assets.portfolio.market_settings import (
    BlockSettings,
    IntradaySettings,
    MarketSettings,
    ReserveSettings,
)
from energy_assets.portfolio.units import (
    BatteryUnit,
    FuelUse,
    LoadFlexibility,
    LoadUnit,
    SolarUnit,
    ThermalUnit,
    Unit,
    WindUnit,
)
from energy_assets.portfolio.validation import input_error

__all__ = [
    "BatteryUnit",
    "BlockSettings",
    "Desk",
    "ElexonFeed",
    "EnergyChartsFeed",
    "EntsoeFeed",
    "FeedSpec",
    "FileColumns",
    "FilesFeed",
    "ForecastSettings",
    "FuelFolderFeed",
    "FuelUse",
    "ImbalanceTerms",
    "IntradaySettings",
    "Limits",
    "LoadFlexibility",
    "LoadUnit",
    "MappedFilesFeed",
    "MarketSettings",
    "OpenMeteoFeed",
    "OwnOutagesFeed",
    "ReferenceMarketFeed",
    "ReserveAuctionsFeed",
    "ReserveSettings",
    "ScenarioSettings",
    "Site",
    "SolarUnit",
    "TargetKind",
    "ThermalUnit",
    "Unit",
    "WindUnit",
    "input_error",
    "load_desk",
]
