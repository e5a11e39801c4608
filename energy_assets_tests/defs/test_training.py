"""The training job in-process: what it trains, registers, finds again, and warns of."""

from __future__ import annotations

import importlib.metadata
import warnings
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import EntryPoint
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from energy_assets.definitions import build_defs
from energy_assets.defs.resources import Workspace
from energy_assets.defs.training import assets, checks
from energy_assets.forecasting.lifecycle.training import desk_targets
from energy_assets.forecasting.members.registry import PLUGIN_GROUP, member
from energy_assets.forecasting.members.serving import anchor_of
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.lakehouse.enforcement import caller_columns
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.run_stamp import Mode, RunStamp
from energy_assets.lakehouse.tables import UTC_TIME, table
from energy_assets.market import load_area
from energy_assets.portfolio import Desk
from energy_assets_tests.defs.chain import QUIET, failures, settings_in
from energy_assets_tests.e2e.desks import epf_desk, fetch, reference_desk
from energy_assets_tests.forecasting.lifecycle.recording import record_real
from energy_assets_tests.lakehouse.frames import SteppingClock

DAY = date(2026, 2, 10)
# The night before the gate of the delivery day.
NIGHT = datetime(2026, 2, 9, 0, 30, tzinfo=UTC)
PLUGIN = "energy_assets_tests.forecasting.lifecycle.made:SlotMeans"
DESK = reference_desk(
    ["battery", "wind"],
    forecast={
        "members": {"price": ["slot_means", "weekly_naive"], "wind": ["weekly_naive"]},
        "qra_window_days": 28,
        "fold_days": 0,
        "longest_retrain_days": 7,
    },
    history_days=14,
)
JOB = f"model_training__{DESK.area}"
NAME = f"{DESK.name}__price__slot_means"


@pytest.fixture
def plugin(monkeypatch):
    """The member, as an installed package would bring it."""
    point = EntryPoint("slot_means", PLUGIN, PLUGIN_GROUP)
    monkeypatch.setattr(
        "energy_assets.forecasting.members.registry.entry_points",
        lambda group: [point] if group == PLUGIN_GROUP else importlib.metadata.entry_points(),
    )
    member.cache_clear()
    yield
    member.cache_clear()


@pytest.fixture(scope="module")
def history(tmp_path_factory) -> Path:
    """A lake with the reference market's last weeks, made once."""
    root = tmp_path_factory.mktemp("market")
    lake = Lake(settings_in(root).lake_root, clock=SteppingClock(NIGHT - timedelta(hours=6)))
    lake.ensure_tables()
    fetch(lake, DESK, root, DAY, DAY)
    return root


@pytest.fixture(scope="module")
def workspace(history) -> Workspace:
    return Workspace(settings_in(history), (DESK,), SteppingClock(NIGHT))


def run(workspace: Workspace, day: date = DAY, last: date | None = None):
    """A run of the job, drift checks included."""
    job = assets.training_definitions(workspace).resolve_job_def(
        assets.job_name(workspace.areas[0])
    )
    tags = {}
    if last is not None:
        tags["dagster/asset_partition_range_start"] = day.isoformat()
        tags["dagster/asset_partition_range_end"] = last.isoformat()
    with warnings.catch_warnings(), dg.DagsterInstance.ephemeral() as instance:
        warnings.simplefilter("ignore")
        return job.execute_in_process(
            instance=instance,
            partition_key=None if last else day.isoformat(),
            run_config=QUIET,
            raise_on_error=False,
            tags=tags,
        )


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    (event,) = result.get_asset_materialization_events()
    assert event.asset_key == dg.AssetKey([DESK.name, "forecasts", "models"])
    return {name: value.value for name, value in event.materialization.metadata.items()}


