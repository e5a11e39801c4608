"""What the stochastic curve earns beside a flat schedule and a single forecast, on real prices.

    python benchmarks/bid_value.py epf [--days 91] [--scenarios 15]
    python benchmarks/bid_value.py gb  [--days 150] [--scenarios 40]

    stochastic w    `bidding.solve` on joint scenarios at risk weight w: curves
    flat            the best schedule at mean prices and mean output, price-independent orders
    single path     `bidding.solve` on the median path alone
    known prices    (epf) the best schedule had price and output been known: nobody's strategy

epf: `epf_desk`. Orders are awarded at the real price. Commitment is decided at the gate and kept;
dispatch then knows the day's output, as in the model, and deviations settle at the day-ahead price
-+ 100 EUR/MWh. Each strategy carries its own plant states from day to day; energy in store counts
only at the end of the last day.
gb: `gb_plant`. Deviations settle at the one imbalance price; the desk keeps them within a limit,
soft as everywhere: beyond it the model pays the price limit. The last column is the competition's
rule, under which a surplus lowers its own price by 0.07 GBP/MWh per MWh.

Figures are out of sample, a day: mean, CVaR-95 (mean of the worst 5 % of days), 95 % intervals of a
block bootstrap over weeks, differences paired. The first limit of gb was 1,000 MW until a trial
run of four of its days. Seeds are the days' ordinals, of the bootstrap 20160104.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from day_values import Resampling
from epf_desk import OUTPUT, DeskDay, desk_days
from gb_plant import HOURS, PlantDay, plant_days

from energy_assets.bidding import (
    StartState,
    awarded,
    flat_orders,
    perfect_foresight,
    redispatch,
    schedule_for_prices,
    solve,
)

WEIGHTS = (0.0, 0.3, 0.7)
FLAT, SINGLE, KNOWN = "flat", "single path", "known prices"
# MW: the desk's limit, one twice as wide and none at all.
GB_LIMITS = (500.0, 1000.0, 3600.0)
GB_PRICE_IMPACT = 0.07
SEED, WEEK = 20160104, 7
# A table so far is printed after so many days.
SHOWN_DAYS = 30


@dataclass(frozen=True)
class DayResult:
    """Cash of a day, energy sold or bought and left to imbalance, CPU seconds to decide it."""

    cash: float
    awarded_mwh: float
    imbalance_mwh: float
    seconds: float
    cash_with_impact: float = 0.0


def stochastic(weight: float, limit: float | None = None) -> str:
    """Name of a strategy."""
    return f"stochastic {weight:g}" + ("" if limit is None else f", {limit:,.0f} MW")


class EpfStrategy:
    """One strategy on the mixed desk, with its plant's state."""

    def __init__(self, name: str, weight: float = 0.0) -> None:
        self.name, self._weight = name, weight
        self._states: dict[str, StartState] = {}
        self._stored: float | None = None

    def earn(self, day: DeskDay, *, last: bool) -> DayResult:
        """Offer, settle, and go on from the state the day ends with."""
        before = time.process_time()
        problem = day.problem(self._states, self._weight, median_only=self.name == SINGLE)
        real = {OUTPUT: day.real_output}
        if self.name in (FLAT, KNOWN):
            if self.name == FLAT:
                mean = problem.expected_availability()
                plan = schedule_for_prices(problem, problem.weights @ problem.prices, mean)
            else:
                plan = perfect_foresight(problem, day.real_price, real)
            curves, hours_on = flat_orders(problem, plan.position), dict(plan.on)
        else:
            solution = solve(problem)
            curves = solution.curves
            hours_on = {p.name: np.array(p.on) for p in solution.dispatch if p.on}
        seconds = time.process_time() - before
        position = awarded(curves, day.real_price, problem.rules)
        done = redispatch(problem, position, real, day.real_price, commitment=hours_on)
        stored = float(done.energy["battery"][-1])
        if self._stored is None:
            self._stored = problem.start_state(problem.units[1]).energy_mwh  # type: ignore[arg-type]
        left = stored - (self._stored or 0.0) if last else 0.0
        self._states = done.end_states(problem)
        cash = done.value - day.energy_value * (stored - left)
        return DayResult(cash, np.abs(position).sum(), np.abs(done.imbalance).sum(), seconds)


def epf(days: int, scenarios: int, folder: Path) -> dict[str, list[DayResult]]:
    """Results of every strategy on the mixed desk."""
    strategies = [EpfStrategy(stochastic(weight), weight) for weight in WEIGHTS]
    strategies += [EpfStrategy(name) for name in (FLAT, SINGLE, KNOWN)]
    results: dict[str, list[DayResult]] = {strategy.name: [] for strategy in strategies}
    chosen = desk_days(days, scenarios, folder)
    print(f"forecasts and scenarios: {time.process_time():.0f} CPU s", flush=True)
    for number, day in enumerate(chosen, start=1):
        for strategy in strategies:
            results[strategy.name].append(strategy.earn(day, last=number == len(chosen)))
        tell(number, len(chosen), str(day.label))
        if number % SHOWN_DAYS == 0 and number < len(chosen):
            show(results, impact=False)
    return results


