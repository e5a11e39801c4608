from __future__ import annotations

import shutil

import pytest

from energy_assets.reports import backtest_report, day_report, write_report
from energy_assets.reports.forecast_report import forecast_report
from energy_assets_tests.reports.sample_evaluation import sample_evaluation
from energy_assets_tests.reports.sample_inputs import backtest_inputs, day_inputs

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as driver:
        instance = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        yield instance
        instance.close()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("make", "charts"),
    [
        (lambda: day_report(day_inputs()), 6),
        (lambda: backtest_report(backtest_inputs()), 7),
        (lambda: forecast_report(sample_evaluation()), 9),
    ],
    ids=["day", "backtest", "forecast"],
)
def test_every_chart_is_drawn_without_a_request_or_an_error(browser, tmp_path, make, charts):
    path = write_report(tmp_path / "report.html", make())
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    complaints: list[str] = []
    requests: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_function(
        "() => [...document.querySelectorAll('.chart')].every(c => c.querySelector('.main-svg'))"
    )
    assert page.locator(".chart .main-svg:first-child").count() == charts
    before = page.evaluate("document.documentElement.dataset.theme")
    page.click("#theme")
    assert page.evaluate("document.documentElement.dataset.theme") != before
    assert complaints == []
    assert requests == [path.as_uri()]
    page.close()