def test_models_are_trained_registered_and_found_again(workspace, plugin, monkeypatch):
    monkeypatch.setattr(checks, "outcomes", lambda *_: {})
    result = run(workspace)
    assert result.success, failures(result)
    anchors = {anchor_of(DAY - timedelta(days=n), 7) for n in range(29)}
    first = metadata(result)
    assert first["not trained"] == []
    assert first["models trained"] == first["entered in MLflow"] == len(anchors)
    assert first["not trained"] == []
    assert f"| price | slot_means | {max(anchors)} |" in first["trained"]

    from mlflow.tracking import MlflowClient

    uri = workspace.settings.mlflow.get_secret_value()
    assert uri == f"sqlite:///{workspace.settings.root}/data/mlflow.db"
    client = MlflowClient(uri, uri)
    versions = client.search_model_versions(f"name = '{NAME}'")
    runs = {client.get_run(version.run_id).data.tags["anchor"] for version in versions}
    assert runs == {anchor.isoformat() for anchor in anchors}
    champion = client.get_model_version_by_alias(f"{DESK.name}__price", "champion")
    document = client.download_artifacts(champion.run_id, "configuration.json")
    assert "weekly_naive" in Path(document).read_text()
    rows = workspace.lake.read("forecasts.models", scope=DESK.name)
    assert rows.height == len(anchors)
    assert (rows["knowledge_time"] <= NIGHT).all()

    again = run(workspace)
    assert again.success
    second = metadata(again)
    assert (second["models trained"], second["entered in MLflow"]) == (0, 0)
    assert second["models found"] == len(anchors)
    assert workspace.lake.read("forecasts.models", scope=DESK.name).equals(rows)
    assert len(client.search_model_versions(f"name = '{NAME}'")) == len(anchors)

    # A forecast loads them where it may not train.
    models = assets.lake_models(workspace, DESK)
    serving = desk_targets(workspace.lake, DESK, [DAY], workspace.now()).serving("price", DAY)
    serving.models, serving.may_train = models, False
    assert np.isfinite(serving.forecast(member("slot_means"), DAY)).all()


def test_a_store_out_of_reach_fails_the_run_at_its_end_with_every_model_made(
    history, tmp_path, plugin, monkeypatch
):
    monkeypatch.setattr(checks, "outcomes", lambda *_: {})
    (tmp_path / "file").write_text("")
    settings = settings_in(
        history, MLFLOW=f"sqlite:///{tmp_path}/file/mlflow.db", MODELS=str(tmp_path / "models")
    )
    later = Workspace(settings, (DESK,), SteppingClock(NIGHT + timedelta(hours=1)))
    result = run(later)
    assert not result.success
    (line,) = failures(result).values()
    assert line.startswith("MLflow store")
    models = assets.lake_models(later, DESK)
    assert models.records()
    assert all(models.is_kept(key) for key in models.records())


def test_the_schedule_asks_for_the_day_whose_gate_comes_next(tmp_path):
    for running, status in (("0", "STOPPED"), ("1", "RUNNING")):
        settings = settings_in(tmp_path, SCHEDULES=running, TRAINING_CRON="30 0 * * *")
        made = assets.training_definitions(Workspace(settings, (DESK,)))
        (schedule,) = made.schedules
        assert schedule.default_status.name == status
        for tick, asked in (
            (NIGHT, DAY),
            # 02:30 local, on the night the clock changes and the one after.
            (datetime(2026, 3, 29, 0, 30, tzinfo=UTC), date(2026, 3, 30)),
            (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), date(2026, 10, 26)),
        ):
            context = dg.build_schedule_context(
                scheduled_execution_time=tick, repository_def=made.get_repository_def()
            )
            request = schedule.evaluate_tick(context).run_requests[0]
            assert request.partition_key == asked.isoformat()
            # What that day's models are made of is known: its eve's decision has passed.
            gate = load_area(DESK.area).session()
            assert DESK.decision_time(asked - timedelta(days=1)) < tick < gate.gate_closure(asked)


def test_training_is_in_no_deadline_process_and_behind_every_gate(tmp_path):
    def jobs(*, with_warehouse: bool) -> dict[str, dg.JobDefinition]:
        made = build_defs(settings_in(tmp_path), [DESK], with_warehouse=with_warehouse)
        return {job.name: job for job in made.get_repository_def().get_all_jobs()}

    assert JOB not in jobs(with_warehouse=False)
    everything = jobs(with_warehouse=True)
    own = int(everything[JOB].tags["dagster/priority"])
    assert own < int(everything[f"day_ahead__{DESK.area}"].tags["dagster/priority"])
    models = dg.AssetKey([DESK.name, "forecasts", "models"])
    for name, job in everything.items():
        if name not in {JOB, "__ASSET_JOB"} and job.asset_layer:
            assert models not in job.asset_layer.selected_asset_keys
            drift = [
                k for k in job.asset_layer.asset_graph.asset_check_keys if "calibration" in k.name
            ]
            assert drift == []


