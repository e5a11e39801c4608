select
    desk_day,
    desk,
    session,
    mode,
    delivery_day,
    model,
    max(value) filter (where metric = 'mae') as mae,
    max(value) filter (where metric = 'pinball99') as pinball99
from {{ ref('stg_scores') }}
where target = 'price'
group by all
