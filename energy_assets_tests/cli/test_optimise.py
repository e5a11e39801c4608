"""`optimise`: the examples through the command, and documents that keep to their schemas."""

import json

import pytest
from jsonschema import Draft202012Validator

from energy_assets.bidding import load_problem, price_independent
from energy_assets.bidding.schemas import FOLDER, MODELS, schema_text
from energy_assets_tests.conftest import REPO

EXAMPLES = REPO / "data" / "examples"


def validator(name):
    schema = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("name", MODELS)
def test_schema_files_are_up_to_date(name):
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert text == schema_text(name), "run `make docs`"


def answered(command, example):
    """The answer to an example; both documents keep to their schemas."""
    validator("problem").validate(json.loads(example.read_text(encoding="utf-8")))
    answer = command("optimise", example, "--json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    validator("answer").validate(document)
    assert document["gap"] <= 0.01
    assert document["cvar"] <= document["expected_value"]
    assert len(document["curves"]) == len(document["mtu_starts"]) == 24
    problem = load_problem(example)
    assert set(document["dispatch"]) == {unit.name for unit in problem.units}
    return document


@pytest.mark.parametrize("name", ["battery", "wind_battery_turbine"])
def test_example_is_answered(name, command):
    document = answered(command, EXAMPLES / f"{name}.json")
    assert document["reserve_offers"] == document["intraday_trades"] == []


def test_multi_market_example_has_every_order(command):
    document = answered(command, EXAMPLES / "multi_market.json")
    assert {offer["product"] for offer in document["reserve_offers"]} == {"afrr_up"}
    assert document["reserve_awards_mw"]["fcr"]["mean"] == [2.0] * 6
    assert [trade["probability"] for trade in document["intraday_trades"]] == [0.5, 0.5]
    assert [block["side"] for block in document["block_orders"]] == ["sale"]


def test_people_get_tables(command):
    told = command("optimise", EXAMPLES / "battery.json")
    assert told.code == 0
    assert told.out.startswith("stochastic · optimal · expected ")
    assert all(part in told.out for part in ("Curves", "Plan, MW", "imbalance", "01-14 23:00"))


def test_another_solver_gives_the_same_value(command):
    example = EXAMPLES / "wind_battery_turbine.json"
    pytest.importorskip("pyscipopt")
    ours, other = (
        json.loads(command("optimise", example, "--solver", name, "--json").out)
        for name in ("highs", "scip")
    )
    assert other["status"].startswith("scip: ")
    assert other["objective"] == pytest.approx(ours["objective"], rel=0.01)


def test_a_schedule_without_solver_keeps_to_the_schema():
    problem = load_problem(EXAMPLES / "multi_market.json")
    validator("answer").validate(json.loads(json.dumps(price_independent(problem).as_json())))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("prices", [[1, 2, 3]], "long_prices: expected shape (1, 3)"),
        ("risk_weight", 2, "risk_weight: expected less than or equal to 1, found 2"),
        ("probabilities", [1.0], "probabilities: expected shape (6,), found '(1,)'"),
    ],
)
def test_a_wrong_field_is_one_line(field, value, said, command, tmp_path):
    document = json.loads((EXAMPLES / "wind_battery_turbine.json").read_text())
    file = tmp_path / "wrong.json"
    file.write_text(json.dumps(document | {"probabilities": None} | {field: value}))
    answer = command("optimise", file)
    assert answer.code == 2
    assert answer.line.startswith(f"wrong.json: {said}"), answer.line


def test_what_cannot_be_kept_names_unit_and_limit(command, tmp_path):
    document = json.loads((EXAMPLES / "battery.json").read_text())
    document["power_limits"] = {"battery": [0] * 24}
    document["units"][0]["end_energy_mwh"] = 9
    file = tmp_path / "stuck.json"
    file.write_text(json.dumps(document))
    for solver in ("highs", "scip"):
        answer = command("optimise", file, "--solver", solver)
        assert (answer.code, "unit battery, end_energy_mwh" in answer.line) == (2, True)
