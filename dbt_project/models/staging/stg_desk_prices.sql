-- The clearing price of the desk's area, as its awards carry it: the same in every mode.
select
    desk,
    period_start,
    resolution_min,
    max(price) as price
from {{ ref('stg_awards') }}
where session = 'day_ahead'
group by all
