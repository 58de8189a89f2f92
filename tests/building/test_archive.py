from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layer_constructs.building import archive as archive_module
from layer_constructs.building.archive import Archive, extract, write_zip
from layer_constructs.building.tree import Tree, TreeFile, normalise
from layer_constructs.errors import BuildError, LayerError

Files = Mapping[str, tuple[bytes, bool]]

LAYER: Files = {
    "python/package/__init__.py": (b"from package.inner import answer\n" * 50, False),
    "python/package/inner.py": (b"answer = 42\n", False),
    "python/package/empty.py": (b"", False),
    "python/package/Ünï cödé 🐍.txt": (b"snake", False),
    "python/package/random.bin": (os.urandom(100_000), False),
    "python/bin/tool": (b"#!/bin/sh\necho hello\n", True),
}

_part = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=30).filter(
    lambda part: part not in (".", "..")
)
_content = st.binary(max_size=500) | st.integers(0, 50_000).map(lambda size: b"ab" * size)
layers = st.dictionaries(
    st.lists(_part, min_size=1, max_size=4).map("/".join), st.tuples(_content, st.booleans()), max_size=8
).map(
    lambda files: {
        path: facts for path, facts in files.items() if not any(other.startswith(f"{path}/") for other in files)
    }
)


def write(root: Path, files: Files) -> Tree:
    for name, (content, executable) in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755 if executable else 0o644)
    return tree_of(
        *(TreeFile(path=path, size=len(files[path][0]), executable=files[path][1]) for path in sorted(files))
    )


def tree_of(*files: TreeFile) -> Tree:
    return Tree(files=files, sizes={}, contested={})


def read(root: Path) -> Files:
    return {
        path.relative_to(root).as_posix(): (path.read_bytes(), path.stat().st_mode & 0o7777 == 0o755)
        for path in root.rglob("*")
        if path.is_file()
    }


def modes(root: Path) -> set[int]:
    return {path.stat().st_mode & 0o7777 for path in root.rglob("*")}


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """The zip of LAYER."""
    write_zip(tmp_path / "tree", write(tmp_path / "tree", LAYER), tmp_path / "layer.zip")
    return tmp_path / "layer.zip"


@settings(deadline=None, max_examples=60)
@given(files=layers)
def test_whatever_is_zipped_comes_back(files: Files) -> None:
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        zips = []
        for name in ("one", "two"):
            tree = write(here / name, files)
            (here / name).mkdir(exist_ok=True)
            written = write_zip(here / name, tree, here / f"{name}.zip")
            zips.append((here / f"{name}.zip").read_bytes())
            assert written == Archive(sha256=hashlib.sha256(zips[-1]).hexdigest(), size=len(zips[-1]))
        assert zips[0] == zips[1]
        with zipfile.ZipFile(here / "one.zip") as zipped:
            assert zipped.testzip() is None
            assert zipped.namelist() == sorted(files)
            for info in zipped.infolist():
                content, executable = files[info.filename]
                assert zipped.read(info) == content
                assert info.date_time == (1980, 1, 1, 0, 0, 0)
                assert info.external_attr >> 16 == (0o100755 if executable else 0o100644)
                assert info.create_system == 3
                assert info.compress_size <= info.file_size
        extract(here / "one.zip", here / "out")
        assert read(here / "out") == files


@settings(deadline=None, max_examples=200)
@given(
    edits=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6),
    length=st.integers(0, 10_000),
)
def test_a_damaged_zip_is_a_result_or_a_layer_error(edits: list[tuple[int, int]], length: int) -> None:
    files: Files = {"python/a.py": (b"a" * 300, False), "python/ö/b": (b"b", True)}
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        write_zip(here / "in", write(here / "in", files), here / "a.zip")
        data = bytearray((here / "a.zip").read_bytes())
        for position, value in edits:
            data[position % len(data)] = value
        (here / "a.zip").write_bytes(data[: length % (len(data) * 4) or None])
        before = {path for path in here.rglob("*") if not path.is_relative_to(here / "out")}
        try:
            extract(here / "a.zip", here / "out")
        except LayerError as error:
            assert "a.zip" in str(error)  # noqa: PT017 - no error is a result, too
        assert {path for path in here.rglob("*") if not path.is_relative_to(here / "out")} == before


