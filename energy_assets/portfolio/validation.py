"""One clear line from a failed pydantic validation: file, unit, field, expected, found.

Belongs here: turning `ValidationError` into `InputError`, and `broken_rule` for rules that span
several fields. Not here: the models and their rules (`units`, `desk`, `bidding.problem`).
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from energy_assets.errors import InputError


def broken_rule(field: str, expected: str, found: object) -> PydanticCustomError:
    """The error a model validator raises when one field contradicts another."""
    context = {"field": field, "expected": expected, "found": found}
    return PydanticCustomError("rule", "{field}: expected {expected}, found {found}", context)


def input_error(source: str, document: object, error: ValidationError) -> InputError:
    """The first failure of a validation as one line; the number of others goes into the hint.

    Args:
        source: File name or argument the document came from.
        document: The raw document, to name units instead of counting them.
        error: What pydantic raised.
    """
    details = error.errors()
    first = details[0]
    field, expected, found = _parts(first)
    path = _path(document, first["loc"], field)
    more = f"{len(details) - 1} more to correct" if len(details) > 1 else ""
    where = f"{source}: {path}" if path else source
    return InputError(where, expected=expected, found=found, hint=more)


def _parts(detail: ErrorDetails) -> tuple[str, str, object]:
    kind, found = detail["type"], detail["input"]
    context = detail.get("ctx", {})
    if kind == "rule":
        return context["field"], context["expected"], context["found"]
    if kind == "missing":
        return "", "a value", "nothing"
    if kind == "extra_forbidden":
        return "", "a known field", str(detail["loc"][-1])
    if kind == "union_tag_invalid":
        return _tag(context), f"one of {context['expected_tags']}", context["tag"]
    if kind == "union_tag_not_found":
        return _tag(context), "a value", "nothing"
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return (
        "",
        message,
        found if isinstance(found, str | int | float | bool) else type(found).__name__,
    )


def _tag(context: dict[str, Any]) -> str:
    return str(context["discriminator"]).strip("'")


def _path(document: object, location: tuple[int | str, ...], field: str) -> str:
    """`units[battery].power_mw` from the location in the raw document; union tags are skipped."""
    path, node = "", document
    for step in location:
        if isinstance(step, int):
            node = node[step] if isinstance(node, list | tuple) and step < len(node) else None
            name = node.get("name") if isinstance(node, dict) else None
            path += f"[{name or step}]"
        elif isinstance(node, dict) and step not in node and step in _tags(node):
            continue
        else:
            node = node.get(step) if isinstance(node, dict) else None
            path += f".{step}"
    return f"{path}.{field}".strip(".") if field else path.strip(".")


def _tags(node: dict[str, Any]) -> set[Any]:
    return {node.get("kind"), node.get("source")}
