"""How sources are reached from this machine: folders, addresses, tokens.

Built from the settings once and handed to every feed. Belongs here: `Access`, and how settings
become one. Not here: which source a desk reads (`portfolio.feed_specs`), requests
(`source_session`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from pydantic import SecretStr

from energy_assets.settings import Settings

# The public addresses; a setting puts another in place (a mirror, a loopback server).
ENDPOINTS: Mapping[str, str] = MappingProxyType(
    {
        "entsoe": "https://web-api.tp.entsoe.eu/api",
        "open_meteo_forecast": "https://api.open-meteo.com/v1/forecast",
        "open_meteo_previous_runs": "https://previous-runs-api.open-meteo.com/v1/forecast",
        "open_meteo_single_runs": "https://single-runs-api.open-meteo.com/v1/forecast",
        "energy_charts": "https://api.energy-charts.info",
        "elexon": "https://data.elexon.co.uk/bmrs/api/v1",
    }
)


@dataclass(frozen=True)
class Access:
    """Folders, addresses and tokens.

    Attributes:
        data_root: Folder that relative feed paths hang off.
        endpoints: Addresses that differ from `ENDPOINTS`, by name.
        tokens: Tokens by source; secret.
        raw_answers: Folder answers are kept in as they came; None keeps nothing.
    """

    data_root: Path
    endpoints: Mapping[str, str] = field(default_factory=dict)
    tokens: Mapping[str, SecretStr] = field(default_factory=dict)
    raw_answers: Path | None = None

    def endpoint(self, name: str) -> str:
        """Address of a service, without a slash at its end."""
        return self.endpoints.get(name, ENDPOINTS[name]).rstrip("/")

    def token(self, source: str) -> str:
        """Token of a source in the clear; empty where there is none."""
        secret = self.tokens.get(source)
        return "" if secret is None else secret.get_secret_value()


def access_of(settings: Settings) -> Access:
    """How sources are reached under some settings."""
    return Access(settings.real_data, settings.endpoints, settings.tokens, settings.raw_answers)
