"""The reference market: an embedded, synthetic market so that everything runs with no network.

Every number is a pure function of (seed, UTC time): any window can be generated alone, in any
order, in the past or the future, with the same result. Its rows carry the source
`reference_market_synthetic`; nothing learned on it is a claim about a real market.

    noise            hashed random fields and their forecasts
    weather          wind, irradiance, temperature at sites
    power_system     load, wind and solar power of the area
    fuels            gas, coal and EUA closes
    day_ahead        merit order and day-ahead prices
    imbalance        imbalance prices
    intraday         intraday auctions and the continuous index
    reserves         capacity prices of reserve auctions
    balancing        balancing energy prices and called reserves
    outages          messages of the desk's thermal units
    metering         readings of the desk's wind, solar and load units
    area_rows, balancing_rows, desk_rows, market      registry rows and publication times
"""

from energy_assets.feeds.reference_market.market import (
    SEED,
    SOURCE,
    ReferenceMarketFeed,
    feeds_of,
    reference_market_feeds,
)

__all__ = ["SEED", "SOURCE", "ReferenceMarketFeed", "feeds_of", "reference_market_feeds"]