def forecasts(lake: Lake, days: list[date], spread: float, mode: Mode) -> None:
    """Normal price forecasts of some days around zero."""
    session = load_area(HOURLY.area).session()
    quantiles = norm.ppf(PERCENTILES) * spread
    frames = []
    for label in days:
        day = session.delivery_day(label)
        frame = pl.DataFrame(
            {
                "target": "price",
                "model": "ensemble",
                "model_version": "v",
                "period_start": [start for start in day.starts for _ in PERCENTILES],
                "resolution_min": day.mtu_minutes,
                "level": np.tile(PERCENTILES, day.mtu_count),
                "value": np.tile(quantiles, day.mtu_count),
            },
            schema_overrides={"period_start": UTC_TIME},
        )
        stamp = RunStamp("day_ahead", label, HOURLY.decision_time(label), "r", mode)
        frames.append(stamp.on(frame, "forecasts.quantiles"))
    lake.append("forecasts.quantiles", pl.concat(frames), scope=HOURLY.name)


# Hourly, and nothing but the price.
HOURLY = epf_desk()


@pytest.fixture
def drifted(tmp_path, monkeypatch) -> Workspace:
    """Two weeks of good live forecasts, then three of too narrow ones; narrow replays of all."""
    made = Workspace(settings_in(tmp_path), (HOURLY,), SteppingClock(NIGHT))
    past = [DAY - timedelta(days=n) for n in range(40, 0, -1)]
    forecasts(made.lake, past[:19], 1.0, "live")
    forecasts(made.lake, past[19:], 0.3, "live")
    forecasts(made.lake, past[:19], 0.1, "replay")

    def outcomes(_workspace, _desk, day, at):
        rng = np.random.default_rng(day.label.toordinal())
        known = day.start < at
        return {
            "price": rng.normal(size=day.mtu_count) if known else np.full(day.mtu_count, np.nan)
        }

    monkeypatch.setattr(checks, "outcomes", outcomes)
    return made


@pytest.fixture(scope="module")
def recorded(history) -> Path:
    """Two weeks of the desk's own forecasts on record, in the lake of the reference market."""
    settings = {
        "members": {kind: ["weekly_naive"] for kind in ("price", "wind", "imbalance_spread")},
        "qra_window_days": 30,
        "fold_days": 0,
        "longest_retrain_days": 1,
    }
    desk = Desk.model_validate(DESK.model_dump() | {"forecast": settings, "history_days": 45})
    days = [DAY - timedelta(days=n) for n in range(14, 0, -1)]
    record_real(Lake(settings_in(history).lake_root), desk, days, ["price", "wind"])
    return history


# By then the meters of all those days are known.
READ = NIGHT + timedelta(days=2)


def drift_of(root: Path, at: datetime) -> dict[str, dg.AssetCheckEvaluation]:
    """The desk's drift checks by themselves, at a time, for the delivery day that comes next."""
    workspace = Workspace(settings_in(root), (DESK,), SteppingClock(at))
    made = dg.Definitions(
        assets=[assets.models_asset(workspace, DESK)],
        asset_checks=checks.drift_checks(workspace),
        jobs=[dg.define_asset_job("drift", selection=dg.AssetSelection.all_asset_checks())],
    )
    with warnings.catch_warnings(), dg.DagsterInstance.ephemeral() as instance:
        warnings.simplefilter("ignore")
        day = at.date() + timedelta(days=1)
        result = made.resolve_job_def("drift").execute_in_process(
            instance=instance, run_config=QUIET, tags={"dagster/partition": day.isoformat()}
        )
    return evaluations(result)


@pytest.fixture(scope="module")
def checked(recorded) -> dict[str, dg.AssetCheckEvaluation]:
    return drift_of(recorded, READ)


def figures(check: dg.AssetCheckEvaluation) -> dict[str, object]:
    return {name: value.value for name, value in check.metadata.items()}


