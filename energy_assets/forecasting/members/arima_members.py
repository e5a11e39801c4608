"""What the members built on an ARIMA share: `auto_arima` and `mstl`.

Belongs here: the days they need, the errors they raise, reading their JSON. Not here: the members
themselves, the estimation of one series (`forecasting.arima`), gaps and regressors
(`filled_history`), NumPy archives (`archives`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from energy_assets.errors import InputError
from energy_assets.forecasting import arima
from energy_assets.forecasting.members.base import MemberSpec, MemberUnavailableError
from energy_assets.forecasting.members.history import TargetHistory


def require_days(spec: MemberSpec, history: TargetHistory, known: int) -> date:
    """Newest day known.

    Raises:
        MemberUnavailableError: Fewer days than the member needs.
    """
    until = history.trained_until
    if until is None or known < spec.minimum_days:
        expected = f"expected {spec.minimum_days} days, found {known}"
        raise MemberUnavailableError(f"{spec.name} for {history.target}: {expected}")
    return until


def unavailable(name: str, history: TargetHistory, error: InputError) -> MemberUnavailableError:
    """An ARIMA's refusal, with the member and the target it is about."""
    return MemberUnavailableError(f"{name} for {history.target}: {error}")


@contextmanager
def stored_model(content: bytes, spec: MemberSpec) -> Iterator[dict[str, Any]]:
    """What a member's `dump` wrote, by name.

    Args:
        content: JSON.
        spec: Of the member that reads it, for the message.

    Raises:
        MemberUnavailableError: The bytes are no such model, or something in it is missing.
    """
    try:
        yield json.loads(content)
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{spec.name}: expected a model of this member, found other bytes"
        raise MemberUnavailableError(msg) from error


def arima_of(found: dict[str, Any]) -> arima.Arima:
    """A model from its fields as JSON has them; errors are for `stored_model`."""
    p, d, q = found["order"]
    seasonal_p, seasonal_d, seasonal_q = found["seasonal"]
    return arima.Arima(
        (p, d, q),
        (seasonal_p, seasonal_d, seasonal_q),
        int(found["period"]),
        bool(found["has_mean"]),
        tuple(found["coefficients"]),
        tuple(found["used"]),
    )
