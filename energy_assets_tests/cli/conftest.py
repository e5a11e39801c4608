"""The command in this process, in a project folder of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from energy_assets.cli import main
from energy_assets.portfolio import Desk


@dataclass(frozen=True)
class Answer:
    """What a command printed and its exit code."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line of a refusal."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("error: ")
        return lines[0].removeprefix("error: ")


Command = Callable[..., Answer]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder; nothing of the machine's own settings shows through."""
    for name in list(os.environ):
        if name.startswith("ENERGY_ASSETS_"):
            monkeypatch.delenv(name)
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    monkeypatch.setenv("ENERGY_ASSETS_ROOT", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def command(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    """Run `energy-assets` with arguments."""

    def run(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["energy-assets", *map(str, arguments)])
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        printed = capfd.readouterr()
        return Answer(code, printed.out, printed.err)

    return run


def write_desk(path: Path, desk: Desk) -> Path:
    """The desk as a YAML file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(desk.model_dump(mode="json")), encoding="utf-8")
    return path


def files_below(folder: Path) -> dict[str, int]:
    """Every file below a folder with the time it was last written."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file()
    }
