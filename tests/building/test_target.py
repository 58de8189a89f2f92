from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import packaging._manylinux
import packaging.tags
import pytest
import uv
from packaging.markers import Marker
from packaging.tags import Tag, parse_tag

from layer_constructs.building.process import clean_environment
from layer_constructs.building.target import ARCHITECTURES, DEFAULT_RUNTIME, GLIBC_MINOR, RUNTIMES, Target
from layer_constructs.errors import UnsupportedTargetError

TARGETS = [Target(runtime, architecture) for runtime in RUNTIMES for architecture in ARCHITECTURES]


@pytest.fixture(params=TARGETS, ids=str)
def target(request: pytest.FixtureRequest) -> Target:
    found: Target = request.param
    return found


def compile_nothing(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "req.in").write_text("", encoding="utf-8")
    return subprocess.run(
        [
            *(uv.find_uv_bin(), "pip", "compile", "req.in", "--no-config", "--no-index", "--python", sys.executable),
            *arguments,
        ],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def on_lambda(target: Target, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This interpreter takes itself for one on the target, as far as `packaging` asks: that is what pip vendors."""
    major, minor = target.glibc
    monkeypatch.setattr(os, "confstr", lambda name: f"glibc {major}.{minor}", raising=False)
    monkeypatch.setattr(sysconfig, "get_platform", lambda: f"linux-{target.machine}")
    # The architecture is read from the running interpreter's file otherwise.
    monkeypatch.setattr(packaging._manylinux, "_have_compatible_abi", lambda executable, archs: True)
    packaging._manylinux._get_glibc_version.cache_clear()
    yield
    packaging._manylinux._get_glibc_version.cache_clear()


@pytest.mark.usefixtures("on_lambda")
@pytest.mark.skipif(os.name != "posix", reason="packaging asks a Linux machine")
def test_platform_tags_are_those_that_pip_would_take_on_the_target(target: Target) -> None:
    pips = list(packaging.tags.platform_tags())
    unchecked = f"linux_{target.machine}"

    assert [tag for tag in target.platforms if tag != unchecked] == [tag for tag in pips if tag != unchecked]
    assert unchecked in pips
    # Nothing is known of what such a wheel needs, so any other is better: pip 26 thinks it was built for this machine.
    assert target.platforms[-1] == unchecked


@pytest.mark.usefixtures("on_lambda")
@pytest.mark.skipif(os.name != "posix", reason="packaging asks a Linux machine")
def test_tags_are_those_that_pip_would_take_on_the_target(target: Target) -> None:
    version: Sequence[int] = tuple(map(int, target.python.split(".")))
    interpreter = f"cp{version[0]}{version[1]}"

    assert set(target.tags()) == {
        *packaging.tags.cpython_tags(version, [interpreter]),
        *packaging.tags.compatible_tags(version, interpreter),
    }


def test_no_tag_needs_a_newer_glibc_than_the_runtime_has(target: Target) -> None:
    needed = [
        (int(found[1]), int(found[2]))
        for tag in target.tags()
        if (found := re.fullmatch(r"manylinux_(\d+)_(\d+)_\w+", tag.platform))
    ]

    assert max(needed) == target.glibc
    assert min(needed) >= (2, 5)


def test_every_tag_is_of_the_targets_machine(target: Target) -> None:
    assert {
        tag.platform for tag in target.tags() if tag.platform != "any" and not tag.platform.endswith(target.machine)
    } == set()


def test_no_tag_is_of_another_python(target: Target) -> None:
    minor = int(target.python.split(".")[1])
    for tag in target.tags():
        found = re.fullmatch(r"(cp|py)3(\d+)", tag.interpreter)
        assert tag.interpreter == "py3" or (found and int(found[2]) <= minor)
        if found and int(found[2]) < minor:
            assert tag.abi in {"abi3", "none"}


@pytest.mark.parametrize(
    ("tag", "loads_on"),
    [
        ("py3-none-any", TARGETS),
        ("cp313-cp313-manylinux_2_34_x86_64", [Target("python3.13")]),
        ("cp313-cp313-manylinux_2_35_x86_64", []),
        ("cp313-cp313-musllinux_1_2_x86_64", []),
        ("cp313-cp313t-manylinux_2_17_x86_64", []),
        ("cp311-cp311-manylinux_2_26_aarch64", [Target("python3.11", "arm64")]),
        ("cp311-cp311-manylinux_2_27_aarch64", []),
        ("cp311-cp311-manylinux_2_28_x86_64", []),
        ("cp311-cp311-manylinux2010_x86_64", [Target("python3.11")]),
        ("cp311-cp311-manylinux1_x86_64", [Target("python3.11")]),
        (
            "cp312-abi3-manylinux2014_aarch64",
            [Target(runtime, "arm64") for runtime in ("python3.12", "python3.13", "python3.14")],
        ),
        ("cp312-cp312-macosx_11_0_arm64", []),
        ("cp312-cp312-win_amd64", []),
        ("pp310-pypy310_pp73-manylinux_2_17_x86_64", []),
    ],
)
def test_knows_where_a_wheel_loads(tag: str, loads_on: list[Target]) -> None:
    (only,) = parse_tag(tag)

    assert [target for target in TARGETS if only in set(target.tags())] == loads_on


def test_prefers_a_wheel_for_the_newest_glibc_that_is_there(target: Target) -> None:
    platforms = target.platforms
    minors = [int(found[1]) for each in platforms if (found := re.match(r"manylinux_2_(\d+)_", each))]

    assert platforms[0] == f"manylinux_2_{target.glibc[1]}_{target.machine}"
    assert all(better > worse for better, worse in pairwise(minors))
    interpreter = f"cp{target.python.replace('.', '')}"
    assert next(iter(target.tags())) == Tag(interpreter, interpreter, platforms[0])


def test_uv_is_asked_for_no_newer_glibc_than_the_runtime_has(target: Target) -> None:
    found = re.fullmatch(r"(x86_64|aarch64)-manylinux_(\d+)_(\d+)", target.uv_platform)

    assert found
    assert found[1] == target.machine
    assert (int(found[2]), int(found[3])) <= target.glibc


def test_uv_knows_the_platform(target: Target, tmp_path: Path) -> None:
    done = compile_nothing(tmp_path, "--python-platform", target.uv_platform, "--python-version", target.python)

    assert done.returncode == 0, done.stderr


def test_uv_refuses_a_platform_that_it_does_not_know(tmp_path: Path) -> None:
    """So that the test above can fail."""
    assert "invalid value" in compile_nothing(tmp_path, "--python-platform", "x86_64-manylinux_2_26").stderr


@pytest.mark.parametrize(
    ("marker", "true_on"),
    [
        ("python_version >= '3.12'", [t for t in TARGETS if t.python in {"3.12", "3.13", "3.14"}]),
        ("python_full_version < '3.9.1'", [t for t in TARGETS if t.python in {"3.8", "3.9"}]),
        ("platform_machine == 'aarch64'", [t for t in TARGETS if t.architecture == "arm64"]),
        ("sys_platform == 'linux' and os_name == 'posix' and platform_system == 'Linux'", TARGETS),
        ("implementation_name == 'cpython' and platform_python_implementation == 'CPython'", TARGETS),
        ("sys_platform == 'win32' or sys_platform == 'darwin'", []),
    ],
)
def test_markers_are_the_targets(marker: str, true_on: list[Target]) -> None:
    evaluated = [t for t in TARGETS if Marker(marker).evaluate({**_strings(t)})]

    assert evaluated == true_on


def _strings(target: Target) -> dict[str, str]:
    return {name: str(value) for name, value in target.environment().items()}


@pytest.mark.parametrize(
    "runtime", ["", "python3.7", "python3.99", "nodejs22.x", "3.13", "Python3.13", "provided.al2023"]
)
def test_refuses_a_runtime_that_is_not_there_and_lists_those_that_are(runtime: str) -> None:
    with pytest.raises(UnsupportedTargetError, match="is not a Lambda target") as raised:
        Target(runtime)

    assert raised.value.details == (f"allowed: {', '.join(RUNTIMES)}",)


@pytest.mark.parametrize("architecture", ["", "aarch64", "amd64", "ARM64", "riscv64"])
def test_refuses_an_architecture_that_is_not_there_and_lists_those_that_are(architecture: str) -> None:
    with pytest.raises(UnsupportedTargetError) as raised:
        Target(DEFAULT_RUNTIME, architecture)  # type: ignore[arg-type]  # that is what is tested

    assert raised.value.details == ("allowed: x86_64, arm64",)


def test_the_default_is_a_constant_that_only_a_major_version_moves() -> None:
    assert str(Target()) == "python3.13/x86_64"


def test_the_default_runtime_is_in_the_table() -> None:
    assert DEFAULT_RUNTIME in GLIBC_MINOR
