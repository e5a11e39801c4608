"""The intraday horizon: forecasts made at any time from what was measured until then.

Output of wind, solar and load units over the next 36 hours at every MTU, and the spreads of
imbalance and intraday prices to the day-ahead price. One fit serves all leads and is retrained on a
schedule; a forecast takes milliseconds.

Belongs here: the rolling history, its features, the model, reading it for a desk, rows of the
tables. Not here: day-ahead members (`forecasting.members`), joint paths (`scenarios`), decisions.
"""
