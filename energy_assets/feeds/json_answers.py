"""JSON from a remote source, validated at the border: a typed answer or one clear line.

Belongs here: asking for JSON and checking it against a model. Not here: the models (the module of
each source), tries and rate limits (`source_session`).
"""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from energy_assets.feeds.source_session import SourceSession, SourceUnavailableError

AnswerT = TypeVar("AnswerT")
_LONGEST_FOUND = 200


class AnswerModel(BaseModel):
    """Base of what sources answer: types as stated, no infinities, unknown fields left alone."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)


def ask_json(
    session: SourceSession, path: str, params: dict[str, Any], answer: TypeAdapter[AnswerT]
) -> AnswerT:
    """A validated answer.

    Args:
        session: Session of the source.
        path: Below the source's address.
        params: Query; a list gives a repeated parameter.
        answer: What it must be.

    Raises:
        SourceUnavailableError: No answer, no whole JSON, or not of this form.
    """
    response = session.ask(path, params)
    try:
        return answer.validate_json(response.content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        found = f"{place}: {first['msg']}" if place else first["msg"]
        raise unusable(session, response.url, found) from None


def unusable(session: SourceSession, asked: str, found: str) -> SourceUnavailableError:
    """The error of an answer that cannot be used; what was found is cut to one short line."""
    line = " ".join(found.split())
    return SourceUnavailableError(session.source, asked, line[:_LONGEST_FOUND])
