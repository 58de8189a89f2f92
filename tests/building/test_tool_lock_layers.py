"""Other tools' locks, all the way to a plan or a layer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from layer_constructs.building import uv
from layer_constructs.building.build import build
from layer_constructs.building.cache import Cache
from layer_constructs.building.dependencies import TOOL_LOCKS, Dependencies
from layer_constructs.building.locking import tool_locks
from layer_constructs.building.planning import Planned, make_plan
from layer_constructs.building.process import Completed, clean_environment
from layer_constructs.building.target import Target
from layer_constructs.errors import UnsupportedRequirementError
from tests.support.private_index import PrivateIndex
from tests.support.wheels import make_wheel

ROOT = Path(__file__).parents[2]

PROJECT = """
[project]
name = "app"
version = "0"
requires-python = ">=3.11"
dependencies = ["idna==3.10"{more}]
"""

SHARED = """
[project]
name = "shared"
version = "1.2"
requires-python = ">=3.11"
[build-system]
requires = ["hatchling==1.27.0"]
build-backend = "hatchling.build"
"""


def no_process(*arguments: object, **_: object) -> Completed:
    raise AssertionError(f"a process was started: {arguments}")


def lock_with_uv(folder: Path) -> Path:
    done = subprocess.run(
        [uv.binary(), "lock", "--no-config", "--quiet", "--python", sys.executable],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return folder / "uv.lock"


def plan(path: Path, *, build_local_projects: bool = False) -> Planned:
    wanted = Dependencies(requirements=path, build_local_projects=build_local_projects)
    return make_plan(wanted, Target(), cache=Cache.default())


def test_a_uv_lock_is_a_plan_and_the_second_time_no_process_is_started(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PROJECT.format(more=""), encoding="utf-8")
    lock = lock_with_uv(tmp_path)
    first = plan(lock)
    assert first.plan.packages == {"idna": "3.10"}
    again = make_plan(Dependencies(requirements=lock), Target(), cache=Cache.default(), run=no_process)
    assert again.plan.digest == first.plan.digest
    assert not list(tmp_path.glob("pylock*"))


def with_a_workspace_member(folder: Path) -> Path:
    sources = '\n[tool.uv.sources]\nshared = { workspace = true }\n[tool.uv.workspace]\nmembers = ["libs/*"]\n'
    (folder / "pyproject.toml").write_text(PROJECT.format(more=', "shared"') + sources, encoding="utf-8")
    member = folder / "libs" / "shared"
    (member / "shared").mkdir(parents=True)
    (member / "pyproject.toml").write_text(SHARED, encoding="utf-8")
    (member / "shared" / "__init__.py").write_text("ANSWER = 42\n", encoding="utf-8")
    return lock_with_uv(folder)


def test_a_workspace_member_needs_the_users_word(tmp_path: Path) -> None:
    lock = with_a_workspace_member(tmp_path)
    with pytest.raises(
        UnsupportedRequirementError, match=r"(?s)uv\.lock: shared is a local project.*build_local_projects=True"
    ):
        plan(lock)


def test_a_workspace_member_is_built_as_a_wheel_and_is_in_the_layer(tmp_path: Path) -> None:
    lock = with_a_workspace_member(tmp_path)
    planned = plan(lock, build_local_projects=True)
    assert planned.plan.packages == {"idna": "3.10", "shared": "1.2"}
    layer = build(planned.plan, cache=Cache.default(), indexes=planned.indexes, label="x")
    assert layer.facts.packages["shared"].size > 0
    again = make_plan(
        Dependencies(requirements=lock, build_local_projects=True), Target(), cache=Cache.default(), run=no_process
    )
    assert again.plan.digest == planned.plan.digest
    (tmp_path / "libs" / "shared" / "shared" / "__init__.py").write_text("ANSWER = 43\n", encoding="utf-8")
    assert plan(lock, build_local_projects=True).plan.digest != planned.plan.digest


def test_credentials_of_an_index_that_pyproject_names_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = make_wheel(tmp_path / "wheels", "inhouse", "1.0", files={"inhouse.py": b""})
    with PrivateIndex([wheel], username="me", password="let-me-in") as index:
        text = PROJECT.format(more=', "inhouse"').replace('"idna==3.10", ', "")
        text += f'[[tool.uv.index]]\nname = "corp-x"\nurl = "{index.url}"\ndefault = true\n'
        (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
        monkeypatch.setenv("UV_INDEX_CORP_X_USERNAME", "me")
        monkeypatch.setenv("UV_INDEX_CORP_X_PASSWORD", "let-me-in")
        planned = plan(tmp_path / "pyproject.toml")
        layer = build(planned.plan, cache=Cache.default(), indexes=planned.indexes, label="x")
    assert list(layer.facts.packages) == ["inhouse"]
    assert "let-me-in" not in (tmp_path / "pylock.pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("project", "tool"), [("pipenv-plain/Pipfile.lock", "pipenv"), ("poetry-plain/poetry.lock", "poetry")]
)
def test_a_lock_of_pipenv_and_of_poetry_is_a_layer_and_then_needs_no_tool(
    project: str, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = os.environ.get("LAYER_CONSTRUCTS_TOOLS_DIR") or str(ROOT / ".tools" / "bin")
    if shutil.which(tool, path=folder) is None:
        pytest.skip(f"{tool} is not in {folder}: `make test` installs it")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    shutil.copytree(ROOT / "tests" / "data" / "tool_locks" / Path(project).parent, tmp_path / "app")
    lock = tmp_path / "app" / Path(project).name
    planned = plan(lock)
    assert planned.plan.packages == {"idna": "3.10", "markupsafe": "3.0.2"}
    layer = build(
        planned.plan, cache=Cache.default(), indexes=planned.indexes, label="x", requirements=planned.requirements
    )
    assert set(layer.facts.packages) == {"idna", "markupsafe"}
    again = make_plan(Dependencies(requirements=lock), Target(), cache=Cache.default(), run=no_process)
    assert again.plan.digest == planned.plan.digest


def test_every_lock_that_is_read_is_known_by_its_name() -> None:
    assert set(tool_locks.KINDS) == TOOL_LOCKS
