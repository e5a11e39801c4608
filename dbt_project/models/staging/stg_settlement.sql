select
    {{ desk_day_columns() }},
    period_start,
    resolution_min,
    component,
    unit,
    volume_mwh,
    price,
    cash_cents
from ({{ rows_in_force(source('trading', 'settlement')) }})
