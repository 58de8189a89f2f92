"""The README is true: its Python runs, its commands work, its picture is there and says what it shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from layer_constructs.building import process
from layer_constructs.building.cache_folder import DIRECTORY_VARIABLE
from layer_constructs.building.containers.engine import ENGINE_VARIABLE
from layer_constructs.building.indexes import environment as indexes
from layer_constructs.building.progress import QUIET_VARIABLE
from layer_constructs.building.reading.requirements import read_requirements
from layer_constructs.layers import surroundings
from layer_constructs.sharing.lifecycle import TODAY_CONTEXT

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")


def blocks(language: str, text: str = README) -> list[str]:
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
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
    assert len(commands) >= 7
    for name, version in (("old.zip", "1.0"), ("new.zip", "1.1")):
        with zipfile.ZipFile(folder / name, "w") as layer:
            layer.writestr(f"python/tiny-{version}.dist-info/METADATA", f"Name: tiny\nVersion: {version}\n")
    for command in commands:
        program = Path(sys.executable).with_name(command[0])
        done = subprocess.run([program, *command[1:]], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stderr)


def test_its_hook_and_its_renovate_recipe_are_those_that_the_guide_to_ci_tries() -> None:
    guide = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    (hook,), (renovate,) = blocks("yaml"), blocks("json")
    assert hook in blocks("yaml", guide)
    assert renovate in blocks("json", guide)


def test_its_picture_needs_nothing_else_and_is_told_in_words() -> None:
    ((alternative, path),) = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", README)
    text = (ROOT / path).read_text(encoding="utf-8")
    picture = ET.fromstring(text)  # noqa: S314 - a file of this project
    assert not re.search(r"<script|<image|(href|src)=|url\((?!#)|@import|https?://(?!www\.w3\.org/2000/svg)", text)
    assert "prefers-color-scheme: dark" in text
    space = "{http://www.w3.org/2000/svg}"
    described = picture.findtext(f"{space}desc") or ""
    for told in (alternative, described):
        assert {word for word in ("req.txt", "lock", "wheels", "zip", "LayerVersion", "functions") if word in told} == {
            "req.txt", "lock", "wheels", "zip", "LayerVersion", "functions",
        }  # fmt: skip
    import layer_constructs

    names = {name for label in picture.iter(f"{space}text") for name in re.findall(r"Layer[A-Z]\w+", label.text or "")}
    assert {name for name in names if name != "LayerVersion"} <= set(layer_constructs.__all__)


def test_the_requirements_of_the_reference_are_read_as_it_says(folder: Path) -> None:
    (text,) = blocks("text", REFERENCE)
    (folder / "req.txt").write_text(text, encoding="utf-8")
    file = read_requirements(folder / "req.txt")
    assert [line.index for line in file.requirements] == [None, "https://pypi.example.com/simple"]


def test_the_reference_names_every_variable_that_is_read() -> None:
    read = {*process.NETWORK_VARIABLES, *indexes.DEFAULT_VARIABLES, *indexes.EXTRA_VARIABLES, "PIP_CERT"}
    read |= {DIRECTORY_VARIABLE, QUIET_VARIABLE, ENGINE_VARIABLE}
    assert {name for name in read if f"`{name}`" not in REFERENCE} == set()


def test_the_reference_names_every_context_key() -> None:
    keys = {value for name, value in vars(surroundings).items() if name.endswith("_CONTEXT")} | {TODAY_CONTEXT}
    assert set(re.findall(r"^\| `(layer-constructs:[a-z-]+)` \|", REFERENCE, re.MULTILINE)) == keys


def test_the_reference_names_every_argument() -> None:
    import inspect

    from layer_constructs import PythonDepsLayer

    table = REFERENCE.partition("## Arguments")[2].partition("## ")[0]
    named = {
        name for row in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    arguments = {
        name
        for name, each in inspect.signature(PythonDepsLayer.__init__).parameters.items()
        if each.kind is each.KEYWORD_ONLY
    }
    assert named == arguments - {"requirements"}


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