def gb(days: int, scenarios: int, folder: Path) -> dict[str, list[DayResult]]:
    """Results of every strategy on the GB plant."""
    results: dict[str, list[DayResult]] = {}
    chosen = plant_days(days, scenarios, folder / "gb_2023_quantiles.npz")
    print(f"forecasts and scenarios: {time.process_time():.0f} CPU s", flush=True)
    for number, day in enumerate(chosen, start=1):
        for name, result in gb_day(day).items():
            results.setdefault(name, []).append(result)
        tell(number, len(chosen), str(day.label))
    return results


def gb_day(day: PlantDay) -> dict[str, DayResult]:
    """Every strategy on one day."""
    wanted = [(weight, GB_LIMITS[0]) for weight in WEIGHTS]
    wanted += [(0.0, limit) for limit in GB_LIMITS[1:]]
    found = {}
    for weight, limit in wanted:
        before = time.process_time()
        problem = day.problem(weight, limit)
        position = awarded(solve(problem).curves, day.real_price, problem.rules)
        seconds = time.process_time() - before
        found[stochastic(weight, limit)] = settled(day, position, seconds)
    before = time.process_time()
    mean = problem.expected_availability()
    plan = schedule_for_prices(problem, problem.weights @ problem.prices, mean)
    found[FLAT] = settled(day, plan.position, time.process_time() - before)
    # The best offer on one path without curtailment is that path's output.
    found[SINGLE] = settled(day, day.median_output, 0.0)
    return found


def settled(day: PlantDay, position: np.ndarray, seconds: float) -> DayResult:
    """Cash of a position: metered output against the one imbalance price."""
    sold, beyond = HOURS * position, HOURS * (day.real_output - position)
    cash = sold @ day.real_price + beyond @ day.real_imbalance_price
    impact = GB_PRICE_IMPACT * float(beyond @ beyond)
    energy = float(np.abs(sold).sum()), float(np.abs(beyond).sum())
    return DayResult(float(cash), *energy, seconds, float(cash) - impact)


def show(results: dict[str, list[DayResult]], *, impact: bool) -> None:
    """The tables."""
    cash = {name: np.array([day.cash for day in days]) for name, days in results.items()}
    count = len(cash[FLAT])
    resampling = Resampling(count, WEEK, SEED)
    print(f"\n{count} days, a day")
    last = " with impact |" if impact else ""
    print(f"| strategy | mean | CVaR-95 | worst | imbalance MWh | of awards | CPU s |{last}")
    print("|---" * (8 if impact else 7) + "|")
    for name, days in results.items():
        imbalance = np.mean([day.imbalance_mwh for day in days])
        share = imbalance / np.mean([day.awarded_mwh for day in days])
        with_impact = np.mean([day.cash_with_impact for day in days])
        print(
            f"| {name} | {resampling.mean(cash[name])} | {resampling.tail(cash[name])} "
            f"| {cash[name].min():,.0f} | {imbalance:,.1f} | {share:.1%} "
            f"| {np.mean([day.seconds for day in days]):.2f} |"
            + (f" {with_impact:,.0f} |" if impact else "")
        )
    print("\n| difference | mean | | CVaR-95 | |\n|---|---|---|---|---|")
    leading = [name for name in results if name.startswith("stochastic")]
    pairs = [(name, other) for name in leading for other in (FLAT, SINGLE)]
    pairs += [(name, leading[0]) for name in leading[1:]] + [(FLAT, SINGLE)]
    for name, other in pairs:
        mean = resampling.mean(cash[name], cash[other])
        tail = resampling.tail(cash[name], cash[other])
        print(f"| {name} - {other} | {mean} | {mean.verdict} | {tail} | {tail.verdict} |")
    if KNOWN in cash:
        shares = ", ".join(f"{n} {cash[n].sum() / cash[KNOWN].sum():.1%}" for n in cash)
        print(f"\nshare of known prices: {shares}")
    print(f"{time.process_time():.0f} CPU s in all", flush=True)


def tell(done: int, of: int, label: str) -> None:
    """Progress."""
    if done % 10 == 0 or done == of:
        print(f"  {done} of {of}: {label}, {time.process_time():.0f} CPU s", flush=True)


def main() -> None:
    """Print the tables of one market."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("market", choices=("epf", "gb"))
    parser.add_argument("--days", type=int)
    parser.add_argument("--scenarios", type=int)
    parser.add_argument("--checkpoints", type=Path, default=Path("data/checkpoints"))
    asked = parser.parse_args()
    if asked.market == "epf":
        results = epf(asked.days or 91, asked.scenarios or 15, asked.checkpoints)
    else:
        results = gb(asked.days or 150, asked.scenarios or 40, asked.checkpoints)
    show(results, impact=asked.market == "gb")


if __name__ == "__main__":
    main()
