from __future__ import annotations

import pytest

from energy_assets.errors import InputError
from energy_assets.settings import Settings


def settings_of(root, **variables):
    names = {f"ENERGY_ASSETS_{name}": value for name, value in variables.items()}
    return Settings.from_environment({"ENERGY_ASSETS_ROOT": str(root), **names})


def test_defaults_hang_off_the_root(tmp_path):
    found = settings_of(tmp_path)
    assert found.lake_root == str(tmp_path / "data/lake")
    assert found.warehouse == tmp_path / "data/warehouse.duckdb"
    assert found.desk_file == tmp_path / "data/desks/reference.yaml"
    assert (found.desks, found.schedules_running) == (("reference",), False)
    assert found.real_data == tmp_path / "data"


def test_variables_win_and_urls_stay_urls(tmp_path):
    found = settings_of(
        tmp_path, LAKE="s3://bucket/lake", DESKS="a, b", SCHEDULES="on", REAL_DATA="/data/real"
    )
    assert found.lake_root == "s3://bucket/lake"
    assert (found.desks, found.schedules_running) == (("a", "b"), True)
    assert str(found.resolve_feed_path("epf/DE.csv.gz")) == "/data/real/epf/DE.csv.gz"
    assert str(found.resolve_feed_path("/elsewhere/x.csv")) == "/elsewhere/x.csv"


def test_secrets_never_show(tmp_path):
    found = settings_of(
        tmp_path, WEBHOOK_URL="https://hook/hidden", STORAGE_OPTIONS='{"key": "hidden"}'
    )
    assert "hidden" not in repr(found) + str(found) + found.model_dump_json()
    assert found.object_store_options == {"key": "hidden"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("SCHEDULES", "maybe"), ("LOG_LEVEL", "LOUD"), ("STORAGE_OPTIONS", "{secret")],
)
def test_a_variable_that_cannot_be_used_is_named(tmp_path, name, value):
    with pytest.raises(InputError, match=f"ENERGY_ASSETS_{name}: expected") as caught:
        settings_of(tmp_path, **{name: value})
    assert "secret" not in str(caught.value)
