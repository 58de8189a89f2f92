"""The most downloaded packages with native code: they build, the audit is right about them, and all of it loads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import uv
from packaging.utils import canonicalize_name

from layer_constructs.building import record
from layer_constructs.building.archive import extract
from layer_constructs.building.audit.audit import audit
from layer_constructs.building.build import build
from layer_constructs.building.cache import Cache
from layer_constructs.building.containers import engine
from layer_constructs.building.containers.options import ContainerOptions
from layer_constructs.building.containers.work import Job, work
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.planning import make_plan
from layer_constructs.building.process import run
from layer_constructs.building.size import LIMIT
from layer_constructs.building.target import ARCHITECTURES, ArchitectureName, Target
from layer_constructs.building.tree import Tree, normalise
from tests.support.engine import needs_images

pytestmark = [pytest.mark.network, pytest.mark.real]

# By download, those with compiled wheels among the first 180 of PyPI: rank 8 (charset-normalizer) to 179
# (scikit-learn) in a list of the 15,000 most downloaded packages of November 2026, such as
# https://hugovk.github.io/top-pypi-packages publishes. The list doesn't say what is compiled; that was judged name by
# name, and two are there in case one of the 40 is wrong. Their locks are committed: a newer list or release changes
# nothing here.
DATA = Path(__file__).parent / "data" / "native_packages"
LAYERS = ("arrow", "litellm", "science", "tables", "web")
COUNT = 42

# litellm (rank 66) comes with some 200 MB of others, and takes about a third of the whole time. Its layer is only made
# with LAYER_CONSTRUCTS_LONG=1; without it the two that are there in case stand in for it.
MADE = tuple(layer for layer in LAYERS if layer != "litellm" or os.environ.get("LAYER_CONSTRUCTS_LONG"))

# No module of it is compiled, but its program.
PROGRAMS = {"ruff"}

# Amazon Linux 2 gets a release that was pure Python still: the compiled ones ask for glibc 2.28.
WITHOUT_NATIVE_CODE = {("python3.11", "litellm")}

# What is wrong with them, and rightly so: both count on a `.pth` file, which nothing runs in a layer. coverage starts
# with it in child processes, setuptools (which grpcio-tools needs) stands in for distutils.
FINDINGS = {
    "arrow": set[tuple[str, str]](),
    "litellm": set[tuple[str, str]](),
    "science": set[tuple[str, str]](),
    "tables": set[tuple[str, str]](),
    "web": {("pth-file", "coverage"), ("pth-file", "setuptools")},
}

# Libraries by the name of a module, and a module that only another one of the same package may import first.
NO_MODULES = {
    "pyarrow.libarrow_python",
    "pyarrow.libarrow_python_flight",
    "pyarrow.libarrow_python_parquet_encryption",
    "scipy.linalg._matfuncs_sqrtm_triu",
}

# Imports every extension module that a RECORD lists, but those of tests. Only what the layer has: no site-packages, no
# user's folder, no environment.
IMPORT = """
import importlib, importlib.machinery, importlib.metadata, json, os, sys
site, *passed_over = sys.argv[1:]
sys.path.insert(0, site)
loaded, failed = {}, {}
for package in importlib.metadata.distributions(path=[site]):
    for file in sorted(map(str, package.files)):
        suffix = next((suffix for suffix in importlib.machinery.EXTENSION_SUFFIXES if file.endswith(suffix)), "/")
        parts = file.removesuffix(suffix).split("/")
        name = ".".join(parts)
        if suffix == "/" or name in passed_over or "tests" in parts or not all(map(str.isidentifier, parts)):
            continue
        try:
            module = importlib.import_module(name)
            assert module.__file__ == os.path.join(site, file), module.__file__
        except BaseException as error:
            failed[name] = f"{type(error).__name__}: {error}"
        loaded.setdefault(package.name, []).append(name)
json.dump([list(sys.version_info[:2]), loaded, failed], sys.stdout)
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """For hundreds of megabytes, which are not kept."""
    yield tmp_path / "work"
    shutil.rmtree(tmp_path / "work", ignore_errors=True)


def names(layer: str) -> set[str]:
    lines = (DATA / f"{layer}.txt").read_text(encoding="utf-8").splitlines()
    return {line for line in lines if not line.startswith("#")}


def test_there_are_forty_of_them_and_two_more() -> None:
    assert len(set().union(*map(names, LAYERS))) == sum(len(names(layer)) for layer in LAYERS) == COUNT


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("layer", MADE)
@pytest.mark.parametrize("runtime", ["python3.11", "python3.12", "python3.13"])
def test_the_most_downloaded_packages_with_native_code_build_and_load(
    runtime: str, layer: str, architecture: ArchitectureName, folder: Path, pythons: Mapping[str, Path]
) -> None:
    target, cache = Target(runtime, architecture), Cache(folder / "layers")
    planned = make_plan(Dependencies(requirements=DATA / f"{layer}.txt", locked=True), target, cache=cache)
    compiled = {wheel.name for wheel in planned.plan.wheels if f"_{target.machine}." in wheel.filename}
    native = {name for name in names(layer) if (runtime, name) not in WITHOUT_NATIVE_CODE}
    assert native <= compiled

    built = build(planned.plan, cache=cache, indexes=planned.indexes, label=layer)

    found = record.read(built, target, cache=cache).findings
    assert {(finding.rule, finding.package) for finding in found} == FINDINGS[layer]
    assert built.facts.unzipped_size <= LIMIT
    if architecture == "arm64":
        return
    if target.python not in pythons:
        pytest.skip(f"no Python {target.python} on this machine to import the layer with")
    extract(built.archive, folder / "opt")
    load(folder / "opt", target, pythons[target.python], compiled)


