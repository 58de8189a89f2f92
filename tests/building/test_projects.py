from __future__ import annotations

import hashlib
import os
import shutil
import stat
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from layer_constructs.building import process, projects
from layer_constructs.building.build import build
from layer_constructs.building.cache import Cache
from layer_constructs.building.indexes.index import Index, Indexes
from layer_constructs.building.plan import BuildPlan
from layer_constructs.building.process import Completed
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LocalProject
from layer_constructs.errors import BuildError, HashMismatchError

HATCHLING = """
[build-system]
requires = ["hatchling==1.27.0"]
build-backend = "hatchling.build"
[project]
name = "Shared.Lib"
version = "1.0+local"
requires-python = ">=3.9"
"""

SETUPTOOLS = """
[build-system]
requires = ["setuptools==80.9.0"]
build-backend = "setuptools.build_meta"
[project]
name = "shared-lib"
version = "1.0"
[tool.setuptools.packages.find]
where = ["src"]
"""

COMPILED = """
from setuptools import Extension, setup
setup(ext_modules=[Extension("shared_lib._fast", ["src/fast.c"])])
"""

# A backend in the project itself: it needs nothing from an index.
IN_TREE = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "shared-lib"
version = "1.0"
"""

BACKEND = """
import os, time, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = "shared_lib-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w", compression=zipfile.ZIP_DEFLATED) as wheel:
        now = time.localtime()[:6]
        for path in ("shared_lib.py", "tool.sh"):
            member = zipfile.ZipInfo(path, now)
            member.external_attr = os.stat(path).st_mode << 16
            wheel.writestr(member, open(path, "rb").read())
        for path, text in {
            "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
            "METADATA": "Metadata-Version: 2.1\\nName: shared-lib\\nVersion: 1.0\\n",
            "RECORD": "",
        }.items():
            wheel.writestr(zipfile.ZipInfo("shared_lib-1.0.dist-info/" + path, now), text)
    open("left-behind", "w").close()
    return name
