"""The decision's jobs, end to end in one process, on light desks."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from energy_assets.defs.bids import assets as bid_assets
from energy_assets.trading.order_drop import verify_drop
from energy_assets_tests.defs.chain import LATER, Chain, failures, steps
from energy_assets_tests.e2e.desks import EPF_DAY, epf_desk, reference_desk, write_epf_file

CHAIN = ("day_ahead", "results", "settlement")
SIM_DAY = date(2026, 2, 10)
DAYS = [EPF_DAY - timedelta(days=2), EPF_DAY - timedelta(days=1), EPF_DAY]
FEW = {"count": 6, "reduced_count": 2}


def drops(chain: Chain) -> list[Path]:
    return sorted(chain.settings.orders.glob("*.sha256"))


def check_results(result: dg.ExecuteInProcessResult) -> dict[str, list[dg.AssetCheckEvaluation]]:
    found: dict[str, list[dg.AssetCheckEvaluation]] = {}
    for evaluation in result.get_asset_check_evaluations():
        found.setdefault(evaluation.check_name.split("__")[0], []).append(evaluation)
    return found


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """A day decided before its gate, awarded and settled after it, on the reference market."""
    desk = reference_desk(
        ["wind", "battery", "load"],
        forecast={
            "members": {"price": ("lear_21",), "wind": ("analogues",), "solar": ("analogues",)},
            "qra_window_days": 28,
            "fold_days": 0,
            "longest_retrain_days": 1,
        },
        scenarios=FEW,
        price_points=4,
    )
    chain = Chain(tmp_path_factory.mktemp("live"), desk)
    decided = desk.decision_time(SIM_DAY)
    chain.clock.now = decided
    chain.fetch(SIM_DAY)
    for job, later in zip(CHAIN, (0, 3, 48), strict=True):
        chain.clock.now = max(chain.clock.now, decided + timedelta(hours=later))
        result = chain.run(job, SIM_DAY)
        assert result.success, failures(result)
    yield chain
    chain.instance.dispose()


def test_the_decision_gives_valid_orders_and_a_report(live):
    sha, rung = live.orders(SIM_DAY, "live")
    assert rung == "stochastic"
    (drop,) = [path for path in drops(live) if sha[:16] in path.name]
    orders = verify_drop(drop)
    assert orders.sha256 == sha
    assert len(orders.curves) == 96
    report = live.settings.reports / f"reference_light.day_ahead.{SIM_DAY}.live.html"
    assert "SYNTHETIC" in report.read_text(encoding="utf-8").upper()
    runs = live.lake.read("bids.bid_runs")
    assert runs["rung"].sort().to_list() == ["price_independent", "stochastic"]
    assert (runs["ingested_before"] <= runs["ingested_at"]).all()


def test_orders_made_before_the_gate_are_the_ones_awarded_and_settled(live):
    for table in ("trading.awards", "bids.unit_schedules", "trading.settlement"):
        assert live.lake.read(table)["mode"].unique().to_list() == ["live"], table
    sha, _ = live.orders(SIM_DAY, "live")
    assert live.lake.read("trading.awards")["orders_sha256"].unique().to_list() == [sha]
    cash = live.lake.read("trading.settlement")
    assert cash.filter(pl.col("component") == "day_ahead").height == 96
    assert cash["cash_cents"].sum() != 0


def test_the_last_rung_is_made_before_any_feed_is_asked(live):
    (run,) = live.instance.get_runs(dg.RunsFilter(job_name="day_ahead__SIM_DE_LU"))
    started = [
        event.step_key
        for event in (log.dagster_event for log in live.instance.all_logs(run.run_id))
        if event and event.is_step_start
    ]
    assert started[0] == "reference_light__bids__last_rung"


def test_a_run_carries_who_what_and_when(live):
    (run,) = live.instance.get_runs(dg.RunsFilter(job_name="day_ahead__SIM_DE_LU"))
    assert run.tags["session"] == "day_ahead"
    assert run.tags["area"] == "SIM_DE_LU"
    assert run.tags["dagster/priority"] == "10"
    assert run.tags["dagster/max_runtime"] == "1800"
    began, read = (datetime.fromisoformat(run.tags[t]) for t in ("run_began", "ingested_before"))
    assert began <= read
    assert began.tzinfo is not None


def test_every_table_asset_says_how_many_rows_it_wrote(live):
    (run,) = live.instance.get_runs(dg.RunsFilter(job_name="settlement__SIM_DE_LU"))
    found = {
        event.asset_key.to_user_string(): event.step_materialization_data.materialization.metadata
        for event in (log.dagster_event for log in live.instance.all_logs(run.run_id))
        if event and event.is_step_materialization
    }
    rows = found["reference_light/trading/settlement"]["dagster/row_count"].value
    assert rows == live.lake.read("trading.settlement").height
    assert found["SIM_DE_LU/raw/market_prices"]["synthetic"].value is True


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A battery on a made-up EPF file: the history of three decisions, nothing decided."""
    root = tmp_path_factory.mktemp("stocked")
    chain = epf_chain(root)
    write_epf_file(chain.settings.real_data, DAYS[0] - timedelta(days=90), DAYS[-1])
    chain.clock.now = LATER
    chain.fetch(DAYS[0], DAYS[-1])
    return root


