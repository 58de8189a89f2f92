"""Zips that anyone made, some with bad intent."""

from __future__ import annotations

import contextlib
import stat
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layer_constructs.errors import ArgumentError
from layer_constructs.inspection.unpacking import Link, unpack


def zip_of(path: Path, files: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        for name, target in (links or {}).items():
            member = zipfile.ZipInfo(name)
            member.create_system = 3
            member.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(member, target)
    return path


def root_in(tmp_path: Path) -> Path:
    root = tmp_path / "outer" / "root"
    root.mkdir(parents=True)
    return root


@pytest.mark.parametrize(
    "name", ["../evil", "python/../../evil", "/evil", "C:/evil", "..\\evil", "python/..\\..\\evil"]
)
def test_refuses_a_file_that_leaves_the_folder(tmp_path: Path, name: str) -> None:
    root = root_in(tmp_path)
    archive = zip_of(tmp_path / "layer.zip", {"python/fine.py": b"", name: b"evil"})

    with pytest.raises(ArgumentError, match="leaves its folder"):
        unpack(archive, root)

    assert not [path for path in tmp_path.rglob("*") if "evil" in path.name]


def test_refuses_more_than_it_may_write_whatever_the_zip_says_of_sizes(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "bomb.zip", {f"python/{n}": bytes(300_000) for n in range(4)})
    root = root_in(tmp_path)

    with pytest.raises(ArgumentError, match="more than 1,000,000 bytes"):
        unpack(archive, root, most=1_000_000)

    assert archive.stat().st_size < 10_000
    assert sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) < 2_500_000


def test_makes_links_that_stay_inside_and_names_those_that_do_not(tmp_path: Path) -> None:
    links = {"lib/libz.so": "libz.so.1", "python/passwd": "/etc/passwd", "python/up": "../../outside"}
    archive = zip_of(tmp_path / "layer.zip", {"lib/libz.so.1": b"z"}, links)
    root = root_in(tmp_path)

    outside = unpack(archive, root)

    assert (root / "lib/libz.so").read_bytes() == b"z"
    assert set(outside) == {Link("python/passwd", "/etc/passwd"), Link("python/up", "../../outside")}
    assert not (root / "python/passwd").is_symlink()


def test_a_link_that_leads_out_through_another_is_not_made(tmp_path: Path) -> None:
    links = {"a/b/c/in": "../../..", "a/b/c/out": "in/../..", "a/b/c/further": "out/x"}
    archive = zip_of(tmp_path / "layer.zip", {"a/b/c/file": b""}, links)
    root = root_in(tmp_path)

    outside = unpack(archive, root)

    assert Link("a/b/c/out", "in/../..") in outside
    assert not (root / "a/b/c/out").is_symlink()


def test_writes_nothing_through_a_link(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    archive = zip_of(tmp_path / "layer.zip", {}, {"python": str(elsewhere)})
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr("python/evil.py", b"evil")

    unpack(archive, root_in(tmp_path))

    assert list(elsewhere.iterdir()) == []


def test_says_what_is_wrong_with_what_is_no_zip(tmp_path: Path) -> None:
    (tmp_path / "layer.zip").write_bytes(b"no zip")

    with pytest.raises(ArgumentError, match=r"layer\.zip: can't be read as a zip"):
        unpack(tmp_path / "layer.zip", root_in(tmp_path))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_zip_is_refused_or_unpacked_and_nothing_else(tmp_path: Path, data: st.DataObject) -> None:
    whole = zip_of(tmp_path / "whole.zip", {"python/a.py": b"a" * 500, "b/c": b"c"}, {"l": "b/c"}).read_bytes()
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    archive = tmp_path / "damaged.zip"
    archive.write_bytes(bytes(damaged))
    root = Path(tempfile.mkdtemp(dir=tmp_path))

    with contextlib.suppress(ArgumentError):
        unpack(archive, root, most=10_000)

    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {"whole.zip", "damaged.zip"}
