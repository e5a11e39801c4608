"""Generated suites, what they find in a lake, and pages that need no network."""

from __future__ import annotations

import re
import shutil
import socket
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from energy_assets.lakehouse import Lake, table
from energy_assets.lakehouse.enforcement import caller_columns
from energy_assets.lakehouse.tables import TABLES
from energy_assets.market import load_area
from energy_assets.quality import validation
from energy_assets.quality.data_docs import self_contained
from energy_assets.quality.expectations import (
    day_coverage,
    day_expectations,
    row_identity,
    suite,
    table_expectations,
)
from energy_assets.quality.validation import Outcome, validate
from energy_assets_tests.lakehouse.frames import frame, hours, prices

PRICES = "raw.market_prices"
SESSION = load_area("DE_LU").session()
LONG, SHORT = date(2025, 10, 26), date(2025, 3, 30)
NOW = datetime(2025, 10, 28, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def registry() -> dict[str, list[dict[str, object]]]:
    """Arguments by table id and kind of expectation."""
    return {
        f"{name} {each.kind}": [
            other.arguments for other in table_expectations(registered) if other.kind == each.kind
        ]
        for name, registered in TABLES.items()
        for each in table_expectations(registered)
    }


def test_every_column_of_every_table_is_expected_with_its_bounds_and_labels(registry):
    for name, registered in TABLES.items():
        (columns,) = registry[f"{name} ExpectTableColumnsToMatchSet"]
        assert columns["column_set"] == list(registered.schema)
        typed = registry[f"{name} ExpectColumnValuesToBeInTypeList"]
        assert [each["column"] for each in typed] == list(registered.schema)
        required = registry[f"{name} ExpectColumnValuesToNotBeNull"]
        assert {each["column"] for each in required} == {
            column.name for column in registered.all_columns if not column.nullable
        }
        bounded = registry.get(f"{name} ExpectColumnValuesToBeBetween", [])
        assert {(each["column"], each["min_value"], each["max_value"]) for each in bounded} == {
            (column.name, column.minimum, column.maximum)
            for column in registered.all_columns
            if (column.minimum, column.maximum) != (None, None)
        }
        labelled = registry.get(f"{name} ExpectColumnValuesToBeInSet", [])
        assert {each["column"]: tuple(each["value_set"]) for each in labelled} == {
            column.name: column.allowed for column in registered.all_columns if column.allowed
        }


def test_no_two_revisions_of_a_key_and_source_may_agree():
    identity = row_identity(table(PRICES))
    assert identity == ["scope", "series", "period_start", "resolution_min", "source", "revision"]
    for registered in TABLES.values():
        assert set(row_identity(registered)) <= set(registered.schema)


def test_every_generated_suite_is_one_great_expectations_takes():
    for name, registered in TABLES.items():
        expected = table_expectations(registered) + day_expectations(registered)
        assert len(suite(name, expected).expectations) == len(expected)


@pytest.mark.parametrize(("day", "hours_of_day"), [(SHORT, 23), (LONG, 25)])
@pytest.mark.parametrize("minutes", [15, 60])
def test_coverage_counts_the_minutes_of_the_sessions_day(day, hours_of_day, minutes):
    delivery = SESSION.delivery_day(day)
    starts = hours(delivery.start, hours_of_day * 60 // minutes, minutes)
    rows = prices(starts, [1.0] * len(starts), delivery.start, minutes=minutes)
    later = delivery.end + timedelta(days=3)

    def share(rows: pl.DataFrame) -> list[tuple[date, int, float]]:
        covered = day_coverage(table(PRICES), rows, SESSION, day, later)
        return covered.select("delivery_day", "expected_minutes", "share").rows()

    minutes_of_day = hours_of_day * 60
    assert share(rows)[0] == (day, minutes_of_day, 1.0)
    # The next day ended and nothing of the series came: it is not left out.
    assert share(rows)[1] == (day + timedelta(days=1), 1440, 0.0)
    assert share(rows[1:])[0] == (day, minutes_of_day, 1 - minutes / minutes_of_day)
    assert share(pl.concat([rows, rows]))[0][2] == 1.0


def test_days_that_may_still_come_are_not_judged():
    delivery = SESSION.delivery_day(LONG)
    rows = prices(hours(delivery.start, 1), [1.0], delivery.start)
    level = table(PRICES).service.freshness
    before = day_coverage(table(PRICES), rows, SESSION, LONG, delivery.end + level / 2)
    assert before.is_empty()
    after = day_coverage(table(PRICES), rows, SESSION, LONG, delivery.end + level)
    assert after["delivery_day"].to_list() == [LONG]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Outcome]]:
    folder = tmp_path_factory.mktemp("judged")
    lake = Lake(folder / "lake", clock=lambda: NOW)
    day = SESSION.delivery_day(LONG)
    starts = hours(day.start, 25)
    good = prices(starts[:24], [float(i) for i in range(24)], day.start)
    lake.append_if_changed(PRICES, good, scope="DE_LU")
    # Past the checks on the way in: `append_if_changed` takes what the dtype allows.
    bad = frame(
        PRICES,
        {
            name: [value]
            for name, value in {
                "series": "day_behind",
                "period_start": day.start,
                "resolution_min": 60,
                "price": 99_999.0,
                "currency": "EUR",
                "source": "<script>alert(1)</script>",
                "knowledge_time": day.start,
                "knowledge_basis": "published",
            }.items()
        },
    )
    lake.append_if_changed(PRICES, bad, scope="DE_LU")
    assert set(caller_columns(table(PRICES))) == set(bad.columns)
    told: list[tuple[int, int]] = []

    def no_network(*_: object, **__: object) -> None:
        pytest.fail("the network was asked for")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GX_CLOUD_ACCESS_TOKEN", "token")
        patch.setenv("GX_CLOUD_ORGANIZATION_ID", "organization")
        patch.setattr(socket, "getaddrinfo", no_network)
        patch.setattr(socket.socket, "connect", no_network)
        outcomes = validate(
            lake,
            {"DE_LU": SESSION, "nobody": SESSION, "global": None},
            folder / "docs",
            NOW,
            progress=lambda _, done, of: told.append((done, of)),
        )
    assert told == [(n + 1, 3 * len(TABLES)) for n in range(3 * len(TABLES))]
    return folder / "docs", outcomes


