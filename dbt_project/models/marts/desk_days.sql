-- A desk day appears with its first bid, award or cash; what has not happened yet is null, not zero.
with days as (
    select desk_day, desk, session, mode, delivery_day from {{ ref('stg_bid_runs') }}
    union
    select desk_day, desk, session, mode, delivery_day from {{ ref('stg_awards') }}
    union
    select desk_day, desk, session, mode, delivery_day from {{ ref('stg_settlement') }}
),

awards as (
    select
        desk_day,
        sum(resolution_min) / 60 as awarded_hours,
        sum(greatest(energy_mwh, 0)) as awarded_sale_mwh,
        sum(greatest(-energy_mwh, 0)) as awarded_purchase_mwh,
        sum(price * greatest(energy_mwh, 0)) as sale_value,
        sum(price * greatest(-energy_mwh, 0)) as purchase_value
    from {{ ref('stg_awards') }}
    group by desk_day
),

cash as (
    select
        desk_day,
        {%- for component in var('cash_components') %}
        {{ amount("coalesce(sum(cash_cents) filter (where component = '" ~ component ~ "'), 0)") }}
            as cash_{{ component }},
        {%- endfor %}
        {{ amount("sum(cash_cents)") }} as cash_total,
        sum(volume_mwh) filter (where component = 'imbalance') as imbalance_net_mwh,
        sum(abs(volume_mwh)) filter (where component = 'imbalance') as imbalance_mwh
    from {{ ref('stg_settlement') }}
    group by desk_day
)

select
    days.desk_day,
    days.desk,
    days.session,
    days.mode,
    days.delivery_day,
    bids.decision_time,
    bids.rung,
    bids.orders_sha256,
    bids.expected_value,
    bids.cvar95,
    bids.gap,
    awards.awarded_hours,
    awards.awarded_sale_mwh,
    awards.awarded_purchase_mwh,
    awards.sale_value / nullif(awards.awarded_sale_mwh, 0) as average_sale_price,
    awards.purchase_value / nullif(awards.awarded_purchase_mwh, 0) as average_purchase_price,
    (awards.sale_value + awards.purchase_value)
        / nullif(awards.awarded_sale_mwh + awards.awarded_purchase_mwh, 0)
        as average_awarded_price,
    {%- for component in var('cash_components') %}
    cash.cash_{{ component }},
    {%- endfor %}
    cash.cash_total,
    cash.imbalance_mwh,
    cash.imbalance_net_mwh,
    scores.mae as price_forecast_mae,
    scores.pinball99 as price_forecast_pinball99
from days
left join {{ ref('stg_bid_runs') }} as bids using (desk_day)
left join awards using (desk_day)
left join cash using (desk_day)
left join {{ ref('stg_price_scores') }} as scores using (desk_day)
order by days.desk, days.session, days.mode, days.delivery_day
