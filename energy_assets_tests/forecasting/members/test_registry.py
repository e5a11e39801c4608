"""Names to members: the shipped families, and plug-ins installed for real."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from energy_assets.errors import InputError
from energy_assets.forecasting.members import registry
from energy_assets.forecasting.members.base import Member
from energy_assets.forecasting.members.lear import LearMember
from energy_assets.forecasting.members.naive import WeeklyNaive

PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "desk-median"
version = "1.0"

[tool.setuptools]
py-modules = ["desk_median"]

[project.entry-points."energy_assets.members"]
desk_median = "desk_median:DeskMedian"
"""
MODULE = '''
"""A plug-in: the median of the newest days, slot by slot."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from energy_assets.forecasting.members.base import MemberSpec, MemberUnavailableError


@dataclass(frozen=True)
class Fitted:
    trained_until: date
    path: tuple[float, ...]

    def predict(self, history):
        return np.clip(np.array(self.path), *history.bounds)

    def dump(self):
        return repr((self.trained_until.isoformat(), self.path)).encode()


class DeskMedian:
    def __init__(self, window_days=None):
        name = "desk_median" if window_days is None else f"desk_median_{window_days}"
        self.spec = MemberSpec(name, "points", 3, window_days or 14, 1, 0.0)

    def fit(self, history):
        known = history.newest(self.spec.window_days).outcome
        known = known[np.isfinite(known).all(axis=1)]
        if len(known) < 3:
            raise MemberUnavailableError("desk_median: too few days")
        return Fitted(history.trained_until, tuple(np.median(known, axis=0).tolist()))

    def load(self, content):
        import ast

        until, path = ast.literal_eval(content.decode())
        return Fitted(date.fromisoformat(until), path)
'''
USE = """
import numpy as np
from energy_assets.forecasting.members import registry
from energy_assets.forecasting.members.base import Member
from energy_assets.forecasting.members.serving import walk_forward
from energy_assets_tests.forecasting.members.markets import market

assert "desk_median" in registry.families()
member = registry.member("desk_median_7")
assert isinstance(member, Member)
assert registry.member("desk_median").spec.window_days == 14
history = market(40)
walk = walk_forward(member, history, history.days[30], history.days[34])
expected = [np.median(history.outcome[row - 7 : row], axis=0) for row in range(30, 35)]
np.testing.assert_array_equal(walk, expected)
print("used by name")
"""


@pytest.fixture(autouse=True)
def _forget_members():
    registry.member.cache_clear()
    yield
    registry.member.cache_clear()


def distribution(folder: Path, entry: str, module: str = "") -> None:
    """What an installer leaves behind for a package with one entry point."""
    info = folder / "odd_plugin-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{registry.PLUGIN_GROUP}]\n{entry}\n")
    (folder / "odd_plugin.py").write_text(module)


def test_a_package_installed_by_pip_is_used_by_name(tmp_path, repo):
    project, target = tmp_path / "project", tmp_path / "site"
    project.mkdir()
    (project / "pyproject.toml").write_text(PROJECT)
    (project / "desk_median.py").write_text(MODULE)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    install += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(target)]
    done = subprocess.run([*install, str(project)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    path = os.pathsep.join([str(target), str(repo)])
    used = subprocess.run(
        [sys.executable, "-c", USE],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert used.stdout == "used by name\n", used.stderr


@pytest.mark.parametrize(
    ("module", "found"),
    [
        ("raise RuntimeError('licence expired')", "RuntimeError: licence expired"),
        ("import no_such_library", "ModuleNotFoundError"),
        ("", "AttributeError"),
        ("def Odd(days): return 3", "a member named odd"),
    ],
)
def test_a_broken_plugin_is_one_clear_error(tmp_path, monkeypatch, module, found):
    distribution(tmp_path, "odd = odd_plugin:Odd", module)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "odd_plugin", raising=False)
    assert "odd" in registry.families()
    with pytest.raises(InputError, match=found) as error:
        registry.member("odd")
    assert "forecast member odd" in str(error.value)
    assert "\n" not in str(error.value)
    # The others are not harmed.
    assert isinstance(registry.member("weekly_naive"), WeeklyNaive)
    sys.modules.pop("odd_plugin", None)


def test_a_plugin_cannot_take_the_name_of_a_shipped_family(tmp_path, monkeypatch):
    distribution(tmp_path, "lear = odd_plugin:Odd", "def Odd(days): return 3")
    monkeypatch.syspath_prepend(tmp_path)
    assert isinstance(registry.member("lear_56"), LearMember)


def test_a_name_is_a_family_or_a_family_and_days():
    assert registry.member("lear").spec.window_days is None
    assert registry.member("lear_84").spec.window_days == 84
    assert registry.member("lear_84") is registry.member("lear_84")


@pytest.mark.parametrize(
    "name", ["", "lear_", "lear_0", "lear_x", "Lear_56", "lear_056", "no_such_family", "../lear"]
)
def test_other_names_are_refused_with_the_choice(name):
    with pytest.raises(InputError, match="weekly_naive"):
        registry.member(name)


def test_every_shipped_family_is_a_member_by_its_name():
    for family in registry._SHIPPED:
        for name in (family, f"{family}_91"):
            made = registry.member(name)
            assert isinstance(made, Member)
            assert made.spec.name == name
            assert made.spec.retrain_days >= 1


def test_naming_members_imports_no_heavy_library(repo):
    code = (
        "import sys\n"
        "from energy_assets.forecasting.members import registry\n"
        "[registry.member(name) for name in registry._SHIPPED]\n"
        "heavy = {'lightgbm', 'torch', 'gluonts', 'prophet', 'statsforecast', 'tsfresh', 'sklearn',"
        " 'scipy', 'statsmodels', 'pandas', 'mlflow'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(repo)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
