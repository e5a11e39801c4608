-- The newest revision of a message counts, with all its parts; of each row the newest correction.
with rows_in_force as (
    select *
    from {{ source('raw', 'outages') }}
    qualify row_number() over (
        partition by scope, message_id, message_revision, part, source
        order by knowledge_time desc, revision desc
    ) = 1
)

select
    scope as desk,
    message_id,
    part,
    message_revision,
    unit,
    outage_type,
    event_status,
    event_start,
    event_end,
    available_mw,
    installed_mw,
    min(knowledge_time) over message as first_known,
    min(published_at) over message as first_published
from rows_in_force
window message as (partition by scope, message_id)
qualify message_revision = max(message_revision) over message
    -- Two sources may bring one message: one of them is enough.
    and source = min(source) over (partition by scope, message_id, message_revision)
