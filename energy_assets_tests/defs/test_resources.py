"""One store of models whoever asks: what a command trains, the assets load."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from energy_assets.defs.resources import Workspace, artefacts, lake_models
from energy_assets.forecasting.members.naive import WeeklyNaive
from energy_assets.forecasting.members.serving import ModelKey, version_of
from energy_assets.forecasting.model_store import model_artefacts, model_store
from energy_assets_tests.defs.chain import settings_in
from energy_assets_tests.e2e.desks import reference_desk
from energy_assets_tests.forecasting.members.markets import market
from energy_assets_tests.lakehouse.frames import SteppingClock

NOW = datetime(2026, 3, 10, 1, tzinfo=UTC)


def test_assets_and_commands_share_a_desks_models(tmp_path):
    settings = settings_in(tmp_path)
    desk = reference_desk(["battery"])
    workspace = Workspace(settings, (desk,), SteppingClock(NOW))
    history, member = market(20).before(15), WeeklyNaive()
    key = ModelKey(desk.name, "price", member.spec.name, version_of(member), history.day)
    fitted = member.fit(history)
    model_store(settings, workspace.lake, desk).save(key, fitted, history)

    found = lake_models(workspace, desk).load(key, member)
    assert found is not None
    np.testing.assert_array_equal(found.predict(history), fitted.predict(history))
    # The bounds of a read reach the store.
    known = desk.decision_time(history.day)
    assert lake_models(workspace, desk, at=known).load(key, member) is not None
    early = known - timedelta(seconds=1)
    assert lake_models(workspace, desk, at=early).load(key, member) is None
    assert lake_models(workspace, desk, before=NOW).load(key, member) is None


def test_artefacts_have_the_lakes_object_store_options(tmp_path):
    options = '{"AWS_REGION": "eu-central-1"}'
    settings = settings_in(tmp_path, MODELS="s3://models/energy", STORAGE_OPTIONS=options)
    made = model_artefacts(settings)
    assert (made.root, made.options) == ("s3://models/energy", {"AWS_REGION": "eu-central-1"})
    assert artefacts(Workspace(settings, ())) == made
