"""The what-if page: every case with its own words, figures and charts, on days of any length."""

from dataclasses import replace
from datetime import date

import pytest

from energy_assets.reports.what_if_report import what_if_path, what_if_report
from energy_assets_tests.reports.page_reader import ReportPage
from energy_assets_tests.reports.sample_what_if import reference, sample_what_if

DESK = reference()


def page_of(found):
    return ReportPage(what_if_report(found, DESK))


@pytest.mark.parametrize(
    ("label", "count"),
    [(date(2026, 3, 29), 92), (date(2026, 2, 12), 96), (date(2026, 10, 25), 100)],
)
def test_the_order_map_has_a_row_per_case_and_a_column_per_mtu(label, count):
    found = sample_what_if(label)
    page = page_of(found)
    heat = page.charts["chart-orders"]["data"][0]
    assert [len(row) for row in heat["z"]] == [count] * len(found.cases)
    assert len(heat["x"]) == count + 1
    assert heat["y"] == [outcome.case.title for outcome in found.cases]
    # The gas turbine makes 4 MW less in the first case.
    assert heat["z"][0] == pytest.approx([-4.0] * count)
    assert "NaN" not in str(page.charts)


def test_every_case_speaks_in_its_own_words_beside_base_and_kept_orders():
    found = sample_what_if()
    page = page_of(found)
    for outcome in found.cases:
        assert outcome.case.why in page.text
        for words in outcome.case.words:
            assert words in page.text
        traces = page.charts[f"chart-case-{outcome.case.name}"]["data"]
        # Only the gas turbine runs otherwise.
        assert [trace["name"] for trace in traces] == ["base", "re-bid", "orders kept"]
        assert len(traces[0]["y"]) == 97
    assert "Within a twentieth of the base: wind, solar, battery, load." in page.text
    assert "boiler_out" in page.text
    assert "<here>" in page.text


def test_values_change_and_regret_stand_in_the_summary():
    page = page_of(sample_what_if(cases=2))
    assert "2 of 2 cases cost value; not re-bidding costs most" in page.text
    for text in ("48,000", "−2,000", "750", "96"):
        assert text in page.texts, text
    bars = page.charts["chart-values"]["data"]
    assert [bar["name"] for bar in bars] == ["re-bid", "base orders kept"]
    assert bars[1]["x"] == [-1750, -2750]


def test_a_case_whose_kept_orders_have_no_value_says_why():
    found = sample_what_if(cases=2)
    blind = replace(found.cases[0], kept=None, kept_reason="unit battery: <too full>")
    page = page_of(replace(found, cases=(blind, found.cases[1])))
    assert "unit battery: <too full>" in page.text
    assert page.charts["chart-values"]["data"][1]["x"][0] is None


def test_a_desk_no_case_befalls_still_has_a_page(tmp_path):
    found = replace(sample_what_if(), cases=())
    page = page_of(found)
    assert "No case befalls this desk" in page.text
    assert page.charts == {}
    assert what_if_path(tmp_path, found).name == "what_if_reference_2026-02-12.html"
