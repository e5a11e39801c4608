select
    {{ desk_day_columns() }},
    period_start,
    resolution_min,
    price,
    volume_mw,
    volume_mw * resolution_min / 60 as energy_mwh,
    orders_sha256
from ({{ rows_in_force(source('trading', 'awards')) }})
