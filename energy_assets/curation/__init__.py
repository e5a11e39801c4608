"""Curation: raw series and messages turned into what the desk believes of its units and markets.

Belongs here: outage messages to availability, meters and telemetry to generation per MTU, market
series with their vintage. Not here: judging single points (`quality`), forecasts (`forecasting`).
"""
