"""Typed units and desks: what the desk owns and how it may trade.

Belongs here: validated models and desk files. Not here: market facts, time series, equations.
"""

from energy_assets.portfolio.desk import (
    Desk,
    FeedSpec,
    FileColumns,
    FilesFeed,
    ForecastSettings,
    ImbalanceTerms,
    Limits,
    ReferenceMarketFeed,
    ScenarioSettings,
    load_desk,
)
from energy_assets.portfolio.units import (
    BatteryUnit,
    FuelUse,
    LoadUnit,
    SolarUnit,
    ThermalUnit,
    Unit,
    WindUnit,
)
from energy_assets.portfolio.validation import input_error

__all__ = [
    "BatteryUnit",
    "Desk",
    "FeedSpec",
    "FileColumns",
    "FilesFeed",
    "ForecastSettings",
    "FuelUse",
    "ImbalanceTerms",
    "Limits",
    "LoadUnit",
    "ReferenceMarketFeed",
    "ScenarioSettings",
    "SolarUnit",
    "ThermalUnit",
    "Unit",
    "WindUnit",
    "input_error",
    "load_desk",
]
