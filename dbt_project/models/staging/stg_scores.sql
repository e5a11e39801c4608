select
    {{ desk_day_columns() }},
    target,
    model,
    metric,
    value
from ({{ rows_in_force(source('forecasts', 'scores')) }})
