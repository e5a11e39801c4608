select
    {{ desk_day_columns() }},
    model,
    max(value) filter (where metric = 'mae') as mae,
    max(value) filter (where metric = 'pinball99') as pinball99
from ({{ rows_in_force(source('forecasts', 'scores')) }})
where target = 'price'
group by all
