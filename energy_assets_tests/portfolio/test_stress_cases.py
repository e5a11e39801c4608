"""Stress cases: what a file may say, and one line where it says something else."""

from pathlib import Path

import pytest
import yaml

from energy_assets.errors import InputError
from energy_assets.portfolio import load_desk
from energy_assets.portfolio.stress_cases import StressCase, load_case, load_cases

DATA = Path(__file__).resolve().parents[2] / "data"
LIBRARY = DATA / "scenarios"
GOOD = {
    "name": "case",
    "title": "A case",
    "why": "For a test.",
    "shocks": [{"kind": "price", "change": 5}],
}


def write_case(folder, name="case", **changes):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({**GOOD, "name": name, **changes}))
    return path


def refusal(tmp_path, **changes):
    with pytest.raises(InputError) as error:
        load_case(write_case(tmp_path, **changes))
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith("case.yaml")
    return message


def test_the_library_documents_at_least_six_cases():
    cases = load_cases(LIBRARY)
    assert len(cases) >= 6
    for case in cases:
        assert len(case.why) > 100, case.name
        assert all(case.words)
        assert case.misfit(load_desk(DATA / "desks/reference.yaml").units) == ""
    assert 0 < sum(case.weight for case in cases) < 0.5


@pytest.mark.parametrize(
    ("shock", "words"),
    [
        ({"kind": "rain"}, ["shocks[0].kind", "weather", "rain"]),
        ({"factor": 2}, ["shocks[0].kind", "a value"]),
        ({"kind": "price"}, ["shocks[0].change", "one of change, factor", "none"]),
        ({"kind": "price", "change": 1, "factor": 2}, ["change and factor"]),
        ({"kind": "price", "change": "lots"}, ["shocks[0].change", "lots"]),
        ({"kind": "price", "change": float("nan")}, ["shocks[0].change", "finite"]),
        ({"kind": "price", "limit": "top"}, ["shocks[0].limit", "highest", "top"]),
        ({"kind": "weather", "source": "tide", "factor": 1}, ["shocks[0].source", "tide"]),
        ({"kind": "weather", "source": "wind"}, ["factor, standard_deviations", "none"]),
        ({"kind": "weather", "source": "wind", "factor": -1}, ["shocks[0].factor", "-1"]),
        (
            {"kind": "weather", "source": "wind", "factor": 1, "system_lost_gw": 3},
            ["both system_lost_gw and price_per_lost_gw"],
        ),
        ({"kind": "fuel", "commodity": "fuel"}, ["factor, change", "none"]),
        ({"kind": "fuel", "commodity": "co2", "factor": 1, "pass_through": 2}, ["pass_through"]),
        ({"kind": "outage", "unit": "x", "power_left_mw": -1}, ["power_left_mw"]),
        ({"kind": "imbalance", "factor": 0.5}, ["shocks[0].factor", "greater"]),
        ({"kind": "load", "factor": 1, "hours": [4, 4]}, ["two different hours", "4 twice"]),
        ({"kind": "load", "factor": 1, "hours": [4, 25]}, ["shocks[0].hours"]),
        ({"kind": "load", "factor": 1, "share": 2}, ["a known field", "share"]),
    ],
)
def test_a_bad_shock_is_refused_in_one_line(tmp_path, shock, words):
    message = refusal(tmp_path, shocks=[shock])
    for word in words:
        assert word in message, message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shocks": []}, ["shocks"]),
        ({"why": ""}, ["why"]),
        ({"weight": 1}, ["weight", "less than 1"]),
        ({"weight": -0.1}, ["weight"]),
        ({"hours": [7, 7]}, ["two different hours"]),
        ({"probability": 0.1}, ["a known field"]),
    ],
)
def test_a_bad_case_is_refused_in_one_line(tmp_path, changes, words):
    message = refusal(tmp_path, **changes)
    for word in words:
        assert word in message, message


