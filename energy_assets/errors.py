"""The exception family every package raises.

Belongs here: errors that cross a package border and reach a person. Each says what is wrong,
where (file, row, field, unit), what was expected, what was found and, where it helps, what to do.
Not here: errors handled inside one module.
"""

from __future__ import annotations


class EnergyAssetsError(Exception):
    """Base of every error this project raises on purpose; its text is one line for a person."""


class InputError(EnergyAssetsError):
    """Bad input: a file, a row, a field or an argument that cannot be used.

    The command line turns it into one line and exit code 2; nothing has been written.

    Args:
        where: File, and row or field inside it, or the argument's name.
        expected: What would have been right.
        found: What was there.
        hint: What to do about it, if more is to be said.
    """

    def __init__(self, where: str, *, expected: str, found: object, hint: str = "") -> None:
        self.where = where
        self.expected = expected
        self.found = found
        self.hint = hint
        text = f"{where}: expected {expected}, found {found!r}"
        super().__init__(f"{text}; {hint}" if hint else text)


class MarketRuleError(EnergyAssetsError):
    """An order set or a date breaks a market rule."""


class InfeasibleError(EnergyAssetsError):
    """A bidding problem has no solution; the text names the unit and the limit."""


class LakeError(EnergyAssetsError):
    """The lake refused a read or a write (unknown table, schema mismatch, conflict)."""
