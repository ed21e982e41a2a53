"""Stages: made once, made anew when something has changed or a file is damaged, and never left half-written."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from simulators.errors import InputError
from simulators.files.writing import writing
from simulators.phantoms.stages import Arrays, StageFolder, StageResult, file_fingerprint, peak_gb

ARRAYS = {
    "tissue": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    "names": np.array(["MCA_L", "PCA"]),
    "share": np.array(0.25),
    "none": np.empty((0, 3), np.float32),
}


class Maker:
    """Makes arrays, and counts how often."""

    def __init__(self, arrays: Arrays | None = None) -> None:
        self.arrays = ARRAYS if arrays is None else arrays
        self.times = 0

    def __call__(self) -> Arrays:
        self.times += 1
        return self.arrays


def check_arrays(found: Arrays, expected: Arrays = ARRAYS) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def only_file(folder: Path) -> Path:
    (file,) = folder.iterdir()  # neither another stage's nor a temporary one
    return file


def test_a_stage_is_made_once_and_read_afterwards(tmp_path: Path) -> None:
    make = Maker()
    first = StageFolder(tmp_path / "new" / "folder").run("anatomy", {"size": 2.0}, make)
    again = StageFolder(tmp_path / "new" / "folder").run("anatomy", {"size": 2.0}, make)
    assert make.times == 1
    check_arrays(first.arrays)
    check_arrays(again.arrays)
    assert again.fingerprint == first.fingerprint
    assert only_file(tmp_path / "new" / "folder").name == f"anatomy-{first.fingerprint}.npz"


def test_without_a_folder_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make = Maker()
    stages = StageFolder()
    fingerprints = {stages.run("anatomy", {"size": 2.0}, make).fingerprint for _ in range(2)}
    assert make.times == 2
    assert not list(tmp_path.iterdir())
    assert fingerprints == {StageFolder(tmp_path / "kept").run("anatomy", {"size": 2.0}, make).fingerprint}


SETTINGS = {"seed": 1, "sizes": (1.0, 2.0), "shares": {"BA": 0.28, "ICA_L": 0.36}, "time": np.array([0.5, 1.0])}


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 2},
        {"seed": None},
        {"sizes": (2.0, 1.0)},
        {"sizes": (1.0, 2.0 + 4e-16)},  # the next number above 2
        {"shares": {"BA": 0.28, "ICA_R": 0.36}},
        {"shares": {"BA": 0.29, "ICA_L": 0.36}},
        {"time": np.array([0.5, 1.5])},
        {"more": 0},
    ],
)
def test_other_settings_are_made_anew_and_both_are_kept(tmp_path: Path, other: dict[str, object]) -> None:
    stages = StageFolder(tmp_path)
    one, two = Maker({"x": np.array(1)}), Maker({"x": np.array(2)})
    for _ in range(2):
        a = stages.run("pial", SETTINGS, one)
        b = stages.run("pial", {**SETTINGS, **other}, two)
        assert (a.arrays["x"], b.arrays["x"]) == (1, 2)
        assert a.fingerprint != b.fingerprint
    assert (one.times, two.times) == (1, 1)
    assert len(list(tmp_path.iterdir())) == 2


def test_the_same_settings_said_otherwise_are_the_same(tmp_path: Path) -> None:
    """The order of keys means nothing, and lists, tuples and arrays of the same numbers are one."""
    make = Maker()
    stages = StageFolder(tmp_path)
    stages.run("pial", SETTINGS, make)
    shares = {"ICA_L": 0.36, "BA": 0.28}
    stages.run("pial", {"time": [0.5, 1.0], "shares": shares, "sizes": np.array([1.0, 2.0]), "seed": 1}, make)
    assert make.times == 1


def test_stages_of_the_same_settings_are_told_apart(tmp_path: Path) -> None:
    stages = StageFolder(tmp_path)
    made = {name: stages.run(name, {}, Maker({"x": np.array(name)})) for name in ("arterioles", "venules")}
    assert made["arterioles"].fingerprint != made["venules"].fingerprint
    assert stages.run("venules", {}, Maker()).arrays["x"] == "venules"


def test_what_is_no_plain_setting_is_refused(tmp_path: Path) -> None:
    make = Maker()
    with pytest.raises(TypeError, match="Path"):
        StageFolder(tmp_path).run("anatomy", {"file": tmp_path}, make)
    assert make.times == 0


def chain(stages: StageFolder, makers: dict[str, Maker], **changed: object) -> dict[str, StageResult]:
    """Three stages as `simulators.phantoms.brain` chains them: each names the ones before by their fingerprints."""
    settings = {"file": "a1", "size": 1.0, "seed": 0, **changed}
    great = stages.run("great_vessels", {"files": {"arteries": settings["file"]}}, makers["great_vessels"])
    anatomy = stages.run(
        "anatomy", {"great_vessels": great.fingerprint, "voxel_size_mm": settings["size"]}, makers["anatomy"]
    )
    pial = stages.run("pial", {"anatomy": anatomy.fingerprint, "seed": settings["seed"]}, makers["pial"])
    return {"great_vessels": great, "anatomy": anatomy, "pial": pial}


@pytest.mark.parametrize(
    ("changed", "anew"),
    [
        ({}, []),
        ({"seed": 1}, ["pial"]),
        ({"size": 2.0}, ["anatomy", "pial"]),
        ({"file": "b2"}, ["great_vessels", "anatomy", "pial"]),
    ],
)
def test_a_change_reaches_all_later_stages_and_no_earlier(
    tmp_path: Path, changed: dict[str, object], anew: list[str]
) -> None:
    makers = {name: Maker() for name in ("great_vessels", "anatomy", "pial")}
    before = chain(StageFolder(tmp_path), makers)
    after = chain(StageFolder(tmp_path), makers, **changed)
    assert [name for name, maker in makers.items() if maker.times == 2] == anew
    assert [name for name in makers if before[name].fingerprint != after[name].fingerprint] == anew


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    """One bit of the numbers themselves, which the file's checksum tells."""
    at = content.index(ARRAYS["tissue"].tobytes())
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def of_an_unknown_packing(content: bytes) -> bytes:
    """A method of compression that there is none of, in each entry of the archive's directory."""
    entry = b"PK\x01\x02"
    head, *entries = content.split(entry)
    return head + b"".join(entry + one[:6] + b"\xff\xff" + one[8:] for one in entries)


