with generation as (
    select
        generated.desk,
        generated.unit,
        generated.delivery_day,
        sum(generated.resolution_min) / 60 as hours,
        sum(generated.energy_mwh) as energy_mwh,
        sum(greatest(generated.energy_mwh, 0)) as injected_mwh,
        sum(greatest(-generated.energy_mwh, 0)) as withdrawn_mwh,
        sum(generated.coverage * generated.resolution_min) / sum(generated.resolution_min)
            as measured_share,
        sum(generated.energy_mwh * prices.price) as market_value,
        sum(generated.energy_mwh) filter (where prices.price is not null) as priced_mwh
    from {{ ref('stg_unit_generation') }} as generated
    left join {{ ref('stg_desk_prices') }} as prices using (desk, period_start, resolution_min)
    group by all
),

availability as (
    select
        desk,
        unit,
        delivery_day,
        max(capacity_mw) as capacity_mw,
        sum(available_mw * resolution_min) / nullif(sum(capacity_mw * resolution_min), 0)
            as availability
    from {{ ref('stg_unit_availability') }}
    group by all
),

-- A day may be settled live and in replay; what was traded counts first.
settled as (
    select *
    from {{ ref('stg_settlement') }}
    where session = 'day_ahead' and mode in ('live', 'replay')
    qualify mode = min(mode) over (partition by desk, delivery_day)
),

costs as (
    select
        desk,
        unit,
        delivery_day,
        {{ amount("sum(cash_cents)") }} as own_cash
    from settled
    where unit <> 'portfolio'
    group by all
),

days as (
    select desk, unit, delivery_day from generation
    union
    select desk, unit, delivery_day from availability
)

select
    concat_ws('/', days.desk, days.unit, days.delivery_day) as unit_day,
    days.desk,
    days.unit,
    days.delivery_day,
    generation.hours,
    generation.energy_mwh,
    generation.injected_mwh,
    generation.withdrawn_mwh,
    generation.measured_share,
    availability.capacity_mw,
    generation.energy_mwh / nullif(availability.capacity_mw * generation.hours, 0)
        as capacity_factor,
    availability.availability,
    generation.market_value,
    -- What goes in and out within a day has no average price of its net energy.
    case
        when least(generation.injected_mwh, generation.withdrawn_mwh)
            <= 0.01 * greatest(generation.injected_mwh, generation.withdrawn_mwh)
            then generation.market_value / nullif(generation.priced_mwh, 0)
    end as average_price,
    costs.own_cash,
    generation.market_value + coalesce(costs.own_cash, 0) as margin
from days
left join generation using (desk, unit, delivery_day)
left join availability using (desk, unit, delivery_day)
left join costs using (desk, unit, delivery_day)
order by days.desk, days.unit, days.delivery_day