def test_an_unmet_expectation_is_a_result_with_its_first_rows(judged):
    _, outcomes = judged
    assert [(o.suite, o.scope, o.rows) for o in outcomes] == [
        (PRICES, "DE_LU", 25),
        (f"{PRICES}.days", "DE_LU", 2),
    ]
    rows, days = outcomes
    found = {(unmet.expectation, unmet.column): unmet for unmet in rows.unmet}
    assert set(found) == {
        ("expect_column_values_to_be_in_set", "series"),
        ("expect_column_values_to_be_between", "price"),
    }
    price = found["expect_column_values_to_be_between", "price"]
    assert price.count == 1
    assert price.first[0]["price"] == "99999.0"
    assert price.first[0]["source"] == "<script>alert(1)</script>"
    assert rows.table == days.table == PRICES
    (gap,) = days.unmet
    assert (gap.column, gap.count) == ("share", 2)
    assert {row["series"] for row in gap.first} == {"day_ahead", "day_behind"}


def test_an_empty_table_has_nothing_against_it(tmp_path):
    lake = Lake(tmp_path / "lake")
    lake.ensure_tables()
    assert validate(lake, {"DE_LU": SESSION}, tmp_path / "docs", NOW, tables=[PRICES]) == []
    assert "All suites are met" in (tmp_path / "docs" / "index.html").read_text()


def test_pages_are_replaced_whole_and_leave_nothing_beside_them(judged, tmp_path):
    site, _ = judged
    folder = tmp_path / "reports" / "docs"
    shutil.copytree(site, folder)
    lake = Lake(tmp_path / "lake")
    lake.ensure_tables()
    validate(lake, {"DE_LU": SESSION}, folder, NOW, tables=[PRICES])
    assert [path.name for path in folder.rglob("*.html")] == ["index.html"]
    assert [path.name for path in folder.parent.iterdir()] == ["docs"]


def test_a_crash_leaves_the_old_pages(judged, tmp_path, monkeypatch):
    folder = tmp_path / "docs"
    shutil.copytree(judged[0], folder)
    before = (folder / "index.html").read_text()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(validation.data_docs, "finish", fail)
    lake = Lake(tmp_path / "lake")
    lake.ensure_tables()
    with pytest.raises(OSError, match="disk full"):
        validate(lake, {"DE_LU": SESSION}, folder, NOW, tables=[PRICES])
    assert (folder / "index.html").read_text() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["docs", "lake"]


def test_no_page_holds_a_script_or_asks_anybody_for_anything(judged):
    site, outcomes = judged
    pages = sorted(site.rglob("*.html"))
    assert {outcome.page for outcome in outcomes} < {
        page.relative_to(site).as_posix() for page in pages
    }
    for page in pages:
        text = page.read_text()
        assert "Content-Security-Policy" in text
        assert not re.search(r"<(script|link|img|iframe)\b", text), page
        assert not re.search(r"(src=|url\(|@import)", text), page


def test_self_contained_takes_out_what_scripts_would_need():
    page = (
        '<html><head><LINK href="https://x/a.css"><script src="https://x/b.js"></script></head>'
        '<body><img src="https://x/c.png"><p>kept</p><script>alert(1)</script ></body></html>'
    )
    kept = self_contained(page)
    assert "https://" not in kept
    assert "<p>kept</p>" in kept
    assert kept.count("<style>") == 1


@pytest.mark.browser
def test_pages_are_drawn_offline_without_a_complaint(judged):
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    site, outcomes = judged
    asked: list[str] = []
    complaints: list[str] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto((site / "index.html").as_uri())
        assert page.locator("tbody tr").count() == len(outcomes) + 3
        page.click("tbody a >> nth=0")
        page.wait_for_load_state()
        assert page.get_by_text("Expectation Suite:").is_visible()
        assert page.locator("table").count() > 3
        assert page.evaluate("document.documentElement.scrollWidth") <= 1300
        page.click("text=Home")
        assert page.url == (site / "index.html").as_uri()
        browser.close()
    assert complaints == []
    assert all(url.startswith("file:") for url in asked)
