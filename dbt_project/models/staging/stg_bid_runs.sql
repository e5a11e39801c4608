select
    {{ desk_day_columns() }},
    decision_time,
    gate_closure,
    rung,
    orders_sha256,
    expected_value,
    cvar95,
    gap,
    solver_status,
    seconds
from ({{ bid_runs_in_force(source('bids', 'bid_runs')) }})