"""

FAILING = 'def build_wheel(*_, **__): raise SystemExit("the backend says: no compiler found")\n'


def never_run(argv: Sequence[str], **_: object) -> Completed:
    raise AssertionError(f"a process was started: {argv}")


def make_project(folder: Path, manifest: str = IN_TREE, **files: str) -> Path:
    (folder / "src" / "shared_lib").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(manifest, encoding="utf-8")
    (folder / "backend.py").write_text(BACKEND, encoding="utf-8")
    (folder / "shared_lib.py").write_text("value = 1\n", encoding="utf-8")
    (folder / "tool.sh").write_text("#!/bin/sh\n", encoding="utf-8")
    (folder / "tool.sh").chmod(0o755)
    (folder / "src" / "shared_lib" / "__init__.py").write_text("value = 1\n", encoding="utf-8")
    return folder


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in [folder, *folder.rglob("*")]
    }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "libs" / "shared")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


# --- real backends


@pytest.mark.network
@pytest.mark.parametrize(
    ("manifest", "filename", "version"),
    [
        (HATCHLING, "shared_lib-1.0+local-py3-none-any.whl", "1.0+local"),
        (SETUPTOOLS, "shared_lib-1.0-py3-none-any.whl", "1.0"),
    ],
    ids=["hatchling", "setuptools"],
)
def test_builds_a_project_as_a_hashed_wheel_and_writes_nothing_in_its_folder(
    manifest: str, filename: str, version: str, cache: Cache, tmp_path: Path
) -> None:
    project = make_project(tmp_path / "shared lib (ü)", manifest)
    before = snapshot(project)

    wheel = projects.build_wheel(project, cache=cache)

    assert snapshot(project) == before
    assert (wheel.name, wheel.version, wheel.filename) == ("shared-lib", version, filename)
    assert wheel.project == LocalProject(path=project, source_sha256=projects.source_sha256(project))
    assert wheel.path
    assert cache.root in wheel.path.parents
    assert hashlib.sha256(wheel.path.read_bytes()).hexdigest() == wheel.sha256
    with zipfile.ZipFile(wheel.path) as archive:
        assert archive.testzip() is None
        assert archive.read("shared_lib/__init__.py") == b"value = 1\n"


@pytest.mark.network
@pytest.mark.parametrize("manifest", [HATCHLING, SETUPTOOLS], ids=["hatchling", "setuptools"])
def test_a_wheel_is_the_same_on_another_machine(manifest: str, tmp_path: Path) -> None:
    hashes = set()
    for number, umask in enumerate([0o022, 0o077, 0o002]):
        project = make_project(tmp_path / f"{number}" / f"place {number}", manifest)
        for path in project.rglob("*"):
            os.utime(path, (number * 10**8, number * 10**8))
        before = os.umask(umask)
        try:
            wheel = projects.build_wheel(project, cache=Cache(tmp_path / f"cache-{number}"))
        finally:
            os.umask(before)
        hashes.add(wheel.sha256)

    assert len(hashes) == 1


@pytest.mark.network
def test_a_layer_has_a_project_and_needs_it_no_more_once_it_is_built(cache: Cache, tmp_path: Path) -> None:
    project = make_project(tmp_path / "shared", SETUPTOOLS)
    wheel = projects.build_wheel(project, cache=cache)
    plan = BuildPlan(target=Target(), architectures=("x86_64", "arm64"), wheels=(replace(wheel, path=None),))

    layer = build(plan, cache=cache, indexes=Indexes(indexes=()), label="Deps")

    with zipfile.ZipFile(layer.archive) as archive:
        assert archive.read("python/shared_lib/__init__.py") == b"value = 1\n"
    shutil.rmtree(project)
    assert build(plan, cache=cache, indexes=Indexes(indexes=()), label="Deps", run=never_run) == layer


@pytest.mark.network
def test_refuses_a_project_that_compiles_something_for_this_machine(cache: Cache, tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler here")
    project = make_project(tmp_path / "shared", SETUPTOOLS)
    (project / "setup.py").write_text(COMPILED, encoding="utf-8")
    (project / "src" / "fast.c").write_text(
        "#include <Python.h>\n"
        'static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_fast", NULL, -1, NULL};\n'
        "PyMODINIT_FUNC PyInit__fast(void) { return PyModule_Create(&module); }\n",
        encoding="utf-8",
    )

    with pytest.raises(BuildError, match="is compiled, for this machine only: linux_") as raised:
        projects.build_wheel(project, cache=cache)

    assert "name the wheel" in (raised.value.fix or "")


# --- the wheel


def test_leaves_nothing_of_the_machine_in_a_wheel(project: Path, cache: Cache) -> None:
    wheel = projects.build_wheel(project, cache=cache)

    assert wheel.path
    with zipfile.ZipFile(wheel.path) as archive:
        members = archive.infolist()
    assert [member.filename for member in members] == sorted(member.filename for member in members)
    assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}
    assert {member.compress_type for member in members} == {zipfile.ZIP_STORED}
    assert {member.filename: stat.S_IMODE(member.external_attr >> 16) for member in members} == {
        "shared_lib.py": 0o644,
        "tool.sh": 0o755,
        "shared_lib-1.0.dist-info/METADATA": 0o644,
        "shared_lib-1.0.dist-info/RECORD": 0o644,
        "shared_lib-1.0.dist-info/WHEEL": 0o644,
    }
    assert not (project / "left-behind").exists()


# Moves only with what is in a wheel or how it is packed: a lock names it, so then locks are stale on every machine.
RECORDED = "1375cc5f5e8de173370577865176cc8d5c1afe3a2834148d54c0425ccf40a227"


def test_the_same_source_gives_the_recorded_wheel(project: Path, cache: Cache) -> None:
    assert projects.build_wheel(project, cache=cache).sha256 == RECORDED


def test_another_source_gives_another_wheel_and_digest(project: Path, cache: Cache) -> None:
    before = projects.build_wheel(project, cache=cache)
    (project / "shared_lib.py").write_text("value = 2\n", encoding="utf-8")

    after = projects.build_wheel(project, cache=cache)

    assert before.project
    assert after.project
    assert after.project.source_sha256 != before.project.source_sha256
    assert after.sha256 != before.sha256


def test_says_what_the_backend_said_when_it_failed(project: Path, cache: Cache) -> None:
    (project / "backend.py").write_text(FAILING, encoding="utf-8")

    with pytest.raises(BuildError) as raised:
        projects.build_wheel(project, cache=cache)

    assert str(project) in raised.value.problem
    assert "the backend says: no compiler found" in str(raised.value)
    assert list((cache.root / "tmp").iterdir()) == []


def test_gets_the_backend_from_the_users_indexes_and_hides_their_password(project: Path, cache: Cache) -> None:
    seen: dict[str, object] = {}

    def fail(
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        secrets: Iterable[str] = (),
        show_progress: bool = False,
    ) -> Completed:
        seen.update(env=env, argv=list(argv), secrets=tuple(secrets))
        return Completed(1, "", "no")

    index = Index(url="https://pypi.example/simple", name="lc0", username="user", password="secret")
    with pytest.raises(BuildError):
        projects.build_wheel(project, cache=cache, indexes=Indexes(indexes=(index,)), run=fail)

    environment = seen["env"]
    assert isinstance(environment, dict)
    assert environment["UV_DEFAULT_INDEX"] == "lc0=https://pypi.example/simple"
    assert environment["UV_INDEX_LC0_PASSWORD"] == "secret"
    assert "secret" in str(seen["secrets"])
    assert "secret" not in str(seen["argv"])


# --- from a lock


def test_takes_the_locked_wheel_from_the_cache(project: Path, cache: Cache) -> None:
    wheel = projects.build_wheel(project, cache=cache)

    assert projects.with_file(replace(wheel, path=None), cache=cache, run=never_run) == wheel


def test_builds_the_locked_wheel_on_a_machine_that_does_not_have_it(project: Path, tmp_path: Path) -> None:
    wheel = projects.build_wheel(project, cache=Cache(tmp_path / "first"))

    again = projects.with_file(replace(wheel, path=None), cache=Cache(tmp_path / "second"))

    assert again.path
    assert tmp_path / "second" in again.path.parents
    assert hashlib.sha256(again.path.read_bytes()).hexdigest() == wheel.sha256


def test_builds_the_locked_wheel_again_where_the_kept_one_was_changed(project: Path, cache: Cache) -> None:
    wheel = projects.build_wheel(project, cache=cache)
    assert wheel.path
    wheel.path.write_bytes(b"evil")

    projects.with_file(replace(wheel, path=None), cache=cache)

    assert hashlib.sha256(wheel.path.read_bytes()).hexdigest() == wheel.sha256


def test_refuses_a_project_that_gives_another_wheel_than_was_locked(project: Path, tmp_path: Path) -> None:
    wheel = projects.build_wheel(project, cache=Cache(tmp_path / "first"))
    (project / "shared_lib.py").write_text("value = 2\n", encoding="utf-8")
    second = Cache(tmp_path / "second")

    with pytest.raises(HashMismatchError) as raised:
        projects.with_file(replace(wheel, path=None), cache=second)

    assert str(project) in raised.value.problem
    assert wheel.sha256 in str(raised.value)
    assert list(second.root.rglob("*.whl")) == []


def test_names_a_project_that_is_gone(project: Path, cache: Cache) -> None:
    wheel = projects.build_wheel(project, cache=cache)
    shutil.rmtree(project)

    with pytest.raises(BuildError, match=f"{project} is not there"):
        projects.with_file(wheel, cache=cache)


# --- what counts as source


def test_a_source_digest_does_not_depend_on_place_time_or_what_tools_leave(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    shutil.copytree(project, other)
    for junk in (
        "__pycache__/a.pyc", "src/shared_lib/__pycache__/b.pyc", "src/c.pyc", ".git/HEAD", "build/lib/x.py",
        "dist/x.whl", ".venv/pyvenv.cfg", "venv/pyvenv.cfg", "src/shared_lib.egg-info/PKG-INFO", ".DS_Store",
        "cdk.out/tree.json", "node_modules/x/index.js", ".pytest_cache/x",
    ):  # fmt: skip
        (other / junk).parent.mkdir(parents=True, exist_ok=True)
        (other / junk).write_text("junk", encoding="utf-8")
    os.utime(other / "shared_lib.py", (0, 0))

    assert projects.source_sha256(other) == projects.source_sha256(project)


@pytest.mark.parametrize(
    "name", ["src/shared_lib/build/__init__.py", "src/dist/__init__.py", "bin/build", "src/venv/x.py"]
)
def test_a_package_with_a_common_name_is_source(name: str, project: Path) -> None:
    before = projects.source_sha256(project)
    (project / name).parent.mkdir(parents=True, exist_ok=True)
    (project / name).write_text("", encoding="utf-8")

    assert projects.source_sha256(project) != before


@pytest.mark.parametrize("change", ["content", "name", "executable", "removed"])
def test_a_source_digest_tells_every_change(change: str, project: Path) -> None:
    before, file = projects.source_sha256(project), project / "shared_lib.py"
    if change == "content":
        file.write_text("value = 2\n", encoding="utf-8")
    elif change == "name":
        file.rename(project / "renamed.py")
    elif change == "executable":
        file.chmod(0o755)
    else:
        file.unlink()

    assert projects.source_sha256(project) != before


def test_a_source_digest_is_recorded(tmp_path: Path) -> None:
    """It stands in locks: one that moves makes every lock with a local project stale."""
    for name, content, mode in (("a.py", b"a = 1\r\n", 0o644), ("b/run", b"", 0o755), ("\u00fc.txt", b"\xff", 0o600)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(mode)
    written = b"a.py\x007\0a = 1\r\n" + b"b/run\x000x\0" + b"\xc3\xbc.txt\x001\0\xff"

    assert projects.source_sha256(tmp_path) == hashlib.sha256(written).hexdigest()


@pytest.mark.skipif(os.name != "posix", reason="links and pipes")
def test_what_is_no_file_is_no_source(project: Path, cache: Cache) -> None:
    before = projects.source_sha256(project)
    (project / ".#lock").symlink_to("somebody@host.1234:5678")
    os.mkfifo(project / "pipe")

    assert projects.source_sha256(project) == before
    assert projects.build_wheel(project, cache=cache).name == "shared-lib"


@pytest.mark.skipif(os.name != "posix", reason="POSIX file names")
def test_a_file_name_that_is_not_unicode_is_source(project: Path) -> None:
    before = projects.source_sha256(project)
    Path(os.fsdecode(os.fsencode(project) + b"/\xff.py")).write_bytes(b"")

    assert projects.source_sha256(project) != before


def test_the_real_thing_is_what_builds_by_default() -> None:
    assert projects.build_wheel.__kwdefaults__ is not None
    assert projects.build_wheel.__kwdefaults__["run"] is process.run
