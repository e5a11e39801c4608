"""Field types and the base of the portfolio's models.

Not here: the models (`units`, `thermal_unit`, `desk`).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from energy_assets.portfolio.validation import broken_rule

Power = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Efficiency = Annotated[float, Field(gt=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


class FrozenModel(BaseModel):
    """A model without extra fields that does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def require_within(field: str, value: float, low: float, high: float) -> None:
    """Raise the validation error of a field that must lie in [low, high]."""
    if not low <= value <= high:
        raise broken_rule(field, f"between {low:g} and {high:g}", value)
