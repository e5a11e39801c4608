"""Forecasting: features, models, combination, calibration, scenarios and scores.

Belongs here: everything between point-in-time tables and the quantiles and joint paths a bidding
model reads. The numerical core is pure functions on numpy arrays, day by day in rows and delivery
periods in columns:

- `lear`: LASSO price model with a solver for all periods at once (`coordinate_descent`);
- `quantile_regression`: member forecasts or past errors in, 99 quantiles out;
- `scenarios`: quantiles and past ranks in, joint paths and their reduction out;
- `scoring`: accuracy of points and quantiles, each with its formula.

Not here: reading tables outside `lake.as_of`, bids, schedules of runs.
"""
