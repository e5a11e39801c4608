from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from energy_assets.lakehouse.preference import newest_vintage, preferred, ranked

START = datetime(2026, 3, 29, tzinfo=UTC)
KEY = ("series", "period_start", "resolution_min")
ORDER = ("entsoe", "charts", "paper")


def row(source: str, minute: int, length: int = 15, series: str = "day_ahead") -> dict[str, object]:
    start = START + timedelta(minutes=minute)
    return {
        "series": series,
        "period_start": start,
        "resolution_min": length,
        "source": source,
        "price": float(minute),
    }


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(
        list(rows),
        schema={
            "series": pl.String,
            "period_start": pl.Datetime("us", "UTC"),
            "resolution_min": pl.Int32,
            "source": pl.String,
            "price": pl.Float64,
        },
    )


def kept(*rows: dict[str, object], key=KEY, order=ORDER) -> list[tuple[str, int, int]]:
    found = preferred(frame(*rows), key, order)
    return [
        (source, int((start - START).total_seconds()) // 60, length)
        for source, start, length in found.select(
            "source", "period_start", "resolution_min"
        ).iter_rows()
    ]


def test_the_first_source_named_counts_and_the_second_fills_what_it_lacks():
    found = kept(row("charts", 0), row("charts", 15), row("entsoe", 0), row("entsoe", 30))
    assert found == [("charts", 15, 15), ("entsoe", 0, 15), ("entsoe", 30, 15)]


def test_a_source_nobody_named_comes_after_all_named_ones():
    assert ranked(["zeta", "paper", "alpha", "entsoe"], ORDER) == [
        "entsoe",
        "paper",
        "alpha",
        "zeta",
    ]
    assert kept(row("alpha", 0), row("paper", 0)) == [("paper", 0, 15)]
    assert ranked(["b", "paper", "a", "entsoe"], ("entsoe", "*", "paper"))[1:3] == ["a", "b"]


def test_an_hourly_row_gives_way_to_quarter_hours_that_cover_it():
    quarters = [row("entsoe", minute) for minute in (0, 15, 30, 45)]
    assert kept(row("charts", 0, 60), *quarters) == [
        ("entsoe", minute, 15) for minute in (0, 15, 30, 45)
    ]


def test_an_hourly_row_fills_an_hour_in_which_the_preferred_source_has_a_gap():
    quarters = [row("entsoe", minute) for minute in (0, 15, 45, 60)]
    assert kept(*quarters, row("charts", 0, 60)) == [("entsoe", 60, 15), ("charts", 0, 60)]


def test_quarter_hours_give_way_to_the_hourly_row_of_a_preferred_source():
    quarters = [row("charts", minute) for minute in (0, 15, 30, 45, 60)]
    assert kept(row("entsoe", 0, 60), *quarters) == [("entsoe", 0, 60), ("charts", 60, 15)]


def test_another_series_is_another_thing():
    rows = (row("entsoe", 0), row("charts", 0, series="imbalance"))
    assert len(kept(*rows)) == 2


def test_vintages_of_two_sources_are_chosen_by_source_when_the_issue_time_is_left_out():
    issued = frame(row("entsoe", 0), row("charts", 0)).with_columns(
        issue_time=pl.Series([START - timedelta(hours=9), START - timedelta(hours=3)])
    )
    assert preferred(issued, KEY, ORDER)["source"].to_list() == ["entsoe"]
    assert preferred(issued, (*KEY, "issue_time"), ORDER).height == 2


def test_rows_without_a_period_are_the_same_thing_by_key_alone():
    closes = pl.DataFrame(
        {
            "product": ["gas", "gas", "eua"],
            "source": ["paper", "entsoe", "paper"],
            "price": [1, 2, 3],
        }
    )
    assert preferred(closes, ("product",), ORDER)["price"].to_list() == [2, 3]


def test_rows_of_one_source_come_back_as_they_are():
    rows = frame(row("charts", 0, 60), row("charts", 0))
    assert preferred(rows, KEY, ORDER).equals(rows)
    assert preferred(rows.head(0), KEY, ORDER).is_empty()


periods = st.tuples(
    st.sampled_from(["entsoe", "charts", "other"]), st.integers(0, 7), st.sampled_from([15, 30, 60])
).map(lambda drawn: row(drawn[0], drawn[1] * drawn[2], drawn[2]))


def covered(rows: pl.DataFrame) -> list[int]:
    minutes = []
    for start, length in rows.select("period_start", "resolution_min").iter_rows():
        first = int((start - START).total_seconds()) // 60
        minutes += range(first, first + length, 15)
    return minutes


@given(st.lists(periods, max_size=12, unique_by=lambda r: (r["source"], r["period_start"])))
def test_no_quarter_hour_is_lost_and_no_two_sources_share_one(rows):
    before = frame(*rows)
    after = preferred(before, KEY, ORDER)
    lost = set(covered(before)) - set(covered(after))
    assert not lost
    by_source: dict[int, set[str]] = {}
    for source, group in after.group_by("source"):
        for minute in covered(group):
            by_source.setdefault(minute, set()).add(str(source[0]))
    assert all(len(sources) == 1 for sources in by_source.values())


def test_a_late_vintage_of_the_first_source_leaves_the_second_sources_timely_one_in_place():
    def vintage(source, issued_hour, value):
        return {
            "period_start": START,
            "resolution_min": 60,
            "source": source,
            "issue_time": START - timedelta(hours=issued_hour),
            "value": value,
        }

    known_late = pl.DataFrame([vintage("a", 5, 1.0), vintage("b", 30, 2.0), vintage("b", 20, 3.0)])
    assert newest_vintage(known_late, ["a", "b"])["value"].to_list() == [1.0]
    in_time = known_late.filter(pl.col("issue_time") <= START - timedelta(hours=12))
    assert newest_vintage(in_time, ["a", "b"])["value"].to_list() == [3.0]
    assert newest_vintage(known_late, [])["value"].to_list() == [1.0]
