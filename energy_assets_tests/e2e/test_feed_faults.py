"""Sources that fall silent, flood or rename a column: whole runs."""

from __future__ import annotations

import gzip
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from energy_assets.defs.raw import assets as raw
from energy_assets.feeds import Access, Feed, Window, feeds_for
from energy_assets.feeds.source_session import SourceUnavailableError
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.tables import Table
from energy_assets.market import load_area
from energy_assets.portfolio import Desk
from energy_assets.quality import admit
from energy_assets.quality import catch_up as catching_up
from energy_assets.trading.order_drop import verify_drop
from energy_assets_tests.defs.chain import LATER, Chain, failures
from energy_assets_tests.e2e.desks import (
    EPF_DAY,
    EPF_PATH,
    epf_desk,
    write_epf_file,
)
from energy_assets_tests.lakehouse.frames import prices
from energy_assets_tests.quality.test_admission import Prices

DECIDED = epf_desk().decision_time(EPF_DAY).astimezone(UTC)
SILENT, BACK = DECIDED - timedelta(hours=5), DECIDED + timedelta(hours=1)
RAW = ("raw.market_prices", "raw.system_forecasts")
PRICES = "raw.market_prices"


@dataclass
class Through:
    """A feed whose answers pass through `change` on their way."""

    feed: Feed
    change: Callable[[pl.DataFrame], pl.DataFrame]

    @property
    def name(self) -> str:
        return self.feed.name

    @property
    def source(self) -> str:
        return self.feed.source

    @property
    def table(self) -> Table:
        return self.feed.table

    @property
    def scope(self) -> str:
        return self.feed.scope

    @property
    def selection(self) -> Mapping[str, str]:
        return self.feed.selection

    def fetch(self, window: Window, as_of: datetime) -> pl.DataFrame:
        return self.change(self.feed.fetch(window, as_of))


def epf_chain(root: Path, change: Callable[[pl.DataFrame], pl.DataFrame] | None = None) -> Chain:
    """A battery on a made-up file, whose answers pass through `change`."""
    chain = Chain(root, epf_desk(), {"REAL_DATA": str(root / "real")})
    write_epf_file(chain.settings.real_data, EPF_DAY - timedelta(days=90), EPF_DAY)
    chain.clock.now = SILENT - timedelta(minutes=40)
    if change is not None:
        with pytest.MonkeyPatch.context() as patch:

            def wrapped(desk: Desk, access: Access) -> list[Feed]:
                return [Through(feed, change) for feed in feeds_for(desk, access)]

            patch.setattr(raw, "feeds_for", wrapped)
            assert chain.definitions
    return chain


def said_by(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, object]]:
    """Metadata of the raw assets of a run, by table."""
    found = {}
    for event in result.get_asset_materialization_events():
        path = event.asset_key.path
        if path[1] == "raw":
            said = event.step_materialization_data.materialization.metadata
            found[".".join(path[1:])] = {name: value.value for name, value in said.items()}
    return found


def warnings_of(chain: Chain, result: dg.ExecuteInProcessResult) -> list[str]:
    """Lines that a run logged as warnings."""
    records = chain.instance.all_logs(result.run_id)
    return [r.user_message for r in records if r.level == 30 and r.dagster_event is None]


@dataclass(frozen=True)
class Outage:
    """The runs around six hours of silence, and the rows stored before and during it."""

    chain: Chain
    before: dict[str, int]
    hourly: dg.ExecuteInProcessResult
    decision: dg.ExecuteInProcessResult
    during: dict[str, int]
    after: list[dg.ExecuteInProcessResult]


def counts(chain: Chain) -> dict[str, int]:
    return {name: chain.lake.read(name, latest_revision=False).height for name in RAW}


