"""Other tools' locks: what the real tools export of real projects, and what a fake shows of how they are called."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.pylock import Pylock

from layer_constructs.building import uv
from layer_constructs.building.locking import tool_locks
from layer_constructs.building.process import Completed
from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.reading.requirements import read_requirements
from layer_constructs.errors import (
    ArgumentError,
    LayerError,
    LockInvalidError,
    LockStaleError,
    RequirementsError,
    ToolFailedError,
    ToolMissingError,
)

ROOT = Path(__file__).parents[2]
PROJECTS = ROOT / "tests" / "data" / "tool_locks"
LOCKS = {"uv": "uv.lock", "pipenv": "Pipfile.lock", "poetry": "poetry.lock", "poetry-indexes": "poetry.lock"}
MANIFESTS = {"uv": "pyproject.toml", "pipenv": "Pipfile", "poetry": "pyproject.toml"}

ToolBin = Callable[[str], str]
Project = Callable[[str], Path]


@pytest.fixture
def tool_bin() -> ToolBin:
    """The path of a tool; a skip if there is none (an error in CI)."""

    def find(name: str) -> str:
        folder = os.environ.get("LAYER_CONSTRUCTS_TOOLS_DIR") or str(ROOT / ".tools" / "bin")
        found = shutil.which(name, path=folder) or shutil.which(name)
        if found is None:
            pytest.skip(f"{name} is not in {folder} nor on the PATH: `make test` installs it")
        return found

    return find


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A copy of one of the projects, in a folder whose name needs care; gives its lock."""

    def copy(name: str) -> Path:
        folder = shutil.copytree(PROJECTS / name, tmp_path / "Größe 1" / name)
        return folder / LOCKS[name]

    return copy


