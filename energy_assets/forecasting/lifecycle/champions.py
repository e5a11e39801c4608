"""Which ensemble configuration was chosen for a target: champion and challenger, dated.

Each choice is a row of `forecasts.champions` known from the moment it was made, so that a replay at
T asks for the champion as it was at T. The rule:

- the first configuration of a target becomes champion;
- any other becomes challenger, and champion once it is not worse on common validation days: its
  mean pinball99 at most `1 + tolerance` times the champion's, and a Diebold-Mariano test of the
  daily losses does not call it worse at 5 %. With the tolerance at its default of zero the mean
  decides and the test is evidence; a tolerance lets a cheaper configuration in that loses little.

A challenger that could not be compared stays one, with the reason on its row. MLflow's aliases
follow these rows (`MlflowBook.enter_configuration`), never the other way round.

Not here: configurations (`configurations`), which of the champions makes a forecast (`in_force`),
scores (`scoring`), validation forecasts and when they are made (`validation`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import numpy as np
import polars as pl

from energy_assets.errors import InputError
from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.lifecycle.configurations import Configuration
from energy_assets.forecasting.lifecycle.mlflow_book import MlflowBook, Role
from energy_assets.forecasting.scoring.significance import diebold_mariano
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.tables import UTC_TIME, table

CHAMPIONS = "forecasts.champions"
Basis = Literal["observed", "rule"]
_SOURCE = "model_training"
_SIGNIFICANCE = 0.05
FEWEST_DAYS = 28


@dataclass(frozen=True)
class Validation:
    """Daily pinball99 of two configurations on the same days, all before the choice.

    Attributes:
        days: Days, (N,).
        challenger: Mean pinball99 of each day, (N,); NaN where unknown.
        champion: The champion's, (N,).
    """

    days: list[date]
    challenger: FloatArray
    champion: FloatArray

    def __post_init__(self) -> None:
        for name in ("challenger", "champion"):
            shape = getattr(self, name).shape
            if shape != (len(self.days),):
                expected = f"one loss for each of {len(self.days)} days"
                raise InputError(f"validation: {name}", expected=expected, found=shape)


@dataclass(frozen=True)
class Comparison:
    """What a validation says.

    Attributes:
        challenger: Mean pinball99 over the days both are known.
        champion: The champion's.
        p_worse: p-value of equal accuracy against the challenger being worse; None where the two
            never differ.
        days: Days both are known.
        is_not_worse: Whether the challenger may take over.
    """

    challenger: float
    champion: float
    p_worse: float | None
    days: int
    is_not_worse: bool


@dataclass(frozen=True)
class Choice:
    """A configuration in a role, and why it was put there.

    Attributes:
        configuration: The configuration.
        role: champion or challenger.
        chosen_at: When it was put there, UTC.
        reason: Why, in words.
        pinball99: Its score on the validation days; None where it was not compared.
        champion_pinball99: Score of the champion before on the same days.
        p_worse: See `Comparison`.
        validated_until: Last day a comparison looked at, made or not; None before the first.
    """

    configuration: Configuration
    role: Role
    chosen_at: datetime
    reason: str
    pinball99: float | None = None
    champion_pinball99: float | None = None
    p_worse: float | None = None
    validated_until: date | None = None


def compare(validation: Validation, tolerance: float = 0.0) -> Comparison:
    """Hold a challenger against the champion, by the rule of this module.

    Args:
        validation: Daily losses.
        tolerance: Largest relative loss of pinball99 that is still not worse.

    Raises:
        InputError: Fewer than 28 common days.
    """
    known = np.isfinite(validation.challenger) & np.isfinite(validation.champion)
    count = int(known.sum())
    if count < FEWEST_DAYS:
        raise InputError("validation days", expected=f"at least {FEWEST_DAYS}", found=count)
    challenger, champion = validation.challenger[known], validation.champion[known]
    # The test is against the second being better: the champion is.
    p_value = float(diebold_mariano(challenger, champion))
    means = float(challenger.mean()), float(champion.mean())
    within = means[0] <= (1.0 + tolerance) * means[1]
    called_worse = np.isfinite(p_value) and p_value < _SIGNIFICANCE
    return Comparison(
        *means, p_value if np.isfinite(p_value) else None, count, within and not called_worse
    )


@dataclass(frozen=True)
class Champions:
    """Champion and challenger of every target of a desk.

    Attributes:
        lake: The lake.
        scope: The desk.
        run_id: Run that writes.
    """

    lake: Lake
    scope: str
    run_id: str = ""

    def in_role(
        self, target: str, role: Role, at: datetime, ingested_before: datetime | None = None
    ) -> Choice | None:
        """The configuration in a role as it was at a time, None before the first.

        Args:
            target: Target.
            role: champion or challenger; a challenger that took over is none any more.
            at: Point in time.
            ingested_before: Rows written from then on are not read.

        Raises:
            InputError: Its row cannot be read; names target and time.
        """
        rows = self.rows(at, ingested_before, target=target)
        held = {name: rows.filter(pl.col("role") == name) for name in ("champion", "challenger")}
        if held[role].is_empty():
            return None
        row = held[role].row(-1, named=True)
        taken_over = held["champion"].filter(
            pl.col("chosen_at") >= row["chosen_at"],
            pl.col("configuration") == row["configuration"],
        )
        if role == "challenger" and not taken_over.is_empty():
            return None
        return choice_of(row)

    def rows(
        self, at: datetime, ingested_before: datetime | None = None, **where: str
    ) -> pl.DataFrame:
        """Rows of the table as known at a time, oldest choice first.

        Args:
            at: Point in time.
            ingested_before: Rows written from then on are not read.
            **where: Column to value.
        """
        rows = self.lake.as_of(
            CHAMPIONS, at, scope=self.scope, where=where, ingested_before=ingested_before
        )
        return rows.sort("chosen_at", maintain_order=True)

    def champions(self, target: str, at: datetime) -> list[Choice]:
        """Every champion a target had by a time, oldest first.

        Raises:
            InputError: A row cannot be read; names target and time.
        """
        rows = self.rows(at, target=target, role="champion")
        return [choice_of(row) for row in rows.iter_rows(named=True)]

    def offer(
        self,
        target: str,
        configuration: Configuration,
        at: datetime,
        validation: Validation | None = None,
        *,
        tolerance: float = 0.0,
        basis: Basis = "observed",
    ) -> Choice:
        """Offer a configuration for a target; what it was made, or already is.

        Args:
            target: Target.
            configuration: What is offered.
            at: When; in a replay the replayed time, with basis `rule`.
            validation: Its losses beside those of the champion; None: not compared yet.
            tolerance: See `compare`.
            basis: How the time is known.

        Raises:
            InputError: Too few validation days, or one of them is not over at the time.
        """
        champion = self.in_role(target, "champion", at)
        if champion is None:
            reason = "first configuration of this target"
            return self._record(target, configuration, "champion", at, basis, reason)
        if champion.configuration.name == configuration.name:
            return champion
        if validation is None:
            challenger = self.in_role(target, "challenger", at)
            if challenger is not None and challenger.configuration.name == configuration.name:
                return challenger
            reason = "not validated against the champion yet"
            return self._record(target, configuration, "challenger", at, basis, reason)
        if validation.days and max(validation.days) >= at.date():
            where = f"validation of a challenger for {target}"
            expected = f"days before {at.date()}"
            raise InputError(where, expected=expected, found=str(max(validation.days)))
        found = compare(validation, tolerance)
        role: Role = "champion" if found.is_not_worse else "challenger"
        days = validation.days
        return self._record(target, configuration, role, at, basis, _reason(found), days, found)

    def keep_waiting(
        self,
        target: str,
        configuration: Configuration,
        at: datetime,
        days: list[date],
        reason: str,
        *,
        basis: Basis = "observed",
    ) -> Choice:
        """Record that a challenger could not be compared on some days, and why."""
        return self._record(
            target, configuration, "challenger", at, basis, f"not validated: {reason}", days
        )

    def enter(self, book: MlflowBook, targets: Iterable[str], at: datetime) -> None:
        """Bring MLflow's aliases up to the choices in force.

        Raises:
            ModelBookError: The store cannot be used.
        """
        roles: tuple[Role, Role] = ("champion", "challenger")
        for target in targets:
            for choice in (self.in_role(target, role, at) for role in roles):
                if choice is not None:
                    score = choice.pinball99
                    metrics = {} if score is None else {"validation_pinball99": score}
                    named = choice.configuration
                    book.enter_configuration(
                        self.scope, target, named.name, named.document, metrics, choice.role
                    )

    def _record(
        self,
        target: str,
        configuration: Configuration,
        role: Role,
        at: datetime,
        basis: Basis,
        reason: str,
        days: list[date] | None = None,
        found: Comparison | None = None,
    ) -> Choice:
        values: dict[str, Any] = {
            "target": target,
            "role": role,
            "chosen_at": at,
            "configuration": configuration.name,
            "document": configuration.document,
            "pinball99": found.challenger if found else None,
            "champion_pinball99": found.champion if found else None,
            "p_worse": found.p_worse if found else None,
            "validation_first": min(days) if days else None,
            "validation_last": max(days) if days else None,
            "reason": reason,
            "source": _SOURCE,
            "knowledge_time": at,
            "knowledge_basis": basis,
        }
        own = {column.name: column.dtype for column in table(CHAMPIONS).columns}
        schema = own | {
            "source": pl.String,
            "knowledge_time": UTC_TIME,
            "knowledge_basis": pl.String,
        }
        frame = pl.DataFrame([values], schema=schema)
        self.lake.append_if_changed(CHAMPIONS, frame, scope=self.scope, run_id=self.run_id)
        return choice_of(values)


def choice_of(row: Mapping[str, Any]) -> Choice:
    """The choice of one row.

    Raises:
        InputError: It cannot be read; names target and time.
    """
    try:
        configuration = Configuration.from_document(row["document"])
    except InputError as error:
        where = f"{row['role']} of {row['target']}, chosen {row['chosen_at']}: {error.where}"
        hint = "offer the configuration again as a revision of this row"
        raise InputError(where, expected=error.expected, found=error.found, hint=hint) from error
    same = ("role", "chosen_at", "reason", "pinball99", "champion_pinball99", "p_worse")
    values = {name: row[name] for name in same}
    return Choice(configuration, **values, validated_until=row["validation_last"])


def _reason(found: Comparison) -> str:
    verdict = "not worse" if found.is_not_worse else "worse"
    p_value = "none (equal)" if found.p_worse is None else f"{found.p_worse:.3f}"
    return (
        f"{verdict}: pinball99 {found.challenger:.4g} against {found.champion:.4g} on "
        f"{found.days} days, p-value of being worse {p_value}"
    )
