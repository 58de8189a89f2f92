"""The README is true: its Python runs, its commands work, its variables are those that are read."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from layer_constructs.building import process
from layer_constructs.building.cache import DIRECTORY_VARIABLE
from layer_constructs.building.indexes import index as indexes
from layer_constructs.building.progress import QUIET_VARIABLE
from layer_constructs.building.reading.requirements import read_requirements

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    assert found, language
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "req.txt").write_text("requests\nnumpy\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("code", blocks("python"), ids=range(len(blocks("python"))))
def test_its_python_runs_in_an_empty_folder(code: str, folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / "pylock.req.toml").exists()


def test_its_commands_work_in_the_order_they_stand_in(folder: Path) -> None:
    commands = [
        shlex.split(line, comments=True)
        for block in blocks("console")
        for line in block.splitlines()
        if line.startswith("layer-constructs ")
    ]
    commands = [command for command in commands if command[1] != "audit"]  # osv.dev is for its own tests
    assert len(commands) >= 8
    for name, version in (("old.zip", "1.0"), ("new.zip", "1.1")):
        with zipfile.ZipFile(folder / name, "w") as layer:
            layer.writestr(f"python/tiny-{version}.dist-info/METADATA", f"Name: tiny\nVersion: {version}\n")
    for command in commands:
        program = Path(sys.executable).with_name(command[0])
        done = subprocess.run([program, *command[1:]], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stderr)


def test_its_requirements_are_read_as_it_says(folder: Path) -> None:
    (text,) = blocks("text")
    (folder / "req.txt").write_text(text, encoding="utf-8")
    file = read_requirements(folder / "req.txt")
    assert [line.index for line in file.requirements] == [None, "https://pypi.example.com/simple"]


def test_its_configuration_is_well_formed() -> None:
    for block in blocks("yaml"):
        assert yaml.safe_load(block)["repos"]
    for block in blocks("json"):
        assert json.loads(block)["packageRules"]


def test_it_names_every_variable_that_is_read() -> None:
    read = {*process.NETWORK_VARIABLES, *indexes.DEFAULT_VARIABLES, *indexes.EXTRA_VARIABLES, "PIP_CERT"}
    read |= {DIRECTORY_VARIABLE, QUIET_VARIABLE}
    assert {name for name in read if f"`{name}`" not in README} == set()


def test_the_distribution_installs_from_its_wheel_and_is_typed(tmp_path: Path) -> None:
    from layer_constructs.building.uv import binary

    env = process.clean_environment()
    virtual = tmp_path / "venv"
    python = virtual / ("Scripts" if os.name == "nt" else "bin") / "python"

    def run(*arguments: str | Path) -> str:
        done = subprocess.run(
            list(map(str, arguments)), cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(binary(), "build", "--no-config", "--wheel", "--out-dir", tmp_path / "dist", ROOT)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    run(binary(), "venv", "--no-config", "--python", sys.executable, virtual)
    run(binary(), "pip", "install", "--no-config", "--python", python, wheel)
    assert run(virtual / "bin" / "layer-constructs", "--version").startswith("layer-constructs")
    where = run(python, "-c", "import layer_constructs; print(layer_constructs.__file__)").strip()
    assert Path(where).with_name("py.typed").exists()
    assert not (Path(where).parents[1] / "tests").exists()
