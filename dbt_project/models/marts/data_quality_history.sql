with counted as (
    {%- for name, moment in var('raw_tables').items() %}
    select
        'raw.{{ name }}' as table_id,
        scope,
        cast({{ moment }} as date) as day,
        count(*) as stored_rows,
        count(*) filter (where revision > 1) as corrections
    from {{ source('raw', name) }}
    group by all
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

-- Of each decision the newest revision of its verdicts.
judged as (
    select
        split_part(input, ':', 1) as table_id,
        scope,
        delivery_day as day,
        count(*) filter (where verdict = 'good') as verdicts_good,
        count(*) filter (where verdict = 'suspect') as verdicts_suspect,
        count(*) filter (where verdict = 'missing') as verdicts_missing
    from ({{ rows_in_force(source('quality', 'verdicts')) }})
    group by all
),

rejected as (
    select
        table_id,
        scope,
        day,
        sum(found) as rejected_rows,
        string_agg(concat(rule, ': ', found), ', ' order by rule) as rejected_by_rule
    from (
        select
            "table" as table_id, scope, cast(rejected_at as date) as day, rule, count(*) as found
        from {{ source('quality', 'rejected_rows') }}
        group by all
    )
    group by all
),

-- A point that was cleared has a newer revision that calls it good.
points as (
    select
        "table" as table_id,
        scope,
        cast(point_time as date) as day,
        count(*) filter (where verdict = 'suspect') as points_suspect,
        count(*) filter (where verdict = 'quarantined') as points_quarantined
    from (
        select *
        from {{ source('quality', 'point_verdicts') }}
        qualify row_number() over (
            partition by scope, "table", series, row_source, point_time, source
            order by knowledge_time desc, revision desc
        ) = 1
    )
    group by all
),

days as (
    select table_id, scope, day from counted
    union
    select table_id, scope, day from judged
    union
    select table_id, scope, day from rejected
    union
    select table_id, scope, day from points
)

select
    concat_ws('/', days.table_id, days.scope, days.day) as table_day,
    days.table_id,
    days.scope,
    days.day,
    cast(coalesce(counted.stored_rows, 0) as bigint) as stored_rows,
    cast(coalesce(counted.corrections, 0) as bigint) as corrections,
    cast(coalesce(judged.verdicts_good, 0) as bigint) as verdicts_good,
    cast(coalesce(judged.verdicts_suspect, 0) as bigint) as verdicts_suspect,
    cast(coalesce(judged.verdicts_missing, 0) as bigint) as verdicts_missing,
    cast(coalesce(rejected.rejected_rows, 0) as bigint) as rejected_rows,
    rejected.rejected_by_rule,
    cast(coalesce(points.points_suspect, 0) as bigint) as points_suspect,
    cast(coalesce(points.points_quarantined, 0) as bigint) as points_quarantined
from days
left join counted using (table_id, scope, day)
left join judged using (table_id, scope, day)
left join rejected using (table_id, scope, day)
left join points using (table_id, scope, day)
order by days.table_id, days.scope, days.day
