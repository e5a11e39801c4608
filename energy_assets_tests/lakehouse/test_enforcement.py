from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from energy_assets.errors import LakeError
from energy_assets.lakehouse import TABLES, Lake
from energy_assets.lakehouse.enforcement import caller_columns
from energy_assets_tests.lakehouse.frames import backtest_days, curve, prices

START = datetime(2024, 1, 1, tzinfo=UTC)
GOOD = prices([START, START.replace(hour=1)], [1.0, 2.0], START)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (GOOD.drop("price"), "column 'price': expected the column"),
        (GOOD.with_columns(prize=1.0), "column 'prize': expected only .*, found an unknown column"),
        (
            GOOD.with_columns(pl.col("price").cast(pl.Int64)),
            "column 'price': expected dtype Float64, found Int64",
        ),
        (
            GOOD.with_columns(pl.col("period_start").dt.replace_time_zone(None)),
            "column 'period_start': expected dtype .*UTC.*, found Datetime",
        ),
        (
            GOOD.with_columns(price=pl.Series([1.0, None])),
            r"column 'price': expected a value, found null in row 1 \(1 in all\)",
        ),
        (
            GOOD.with_columns(price=pl.Series([1.0, float("nan")])),
            "column 'price': expected a number or null, found NaN in row 1",
        ),
    ],
)
def test_a_frame_that_is_not_the_registered_one_is_refused_whole(tmp_path, bad, message):
    lake = Lake(tmp_path)
    with pytest.raises(LakeError, match=f"raw.market_prices: {message}") as caught:
        lake.append_if_changed("raw.market_prices", bad, scope="DE_LU")
    assert "\n" not in str(caught.value)
    assert lake.read("raw.market_prices").is_empty()


@pytest.mark.parametrize("scope", ["", "a/b", "a'b", "a b"])
def test_a_scope_that_is_no_folder_name_is_refused(tmp_path, scope):
    with pytest.raises(LakeError, match="expected a scope"):
        Lake(tmp_path).append_if_changed("raw.market_prices", GOOD, scope=scope)


def test_each_kind_has_its_own_write(tmp_path):
    lake = Lake(tmp_path)
    with pytest.raises(LakeError, match="append writes decision tables; this one is raw"):
        lake.append("raw.market_prices", GOOD, scope="DE_LU")
    with pytest.raises(LakeError, match="replace writes results tables"):
        lake.replace("bids.curve_orders", curve([1]), scope="desk")
    with pytest.raises(LakeError, match="append_if_changed writes raw tables"):
        lake.append_if_changed("results.backtest_days", backtest_days([], []), scope="desk")


EXAMPLES = {
    pl.String: "x",
    pl.Float64: 1.5,
    pl.Int32: 60,
    pl.Int64: 7,
    pl.Boolean: True,
    pl.Date: START.date(),
    pl.Datetime("us", "UTC"): START,
}


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_every_table_takes_a_row_once_and_gives_it_back(tmp_path, table):
    lake = Lake(tmp_path)
    names = caller_columns(table)
    row = {n: None if table.column(n).nullable else EXAMPLES[table.schema[n]] for n in names}
    frame = pl.DataFrame([row], schema={n: table.schema[n] for n in names})
    write = {"raw": lake.append_if_changed, "decision": lake.append, "results": lake.replace}
    written = [write[table.kind](table.id, frame, scope="A").rows_written for _ in range(2)]
    assert written == [1, 0]
    assert lake.read(table.id, scope="A").select(names).equals(frame)


def test_unknown_tables_and_columns_and_naive_times_are_named(tmp_path):
    lake = Lake(tmp_path)
    with pytest.raises(LakeError, match=r"'raw\.nothing' is not registered"):
        lake.read("raw.nothing")
    with pytest.raises(LakeError, match=r"raw\.market_prices has no column 'prize'"):
        lake.as_of("raw.market_prices", START, scope="DE_LU", where={"prize": 1})
    with pytest.raises(LakeError, match="decision_time: expected a time with a zone"):
        lake.as_of("raw.market_prices", datetime(2024, 1, 1), scope="DE_LU")  # noqa: DTZ001


def test_reading_a_table_that_was_never_made_gives_its_columns(tmp_path):
    lake = Lake(tmp_path)
    seen = lake.as_of("raw.market_prices", START, scope="DE_LU", columns=["price"])
    assert seen.schema == {"price": pl.Float64}
    assert lake.version("raw.market_prices") is None
    lake.ensure_tables()
    lake.ensure_tables()
    assert lake.version("raw.market_prices") == 0
