"""What room this machine has left on disk."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from qtmnet.costs import machine


def test_room_on_disk_where_a_folder_will_be(tmp_path: Path) -> None:
    assert machine.free_disk(str(tmp_path / "not" / "yet")) == pytest.approx(machine.free_disk(str(tmp_path)), rel=0.1)
    assert machine.free_disk(f"file://{tmp_path}") is not None
    assert machine.device_of(str(tmp_path / "not" / "yet")) == tmp_path.stat().st_dev


def test_nobody_knows_the_room_of_an_object_store_or_of_what_is_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.free_disk("s3://bucket/cubes") is None
    monkeypatch.setattr("shutil.disk_usage", lambda place: SimpleNamespace(total=0, free=0))  # as of /proc
    assert machine.free_disk(".") is None