@pytest.fixture(scope="module")
def outage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outage]:
    def silent_for_six_hours(rows: pl.DataFrame) -> pl.DataFrame:
        if SILENT <= chain.clock.now < BACK:
            raise SourceUnavailableError("files", "/DE", "HTTP 503 after 5 tries")
        return rows

    chain = epf_chain(tmp_path_factory.mktemp("outage"), silent_for_six_hours)

    def ingest(at: datetime) -> dg.ExecuteInProcessResult:
        chain.clock.now = at
        result = chain.run("ingest__files", EPF_DAY)
        assert result.success, failures(result)
        return result

    ingest(chain.clock.now)
    before = counts(chain)
    hourly = ingest(SILENT + timedelta(minutes=20))
    chain.clock.now = DECIDED
    decision = chain.run("day_ahead", EPF_DAY)
    during = counts(chain)
    after = [ingest(BACK + timedelta(hours=1 + number)) for number in range(2)]
    yield Outage(chain, before, hourly, decision, during, after)
    chain.instance.dispose()


def test_a_silent_source_fails_no_run_and_is_said_in_one_line(outage):
    line = "files: expected an answer to /DE, found HTTP 503 after 5 tries"
    for result in (outage.hourly, outage.decision):
        assert result.success, failures(result)
        found = said_by(result)
        assert set(found) == set(RAW)
        for said in found.values():
            assert said["unavailable"] == line
            assert said["rows fetched"] == said["dagster/row_count"] == 0
        warned = [text for text in warnings_of(outage.chain, result) if line in text]
        assert [text.split(": ")[0] for text in warned] == [
            "epf_files.DE.prices",
            "epf_files.DE.forecasts",
        ]
        assert not [e for e in result.all_events if e.is_step_up_for_retry]
    assert outage.during == outage.before


def test_the_decision_steps_down_and_its_orders_are_in_force_before_the_gate(outage):
    chain = outage.chain
    found = chain.lake.read("quality.verdicts", scope=chain.desk.name)
    bad = found.filter(pl.col("verdict") == "missing")
    assert set(bad["input"]) == {
        f"raw.system_forecasts:{name}" for name in chain.desk.feeds[0].columns.forecasts
    }
    rows = chain.lake.read("forecasts.quantiles").filter(pl.col("delivery_day") == EPF_DAY)
    assert "ensemble" not in set(rows["model"])
    sha, rung = chain.orders(EPF_DAY, "live")
    assert rung == "stochastic"
    runs = chain.lake.current("bids.bid_runs", scope=chain.desk.name)
    assert runs["orders_sha256"].to_list() == [sha]
    assert (runs["ingested_at"] <= runs["gate_closure"]).all()
    drops = [verify_drop(path) for path in chain.settings.orders.glob("*.sha256")]
    assert sha in {orders.sha256 for orders in drops}


def test_once_the_source_is_back_the_gap_is_filled_and_nothing_is_there_twice(outage, tmp_path):
    first, second = (said_by(result) for result in outage.after)
    assert all("unavailable" not in said for said in (*first.values(), *second.values()))
    series = len(outage.chain.desk.feeds[0].columns.forecasts)
    assert first["raw.system_forecasts"]["rows written"] == 24 * series
    assert first["raw.market_prices"]["rows written"] == 24
    assert all(said["rows written"] == 0 for said in second.values())
    untouched = epf_chain(tmp_path)
    untouched.clock.now = outage.chain.clock.now
    assert untouched.run("ingest__files", EPF_DAY).success
    for name in RAW:
        found, expected = outage.chain.contents()[name], untouched.contents()[name]
        assert found.equals(expected), name


def test_what_came_before_the_silence_stays_and_the_rest_follows(tmp_path, monkeypatch):
    answers = []

    def silent_after_the_first(rows: pl.DataFrame) -> pl.DataFrame:
        answers.append(rows.height)
        if len(answers) == 2:
            raise SourceUnavailableError("files", "/DE", "HTTP 503 after 5 tries")
        return rows

    monkeypatch.setattr(catching_up, "CHUNK_DAYS", 30)
    chain = epf_chain(tmp_path, silent_after_the_first)
    said = said_by(chain.run("ingest__files", EPF_DAY))
    quiet = next(name for name, found in said.items() if "unavailable" in found)
    assert [name for name, found in said.items() if "unavailable" in found] == [quiet]
    assert said[quiet]["rows written"] == answers[0] > 0
    again = said_by(chain.run("ingest__files", EPF_DAY))
    assert again[quiet]["rows written"] > 0
    assert said_by(chain.run("ingest__files", EPF_DAY))[quiet]["rows written"] == 0


