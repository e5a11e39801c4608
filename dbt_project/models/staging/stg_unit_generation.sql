select
    scope as desk,
    unit,
    delivery_day,
    period_start,
    resolution_min,
    power_mw,
    power_mw * resolution_min / 60 as energy_mwh,
    coverage,
    basis
from {{ source('curated', 'unit_generation') }}
