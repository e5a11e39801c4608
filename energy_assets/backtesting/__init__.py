"""Backtesting: the daily decision replayed over a range, and its value beside simple strategies.

Belongs here: strategies, the replay and the capture figure. Not here: the decision itself
(`forecasting`, `bidding`), cash (`trading`), charts (`reports`).
"""

from energy_assets.backtesting.capture import StrategyValue, capture_values
from energy_assets.backtesting.replay import BacktestResult, replay
from energy_assets.backtesting.strategies import STRATEGIES

__all__ = ["STRATEGIES", "BacktestResult", "StrategyValue", "capture_values", "replay"]
