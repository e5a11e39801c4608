"""The reference desk and its feeds by short name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from energy_assets.feeds import Access, feeds_for
from energy_assets.portfolio import load_desk


@pytest.fixture(scope="session")
def reference_desk(repo):
    return load_desk(repo / "data/desks/reference.yaml")


@pytest.fixture(scope="session")
def feeds(reference_desk, tmp_path_factory):
    """Feeds of the reference desk, by the last part of their name."""
    found = feeds_for(reference_desk, Access(tmp_path_factory.mktemp("no_files")))
    return {feed.name.split(".")[-1]: feed for feed in found}


@pytest.fixture(scope="session")
def later():
    """A point in time at which everything is known."""
    return datetime(2040, 1, 1, tzinfo=UTC)
