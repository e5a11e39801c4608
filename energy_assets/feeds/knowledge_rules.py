"""When a desk could have known a row: dated rules per source and series, from `rules/*.yaml`.

A source that says when it published a row needs no rule. For the others, and for history fetched
later, a rule gives the knowledge time from the period, the delivery day or the issue time. Rules
are data, dated by delivery day, each with source and status (`market.areas.Row`; status `G` is
shown as unverified).

Belongs here: the kinds of rule, and looking one up. Not here: any time of day (YAML).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from energy_assets.errors import InputError
from energy_assets.market.facts import Fact, WallClock
from energy_assets.portfolio import input_error


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BeforeDelivery(WallClock):
    """Known at a wall-clock time some days before the delivery day (negative: after it)."""

    kind: Literal["before_delivery"]


class AfterPeriod(_Model):
    """Known some minutes after the period has ended."""

    kind: Literal["after_period"]
    minutes: float


class AfterIssue(_Model):
    """Known some minutes after the issue time (model run, message, trading day's end)."""

    kind: Literal["after_issue"]
    minutes: float


KnowledgeRule = Annotated[BeforeDelivery | AfterPeriod | AfterIssue, Field(discriminator="kind")]


class _RuleFile(RootModel[dict[str, Fact[KnowledgeRule]]]):
    pass


def knowledge_rule(source: str, series: str, day: date) -> KnowledgeRule:
    """The rule in force for a series of a source on a delivery day.

    Raises:
        InputError: No rule is written down for the series.
        MarketRuleError: None of its rows covers the day.
    """
    rules = _rules(source)
    if series not in rules:
        where = f"feeds/rules/{source}.yaml"
        raise InputError(where, expected=f"one of {', '.join(sorted(rules))}", found=series)
    return rules[series].on(day)


def knowledge_time(
    rule: KnowledgeRule, *, day: date, period_end: datetime, issued: datetime | None = None
) -> datetime:
    """When a row was known.

    Args:
        rule: The rule.
        day: Delivery day of the row.
        period_end: End of the row's period, UTC.
        issued: Issue time, for rules that need it.

    Raises:
        InputError: The rule needs an issue time and there is none.
    """
    if isinstance(rule, BeforeDelivery):
        return rule.on(day)
    if isinstance(rule, AfterPeriod):
        return period_end + timedelta(minutes=rule.minutes)
    if issued is None:
        raise InputError("knowledge rule", expected="an issue time", found="none")
    return issued + timedelta(minutes=rule.minutes)


@cache
def _rules(source: str) -> dict[str, Fact[KnowledgeRule]]:
    name = f"{source}.yaml"
    path = files("energy_assets.feeds") / "rules" / name
    if not path.is_file():
        raise InputError(f"feeds/rules/{name}", expected="a file of rules", found="none")
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        return _RuleFile.model_validate(document).root
    except ValidationError as error:
        raise input_error(name, document, error) from error
