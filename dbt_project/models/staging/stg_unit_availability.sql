-- Of every MTU the state that is believed now; earlier beliefs ended.
select
    scope as desk,
    unit,
    delivery_day,
    period_start,
    resolution_min,
    available_mw,
    capacity_mw
from {{ source('curated', 'unit_availability') }}
where known_until is null