def epf_chain(root: Path) -> Chain:
    chain = Chain(root, epf_desk(scenarios=FEW), {"REAL_DATA": str(root / "data" / "real")})
    # The history was written before anything is decided.
    chain.clock.now = LATER + timedelta(hours=1)
    return chain


def copy_of(stocked: Path, root: Path) -> Chain:
    shutil.copytree(stocked / "data", root / "data")
    return epf_chain(root)


@pytest.fixture(scope="module")
def singles(stocked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """Three days decided, awarded and settled, one run for each."""
    chain = copy_of(stocked, tmp_path_factory.mktemp("singles"))
    for job in CHAIN:
        for day in DAYS:
            result = chain.run(job, day)
            assert result.success, failures(result)
    yield chain
    chain.instance.dispose()


def test_running_it_all_again_appends_nothing_and_changes_nothing(singles):
    before, orders = singles.rows(), [singles.orders(day) for day in DAYS]
    assert [rung for _, rung in orders] == ["stochastic"] * 3
    versions = {name: singles.lake.version(name) for name in before}
    files = {path: path.stat().st_mtime_ns for path in drops(singles)}
    for job in CHAIN:
        assert singles.run(job, DAYS[0]).success
    assert singles.rows() == before
    assert {name: singles.lake.version(name) for name in before} == versions
    assert [singles.orders(day) for day in DAYS] == orders
    assert {path: path.stat().st_mtime_ns for path in drops(singles)} == files


def test_a_range_in_one_run_leaves_what_single_days_leave(singles, stocked, tmp_path):
    ranged = copy_of(stocked, tmp_path)
    for job in CHAIN:
        result = ranged.run(job, DAYS[0], DAYS[-1])
        assert result.success, failures(result)
    expected, found = singles.contents(), ranged.contents()
    assert found.keys() == expected.keys()
    for name, rows in expected.items():
        assert found[name].equals(rows), name
    assert [path.name for path in drops(ranged)] == [path.name for path in drops(singles)]


def test_a_run_that_crosses_the_gate_stays_in_one_mode(stocked, tmp_path, monkeypatch):
    chain = copy_of(stocked, tmp_path)
    lead = timedelta(minutes=chain.desk.lead_time_minutes)
    chain.clock.now = chain.desk.decision_time(DAYS[0]) + lead - timedelta(seconds=20)
    real = bid_assets.run_last_rung

    def slow(*arguments: object) -> object:
        done = real(*arguments)  # type: ignore[arg-type]
        chain.clock.now = LATER + timedelta(hours=1)
        return done

    monkeypatch.setattr(bid_assets, "run_last_rung", slow)
    result = chain.run("day_ahead", DAYS[0])
    assert result.success, failures(result)
    assert chain.lake.read("bids.bid_runs")["mode"].unique().to_list() == ["live"]
    # Orders that came after the gate do not count: the last rung, made in time, does.
    in_force = chain.lake.current("bids.bid_runs", scope=chain.desk.name)
    assert in_force["rung"].to_list() == ["price_independent"]


def test_tags_may_set_decision_time_and_mode(stocked, tmp_path):
    chain = copy_of(stocked, tmp_path)
    at = datetime(2016, 1, 17, 8, 30, tzinfo=UTC)
    result = chain.run("day_ahead", DAYS[0], decision_time=at.isoformat(), mode="what_if")
    # The file's forecasts were not out that early: the ladder steps down, and says so.
    assert result.success, failures(result)
    runs = chain.lake.read("bids.bid_runs")
    assert runs["mode"].unique().to_list() == ["what_if"]
    assert runs["decision_time"].unique().to_list() == [at]
    assert chain.lake.current("bids.bid_runs", scope=chain.desk.name).is_empty()


def test_orders_that_break_a_rule_are_stopped_before_the_order_file(stocked, tmp_path, monkeypatch):
    chain = copy_of(stocked, tmp_path)
    real = bid_assets.run_bids

    def corrupted(lake, desk, stamp, **arguments):
        """The orders as they were made, then a later revision whose curve falls with the price."""
        done = real(lake, desk, stamp, **arguments)
        for table in ("bids.curve_orders", "bids.bid_runs"):
            rows = lake.read(table).filter(pl.col("rung") == "stochastic")
            own = rows.drop("scope", "month", "revision", "content_hash", "ingested_at")
            if table == "bids.curve_orders":
                own = own.with_columns(volume_ticks=200 - 7 * pl.col("point").cast(pl.Int64))
            else:
                own = own.with_columns(orders_sha256=pl.lit("0" * 64))
            lake.append(table, own, scope=desk.name)
        return done

    monkeypatch.setattr(bid_assets, "run_bids", corrupted)
    result = chain.run("day_ahead", DAYS[0])
    assert not result.success
    (evaluation,) = check_results(result)["market_rules"]
    assert not evaluation.passed
    breaches = json.dumps(evaluation.metadata["breaches by day"].value)
    assert DAYS[0].isoformat() in breaches
    done = steps(result)
    assert not [s for s in done if s.endswith(("trading__order_file", "reports__pre_trade"))]
    (drop,) = drops(chain)
    assert len(verify_drop(drop).curves) == 24


@pytest.fixture
def epf(tmp_path: Path) -> Chain:
    """The battery desk on an empty lake, its file ready."""
    chain = epf_chain(tmp_path)
    write_epf_file(chain.settings.real_data, EPF_DAY - timedelta(days=90), EPF_DAY)
    return chain


def test_a_feed_that_fails_leaves_the_last_rung_and_one_line(epf):
    path = epf.settings.real_data / "epf" / "DE.csv.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    lines[40] = lines[40].replace(",", ",n/a", 1)
    path.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    result = epf.run("day_ahead", EPF_DAY)
    assert not result.success
    found = failures(result)
    assert set(found) == {"EPF_DE__raw__market_prices", "EPF_DE__raw__system_forecasts"}
    for line in found.values():
        assert line.startswith("DE.csv.gz: row 41, column 'price': expected a finite number")
        assert "\n" not in line
    # Bad input is bad the second time too: no retry.
    assert not [e for e in result.all_events if e.is_step_up_for_retry]
    (drop,) = drops(epf)
    assert len(verify_drop(drop).curves) == 24
    assert epf.lake.read("raw.market_prices").is_empty()


def test_a_feed_that_misses_the_day_warns_and_the_ladder_steps_down(epf):
    write_epf_file(epf.settings.real_data, EPF_DAY - timedelta(days=90), EPF_DAY - timedelta(1))
    result = epf.run("day_ahead", EPF_DAY)
    assert result.success, failures(result)
    bad = {
        evaluation.asset_key.path[-1]: evaluation
        for evaluation in check_results(result)["inputs_complete"]
        if not evaluation.passed
    }
    assert set(bad) == {"system_forecasts"}
    assert bad["system_forecasts"].severity == dg.AssetCheckSeverity.WARN
    first = bad["system_forecasts"].metadata["first"].value
    assert {row["delivery_day"] for row in first} == {EPF_DAY.isoformat()}
    assert {row["verdict"] for row in first} == {"missing"}
    models = epf.lake.read("forecasts.quantiles").filter(
        pl.col("delivery_day") == EPF_DAY, pl.col("target") == "price"
    )
    assert "ensemble" not in models["model"].unique().to_list()
    sha, _ = epf.orders(EPF_DAY)
    assert any(sha[:16] in drop.name for drop in drops(epf))


def test_settlement_without_awards_says_what_to_run(stocked, tmp_path):
    chain = copy_of(stocked, tmp_path)
    for job, step, said in (
        ("settlement", "epf_light__settlement", "run the results job first"),
        ("results", "epf_light__results", "expected orders in force, found 'none'"),
    ):
        result = chain.run(job, DAYS[0])
        assert not result.success
        assert said in failures(result)[step]
