"""Layers of one's own files at work, in AWS's own emulator."""

from __future__ import annotations

import sys
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_

from layer_constructs import ContentLayer, CustomRuntimeLayer, PythonCodeLayer
from layer_constructs.emulation.runtime import LambdaRuntime
from tests.emulation.test_real_invocations import BOOTSTRAP, EXTENSION, write

pytestmark = [pytest.mark.real, pytest.mark.network]

HERE = lambda_.Runtime(f"python3.{sys.version_info[1]}", lambda_.RuntimeFamily.PYTHON)

HANDLER = """
import subprocess
import shared

def handler(event, context):
    greeting = subprocess.run(["greet", event["name"]], capture_output=True, text=True, check=True).stdout
    return {"shared": shared.twice(event["n"]), "greeting": greeting.strip()}
"""


@pytest.fixture
def app(tmp_path: Path) -> cdk.App:
    return cdk.App(outdir=str(tmp_path / "cdk.out"))


@pytest.fixture
def stack(app: cdk.App) -> cdk.Stack:
    return cdk.Stack(app, "Stack")


def function(stack: cdk.Stack, name: str, *layers: lambda_.ILayerVersion, code: Path) -> lambda_.Function:
    return lambda_.Function(
        stack,
        name,
        runtime=layers[0].compatible_runtimes[0] if layers[0].compatible_runtimes else HERE,
        handler="index.handler",
        code=lambda_.Code.from_asset(str(code)),
        layers=list(layers),
        timeout=cdk.Duration.seconds(30),
    )


@pytest.mark.parametrize("asset_format", ["zip", "directory"])
def test_a_custom_runtime_really_serves_each_of_its_functions(
    app: cdk.App, stack: cdk.Stack, tmp_path: Path, asset_format: str
) -> None:
    write(tmp_path / "runtime" / "bootstrap", BOOTSTRAP, 0o755)
    write(tmp_path / "runtime" / "data.txt", "data")
    write(tmp_path / "code" / "README", "nothing\n")
    runtime = CustomRuntimeLayer(stack, "Runtime", entry=tmp_path / "runtime", asset_format=asset_format)  # type: ignore[arg-type]
    for name in ("One", "Two"):
        function(stack, name, runtime, code=tmp_path / "code")
    app.synth()
    for name in ("One", "Two"):
        done = LambdaRuntime.of(tmp_path / "cdk.out", f"Stack/{name}").invoke({"n": 7})
        assert done.error is None, done.log
        assert done.response == {"served": {"n": 7}, "by": "index.handler", "data": "data"}


def test_a_module_of_ones_own_is_imported_and_a_program_in_bin_is_run(
    app: cdk.App, stack: cdk.Stack, tmp_path: Path
) -> None:
    write(tmp_path / "shared" / "__init__.py", "from shared.numbers import twice\n")
    write(tmp_path / "shared" / "numbers.py", "def twice(n): return 2 * n\n")
    write(tmp_path / "tools" / "greet", '#!/bin/sh\necho "hello $1"\n', 0o755)
    write(tmp_path / "code" / "index.py", HANDLER)
    shared = PythonCodeLayer(stack, "Shared", entry=tmp_path / "shared", runtime=HERE)
    tools = ContentLayer(stack, "Tools", entry=tmp_path / "tools", into="bin")
    function(stack, "Function", shared, tools, code=tmp_path / "code")
    app.synth()
    done = LambdaRuntime.of(tmp_path / "cdk.out", "Stack/Function").invoke({"n": 21, "name": "Ada"})
    assert done.error is None, done.log
    assert done.response == {"shared": 42, "greeting": "hello Ada"}


def test_an_extension_is_started(app: cdk.App, stack: cdk.Stack, tmp_path: Path) -> None:
    write(tmp_path / "extensions" / "noted", EXTENSION, 0o755)
    write(tmp_path / "code" / "index.py", "def handler(event, context): return 1\n")
    extension = ContentLayer(stack, "Extension", entry=tmp_path / "extensions", into="extensions")
    function(stack, "Function", extension, code=tmp_path / "code")
    app.synth()
    done = LambdaRuntime.of(tmp_path / "cdk.out", "Stack/Function").invoke()
    assert done.response == 1, done.log
    if not any(note.startswith("/opt is ") for note in done.notes):
        assert "the extension is there\n" in done.log
