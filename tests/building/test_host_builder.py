"""`Bundling.local(build_sdists=True)`: a package is built on this machine, for real."""

from __future__ import annotations

import hashlib
import io
import platform
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from layer_constructs.building.bundling import Bundling
from layer_constructs.building.target import Target
from layer_constructs.cli import main
from layer_constructs.errors import BuildError, HashMismatchError, LockStaleError, WheelUnavailableError
from tests.support.desk import ARM, X86, Desk, make_desk
from tests.support.sdists import make_sdist

HERE = ARM if platform.machine() in {"aarch64", "arm64"} else X86
ELSEWHERE = X86 if HERE == ARM else ARM

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only a Linux builds for Lambda")

# A build backend of its own, so that nothing is fetched.
_BACKEND = """\
import pathlib, uuid, zipfile
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = "{name}-1.0-py3-none-any.whl"
    info = "{name}-1.0.dist-info/"
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / name, "w") as wheel:
        wheel.writestr("{name}.py", {content})
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
    return name
"""


def pure_sdist(folder: Path, name: str, content: str = "'x = 1'") -> Path:
    """:param content: the Python expression that gives the module's text when it is built."""
    files: Mapping[str, str] = {
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": _BACKEND.format(name=name, content=content),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for place, text in files.items():
            member = tarfile.TarInfo(f"{name}-1.0/{place}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pythons: Mapping[str, Path]) -> Desk:
    if "3.13" not in pythons:
        pytest.skip("no Python 3.13 on this machine")
    monkeypatch.setenv("PATH", f"{pythons['3.13'].parent}:/usr/bin:/bin")
    monkeypatch.setenv("LAYER_CONSTRUCTS_CACHE_DIR", str(tmp_path / "layers"))
    desk = replace(make_desk(tmp_path), bundling=Bundling.local(build_sdists=True))
    monkeypatch.chdir(desk.folder)
    return desk


def lock_again(*words: str) -> Result:
    arguments = ["lock", "req.txt", "--bundling", "local", "--build-sdists", "--architecture", HERE.architecture]
    return CliRunner().invoke(main, [*arguments, *words], catch_exceptions=False)


OFFERED = ("--no-index", "--find-links files")


def test_local_refuses_unless_it_is_told_to(desk: Desk) -> None:
    pure_sdist(desk.folder / "files", "alpha")
    here = replace(desk, bundling=Bundling.local())
    refusal = here.refusal(WheelUnavailableError, *OFFERED, "alpha", target=HERE)
    assert "req.txt:3: no wheel of alpha runs on" in refusal
    assert not desk.lock.exists()


def test_builds_locks_and_installs_without_compiled_code(desk: Desk) -> None:
    pure_sdist(desk.folder / "files", "alpha")
    planned = desk.plan(*OFFERED, "alpha", target=HERE)
    assert planned.plan.architectures == ("x86_64", "arm64")
    assert planned.image is not None
    assert planned.image.reference == "host"
    layer = desk.build(planned)
    assert any("building it on this machine" in line for line in desk.said)
    said = len(desk.said)
    assert desk.build(desk.plan(target=ELSEWHERE, locked=True)).archive == layer.archive
    assert len(desk.said) == said


def test_what_comes_out_otherwise_is_never_served(desk: Desk) -> None:
    pure_sdist(desk.folder / "files", "alpha", "str(uuid.uuid4())")
    planned = desk.plan(*OFFERED, "alpha", target=HERE)
    (wheel,) = planned.plan.wheels
    for path in desk.cache.root.glob("wheels/*/*.whl"):
        path.unlink()
    with pytest.raises(HashMismatchError) as caught:
        desk.build(planned)
    text = str(caught.value)
    assert "alpha==1.0 was built again in host, and came out different from the wheel that was locked" in text
    assert f"locked sha256: {wheel.sha256}" in text
    assert "--rebuild" in text


def test_rebuild_builds_what_this_machine_built_before(desk: Desk) -> None:
    pure_sdist(desk.folder / "files", "alpha", "str(uuid.uuid4())")
    before = desk.plan(*OFFERED, "alpha", target=HERE).plan.wheels[0].sha256
    assert "nothing changed" in lock_again().output
    done = lock_again("--rebuild")
    assert done.exit_code == 0, done.output
    planned = desk.plan(target=HERE, locked=True)
    assert planned.plan.wheels[0].sha256 != before
    assert desk.build(planned).archive.is_file()


def test_says_the_last_lines_of_a_build_that_fails(desk: Desk) -> None:
    pure_sdist(desk.folder / "files", "alpha", "1 / 0")
    with pytest.raises(BuildError) as caught:
        desk.plan(*OFFERED, "alpha", target=HERE)
    lines = str(caught.value).splitlines()
    assert lines[0] == "alpha==1.0 can't be built on this machine"
    assert "ZeroDivisionError: division by zero" in [line.strip() for line in lines]
    assert "Bundling.auto()" in lines[-1]
    assert "constraints" not in str(caught.value)
    assert not desk.lock.exists()


def test_another_architecture_is_not_built_here(desk: Desk) -> None:
    pure_sdist(desk.folder / "files", "alpha")
    refusal = desk.refusal(BuildError, *OFFERED, "alpha", target=ELSEWHERE)
    assert f"alpha==1.0 has no wheel for {ELSEWHERE}, and this machine (linux on {platform.machine()})" in refusal
    assert not desk.lock.exists()


def test_a_python_that_is_not_there_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pure_sdist(desk.folder / "files", "alpha")
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setenv("HOME", str(tmp_path))
    refusal = desk.refusal(BuildError, *OFFERED, "alpha", target=Target("python3.14", HERE.architecture))
    assert "alpha==1.0 can't be built on this machine" in refusal
    assert "3.14" in refusal


def test_a_c_extension_is_built_or_refused_for_what_it_would_not_find_on_the_target(desk: Desk) -> None:
    make_sdist(
        desk.folder / "files", "native", source="#include <math.h>\ndouble half(double x) { return fmod(x, 2); }"
    )
    desk.write("--find-links files", "native")
    try:
        planned = desk.plan(target=HERE)
    except BuildError as error:
        text = str(error)
        assert "native==1.0 was built on this machine, and won't load on" in text, text
        assert "GLIBC_2." in text
        assert not desk.lock.exists()
        return
    (wheel,) = planned.plan.wheels
    assert wheel.built is not None
    assert any(pin.startswith("setuptools==") for pin in wheel.built.backend)
    assert hashlib.sha256(next(desk.cache.root.glob("wheels/*/native*.whl")).read_bytes()).hexdigest() == wheel.sha256
    assert planned.plan.architectures == (HERE.architecture,)
    layer = desk.build(planned)
    assert "native" in layer.facts.packages
    assert f"no wheel of native==1.0 was built for {ELSEWHERE}" in desk.refusal(
        LockStaleError, target=ELSEWHERE, locked=True
    )
