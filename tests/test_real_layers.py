"""Real layers of real packages, for every runtime and architecture, imported by the interpreter they are for."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from packaging.utils import parse_wheel_filename

from layer_constructs.building.archive import extract
from layer_constructs.building.build import build
from layer_constructs.building.cache import Cache, CachedLayer
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.planning import Planned, make_plan
from layer_constructs.building.target import RUNTIMES, ArchitectureName, Target

DATA = Path(__file__).parent / "data"
TABLE = DATA / "table" / "requirements.txt"
COMPILED_EVERYWHERE = DATA / "every_runtime" / "requirements.txt"

# Only what the layer has: no site-packages, no user's folder, no environment.
IMPORT = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2].split(","):
    module = importlib.import_module(name)
    assert module.__file__.startswith(sys.argv[1]), module.__file__
print(json.dumps(list(sys.version_info[:2])))
"""


def planned(requirements: Path, runtime: str, architecture: ArchitectureName) -> Planned:
    return make_plan(
        Dependencies(requirements=requirements, locked=True), Target(runtime, architecture), cache=Cache.default()
    )


def built(requirements: Path, runtime: str, architecture: ArchitectureName) -> CachedLayer:
    plan = planned(requirements, runtime, architecture)
    return build(plan.plan, cache=Cache.default(), indexes=plan.indexes, label="test")


def imported(layer: CachedLayer, names: str, python: Path, into: Path) -> list[int]:
    extract(layer.archive, into)
    done = subprocess.run(
        [python, "-I", "-S", "-c", IMPORT, str(into / "python"), names], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    version: list[int] = json.loads(done.stdout)
    return version


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
@pytest.mark.parametrize("runtime", ["python3.11", "python3.12", "python3.13"])
def test_builds_numpy_pandas_requests_and_cryptography(
    runtime: str, architecture: ArchitectureName, tmp_path: Path, pythons: Mapping[str, Path]
) -> None:
    layer = built(TABLE, runtime, architecture)
    machine = {"x86_64": b"\x3e", "arm64": b"\xb7"}[architecture]  # e_machine: EM_X86_64, EM_AARCH64
    extract(layer.archive, tmp_path / "opt")
    libraries = [
        path for path in (tmp_path / "opt").rglob("*") if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"
    ]
    assert len(libraries) > 50
    assert {library.read_bytes()[18:19] for library in libraries} == {machine}
    if architecture == "arm64":
        return
    version = runtime.removeprefix("python")
    if version not in pythons:
        pytest.skip(f"no Python {version} on this machine to import the layer with")
    found = imported(layer, "numpy,pandas,requests,cryptography.fernet", pythons[version], tmp_path / "again")
    assert ".".join(map(str, found)) == version


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_builds_a_compiled_package_for_every_runtime(
    runtime: str, architecture: ArchitectureName, tmp_path: Path, pythons: Mapping[str, Path]
) -> None:
    layer = built(COMPILED_EVERYWHERE, runtime, architecture)
    version = runtime.removeprefix("python")
    machine = {"x86_64": "x86_64", "arm64": "aarch64"}[architecture]
    extract(layer.archive, tmp_path / "opt")
    (library,) = (tmp_path / "opt").rglob("_speedups*.so")
    assert library.name == f"_speedups.cpython-{version.replace('.', '')}-{machine}-linux-gnu.so"
    if architecture == "x86_64" and version in pythons:
        assert imported(layer, "markupsafe._speedups", pythons[version], tmp_path / "again")


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
@pytest.mark.parametrize("runtime", ["python3.11", "python3.13"])
def test_chooses_no_wheel_that_needs_a_newer_glibc(runtime: str, architecture: ArchitectureName) -> None:
    target = Target(runtime, architecture)
    plan = planned(TABLE, runtime, architecture).plan
    loadable = set(target.tags())
    for wheel in plan.wheels:
        assert parse_wheel_filename(wheel.filename)[-1] & loadable, wheel.filename


def test_amazon_linux_2_gets_older_versions_and_amazon_linux_2023_the_newest() -> None:
    old = planned(TABLE, "python3.11", "x86_64").plan.packages
    new = planned(TABLE, "python3.13", "x86_64").plan.packages
    assert (old["numpy"], old["pandas"]) == ("2.2.6", "2.3.2")
    assert (new["numpy"], new["pandas"]) == ("2.5.5", "3.1.1")


@pytest.mark.parametrize("runtime", ["python3.11", "python3.12", "python3.13"])
def test_both_architectures_get_the_same_versions(runtime: str) -> None:
    packages = [planned(TABLE, runtime, architecture).plan.packages for architecture in ("x86_64", "arm64")]
    assert packages[0] == packages[1]
