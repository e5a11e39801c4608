"""Self-contained HTML reports: one per delivery day, one per backtest.

Belongs here: charts, tables and the page around them, made from frames in the tables' columns. Not
here: any figure that is not in those frames; a report adds up and shows, it decides nothing.

Public face:
    `day_report(DayReportInputs)` -> HTML; before the auction and after settlement alike
    `backtest_report(BacktestReportInputs)` -> HTML
    `write_report(path, html)`
"""

from energy_assets.reports.backtest_inputs import BacktestReportInputs, StrategySummary
from energy_assets.reports.backtest_report import backtest_report
from energy_assets.reports.day_inputs import DayReportInputs
from energy_assets.reports.day_report import day_report
from energy_assets.reports.page import write_report

__all__ = [
    "BacktestReportInputs",
    "DayReportInputs",
    "StrategySummary",
    "backtest_report",
    "day_report",
    "write_report",
]
