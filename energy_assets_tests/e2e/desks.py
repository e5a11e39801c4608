"""Light desks for tests that run whole decisions: short windows, a few seconds a decision.

`reference_desk` is the desk of every unit type on the reference market; `epf_desk` is a battery on
a file in EPF format, which `write_epf_file` makes or `cut_epf_file` cuts from the real series.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from energy_assets.bidding.runs import BidResult, run_bids, run_last_rung
from energy_assets.feeds import Access, feeds_for
from energy_assets.forecasting.runs import ForecastRun, run_forecast, run_verdicts
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.run_stamp import Mode, RunStamp
from energy_assets.portfolio import Desk, load_desk
from energy_assets.quality.admission import Admission
from energy_assets.quality.catch_up import catch_up
from energy_assets.quality.verdicts import Verdict

DESKS = Path(__file__).resolve().parents[2] / "data" / "desks"
SESSION = "day_ahead"
EPF_PATH = "epf/DE.csv.gz"
EPF_DAY = date(2016, 1, 20)
REFERENCE_DAY = date(2026, 2, 12)
_LIGHT = {
    "forecast": {
        "members": {
            "price": ("lear_21", "lear_28"),
            "wind": ("analogues",),
            "solar": ("analogues",),
        },
        "qra_window_days": 29,
        "fold_days": 0,
        "longest_retrain_days": 1,
    },
    "scenarios": {"count": 8, "reduced_count": 3},
    "history_days": 40,
    "price_points": 6,
}


def light(desk: Desk, **changes: object) -> Desk:
    """The desk with short windows and few scenarios, and any other field changed."""
    return Desk.model_validate(desk.model_dump() | _LIGHT | changes)


def reference_desk(units: Sequence[str] | None = None, **changes: object) -> Desk:
    """A light reference desk, with all its units or only those named."""
    desk = load_desk(DESKS / "reference.yaml")
    if units is not None:
        changes["units"] = [unit.model_dump() for unit in desk.units if unit.name in units]
    return light(desk, **{"name": "reference_light", **changes})


def epf_desk(**changes: object) -> Desk:
    """A light battery desk on the file at `EPF_PATH` under its data folder."""
    return light(load_desk(DESKS / "epf_de.yaml"), **{"name": "epf_light", **changes})


def write_epf_file(folder: Path, first: date, last: date, seed: int = 1) -> Path:
    """A made-up EPF file from first to last day; a day's values depend on seed and day only."""
    lines = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        rng = np.random.default_rng([seed, day.toordinal()])
        hour = np.arange(24)
        weekend = day.weekday() >= 5
        load = 21000 - 2500 * weekend + 4000 * np.sin((hour - 7) * np.pi / 12)
        load += rng.normal(0, 300, 24)
        renewables = rng.uniform(1000, 20000) * (1 + 0.3 * np.sin((hour - 6) * np.pi / 12))
        price = 30 + (load - 20000) / 400 - (renewables - 9000) / 700 + rng.normal(0, 2, 24)
        lines += _epf_lines(day, price, load, renewables)
    return _write(folder, lines)


def cut_epf_file(real_data: Path, folder: Path, first: date, last: date) -> Path:
    """The rows of the real series from first to last day."""
    rows = gzip.decompress((real_data / EPF_PATH).read_bytes()).decode().splitlines()
    names = rows[0].split(",")
    wanted = [names.index(name) for name in _EPF_HEADER.split(",")]
    lines = []
    for row in rows[1:]:
        cells = row.split(",")
        if first.isoformat() <= cells[wanted[0]][:10] <= last.isoformat():
            lines.append(",".join(cells[place] for place in wanted))
    return _write(folder, lines)


def fetch(lake: Lake, desk: Desk, data: Path, first: date, last: date) -> list[Admission]:
    """History into a lake for decisions from first to last day, as known once all has passed."""
    late = datetime(2100, 1, 1, tzinfo=UTC)
    admissions = []
    for feed in feeds_for(desk, Access(data)):
        admissions += catch_up(lake, desk, feed, first, last, late)
    return admissions


def stamp_of(desk: Desk, day: date, mode: Mode = "replay", run_id: str = "test") -> RunStamp:
    """The decision of a delivery day at the desk's own decision time."""
    return RunStamp(SESSION, day, desk.decision_time(day), run_id, mode)


@dataclass(frozen=True)
class Decision:
    """What the steps of a decision gave."""

    verdicts: list[Verdict]
    last_rung: BidResult
    forecast: ForecastRun
    bids: BidResult

    @property
    def rows_written(self) -> int:
        """Rows of forecasts and bids appended."""
        steps = (self.last_rung, self.forecast, self.bids)
        return sum(step.rows_written for step in steps)


def decide(lake: Lake, desk: Desk, day: date, mode: Mode = "replay") -> Decision:
    """A whole decision: verdicts, last rung, forecast, bids."""
    stamp = stamp_of(desk, day, mode)
    return Decision(
        run_verdicts(lake, desk, stamp),
        run_last_rung(lake, desk, stamp),
        run_forecast(lake, desk, stamp),
        run_bids(lake, desk, stamp),
    )


def fingerprints(lake: Lake, desk: Desk, day: date, made: Decision) -> dict[str, str]:
    """Every output of a decision, bit by bit: SHA-256 of the bytes, by name of the output."""
    forecast = made.forecast.forecast
    arrays = {"probabilities": forecast.scenarios.probabilities}
    for target in forecast.targets.values():
        arrays[f"quantiles/{target.target}"] = target.quantiles
        arrays |= {f"members/{name}": path for name, path in target.members.items()}
    arrays |= {f"scenarios/{name}": paths for name, paths in forecast.scenarios.paths.items()}
    found = {name: _sha256(values.tobytes()) for name, values in arrays.items()}
    found["rungs"] = f"{forecast.rung}, {made.bids.solution.rung.value}"
    found["verdicts"] = _sha256(repr(made.verdicts).encode())
    for name, bids in (("last_rung", made.last_rung), ("bids", made.bids)):
        found[f"{name}/sha256"] = bids.orders.sha256
        points = [(curve.start, curve.minutes, curve.points) for curve in bids.orders.curves]
        found[f"{name}/curves"] = _sha256(repr(points).encode())
        found[f"{name}/expected_value"] = bids.solution.expected_value.hex()
    runs = lake.read(
        "bids.bid_runs",
        scope=desk.name,
        where={"delivery_day": day, "decision_time": desk.decision_time(day)},
    )
    for rung, inputs in runs.select("rung", "input_hash").iter_rows():
        found[f"input_hash/{rung}"] = inputs
    return found


def main() -> None:
    """Decide in a process of its own: folder of the lake, desk as JSON, delivery day."""
    lake, desk, day = Lake(sys.argv[1]), Desk.model_validate_json(sys.argv[2]), sys.argv[3]
    label = date.fromisoformat(day)
    print(json.dumps(fingerprints(lake, desk, label, decide(lake, desk, label))))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


_EPF_HEADER = "datetime_local,price,amprion_zonal_load_forecast_mw,pv_wind_forecast_mw"


def _epf_lines(day: date, price: np.ndarray, load: np.ndarray, renewables: np.ndarray) -> list[str]:
    return [
        f"{day.isoformat()} {hour:02d}:00:00,{price[hour]:.2f},{load[hour]:.1f},"
        f"{renewables[hour]:.1f}"
        for hour in range(24)
    ]


def _write(folder: Path, lines: list[str]) -> Path:
    path = folder / EPF_PATH
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("\n".join([_EPF_HEADER, *lines, ""]).encode(), mtime=0))
    return path


if __name__ == "__main__":
    main()
