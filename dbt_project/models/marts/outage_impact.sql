-- Only delivered days count: days with generation. Parts of one message never add up in a period.
with delivered as (
    select availability.*
    from {{ ref('stg_unit_availability') }} as availability
    semi join {{ ref('stg_unit_generation') }} as generated
        on availability.desk = generated.desk and availability.delivery_day = generated.delivery_day
),

touched as (
    select
        parts.desk,
        parts.message_id,
        delivered.period_start,
        delivered.resolution_min,
        delivered.delivery_day,
        max(
            greatest(least(coalesce(parts.installed_mw, delivered.capacity_mw), delivered.capacity_mw)
                - parts.available_mw, 0)
            * date_diff(
                'second',
                greatest(parts.event_start, delivered.period_start),
                least(
                    parts.event_end,
                    delivered.period_start + to_minutes(delivered.resolution_min)
                )
            ) / 3600
        ) as lost_mwh
    from {{ ref('stg_outage_parts') }} as parts
    inner join delivered
        on parts.desk = delivered.desk
        and parts.unit = delivered.unit
        and parts.event_start < delivered.period_start + to_minutes(delivered.resolution_min)
        and parts.event_end > delivered.period_start
    where parts.event_status = 'active'
    group by all
),

losses as (
    select
        touched.desk,
        touched.message_id,
        count(distinct touched.delivery_day) as delivered_days,
        sum(touched.lost_mwh) as lost_mwh,
        sum(touched.lost_mwh * prices.price) as lost_value,
        sum(touched.lost_mwh) filter (where prices.price is not null) as priced_mwh
    from touched
    left join {{ ref('stg_desk_prices') }} as prices using (desk, period_start, resolution_min)
    group by all
),

messages as (
    select
        desk,
        message_id,
        unit,
        outage_type,
        event_status,
        message_revision as revisions,
        count(*) as parts,
        min(event_start) as event_start,
        max(event_end) as event_end,
        min(available_mw) as least_available_mw,
        first_known,
        first_published
    from {{ ref('stg_outage_parts') }}
    group by all
)

select
    concat_ws('/', messages.desk, messages.message_id) as message,
    messages.desk,
    messages.message_id,
    messages.unit,
    messages.outage_type,
    messages.event_status,
    messages.revisions,
    messages.parts,
    messages.event_start,
    messages.event_end,
    messages.least_available_mw,
    messages.first_known,
    messages.first_published,
    date_diff('second', messages.first_published, messages.event_start) / 3600 as notice_hours,
    coalesce(losses.delivered_days, 0) as delivered_days,
    coalesce(losses.lost_mwh, 0) as lost_mwh,
    losses.lost_value,
    losses.lost_value / nullif(losses.priced_mwh, 0) as average_price
from messages
left join losses using (desk, message_id)
order by messages.desk, messages.event_start, messages.message_id
