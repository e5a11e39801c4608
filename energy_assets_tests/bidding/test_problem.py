"""Problem files: the shipped example, the schema, and the one line a wrong one gives."""

import json
from pathlib import Path

import numpy as np
import pytest

from energy_assets.bidding import BiddingProblem, Rung, best_bid, load_problem
from energy_assets.errors import InputError

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "battery_two_hours.json"


def test_example_solves_to_its_known_answer():
    # Buy 1 MW at 20, sell 0.9 MWh of it: at 80 or at 100, each with probability one half.
    solution = best_bid(load_problem(EXAMPLE))
    assert solution.rung is Rung.STOCHASTIC
    assert solution.expected_value == pytest.approx(0.9 * 90 - 20)
    document = json.loads(json.dumps(solution.as_json()))
    assert document["curves"][0]["points"] == [[-50000, -10], [400000, -10]]
    assert document["curves"][1]["points"] == [[-50000, 9], [400000, 9]]


def test_problem_survives_json_and_has_a_schema():
    problem = load_problem(EXAMPLE)
    again = BiddingProblem.model_validate_json(problem.model_dump_json())
    np.testing.assert_array_equal(again.prices, problem.prices)
    schema = BiddingProblem.model_json_schema()
    assert schema["properties"]["prices"]["items"]["items"] == {"type": "number"}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("prices",), [[1.0], [1.0, 2.0]], "prices: expected rows of equal length of numbers"),
        (("prices",), [["x", 1.0]], "prices: expected rows of equal length of numbers"),
        (("prices",), [[1.0, float("nan")]], "prices: expected finite numbers"),
        (("probabilities",), [0.5, 0.4], "probabilities: expected figures from 0 that add up to 1"),
        (("units", 0, "power_mw"), -1, r"units\[battery\].power_mw: expected greater than 0"),
        (("availability",), {"wind": [[1, 1]]}, "availability: expected one of no units"),
        (("imbalance",), {}, "deviation_penalty: expected a figure where no imbalance prices"),
        (("long_prices",), [[1, 1], [1, 1]], "expected both long_prices and short_prices"),
        (("start_states",), {"battery": {"energy_mwh": 7}}, r"energy_mwh: expected between -1e-06"),
        (("power_limits",), {"battery": [1]}, r"power_limits\[battery\]: expected shape \(2,\)"),
        (("mtu_minutes",), 15, "prices: expected whole hours of MTUs"),
        (("wibble",), 1, "wibble: expected a known field"),
    ],
)
def test_wrong_problem_gives_one_line(tmp_path, path, value, message):
    document = json.loads(EXAMPLE.read_text())
    node = document
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    file = tmp_path / "problem.json"
    file.write_text(json.dumps(document))
    with pytest.raises(InputError, match=message) as error:
        load_problem(file)
    assert str(error.value).startswith("problem.json: ")
    assert "\n" not in str(error.value)


def test_text_that_is_not_json_names_its_line(tmp_path):
    file = tmp_path / "problem.json"
    file.write_text('{\n"start": }')
    with pytest.raises(InputError, match=r"problem.json: line 2: expected valid JSON"):
        load_problem(file)


def test_long_price_above_short_price_is_refused(tmp_path):
    document = json.loads(EXAMPLE.read_text())
    document |= {"long_prices": [[9, 9], [9, 9]], "short_prices": [[9, 8], [9, 9]]}
    file = tmp_path / "problem.json"
    file.write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"long_prices\[0\]\[1\]: expected at most the short"):
        load_problem(file)
