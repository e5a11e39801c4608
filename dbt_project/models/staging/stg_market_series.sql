select
    scope as area,
    delivery_day,
    series,
    period_start,
    resolution_min,
    value
from {{ source('curated', 'market_series') }}
