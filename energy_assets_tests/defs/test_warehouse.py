"""The warehouse against numbers worked out by hand; three dbt builds in all."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest
import yaml

from energy_assets.defs.warehouse import build_warehouse, warehouse_assets, warehouse_job
from energy_assets.defs.warehouse.assets import MART, OWNER
from energy_assets.defs.warehouse.build import WarehouseBuild, WarehouseError
from energy_assets.lakehouse import Lake, connect, table
from energy_assets.lakehouse.tables import RAW
from energy_assets.market import load_area
from energy_assets.settings import Settings
from energy_assets_tests.conftest import REPO
from energy_assets_tests.defs.mart_rows import fill_marts
from energy_assets_tests.lakehouse.frames import SteppingClock, bid_run, decision_columns, frame

# Three builds, a dozen CPU seconds each: on a busy machine more than the usual limit.
pytestmark = pytest.mark.timeout(400)

LONG_DAY = load_area("DE_LU").session().delivery_day(date(2025, 10, 26))
SHORT_DAY = load_area("DE_LU").session().delivery_day(date(2025, 3, 30))
DESK = "north"
STAGED = {
    f"stg_{name}"
    for name in (
        "awards",
        "bid_runs",
        "desk_prices",
        "market_series",
        "median_forecasts",
        "outage_parts",
        "price_scores",
        "scores",
        "settlement",
        "unit_availability",
        "unit_generation",
    )
}
MARTS = {
    "data_quality_history",
    "desk_days",
    "forecast_accuracy",
    "market_overview",
    "outage_impact",
    "unit_performance",
}


def settings(folder: Path, lake: str = "lake") -> Settings:
    return Settings.from_environment(
        {
            "ENERGY_ASSETS_ROOT": str(REPO),
            "ENERGY_ASSETS_LAKE": str(folder / lake),
            "ENERGY_ASSETS_WAREHOUSE": str(folder / "warehouse.duckdb"),
            "ENERGY_ASSETS_DESKS": "north,south",
        }
    )


def gate(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 11, tzinfo=UTC) - timedelta(days=1)


def awards(day, energy, *, mode="live", decided=None, sha="sha-long") -> pl.DataFrame:
    """Awards of every MTU: zero but for the (price, MW) pairs given from the first MTU on."""
    count = day.mtu_count
    pairs = [*energy, *[(10.0, 0.0)] * (count - len(energy))]
    return frame(
        "trading.awards",
        {
            "period_start": list(day.starts),
            "resolution_min": [day.mtu_minutes] * count,
            "price": [price for price, _ in pairs],
            "volume_mw": [volume for _, volume in pairs],
            "orders_sha256": [sha] * count,
            "participant_id": ["p"] * count,
            "portfolio_id": ["f"] * count,
            "balance_area": ["b"] * count,
            "order_scope": ["portfolio"] * count,
            **decision_columns(
                count, "day_ahead", day.label, decided or gate(day.label), "run", mode
            ),
        },
    )


def settlement(day, rows, *, mode="live", decided=None) -> pl.DataFrame:
    """Rows of (MTU, component, unit, MWh, price, cents)."""
    return frame(
        "trading.settlement",
        {
            "period_start": [day.starts[row[0]] for row in rows],
            "resolution_min": [day.mtu_minutes] * len(rows),
            "component": [row[1] for row in rows],
            "unit": [row[2] for row in rows],
            "volume_mwh": [row[3] for row in rows],
            "price": [row[4] for row in rows],
            "cash_cents": [row[5] for row in rows],
            **decision_columns(
                len(rows), "day_ahead", day.label, decided or gate(day.label), "run", mode
            ),
        },
    )


def scores(day, values: dict[tuple[str, str], float]) -> pl.DataFrame:
    return frame(
        "forecasts.scores",
        {
            "target": [target for target, _ in values],
            "model": ["ensemble"] * len(values),
            "metric": [metric for _, metric in values],
            "value": list(values.values()),
            "period_start": [day.start] * len(values),
            **decision_columns(len(values), "day_ahead", day.label, gate(day.label), "run", "live"),
        },
    )


def fill(root: str) -> Lake:
    """A live 25-hour day in quarter-hours, settled; a replayed 23-hour day, awarded only."""
    clock = SteppingClock(datetime(2025, 1, 1, tzinfo=UTC))
    lake = Lake(root, clock=clock)
    long, short = LONG_DAY.label, SHORT_DAY.label
    early, late = gate(short) - timedelta(hours=2), gate(short)
    live = {"day": long, "decision_time": gate(long), "gate_closure": gate(long)}
    replay = {"day": short, "mode": "replay", "gate_closure": gate(short)}
    lake.append("bids.bid_runs", bid_run("last", rung="price_independent", **live), scope=DESK)
    lake.append("bids.bid_runs", bid_run("sha-long", **live), scope=DESK)
    lake.append("bids.bid_runs", bid_run("early", decision_time=early, **replay), scope=DESK)
    lake.append("bids.bid_runs", bid_run("sha-short", decision_time=late, **replay), scope=DESK)
    lake.append("trading.awards", awards(LONG_DAY, [(50.0, 9.0)]), scope=DESK)
    lake.append("trading.awards", awards(LONG_DAY, [(50.0, 4.0), (20.0, -8.0)]), scope=DESK)
    for decided, power in ((early, 5.0), (late, 3.0)):
        replayed = awards(SHORT_DAY, [(70.0, power)], mode="replay", decided=decided, sha="unknown")
        lake.append("trading.awards", replayed, scope=DESK)
    lake.append("trading.settlement", settlement(LONG_DAY, CASH), scope=DESK)
    lake.append("forecasts.scores", scores(LONG_DAY, SCORES), scope=DESK)
    fill_marts(lake)
    clock.now = gate(long) + timedelta(hours=1)
    lake.append("bids.bid_runs", bid_run("after the gate", **live), scope=DESK)
    return lake


CASH = [
    (0, "day_ahead", "portfolio", 1.0, 50.0, 5000),
    (1, "day_ahead", "portfolio", -2.0, 20.0, -4000),
    (0, "imbalance", "portfolio", 0.5, 40.0, 2000),
    (1, "imbalance", "portfolio", -0.25, 60.0, -1500),
    (0, "fuel_and_co2", "engine", 0.4, 30.85, -1234),
    (0, "start", "engine", 0.0, 30.0, -3000),
    (1, "wear", "battery", 0.01, 7.0, -7),
]
SCORES = {
    ("price", "mae"): 3.5,
    ("price", "pinball99"): 1.25,
    ("price", "crps"): 2.5,
    ("wind", "mae"): 99.0,
}
COMPONENTS = table("trading.settlement").column("component").allowed
NO_CASH = {f"cash_{component}": Decimal("0.00") for component in COMPONENTS}
NOTHING_YET = dict.fromkeys(
    [
        *NO_CASH,
        "cash_total",
        "imbalance_mwh",
        "imbalance_net_mwh",
        "price_forecast_mae",
        "price_forecast_pinball99",
    ]
)
DECIDED = {"desk": DESK, "session": "day_ahead", "rung": "stochastic", "expected_value": 1.0}
LONG_ROW = {
    **DECIDED,
    "desk_day": "north/day_ahead/live/2025-10-26",
    "mode": "live",
    "delivery_day": date(2025, 10, 26),
    "decision_time": gate(date(2025, 10, 26)),
    "orders_sha256": "sha-long",
    "cvar95": None,
    "gap": 0.0,
    "awarded_hours": 25.0,
    "awarded_sale_mwh": 1.0,
    "awarded_purchase_mwh": 2.0,
    "average_sale_price": 50.0,
    "average_purchase_price": 20.0,
    "average_awarded_price": 30.0,
    **NO_CASH,
    "cash_day_ahead": Decimal("10.00"),
    "cash_imbalance": Decimal("5.00"),
    "cash_fuel_and_co2": Decimal("-12.34"),
    "cash_start": Decimal("-30.00"),
    "cash_wear": Decimal("-0.07"),
    "cash_total": Decimal("-27.41"),
    "imbalance_mwh": 0.75,
    "imbalance_net_mwh": 0.25,
    "price_forecast_mae": 3.5,
    "price_forecast_pinball99": 1.25,
}
SHORT_ROW = {
    **NOTHING_YET,
    **DECIDED,
    "desk_day": "north/day_ahead/replay/2025-03-30",
    "mode": "replay",
    "delivery_day": date(2025, 3, 30),
    "decision_time": gate(date(2025, 3, 30)),
    "orders_sha256": "sha-short",
    "cvar95": None,
    "gap": 0.0,
    "awarded_hours": 23.0,
    "awarded_sale_mwh": 3.0,
    "awarded_purchase_mwh": 0.0,
    "average_sale_price": 70.0,
    "average_purchase_price": None,
    "average_awarded_price": 70.0,
}


@dataclass
class Story:
    """An empty lake is built through Dagster, read, and built again from a filled lake."""

    empty_run: dg.ExecuteInProcessResult
    reader: duckdb.DuckDBPyConnection
    lake: Lake
    warehouse: Path
    build: WarehouseBuild


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("target")
    project = str(REPO / "dbt_project")
    code = "from dbt.cli.main import cli; cli()"
    command = [sys.executable, "-c", code, "--quiet", "parse", "--project-dir", project]
    command += ["--profiles-dir", project, "--target-path", str(target), "--log-path", str(target)]
    subprocess.run(command, check=True, cwd=target)
    return target / "manifest.json"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, manifest: Path) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("story")
    empty_run = run_job(settings(folder, "empty"), manifest)
    now = settings(folder)
    reader = connect(Lake(folder / "empty"), warehouse=now.warehouse)
    lake = fill(now.lake_root)
    yield Story(empty_run, reader, lake, now.warehouse, build_warehouse(now))
    reader.close()


def run_job(wanted: Settings, manifest: Path) -> dg.ExecuteInProcessResult:
    assets = warehouse_assets(wanted, manifest=manifest)
    job = dg.Definitions(assets=assets, jobs=[warehouse_job]).resolve_job_def("warehouse")
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(instance=instance, raise_on_error=False)


def test_an_empty_lake_builds_every_model_and_passes_every_check(story: Story) -> None:
    assert story.empty_run.success
    events = story.empty_run.get_asset_materialization_events()
    counts = {
        event.asset_key: event.materialization.metadata["dagster/row_count"].value
        for event in events
    }
    assert set(counts.values()) == {0}
    assert {key.path[-1] for key in counts} == STAGED | MARTS
    assert MART in counts
    checks = story.empty_run.get_asset_check_evaluations()
    assert len(checks) >= 20
    assert all(check.passed for check in checks)


def test_the_mart_equals_numbers_worked_out_by_hand(story: Story) -> None:
    assert story.build.published
    with connect(story.lake, warehouse=story.warehouse) as connection:
        rows = connection.table("marts.desk_days").pl().to_dicts()
    assert rows == [{name: LONG_ROW[name] for name in rows[0]}, {n: SHORT_ROW[n] for n in rows[0]}]
    assert set(rows[0]) == set(LONG_ROW) == set(SHORT_ROW)


def mart(story: Story, name: str, key: str) -> dict[object, dict[str, object]]:
    """Rows of a mart by one of its columns."""
    with connect(story.lake, warehouse=story.warehouse) as connection:
        rows = connection.table(f"marts.{name}").pl().to_dicts()
    return {row[key]: row for row in rows}


def test_market_overview_weighs_by_time_and_leaves_peak_to_working_days(story: Story) -> None:
    days = mart(story, "market_overview", "area_day")
    assert set(days) == {"DE_LU/2025-10-26", "DE_LU/2025-10-27"}
    sunday = days["DE_LU/2025-10-26"]
    assert sunday["priced_hours"] == 25.0
    assert sunday["base_price"] == pytest.approx((24 * 10 - 10) / 25)
    assert (sunday["min_price"], sunday["max_price"], sunday["price_spread"]) == (-10, 10, 20)
    assert sunday["negative_hours"] == 1.0
    assert sunday["peak_price"] is None
    assert sunday["load_forecast_mwh"] is None
    monday = days["DE_LU/2025-10-27"]
    assert (monday["priced_hours"], monday["base_price"], monday["peak_price"]) == (24, 11.5, 13.5)
    assert (monday["load_forecast_mwh"], monday["load_actual_mwh"]) == (2400, 2160)
    assert (monday["renewables_forecast_mwh"], monday["renewables_actual_mwh"]) == (240, 120)
    assert (monday["imbalance_price"], monday["imbalance_premium"]) == (30, 18.5)


def test_forecast_accuracy_counts_hours_from_the_decision(story: Story) -> None:
    with connect(story.lake, warehouse=story.warehouse) as connection:
        rows = connection.table("marts.forecast_accuracy").pl()
    assert rows["mode"].unique().to_list() == ["live"]
    by_horizon = rows.filter(pl.col("horizon") != "whole day")

    def of(target: str, metric: str) -> list[tuple[object, ...]]:
        wanted = by_horizon.filter(pl.col("target") == target, pl.col("metric") == metric)
        return wanted.select("horizon_from_hours", "periods", "value").sort(pl.first()).rows()

    # Decided at 13:00 local, eleven hours before the day of 25; the filled quarter is left out.
    periods = [(6, 4), (12, 24), (18, 24), (24, 24), (30, 23)]
    assert of("wind", "mae") == [(*each, 1.0) for each in periods]
    assert of("wind", "bias") == [(*each, 1.0) for each in periods]
    # Forecast as consumption, curated as withdrawal.
    assert of("pump", "bias") == [(*each, 0.5) for each in periods]
    whole = rows.filter(pl.col("horizon") == "whole day")
    found = {(row["target"], row["metric"]): row["value"] for row in whole.to_dicts()}
    assert found == SCORES
    assert by_horizon.filter(pl.col("horizon_from_hours") == 12)["horizon"][0] == "12 to 18 h"


def test_unit_performance_values_energy_at_the_price_of_its_period(story: Story) -> None:
    units = mart(story, "unit_performance", "unit")
    assert set(units) == {"wind", "pump", "engine"}
    wind = units["wind"]
    assert (wind["hours"], wind["energy_mwh"], wind["withdrawn_mwh"]) == (25, 100, 0)
    assert wind["measured_share"] == pytest.approx(0.99)
    assert (wind["capacity_mw"], wind["capacity_factor"]) == (10, 0.4)
    # As believed now, not as before the message.
    assert wind["availability"] == pytest.approx((92 * 10 + 8 * 5) / 1000)
    assert (wind["market_value"], wind["average_price"]) == (1050, 10.5)
    assert (wind["own_cash"], wind["margin"]) == (None, 1050)
    engine = units["engine"]
    assert engine["market_value"] == pytest.approx(20)
    assert engine["own_cash"] == Decimal("-42.34")
    assert engine["margin"] == pytest.approx(20 - 42.34)
    assert engine["capacity_factor"] is None
    assert units["pump"]["withdrawn_mwh"] == 50
    assert units["pump"]["average_price"] == 10.5


def test_outage_impact_counts_the_newest_revision_on_delivered_days_only(story: Story) -> None:
    messages = mart(story, "outage_impact", "message_id")
    partial = messages["m1"]
    assert (partial["revisions"], partial["parts"], partial["least_available_mw"]) == (2, 2, 0)
    # An hour at half power, half an hour without any; the half hour before the day is not curated.
    assert partial["lost_mwh"] == 10
    assert partial["lost_value"] == pytest.approx(1.25 * (50 + 20 + 10 + 10) + 2.5 * (10 + 10))
    assert partial["delivered_days"] == 1
    assert partial["notice_hours"] == 5.5
    withdrawn = messages["m2"]
    assert withdrawn["event_status"] == "withdrawn"
    assert (withdrawn["lost_mwh"], withdrawn["lost_value"]) == (0, None)


def test_data_quality_history_counts_what_holds_now(story: Story) -> None:
    days = mart(story, "data_quality_history", "table_day")
    of_area = days["raw.market_prices/DE_LU/2025-10-26"]
    assert (of_area["stored_rows"], of_area["corrections"]) == (2, 1)
    # The third point was cleared.
    assert (of_area["points_suspect"], of_area["points_quarantined"]) == (1, 1)
    judged = days["raw.market_prices/north/2025-10-26"]
    assert [judged[f"verdicts_{v}"] for v in ("good", "suspect", "missing")] == [1, 1, 1]
    [refused] = [row for row in days.values() if row["rejected_rows"]]
    assert refused["rejected_rows"] == 3
    assert refused["rejected_by_rule"] == "price.limits: 2, range.price: 1"


def test_an_award_for_unknown_orders_is_shown_with_a_warning(story: Story) -> None:
    [warned] = [node for node in story.build.nodes if not node.passed]
    assert warned.status == "warn"
    assert warned.failures == SHORT_DAY.mtu_count == 23
    assert "relationships_stg_awards_orders_sha256" in warned.unique_id


@pytest.mark.parametrize(
    ("staged", "table_id", "columns"),
    [
        ("stg_bid_runs", "bids.bid_runs", ["mode", "delivery_day", "orders_sha256"]),
        ("stg_awards", "trading.awards", ["mode", "delivery_day", "period_start", "volume_mw"]),
        ("stg_settlement", "trading.settlement", ["mode", "component", "unit", "cash_cents"]),
    ],
)
def test_staged_rows_are_those_the_lake_has_in_force(
    story: Story, staged: str, table_id: str, columns: list[str]
) -> None:
    with connect(story.lake, warehouse=story.warehouse) as connection:
        found = connection.table(f"marts.staging.{staged}").pl().select(columns)
    modes = [story.lake.current(table_id, scope=DESK, mode=m) for m in ("live", "replay")]
    expected = pl.concat(modes).select(columns)
    assert len(found) > 0
    assert sorted(found.rows()) == sorted(expected.rows())


def test_a_reader_neither_blocks_the_build_nor_sees_half_of_it(story: Story) -> None:
    count = "SELECT count(*) FROM marts.desk_days"
    assert story.reader.execute(count).fetchone() == (0,)
    with connect(story.lake, warehouse=story.warehouse) as connection:
        assert connection.execute(count).fetchone() == (2,)
    assert [path.name for path in story.warehouse.parent.glob("*warehouse*")] == [
        "warehouse.duckdb"
    ]


def test_the_file_holds_no_view_of_the_lake(story: Story) -> None:
    with duckdb.connect(str(story.warehouse), read_only=True) as connection:
        assert connection.execute("FROM duckdb_views() WHERE NOT internal").fetchall() == []


def test_a_failed_test_leaves_the_old_warehouse(
    story: Story, manifest: Path, tmp_path: Path
) -> None:
    # A path beyond ASCII: the views read arrow datasets, cursor by cursor.
    wanted = settings(tmp_path, "überfüllt")
    shutil.copy(story.warehouse, wanted.warehouse)
    before = wanted.warehouse.read_bytes()
    unknown = [(0, "grid_fee", "portfolio", 1.0, 1.0, -100)]
    Lake(wanted.lake_root).append("trading.settlement", settlement(LONG_DAY, unknown), scope=DESK)
    run = run_job(wanted, manifest)
    assert not run.success
    assert wanted.warehouse.read_bytes() == before
    assert run.get_asset_materialization_events() == []
    failed = [c.check_name for c in run.get_asset_check_evaluations() if not c.passed]
    assert [name.split("__")[0] for name in failed] == ["accepted_values_stg_settlement_component"]
    [failure] = run.get_step_failure_events()
    assert "the warehouse is as it was" in str(failure.step_failure_data.user_failure_data)


def test_marts_depend_on_the_tables_of_every_desk(manifest: Path, tmp_path: Path) -> None:
    [assets] = warehouse_assets(settings(tmp_path), manifest=manifest)
    graph = {
        spec.key.to_user_string(): {dep.asset_key.to_user_string() for dep in spec.deps}
        for spec in assets.specs
    }
    assert graph["warehouse/staging/stg_awards"] == {
        "north/trading/awards",
        "south/trading/awards",
    }
    assert graph["warehouse/staging/stg_bid_runs"] == {"north/bids/bid_runs", "south/bids/bid_runs"}
    assert graph["warehouse/marts/desk_days"] == {
        f"warehouse/staging/stg_{name}"
        for name in ("awards", "bid_runs", "price_scores", "settlement")
    }
    # Marts read staged rows only, but for the counts of raw tables.
    for name in MARTS - {"data_quality_history"}:
        assert all(dep.startswith("warehouse/") for dep in graph[f"warehouse/marts/{name}"])
    assert {"north/raw/outages", "south/quality/verdicts"} <= graph[
        "warehouse/marts/data_quality_history"
    ]
    for spec in assets.specs:
        assert spec.group_name == "warehouse"
        assert list(spec.owners) == [OWNER]
        assert spec.kinds == {"dbt", "duckdb"}
        assert spec.description


def test_a_project_dbt_cannot_read_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text("name: [")
    with pytest.raises(WarehouseError, match="expected results, dbt said"):
        build_warehouse(settings(tmp_path), project=tmp_path)


def test_every_column_is_described(manifest: Path) -> None:
    nodes = json.loads(manifest.read_text())["nodes"].values()
    models = [node for node in nodes if node["resource_type"] == "model"]
    assert {model["name"] for model in models} == STAGED | MARTS
    for model in models:
        assert model["config"]["contract"]["enforced"], model["name"]
        for column in model["columns"].values():
            assert column["description"], f"{model['name']}.{column['name']}"


def test_lists_in_the_project_are_those_of_the_registry() -> None:
    project = yaml.safe_load((REPO / "dbt_project" / "dbt_project.yml").read_text())
    assert tuple(project["vars"]["rungs"]) == table("bids.bid_runs").column("rung").allowed
    components = table("trading.settlement").column("component").allowed
    assert tuple(project["vars"]["cash_components"]) == components
    assert project["vars"]["raw_tables"] == {raw.name: raw.time_column for raw in RAW}


def test_a_missing_manifest_says_what_to_run(tmp_path: Path) -> None:
    missing = tmp_path / "manifest.json"
    [asset] = warehouse_assets(settings(tmp_path), manifest=missing)
    assert asset.key == MART
    assert "dbt parse" in asset.get_asset_spec(MART).description
    run = run_job(settings(tmp_path), missing)
    assert not run.success
    assert not (tmp_path / "warehouse.duckdb").exists()


def test_importing_the_definitions_imports_no_dbt() -> None:
    code = (
        "import sys, energy_assets.defs.warehouse;"
        "sys.exit(sorted({'dbt', 'dagster_dbt', 'duckdb'} & set(sys.modules)) or 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
