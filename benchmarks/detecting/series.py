"""Real series that attacks are injected into, in two parts: one to choose on, one to report on.

Each series is a `Signal` with an expected series and, for prices, a second source. Parts:

- `choose`: earlier years or some of the units; thresholds in `thresholds.yaml` were chosen on it;
- `report`: later years or the other units; nothing was chosen on it.

Zeros that the sources wrote for missing values are taken out of load and wind before injection;
nothing else is cleaned, so some of the false alarms counted are faults of the real data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from energy_assets.quality.plausibility.calibration import blended
from energy_assets.quality.plausibility.signal import Floats, Signal, on_day_grid

# EE is left to the labelled zeros; its load forecast has little else that is clean.
LOAD_ZONES = (
    *("DE", "NL", "BE", "CH", "ES", "PT", "PL", "DK_1", "DK_2", "SE_1", "SE_2", "SE_3", "SE_4"),
    *("NO_1", "NO_2", "NO_3", "NO_4", "NO_5", "FI"),
)


@dataclass(frozen=True)
class Series:
    """A named real series of one part.

    With `drivers` the expected series is learned from the values themselves, so an attack reaches
    it too; without, the signal brings its own.
    """

    name: str
    group: str
    part: str
    clean: Signal
    drivers: tuple[Floats, ...] = ()

    @cached_property
    def signal(self) -> Signal:
        """The series as it is, expected series included."""
        return self.attacked(slice(None), self.clean.values)

    def attacked(self, span: slice, values: Floats) -> Signal:
        """The signal of a span of days with other values."""
        expected = self.clean.expected
        if self.drivers:
            expected = blended([driver[span] for driver in self.drivers], values)
        elif expected is not None:
            expected = expected[span]
        second = None if self.clean.second is None else self.clean.second[span]
        return replace(self.clean, values=values, expected=expected, second=second)


def all_series(root: Path, part: str) -> list[Series]:
    """Every series of a part."""
    found = [
        *load(root, part),
        *farms(root, part),
        *german(root, part),
        *british(root, part),
        *pv(root, part),
        *mast(root, part),
        *prices(root, part),
    ]
    return [each for each in found if each.clean.days >= 90]


def grid(times: pl.Series, values: np.ndarray, minutes: int) -> tuple[int, Floats]:
    minute = times.cast(pl.Datetime("us")).dt.epoch("s").to_numpy() // 60
    values = np.asarray(values, dtype=np.float64)
    _, first = np.unique(minute, return_index=True)
    return on_day_grid(minute[first], values[first], minutes)


def aligned(*grids: tuple[int, Floats]) -> tuple[int, list[Floats]]:
    first = max(start for start, _ in grids)
    last = min(start + len(values) for start, values in grids)
    return first, [values[first - start : last - start] for start, values in grids]


def cut(first: int, values: Floats, since: date, until: date) -> slice:
    epoch = date(1970, 1, 1)
    return slice(
        max((since - epoch).days - first, 0), max(min((until - epoch).days - first, len(values)), 0)
    )


def zones(root: Path) -> pl.DataFrame:
    path = root / "entsoe-deepforkit" / "zones_2015_2022.parquet"
    return pl.read_parquet(path).with_columns(pl.col("zone").cast(pl.String))


def load(root: Path, part: str) -> list[Series]:
    span = (
        (date(2015, 1, 1), date(2018, 7, 1))
        if part == "choose"
        else (date(2018, 7, 1), date(2023, 1, 1))
    )
    found = []
    for (zone,), rows in zones(root).group_by("zone", maintain_order=True):
        if zone not in LOAD_ZONES:
            continue
        first, values = grid(rows["datetime_local"], rows["load_actual_mw"].to_numpy(), 60)
        _, expected = grid(rows["datetime_local"], rows["load_da_forecast_mw"].to_numpy(), 60)
        values, expected = (np.where(x == 0, np.nan, x) for x in (values, expected))
        where = cut(first, values, *span)
        signal = Signal(
            "load", 60, values[where], low=0.0, expected=expected[where], aggregate=True
        )
        found.append(Series(f"load {zone}", "load", part, signal))
    return found


def farms(root: Path, part: str) -> list[Series]:
    folder = root / "gefcom2012-wind"
    power = pl.read_csv(folder / "train.csv.gz", schema_overrides={"date": pl.String}).with_columns(
        hour_stamp(pl.col("date"))
    )
    forecasts = pl.read_parquet(folder / "wind_forecasts.parquet").with_columns(
        issue=hour_stamp(pl.col("date").cast(pl.String))
    )
    found = []
    for farm in (1, 2, 3) if part == "choose" else (4, 5, 6, 7):
        newest = (
            forecasts.filter(
                pl.col("farm") == farm, pl.col("hors") <= 12, pl.col("ws").is_not_null()
            )
            .with_columns(valid=pl.col("issue") + pl.duration(hours=pl.col("hors")))
            .sort("valid", "issue")
            .unique("valid", keep="last", maintain_order=True)
        )
        mine = grid(power["date"], power[f"wp{farm}"].to_numpy(), 60)
        wind = grid(newest["valid"], newest["ws"].to_numpy(), 60)
        others = [
            grid(power["date"], power[f"wp{other}"].to_numpy(), 60)
            for other in range(1, 8)
            if other != farm
        ]
        first, (values, *drivers) = aligned(mine, wind, *others)
        stop = cut(first, values, date(2009, 1, 1), date(2011, 1, 1))
        clean = Signal("wind", 60, values[stop], 0.0, 1.0)
        every = tuple(driver[stop] for driver in drivers)
        found += [
            Series(
                f"farm {farm} by forecast", "wind farm, coarse forecast", part, clean, every[:1]
            ),
            Series(f"farm {farm} by siblings", "wind farm, siblings too", part, clean, every),
        ]
    return found


def german(root: Path, part: str) -> list[Series]:
    span = (
        (date(2018, 1, 1), date(2020, 1, 1))
        if part == "choose"
        else (date(2020, 1, 1), date(2023, 1, 1))
    )
    mix = (
        pl.read_csv(root / "de-smard" / "de_generation_mix_to2022.csv.gz")
        .with_columns(pl.col("datetime_local").str.to_datetime())
        .unique("datetime_local", keep="first", maintain_order=True)
    )
    forecasts = zones(root).filter(pl.col("zone") == "DE")
    found = []
    for kind, column, forecast in (
        ("wind", "wind_onshore_gwh", "wind_onshore_da_forecast_mw"),
        ("solar", "solar_gwh", "solar_da_forecast_mw"),
    ):
        mine = grid(mix["datetime_local"], mix[column].to_numpy() * 1000, 60)
        theirs = grid(forecasts["datetime_local"], forecasts[forecast].to_numpy(), 60)
        first, (values, expected) = aligned(mine, theirs)
        where = cut(first, values, *span)
        signal = Signal(
            kind,
            60,
            values[where],
            0.0,
            60000.0,
            expected=expected[where],
            aggregate=kind == "wind",
        )
        found.append(Series(f"DE {kind}", f"{kind} DE", part, signal))
    return found


def british(root: Path, part: str) -> list[Series]:
    span = (
        (date(2021, 1, 2), date(2022, 3, 1))
        if part == "choose"
        else (date(2022, 3, 1), date(2024, 1, 1))
    )
    rows = pl.read_csv(
        root / "gb-heftcom" / "gb_market_and_hybrid_plant_20200919_20240118.csv.gz"
    ).with_columns(
        pl.col("datetime_utc").str.to_datetime(time_zone="UTC").dt.replace_time_zone(None)
    )
    neso = pl.read_csv(
        root / "gb-heftcom" / "neso_day_ahead_forecasts_2021_20240118.csv.gz", try_parse_dates=True
    )
    neso = (
        neso.with_columns(
            start=pl.col("target_date")
            .cast(pl.Datetime("us"))
            .dt.replace_time_zone("Europe/London")
            .dt.convert_time_zone("UTC")
            .dt.replace_time_zone(None)
            + pl.duration(minutes=30) * (pl.col("target_period") - 1)
        )
        .unique("start", keep="first")
        .sort("start")
    )
    found = []
    for kind, column, forecast, high in (
        ("wind", "wind_hornsea1_mw", "wind_forecast", 1218.0),
        ("solar", "solar_pes10_mw", "embedded_solar_forecast", 2400.0),
    ):
        output = rows[column].to_numpy().astype(float)
        if kind == "wind":
            # What the wind gave: curtailment (a bid accepted) is a decision, not a fault.
            output = (
                output - np.nan_to_num(rows["wind_hornsea1_boa_mwh"].to_numpy().astype(float)) * 2
            )
        mine = grid(rows["datetime_utc"], output, 30)
        theirs = grid(neso["start"], neso[forecast].to_numpy(), 30)
        first, (values, driver) = aligned(mine, theirs)
        where = cut(first, values, *span)
        clean = Signal(kind, 30, values[where], 0.0, high)
        found.append(Series(f"GB {column}", f"{kind} GB", part, clean, (driver[where],)))
    return found


def pv(root: Path, part: str) -> list[Series]:
    if part == "choose":
        return []
    folder = root / "pv-pvanalytics"
    power = pl.read_csv(folder / "serf_east_15min_ac_power.csv.gz")
    sky = pl.read_csv(folder / "serf_east_psm3_data.csv.gz")
    times = power["measured_on"].str.slice(0, 19).str.to_datetime()
    mine = grid(times, np.maximum(power["ac_power"].to_numpy(), 0), 15)
    sun = grid(sky["measured_on"].str.slice(0, 19).str.to_datetime(), sky["ghi"].to_numpy(), 15)
    _, (values, driver) = aligned(mine, sun)
    clean = Signal("solar", 15, values, 0.0, float(np.nanmax(values)))
    return [Series("PV serf_east", "solar plant 15 min", part, clean, (driver,))]


def mast(root: Path, part: str) -> list[Series]:
    rows = pl.read_parquet(root / "windmast-brightwind" / "mast_10min_2016_2017.parquet")
    span = (
        (date(2016, 1, 10), date(2016, 11, 1))
        if part == "choose"
        else (date(2016, 11, 1), date(2017, 9, 1))
    )
    found = []
    for mine, other in (
        ("Spd80mN", "Spd80mS"),
        ("Spd60mN", "Spd60mS"),
        ("Spd60mS", "Spd60mN"),
        ("Spd80mS", "Spd80mN"),
        ("Spd40mN", "Spd40mS"),
        ("Spd40mS", "Spd40mN"),
    ):
        first, values = grid(rows["Timestamp"], rows[mine].to_numpy(), 10)
        _, expected = grid(rows["Timestamp"], rows[other].to_numpy(), 10)
        where = cut(first, values, *span)
        signal = Signal("weather", 10, values[where], 0.0, 75.0, expected=expected[where])
        found.append(Series(f"mast {mine}", "anemometer 10 min", part, signal))
    return found


def prices(root: Path, part: str) -> list[Series]:
    theirs = zones(root).filter(pl.col("zone") == "DE")
    one = grid(theirs["datetime_local"], theirs["price_eur_mwh"].to_numpy(), 60)
    if part == "choose":
        rows = pl.read_csv(
            root / "de-distributionalnn" / "DE_2015_2020.csv.gz", try_parse_dates=True
        )
        span = (date(2015, 1, 5), date(2018, 7, 1))
        other = grid(rows["datetime_local"], rows["price_eur_mwh"].to_numpy(), 60)
        forecasts = root / "epf" / "forecasts_DE_dnn_lear.csv.gz"
        expert = pl.read_csv(forecasts, try_parse_dates=True)
        expected = grid(expert[expert.columns[0]], expert["LEAR Ensemble"].to_numpy(), 60)
        span = (date(2016, 1, 4), date(2018, 1, 1))
    else:
        rows = pl.read_csv(
            root / "de-postforecasts" / "epex_de_lear_2018_2022.csv.gz", try_parse_dates=True
        )
        other = grid(rows["datetime_local"], rows["price_eur_mwh"].to_numpy(), 60)
        lear = [name for name in rows.columns if name.startswith("lear")]
        expected = grid(
            rows["datetime_local"], rows.select(pl.mean_horizontal(lear)).to_series().to_numpy(), 60
        )
        span = (date(2018, 12, 27), date(2023, 1, 1))
    first, (values, second, forecast) = aligned(one, other, expected)
    where = cut(first, values, *span)
    cent = np.round(values[where].astype(np.float64), 2)
    both = Signal(
        "price",
        60,
        cent,
        -500.0,
        4000.0,
        expected=forecast[where],
        second=np.round(second[where], 2),
    )
    alone = replace(both, second=None)
    return [
        Series("DE price, two sources", "price, two sources", part, both),
        Series("DE price, one source", "price, one source", part, alone),
    ]


def hour_stamp(text: pl.Expr) -> pl.Expr:
    """YYYYMMDDHH as a time."""
    return (text + "00").str.to_datetime("%Y%m%d%H%M")