def test_python_imports_from_the_zip(layer: Path) -> None:
    code = (
        f"import sys; sys.path[:0] = [{str(layer / 'python')!r}]\n"
        "import package; print(package.answer, type(package.__loader__).__name__)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "42 zipimporter\n", done.stderr


@pytest.mark.real
def test_unzip_finds_no_fault_and_makes_the_same_files(layer: Path, tmp_path: Path) -> None:
    unzip = shutil.which("unzip")
    if unzip is None:
        pytest.skip("no unzip on this machine")
    environment = {"LC_ALL": "C.UTF-8"}
    tested = subprocess.run([unzip, "-t", layer], env=environment, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout
    subprocess.run([unzip, "-q", layer, "-d", tmp_path / "out"], env=environment, umask=0o022, check=True)
    assert read(tmp_path / "out") == LAYER
    assert modes(tmp_path / "out") == {0o644, 0o755}


def test_has_files_only_and_marks_names_that_are_not_ascii(layer: Path) -> None:
    with zipfile.ZipFile(layer) as zipped:
        assert {info.filename for info in zipped.infolist() if info.flag_bits & 0x800} == {
            "python/package/Ünï cödé 🐍.txt"
        }
        assert {info.flag_bits & ~0x800 for info in zipped.infolist()} == {0}
        assert not any(info.is_dir() for info in zipped.infolist())


def test_stores_what_deflate_makes_no_smaller(layer: Path) -> None:
    with zipfile.ZipFile(layer) as zipped:
        methods = {info.filename.rpartition("/")[2]: info.compress_type for info in zipped.infolist()}
    assert methods["__init__.py"] == zipfile.ZIP_DEFLATED
    assert methods["random.bin"] == methods["empty.py"] == zipfile.ZIP_STORED


def test_the_bytes_of_a_zip_are_frozen(tmp_path: Path) -> None:
    # Nothing here is smaller when deflated: a change of these bytes is a change of the format, not of the compressor.
    files: Files = {"python/a.py": (b"a = 1\n", False), "python/ö": (b"\0\1", True)}
    written = write_zip(tmp_path / "tree", write(tmp_path / "tree", files), tmp_path / "a.zip")
    assert written == Archive(sha256="2b6e69056b7e9f9eb5fbeadd71491803a2c4e711b00d774485f9fdfe4c530a89", size=222)


def test_the_umask_and_times_of_the_host_are_not_in_the_zip(layer: Path, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        tree = write(tmp_path / "other", LAYER)
        os.utime(tmp_path / "other/python/bin/tool", (1, 1))
        write_zip(tmp_path / "other", tree, tmp_path / "other.zip")
    finally:
        os.umask(before)
    assert (tmp_path / "other.zip").read_bytes() == layer.read_bytes()


def test_one_core_and_many_write_the_same(layer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for cores in (1, 16, None):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        for job_bytes in (1, 1 << 30):
            monkeypatch.setattr(archive_module, "_JOB_BYTES", job_bytes)
            write_zip(tmp_path / "tree", normalise(tmp_path / "tree"), tmp_path / "again.zip")
            assert (tmp_path / "again.zip").read_bytes() == layer.read_bytes()


def test_holds_64_megabytes_at_most_while_the_disk_is_slow(tmp_path: Path) -> None:
    one = 4 << 20
    write(tmp_path / "tree", {"00": (os.urandom(one), False)})
    for number in range(1, 25):
        (tmp_path / f"tree/{number:02}").hardlink_to(tmp_path / "tree/00")
    tree = tree_of(*(TreeFile(path=f"{number:02}", size=one, executable=False) for number in range(25)))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    written: list[Archive] = []
    writer = threading.Thread(target=lambda: written.append(write_zip(tmp_path / "tree", tree, pipe)))
    tracemalloc.start()
    try:
        writer.start()
        with pipe.open("rb") as reader:
            start = reader.read(1)
            time.sleep(1.5)  # nobody reads: the workers go on until they may not
            received = len(start) + sum(len(block) for block in iter(lambda: reader.read(1 << 20), b""))
        writer.join()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert received == written[0].size > 25 * one
    assert peak < 64 << 20


def test_refuses_more_files_than_a_plain_zip_can_list(tmp_path: Path) -> None:
    tree = tree_of(*(TreeFile(path=f"{number:05}", size=0, executable=False) for number in range(65_536)))
    with pytest.raises(BuildError, match=r"a layer of 65,536 files can't be zipped"):
        write_zip(tmp_path, tree, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


def test_refuses_more_bytes_than_a_plain_zip_can_hold(tmp_path: Path) -> None:
    tree = tree_of(TreeFile(path="a", size=(1 << 32) - 50, executable=False))
    with pytest.raises(BuildError, match=r"a layer of 4,294,967,246 bytes can't be zipped\n.*262,144,000"):
        write_zip(tmp_path, tree, tmp_path / "a.zip")


def test_refuses_a_name_that_is_not_unicode(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="a file's name is not Unicode"):
        write_zip(tmp_path, tree_of(TreeFile(path="python/\udcff", size=0, executable=False)), tmp_path / "a.zip")


def test_refuses_a_file_that_changed_meanwhile(tmp_path: Path) -> None:
    tree = write(tmp_path / "tree", LAYER)
    (tmp_path / "tree/python/bin/tool").write_bytes(b"longer than before, or shorter")
    with pytest.raises(BuildError, match="python/bin/tool changed while it was zipped: 30 bytes, not 21"):
        write_zip(tmp_path / "tree", tree, tmp_path / "a.zip")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_extracts_with_modes_whatever_the_umask(umask: int, layer: Path, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        extract(layer, tmp_path / "out")
    finally:
        os.umask(before)
    assert read(tmp_path / "out") == LAYER
    assert {path.stat().st_mode & 0o7777 for path in (tmp_path / "out").rglob("*") if path.is_dir()} == {0o755}
    assert modes(tmp_path / "out") == {0o644, 0o755}


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/opt/evil", "a//evil", "./evil", "..", "a/", "a/.", ""])
def test_refuses_a_zip_whose_names_leave_the_folder(name: str, tmp_path: Path) -> None:
    foreign = zip_of(tmp_path, name, 0o100644)
    with pytest.raises(BuildError, match="not a zip that this library made"):
        extract(foreign, tmp_path / "deep/out")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["foreign.zip"]


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFDIR | 0o755, stat.S_IFREG | 0o4755, 0o644])
def test_refuses_a_zip_with_anything_but_our_two_kinds_of_files(mode: int, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=rf"'link' has mode {mode:o}"):
        extract(zip_of(tmp_path, "link", mode), tmp_path / "out")


@pytest.mark.parametrize("second", ["a", "a/b"])
def test_refuses_a_zip_with_two_files_in_one_place(second: str, tmp_path: Path) -> None:
    foreign = zip_of(tmp_path, "a", 0o100644)
    with zipfile.ZipFile(foreign, "a") as zipped, pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)
        info = zipfile.ZipInfo(second)
        info.external_attr = 0o100644 << 16
        zipped.writestr(info, b"second")
    with pytest.raises(BuildError, match="two of its files have the place of"):
        extract(foreign, tmp_path / "out")


def test_refuses_a_zip_whose_content_was_changed(layer: Path, tmp_path: Path) -> None:
    data = bytearray(layer.read_bytes())
    at = data.index(LAYER["python/package/random.bin"][0])
    data[at + 500] ^= 1
    layer.write_bytes(data)
    with pytest.raises(BuildError, match=r"layer\.zip: not a zip that this library made, or damaged since: Bad CRC-32"):
        extract(layer, tmp_path / "out")


def test_refuses_to_extract_over_something(layer: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/python").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BuildError, match="a folder that is not empty"):
        extract(layer, tmp_path / "out")


def zip_of(folder: Path, name: str, mode: int) -> Path:
    """A zip with one member that :func:`write_zip` would not write."""
    info = zipfile.ZipInfo("x")
    info.filename = name  # its initializer would clean it
    info.external_attr = mode << 16
    with zipfile.ZipFile(folder / "foreign.zip", "w") as zipped:
        zipped.writestr(info, b"evil")
    return folder / "foreign.zip"
