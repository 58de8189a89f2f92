from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from layer_constructs.building import process
from layer_constructs.building.interpreter import InterpreterMissingError, find
from layer_constructs.building.process import Completed
from layer_constructs.errors import ArgumentError

RUNNING = ".".join(map(str, sys.version_info[:3]))


class Machine:
    """A machine with these Pythons: what uv lists of it, and what each says of itself."""

    def __init__(self, *listed: dict[str, str], fetched: dict[str, str] | None = None, failure: str = "") -> None:
        self.listed = list(listed)
        self.fetched = fetched
        self.failure = failure
        self.calls: list[tuple[str, ...]] = []
        self.environments: list[Mapping[str, str]] = []

    def __call__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        secrets: Iterable[str] = (),
        show_progress: bool = False,
    ) -> Completed:
        if "python" in argv[1:2]:
            self.calls.append(tuple(argv[2:4]))
            self.environments.append(env)
            if argv[2] == "list":
                return Completed(0, json.dumps(self.listed), "")
            if self.failure:
                return Completed(1, "", process.mask(self.failure, secrets))
            if self.fetched:
                self.listed.append(self.fetched)
            return Completed(0, "", "")
        each = next((each for each in self.listed if each["path"] == argv[0]), None)
        if each is None or "broken" in each:
            return Completed(127, "", "pyenv: command not found")
        answer = {
            "path": each.get("really", each["path"]),
            "version": each["version"],
            "cache_tag": "cpython-3" + each["version"].split(".")[1],
            "usual": "odd" not in each,
        }
        return Completed(0, json.dumps(answer), "")


def python(version: str, path: str, **more: str) -> dict[str, str]:
    return {"version": version, "path": path, "implementation": "cpython", "variant": "default", **more}


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    """An environment without pyenv."""
    return {"PYENV_ROOT": str(tmp_path)}


# --- on this machine


@pytest.mark.parametrize("version", [RUNNING, RUNNING.rpartition(".")[0]])
def test_the_running_python_comes_first_and_uv_is_not_asked(version: str) -> None:
    asked = []

    def run(argv: Sequence[str], *, env: Mapping[str, str], **_: object) -> Completed:
        asked.append(argv[0])
        return process.run(argv, env=env)

    found = find(version, run=run)

    assert (found.version, found.number) == (RUNNING, sys.version_info[:3])
    assert found.cache_tag == sys.implementation.cache_tag
    assert asked == [sys.executable]


