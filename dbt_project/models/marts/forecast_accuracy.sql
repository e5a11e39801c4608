-- Units that take power are forecast as consumption, but curated as negative injection.
with generation as (
    select
        desk,
        unit as target,
        period_start,
        resolution_min,
        case when sum(energy_mwh) over (partition by desk, unit, delivery_day) < 0 then -1 else 1 end
            * power_mw as outcome
    from {{ ref('stg_unit_generation') }}
    where basis <> 'filled'
),

outcomes as (
    select desk, target, period_start, resolution_min, outcome from generation
    union all
    select desk, 'price', period_start, resolution_min, price from {{ ref('stg_desk_prices') }}
),

errors as (
    select
        forecast.desk_day,
        forecast.desk,
        forecast.session,
        forecast.mode,
        forecast.delivery_day,
        forecast.target,
        forecast.model,
        -- Whole hours from the decision to the period, in blocks of six.
        cast(
            floor(date_diff('minute', forecast.decision_time, forecast.period_start) / 360) * 6
            as integer
        ) as horizon_from_hours,
        forecast.value - outcomes.outcome as error
    from {{ ref('stg_median_forecasts') }} as forecast
    inner join outcomes using (desk, target, period_start, resolution_min)
),

by_horizon as (
    select
        desk_day, desk, session, mode, delivery_day, target, model, horizon_from_hours,
        count(*) as periods,
        avg(abs(error)) as mae,
        sqrt(avg(error * error)) as rmse,
        avg(error) as bias
    from errors
    group by all
),

scored as (
    {%- for metric in ["mae", "rmse", "bias"] %}
    select
        desk_day, desk, session, mode, delivery_day, target, model,
        '{{ metric }}' as metric, horizon_from_hours, periods, {{ metric }} as value
    from by_horizon
    union all
    {%- endfor %}
    select
        desk_day, desk, session, mode, delivery_day, target, model,
        metric, cast(null as integer), cast(null as bigint), value
    from {{ ref('stg_scores') }}
)

select
    desk_day,
    desk,
    session,
    mode,
    delivery_day,
    target,
    model,
    metric,
    case
        when horizon_from_hours is null then 'whole day'
        else concat(horizon_from_hours, ' to ', horizon_from_hours + 6, ' h')
    end as horizon,
    horizon_from_hours,
    periods,
    value
from scored
order by desk_day, target, model, metric, horizon_from_hours nulls first
