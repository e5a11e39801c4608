"""Turbine losses as an operator labelled them: three approaches, none of which sees the labels.

Power against the wind of the same turbine (`scada-windup`): how far below the farm's power curve,
how many robust deviations from it in its bin of wind, how far from the other turbines at the same
time. The threshold of each is the lowest with one false alarm per unit and month on the farm Marge
in 2020 (code 1 is the usual state); reported are Marge in 2023 and the farm Homer.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from detecting.labelled import Line
from detecting.series import grid
from energy_assets.quality.plausibility.signal import runs

IN_A_ROW = 3
CODES = {0: "stopped", 2: "partial", 3: "partial", 5: "idle in low wind"}
Score = Callable[[pl.DataFrame], pl.DataFrame]


def turbine_lines(root: Path) -> list[Line]:
    """One line per approach and loss code, on the part that no threshold was chosen on."""
    folder = root / "scada-windup"
    choose = _marge(folder, "20200227_20200229")
    report = [_marge(folder, "20230101_20230103"), _homer(folder)]
    found = []
    for name, score in APPROACHES.items():
        threshold = _chosen(score(choose))
        frames = [score(frame) for frame in report]
        for code, text in CODES.items():
            found.append(_line(f"loss {code} ({text}), {name}", frames, code, threshold))
    return found


def _marge(folder: Path, span: str) -> pl.DataFrame:
    rows = pl.read_parquet(folder / f"marge_scada_10min_{span}.parquet")
    return _tidy(rows.rename({"dtTimeStamp": "time"}))


def _homer(folder: Path) -> pl.DataFrame:
    rows = pl.read_parquet(folder / "homer_scada_10min_202307.parquet")
    return _tidy(rows.rename({"TimeStamp_StartFormat": "time"})).with_columns(
        pl.col("time").dt.replace_time_zone(None)
    )


def _tidy(rows: pl.DataFrame) -> pl.DataFrame:
    return (
        rows.select(
            "time",
            turbine="TurbineName",
            power="ActivePowerMean",
            wind="WindSpeedMean",
            code=pl.col("RunningLossCategory").cast(pl.Float64),
        )
        .drop_nulls()
        .unique(["turbine", "time"], keep="first", maintain_order=True)
        .sort("turbine", "time")
        .with_columns(bin=(pl.col("wind") * 2).round() / 2)
    )


def _below_curve(rows: pl.DataFrame) -> pl.DataFrame:
    curve = pl.col("power").median().over("bin")
    size = rows["power"].quantile(0.98) or 1.0
    return rows.with_columns(score=(curve - pl.col("power")) / size)


def _deviations(rows: pl.DataFrame) -> pl.DataFrame:
    apart = (pl.col("power") - pl.col("power").median().over("bin")).abs()
    rows = rows.with_columns(apart=apart)
    size = rows["power"].quantile(0.98) or 1.0
    width = pl.max_horizontal(1.4826 * pl.col("apart").median().over("bin"), pl.lit(0.005 * size))
    return rows.with_columns(score=pl.col("apart") / width)


def _from_others(rows: pl.DataFrame) -> pl.DataFrame:
    size = rows["power"].quantile(0.98) or 1.0
    usual = pl.col("power") - pl.col("power").median().over("time")
    rows = rows.with_columns(apart=usual)
    own = pl.col("apart").median().over("turbine")
    return rows.with_columns(score=(pl.col("apart") - own).abs() / size)


APPROACHES: dict[str, Score] = {
    "below the curve": _below_curve,
    "robust z by wind": _deviations,
    "against the others": _from_others,
}


def _flags(rows: pl.DataFrame, threshold: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Flagged slots and codes of each turbine, in time order."""
    found = []
    for _, one in rows.group_by("turbine", maintain_order=True):
        _, score = grid(one["time"], one["score"].to_numpy(), 10)
        _, code = grid(one["time"], one["code"].to_numpy(), 10)
        flagged = np.zeros(score.size, dtype=bool)
        for start, end in zip(*runs(score.ravel() > threshold), strict=True):
            flagged[start:end] = end - start >= IN_A_ROW
        found.append((flagged, code.ravel()))
    return found


def _alarms(flagged: np.ndarray, code: np.ndarray) -> int:
    first, last = runs(flagged)
    lone = np.array([(code[s:e] == 1).all() for s, e in zip(first, last, strict=True)], dtype=bool)
    first, last = first[lone], last[lone]
    return int(bool(len(first))) + int((first[1:] - last[:-1] > 144).sum())


def _chosen(rows: pl.DataFrame) -> float:
    months = rows.height / 144 / 30.44
    for threshold in np.quantile(rows["score"], np.linspace(0.5, 1.0, 200)):
        alarms = sum(_alarms(*each) for each in _flags(rows, float(threshold)))
        if alarms <= months:
            return float(threshold)
    return float("inf")


def _line(name: str, frames: list[pl.DataFrame], code: int, threshold: float) -> Line:
    episodes = found = points = hits = alarms = 0
    for rows in frames:
        for flagged, codes in _flags(rows, threshold):
            starts, ends = runs(codes == code)
            episodes += len(starts)
            found += sum(bool(flagged[s:e].any()) for s, e in zip(starts, ends, strict=True))
            points += int((codes == code).sum())
            hits += int(((codes == code) & flagged).sum())
            alarms += _alarms(flagged, codes)
    months = sum(rows.height for rows in frames) / 144 / 30.44
    return Line(name, episodes, found, points, hits, alarms, months)
