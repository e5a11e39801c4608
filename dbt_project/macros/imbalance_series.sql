{# Areas with one imbalance price, and those with one for each side. #}
{% macro imbalance_series() -%}
    ('price.imbalance', 'price.imbalance_long', 'price.imbalance_short')
{%- endmacro %}
