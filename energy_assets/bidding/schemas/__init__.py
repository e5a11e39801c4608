"""JSON Schemas of `optimise`: `problem.json` and `answer.json`, made from the models.

`python -m energy_assets.bidding.schemas` (`make docs`) writes both; a test holds them up to date.

Belongs here: the two schema files and what makes them. Not here: the models (`bidding.problem`,
`answer`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from energy_assets.bidding.problem import BiddingProblem
from energy_assets.bidding.schemas.answer import Answer

FOLDER = Path(__file__).parent
MODELS: dict[str, type[BaseModel]] = {"problem": BiddingProblem, "answer": Answer}


def schema_text(name: str) -> str:
    """The schema `problem` or `answer` as it has to be in its file."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **MODELS[name].model_json_schema(),
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def write_schemas() -> None:
    """Write both files beside this module."""
    for name in MODELS:
        (FOLDER / f"{name}.json").write_text(schema_text(name), encoding="utf-8")
