from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_assets.errors import InputError, MarketRuleError
from energy_assets.feeds import knowledge_rules
from energy_assets.feeds.knowledge_rules import (
    AfterIssue,
    AfterPeriod,
    BeforeDelivery,
    knowledge_rule,
    knowledge_time,
)

SHIPPED = sorted(
    entry.name.removesuffix(".yaml")
    for entry in (files("energy_assets.feeds") / "rules").iterdir()
    if entry.name.endswith(".yaml") and not entry.name.endswith("_domains.yaml")
)


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize("source", SHIPPED)
def test_every_shipped_rule_has_a_source_and_says_if_none_was_found(source):
    for series, fact in knowledge_rules._rules(source).items():
        for row in fact.rows:
            assert len(row.source) > 10, series
            assert row.status in {"C", "S", "OLD", "G", "decision"}


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2025, 1, 15), utc(2025, 1, 14, 17)),
        (date(2025, 7, 15), utc(2025, 7, 14, 16)),
        (date(2025, 3, 30), utc(2025, 3, 29, 17)),
        (date(2025, 3, 31), utc(2025, 3, 30, 16)),
        (date(2025, 10, 27), utc(2025, 10, 26, 17)),
    ],
)
def test_a_wall_clock_rule_follows_the_clock(day, expected):
    rule = knowledge_rule("entsoe", "wind_solar_forecast", day)
    assert knowledge_time(rule, day=day, period_end=utc(2000, 1, 1)) == expected


@given(st.floats(0, 10_000), st.integers(0, 2_000_000_000))
def test_a_lag_counts_from_the_end_of_the_period_or_from_the_issue(minutes, moment):
    end = datetime.fromtimestamp(moment, UTC)
    lag = timedelta(minutes=minutes)
    after = AfterPeriod(kind="after_period", minutes=minutes)
    assert knowledge_time(after, day=end.date(), period_end=end) == end + lag
    issued = AfterIssue(kind="after_issue", minutes=minutes)
    known = knowledge_time(issued, day=end.date(), period_end=end, issued=end - lag)
    assert known - end <= timedelta(microseconds=1)


def test_a_negative_number_of_days_is_after_the_delivery_day():
    rule = BeforeDelivery(
        kind="before_delivery", time="09:00", days_before=-2, clock="Europe/Berlin"
    )
    found = knowledge_time(rule, day=date(2025, 7, 1), period_end=utc(2025, 7, 1))
    assert found == utc(2025, 7, 3, 7)


def test_a_rule_from_the_issue_needs_one():
    rule = AfterIssue(kind="after_issue", minutes=5)
    with pytest.raises(InputError, match="expected an issue time"):
        knowledge_time(rule, day=date(2025, 7, 1), period_end=utc(2025, 7, 1))


def test_an_unknown_series_is_named_with_what_there_is():
    with pytest.raises(
        InputError, match=r"feeds/rules/entsoe\.yaml: expected one of .*load_actual"
    ):
        knowledge_rule("entsoe", "moon", date(2025, 1, 1))


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Rules of a source `demo` written for one test."""
    (tmp_path / "rules").mkdir()
    monkeypatch.setattr(knowledge_rules, "files", lambda _: tmp_path)
    knowledge_rules._rules.cache_clear()
    yield lambda text: (tmp_path / "rules" / "demo.yaml").write_text(text)
    knowledge_rules._rules.cache_clear()


def test_rules_are_dated_by_delivery_day(written):
    written(
        "load:\n"
        "  - {value: {kind: after_period, minutes: 60}, valid_to: 2024-12-31,"
        " source: a, status: C}\n"
        "  - {value: {kind: after_period, minutes: 30}, valid_from: 2025-01-02,"
        " source: b, status: G}\n"
    )
    assert knowledge_rule("demo", "load", date(2024, 12, 31)).minutes == 60
    assert knowledge_rule("demo", "load", date(2025, 1, 2)).minutes == 30
    with pytest.raises(MarketRuleError, match="no market fact in force on 2025-01-01"):
        knowledge_rule("demo", "load", date(2025, 1, 1))


@pytest.mark.parametrize(
    "text",
    [
        "load:\n  - {value: {kind: someday}, source: a, status: C}\n",
        "load:\n  - {value: {kind: after_period}, source: a, status: C}\n",
        "load:\n  - {value: {kind: after_period, minutes: 1}, status: C}\n",
        "load:\n  - {value: {kind: after_period, minutes: 1}, source: a, status: sure}\n",
        "load: 5\n",
        "- load\n",
        "",
    ],
)
def test_a_rule_file_with_a_fault_is_named(written, text):
    written(text)
    with pytest.raises(InputError, match=r"demo\.yaml"):
        knowledge_rule("demo", "load", date(2025, 1, 1))


def test_a_source_without_rules_is_named(written):
    with pytest.raises(InputError, match=r"feeds/rules/none\.yaml"):
        knowledge_rule("none", "load", date(2025, 1, 1))