def test_drift_is_measured_on_what_the_market_and_the_meters_said(recorded, checked):
    lake = Lake(settings_in(recorded).lake_root)
    prices = lake.read("raw.market_prices", scope=DESK.area, where={"series": "day_ahead"})
    meters = lake.read("raw.meter_readings", scope=DESK.name, where={"unit": "wind"})
    came_true = {
        # Quarter-hours on both sides; MWh in one are a quarter of the MW.
        "price": prices.select("period_start", "knowledge_time", actual="price"),
        "wind": meters.select("period_start", "knowledge_time", actual=pl.col("energy_mwh") * 4),
    }
    for target in ("price", "wind"):
        said = lake.read("forecasts.quantiles", scope=DESK.name, where={"target": target})
        both = said.filter(pl.col("model") != "weekly_naive").join(
            came_true[target].filter(pl.col("knowledge_time") <= READ), on="period_start"
        )
        error = pl.col("actual") - pl.col("value")
        loss = pl.max_horizontal(error * pl.col("level"), error * (pl.col("level") - 1))
        found = figures(checked[f"calibration_28d__{target}"])
        assert found["days measured"] == both["delivery_day"].n_unique() == 14
        assert found["pinball99"] == pytest.approx(both.select(loss.mean()).item())
        wide = both.filter(pl.col("level").is_in([0.1, 0.9])).group_by("period_start")
        inside = wide.agg(
            pl.col("actual").first().is_between(pl.col("value").min(), pl.col("value").max())
        )
        assert found["coverage 80%"] == pytest.approx(inside["actual"].mean())
        assert checked[f"calibration_28d__{target}"].passed, found


def test_outcomes_that_moved_are_a_finding(recorded, checked):
    """Corrected values, known later: far above all that was said."""
    lake = Lake(settings_in(recorded).lake_root, clock=SteppingClock(READ))
    for table_id, scope, column, where in (
        ("raw.market_prices", DESK.area, "price", {"series": "day_ahead"}),
        ("raw.meter_readings", DESK.name, "energy_mwh", {"unit": "wind"}),
    ):
        rows = lake.read(table_id, scope=scope, where=where, start=NIGHT - timedelta(days=17))
        known = pl.lit(READ + timedelta(hours=1), dtype=UTC_TIME)
        moved = rows.filter(pl.col("knowledge_time") <= READ).with_columns(
            pl.col(column) + rows[column].max(), knowledge_time=known
        )
        own = moved.select(caller_columns(table(table_id)))
        lake.append_if_changed(table_id, own, scope=scope)
    # Nobody knew of it then.
    again = drift_of(recorded, READ)
    after = drift_of(recorded, READ + timedelta(hours=2))
    for target in ("price", "wind"):
        name = f"calibration_28d__{target}"
        assert figures(again[name]) == figures(checked[name])
        assert not after[name].passed
        ((day, lines),) = after[name].metadata["days with findings"].value.items()
        assert day == (DAY + timedelta(days=2)).isoformat()
        assert any(line.startswith("80% interval covers") for line in lines)
        assert after[name].metadata["coverage 80%"].value < 0.1


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {each.check_name: each for each in result.get_asset_check_evaluations()}


def test_drift_warns_and_names_the_day_it_was_seen_from(drifted, plugin, monkeypatch):
    monkeypatch.setattr(assets, "_offer", lambda *_: {})
    monkeypatch.setattr(assets, "_enter", lambda *_: [])
    result = run(drifted)
    assert result.success
    found = evaluations(result)
    assert set(found) == {"calibration_28d__price", "calibration_91d__price"}
    price = found["calibration_28d__price"]
    assert not price.passed
    assert price.severity == dg.AssetCheckSeverity.WARN
    ((day, lines),) = price.metadata["days with findings"].value.items()
    assert day == DAY.isoformat()
    assert any(line.startswith("80% interval covers") for line in lines)
    assert price.metadata["days measured"].value == 28
    assert found["calibration_91d__price"].metadata["days measured"].value == 40
    # A range names its days: at the first of them the forecasts in force were still good.
    first = DAY - timedelta(days=22)
    check = evaluations(run(drifted, first, DAY))["calibration_28d__price"]
    days = list(check.metadata["days with findings"].value)
    assert first.isoformat() not in days
    assert DAY.isoformat() in days