def locked(content: bytes) -> bytes:
    """The flag of encryption in each entry of the archive's directory."""
    entry = b"PK\x01\x02"
    head, *entries = content.split(entry)
    return head + b"".join(entry + one[:4] + b"\x01\x00" + one[6:] for one in entries)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "truncated": truncated,
    "one byte short": lambda content: content[:-1],
    "random": lambda content: np.random.default_rng(0).bytes(len(content)),
    "text": lambda content: b"version https://git-lfs.github.com/spec/v1\n",
    "flipped": flipped,
    "unknown packing": of_an_unknown_packing,
    "locked": locked,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_made_anew_and_told(tmp_path: Path, damage: str) -> None:
    lines: list[str] = []
    make = Maker()
    StageFolder(tmp_path).run("anatomy", {"size": 2.0}, make)
    file = only_file(tmp_path)
    content = file.read_bytes()
    file.write_bytes(DAMAGE[damage](content))
    stages = StageFolder(tmp_path, lines.append)
    check_arrays(stages.run("anatomy", {"size": 2.0}, make).arrays)
    assert make.times == 2
    assert not stages.records[0].kept
    assert str(file) in lines[0]
    assert "made anew" in lines[0]
    assert not any("\n" in line for line in lines)
    check_arrays(StageFolder(tmp_path).run("anatomy", {"size": 2.0}, make).arrays)
    assert make.times == 2  # the new file is whole
    assert only_file(tmp_path) == file


def test_a_pickle_is_not_loaded(tmp_path: Path) -> None:
    make = Maker()
    StageFolder(tmp_path).run("anatomy", {"size": 2.0}, make)
    file = only_file(tmp_path)
    with np.load(file) as stored:
        said = stored["settings"]
    with file.open("wb") as stream:
        np.savez(stream, settings=said, tissue=np.array([{"a": 1}], dtype=object))
    check_arrays(StageFolder(tmp_path).run("anatomy", {"size": 2.0}, make).arrays)
    assert make.times == 2