COPIES = 1000


def test_a_flood_of_copies_in_one_answer_is_stored_once_and_refused_once(tmp_path):
    def spoilt(rows: pl.DataFrame) -> pl.DataFrame:
        if "price" not in rows.columns:
            return rows
        last = rows.tail(24).with_columns(
            price=pl.when(pl.int_range(pl.len()) == 5).then(99_999.0).otherwise(pl.col("price"))
        )
        return pl.concat([rows.head(-24), *[last] * COPIES])

    chain = epf_chain(tmp_path, spoilt)
    for written in (True, False):
        tracemalloc.start()
        began = time.process_time()
        said = said_by(chain.run("ingest__files", EPF_DAY))[PRICES]
        seconds = time.process_time() - began
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert said["rows rejected"] == {"price.limits": COPIES, "duplicate": 23 * (COPIES - 1)}
        assert (said["rows written"] > 0) == written
        # A day 1000 times over is 24,000 rows: neither a dict nor a file for each of them.
        assert seconds < 8
        assert most < 60 * 2**20
    kept = chain.lake.read("quality.rejected_rows", latest_revision=False)
    assert kept.group_by("rule").len().sort("rule").rows() == [
        ("duplicate", 23),
        ("price.limits", 1),
    ]
    stored = chain.lake.read(PRICES, latest_revision=False)
    assert not stored.select("period_start").is_duplicated().any()


def test_the_same_refused_row_fetched_every_hour_is_kept_once(tmp_path):
    lake = Lake(tmp_path)
    area = load_area("DE_LU")
    day = area.session().delivery_day(date(2025, 11, 4))
    window = Window(day.start, day.end)
    late = datetime(2030, 1, 1, tzinfo=UTC)
    values = [50.0] * 90 + [99_999.0] * 6
    for hour in range(30):
        # Observed rows are known when they are fetched: later every time.
        known = day.start + timedelta(hours=hour)
        rows = prices(day.starts, values, known, minutes=15, source="file")
        done = admit(lake, Prices(rows, scope="DE_LU"), window, late, area=area)
        assert done.written == (90 if hour == 0 else 0)
        assert done.rejected == {"price.limits": 6}
    assert lake.read("quality.rejected_rows", latest_revision=False).height == 6
    assert lake.version("quality.rejected_rows") == 1
    assert lake.version(PRICES) == 1


def rename(chain: Chain, old: str, new: str) -> None:
    path = chain.settings.real_data / EPF_PATH
    text = gzip.decompress(path.read_bytes()).decode()
    path.write_bytes(gzip.compress(text.replace(old, new, 1).encode(), mtime=0))


def test_a_renamed_column_stops_its_step_in_one_line_and_touches_nothing(tmp_path):
    chain = epf_chain(tmp_path)
    assert chain.run("ingest__files", EPF_DAY).success
    stored = {name: chain.contents()[name] for name in RAW}
    versions = {name: chain.lake.version(name) for name in RAW}
    rename(chain, "pv_wind_forecast_mw", "pv_and_wind_mw")
    chain.clock.now = DECIDED
    result = chain.run("day_ahead", EPF_DAY)
    assert not result.success
    for line in failures(result).values():
        assert line.startswith("DE.csv.gz: row 1: expected one column 'pv_wind_forecast_mw', found")
        assert "pv_and_wind_mw" in line
        assert "\n" not in line
    assert {name: chain.lake.version(name) for name in RAW} == versions
    # The last rung was made first: there is something lawful to send.
    _, rung = chain.orders(EPF_DAY, "live")
    assert rung == "price_independent"
    rename(chain, "pv_and_wind_mw", "pv_wind_forecast_mw")
    chain.clock.now = LATER
    assert chain.run("ingest__files", EPF_DAY).success
    for name in RAW:
        again = chain.contents()[name]
        assert again.join(stored[name], on=again.columns, how="semi").height == stored[name].height
