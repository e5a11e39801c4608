"""Recall and false alarms on real faults, labelled or plain to see in the data.

Each function gives lines of the table: what, labelled points, episodes, recall by episode and by
point, false alarms (flagged episodes outside any label) and the unit-months they came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from detecting.series import grid, zones
from energy_assets.quality.plausibility import Signal, findings
from energy_assets.quality.plausibility.signal import Floats, Mask, runs

UNIT = ("limits", "zero", "frozen", "replay", "scale", "residual", "level_shift", "skew")
AREA = ("limits", "zero", "frozen", "replay", "scale")


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    name: str
    episodes: int
    found: int
    points: int
    points_found: int
    false_alarms: int
    months: float


def labelled_lines(root: Path, part: str) -> list[Line]:
    """The labelled sets of a part: PV by halves, zeros by zone, the dead sensor to report."""
    mast = mast_lines(root) if part == "report" else []
    return [*pv_lines(root, part), *mast, *zero_lines(root, part)]


def pv_lines(root: Path, part: str) -> list[Line]:
    folder = root / "pv-pvanalytics"
    found = []
    for name, file, label, rules in (
        ("PV stale", "ac_power_inv_2173_stale_data", "stale_data_mask", ("frozen",)),
        (
            "PV interpolated",
            "ac_power_inv_2173_interpolated_data",
            "interpolated_data_mask",
            ("frozen", "frozen.line"),
        ),
        (
            "PV outlier",
            "ac_power_inv_7539_outliers",
            "outlier",
            ("residual", "limits", "limits.night"),
        ),
    ):
        rows = pl.read_csv(folder / f"{file}.csv.gz")
        times = rows["timestamp"].str.slice(0, 19).str.to_datetime()
        _, values = grid(times, rows["value_normalized"].to_numpy(), 15)
        _, marked = grid(times, rows[label].to_numpy().astype(float), 15)
        signal = Signal("solar", 15, values, 0.0, 1.0)
        middle = len(values) // 2
        days = slice(0, middle) if part == "choose" else slice(middle, None)
        found.append(_line(name, signal, marked == 1, rules, days=days))
        if name != "PV outlier":
            # A label on a zero at night cannot be told from the night.
            lit = (marked == 1) & (values != 0)
            found.append(_line(f"{name}, not 0", signal, lit, rules, days=days))
    return found


def mast_lines(root: Path) -> list[Line]:
    rows = pl.read_parquet(root / "windmast-brightwind" / "mast_10min_2016_2017.parquet")
    found = []
    _, other = grid(rows["Timestamp"], rows["Spd80mN"].to_numpy(), 10)
    _, values = grid(rows["Timestamp"], rows["Spd80mS"].to_numpy(), 10)
    for name, expected in (("with its sibling", other), ("alone", None)):
        signal = Signal("weather", 10, values, 0.0, 75.0, expected=expected)
        dead = values == 0
        found.append(
            _line(
                f"dead anemometer, {name}",
                signal,
                dead,
                ("zero", "frozen", "frozen.rest", "level_shift"),
            )
        )
    return found


ZEROS = {
    "choose": (
        ("EE", "load", "load_da_forecast_mw"),
        ("PT", "wind", "wind_onshore_da_forecast_mw"),
    ),
    "report": (
        ("DE", "load", "load_da_forecast_mw"),
        ("DE", "generation", "generation_da_forecast_mw"),
        ("EE", "load", "load_actual_mw"),
        ("CH", "wind", "wind_onshore_da_forecast_mw"),
    ),
}


def zero_lines(root: Path, part: str) -> list[Line]:
    rows = zones(root)
    found = []
    for zone, kind, column in ZEROS[part]:
        one = rows.filter(pl.col("zone") == zone)
        _, values = grid(one["datetime_local"], one[column].to_numpy(), 60)
        signal = Signal(kind, 60, values, 0.0, aggregate=True)
        line = _line(
            f"zeros: {zone} {column.removesuffix('_mw')}",
            signal,
            values == 0,
            ("zero",),
            AREA,
        )
        found.append(line)
    return found


def _line(
    name: str,
    signal: Signal,
    marked: Mask,
    own: tuple[str, ...],
    rules: tuple[str, ...] = UNIT,
    days: slice = slice(None),
) -> Line:
    """What the whole series gives, counted on some of its days."""
    flagged = np.zeros(signal.flat.size, dtype=bool)
    for finding in findings(signal, rules):
        if finding.rule in own:
            flagged |= finding.flagged
    marked = marked[days].ravel()
    flagged = flagged.reshape(signal.values.shape)[days].ravel()
    return counted(name, marked, flagged, flagged & ~marked, signal.values[days])


def counted(name: str, marked: Mask, flagged: Mask, outside: Mask, values: Floats) -> Line:
    starts, ends = runs(marked)
    hit = [bool(flagged[start:end].any()) for start, end in zip(starts, ends, strict=True)]
    slots = values.shape[1]
    first, last = runs(outside)
    # A finding that overlaps a label is that label's, also where it is a slot longer.
    edge = np.concatenate([[False], marked, [False]])
    lone = np.array(
        [not (edge[s] or edge[e + 1]) for s, e in zip(first, last, strict=True)], dtype=bool
    )
    first, last = first[lone], last[lone]
    alarms = int(bool(len(first))) + int((first[1:] - last[:-1] > slots).sum())
    there = np.isfinite(values).sum() / slots
    return Line(
        name,
        len(starts),
        sum(hit),
        int(marked.sum()),
        int((marked & flagged).sum()),
        alarms,
        there / 30.44,
    )
