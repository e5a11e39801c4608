"""What each market session is worth to a battery, planned together or one after the other.

    python benchmarks/battery_markets.py [--days 60] [--scenarios 10]

Prices of `multimarket-2024` (Germany, real). Battery 10 MW / 20 MWh, 90 % round trip, at most two
cycles a day, wear 5 EUR per MWh discharged, half full at the start of every day; energy above or
below that at its end counts at the mean auction price of the days known. Sessions by their gates:
FCR -> aFRR up and down -> 15-minute auction. An offer is accepted if it is not above the price; FCR
is paid the price, aFRR its own offer, both in whole MW. The auction takes a curve by the area's
rules. After it the battery is dispatched; deviations settle at the auction's price -+ 100 EUR/MWh.
Called aFRR is an assumption: the same share of every award in every quarter-hour, swept, at the
price of the file (its cash is among energy's); FCR is called evenly both ways, so not at all.

    together         every gate is solved with the later sessions as recourse, awards fixed after it
    one by one       every gate looks at its own session alone, given the awards before it
    known prices     the same plant with all prices of the day known: nobody's strategy

Scenarios at every gate: the 28 last whole days known at the first one (D-29 to D-2), all series of
a day together, reduced to a few with probabilities. Every fifth day of the year in an order the
seed shuffles, so that any number of days covers all seasons; days are apart and resampled singly.
Capacity prices of aFRR are EUR/MW per block unless the row says `per hour`, see `multimarket`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import numpy as np
from day_values import Resampling
from multimarket import BLOCK_HOURS, BLOCK_OF, DAYS, FIRST, MarketDays, day_start, german_days

from energy_assets.bidding import BiddingProblem, BiddingSolution, make_problem, solve
from energy_assets.bidding.policy import policy_of
from energy_assets.bidding.replay import replay
from energy_assets.forecasting.scenarios import reduce_scenarios
from energy_assets.market import load_area
from energy_assets.portfolio import BatteryUnit, ImbalanceTerms, Limits

POWER, ENERGY = 10.0, 20.0
PAST_DAYS = 28
EVERY, SEED = 5, 5
BATTERY = BatteryUnit(
    name="battery",
    power_mw=POWER,
    energy_mwh=ENERGY,
    charge_efficiency=0.9**0.5,
    discharge_efficiency=0.9**0.5,
    wear_cost=5.0,
    max_cycles_per_day=2.0,
    start_energy_mwh=ENERGY / 2,
    end_energy_mwh=None,
)
RULES = load_area("DE_LU").session("ida1").curve_rules(FIRST)
# Hours of full delivery a store has to hold, by the area's file.
DURATION = {"fcr": 0.25, "afrr_up": 1.0, "afrr_down": 1.0}
GATES = (("fcr",), ("afrr_up", "afrr_down"))


@dataclass(frozen=True)
class Case:
    """One row of the table: reserve sessions, share of aFRR called, reading of its prices."""

    reserves: tuple[tuple[str, ...], ...]
    share: float = 0.0
    per_hour: bool = False

    @property
    def name(self) -> str:
        """As printed."""
        added = "".join(f" + {products[0].split('_')[0]}" for products in self.reserves)
        called = f", {self.share:.0%} called" if GATES[1] in self.reserves else ""
        return f"auction{added}{called}{', per hour' if self.per_hour else ''}"


FCR, AFRR = GATES
CASES = (
    Case(()),
    Case((FCR,)),
    Case((AFRR,), 0.1),
    Case((FCR, AFRR), 0.0),
    Case((FCR, AFRR), 0.1),
    Case((FCR, AFRR), 0.2),
    Case((FCR, AFRR), 0.1, per_hour=True),
)


@dataclass(frozen=True)
class DayCash:
    """Cash of a day by session, EUR, and what went wrong, MWh and MW."""

    fcr: float
    afrr: float
    energy: float
    imbalance_mwh: float
    missing_mw: float

    @property
    def total(self) -> float:
        """All sessions less wear."""
        return self.fcr + self.afrr + self.energy


@dataclass(frozen=True)
class Outlook:
    """What is known of a day at its gates.

    Attributes:
        row: The day.
        past: Days that stand for it.
        probabilities: Of them.
        terminal_value: Of a MWh in store at the end of the day, EUR.
    """

    row: int
    past: MarketDays
    probabilities: np.ndarray
    terminal_value: float

    @classmethod
    def of(cls, row: int, days: MarketDays, scenarios: int) -> Outlook:
        """From the whole days known at the first gate."""
        known = days.rows(slice(row - 1 - PAST_DAYS, row - 1))
        paths = np.hstack([known.auction, known.fcr, *known.afrr.values()])
        kept, probabilities = reduce_scenarios(paths, scenarios)
        return cls(row, known.rows(kept), probabilities, float(known.auction.mean()))

    @property
    def battery(self) -> BatteryUnit:
        """The plant with its value of energy left."""
        return BATTERY.model_copy(update={"terminal_value": self.terminal_value})


def gate_problem(
    outlook: Outlook,
    share: float,
    reserves: Iterable[str],
    awards: dict[str, np.ndarray],
    real: MarketDays | None = None,
    **changes: Any,
) -> BiddingProblem:
    """The problem of a gate with some products open and some awarded; on real prices if given."""
    prices = outlook.past if real is None else real
    fields = {
        "start": day_start(outlook.row),
        "mtu_minutes": 15,
        "units": [outlook.battery],
        "probabilities": outlook.probabilities if real is None else None,
        "prices": prices.auction,
        "reserves": [
            _product(name, prices, share, awards.get(name)) for name in (*awards, *reserves)
        ],
        "imbalance": ImbalanceTerms(deviation_penalty=100, aversion=100),
        "rules": RULES,
        "limits": Limits(max_sale_mw=POWER, max_purchase_mw=POWER, max_imbalance_mw=POWER),
        "price_points": 6,
        # A wall-clock limit must not decide a benchmark.
        "solver": {"build": "twin", "time_limit_seconds": 7200},
    }
    return make_problem(f"day {outlook.row}", **(fields | changes))


def _product(
    name: str, prices: MarketDays, share: float, award: np.ndarray | None
) -> dict[str, Any]:
    side = name.removeprefix("afrr_")
    product: dict[str, Any] = {
        "name": name,
        "direction": "symmetric" if name == "fcr" else side,
        "pricing": "pay_as_cleared" if name == "fcr" else "pay_as_bid",
        "block_of": BLOCK_OF,
        "capacity_prices": capacity(name, prices),
        "awarded_mw": award,
        "duration_hours": DURATION[name],
        "providers": {BATTERY.name: POWER},
    }
    if name != "fcr" and share:
        called = prices.called[side]
        product |= {"activation": np.full(called.shape, share), "energy_prices": called}
    return product


def capacity(name: str, prices: MarketDays) -> np.ndarray:
    """Capacity prices (N, 6) of a product, EUR per MW and hour."""
    return prices.fcr if name == "fcr" else prices.afrr[name.removeprefix("afrr_")]


def auctioned(name: str, solution: BiddingSolution, prices: np.ndarray) -> tuple[np.ndarray, float]:
    """Award (6,) MW of a product's offers at real prices (6,), and its capacity cash.

    Volumes are cumulated over rising prices and cut to whole MW, as `reserve_rounding` does.
    """
    award, cash = np.zeros(len(prices)), 0.0
    for block, price in enumerate(prices.tolist()):
        held, sold = 0.0, 0.0
        steps = [o for o in solution.reserve_offers if (o.product, o.block) == (name, block)]
        for offer in sorted(steps, key=lambda offer: offer.price):
            held += offer.volume_mw
            whole = np.floor(held + 1e-5) - sold
            sold += whole
            if offer.price <= price + 1e-9:
                award[block] += whole
                cash += whole * BLOCK_HOURS * (price if name == "fcr" else offer.price)
    return award, cash


def earn(outlook: Outlook, real: MarketDays, case: Case, together: bool) -> DayCash:
    """Offer at every gate, settle at the real prices."""
    awards: dict[str, np.ndarray] = {}
    cash = {"fcr": 0.0, "afrr": 0.0}
    for number, products in enumerate(case.reserves):
        later = [name for gate in case.reserves[number + 1 :] for name in gate]
        offered = [*products, *later] if together else products
        problem = gate_problem(outlook, case.share, offered, awards, auction=together)
        solution = solve(problem)
        for name in products:
            award, paid = auctioned(name, solution, capacity(name, real)[0])
            cash[name.split("_")[0]] += paid
            if award.any():
                awards[name] = award
    final = gate_problem(outlook, case.share, (), awards)
    result = replay(
        policy_of(final, solve(final)), gate_problem(outlook, case.share, (), awards, real)
    )
    return DayCash(
        cash["fcr"],
        cash["afrr"],
        result.mean.value - start_value(outlook),
        result.imbalance_mwh,
        result.missing_reserve_mw,
    )


def known_prices(outlook: Outlook, real: MarketDays, case: Case) -> DayCash:
    """With all prices of the day known."""
    products = [name for gate in case.reserves for name in gate]
    solution = solve(gate_problem(outlook, case.share, products, {}, real))
    return DayCash(0.0, 0.0, solution.expected_value - start_value(outlook), 0.0, 0.0)


def start_value(outlook: Outlook) -> float:
    """What the energy at the start of the day is worth."""
    return outlook.terminal_value * ENERGY / 2


Strategy = Callable[[Outlook, MarketDays, Case], DayCash]
TOGETHER, ONE_BY_ONE, KNOWN = "together", "one by one", "known prices"
STRATEGIES: dict[str, Strategy] = {
    TOGETHER: partial(earn, together=True),
    ONE_BY_ONE: partial(earn, together=False),
    KNOWN: known_prices,
}
Results = dict[tuple[Case, str], list[DayCash]]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--scenarios", type=int, default=10)
    asked = parser.parse_args()
    readings = {per_hour: german_days(per_hour=per_hour) for per_hour in (False, True)}
    rows = np.arange(PAST_DAYS + 2, DAYS, EVERY)
    chosen = np.random.default_rng(SEED).permutation(rows)[: asked.days]
    results: Results = {(case, name): [] for case in CASES for name in STRATEGIES}
    for number, row in enumerate(chosen.tolist(), start=1):
        for case in CASES:
            days = readings[case.per_hour]
            outlook = Outlook.of(row, days, asked.scenarios)
            real = days.rows(slice(row, row + 1))
            for name, strategy in STRATEGIES.items():
                if name != ONE_BY_ONE or case.reserves:
                    results[case, name].append(strategy(outlook, real, case))
        label = FIRST + timedelta(days=row)
        print(f"{number} of {len(chosen)}: {label}, {time.process_time():.0f} CPU s", flush=True)
        if number % 20 == 0 or number == len(chosen):
            show(results)


def show(results: Results) -> None:
    """Value by case and strategy, and the differences that answer the question."""
    totals = {key: np.array([day.total for day in days]) for key, days in results.items() if days}
    count = len(totals[CASES[0], TOGETHER])
    resampling = Resampling(count, 1, SEED)
    print(f"\n{count} days, EUR a day, 95 % intervals; energy less wear and value of energy held")
    print(
        "| markets | planned | total | fcr | afrr | energy | worst day | imbalance MWh | short MW |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for (case, name), cash in totals.items():
        days = results[case, name]
        parts = [
            np.mean([getattr(day, part) for day in days]) for part in ("fcr", "afrr", "energy")
        ]
        split = "- | - | -" if name == KNOWN else " | ".join(f"{part:,.0f}" for part in parts)
        imbalance = np.mean([day.imbalance_mwh for day in days])
        short = max(day.missing_mw for day in days)
        print(
            f"| {case.name} | {name} | {resampling.mean(cash)} | {split} | {cash.min():,.0f} "
            f"| {imbalance:.2f} | {short:.2f} |"
        )
    print("\n| what is gained | EUR a day | verdict |\n|---|---|---|")
    for label, cash, other in differences(totals):
        gain = resampling.mean(cash, other)
        print(f"| {label} | {gain} | {gain.verdict} |")
    print(
        f"\n{time.process_time():.0f} CPU s, {time.process_time() / count:.1f} a day\n", flush=True
    )


def differences(
    totals: dict[tuple[Case, str], np.ndarray],
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Each session added, each way of planning, then together against one by one."""
    energy, fcr, afrr, _, everything, _, _ = CASES
    for name in (TOGETHER, ONE_BY_ONE):
        for case, before in (
            (fcr, energy),
            (afrr, energy),
            (everything, fcr),
            (everything, afrr),
        ):
            start = TOGETHER if before is energy else name
            label = f"{case.name} over {before.name}, {name}"
            yield label, totals[case, name], totals[before, start]
    for case in CASES[1:]:
        label = f"{TOGETHER} over {ONE_BY_ONE}: {case.name}"
        yield label, totals[case, TOGETHER], totals[case, ONE_BY_ONE]


if __name__ == "__main__":
    main()
