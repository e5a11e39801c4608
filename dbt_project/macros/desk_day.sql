{# The columns every model starts with; `desk_day` names the row of `desk_days` it belongs to. #}
{% macro desk_day_columns() -%}
    concat_ws('/', scope, session, mode, delivery_day) as desk_day,
    scope as desk,
    session,
    mode,
    delivery_day
{%- endmacro %}

{# Integer cents as an exact amount of currency. #}
{% macro amount(cents) -%}
    cast({{ cents }} * 0.01 as decimal(18, 2))
{%- endmacro %}
