from __future__ import annotations

from energy_assets.feeds import Window
from energy_assets.lakehouse import Lake
from energy_assets.market import load_area
from energy_assets.quality.admission import admit
from energy_assets_tests.feeds.entsoe.conftest import LATER, OWN_UNIT_CODE, utc
from energy_assets_tests.loopback.entsoe import made_up_outages
from energy_assets_tests.loopback.server import Status

# Over the change from hours to quarter-hours and the 25-hour day.
WINDOW = Window(utc(2025, 9, 28), utc(2025, 10, 28))


def test_every_row_is_admitted_once_and_again_adds_none(loopback, tmp_path):
    lake, area = Lake(str(tmp_path / "lake")), load_area("DE_LU")
    messages = made_up_outages([OWN_UNIT_CODE, "11WD2UNIT000002C"], WINDOW.start, 30)
    with loopback(outages=messages) as platform:
        feeds = platform.feeds().values()
        first = [admit(lake, feed, WINDOW, LATER, area=area) for feed in feeds]
        platform.server.inject(Status(429, retry_after="1"), Status(502))
        again = [admit(lake, feed, WINDOW, LATER, area=area) for feed in feeds]
    for admission, repeat in zip(first, again, strict=True):
        assert admission.rejected == repeat.rejected == {}
        assert admission.written == admission.fetched > 0
        assert repeat.fetched == admission.fetched
        assert repeat.written == 0
    prices = next(admission for admission in first if admission.feed.endswith("day_ahead_prices"))
    # Two days and 22 hours of September in hours, the rest in quarter-hours.
    assert prices.fetched == 70 + (30 * 24 - 70) * 4
