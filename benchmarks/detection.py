"""How well the plausibility checks find real and injected faults, as tables.

Run `python benchmarks/detection.py [--part report] [--instances 24] [--json]`; it needs the folder
of real data (`ENERGY_ASSETS_REAL_DATA`). Three tables:

1. real labels: stale, interpolated and outlying PV values, a dead anemometer, turbine losses, zeros
   written for missing values;
2. attacks injected into real series, recall by kind of attack and group of series, found by the
   rules that are there for it (`own`) or by any;
3. false alarms per unit and month on the same series left as they are: an alarm is an episode of
   flagged points, a day apart from the next.

The split. Thresholds (`energy_assets/quality/thresholds.yaml`) were chosen with `--part choose`:
loads 2015 to mid 2018, wind farms 1 to 3, Germany 2018 and 2019, Britain 2021 to February 2022,
the mast in 2016, German prices 2016 and 2017, the first half of the battery's prices, the first
half of each PV set, zeros of PT and of EE's forecast, turbines of Marge 2020. The default `--part
report` is the rest: loads mid 2018 to 2022, farms 4 to 7, Germany 2020 to 2022, Britain from March
2022 on, the mast from November 2016 on with its dead sensor, prices 2019 to 2022, a PV plant, the
second halves, zeros of DE, CH and EE's measured load, Marge 2023 and Homer. That straight lines
are never normal and a still anemometer is dead after four days was suggested by the labelled sets
as a whole.

An episode counts as found if a point of it is flagged that is not flagged on the clean series, with
nothing later than the day the episode ends. Attacks fall on moments at which their rules are silent
on the clean series: real series have faults of their own, which the false alarms count.
`--approaches` compares three ways to find drifts and biases at one rate of false alarms.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

from detecting.approaches import compared
from detecting.attacks import ATTACKS, OWN_RULES, RANGES
from detecting.batteries import battery_lines
from detecting.floods import flood_lines
from detecting.injected import false_alarms, recall
from detecting.labelled import Line, labelled_lines
from detecting.series import Series, all_series
from detecting.turbines import turbine_lines

SEED = 20260101


def main() -> None:
    asked = argparse.ArgumentParser(description="Detection of real and injected faults")
    asked.add_argument("--part", choices=("choose", "report"), default="report")
    asked.add_argument("--instances", type=int, default=24)
    asked.add_argument("--approaches", action="store_true")
    asked.add_argument("--json", action="store_true")
    options = asked.parse_args()
    root = Path(os.environ.get("ENERGY_ASSETS_REAL_DATA") or _beside_the_repository())
    if not (root / "epf").is_dir():
        print("real data is absent: set ENERGY_ASSETS_REAL_DATA to its folder")
        return
    groups: dict[str, list[Series]] = defaultdict(list)
    for series in all_series(root, options.part):
        groups[series.group].append(series)
    if options.approaches:
        _print_approaches(groups, options.instances)
        return
    lines = [*labelled_lines(root, options.part), *turbine_lines(root)]
    lines += battery_lines(root, options.part, options.instances)
    lines += flood_lines(root, options.instances)
    table = _injected(groups, options.instances)
    if options.json:
        print(json.dumps({"labelled": [vars(line) for line in lines], "injected": table}))
        return
    _print_lines(lines)
    _print_injected(table)


def _beside_the_repository() -> Path:
    return Path(__file__).resolve().parents[2] / "shared" / "data" / "real"


def _injected(groups: dict[str, list[Series]], instances: int) -> dict[str, dict[str, Any]]:
    table = {}
    for group, series in groups.items():
        started = time.process_time()
        months, episodes = false_alarms(series)
        judged = sum(each.clean.days for each in series) / 365.25
        attacks = {}
        for attack, rules in OWN_RULES.items():
            tally = recall(series, attack, instances, SEED)
            attacks[attack] = {
                "instances": tally.instances,
                "own": tally.by_own_rules / tally.instances,
                "any": tally.found / tally.instances,
                "points": tally.points_found / tally.points,
                "false_alarms": sum(episodes[rule] for rule in rules) / months,
            }
        table[group] = {
            "unit_months": months,
            "units": len(series),
            "years": judged,
            "false_alarms": episodes["any"] / months,
            "by_rule": {rule: n / months for rule, n in sorted(episodes.items()) if rule != "any"},
            "attacks": attacks,
            "seconds": time.process_time() - started,
        }
    return table


def _print_lines(lines: list[Line]) -> None:
    head = f"{'episodes':>12}{'recall':>8}{'points':>16}{'recall':>8}{'FA/month':>10}"
    print(f"{'real labels, battery, flood':<46}{head}")
    for line in lines:
        episodes, points = f"{line.found}/{line.episodes}", f"{line.points_found}/{line.points}"
        by_episode = line.found / max(line.episodes, 1)
        by_point = line.points_found / max(line.points, 1)
        alarms = line.false_alarms / line.months
        shares = f"{episodes:>12}{by_episode:>8.2f}{points:>16}{by_point:>8.2f}{alarms:>10.2f}"
        print(f"{line.name:<46}{shares}")


def _print_injected(table: dict[str, dict[str, Any]]) -> None:
    print("\ninjected: instances, recall by own rules, by any rule, of points; own rules' alarms")
    for attack in ATTACKS:
        print(f"\n{attack}: {RANGES[attack]}")
        for group, row in table.items():
            got = row["attacks"][attack]
            recalls = f"{got['own']:>7.2f}{got['any']:>7.2f}{got['points']:>7.2f}"
            alarms = f"{got['false_alarms']:>7.2f}"
            print(f"  {group:<28}{got['instances']:>4}{recalls}   FA{alarms}")
    print(f"\n{'false alarms per unit-month':<30}{'all rules':>10}{'unit-months':>13}")
    for group, row in table.items():
        rules = ", ".join(f"{rule} {n:.2f}" for rule, n in row["by_rule"].items())
        print(f"  {group:<28}{row['false_alarms']:>10.2f}{row['unit_months']:>13.0f}   {rules}")


def _print_approaches(groups: dict[str, list[Series]], instances: int) -> None:
    print("recall at 0.3 false alarms per unit-month: windows, cusum, page-hinkley")
    for attack in ("slow drift", "bias on one source"):
        for group, series in groups.items():
            found = compared(series, attack, instances)
            print(f"  {attack:<20}{group:<28}" + "".join(f"{x:>8.2f}" for x in found.values()))


if __name__ == "__main__":
    warnings.filterwarnings("ignore", category=RuntimeWarning)
    main()
