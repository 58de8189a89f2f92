"""Layers of several makers, looked at without changing them."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import time
import zipfile
from pathlib import Path

import deflate
import pytest

from layer_constructs.errors import ArgumentError
from layer_constructs.inspection.inspection import Inspection, Wanted
from layer_constructs.inspection.subject import inspect_layer
from tests.support.wheels import make_wheel

ANY = Wanted()

# A compiled module that is there wherever this library is.
COMPILED = next(Path(deflate.__file__).parent.rglob("*.so"))


def installed(site: Path, *wheels: Path) -> Path:
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    return site


def state(folder: Path) -> dict[str, tuple[str, int, int]]:
    return {
        str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mode, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def sizes(inspection: Inspection) -> dict[str, int]:
    return {package.name: package.size for package in inspection.packages}


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    return [
        make_wheel(tmp_path, "Big_One", "2.0", files={"big/__init__.py": b"#" * 5000, "big/data.bin": b"x" * 3000}),
        make_wheel(tmp_path, "small", "1.0"),
    ]


@pytest.mark.parametrize("site", ["python", "python/lib/python3.12/site-packages", "."])
@pytest.mark.parametrize("zipped", [False, True])
def test_finds_the_packages_wherever_the_maker_put_them(
    tmp_path: Path, wheels: list[Path], site: str, zipped: bool
) -> None:
    layer = tmp_path / "layer"
    installed(layer / site, *wheels)
    (layer / "THIRD-PARTY").write_bytes(b"nobody's")
    before = state(layer)
    path = Path(shutil.make_archive(str(tmp_path / "made"), "zip", layer)) if zipped else layer

    found = inspect_layer(path, wanted=ANY)

    assert [(package.name, package.version) for package in found.packages] == [("big-one", "2.0"), ("small", "1.0")]
    assert [file.path.rpartition("/")[2] for file in found.unowned] == ["THIRD-PARTY"]
    assert sum(sizes(found).values()) + 8 == found.size
    assert found.findings == ()
    assert found.target.runtime == ("python3.12" if "3.12" in site else "python3.13")
    assert bool(found.notes) == (site == ".")
    assert {file.path for file in found.files} == {Path(path).relative_to(layer).as_posix() for path in before}
    assert state(layer) == before


def test_finds_the_packages_of_a_folder_that_is_a_site_itself(tmp_path: Path, wheels: list[Path]) -> None:
    found = inspect_layer(installed(tmp_path / "build" / "python", *wheels), wanted=ANY)

    assert sizes(found).keys() == {"big-one", "small"}
    assert found.notes == ()


def test_bytecode_belongs_to_the_package_of_its_module(tmp_path: Path, wheels: list[Path]) -> None:
    site = installed(tmp_path / "layer" / "python", *wheels)
    (site / "big" / "__pycache__").mkdir()
    (site / "big" / "__pycache__" / "__init__.cpython-313.pyc").write_bytes(b"compiled")
    (site / "big" / "__pycache__" / "gone.cpython-313.opt-1.pyc").write_bytes(b"compiled")

    found = inspect_layer(tmp_path / "layer", wanted=ANY)

    assert [file.path for file in found.unowned] == ["python/big/__pycache__/gone.cpython-313.opt-1.pyc"]
    assert found.target.runtime == "python3.13"


def test_without_record_the_modules_of_its_name_are_a_package_s(tmp_path: Path) -> None:
    site = installed(
        tmp_path / "layer" / "python", make_wheel(tmp_path, "slimmed", "1.0", files={"slimmed/a.py": b"a"})
    )
    (site / "slimmed-1.0.dist-info" / "RECORD").unlink()

    found = inspect_layer(tmp_path / "layer", wanted=ANY)

    assert [(package.name, package.version) for package in found.packages] == [("slimmed", "1.0")]
    assert found.unowned == ()


def test_says_what_is_compiled_and_for_what(tmp_path: Path) -> None:
    files = {f"native/{COMPILED.name}": COMPILED.read_bytes(), "native/__init__.py": b""}
    installed(tmp_path / "layer" / "python", make_wheel(tmp_path, "native", "1.0", files=files))
    own = "arm64" if platform.machine() == "aarch64" else "x86_64"

    [package] = (found := inspect_layer(tmp_path / "layer", wanted=ANY)).packages

    assert package.native
    assert package.glibc is not None
    assert package.glibc.startswith("2.")
    assert (found.target.architecture, found.is_guessed) == (own, True)
    other = inspect_layer(
        tmp_path / "layer", wanted=Wanted(runtime="python3.13", architecture="x86_64" if own == "arm64" else "arm64")
    )
    assert "wrong-machine" in {finding.rule for finding in other.findings}
    assert not other.is_guessed


def test_a_link_out_of_a_layer_is_a_finding_and_not_followed(tmp_path: Path, wheels: list[Path]) -> None:
    site = installed(tmp_path / "layer" / "python", *wheels)
    (tmp_path / "secret.py").write_text("secret", encoding="utf-8")
    (site / "secret.py").symlink_to(tmp_path / "secret.py")
    (site / "loop").symlink_to(site)

    found = inspect_layer(tmp_path / "layer", wanted=ANY)

    assert {finding.path for finding in found.findings if finding.rule == "outside-link"} >= {"python/secret.py"}
    assert {file.path for file in found.unowned} == {"python/secret.py", "python/loop"}


def test_a_zip_s_link_out_of_it_is_the_same_finding(tmp_path: Path, wheels: list[Path]) -> None:
    site = installed(tmp_path / "layer" / "python", *wheels)
    archive = Path(shutil.make_archive(str(tmp_path / "made"), "zip", site.parent))
    with zipfile.ZipFile(archive, "a") as zipped:
        link = zipfile.ZipInfo("python/passwd")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        zipped.writestr(link, "/etc/passwd")

    [finding] = inspect_layer(archive, wanted=ANY).findings

    assert (finding.rule, str(finding)) == (
        "outside-link", "python/passwd is a symbolic link to /etc/passwd, which is not in the layer",
    )  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_in_place_of_metadata_is_not_waited_for(tmp_path: Path, wheels: list[Path]) -> None:
    site = installed(tmp_path / "layer" / "python", *wheels)
    (site / "small-1.0.dist-info" / "METADATA").unlink()
    os.mkfifo(site / "small-1.0.dist-info" / "METADATA")

    assert sizes(inspect_layer(tmp_path / "layer", wanted=ANY)).keys() == {"big-one"}


def test_many_distributions_are_read_in_little_time(tmp_path: Path) -> None:
    archive = tmp_path / "many.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for number in range(5000):
            zipped.writestr(f"python/p{number}-1.0.dist-info/METADATA", f"Name: p{number}\nVersion: 1.0\n")
            zipped.writestr(f"python/p{number}.py", "")

    started = time.monotonic()
    found = inspect_layer(archive, wanted=ANY)

    assert len(found.packages) == 5000
    assert found.unowned == ()
    assert time.monotonic() - started < 30


def test_an_empty_folder_is_no_layer(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="there is no file in it"):
        inspect_layer(tmp_path, wanted=ANY)


def test_names_what_would_make_it_smaller(tmp_path: Path) -> None:
    files = {"a/__init__.py": b"", "a/tests/data.bin": b"x" * 3_000_000, "a/tests/__init__.py": b""}
    installed(tmp_path / "layer" / "python", make_wheel(tmp_path, "a", "1.0", files=files))

    assert inspect_layer(tmp_path / "layer", wanted=ANY).savings.slim == 3_000_000
