"""Self-contained HTML reports: per delivery day, backtest and forecast benchmark.

Belongs here: charts, tables and the page around them, made from frames in the tables' columns. Not
here: any figure that is not in those frames; a report adds up and shows, it decides nothing.

Public face:
    `day_report(DayReportInputs)` -> HTML; before the auction and after settlement alike
    `backtest_report(BacktestReportInputs)` -> HTML
    `forecast_report(ForecastEvaluation)` -> HTML
    `write_report(path, html)`
"""

from energy_assets.reports.backtest_inputs import BacktestReportInputs, StrategySummary
from energy_assets.reports.backtest_report import backtest_report
from energy_assets.reports.day_inputs import DayReportInputs
from energy_assets.reports.day_report import day_report
from energy_assets.reports.forecast_report import forecast_report
from energy_assets.reports.page import write_report

__all__ = [
    "BacktestReportInputs",
    "DayReportInputs",
    "StrategySummary",
    "backtest_report",
    "day_report",
    "forecast_report",
    "write_report",
]
