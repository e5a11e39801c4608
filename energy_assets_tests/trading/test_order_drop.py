from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import pytest

from energy_assets.errors import InputError
from energy_assets.trading import verify_drop, write_drop
from energy_assets_tests.trading.market_day import DAYS, sloped_orders


@pytest.mark.parametrize("label", DAYS)
def test_a_drop_reads_back_as_the_orders_it_was_made_of(tmp_path, label):
    drop = write_drop(sloped_orders(label), tmp_path / "orders", "reference")
    assert verify_drop(drop.checksum) == sloped_orders(label)
    assert drop.json.name.startswith(f"SIM_DE_LU.day_ahead.{label}.reference.")
    assert len(list((tmp_path / "orders").iterdir())) == 3


def test_the_checksum_file_is_what_sha256sum_reads(tmp_path):
    drop = write_drop(sloped_orders(), tmp_path, "reference")
    tool = shutil.which("sha256sum")
    if tool is None:
        pytest.skip("sha256sum is not installed")
    subprocess.run([tool, "-c", drop.checksum.name], cwd=tmp_path, check=True)


def test_equal_orders_touch_nothing_and_other_orders_make_another_drop(tmp_path):
    first = write_drop(sloped_orders(), tmp_path, "reference")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    inodes = {path: path.stat().st_ino for path in tmp_path.iterdir()}
    assert write_drop(sloped_orders(), tmp_path, "reference") == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    assert {path: path.stat().st_ino for path in tmp_path.iterdir()} == inodes
    other = write_drop(sloped_orders(high_mw=31), tmp_path, "reference")
    assert other.json != first.json
    assert len(list(tmp_path.iterdir())) == 6


@pytest.mark.parametrize("kind", ["json", "csv", "checksum"])
def test_damage_is_found_and_writing_again_repairs_it(tmp_path, kind):
    drop = write_drop(sloped_orders(), tmp_path, "reference")
    damaged = getattr(drop, kind)
    content = damaged.read_bytes()
    changed = content.replace(b"0", b"1", 1)
    assert changed != content
    damaged.write_bytes(changed)
    with pytest.raises(InputError):
        verify_drop(drop.checksum)
    write_drop(sloped_orders(), tmp_path, "reference")
    assert verify_drop(drop.checksum) == sloped_orders()


@pytest.mark.parametrize("kind", ["json", "csv", "checksum"])
def test_a_missing_file_is_named(tmp_path, kind):
    drop = write_drop(sloped_orders(), tmp_path, "reference")
    getattr(drop, kind).unlink()
    with pytest.raises(InputError, match=getattr(drop, kind).name):
        verify_drop(drop.checksum)


def test_the_checksum_comes_last(tmp_path, monkeypatch):
    from energy_assets.trading import order_drop

    written: list[str] = []
    real = order_drop._write_if_changed

    def stop_before_the_checksum(path, content):
        if path.suffix == ".sha256":
            raise OSError("killed")
        real(path, content)
        written.append(path.suffix)

    monkeypatch.setattr(order_drop, "_write_if_changed", stop_before_the_checksum)
    with pytest.raises(OSError, match="killed"):
        write_drop(sloped_orders(), tmp_path, "reference")
    assert written == [".json", ".csv"]
    assert not list(tmp_path.glob("*.sha256"))


@pytest.mark.parametrize("desk", ["../evil", "a/b", "a.b", "", "1desk", "x\n", "é"])
def test_a_name_that_is_no_plain_label_is_refused(tmp_path, desk):
    with pytest.raises(InputError, match="desk"):
        write_drop(sloped_orders(), tmp_path, desk)
    assert list(tmp_path.iterdir()) == []


def test_an_area_from_a_hostile_file_makes_no_path(tmp_path):
    hostile = replace(sloped_orders(), area="../../tmp/X")
    with pytest.raises(InputError, match="area"):
        write_drop(hostile, tmp_path, "reference")


def test_a_checksum_that_names_another_file_is_refused(tmp_path):
    drop = write_drop(sloped_orders(), tmp_path, "reference")
    text = drop.checksum.read_text().replace(drop.json.name, "/etc/passwd")
    drop.checksum.write_text(text)
    with pytest.raises(InputError, match="checksums of"):
        verify_drop(drop.checksum)


def test_a_renamed_drop_is_refused(tmp_path):
    drop = write_drop(sloped_orders(), tmp_path, "reference")
    stem = drop.json.stem.replace("reference", "other").replace("2026-02-03", "2026-02-04")
    for path in (drop.json, drop.csv, drop.checksum):
        text = path.read_text().replace(drop.json.stem, stem)
        (tmp_path / f"{stem}{path.suffix}").write_text(text)
    with pytest.raises(InputError, match="orders of this file name"):
        verify_drop(tmp_path / f"{stem}.sha256")
