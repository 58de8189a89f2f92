"""`cdk synth` as users run it: the real CLI, a user's own app, a folder with nothing else in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CDK = ROOT / "node_modules" / ".bin" / "cdk"

APP = """
import aws_cdk as cdk
from layer_constructs import PythonDepsLayer

app = cdk.App()
stack = cdk.Stack(app, "Mine")
PythonDepsLayer(stack, "Deps", requirements="req.txt")
app.synth()
"""


def synth(
    folder: Path, *arguments: str, app: str = APP, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    (folder / "app.py").write_text(app, encoding="utf-8")
    own = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "LAYER_CONSTRUCTS_QUIET": "",
    }
    return subprocess.run(
        [str(CDK), "synth", "--quiet", "--app", f"{sys.executable} app.py", *arguments],
        cwd=folder,
        env={**own, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def outputs(folder: Path) -> dict[str, bytes]:
    """The parts of `cdk.out` that are deployed."""
    names = [
        path
        for path in (folder / "cdk.out").iterdir()
        if path.name.endswith((".template.json", ".assets.json", ".zip"))
    ]
    return {path.name: path.read_bytes() for path in names}


def test_a_first_synth_locks_and_builds_and_the_next_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "req.txt").write_text("idna==3.10\n", encoding="utf-8")
    monkeypatch.setenv("LAYER_CONSTRUCTS_CACHE_DIR", str(tmp_path / "cache"))
    first = synth(tmp_path)
    assert first.returncode == 0, first.stderr
    assert "locked 1 package of req.txt in pylock.req.toml for python3.13" in first.stderr
    assert "Deps: building 1 package for python3.13/x86_64" in first.stderr
    assert "Deps: 1 package, 0.3 MB of 250 MB" in first.stderr
    made = outputs(tmp_path)
    lock = (tmp_path / "pylock.req.toml").read_bytes()
    (archive,) = (name for name in made if name.endswith(".zip"))
    with zipfile.ZipFile(tmp_path / "cdk.out" / archive) as file:
        assert file.testzip() is None
    again = synth(tmp_path)
    assert again.returncode == 0, again.stderr
    assert "building" not in again.stderr
    assert outputs(tmp_path) == made
    fresh = synth(tmp_path, "--output", "fresh.out")
    assert fresh.returncode == 0, fresh.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "fresh.out").iterdir() if path.name in made} == made
    assert (tmp_path / "pylock.req.toml").read_bytes() == lock


def test_an_empty_cache_and_another_folder_give_the_same_template_and_asset(tmp_path: Path) -> None:
    results = []
    for name in ("one", "another place, ä"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "req.txt").write_text("idna==3.10\n", encoding="utf-8")
        done = synth(folder, env={"LAYER_CONSTRUCTS_CACHE_DIR": str(folder / "cache")})
        assert done.returncode == 0, done.stderr
        results.append(outputs(folder))
    assert results[0] == results[1]


def test_only_the_stack_that_is_asked_for_is_built(tmp_path: Path) -> None:
    (tmp_path / "req.txt").write_text("idna==3.10\n", encoding="utf-8")
    app = APP.replace(
        "app.synth()", 'PythonDepsLayer(cdk.Stack(app, "Other"), "Deps", requirements="req.txt")\napp.synth()'
    )
    env = {"LAYER_CONSTRUCTS_CACHE_DIR": str(tmp_path / "cache")}
    assert synth(tmp_path, app=app, env=env).returncode == 0
    whole = outputs(tmp_path)
    only = synth(tmp_path, "Other", app=app, env=env)
    assert only.returncode == 0, only.stderr
    assert outputs(tmp_path)["Mine.template.json"] == whole["Mine.template.json"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("requests=2.32\n", "req.txt:1:"),
        ("idna==3.10\n-e ./mine\n", "req.txt:2:"),
        ("idna==99.9\n", "req.txt:1:"),
    ],
)
def test_a_mistake_in_the_file_is_told_without_jsii(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "req.txt").write_text(text, encoding="utf-8")
    done = synth(tmp_path)
    assert done.returncode != 0
    assert says in done.stderr
    assert "fix:" in done.stderr
    assert "JavaScriptError" not in done.stderr
    assert "layer_constructs.errors." in done.stderr
    assert not list((tmp_path).glob("pylock*"))


def test_on_a_ci_system_a_missing_lock_is_an_error_that_names_the_command(tmp_path: Path) -> None:
    (tmp_path / "req.txt").write_text("idna==3.10\n", encoding="utf-8")
    done = synth(tmp_path, env={"CODEBUILD_BUILD_ARN": "arn:aws:codebuild:eu-west-1:111122223333:build/x"})
    assert done.returncode != 0
    assert "this is a CI system (AWS CodeBuild)" in done.stderr
    assert "run `layer-constructs lock req.txt --runtime python3.13`" in done.stderr


def test_the_example_app_synthesises_an_arm64_function_with_its_layer(tmp_path: Path) -> None:
    output = tmp_path / "out"
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "CI": "true"}
    done = subprocess.run(
        [str(CDK), "synth", "--quiet", "--output", str(output)],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    template = json.loads((output / "Report.template.json").read_text(encoding="utf-8"))
    by_type = {resource["Type"]: resource for resource in template["Resources"].values()}
    layer = by_type["AWS::Lambda::LayerVersion"]
    assert layer["Properties"]["CompatibleArchitectures"] == ["arm64"]
    assert by_type["AWS::Lambda::Function"]["Properties"]["Architectures"] == ["arm64"]
    with zipfile.ZipFile(output / layer["Metadata"]["aws:asset:path"]) as archive:
        assert any("aarch64-linux-gnu.so" in name for name in archive.namelist())