def test_a_file_goes_by_its_name_and_a_library_by_its_files(tmp_path):
    path = write_case(tmp_path)
    path.rename(tmp_path / "other.yaml")
    with pytest.raises(InputError, match=r"other.yaml: name: expected other, found 'case'"):
        load_case(tmp_path / "other.yaml")
    with pytest.raises(InputError, match="--scenarios: expected one of other, found 'third'"):
        load_cases(tmp_path, ["third"], where="--scenarios")
    with pytest.raises(InputError, match="expected a library in none/"):
        load_cases(tmp_path / "none", ["third"])
    (tmp_path / "other.yaml").write_text("name: [")
    with pytest.raises(InputError, match="line 1: expected valid YAML"):
        load_case(tmp_path / "other.yaml")


def test_shocks_without_hours_take_those_of_their_case():
    case = StressCase.model_validate(
        {
            **GOOD,
            "hours": [6, 9],
            "shocks": [
                {"kind": "price", "change": 1},
                {"kind": "price", "change": 1, "hours": [22, 5.5]},
            ],
        }
    )
    assert [case.hours_of(shock) for shock in case.shocks] == [(6, 9), (22, 5.5)]
    assert case.words[1] == "prices +1 per MWh, 22:00 to 05:30 local"


def desk_with(tmp_path, stress, **cases):
    """The reference desk in a folder of its own, bidding with cases of a library beside it."""
    text = (DATA / "desks/reference.yaml").read_text()
    path = tmp_path / "desks/reference.yaml"
    path.parent.mkdir()
    path.write_text(f"{text}\nstress: {stress}\n")
    for name, changes in cases.items():
        write_case(tmp_path / "scenarios", name, **changes)
    return path


def test_a_desk_file_names_the_cases_it_bids_with(tmp_path):
    desk = load_desk(desk_with(tmp_path, "[case]", case={"weight": 0.1}))
    assert [case.name for case in desk.stress] == ["case"]
    # The content counts for the record, and a desk goes through JSON whole.
    plain = load_desk(DATA / "desks/reference.yaml")
    heavier = desk.model_copy(
        update={"stress": (desk.stress[0].model_copy(update={"weight": 0.2}),)}
    )
    assert len({plain.config_hash, desk.config_hash, heavier.config_hash}) == 3
    assert type(desk).model_validate_json(desk.model_dump_json()) == desk


def test_a_desk_without_stress_is_what_it_was(tmp_path):
    plain = load_desk(DATA / "desks/reference.yaml")
    assert plain.stress == ()
    assert load_desk(desk_with(tmp_path, "[]")).config_hash == plain.config_hash


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ({}, "above 0"),
        ({"weight": 0.1, "shocks": [{"kind": "outage", "unit": "boiler"}]}, "boiler"),
        ({"weight": 0.1, "shocks": [{"kind": "outage", "unit": "gas_turbine"}]}, "gas_turbine"),
        (
            {"weight": 0.1, "shocks": [{"kind": "fuel", "commodity": "co2", "factor": 2}]},
            "a co2 price",
        ),
    ],
)
def test_a_case_a_desk_cannot_bid_with_is_refused_in_one_line(tmp_path, case, words):
    with pytest.raises(InputError) as error:
        load_desk(desk_with(tmp_path, "[case]", case=case))
    message = str(error.value)
    assert message.startswith("reference.yaml: stress[case]"), message
    assert words in message
    assert "\n" not in message


def test_weights_add_up_to_less_than_one_and_names_are_distinct(tmp_path):
    path = desk_with(tmp_path, "[one, two]", one={"weight": 0.5}, two={"weight": 0.5})
    with pytest.raises(InputError, match="weights that add up to less than 1"):
        load_desk(path)
    path.write_text(path.read_text().replace("[one, two]", "[one, one]"))
    with pytest.raises(InputError, match="distinct names"):
        load_desk(path)
    path.write_text(path.read_text().replace("[one, one]", "[three]"))
    with pytest.raises(InputError, match=r"reference.yaml: stress: expected one of one, two"):
        load_desk(path)
    path.write_text(path.read_text().replace("[three]", "7"))
    with pytest.raises(InputError, match="stress"):
        load_desk(path)