def load(root: Path, target: Target, python: Path, compiled: set[str]) -> None:
    """Import all modules that are compiled, and start the programs; nothing may be written, as on Lambda."""
    before = sorted(root.rglob("*"))
    home = root.with_name("home")
    home.mkdir()
    site = root / "python"
    done = subprocess.run(
        [python, "-I", "-S", "-B", "-c", IMPORT, site, *NO_MODULES],
        env={"HOME": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    version, loaded, failed = json.loads(done.stdout)
    assert ".".join(map(str, version)) == target.python
    assert failed == {}
    assert {canonicalize_name(name) for name in loaded} == compiled - PROGRAMS
    for program in PROGRAMS & compiled:
        subprocess.run([site / "bin" / program, "--version"], env={}, check=True, capture_output=True)
    assert sorted(root.rglob("*")) == before


# What else the audit finds, as it comes in the wild. Links that leave the tree and damaged files come in no wheel that
# an installer takes.

AL2023 = Target("python3.13")
TRIXIE = "localhost/layer-constructs/python3.13:trixie-amd64"  # gcc 14


def installed(root: Path, target: Target, *requirements: str) -> Tree:
    """As many installers do it: what fits together, and for what, is not asked."""
    subprocess.run(
        [
            uv.find_uv_bin(), "pip", "install", "-q", "--no-config", "--no-build", "--no-deps", "--link-mode", "copy",
            "--python-version", target.python, "--python-platform", target.uv_platform,
            "--target", root / "python", *requirements,
        ],
        check=True,
    )  # fmt: skip
    return normalise(root)


@pytest.mark.parametrize(("packages", "target", "rules", "package", "text"), [
    (
        ["markupsafe==3.0.3"], Target("python3.12"), {"python-abi", "wheel-tag"}, "markupsafe",
        "_speedups.cpython-312-x86_64-linux-gnu.so is not what python3.13 loads",
    ),
    (
        ["opencv-python-headless==4.12.0.88", "opencv-contrib-python-headless==4.12.0.88"], AL2023,
        {"name-collision"}, "opencv-python-headless",
        "python/cv2/cv2.abi3.so is brought by opencv-contrib-python-headless and opencv-python-headless",
    ),
    (
        ["jwt==1.4.0", "pyjwt==2.10.1"], AL2023, {"name-collision"}, "pyjwt",
        "python/jwt/__init__.py is brought by jwt and pyjwt with different contents",
    ),
    (
        ["crypto==1.4.1", "pycryptodome==3.23.0"], AL2023, {"case-collision"}, "crypto",
        "python/crypto differs from python/Crypto only in case",
    ),
], ids=["another Python", "opencv twice", "jwt twice", "crypto and Crypto"])  # fmt: skip
def test_what_does_not_go_together_is_found(
    packages: list[str], target: Target, rules: set[str], package: str, text: str, folder: Path
) -> None:
    found = audit(folder, installed(folder, target, *packages), AL2023)

    assert {finding.rule for finding in found} == rules
    assert {finding.package for finding in found} == {package}
    assert any(text in str(finding) for finding in found)


def test_what_was_compiled_with_a_newer_gcc_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs_images(TRIXIE)
    monkeypatch.setenv("CDK_DOCKER", "podman")
    folder.mkdir()
    image = engine.image_of(TRIXIE, AL2023, engine="podman", env=os.environ, needed_by="tiny==1.0", run=run)
    # What gcc 13 and later make of `#include <iostream>`, written in C: the image has no compiler for C++.
    source = b"void _ZSt21ios_base_library_initv(void);\nvoid fast(void) { _ZSt21ios_base_library_initv(); }\n"
    compile_it = "gcc -shared -fPIC -o {root}/out/fast.so {root}/fast.c -l:libstdc++.so.6"
    work(
        Job(
            files={"fast.c": source, "out/nothing": b""},
            commands=[("gcc", ["/bin/sh", "-c", compile_it])],
            environment={},
        ),
        image, AL2023, ContainerOptions(),
        into=folder / "made", log=folder / "log.txt", needed_by="tiny==1.0",
    )  # fmt: skip
    (folder / "opt" / "python").mkdir(parents=True)
    shutil.copy(folder / "made" / "fast.so", folder / "opt" / "python")

    [found] = audit(folder / "opt", normalise(folder / "opt"), AL2023)

    assert found.rule == "library-too-new"
    assert str(found) == "python/fast.so needs GLIBCXX_3.4.32 of libstdc++.so.6, and the runtime has GLIBCXX_3.4.29"
