{#
  The rows that count where a decision was made more than once: the latest decision time, then the
  newest revision of its batch, per desk, session, delivery day and mode. The same rule as
  `Lake.current`, for every mode; a test compares the two. `batch` names the columns that tell one
  batch of a decision from another, where it has several.
#}
{% macro rows_in_force(relation, batch=[]) -%}
    select *
    from {{ relation }}
    qualify decision_time = max(decision_time) over (
        partition by {{ (["scope", "session", "delivery_day", "mode"] + batch) | join(", ") }}
    )
    and revision = max(revision) over (
        partition by
            {{ (["scope", "session", "delivery_day", "decision_time", "mode"] + batch) | join(", ") }}
    )
{%- endmacro %}

{# One bid run per desk, session, delivery day and mode: live runs count only if written by the gate. #}
{% macro bid_runs_in_force(relation) -%}
    select *
    from {{ relation }}
    where mode <> 'live' or ingested_at <= gate_closure
    qualify row_number() over (
        partition by scope, session, delivery_day, mode
        order by
            decision_time desc,
            case rung
                {%- for rung in var('rungs') %}
                when '{{ rung }}' then {{ loop.index0 }}
                {%- endfor %}
                else {{ var('rungs') | length }}
            end,
            revision desc
    ) = 1
{%- endmacro %}
