"""Weather forecasts of Open-Meteo at the sites of a desk's units: raw.weather_forecasts.

    places       sites and the variables asked for each
    hourly       one request for many sites, its answer checked and turned into rows
    products     the three products below as feeds

Products, by what a row may be used for:

- `forecast`: the newest run, for live decisions. Issued in the hour of the request, known at the
  request (`observed`); nothing can be fetched for the past.
- `previous_runs`: what was forecast 1, 2 and 3 days before each hour (`_previous_dayN`). Such a
  value comes from the last run started 24 h x N or more before the hour; by rule it is known at
  valid time - 24 h x N + publication delay of the model. A decision at noon of D-1 thus reads
  `_previous_day1` for the first hours of D only, `_previous_day2` beyond.
- `single_runs`: each run (00, 06, 12, 18 UTC) exactly as issued, with leads up to `LONGEST_LEAD`;
  known at its start + publication delay. The best history; the archive begins in September 2025
  for most models.

The historical-forecast service is never asked: it strings together the first hours of every run,
so that its value for an hour was made a few hours before that hour. Trained or replayed on it, a
day-ahead decision would know the future. The archive (ERA5) is truth, not a forecast.

A mean over the preceding hour (irradiance) has its stamp at the end of its period, an instant
(wind, temperature) at the start of the hour it is stored for.
"""

from energy_assets.feeds.open_meteo.places import Place, places_of
from energy_assets.feeds.open_meteo.products import SOURCE, OpenMeteoWeather, feeds_of

__all__ = ["SOURCE", "OpenMeteoWeather", "Place", "feeds_of", "places_of"]
