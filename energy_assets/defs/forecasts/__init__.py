"""Forecasts: quantiles and joint scenarios of each decision."""
