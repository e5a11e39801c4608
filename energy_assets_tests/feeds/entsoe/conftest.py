"""Feeds of a German desk against the loopback platform, without waiting."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from energy_assets.feeds import Access, Window
from energy_assets.feeds.entsoe import entsoe_feeds
from energy_assets.feeds.entsoe.platform import POLICY, SOURCE, Platform
from energy_assets.feeds.source_session import SourceSession
from energy_assets.portfolio import EntsoeFeed, load_desk
from energy_assets_tests.loopback.entsoe import TOKEN, entsoe_handler
from energy_assets_tests.loopback.server import LoopbackServer

LATER = datetime(2035, 1, 1, tzinfo=UTC)
OWN_UNIT_CODE = "11WD2UNIT000001B"
EVERY_SERIES = (
    "day_ahead_prices",
    "load_forecast",
    "wind_solar_forecast",
    "load_actual",
    "generation_actual",
    "imbalance_prices",
    "reserve_prices",
    "outages",
)


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@dataclass
class Loopback:
    """A running server and the feeds that ask it."""

    server: LoopbackServer
    access: Access
    desk: object
    slept: list[float] = field(default_factory=list)

    def feeds(self):
        session = SourceSession(
            SOURCE,
            self.access.endpoint(SOURCE),
            POLICY,
            secrets={"securityToken": self.access.token(SOURCE)},
            raw_answers=self.access.raw_answers,
            sleep=self.slept.append,
        )
        units = {self.desk.units[0].name: OWN_UNIT_CODE}
        spec = EntsoeFeed(source="entsoe", series=EVERY_SERIES, unit_codes=units)
        made = entsoe_feeds(spec, Platform(self.access, session), self.desk)
        return {feed.name.removeprefix("entsoe."): feed for feed in made}

    def fetch(self, name, start, end, as_of=LATER):
        return self.feeds()[name].fetch(Window(start, end), as_of)


@pytest.fixture(scope="session")
def desk(repo):
    return load_desk(repo / "data/desks/epf_de.yaml").model_copy(update={"area": "DE_LU"})


@pytest.fixture
def loopback(desk, tmp_path):
    """`with loopback(market, outages) as platform`: a server and its feeds."""

    @contextmanager
    def start(market=None, outages=(), area="DE_LU", token=TOKEN, **options):
        handler = entsoe_handler(market, outages, **options)
        with LoopbackServer({"/api": handler}) as server:
            access = Access(
                Path(tmp_path),
                {SOURCE: f"{server.url}/api"},
                {SOURCE: SecretStr(token)},
                tmp_path / "raw_answers",
            )
            yield Loopback(server, access, desk.model_copy(update={"area": area}))

    return start
