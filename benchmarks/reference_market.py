"""What the reference market looks like and how predictable it is.

    python benchmarks/reference_market.py

Prints generation time per feed, price and imbalance statistics per year, forecast errors by
vintage, levels of intraday and reserve prices and calls of reserves, outage and meter shares, and
how well simple models forecast the day-ahead price from what was known before the gate. The market
is synthetic: no figure here is a claim about a real one.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from energy_assets.feeds import Access, Feed, Window, feeds_for
from energy_assets.market import load_area
from energy_assets.portfolio import Desk, ReferenceMarketFeed, load_desk

REPO = Path(__file__).resolve().parents[1]
FIRST, LAST = date(2024, 1, 1), date(2026, 12, 31)
TEST_FROM = date(2026, 1, 1)
LATER = datetime(2040, 1, 1, tzinfo=UTC)


def main() -> None:
    desk = load_desk(REPO / "data/desks/reference.yaml")
    feeds = by_name(desk)
    asking = ReferenceMarketFeed(source="reference_market", balancing=True)
    traded = by_name(desk.model_copy(update={"feeds": (asking,)}))
    beside = {name: feed for name, feed in traded.items() if name not in feeds}
    print_seconds("the reference desk", feeds)
    print_seconds("a desk with intraday, reserves and balancing energy, beyond that", beside)
    session = load_area("SIM_DE_LU").session()
    window = Window(session.delivery_day(FIRST).start, session.delivery_day(LAST).end)
    frames = {name: feed.fetch(window, LATER) for name, feed in feeds.items()}
    prices = with_local_time(frames["day_ahead_prices"])
    print_prices(prices)
    print_forecast_errors(frames)
    print_imbalance(frames)
    print_balancing({name: feed.fetch(window, LATER) for name, feed in beside.items()}, frames)
    print_desk(frames, window)
    print_skill(prices, frames["system_forecasts"])


def by_name(desk: Desk) -> dict[str, Feed]:
    return {feed.name.split(".")[-1]: feed for feed in feeds_for(desk, Access(REPO))}


def print_seconds(what: str, feeds: dict[str, Feed]) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    window = Window(start, start + timedelta(days=300))
    print(f"CPU seconds for 300 days of {what}")
    total = 0.0
    for name, feed in feeds.items():
        begin = time.process_time()
        rows = feed.fetch(window, LATER).height
        seconds = time.process_time() - begin
        total += seconds
        print(f"  {name:20s} {rows:8d} rows {seconds:6.2f}")
    print(f"  {'all':20s} {'':8s}      {total:6.2f}")


def with_local_time(frame: pl.DataFrame) -> pl.DataFrame:
    local = pl.col("period_start").dt.convert_time_zone("Europe/Berlin")
    return frame.with_columns(day=local.dt.date(), hour=local.dt.hour())


def print_prices(prices: pl.DataFrame) -> None:
    print("\nDay-ahead price, EUR/MWh")
    print("  year  mean    sd    min    max  negative %  > 250 %")
    for (year,), group in prices.group_by(pl.col("day").dt.year(), maintain_order=True):
        p = group["price"]
        print(
            f"  {year} {p.mean():6.1f} {p.std():5.1f} {p.min():6.0f} {p.max():6.0f}"
            f" {100 * (p < 0).mean():9.1f} {100 * (p > 250).mean():9.2f}"
        )
    by_hour = prices.group_by("hour").agg(pl.col("price").mean()).sort("hour")["price"]
    print("  mean by local hour:", " ".join(f"{value:.0f}" for value in by_hour))


def print_forecast_errors(frames: dict[str, pl.DataFrame]) -> None:
    print("\nSystem forecasts: MAE and RMSE in MW by local hour of issue")
    actual = frames["system_actuals"].select("series", "period_start", actual="value_mw")
    joined = frames["system_forecasts"].join(actual, on=["series", "period_start"])
    local_hour = pl.col("issue_time").dt.convert_time_zone("Europe/Berlin").dt.hour()
    error = pl.col("value_mw") - pl.col("actual")
    scores = joined.group_by("series", issued=local_hour).agg(
        mae=error.abs().mean(), rmse=error.pow(2).mean().sqrt(), mean=pl.col("actual").mean()
    )
    for series, issued, mae, rmse, mean in scores.sort("series", "issued").rows():
        print(f"  {series:6s} {issued:02d}:00 {mae:7.0f} {rmse:7.0f}   mean {mean:7.0f}")


def print_imbalance(frames: dict[str, pl.DataFrame]) -> None:
    imbalance = frames["imbalance_prices"].select("period_start", imbalance="price")
    day_ahead = frames["day_ahead_prices"].select("period_start", day_ahead="price")
    sign = pl.when(pl.col("series") == "load").then(1.0).otherwise(-1.0)
    actual = residual(frames["system_actuals"], sign, "actual")
    morning = pl.col("issue_time") == pl.col("issue_time").min().over("series", "period_start")
    expected = residual(frames["system_forecasts"].filter(morning), sign, "expected")
    joined = (
        imbalance.sort("period_start")
        .join_asof(day_ahead.sort("period_start"), on="period_start")
        .join(actual, on="period_start")
        .join(expected, on="period_start")
        .with_columns(
            spread=pl.col("imbalance") - pl.col("day_ahead"),
            error=pl.col("actual") - pl.col("expected"),
        )
    )
    price = joined["imbalance"]
    print("\nImbalance price, EUR/MWh")
    print(f"  mean {price.mean():.1f} sd {price.std():.1f} min {price.min():.0f}", end="")
    print(f" max {price.max():.0f}; sd of spread to day-ahead {joined['spread'].std():.1f}")
    correlation = np.corrcoef(joined["spread"], joined["error"])[0, 1]
    print(f"  correlation of spread with residual-load error {correlation:.2f}")


def print_balancing(beside: dict[str, pl.DataFrame], frames: dict[str, pl.DataFrame]) -> None:
    print("\nPrices against the imbalance price where all are known, EUR/MWh")
    day_ahead = frames["day_ahead_prices"].select("period_start", day_ahead="price")
    joined = (
        frames["imbalance_prices"]
        .select("period_start", imbalance="price")
        .sort("period_start")
        .join_asof(day_ahead.sort("period_start"), on="period_start")
    )
    series = [name for name, frame in beside.items() if "series" in frame.columns]
    for name in series:
        own = beside[name].select("period_start", pl.col("price").alias(name))
        joined = joined.join(own, on="period_start")
    for name in ("day_ahead", *series):
        error = joined[name] - joined["imbalance"]
        print(
            f"  {name:20s} mean {joined[name].mean():6.1f} RMSE {error.pow(2).mean() ** 0.5:5.1f}"
        )
    print("Capacity prices, EUR/MW/h, and share called")
    marginal = beside["auction_results"].filter(pl.col("statistic") == "marginal")
    called = beside["called_reserves"].group_by("product").agg(pl.col("called_share").mean())
    shares = dict(called.rows())
    for (product,), rows in marginal.group_by("product", maintain_order=True):
        price = rows["price"]
        low, high = price.quantile(0.05), price.quantile(0.95)
        print(
            f"  {product:10s} mean {price.mean():5.1f}, 5 to 95 % {low:5.1f} to {high:5.1f},"
            f" called {100 * shares[product]:5.2f} %"
        )


def residual(frame: pl.DataFrame, sign: pl.Expr, name: str) -> pl.DataFrame:
    return frame.group_by("period_start").agg((sign * pl.col("value_mw")).sum().alias(name))


def print_desk(frames: dict[str, pl.DataFrame], window: Window) -> None:
    final = frames["outages"].sort("message_revision").unique("message_id", keep="last")
    active = final.filter(pl.col("event_status") == "active")
    lost = ((active["event_end"] - active["event_start"]).dt.total_hours()).sum()
    hours = (window.end - window.start).total_seconds() / 3600
    print(f"\nThermal unit in an outage {100 * lost / hours:.1f} % of hours", end="")
    print(f" ({final.height} events, {frames['outages'].height} messages)")
    meters = frames["meter_readings"]
    revised = meters.select("unit", "period_start").is_duplicated().sum() / 2
    energy = meters.unique(["unit", "period_start"], keep="last").group_by("unit")
    print(f"Meter readings revised later: {100 * revised / (meters.height - revised):.2f} %")
    for unit, mean, low, high in (
        energy.agg(
            mean=pl.col("energy_mwh").mean() * 4,
            low=pl.col("energy_mwh").min() * 4,
            high=pl.col("energy_mwh").max() * 4,
        )
        .sort("unit")
        .rows()
    ):
        print(f"  {unit:8s} mean {mean:6.1f} MW, {low:6.1f} to {high:6.1f}")


def print_skill(prices: pl.DataFrame, forecasts: pl.DataFrame) -> None:
    """Daily forecasts of hourly mean prices over the test year, refitted every day."""
    morning = pl.col("issue_time") == pl.col("issue_time").min().over("series", "period_start")
    wide = with_local_time(forecasts.filter(morning))
    price = matrix(prices, "price")
    load, wind, solar = (
        matrix(wide.filter(pl.col("series") == name), "value_mw")
        for name in ("load", "wind", "solar")
    )
    rest = (load - wind - solar) / 1000.0
    days = [FIRST + timedelta(days=i) for i in range(len(price))]
    first_test = (TEST_FROM - FIRST).days
    weekday = np.eye(7)[[day.weekday() for day in days]]
    test = slice(first_test, None)
    naive = np.abs(price[test] - price[first_test - 7 : -7]).mean()

    def report(name: str, forecast: np.ndarray) -> None:
        error = np.abs(price[test] - forecast[test]).mean()
        print(f"  {name:52s} MAE {error:6.2f}  rMAE weekly {error / naive:.3f}")

    print(f"\nHourly day-ahead price forecasts, {TEST_FROM} to {LAST}")
    print(f"  {'last week':52s} MAE {naive:6.2f}  rMAE weekly 1.000")
    powers = [rest, rest**2, rest**3]
    report(
        "cubic in residual-load forecast, 364 days", fit(price, powers, weekday, first_test, 364)
    )
    lags = [np.roll(price, k, axis=0) for k in (1, 2, 7)]
    extremes = [
        np.repeat(x[:, None], 24, 1) for x in (lags[0][:, -1], lags[0].mean(1), rest.mean(1))
    ]
    linear = [load / 1e3, wind / 1e3, solar / 1e3, *lags, *extremes, np.roll(rest, 1, 0)]
    for name, features in (("linear", linear), ("linear and powers", [*linear, *powers[1:]])):
        for window in (182, 364, 721):
            label = f"{name} in forecasts and price lags, {window} days"
            report(label, fit(price, features, weekday, first_test, window))


def matrix(frame: pl.DataFrame, value: str) -> np.ndarray:
    """(days, 24) of hourly means; the missing spring hour repeats the one before."""
    wide = frame.group_by("day", "hour").agg(pl.col(value).mean())
    table = wide.pivot("hour", index="day", values=value).sort("day")
    ordered = table.select(str(hour) for hour in range(24)).with_columns(
        pl.col("2").fill_null(pl.col("1"))
    )
    return ordered.to_numpy()


def fit(
    price: np.ndarray, features: list[np.ndarray], weekday: np.ndarray, first: int, window: int
) -> np.ndarray:
    """Ridge per hour on asinh-scaled prices, refitted every day on `window` days before."""
    forecast = np.full_like(price, np.nan)
    for begin in range(first, len(price)):
        train, ahead = slice(begin - window, begin), slice(begin, begin + 1)
        for hour in range(24):
            columns = np.column_stack([*(x[:, hour] for x in features), weekday])
            mean, sd = columns[train].mean(0), columns[train].std(0) + 0.05
            scaled = np.column_stack([(columns - mean) / sd, np.ones(len(columns))])
            middle = np.median(price[train, hour])
            spread = np.median(np.abs(price[train, hour] - middle))
            target = np.arcsinh((price[train, hour] - middle) / spread)
            x = scaled[train]
            weights = np.linalg.solve(x.T @ x + 2.0 * np.eye(x.shape[1]), x.T @ target)
            forecast[ahead, hour] = np.sinh(scaled[ahead] @ weights) * spread + middle
    return forecast


if __name__ == "__main__":
    main()
