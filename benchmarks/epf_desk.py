"""A mixed desk on the EPF price of Germany: plant, forecasts and joint scenarios by day.

Plant: thermal unit 60 MW (least 24 MW, 32 EUR/MWh, start 900 EUR, 3 h up, 2 h down, 60 MW/h),
battery 20 MW / 40 MWh, wind and solar. All figures were chosen once; 32 EUR/MWh is the repository's
own for this market. Output is not in the file, so it is assumed: 2 MW per GW of the file's wind and
solar forecast, times one plus an error of 12 % that is correlated by 0.9 from hour to hour. The
desk knows this law and draws its scenarios from it; what comes true is one more draw.

Prices: the product's ensemble of the six default members, walked forward; joint paths by Gaussian
copula on ranks of the 84 days before. Member forecasts are kept in the checkpoint folder.

Not here: strategies and figures (`bid_value`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import datasets
import numpy as np

from energy_assets.bidding import BiddingProblem, StartState, make_problem
from energy_assets.commands.forecast_benchmark import MEMBERS
from energy_assets.forecasting.benchmark import Checkpoints, run_benchmark
from energy_assets.forecasting.combination import Recipe
from energy_assets.forecasting.members.registry import member
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.scenarios import joint_paths, pit
from energy_assets.market import load_area
from energy_assets.portfolio import BatteryUnit, ImbalanceTerms, Limits, ThermalUnit, WindUnit

FIRST = datasets.EPF_TEST["DE"][0]
RANK_DAYS = 84
MW_PER_SYSTEM_MW, RATING_MW = 0.002, 100.0
ERROR_SPREAD, ERROR_CORRELATION = 0.12, 0.9
OUTPUT = "wind_and_solar"
THERMAL = ThermalUnit(
    name="thermal",
    capacity_mw=60,
    min_power_mw=24,
    start_cost=900,
    min_up_hours=3,
    min_down_hours=2,
    ramp_up_mw_per_hour=60,
    ramp_down_mw_per_hour=60,
    constant_cost=32,
)
BATTERY = BatteryUnit(
    name="battery",
    power_mw=20,
    energy_mwh=40,
    charge_efficiency=0.9**0.5,
    discharge_efficiency=0.9**0.5,
    start_energy_mwh=20,
    end_energy_mwh=None,
)


@dataclass(frozen=True)
class DeskDay:
    """One delivery day; S scenarios, 24 hours.

    Attributes:
        label: The day.
        prices: Scenarios (S, 24).
        output: Scenarios (S, 24) MW.
        median_price: Of the forecast (24,).
        expected_output: Forecast (24,) MW.
        real_price: (24,).
        real_output: (24,) MW.
        energy_value: Of a MWh in store at the end of the day: mean price of 28 days known, EUR.
    """

    label: date
    prices: np.ndarray
    output: np.ndarray
    median_price: np.ndarray
    expected_output: np.ndarray
    real_price: np.ndarray
    real_output: np.ndarray
    energy_value: float

    def problem(
        self, states: dict[str, StartState], risk_weight: float, *, median_only: bool = False
    ) -> BiddingProblem:
        """The bidding problem under all scenarios, or on the median path alone."""
        start = datetime(self.label.year, self.label.month, self.label.day, tzinfo=UTC)
        prices = self.median_price[None] if median_only else self.prices
        output = self.expected_output[None] if median_only else self.output
        return make_problem(
            f"EPF desk {self.label}",
            start=start - timedelta(hours=1),
            mtu_minutes=60,
            units=[
                THERMAL,
                BATTERY.model_copy(update={"terminal_value": self.energy_value}),
                WindUnit(name=OUTPUT, capacity_mw=RATING_MW),
            ],
            prices=prices,
            availability={OUTPUT: output},
            start_states=states,
            imbalance=ImbalanceTerms(deviation_penalty=100),
            rules=load_area("EPF_DE").session().curve_rules(self.label),
            limits=Limits(max_sale_mw=180, max_purchase_mw=40, max_imbalance_mw=100),
            risk_weight=risk_weight,
            solver={"build": "twin", "reduced_scenarios": 5},
        )


def desk_days(count: int, scenarios: int, checkpoints: Path) -> list[DeskDay]:
    """Consecutive days from the first test day on."""
    history = datasets.epf("DE")
    first = FIRST - timedelta(days=RANK_DAYS)
    last = FIRST + timedelta(days=count - 1)
    run = run_benchmark(
        history,
        [member(name) for name in MEMBERS],
        Recipe(),
        first,
        last,
        checkpoints=Checkpoints(checkpoints, history),
        progress=_tell,
    )
    ranks = pit(run.quantiles, run.outcome, PERCENTILES)
    found = []
    for row in range(RANK_DAYS, RANK_DAYS + count):
        label, whole = run.days[row], history.row_of(run.days[row])
        past = ranks[row - RANK_DAYS : row]
        seed = label.toordinal()
        quantiles = run.quantiles[row]
        forecast = history.drivers["pv_wind_forecast_mw"][whole] * MW_PER_SYSTEM_MW
        found.append(
            DeskDay(
                label,
                joint_paths(past, quantiles, PERCENTILES, scenarios, seed),
                _output(forecast, scenarios, seed + 1_000_000),
                quantiles[:, 49],
                np.minimum(forecast, RATING_MW),
                run.outcome[row],
                _output(forecast, 1, seed + 2_000_000)[0],
                float(history.outcome[whole - 28 : whole].mean()),
            )
        )
    return found


def _output(forecast: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Output (count, 24) MW by the law of errors."""
    shocks = np.random.default_rng(seed).normal(size=(count, len(forecast)))
    error = np.empty(shocks.shape)
    error[:, 0] = shocks[:, 0]
    fresh = np.sqrt(1.0 - ERROR_CORRELATION**2)
    for hour in range(1, len(forecast)):
        error[:, hour] = ERROR_CORRELATION * error[:, hour - 1] + fresh * shocks[:, hour]
    output: np.ndarray = np.clip(forecast * (1.0 + ERROR_SPREAD * error), 0.0, RATING_MW)
    return output


def _tell(what: str, done: int, of: int) -> None:
    if done == of or done % 50 == 0:
        print(f"  {what}: {done} of {of}", flush=True)
