"""uv unpacks a wheel once and links it into environments: an edit there must not reach a layer."""

from __future__ import annotations

import platform
import sys
import zipfile
from pathlib import Path

import pytest

from layer_constructs.building.build import build_planned
from layer_constructs.building.cache import Cache, CachedLayer
from layer_constructs.building.contents import Contents
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.planning import make_plan
from layer_constructs.building.target import Target
from layer_constructs.errors import BuildError
from tests.support.private_index import PrivateIndex
from tests.support.wheels import make_wheel


class Desk:
    """A requirements file of packages of an index, an uv cache of its own, and layer caches by number."""

    def __init__(self, folder: Path, index: PrivateIndex, *pins: str) -> None:
        self.folder = folder
        self.said: list[str] = []
        lines = [f"--index-url {index.url}", *(pins or ["tiny==1.0"])]
        (folder / "req.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def build(self, number: int, contents: Contents | None = None) -> CachedLayer:
        cache = Cache(self.folder / f"layers{number}")
        wanted = Dependencies(requirements=self.folder / "req.txt", locked=False, contents=contents or Contents())
        target = Target(f"python{sys.version_info.major}.{sys.version_info.minor}")  # bytecode is made by this one
        planned = make_plan(wanted, target, cache=cache)
        return build_planned(planned, cache=cache, label="Deps", report=self.said.append)

    def unpacked(self, name: str = "tiny.py") -> list[Path]:
        return sorted((self.folder / "uv" / "archive-v0").rglob(name))

    @property
    def heard(self) -> list[str]:
        return [line for line in self.said if "fetched anew" in line]


@pytest.fixture(autouse=True)
def own_uv_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))


@pytest.mark.parametrize(
    "edited", ["__version__ = '1.0'  # and more\n", '__version__ = "6.6"\n'], ids=["longer", "as long"]
)
def test_what_was_edited_in_uvs_cache_is_fetched_anew(edited: str, tmp_path: Path) -> None:
    with PrivateIndex([make_wheel(tmp_path / "wheels", "tiny", "1.0")]) as index:
        desk = Desk(tmp_path, index)
        first = desk.build(1)
        (file,) = desk.unpacked()
        file.write_text(edited, encoding="utf-8")

        second, third = desk.build(2), desk.build(3)

    assert first.archive.read_bytes() == second.archive.read_bytes() == third.archive.read_bytes()
    assert desk.heard == ["tiny in uv's cache had changed files: it was fetched anew (python/tiny.py)"]
    assert [path.read_text(encoding="utf-8") for path in desk.unpacked()] == ['__version__ = "1.0"\n']


@pytest.mark.parametrize(
    "contents",
    [Contents(exclude=("*.dist-info",)), Contents(strip=True), Contents(slim=True, bytecode=platform.python_version())],
    ids=["without metadata", "stripped", "slim, compiled"],
)
def test_it_is_found_whatever_else_is_done_with_the_layer(contents: Contents, tmp_path: Path) -> None:
    with PrivateIndex([make_wheel(tmp_path / "wheels", "tiny", "1.0")]) as index:
        desk = Desk(tmp_path, index)
        first = desk.build(1, contents)
        (file,) = desk.unpacked()
        file.write_text('__version__ = "6.6"\n', encoding="utf-8")

        second = desk.build(2, contents)

    assert first.archive.read_bytes() == second.archive.read_bytes()
    assert len(desk.heard) == 1


def test_each_edited_package_is_fetched_anew_and_a_careless_one_beside_them_taken_as_it_is(tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path / "wheels", name, "1.0") for name in ("careless", "other", "tiny")]
    _with_other_content(wheels[0], "careless.py", b"patched = True\n")
    with PrivateIndex(wheels) as index:
        desk = Desk(tmp_path, index, "careless==1.0", "other==1.0", "tiny==1.0")
        first = desk.build(1)
        for name in ("other.py", "tiny.py"):
            (file,) = desk.unpacked(name)
            file.write_text("edited = True\n", encoding="utf-8")

        second = desk.build(2)

    assert first.archive.read_bytes() == second.archive.read_bytes()
    assert desk.heard == [
        f"{name} in uv's cache had changed files: it was fetched anew (python/{name}.py)" for name in ("other", "tiny")
    ]


def test_of_a_file_that_two_packages_bring_the_edited_one_is_not_shipped(tmp_path: Path) -> None:
    wheels = [
        make_wheel(tmp_path / "wheels", name, "1.0", files={"shared.py": name.encode()}) for name in ("other", "tiny")
    ]
    with PrivateIndex(wheels) as index:
        desk = Desk(tmp_path, index, "other==1.0", "tiny==1.0")
        first = desk.build(1)
        for file in desk.unpacked("shared.py"):
            file.write_text("edited = True\n", encoding="utf-8")

        second = desk.build(2)

    assert first.archive.read_bytes() == second.archive.read_bytes()


def test_what_cant_be_fetched_anew_is_an_error_and_leaves_no_layer(tmp_path: Path) -> None:
    with PrivateIndex([make_wheel(tmp_path / "wheels", "tiny", "1.0")]) as index:
        desk = Desk(tmp_path, index)
        desk.build(1)
    (file,) = desk.unpacked()
    file.write_text("edited = True\n", encoding="utf-8")

    with pytest.raises(BuildError, match=r"tiny-1\.0-py3-none-any\.whl was changed after uv unpacked it") as raised:
        desk.build(2)

    assert "uv cache clean tiny" in str(raised.value)
    assert Cache(tmp_path / "layers2").layers() == []


def test_a_wheel_whose_own_record_is_wrong_is_taken_as_it_is(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "wheels", "tiny", "1.0")
    _with_other_content(wheel, "tiny.py", b"patched = True\n")
    with PrivateIndex([wheel]) as index:
        desk = Desk(tmp_path, index)
        first, second = desk.build(1), desk.build(2)

    assert first.archive.read_bytes() == second.archive.read_bytes()
    assert zipfile.ZipFile(first.archive).read("python/tiny.py") == b"patched = True\n"
    assert desk.heard == []


def _with_other_content(wheel: Path, name: str, content: bytes) -> None:
    with zipfile.ZipFile(wheel) as before:
        members = {info: before.read(info) for info in before.infolist()}
    with zipfile.ZipFile(wheel, "w") as after:
        for info, old in members.items():
            after.writestr(info, content if info.filename == name else old)