def test_a_file_of_other_settings_is_made_anew(tmp_path: Path) -> None:
    """Two settings whose fingerprints were the same, or a file that someone has renamed."""
    lines: list[str] = []
    stages = StageFolder(tmp_path)
    stages.run("anatomy", {"size": 2.0}, Maker({"x": np.array(2)}))
    other = stages.run("anatomy", {"size": 1.0}, Maker({"x": np.array(1)}))
    file, renamed = sorted(tmp_path.iterdir(), key=lambda path: other.fingerprint in path.name)
    file.replace(renamed)
    make = Maker({"x": np.array(1)})
    again = StageFolder(tmp_path, lines.append).run("anatomy", {"size": 1.0}, make)
    assert make.times == 1
    assert again.arrays["x"] == 1
    assert lines[0] == "anatomy …"  # told as any stage that is made


class Interrupting:
    """Interrupts whoever writes it."""

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        raise KeyboardInterrupt


def test_a_killed_stage_leaves_nothing(tmp_path: Path) -> None:
    def killed() -> Arrays:
        raise KeyboardInterrupt

    stages = StageFolder(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        stages.run("anatomy", {}, killed)
    with pytest.raises(KeyboardInterrupt):
        stages.run("anatomy", {}, lambda: {**ARRAYS, "last": Interrupting()})  # type: ignore[dict-item]
    assert not list(tmp_path.iterdir())
    assert not stages.records
    check_arrays(stages.run("anatomy", {}, Maker()).arrays)


def test_a_killed_writing_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    file.write_text("old", encoding="utf-8")

    def write_half() -> None:
        with writing(file) as temporary:
            temporary.write_text("half", encoding="utf-8")
            assert temporary.parent == file.parent  # so that renaming it is one step
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert only_file(tmp_path).read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize("place", ["file", "file/below", "x" * 300])
def test_a_folder_that_cannot_be_written_is_said_in_one_line(tmp_path: Path, place: str) -> None:
    """A file stands where the folder should, or the name is longer than any system takes."""
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    with pytest.raises(InputError, match=r"cannot be written|too long") as caught:
        StageFolder(tmp_path / place).run("anatomy", {}, Maker())
    assert "\n" not in str(caught.value)
    assert str(tmp_path / place) in str(caught.value)
    assert only_file(tmp_path).read_text(encoding="utf-8") == "kept"


def test_a_full_disk_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(stream: object, **arrays: np.ndarray) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(InputError, match="no space left on the disk") as caught:
        StageFolder(tmp_path).run("anatomy", {}, Maker())
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_records_tell_how_each_stage_went(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 2.5, 10.0, 10.25, 20.0, 21.0])
    monkeypatch.setattr("simulators.phantoms.stages.time.perf_counter", lambda: next(clock))
    lines: list[str] = []
    stages = StageFolder(tmp_path, lines.append)
    for name, settings in (("anatomy", {}), ("anatomy", {}), ("pial", {})):
        stages.run(name, settings, Maker())
    assert [(r.name, r.seconds, r.kept) for r in stages.records] == [
        ("anatomy", 2.5, False),
        ("anatomy", 0.25, True),
        ("pial", 1.0, False),
    ]
    assert lines[0] == "anatomy …"
    assert lines[1].startswith("anatomy: 2.5 s")
    assert "kept" not in lines[1]
    assert lines[2].startswith("anatomy: 0.2 s")
    assert "kept" in lines[2]
    assert len(lines) == 5


def test_peak_memory_holds_what_was_allocated() -> None:
    block = np.ones(25_000_000)  # 0.2 GB, all of it written
    assert 0.2 < peak_gb() < 100
    del block


def test_a_files_fingerprint_is_of_its_content(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"a")
    two.write_bytes(b"a")
    first = file_fingerprint(one, "x.file")
    assert file_fingerprint(str(two), "x.file") == first
    two.write_bytes(b"b")
    assert file_fingerprint(two, "x.file") != first
    two.write_bytes(b"")
    assert file_fingerprint(two, "x.file") != first


def test_a_file_without_fingerprint_is_said_in_one_line(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(InputError, match=r"no such file|found a folder") as caught:
            file_fingerprint(path, "x.file")
        assert str(caught.value).startswith(f"{path}:")
        assert "\n" not in str(caught.value)
