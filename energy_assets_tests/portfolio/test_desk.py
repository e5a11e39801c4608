"""Desk files: what is accepted, and the one line a wrong one gives."""

from pathlib import Path

import pytest

from energy_assets.errors import InputError
from energy_assets.portfolio import BatteryUnit, FilesFeed, FuelUse, ThermalUnit, load_desk

DESKS = Path(__file__).parents[2] / "data" / "desks"


@pytest.mark.parametrize("name", ["reference", "epf_de", "epf_de_mixed"])
def test_shipped_desks_load_and_carry_their_file_name(name):
    assert load_desk(DESKS / f"{name}.yaml").name == name


def test_epf_desk_states_the_benchmark_battery_and_columns():
    desk = load_desk(DESKS / "epf_de.yaml")
    (battery,) = desk.units_of(BatteryUnit)
    assert battery.charge_efficiency * battery.discharge_efficiency == pytest.approx(0.9)
    assert (battery.start_energy_mwh, battery.end_energy_mwh) == (0, 0)
    assert battery.max_cycles_per_day is None
    (feed,) = desk.feeds
    assert isinstance(feed, FilesFeed)
    assert feed.columns.forecasts["renewables"] == "pv_wind_forecast_mw"
    assert (desk.risk_weight, desk.imbalance.deviation_penalty) == (0, 100)


@pytest.mark.parametrize(
    ("correct", "wrong", "path", "expected"),
    [
        ("capacity_mw: 50", "capacity_mw: -50", "units[wind].capacity_mw", "greater than 0"),
        ("kind: wind", "kind: wnd", "units[wind].kind", "'solar'"),
        ("kind: wind, ", "", "units[wind].kind", "a value"),
        ("wear_cost", "wear_csot", "units[battery].wear_csot", "a known field"),
        ("min_power_mw: 40", "min_power_mw: 140", "units[gas_turbine].min_power_mw", "at most"),
        ("start_energy_mwh: 20", "start_energy_mwh: 50", "units[battery].start_energy_mwh", "40"),
        ("max_sale_mw: 220, ", "", "limits.max_sale_mw", "a value"),
        ("name: solar", "name: wind", "units", "distinct names"),
        ("area: SIM_DE_LU", "area: ATLANTIS", "area", "DE_LU"),
        ("source: reference_market", "source: oracle", "feeds[0].source", "'files'"),
        ("risk_weight: 0.2", "risk_weight: 1.2", "risk_weight", "less than or equal to 1"),
        ("area: SIM_DE_LU", "area: [SIM", "line 4", "valid YAML"),
        ("power_mw: 20", "power_mw: twenty", "units[battery].power_mw", "number"),
    ],
)
def test_wrong_desk_gives_one_line_with_file_field_and_expectation(
    tmp_path, correct, wrong, path, expected
):
    text = (DESKS / "reference.yaml").read_text()
    assert correct in text
    file = tmp_path / "desk.yaml"
    file.write_text(text.replace(correct, wrong, 1))
    with pytest.raises(InputError) as error:
        load_desk(file)
    message = str(error.value)
    assert message.startswith(f"desk.yaml: {path}: expected ")
    assert expected in message
    assert "\n" not in message


def test_python_tags_in_yaml_are_not_run(tmp_path):
    file = tmp_path / "desk.yaml"
    file.write_text("name: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(InputError, match="valid YAML"):
        load_desk(file)


def test_missing_file_and_absolute_feed_path_are_refused(tmp_path):
    with pytest.raises(InputError, match="readable desk file"):
        load_desk(tmp_path / "none.yaml")
    file = tmp_path / "desk.yaml"
    text = (DESKS / "epf_de.yaml").read_text()
    file.write_text(text.replace("path: epf", "path: ../../epf"))
    with pytest.raises(InputError, match=r"feeds\[0\].path: expected a path inside"):
        load_desk(file)


def test_configuration_hash_follows_content_not_layout(tmp_path):
    text = (DESKS / "reference.yaml").read_text()
    same, other = tmp_path / "same.yaml", tmp_path / "other.yaml"
    same.write_text("# a comment\n" + text)
    other.write_text(text.replace("risk_weight: 0.2", "risk_weight: 0.3"))
    original = load_desk(DESKS / "reference.yaml").config_hash
    assert load_desk(same).config_hash == original
    assert load_desk(other).config_hash != original


def test_gas_cost_converts_price_from_higher_to_lower_heating_value():
    fuel = FuelUse(
        product="gas",
        price_basis="higher",
        efficiency_lhv=0.5,
        emission_factor=0.2,
        emission_factor_basis="lower",
        co2_product="co2",
        variable_cost=1.0,
    )
    # 30 per MWh (higher) is 33.24 per MWh (lower); 0.2 t at 70 is 14; both twice at 50 %.
    assert fuel.marginal_cost(30.0, 70.0) == pytest.approx(2 * (33.24 + 14.0) + 1.0)


def test_thermal_unit_takes_exactly_one_cost():
    with pytest.raises(ValueError, match="either constant_cost or fuel"):
        ThermalUnit(name="engine", capacity_mw=2)
