"""The user's own Python code as a part of a plan, built."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from layer_constructs.building.build import build_planned
from layer_constructs.building.cache import Cache, CachedLayer
from layer_constructs.building.code import code_of, with_code, without_packages
from layer_constructs.building.contents import Contents
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.entry.entry import Entry
from layer_constructs.building.planning import Planned, make_plan
from layer_constructs.building.process import Completed
from layer_constructs.building.target import Target
from layer_constructs.errors import ArgumentError, BuildError, RequirementsError
from tests.building.test_projects import BACKEND, COMPILED, HATCHLING, IN_TREE, SETUPTOOLS, make_project
from tests.support.elf import elf
from tests.support.wheels import make_wheel

TARGET = Target("python3.13")


def never_run(argv: Sequence[str], **_: object) -> Completed:
    raise AssertionError(f"a process was started: {argv}")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    return module(tmp_path / "src" / "shared" / "__init__.py").parent


def module(path: Path, text: str = "VALUE = 1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def planned(
    entry: Path, cache: Cache, contents: Contents | None = None, *, build_local_projects: bool = False
) -> Planned:
    contents = contents or Contents()
    code = code_of(entry, exclude=contents.exclude, build_local_projects=build_local_projects, cache=cache)
    return with_code(without_packages(TARGET, contents, entry=entry), code)


def with_packages(entry: Path, requirements: str, tmp_path: Path, cache: Cache) -> Planned:
    file = tmp_path / "req.txt"
    file.write_text(requirements, encoding="utf-8")
    plan = make_plan(Dependencies(requirements=file), TARGET, cache=cache, report=lambda _: None)
    return with_code(plan, code_of(entry, cache=cache))


def built(plan: Planned, cache: Cache) -> CachedLayer:
    return build_planned(plan, cache=cache, label="Code", report=lambda _: None)


def names(layer: CachedLayer) -> list[str]:
    with zipfile.ZipFile(layer.archive) as archive:
        return archive.namelist()


def test_own_files_are_for_both_architectures_and_need_no_process(shared: Path, cache: Cache) -> None:
    plan = planned(shared, cache)
    layer = build_planned(plan, cache=cache, label="Code", report=lambda _: None, run=never_run)
    assert plan.plan.architectures == ("x86_64", "arm64")
    assert (names(layer), dict(layer.facts.packages)) == (["python/shared/__init__.py"], {})


def test_what_is_compiled_is_for_one_architecture(shared: Path, cache: Cache) -> None:
    (shared / "fast.so").write_bytes(elf())
    assert planned(shared, cache).plan.architectures == ("x86_64",)


def test_says_what_is_built(shared: Path, cache: Cache) -> None:
    said: list[str] = []
    build_planned(planned(shared, cache), cache=cache, label="Code", report=said.append)
    assert said[0] == "Code: building 1 own file for python3.13/x86_64"


def test_packages_come_with_it(shared: Path, tmp_path: Path, cache: Cache) -> None:
    make_wheel(tmp_path, "alpha", "1.0")
    layer = built(with_packages(shared, "./alpha-1.0-py3-none-any.whl\n", tmp_path, cache), cache)
    assert {"python/shared/__init__.py", "python/alpha.py"} < set(names(layer))
    assert list(layer.facts.packages) == ["alpha"]


def test_a_layer_with_packages_is_another_than_one_without_or_with_other_files(
    shared: Path, tmp_path: Path, cache: Cache
) -> None:
    make_wheel(tmp_path, "alpha", "1.0")
    both = with_packages(shared, "./alpha-1.0-py3-none-any.whl\n", tmp_path, cache).plan.digest
    module(shared / "__init__.py", "VALUE = 2\n")
    other = with_packages(shared, "./alpha-1.0-py3-none-any.whl\n", tmp_path, cache).plan.digest
    assert len({both, other, planned(shared, cache).plan.digest}) == 3


def test_a_path_that_a_package_has_too_is_refused(tmp_path: Path, cache: Cache) -> None:
    make_wheel(tmp_path, "alpha", "1.0")
    own = module(tmp_path / "src" / "alpha.py")
    plan = with_packages(own, "./alpha-1.0-py3-none-any.whl\n", tmp_path, cache)
    with pytest.raises(BuildError, match=r"alpha\.py: a package has python/alpha\.py too"):
        built(plan, cache)
    assert cache.layers() == []


def test_a_file_that_changes_after_it_was_read_leaves_no_layer(shared: Path, cache: Cache) -> None:
    plan = planned(shared, cache)
    module(shared / "__init__.py", "VALUE = 2\n")
    with pytest.raises(BuildError, match="it has changed since it was read"):
        built(plan, cache)
    assert cache.layers() == []


def test_slim_takes_stubs_of_ones_own_too(shared: Path, cache: Cache) -> None:
    module(shared / "__init__.pyi")
    assert names(built(planned(shared, cache, Contents(slim=True)), cache)) == ["python/shared/__init__.py"]


def test_strip_takes_the_symbols_of_ones_own_too(shared: Path, cache: Cache) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("no gcc here")
    source = module(
        shared.parent.parent / "fast.c",
        "static int hidden_helper(void) { return 1; }\nint shown(void) { return hidden_helper(); }\n",
    )
    fast = shared / "fast.so"
    subprocess.run(["gcc", "-g", "-shared", "-fPIC", "-nostdlib", "-o", str(fast), str(source)], check=True)
    layer = built(planned(shared, cache, Contents(strip=True)), cache)
    with zipfile.ZipFile(layer.archive) as archive:
        stripped = archive.read("python/shared/fast.so")
    assert b"hidden_helper" in fast.read_bytes()
    assert b"hidden_helper" not in stripped
    assert b"shown" in stripped


_DIGEST = """
import sys
from pathlib import Path
from layer_constructs.building.entry.python_code import read_code
print(read_code(Path(sys.argv[1])).digest)
"""


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_every_python_names_the_same_files_alike(shared: Path, pythons: Mapping[str, Path], version: str) -> None:
    if version not in pythons:
        pytest.skip(f"no Python {version} on this machine")
    module(shared / "naïve.py")
    argv = [str(pythons[version]), "-c", _DIGEST, str(shared)]
    root = str(Path(__file__).parents[2])
    done = subprocess.run(argv, env={"PYTHONPATH": root}, capture_output=True, text=True, check=True)
    assert done.stdout == "057670ccf6a57b8a2b79708588c4d1818336dd11e29afb2e1296addacf04e431\n"


# Projects


def test_a_project_is_not_built_unless_allowed(tmp_path: Path, cache: Cache) -> None:
    with pytest.raises(ArgumentError, match=r"(?s)is a project, .*build_local_projects=True"):
        code_of(make_project(tmp_path / "shared"), cache=cache, run=never_run)


def test_a_project_is_a_wheel_built_once(tmp_path: Path, cache: Cache) -> None:
    project = make_project(tmp_path / "shared", IN_TREE)
    plan = planned(project, cache, build_local_projects=True)
    layer = built(plan, cache)
    assert {"python/shared_lib.py", "python/shared_lib-1.0.dist-info/METADATA"} < set(names(layer))
    assert plan.plan.packages == {"shared-lib": "1.0"}
    again = code_of(project, build_local_projects=True, cache=cache, run=never_run)
    assert with_code(without_packages(TARGET, Contents(), entry=project), again).plan.digest == plan.plan.digest


def test_what_is_kept_of_a_project_is_the_names_of_secrets_and_not_the_secrets(tmp_path: Path, cache: Cache) -> None:
    project = make_project(tmp_path / "shared", IN_TREE)
    (project / "backend.py").write_text(BACKEND.replace("tool.sh", ".env"), encoding="utf-8")
    (project / ".env").write_text("PASSWORD=hunter2-tricky", encoding="utf-8")
    code = code_of(project, build_local_projects=True, cache=cache)
    assert code.secrets == {"python/.env": "variables of an environment"}
    assert code_of(project, exclude=[".env"], build_local_projects=True, cache=cache, run=never_run).secrets == {}
    kept = list((cache.root / "projects").rglob("*.json"))
    assert len(kept) == 2
    assert [path for path in kept if b"hunter2" in path.read_bytes()] == []


def test_exclude_holds_for_a_project_too(tmp_path: Path, cache: Cache) -> None:
    project = make_project(tmp_path / "shared", IN_TREE)
    plan = planned(project, cache, Contents(exclude=("tool.sh",)), build_local_projects=True)
    assert "python/tool.sh" not in names(built(plan, cache))


@pytest.mark.network
@pytest.mark.parametrize("manifest", [SETUPTOOLS, HATCHLING], ids=["setuptools", "hatchling"])
def test_a_project_in_src_layout_is_importable_by_its_own_name(tmp_path: Path, cache: Cache, manifest: str) -> None:
    project = make_project(tmp_path / "shared", manifest)
    layer = built(planned(project, cache, build_local_projects=True), cache)
    assert "python/shared_lib/__init__.py" in names(layer)


@pytest.mark.network
def test_a_compiled_project_is_refused(tmp_path: Path, cache: Cache) -> None:
    project = make_project(tmp_path / "shared", SETUPTOOLS)
    (project / "setup.py").write_text(COMPILED, encoding="utf-8")
    (project / "src" / "fast.c").write_text(
        '#include <Python.h>\nstatic struct PyModuleDef m = {PyModuleDef_HEAD_INIT, "_fast"};\n'
        "PyMODINIT_FUNC PyInit__fast(void) { return PyModule_Create(&m); }\n",
        encoding="utf-8",
    )
    with pytest.raises(BuildError, match="is compiled, for this machine only"):
        code_of(project, build_local_projects=True, cache=cache)


def test_a_project_that_the_requirements_have_too_is_refused(tmp_path: Path, cache: Cache) -> None:
    project = make_project(tmp_path / "shared", IN_TREE)
    make_wheel(tmp_path, "shared-lib", "1.0")
    requirements = tmp_path / "req.txt"
    requirements.write_text("./shared_lib-1.0-py3-none-any.whl\n", encoding="utf-8")
    plan = make_plan(Dependencies(requirements=requirements), TARGET, cache=cache, report=lambda _: None)
    code = code_of(project, build_local_projects=True, cache=cache)
    assert not isinstance(code, Entry)
    with pytest.raises(RequirementsError, match="shared-lib is in the requirements, and the entry is its project"):
        with_code(plan, code)
