-- Members carry the median only; the level is a computed number.
select
    {{ desk_day_columns() }},
    decision_time,
    target,
    model,
    period_start,
    resolution_min,
    value
from (
    {{ rows_in_force(
        "(select * from " ~ source('forecasts', 'quantiles') ~ " where abs(level - 0.5) < 1e-6)",
        ["target", "model"]
    ) }}
)
