from __future__ import annotations

from datetime import timedelta

import duckdb
import pytest

from energy_assets.lakehouse import TABLES, Lake, analysts, connect
from energy_assets_tests.lakehouse.frames import (
    DAY,
    GATE,
    SteppingClock,
    backtest_days,
    bid_run,
    curve,
    hours,
    prices,
)

PRICES = "raw.market_prices"


@pytest.fixture
def lake(tmp_path):
    clock = SteppingClock(GATE - timedelta(hours=1))
    lake = Lake(tmp_path / "it's a lake", clock=clock)
    starts = hours(GATE, 30)
    lake.append_if_changed(PRICES, prices(starts, [1.0] * 30, GATE), scope="A")
    later = GATE + timedelta(hours=1)
    lake.append_if_changed(PRICES, prices(starts[:3], [2.0] * 3, later), scope="A")
    for rung, volumes in (("price_independent", [5, 5]), ("stochastic", [7, 8])):
        for offset in (0, 1):
            day = DAY + timedelta(days=offset)
            lake.append("bids.curve_orders", curve(volumes, rung=rung, day=day), scope="desk")
            lake.append("bids.bid_runs", bid_run(rung, rung=rung, day=day), scope="desk")
    lake.append("bids.curve_orders", curve([9, 9], run_id="killed"), scope="desk")
    clock.now = GATE
    third = DAY + timedelta(days=2)
    for day in (DAY, third):
        lake.append("bids.curve_orders", curve([1, 1], day=day), scope="desk")
        lake.append("bids.bid_runs", bid_run("late", day=day), scope="desk")
    lake.append("bids.curve_orders", curve([3, 3], mode="replay"), scope="desk")
    lake.append("bids.bid_runs", bid_run("replay", mode="replay"), scope="desk")
    lake.replace("results.backtest_days", backtest_days([DAY], [1.0]), scope="desk")
    return lake


@pytest.mark.parametrize("folder", ["a lake", "größer"])
def test_a_folder_with_a_space_or_an_umlaut_is_read_as_any_other(tmp_path, folder):
    lake = Lake(tmp_path / folder)
    batch = prices(hours(GATE, 3), [1.0, 2.0, 3.0], GATE)
    assert lake.append_if_changed(PRICES, batch, scope="A").rows_written == 3
    assert lake.append_if_changed(PRICES, batch, scope="A").rows_written == 0
    assert lake.as_of(PRICES, GATE, scope="A", start=GATE, where={"price": [2.0]}).height == 1
    assert connect(lake).execute("SELECT sum(price) FROM raw.market_prices").fetchone() == (6.0,)


@pytest.mark.parametrize("way", ["delta_scan", "pyarrow"])
def test_views_equal_the_lakes_own_reads(lake, monkeypatch, way):
    if way == "pyarrow":
        monkeypatch.setattr(analysts, "extension_file", lambda: None)
    elif analysts.extension_file() is None:
        pytest.skip("the wheel duckdb-extension-delta is not installed")
    connection = connect(lake)
    for table_id in (PRICES, "bids.curve_orders", "bids.bid_runs", "results.backtest_days"):
        whole = lake.read(table_id, latest_revision=False)
        assert (
            connection.sql(f"FROM {table_id}")
            .pl()
            .select(whole.columns)
            .sort(whole.columns)
            .equals(whole.sort(whole.columns))
        )
    current = connection.sql("FROM raw.current_market_prices").pl()
    newest = lake.read(PRICES)
    assert current.sort("period_start").equals(newest.sort("period_start"))
    for table_id in ("bids.curve_orders", "bids.bid_runs"):
        stage, name = table_id.split(".")
        rows = connection.sql(f"FROM {stage}.current_{name}").pl()
        in_force = lake.current(table_id, scope="desk")
        assert not in_force.is_empty()
        assert rows.sort(rows.columns).equals(in_force.sort(rows.columns))


def test_a_table_never_written_is_an_empty_view_with_its_columns(tmp_path):
    connection = connect(Lake(tmp_path))
    for table in TABLES.values():
        rows = connection.sql(f"FROM {table.id}")
        assert rows.columns == list(table.schema)
        assert rows.pl().schema == dict(table.schema)


def test_columns_carry_their_meaning_and_unit(lake):
    comment = connect(lake).execute(
        "SELECT comment FROM duckdb_columns() WHERE schema_name = 'raw' "
        "AND table_name = 'market_prices' AND column_name = 'price'"
    )
    assert comment.fetchone() == ("Price. [currency/MWh]",)


def test_nothing_is_installed_or_loaded_by_itself(lake):
    connection = connect(lake)
    for name in ("autoinstall_known_extensions", "autoload_known_extensions"):
        assert connection.execute(f"SELECT current_setting('{name}')").fetchone() == (False,)


def test_marts_are_attached_read_only(lake, tmp_path):
    warehouse = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as marts:
        marts.execute("CREATE TABLE value AS SELECT 1 AS profit")
    connection = connect(lake, warehouse=warehouse)
    assert connection.execute("SELECT profit FROM marts.value").fetchone() == (1,)
    with pytest.raises(duckdb.Error, match="read-only"):
        connection.execute("DROP TABLE marts.value")
