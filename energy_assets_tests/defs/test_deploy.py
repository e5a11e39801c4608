"""Unit files parse, name commands that exist, and keep the webserver on the loopback address."""

from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from energy_assets.settings import PREFIX, Settings
from energy_assets_tests.conftest import REPO

UNITS = sorted((REPO / "deploy" / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
INSTALLED = "/opt/energy_assets"
BIN = Path(sys.executable).parent


def read(unit: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=True, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit.read_text())
    return parser


def test_all_units_are_there() -> None:
    assert [unit.name for unit in UNITS] == [
        "energy-assets-daemon.service",
        "energy-assets-heartbeat.service",
        "energy-assets-heartbeat.timer",
        "energy-assets-webserver-readonly.service",
        "energy-assets-webserver.service",
    ]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text().replace(f"{INSTALLED}/.venv/bin", str(BIN))
        (tmp_path / unit.name).write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no"]
    command += [str(tmp_path / unit.name) for unit in UNITS]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    ours = [line for line in run.stderr.splitlines() if "energy-assets" in line]
    assert ours == []


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_service_starts_a_command_we_have_and_is_hardened(unit: Path) -> None:
    service = read(unit)["Service"]
    program, *arguments = shlex.split(service["ExecStart"])
    assert (BIN / Path(program).name).is_file()
    for path in (word for word in arguments if word.startswith(INSTALLED)):
        assert (REPO / path.removeprefix(f"{INSTALLED}/")).is_file()
    assert service["EnvironmentFile"] == "/etc/energy_assets/environment"
    assert service["User"] != "root"
    assert service["NoNewPrivileges"] == "true"
    assert service["ProtectSystem"] == "strict"
    assert service["MemoryMax"]
    if service["Type"] != "oneshot":
        assert service["Restart"] == "on-failure"


@pytest.mark.parametrize("unit", [unit for unit in SERVICES if "webserver" in unit.name])
def test_webservers_listen_on_loopback_only(unit: Path) -> None:
    arguments = shlex.split(read(unit)["Service"]["ExecStart"])
    assert arguments[arguments.index("-h") + 1] == "127.0.0.1"
    assert ("--read-only" in arguments) == ("readonly" in unit.name)


def test_the_example_environment_is_one_the_settings_read() -> None:
    text = (REPO / "deploy" / "environment.example").read_text()
    lines = [line.lstrip("#") for line in text.splitlines() if "=" in line and "# " not in line]
    variables = dict(line.split("=", 1) for line in lines)
    settings = Settings.from_environment(variables)
    assert str(settings.warehouse).startswith("/var/lib/energy_assets/")
    assert settings.schedules_running
    source = (REPO / "energy_assets" / "settings.py").read_text()
    for name in (name for name in variables if name.startswith(PREFIX)):
        assert f'"{name.removeprefix(PREFIX)}"' in source, name


def test_the_postgres_instance_differs_in_storage_only() -> None:
    local = yaml.safe_load((REPO / "dagster.yaml").read_text())
    postgres = yaml.safe_load((REPO / "deploy" / "dagster.postgres.yaml").read_text())
    assert set(postgres.pop("storage")) == {"postgres"}
    assert postgres == local
