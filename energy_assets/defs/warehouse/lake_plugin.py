"""The dbt-duckdb plugin that shows the lake to dbt: the analysts' views, in a catalog `lake`.

The views live in an attached in-memory database, so the built file holds no view of a lake that
its reader may not have. Loaded by dbt from `dbt_project/profiles.yml`, never by Dagster.

Not here: the views (`lakehouse.analysts`), running dbt (`build`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbt.adapters.duckdb.plugins import BasePlugin

from energy_assets.lakehouse import Lake
from energy_assets.lakehouse.analysts import create_views
from energy_assets.settings import Settings

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CATALOG = "lake"


class Plugin(BasePlugin):
    """Lake views in every connection dbt opens; dbt finds the class by this name."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Open the lake named in the profile, else that of this process's settings.

        Object-store options come from the settings: secrets have no place on a command line.
        """
        settings = Settings.from_environment()
        root = plugin_config.get("lake_root") or settings.lake_root
        self._lake = Lake(root, settings.object_store_options)
        self._views_per_cursor = False

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Attach the catalog and make the views in it."""
        conn.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {CATALOG}")
        self._create_views(conn)
        # Views over arrow datasets read objects registered in one cursor and no other.
        registered = "SELECT view_name FROM duckdb_views() WHERE temporary AND NOT internal"
        self._views_per_cursor = bool(conn.execute(registered).fetchall())

    def configure_cursor(self, cursor: DuckDBPyConnection) -> None:
        """Make the views again where a cursor of its own is needed to read them."""
        if self._views_per_cursor:
            self._create_views(cursor)

    def _create_views(self, connection: DuckDBPyConnection) -> None:
        [(before,)] = connection.execute("SELECT current_database()").fetchall()
        connection.execute(f"USE {CATALOG}")
        create_views(connection, self._lake)
        connection.execute(f'USE "{before}"')