@pytest.mark.real
def test_finds_another_exact_version_on_this_machine(pythons: Mapping[str, Path]) -> None:
    others = {version: path for version, path in pythons.items() if not RUNNING.startswith(f"{version}.")}
    if not others:
        pytest.skip("no other Python here")
    path = next(reversed(others.values()))
    question = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
    version = subprocess.run([path, "-c", question], capture_output=True, text=True, check=True).stdout.strip()

    found = find(version)

    assert found.version == version
    assert "shims" not in found.path.parts
    said = subprocess.run([found.path, "-c", question], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == version


def test_of_several_patches_the_newest_is_taken(nowhere: dict[str, str]) -> None:
    machine = Machine(python("3.99.9", "/a"), python("3.99.10", "/b"), python("3.99.2", "/c"))

    assert find("3.99", environ=nowhere, run=machine).path == Path("/b")
    assert find("3.99.2", environ=nowhere, run=machine).path == Path("/c")
    assert {call[0] for call in machine.calls} == {"list"}


def test_a_shim_is_seen_through_and_one_that_does_not_start_is_passed_over(nowhere: dict[str, str]) -> None:
    machine = Machine(
        python("3.99.1", "/shims/broken", broken="yes"),
        python("3.99.1", "/shims/python", really="/versions/3.99.1/bin/python"),
    )

    assert find("3.99.1", environ=nowhere, run=machine).path == Path("/versions/3.99.1/bin/python")


@pytest.mark.parametrize(
    "odd",
    [
        python("3.99.1", "/odd", odd="a prerelease or a debug build"),
        python("3.99.1", "/odd", variant="freethreaded"),
        python("3.99.1", "/odd", implementation="pypy"),
        python("3.99.10", "/odd"),
    ],
    ids=["by its own word", "free-threaded", "PyPy", "another patch"],
)
def test_what_compiles_otherwise_does_not_count(odd: dict[str, str], nowhere: dict[str, str]) -> None:
    with pytest.raises(InterpreterMissingError):
        find("3.99.1", environ=nowhere, run=Machine(odd, failure="error: no"))


@pytest.mark.skipif(os.name != "posix", reason="pyenv's folders on POSIX")
def test_a_version_that_pyenv_has_but_not_switched_on_is_found(tmp_path: Path) -> None:
    for version in ("3.99.1", "3.99.10", "3.99.1-debug"):
        (tmp_path / "versions" / version / "bin").mkdir(parents=True)
        (tmp_path / "versions" / version / "bin/python").touch()
    there = tmp_path / "versions/3.99.1/bin/python"

    class WithPyenv(Machine):
        def __call__(self, argv: Sequence[str], **rest: object) -> Completed:
            if argv[0] == str(there):
                answer = {"path": argv[0], "version": "3.99.1", "cache_tag": "cpython-399", "usual": True}
                return Completed(0, json.dumps(answer), "")
            return super().__call__(argv, **rest)  # type: ignore[arg-type]

    assert find("3.99.1", environ={"PYENV_ROOT": str(tmp_path)}, run=WithPyenv()).path == there


# --- fetched by uv


def test_uv_fetches_what_is_not_there_into_its_own_place(nowhere: dict[str, str]) -> None:
    machine = Machine(fetched=python("3.99.1", "/uv/3.99.1"))
    environment = {
        **nowhere, "UV_PYTHON_INSTALL_DIR": "/uv", "UV_PYTHON_INSTALL_MIRROR": "https://mirror.example",
        "UV_PYTHON": "3.8", "UV_PYTHON_BIN_DIR": "/bin",
    }  # fmt: skip

    assert find("3.99.1", environ=environment, run=machine).path == Path("/uv/3.99.1")
    assert [call[0] for call in machine.calls] == ["list", "install", "list"]
    for seen in machine.environments:
        assert seen["UV_PYTHON_INSTALL_DIR"] == "/uv"
        assert seen["UV_PYTHON_INSTALL_MIRROR"] == "https://mirror.example"
        assert not {"UV_PYTHON", "UV_PYTHON_BIN_DIR"} & seen.keys()


def test_nothing_is_fetched_where_the_environment_forbids_it(nowhere: dict[str, str]) -> None:
    machine = Machine(python("3.99.2", "/b"))

    with pytest.raises(InterpreterMissingError, match="UV_PYTHON_DOWNLOADS is never") as raised:
        find("3.99.1", environ={**nowhere, "UV_PYTHON_DOWNLOADS": "never"}, run=machine)

    assert [call[0] for call in machine.calls] == ["list"]
    assert str(raised.value).splitlines() == [
        "Python 3.99.1, which makes the layer's bytecode, is not on this machine",
        "  found: 3.99.2 (/b)",
        "  uv may not fetch it: UV_PYTHON_DOWNLOADS is never",
        "  fix: install Python 3.99.1, name one that was found and lock again, or leave the bytecode out",
    ]


@pytest.mark.real
def test_a_place_that_does_not_answer_is_a_clear_error_without_its_password(
    tmp_path: Path, nowhere: dict[str, str]
) -> None:
    environment = {
        **nowhere,
        "UV_PYTHON_INSTALL_MIRROR": "http://somebody:pass-word@127.0.0.1:1/pythons",
        "UV_PYTHON_INSTALL_DIR": str(tmp_path / "pythons"),
    }

    with pytest.raises(InterpreterMissingError, match="uv can't fetch it: error: Failed to install") as raised:
        find("3.13.7", environ=environment)

    assert "pass-word" not in str(raised.value)
    assert "leave the bytecode out" in str(raised.value)


@pytest.mark.parametrize("version", ["", "3", "3.13.x", "python3.13", "3.13t", "3.14.0rc1", "--help", "2.7.18"])
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(ArgumentError, match="is no Python version"):
        find(version, run=Machine())
