with series as (
    select *, resolution_min / 60 as hours
    from {{ ref('stg_market_series') }}
),

prices as (
    select
        area,
        delivery_day,
        value as price,
        hours,
        -- The first period of the day opens the session's clock, whatever its zone.
        date_diff('minute', min(period_start) over day_of_area, period_start) / 60 as hour_of_day,
        sum(hours) over day_of_area as covered_hours
    from series
    where series = 'price.day_ahead'
    window day_of_area as (partition by area, delivery_day)
),

-- Peak is the ninth to the twentieth hour, Monday to Friday; a day with gaps has none.
priced as (
    select
        area,
        delivery_day,
        sum(hours) as priced_hours,
        sum(price * hours) / sum(hours) as base_price,
        sum(price * hours) filter (where is_peak) / sum(hours) filter (where is_peak) as peak_price,
        min(price) as min_price,
        max(price) as max_price,
        max(price) - min(price) as price_spread,
        coalesce(sum(hours) filter (where price < 0), 0) as negative_hours
    from (
        select
            *,
            covered_hours between 23 and 25
            and hour_of_day >= 8
            and hour_of_day < 20
            and isodow(delivery_day) <= 5 as is_peak
        from prices
    )
    group by area, delivery_day
),

volumes as (
    select
        area,
        delivery_day,
        {%- for quantity in ["load", "wind", "solar"] %}
        {%- for kind in ["forecast", "actual"] %}
        sum(value * hours) filter (where series = '{{ kind }}.{{ quantity }}')
            as {{ quantity }}_{{ kind }}_mwh,
        {%- endfor %}
        {%- endfor %}
        sum(value * hours) filter (
            where series in ('forecast.wind', 'forecast.solar', 'forecast.renewables')
        ) as renewables_forecast_mwh,
        sum(value * hours) filter (
            where series in ('actual.wind', 'actual.solar', 'actual.renewables')
        ) as renewables_actual_mwh,
        sum(value * hours) filter (where series in {{ imbalance_series() }})
            / sum(hours) filter (where series in {{ imbalance_series() }}) as imbalance_price
    from series
    group by area, delivery_day
)

select
    concat_ws('/', volumes.area, volumes.delivery_day) as area_day,
    volumes.area,
    volumes.delivery_day,
    priced.priced_hours,
    priced.base_price,
    priced.peak_price,
    priced.min_price,
    priced.max_price,
    priced.price_spread,
    priced.negative_hours,
    volumes.load_forecast_mwh,
    volumes.load_actual_mwh,
    volumes.wind_forecast_mwh,
    volumes.wind_actual_mwh,
    volumes.solar_forecast_mwh,
    volumes.solar_actual_mwh,
    volumes.renewables_forecast_mwh,
    volumes.renewables_actual_mwh,
    volumes.imbalance_price,
    volumes.imbalance_price - priced.base_price as imbalance_premium
from volumes
left join priced using (area, delivery_day)
order by volumes.area, volumes.delivery_day
