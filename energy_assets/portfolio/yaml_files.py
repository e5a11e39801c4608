"""Reading a YAML file of fields, with one clear line where it cannot be read.

Not here: what the fields mean (`desk`, `stress_cases`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from energy_assets.errors import InputError


def read_fields(path: Path, what: str) -> dict[str, Any]:
    """The mapping a YAML file holds.

    Args:
        path: The file.
        what: What it describes, for errors: `desk`.

    Raises:
        InputError: One line naming file, line where there is one, expected and found.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(str(path), expected=f"a readable {what} file", found=str(error)) from error
    try:
        document = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        where = f"{path.name}: line {line}"
        raise InputError(where, expected="valid YAML", found=error.problem) from error
    except yaml.YAMLError as error:
        found = " ".join(str(error).split())
        raise InputError(path.name, expected="valid YAML", found=found) from error
    if not isinstance(document, dict):
        expected = f"a mapping of {what} fields"
        raise InputError(path.name, expected=expected, found=type(document).__name__)
    return document