@pytest.fixture(autouse=True)
def hostile_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Settings that would change the result if a tool got to see them, and no network."""
    config = tmp_path / "config"
    for path, text in {
        "uv/uv.toml": 'exclude-newer = "2001-01-01"\n[[index]]\nurl = "https://leak.example/simple"\ndefault = true\n',
        "pip/pip.conf": "[global]\nindex-url = https://leak.example/simple\n",
        "pypoetry/config.toml": "[virtualenvs]\nin-project = true\n",
    }.items():
        (config / path).parent.mkdir(parents=True)
        (config / path).write_text(text)
    for name, value in {
        "XDG_CONFIG_HOME": str(config),
        "UV_EXCLUDE_NEWER": "2001-01-01",
        "UV_DEFAULT_INDEX": "https://leak.example/simple",
        "UV_PROJECT": str(ROOT),
        "UV_NO_DEV": "0",
        "PIP_INDEX_URL": "https://leak.example/simple",
        "PIPENV_PYPI_MIRROR": "https://leak.example/simple",
        "PIPENV_PIPFILE": "/nowhere/Pipfile",
        "PIPENV_VENV_IN_PROJECT": "1",
        "POETRY_VIRTUALENVS_IN_PROJECT": "true",
        "CORP_TOKEN": "hunter2",
        "UV_CACHE_DIR": str(tmp_path / "cold-cache"),
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)


def export(
    lock: Path, tool_bin: ToolBin | None = None, *, extras: Sequence[str] = (), groups: Sequence[str] = ()
) -> tool_locks.Export:
    """A real export, after which the folder is as it was."""
    before = contents(lock.parent)
    try:
        return tool_locks.export(lock, extras=extras, groups=groups, which=tool_bin or shutil.which)
    finally:
        assert contents(lock.parent) == before


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file below, with its bytes and the time it was written; folders too."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes() if path.is_file() else b"", path.stat().st_mtime_ns)
        for path in folder.rglob("*")
    }


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def read(lock: Path, exported: tool_locks.Export) -> dict[str, RequirementLine]:
    """Requirements text, read as this library reads it, by name or path."""
    assert exported.format == "requirements"
    path = lock.parent / "exported.txt"
    path.write_text(exported.text, encoding="utf-8")
    lines = read_requirements(path).requirements
    path.unlink()
    return {line.name or str(line.path): line for line in lines}


def names(exported: tool_locks.Export) -> set[str]:
    assert exported.format == "pylock"
    return {package["name"] for package in tomllib.loads(exported.text)["packages"]}


# ---- what the three have in common


@pytest.mark.parametrize(
    ("name", "expected"),
    [("uv.lock", True), ("Pipfile.lock", True), ("poetry.lock", True), ("pylock.toml", False), ("Pipfile", False)],
)
def test_knows_a_tools_lock_by_its_name(name: str, expected: bool) -> None:
    assert tool_locks.is_tool_lock(Path("some/where") / name) is expected


@pytest.mark.parametrize("tool", MANIFESTS)
def test_refuses_a_lock_without_its_manifest(tool: str, project: Project) -> None:
    lock = project(tool)
    (lock.parent / MANIFESTS[tool]).unlink()

    with pytest.raises(RequirementsError, match=f"{tool} reads {lock.name} together with {MANIFESTS[tool]}") as caught:
        export(lock)
    assert str(lock.parent / MANIFESTS[tool]) in str(caught.value)


@pytest.mark.parametrize("tool", MANIFESTS)
def test_refuses_a_lock_that_is_not_there(tool: str, tmp_path: Path) -> None:
    with pytest.raises(RequirementsError, match=f"there is no file .*{LOCKS[tool]}"):
        tool_locks.export(tmp_path / LOCKS[tool], extras=(), groups=())


@pytest.mark.parametrize("tool", MANIFESTS)
@pytest.mark.parametrize("damage", ["<<<<<<< ours\n", "\n\n[[[", "[" * 20_000])
def test_refuses_a_malformed_lock_naming_its_tools_command(tool: str, damage: str, project: Project) -> None:
    lock = project(tool)
    lock.write_text(damage, encoding="utf-8")

    with pytest.raises(LockInvalidError, match=f"this is not valid (TOML|JSON)[^$]*run `{tool} lock`"):
        export(lock)


def test_names_the_line_of_a_malformed_lock(project: Project) -> None:
    lock = project("pipenv")
    lock.write_text('{\n"_meta": {\n=======\n', encoding="utf-8")

    with pytest.raises(LockInvalidError, match=r"Pipfile\.lock:3: this is not valid JSON"):
        export(lock)


@pytest.mark.parametrize("tool", MANIFESTS)
def test_refuses_a_malformed_manifest(tool: str, project: Project) -> None:
    lock = project(tool)
    (lock.parent / MANIFESTS[tool]).write_text("[project]\nname = \n", encoding="utf-8")

    with pytest.raises(RequirementsError, match=rf"{MANIFESTS[tool]}:2: this is not valid TOML"):
        export(lock)


@pytest.mark.parametrize("tool", ["pipenv", "poetry"])
def test_says_how_to_install_a_missing_tool(tool: str, project: Project) -> None:
    lock = project(tool)

    with pytest.raises(ToolMissingError, match=rf"is read through {tool}, which is not installed\n  fix: .*{tool}"):
        tool_locks.export(lock, extras=(), groups=(), which=lambda _: None)


@pytest.mark.parametrize("name", ["", "--with", "a b", "web\n", "-x", "a;b"])
@pytest.mark.parametrize("tool", MANIFESTS)
def test_refuses_what_can_not_be_a_name(tool: str, name: str, project: Project) -> None:
    lock = project(tool)

    with pytest.raises(ArgumentError, match="is not a name that an extra can have"):
        export(lock, extras=[name])
    with pytest.raises(ArgumentError, match="is not a name that a group can have"):
        tool_locks.fingerprint(lock, extras=(), groups=[name])


def test_refuses_the_lock_of_an_unknown_tool(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"allowed: uv\.lock, Pipfile\.lock, poetry\.lock"):
        tool_locks.fingerprint(tmp_path / "pdm.lock", extras=(), groups=())


# ---- the key of an export that is kept


def test_has_the_same_fingerprint_in_any_folder_with_any_line_ends_and_order(project: Project) -> None:
    lock = project("poetry")
    elsewhere = PROJECTS / "poetry" / "poetry.lock"
    expected = tool_locks.fingerprint(elsewhere, extras=["web", "a"], groups=["dev", "jobs"])
    for path in (lock, lock.parent / "pyproject.toml"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert tool_locks.fingerprint(lock, extras=["a", "web", "a"], groups=["jobs", "dev"]) == expected
    assert re.fullmatch(r"[0-9a-f]{64}", expected)


@pytest.mark.parametrize("tool", MANIFESTS)
def test_has_another_fingerprint_for_every_other_input(tool: str, project: Project) -> None:
    lock = project(tool)
    found = {
        tool_locks.fingerprint(lock, extras=extras, groups=groups)
        for extras, groups in [((), ()), (["a"], ()), ((), ["a"]), (["a", "b"], ()), (["a"], ["b"])]
    }
    for path in (lock, lock.parent / MANIFESTS[tool]):
        path.write_bytes(path.read_bytes() + b"\n")
        found.add(tool_locks.fingerprint(lock, extras=(), groups=()))

    assert len(found) == 7


def test_has_another_fingerprint_when_a_workspace_member_or_uv_toml_changes(project: Project) -> None:
    lock = project("uv")
    found = {tool_locks.fingerprint(lock, extras=(), groups=())}
    replace(lock.parent / "libs" / "shared" / "pyproject.toml", '"iniconfig"', '"iniconfig", "click"')
    found.add(tool_locks.fingerprint(lock, extras=(), groups=()))
    (lock.parent / "uv.toml").write_text('resolution = "lowest"\n')
    found.add(tool_locks.fingerprint(lock, extras=(), groups=()))

    assert len(found) == 3


# ---- uv, for real


def test_exports_a_uv_lock_as_pylock(project: Project) -> None:
    lock = project("uv")

    exported = export(lock)

    assert names(exported) == {"idna", "backports-tarfile", "iniconfig", "shared", "tiny"}
    packages = {str(package.name): package for package in Pylock.from_dict(tomllib.loads(exported.text)).packages}
    assert str(packages["idna"].version) == "3.10"
    assert packages["idna"].index == "https://pypi.org/simple"
    assert "sha256" in (packages["idna"].wheels or [])[0].hashes
    assert str(packages["backports-tarfile"].marker) == 'python_full_version < "3.12"'
    shared, tiny = packages["shared"].directory, packages["tiny"].archive
    assert shared is not None
    assert (shared.path, shared.editable) == ("libs/shared", None)
    assert tiny is not None
    assert (tiny.path, list(tiny.hashes)) == ("vendored/tiny-1.0-py3-none-any.whl", ["sha256"])
    assert str(lock.parent) not in exported.text
    assert exported.files == (lock, lock.parent / "pyproject.toml", lock.parent / "libs/shared/pyproject.toml")
    assert exported.notes == ()


def test_exports_the_extras_and_groups_of_a_uv_lock_that_are_named_and_no_others(project: Project) -> None:
    lock = project("uv")

    assert names(export(lock, extras=["web"], groups=["jobs"])) - names(export(lock)) == {"h11", "sniffio"}
    assert names(export(lock, groups=["dev"])) - names(export(lock)) == {"pluggy"}


def test_refuses_an_extra_or_group_that_a_uv_project_does_not_have(project: Project) -> None:
    lock = project("uv")

    with pytest.raises(ArgumentError, match=r"pyproject\.toml: extra `nope` is not defined"):
        export(lock, extras=["nope"])
    with pytest.raises(ArgumentError, match=r"pyproject\.toml: group `nope` is not defined"):
        export(lock, groups=["nope"])


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("pyproject.toml", "idna==3.10", "idna==3.9"),
        ("pyproject.toml", '"tiny"]', '"tiny", "click"]'),
        ("pyproject.toml", "[tool.uv]", '[tool.uv]\nresolution = "lowest"'),
        ("pyproject.toml", "[tool.uv]", '[tool.uv]\nconstraint-dependencies = ["idna<4"]'),
        ("libs/shared/pyproject.toml", '"iniconfig"', '"iniconfig", "click"'),
    ],
)
def test_refuses_a_uv_lock_that_is_stale_without_asking_the_network(
    file: str, old: str, new: str, project: Project
) -> None:
    lock = project("uv")
    replace(lock.parent / file, old, new)

    with pytest.raises(LockStaleError, match=r"uv\.lock: the lock is stale[^$]*run `uv lock` and commit uv\.lock"):
        export(lock)


@pytest.mark.parametrize("new", ['description = "x"\n', "# a comment\n"])
def test_takes_a_uv_lock_whose_manifest_changed_in_other_ways(new: str, project: Project) -> None:
    lock = project("uv")
    replace(lock.parent / "pyproject.toml", 'version = "0.1.0"\n', f'version = "0.1.0"\n{new}')

    assert "idna" in names(export(lock))


def test_takes_a_uv_lock_made_with_a_mirror_and_a_cooldown_of_the_users(project: Project) -> None:
    lock = project("uv")
    replace(lock, '"https://pypi.org/simple"', '"https://mirror.example/simple"')
    replace(lock, "[manifest]", '[options]\nexclude-newer = "2027-01-01T00:00:00Z"\n\n[manifest]')

    assert 'index = "https://mirror.example/simple"' in export(lock).text


def test_runs_no_build_backend_of_a_uv_project_and_says_what_is_then_unknown(project: Project, tmp_path: Path) -> None:
    lock = project("uv")
    ran = tmp_path / "ran"
    shared = lock.parent / "libs" / "shared"
    (shared / "backend.py").write_text(f"open({str(ran)!r}, 'w')\n")
    (shared / "pyproject.toml").write_text(
        '[project]\nname = "shared"\ndynamic = ["version", "dependencies"]\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )

    exported = export(lock)

    assert not ran.exists()
    assert "shared" in names(exported)
    [note] = exported.notes
    assert note.startswith("uv could not tell whether uv.lock is up to date: error: ")
    assert "layer-constructs" not in note


def test_looks_at_no_project_outside_the_copy_of_a_uv_project(project: Project, tmp_path: Path) -> None:
    lock = project("uv")
    replace(
        lock.parent / "pyproject.toml",
        "shared = { workspace = true }",
        f'shared = {{ workspace = true }}\nother = {{ path = "{tmp_path.as_posix()}/other", editable = true }}',
    )

    exported = export(lock)

    assert {"shared", "tiny"} < names(exported)
    assert exported.notes == (
        f"uv could not tell whether uv.lock is up to date: {tmp_path.as_posix()}/other is an absolute path",
    )


def test_refuses_a_uv_lock_that_lacks_a_new_member_of_its_workspace(project: Project) -> None:
    lock = project("uv")
    (lock.parent / "libs" / "other").mkdir()
    (lock.parent / "libs" / "other" / "pyproject.toml").write_text('[project]\nname = "other"\nversion = "1"\n')

    with pytest.raises(LockStaleError, match="uv: mismatched members"):
        export(lock)


def test_writes_nothing_outside_its_copy_for_a_uv_lock(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = project("uv")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "outside"\nversion = "1"\n')
    above_the_root = "../" * len(lock.parent.resolve().parts) + tmp_path.resolve().as_posix().lstrip("/")
    with lock.open("a", encoding="utf-8") as file:
        file.write(f'\n[[package]]\nname = "outside"\nversion = "1"\nsource = {{ directory = "{above_the_root}" }}\n')

    fake_export(lock, FakeRun(ok(), ok()))

    assert not any((tmp_path / "temporary").iterdir())


def test_leaves_a_bad_workspace_pattern_to_uv(project: Project) -> None:
    lock = project("uv")
    replace(lock.parent / "pyproject.toml", '"libs/*"', '"libs/**x", "/", ""')

    fake_export(lock, run := FakeRun(ok(), ok()))

    assert len(run.calls) == 2


def test_takes_a_uv_project_above_the_folder_of_the_lock(project: Project) -> None:
    lock = project("uv")
    shutil.move(lock.parent / "libs" / "shared", lock.parent.parent / "shared")
    replace(lock.parent / "pyproject.toml", "{ workspace = true }", '{ path = "../shared" }')
    replace(lock.parent / "pyproject.toml", '[tool.uv.workspace]\nmembers = ["libs/*"]\n', "")
    replace(lock, '[manifest]\nmembers = [\n    "app",\n    "shared",\n]\n', "")
    replace(lock, 'editable = "libs/shared"', 'directory = "../shared"')

    exported = export(lock)

    assert 'directory = { path = "../shared" }' in exported.text
    assert exported.notes == ()
    replace(lock.parent.parent / "shared" / "pyproject.toml", '"iniconfig"', '"iniconfig", "click"')
    with pytest.raises(LockStaleError, match="uv: mismatched requirements for: `shared"):
        export(lock)


def test_refuses_a_uv_lock_of_a_later_format(project: Project) -> None:
    lock = project("uv")
    replace(lock, "version = 1\nrevision", "version = 9\nrevision")

    with pytest.raises(LockInvalidError, match=r"uv can't read this lock\n.*version"):
        export(lock)


def test_exports_all_members_of_a_uv_workspace_without_a_root_project(project: Project) -> None:
    lock = project("uv")
    (lock.parent / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["libs/*"]\n')
    text = re.sub(r'\[\[package\]\]\nname = "app".*?(?=\[\[package\]\])', "", lock.read_text(), flags=re.DOTALL)
    lock.write_text(text.replace('    "app",\n', ""))

    assert names(export(lock)) == {"shared", "iniconfig"}


# ---- Pipenv, for real


def test_exports_a_pipfile_lock_as_requirements(project: Project, tool_bin: ToolBin) -> None:
    lock = project("pipenv")

    exported = export(lock, tool_bin)

    lines = read(lock, exported)
    shared = lock.parent / "libs" / "shared"
    assert {"idna", "h11", "httpx", "backports-tarfile", "tiny", "socksio", str(shared)} <= lines.keys()
    assert not {"pluggy", "sniffio"} & lines.keys()
    assert str(lines["idna"].requirement) == 'idna==3.10; python_version >= "3.6"'
    assert 'python_version < "3.12"' in str(lines["backports-tarfile"].requirement)
    assert lines["httpx"].requirement is not None
    assert lines["httpx"].requirement.extras == {"socks"}
    assert all(line.hashes for name, line in lines.items() if name not in (str(shared), "tiny"))
    assert "-e" not in exported.text.split()
    assert str(lock.parent) not in exported.text
    assert exported.files == (lock, lock.parent / "Pipfile")


def test_names_the_index_of_each_package_of_a_pipfile_lock_with_its_variables(
    project: Project, tool_bin: ToolBin
) -> None:
    lock = project("pipenv")

    exported = export(lock, tool_bin)

    lines = read(lock, exported)
    assert lines["h11"].index == "https://me:${CORP_TOKEN}@pypi.org/simple"
    assert lines["idna"].index == "https://pypi.org/simple"
    assert lines["socksio"].index == "https://pypi.org/simple"
    assert "hunter2" not in exported.text
    assert "leak.example" not in exported.text


@pytest.mark.parametrize("group", ["dev", "develop", "dev-packages"])
def test_exports_the_categories_of_a_pipfile_lock_that_are_named(
    group: str, project: Project, tool_bin: ToolBin
) -> None:
    lock = project("pipenv")

    lines = read(lock, export(lock, tool_bin, groups=[group, "jobs"]))

    assert {"pluggy", "sniffio", "idna"} <= lines.keys()


def test_refuses_extras_and_unknown_categories_of_a_pipfile_lock(project: Project, tool_bin: ToolBin) -> None:
    lock = project("pipenv")

    with pytest.raises(ArgumentError, match="a Pipfile has no extras: web"):
        export(lock, tool_bin, extras=["web"])
    with pytest.raises(ArgumentError, match="there is no category nope\n  allowed: default, develop, jobs"):
        export(lock, tool_bin, groups=["nope"])


def test_refuses_a_pipfile_lock_that_is_stale(project: Project, tool_bin: ToolBin) -> None:
    lock = project("pipenv")
    replace(lock.parent / "Pipfile", "==3.10", "==3.9")

    with pytest.raises(LockStaleError, match=r"run `pipenv lock` and commit Pipfile\.lock"):
        export(lock, tool_bin)


# ---- Poetry, for real


def test_exports_a_poetry_lock_as_requirements(project: Project, tool_bin: ToolBin) -> None:
    lock = project("poetry")

    exported = export(lock, tool_bin)

    lines = read(lock, exported)
    shared = lock.parent / "libs" / "shared"
    assert set(lines) == {"idna", "backports-tarfile", "iniconfig", "tiny", str(shared)}
    assert str(lines["idna"].requirement) == 'idna==3.10; python_version >= "3.11"'
    assert str(lines["backports-tarfile"].requirement) == 'backports-tarfile==1.2.0; python_version == "3.11"'
    assert all(line.hashes for line in lines.values() if line.path != shared)
    assert str(lines[str(shared)].marker) == 'python_version >= "3.11"'
    assert str(lock.parent) not in exported.text
    assert "file:" not in exported.text
    assert "index" not in exported.text


def test_exports_the_extras_and_groups_of_a_poetry_lock_that_are_named(project: Project, tool_bin: ToolBin) -> None:
    lock = project("poetry")

    without = read(lock, export(lock, tool_bin))
    assert read(lock, export(lock, tool_bin, extras=["web"])).keys() - without.keys() == {"h11"}
    assert read(lock, export(lock, tool_bin, groups=["dev", "jobs"])).keys() - without.keys() == {"pluggy", "sniffio"}


def test_refuses_an_extra_or_group_that_a_poetry_project_does_not_have(project: Project, tool_bin: ToolBin) -> None:
    lock = project("poetry")

    with pytest.raises(ArgumentError, match=r"extra \[nope\] is not specified"):
        export(lock, tool_bin, extras=["nope"])
    with pytest.raises(ArgumentError, match=r"group\(s\) not found: nope"):
        export(lock, tool_bin, groups=["nope"])


def test_refuses_a_poetry_lock_that_is_stale(project: Project, tool_bin: ToolBin) -> None:
    lock = project("poetry")
    replace(lock.parent / "pyproject.toml", "idna==3.10", "idna==3.9")

    with pytest.raises(LockStaleError, match=r"run `poetry lock` and commit poetry\.lock"):
        export(lock, tool_bin)


def test_takes_a_path_above_the_folder_of_a_poetry_lock(project: Project, tool_bin: ToolBin) -> None:
    lock = project("poetry")
    (lock.parent / "libs").rename(lock.parent.parent / "libs")
    replace(lock, 'url = "libs/shared"', 'url = "../libs/shared"')

    exported = export(lock, tool_bin)

    assert "\n../libs/shared ; python_version" in "\n" + exported.text


def test_names_the_index_of_each_package_of_a_poetry_lock_without_its_password(
    project: Project, tool_bin: ToolBin
) -> None:
    lock = project("poetry-indexes")

    exported = export(lock, tool_bin)

    lines = read(lock, exported)
    assert lines["idna"].index == "https://pypi.org/simple"
    assert lines["h11"].index == "https://pypi.org:443/simple"
    assert "--extra-index-url https://pypi.org:443/simple\n" in exported.text
    assert "s3cret" not in exported.text
    assert tool_locks.urls_with_credentials(lock) == (
        "https://me:s3cret@pypi.org:443/simple",
        "https://me:s3cret@pypi.org:443/simple/",
    )


def test_leaves_a_poetry_plugin_folder_alone(project: Project, tool_bin: ToolBin, tmp_path: Path) -> None:
    lock = project("poetry")
    plugins = lock.parent / ".poetry" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "x.pth").write_text(f"import sys; open({str(tmp_path / 'ran')!r}, 'w')\n")

    assert "idna" in read(lock, export(lock, tool_bin))
    assert not (tmp_path / "ran").exists()


# ---- how they are called, with a fake


class FakeRun:
    """Answers in turn, and keeps what it was called with."""

    def __init__(self, *answers: Completed) -> None:
        self.answers = list(answers)
        self.calls: list[list[str]] = []
        self.envs: list[dict[str, str]] = []
        self.folders: list[Path] = []
        self.seen: list[dict[str, str]] = []

    def __call__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        secrets: Iterable[str] = (),
        show_progress: bool = False,
    ) -> Completed:
        assert cwd is not None
        assert not show_progress
        assert not tuple(secrets)
        self.calls.append([*argv])
        self.envs.append(dict(env))
        self.folders.append(cwd)
        texts = {path.name: path.read_text(encoding="utf-8") for path in cwd.iterdir() if path.is_file()}
        if "--config-file" in argv:
            texts["--config-file"] = Path(argv[argv.index("--config-file") + 1]).read_text(encoding="utf-8")
        self.seen.append(texts)
        return self.answers.pop(0)


def ok(stdout: str = "") -> Completed:
    return Completed(0, stdout, "")


def bad(stderr: str, returncode: int = 1) -> Completed:
    return Completed(returncode, "", stderr)


def find(name: str) -> str:
    return f"/opt/{name}"


def fake_export(
    lock: Path, run: FakeRun, *, extras: Sequence[str] = (), groups: Sequence[str] = ()
) -> tool_locks.Export:
    return tool_locks.export(lock, extras=extras, groups=groups, run=run, which=find)


def test_asks_uv_whether_the_lock_is_fresh_and_then_for_the_lock_as_it_is(project: Project) -> None:
    lock = project("uv")
    run = FakeRun(ok(), ok("lock-version = '1.0'\n"))

    exported = fake_export(lock, run, extras=["web", "a"], groups=["jobs"])

    config, cache = run.calls[0][8], run.calls[0][10]
    assert run.calls == [
        [
            uv.binary(), "lock", "--check", "--verbose", "--offline", "--no-build", "--no-python-downloads",
            "--config-file", config,
            "--cache-dir", cache,
            "--python", sys.executable,
        ],
        [
            uv.binary(), "export", "--frozen", "--offline", "--no-config", "--no-python-downloads",
            "--format", "pylock.toml", "--no-header",
            "--no-default-groups", "--no-emit-project", "--no-editable",
            "--extra", "a", "--extra", "web", "--group", "jobs",
        ],
    ]  # fmt: skip
    [folder] = set(run.folders)
    assert folder.as_posix().endswith(lock.parent.resolve().as_posix())
    assert run.seen[0]["--config-file"] == ""
    assert not any(path.exists() for path in (folder, Path(config), Path(cache)))
    assert not any("leak.example" in value or value == "2001-01-01" for env in run.envs for value in env.values())
    assert exported.text == "lock-version = '1.0'\n"
    assert exported.format == "pylock"


def test_checks_a_uv_lock_with_its_own_options_below_those_of_the_project(project: Project) -> None:
    lock = project("uv")
    replace(
        lock,
        "[manifest]",
        '[options]\nresolution-mode = "lowest"\nfork-strategy = "fewest"\nexclude-newer = "0001-01-01T00:00:00Z"\n'
        'exclude-newer-span = "P7D"\n\n[options.exclude-newer-package]\nidna = false\n'
        'six = { timestamp = "0001-01-01T00:00:00Z", span = "P3D" }\n\n[manifest]',
    )
    replace(lock.parent / "pyproject.toml", "[tool.uv]", '[tool.uv]\nfork-strategy = "requires-python"')
    run = FakeRun(ok(), ok())

    fake_export(lock, run)

    assert tomllib.loads(run.seen[0]["--config-file"]) == {
        "resolution": "lowest",
        "fork-strategy": "requires-python",
        "exclude-newer": "P7D",
        "exclude-newer-package": {"idna": False, "six": "P3D"},
    }


def test_takes_the_options_of_a_uv_toml_beside_a_uv_lock_as_uv_does(project: Project) -> None:
    lock = project("uv")
    replace(lock.parent / "pyproject.toml", "[tool.uv]", '[tool.uv]\nfork-strategy = "fewest"')
    (lock.parent / "uv.toml").write_text('prerelease = "allow"\n[[index]]\nurl = "https://x.example"\n')
    run = FakeRun(ok(), ok())

    fake_export(lock, run)

    assert tomllib.loads(run.seen[0]["--config-file"]) == {"prerelease": "allow"}


def test_checks_a_uv_lock_with_a_python_that_the_project_supports(project: Project) -> None:
    lock = project("uv")
    replace(lock.parent / "pyproject.toml", ">=3.11", ">=3.99")
    replace(lock, 'requires-python = ">=3.11"', 'requires-python = ">=3.99"')
    run = FakeRun(ok())

    exported = fake_export(lock, run)

    assert run.calls[0][1] == "export"
    assert exported.notes == (
        "uv could not tell whether uv.lock is up to date: no Python that the project supports is on the PATH",
    )
    replace(lock.parent / "pyproject.toml", ">=3.99", "==3.8.*")
    run = FakeRun(ok(), ok())
    fake_export(lock, run)
    assert run.calls[0][-1] == "/opt/python3.8"


def test_calls_pipenv_in_a_copy(project: Project) -> None:
    lock = project("pipenv")
    run = FakeRun(ok(), ok("-i https://pypi.org/simple\n"))

    fake_export(lock, run, groups=["dev", "jobs"])

    assert run.calls == [
        ["/opt/pipenv", "verify"],
        ["/opt/pipenv", "requirements", "--hash", "--categories", "packages dev-packages jobs"],
    ]
    [folder] = set(run.folders)
    assert folder != lock.parent
    assert not folder.exists()
    assert run.seen[0] == {name: (lock.parent / name).read_text() for name in ("Pipfile", "Pipfile.lock")}
    assert run.envs[1]["PIPENV_PIPFILE"] == str(folder / "Pipfile")
    assert not {"PIPENV_PYPI_MIRROR", "PIPENV_VENV_IN_PROJECT", "PIP_INDEX_URL", "CORP_TOKEN"} & run.envs[1].keys()


def test_keeps_the_hashes_of_files_that_pipenv_leaves_out(project: Project) -> None:
    lock = project("pipenv")
    replace(
        lock,
        '"idna": {',
        '"six": {"file": "https://x.example/six-1-py3-none-any.whl", "hashes": ["sha256:ab"]}, "idna": {',
    )
    run = FakeRun(ok(), ok("-i https://pypi.org/simple\nhttps://x.example/six-1-py3-none-any.whl ; os_name == 'x'\n"))

    assert fake_export(lock, run).text.splitlines()[1] == (
        "https://x.example/six-1-py3-none-any.whl ; os_name == 'x' --hash=sha256:ab"
    )


def test_takes_an_editable_project_of_a_pipfile_lock_as_a_project(project: Project) -> None:
    run = FakeRun(
        ok(), ok("-i https://pypi.org/simple\n-e ./libs/shared ; os_name == 'x'\n-e git+https://x.example/y\n")
    )

    assert fake_export(project("pipenv"), run).text.splitlines()[1:] == [
        "./libs/shared ; os_name == 'x'",
        "git+https://x.example/y",
    ]


def test_names_no_index_where_pipenv_searches_all(project: Project) -> None:
    lock = project("pipenv")
    (lock.parent / "Pipfile").write_text("[pipenv]\ninstall_search_all_sources = true\n")
    run = FakeRun(
        ok(), ok("-i https://a.example\n--extra-index-url https://b.example\nsocksio==1\nh11==1; os_name=='x'\n")
    )

    assert fake_export(lock, run).text.splitlines()[2:] == [
        "socksio==1",
        "h11==1; os_name=='x'  # index: https://b.example",
    ]


def test_takes_a_password_out_of_what_pipenv_exports(project: Project) -> None:
    lock = project("pipenv")
    replace(lock, "me:${CORP_TOKEN}@", "me:s3cr@t/@")
    run = FakeRun(
        ok(), ok("-i https://pypi.org/simple\n--extra-index-url https://me:s3cr@t/@pypi.org/simple\nh11==1\n")
    )

    assert fake_export(lock, run).text == (
        "-i https://pypi.org/simple\n--extra-index-url https://pypi.org/simple\n"
        "h11==1  # index: https://pypi.org/simple\n"
    )
    assert tool_locks.urls_with_credentials(lock) == ("https://me:s3cr@t/@pypi.org/simple",)


def test_calls_poetry_in_a_copy_as_deep_as_the_project(project: Project) -> None:
    lock = project("poetry")
    run = FakeRun(ok("idna==3.10\n"))

    exported = fake_export(lock, run, extras=["web"], groups=["jobs", "dev"])

    assert run.calls == [
        [
            "/opt/poetry", "export", "--format", "requirements.txt", "--no-interaction", "--no-ansi",
            "--extras", "web", "--with", "dev", "--with", "jobs",
        ]
    ]  # fmt: skip
    assert run.folders[0].as_posix().endswith(lock.parent.resolve().as_posix())
    assert not run.folders[0].exists()
    assert run.seen[0] == {name: (lock.parent / name).read_text() for name in ("pyproject.toml", "poetry.lock")}
    assert not any("true" in value for name, value in run.envs[0].items() if name.startswith("POETRY_"))
    assert exported.text == "idna==3.10\n"


def test_names_pypi_as_the_index_of_what_a_poetry_lock_names_none_for(project: Project) -> None:
    lock = project("poetry")
    replace(
        lock,
        'name = "iniconfig"\n',
        'name = "iniconfig"\nsource = { type = "legacy", url = "http://b.example", reference = "b" }\n',
    )
    version = next(
        each["version"] for each in tomllib.loads(lock.read_text())["package"] if each["name"] == "iniconfig"
    )
    run = FakeRun(
        ok(
            "--trusted-host b.example\n--extra-index-url http://b.example\n\n"
            f'iniconfig=={version} ; os_name == "x" \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\nidna==3.10\n'
        )
    )

    assert fake_export(lock, run).text == (
        "--extra-index-url http://b.example\n\n"
        f'iniconfig=={version} ; os_name == "x" \\\n    --hash=sha256:1 \\\n    --hash=sha256:2  # index: http://b.example\n'
        "idna==3.10  # index: https://pypi.org/simple\n"
    )


def test_says_that_poetrys_export_plugin_is_missing(project: Project) -> None:
    run = FakeRun(bad("\nThe requested command export does not exist.\n\nDocumentation: https://python-poetry.org\n"))

    with pytest.raises(ToolMissingError, match="poetry self add poetry-plugin-export"):
        fake_export(project("poetry"), run)


def test_takes_a_mere_warning_of_an_old_poetry_for_stale(project: Project) -> None:
    run = FakeRun(Completed(0, "idna==3.10\n", "Warning: poetry.lock is not up to date with pyproject.toml.\n"))

    with pytest.raises(LockStaleError):
        fake_export(project("poetry"), run)


@pytest.mark.parametrize("tool", ["pipenv", "poetry"])
def test_takes_a_shim_without_its_tool_for_a_missing_tool(tool: str, project: Project) -> None:
    with pytest.raises(ToolMissingError, match=f"read through {tool}"):
        fake_export(project(tool), FakeRun(bad(f"pyenv: {tool}: command not found\n", 127)))


@pytest.mark.parametrize("tool", MANIFESTS)
def test_shows_the_last_lines_of_a_tool_that_fails_without_secrets(tool: str, project: Project) -> None:
    lock = project(tool)
    secret = 'url = "https://me:hunter%402@x.example/simple"\n'
    with (lock.parent / MANIFESTS[tool]).open("a") as manifest:
        manifest.write(f"[[tool.x.source]]\n{secret}")
    noise = "".join(f"line {number}\n" for number in range(20))
    failure = bad(noise + "could not reach https://me:hunter%402@x.example/simple\nthe password hunter@2 is wrong\n")

    with pytest.raises(ToolFailedError, match=rf"{lock.name}: {tool} can't export {lock.name}") as caught:
        fake_export(lock, FakeRun(*([ok(), failure] if tool == "uv" else [failure])))
    said = str(caught.value)
    assert "hunter" not in said
    assert "could not reach https://****@x.example/simple\n  the password **** is wrong" in said
    assert "line 19" in said
    assert "line 12" not in said


def test_shows_the_users_own_paths_when_a_tool_fails(project: Project) -> None:
    lock = project("pipenv")

    class Failing(FakeRun):
        def __call__(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None,
                     secrets: Iterable[str] = (), show_progress: bool = False) -> Completed:  # fmt: skip
            return bad(f"can't read {cwd}/Pipfile.lock\n")

    with pytest.raises(ToolFailedError) as caught:
        fake_export(lock, Failing())
    assert f"can't read {lock}\n" in str(caught.value)


@given(st.sampled_from(sorted(MANIFESTS)), st.text(), st.text())
def test_makes_of_any_text_a_result_or_an_error_of_ours(tool: str, lock: str, manifest: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / LOCKS[tool]
        path.write_text(lock, encoding="utf-8", errors="replace", newline="")
        (path.parent / MANIFESTS[tool]).write_text(manifest, encoding="utf-8", errors="replace", newline="")
        with contextlib.suppress(LayerError):
            tool_locks.fingerprint(path, extras=(), groups=())
        with contextlib.suppress(LayerError):
            fake_export(path, FakeRun(ok(), ok()))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(VALUES, VALUES, VALUES)
def test_makes_of_any_pipfile_lock_a_result_or_an_error_of_ours(meta: object, entry: object, settings: object) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "Pipfile.lock"
        path.write_text(json.dumps({"_meta": meta, "default": {"idna": entry}}), encoding="utf-8")
        (path.parent / "Pipfile").write_text(f"pipenv = {json.dumps(str(settings))}\n", encoding="utf-8")
        answer = ok("-i https://a.example\n--extra-index-url https://b.example\nidna==1\n./x\n")
        with contextlib.suppress(LayerError):
            fake_export(path, FakeRun(ok(), answer))
