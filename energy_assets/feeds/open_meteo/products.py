"""The three products as feeds: which hours are asked for, and when each value was issued and known.

Not here: what the products are good for (the package), requests and answers (`hourly`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from energy_assets.errors import InputError
from energy_assets.feeds.access import Access
from energy_assets.feeds.interface import Feed, Window, known, require_aware, typed_frame
from energy_assets.feeds.knowledge_rules import AfterIssue, knowledge_rule
from energy_assets.feeds.open_meteo.hourly import HourlyQuestion
from energy_assets.feeds.open_meteo.places import Place, places_of
from energy_assets.feeds.source_session import Policy, SourceSession, SourceUnavailableError
from energy_assets.lakehouse import Table, table
from energy_assets.lakehouse.enforcement import caller_columns
from energy_assets.portfolio import Desk, FeedSpec, OpenMeteoFeed

SOURCE = "open_meteo"
# The free service allows 600 calls a minute, and counts a long question as several (unverified).
_POLICY = Policy(requests_per_minute=120)
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
DAYS_BEFORE = (1, 2, 3)
LONGEST_LEAD = timedelta(hours=60)
_RUN_STEP = timedelta(hours=6)
_CHUNK = timedelta(days=92)
_FARTHEST_FORECAST = timedelta(days=14)
# Before it, `_previous_dayN` has no values of any model that this project asks for.
_ARCHIVE_STARTS = datetime(2024, 1, 1, tzinfo=UTC)
_RUN_MISSING = "modelRunUnavailable"


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class OpenMeteoWeather:
    """The weather at the sites of a desk, from one product and model.

    Attributes:
        spec: Product and model, from the desk file.
        scope: Market area.
        places: Sites and variables.
        session: Requests to the product's service.
        clock: The wall clock; replaced in tests.
    """

    spec: OpenMeteoFeed
    scope: str
    places: tuple[Place, ...]
    session: SourceSession
    clock: Callable[[], datetime] = _utc_now

    @property
    def name(self) -> str:
        """Name of the feed, unique by its last site."""
        return f"{SOURCE}.{self.spec.product}.{self.places[-1].site}"

    @property
    def source(self) -> str:
        """Source of the rows."""
        return SOURCE

    @property
    def table(self) -> Table:
        """Registry table of the rows."""
        return table("raw.weather_forecasts")

    @property
    def selection(self) -> dict[str, str]:
        """The last site stands for all: one added to the desk file has its history fetched."""
        return {"site": self.places[-1].site}

    def fetch(self, window: Window, as_of: datetime) -> pl.DataFrame:
        """Forecasts for hours in the window that could be known at `as_of`.

        Raises:
            SourceUnavailableError: No usable answer.
            InputError: No publication delay of the model is written down.
        """
        require_aware("as_of", as_of)
        # What is fetched now cannot be known later than now, whatever a decision ahead may know.
        latest = min(as_of, self.clock())
        product = {
            "forecast": self._forecast,
            "previous_runs": self._previous_runs,
            "single_runs": self._single_runs,
        }[self.spec.product]
        basis = "observed" if self.spec.product == "forecast" else "rule"
        parts = [
            typed_frame(self.table, _rows(found), source=SOURCE, basis=basis)
            for found in product(window, latest)
        ]
        empty = pl.DataFrame(
            schema={name: self.table.schema[name] for name in caller_columns(self.table)}
        )
        # Two questions may share their border hours.
        rows = pl.concat([empty, *parts]).unique(self.table.key, keep="last", maintain_order=True)
        return known(self.table, rows, window, latest)

    def _forecast(self, window: Window, latest: datetime) -> Iterator[pl.DataFrame]:
        if latest < self.clock() - _HOUR:
            # The newest run was not there then.
            return
        issued = latest.replace(minute=0, second=0, microsecond=0)
        first = max(window.start, issued)
        last = min(window.end, issued + _FARTHEST_FORECAST)
        question = HourlyQuestion(self.session, self.spec.model)
        for times in _days(first, last):
            found = question.rows(self.places, times)
            yield found.filter(_starts() >= issued).with_columns(
                issue_time=pl.lit(issued), knowledge_time=pl.lit(latest)
            )

    def _previous_runs(self, window: Window, latest: datetime) -> Iterator[pl.DataFrame]:
        first = max(window.start, _ARCHIVE_STARTS)
        last = min(window.end, latest + max(DAYS_BEFORE) * _DAY)
        question = HourlyQuestion(self.session, self.spec.model, DAYS_BEFORE)
        for times in _days(first, last):
            found = question.rows(self.places, times)
            age = pl.duration(days=pl.col("days_before"))
            yield self._known_by_rule(found.with_columns(issue_time=pl.col("stamp") - age))

    def _single_runs(self, window: Window, latest: datetime) -> Iterator[pl.DataFrame]:
        question = HourlyQuestion(self.session, self.spec.model)
        for run in _runs(window.start - LONGEST_LEAD, window.end):
            if run + publication_delay(self.spec.model, run.date()) > latest:
                break
            # Whole days from the run's own on.
            days = 2 + LONGEST_LEAD // _DAY
            times = {"run": run.strftime("%Y-%m-%dT%H:%M"), "forecast_days": days}
            try:
                found = question.rows(self.places, times)
            except SourceUnavailableError as error:
                # A run the model skipped or the archive does not reach is a gap, not a fault.
                if _RUN_MISSING in str(error):
                    continue
                raise
            lead = _starts() - pl.lit(run)
            of_run = found.filter(lead >= timedelta(), lead < LONGEST_LEAD)
            yield self._known_by_rule(of_run.with_columns(issue_time=pl.lit(run)))

    def _known_by_rule(self, found: pl.DataFrame) -> pl.DataFrame:
        issued_on = found.select(day=pl.col("issue_time").dt.date()).to_series()
        days = issued_on.unique().sort()
        delays = [publication_delay(self.spec.model, day) for day in days]
        delay = pl.DataFrame({"day": days, "delay": pl.Series(delays, dtype=pl.Duration("us"))})
        return (
            found.with_columns(day=issued_on)
            .join(delay, on="day", how="left", maintain_order="left")
            .with_columns(knowledge_time=pl.col("issue_time") + pl.col("delay"))
            .drop("day", "delay")
        )


def feeds_of(spec: FeedSpec, access: Access, desk: Desk) -> list[Feed]:
    """The weather feed of a desk.

    Raises:
        InputError: Two sites share a name, or the model has no publication delay.
    """
    assert isinstance(spec, OpenMeteoFeed)
    token = access.token(SOURCE)
    session = SourceSession(
        SOURCE,
        access.endpoint(f"{SOURCE}_{spec.product}"),
        _POLICY,
        secrets={"apikey": token} if token else None,
        raw_answers=access.raw_answers,
    )
    if spec.product != "forecast":
        publication_delay(spec.model, _utc_now().date())
    return [OpenMeteoWeather(spec, desk.area, places_of(spec, desk), session)]


def publication_delay(model: str, day: date) -> timedelta:
    """Time from the start of a model's run on a day to its publication.

    Raises:
        InputError: None is written down for the model.
    """
    rule = knowledge_rule(SOURCE, model, day)
    if not isinstance(rule, AfterIssue):
        where = f"feeds/rules/{SOURCE}.yaml: {model}"
        raise InputError(where, expected="kind after_issue", found=rule.kind)
    return timedelta(minutes=rule.minutes)


def _rows(found: pl.DataFrame) -> pl.DataFrame:
    """Answers as registry columns."""
    return found.select(
        "site",
        "variable",
        "issue_time",
        "value",
        "unit",
        "knowledge_time",
        period_start=_starts(),
        resolution_min=pl.lit(60),
    )


def _starts() -> pl.Expr:
    """Start of the hour a value is for."""
    before = pl.when("ends_at_stamp").then(pl.lit(_HOUR)).otherwise(pl.lit(timedelta()))
    return pl.col("stamp") - before


def _runs(first: datetime, end: datetime) -> Iterator[datetime]:
    """Run starts in [first, end)."""
    midnight = datetime.combine(first.date(), time(), UTC)
    run = midnight + -((midnight - first) // _RUN_STEP) * _RUN_STEP
    while run < end:
        yield run
        run += _RUN_STEP


def _days(first: datetime, last: datetime) -> Iterator[dict[str, str]]:
    """Parameters that ask for the days of [first, last], at most a quarter at once."""
    while first < last:
        end = min(first + _CHUNK, last)
        # The stamp of an hour's mean is its end, in the last hour of a day the next day's.
        until = (end + _HOUR).date()
        yield {"start_date": first.date().isoformat(), "end_date": until.isoformat()}
        first = end
