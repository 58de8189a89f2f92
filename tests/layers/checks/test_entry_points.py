"""Wherever an app is synthesised, a function that doesn't fit its layer fails it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_lambda as lambda_

from tests.layers.checks.functions import function
from tests.support.wheels import make_wheel

if TYPE_CHECKING:
    from tests.layers.checks.conftest import MakeLayer

ROOT = Path(__file__).parents[3]
CDK = ROOT / "node_modules" / ".bin" / "cdk"

Synth = Callable[[cdk.Stack], object]


def _bare(tmp_path: Path) -> cdk.Stack:
    return cdk.Stack()


def _in_app(tmp_path: Path) -> cdk.Stack:
    return cdk.Stack(cdk.App(outdir=str(tmp_path / "cdk.out")), "Stack")


def _in_stage(tmp_path: Path) -> cdk.Stack:
    return cdk.Stack(cdk.Stage(cdk.App(outdir=str(tmp_path / "cdk.out")), "Stage"), "Stack")


def _synth_root(stack: cdk.Stack) -> object:
    return stack.node.root.synth()  # type: ignore[attr-defined]


def _synth_stage(stack: cdk.Stack) -> object:
    stage = cdk.Stage.of(stack)
    assert stage
    return stage.synth()


ENTRY_POINTS = [
    pytest.param(_in_app, _synth_root, id="app.synth"),
    pytest.param(_in_stage, _synth_root, id="app.synth with a stage"),
    pytest.param(_in_app, assertions.Template.from_stack, id="Template.from_stack in an app"),
    pytest.param(_bare, assertions.Template.from_stack, id="Template.from_stack of a bare stack"),
    pytest.param(_in_stage, assertions.Template.from_stack, id="Template.from_stack in a stage"),
    pytest.param(_in_stage, _synth_stage, id="stage.synth"),
]


@pytest.mark.parametrize(("made", "synth"), ENTRY_POINTS)
def test_a_function_of_the_other_architecture_fails(
    made: Callable[[Path], cdk.Stack], synth: Synth, tmp_path: Path, make_layer: MakeLayer
) -> None:
    stack = made(tmp_path)
    layer = make_layer(stack, "Deps", tag="cp313-cp313-manylinux_2_17_x86_64")
    function(stack, architecture=lambda_.Architecture.ARM_64, layers=[layer])
    with pytest.raises(RuntimeError, match=r"Function.*runs on arm64, and .*Deps.*is made for x86_64"):
        synth(stack)


@pytest.mark.parametrize(("made", "synth"), ENTRY_POINTS)
def test_a_function_that_fits_passes(
    made: Callable[[Path], cdk.Stack], synth: Synth, tmp_path: Path, make_layer: MakeLayer
) -> None:
    stack = made(tmp_path)
    layer = make_layer(stack, "Deps", tag="cp313-cp313-manylinux_2_17_x86_64")
    function(stack, layers=[layer])
    synth(stack)


@pytest.mark.parametrize(("made", "synth"), ENTRY_POINTS)
def test_what_was_accepted_passes(
    made: Callable[[Path], cdk.Stack], synth: Synth, tmp_path: Path, make_layer: MakeLayer
) -> None:
    stack = made(tmp_path)
    layer = make_layer(stack, "Deps", tag="cp313-cp313-manylinux_2_17_x86_64")
    used = function(stack, architecture=lambda_.Architecture.ARM_64, layers=[layer])
    accepted = f"layer-constructs::wrong-architecture:{layer.node.path}"
    cdk.Validations.of(used).acknowledge(cdk.Acknowledgment(id=accepted, reason="only its data files are read"))
    synth(stack)


@pytest.mark.parametrize(("made", "synth"), ENTRY_POINTS)
def test_accepting_it_for_another_layer_is_not_enough(
    made: Callable[[Path], cdk.Stack], synth: Synth, tmp_path: Path, make_layer: MakeLayer
) -> None:
    stack = made(tmp_path)
    layer = make_layer(stack, "Deps", tag="cp313-cp313-manylinux_2_17_x86_64")
    used = function(stack, architecture=lambda_.Architecture.ARM_64, layers=[layer])
    accepted = "layer-constructs::wrong-architecture:Stack/Other"
    cdk.Validations.of(used).acknowledge(cdk.Acknowledgment(id=accepted, reason="only its data files are read"))
    with pytest.raises(RuntimeError, match="runs on arm64"):
        synth(stack)


@pytest.mark.parametrize("synthesizer", [cdk.LegacyStackSynthesizer, cdk.CliCredentialsStackSynthesizer])
@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.parametrize("fits", [False, True])
def test_another_synthesizer_is_no_way_around(
    synthesizer: type[cdk.StackSynthesizer], staged: bool, fits: bool, app: cdk.App, make_layer: MakeLayer
) -> None:
    stack = cdk.Stack(cdk.Stage(app, "Stage") if staged else app, "Stack", synthesizer=synthesizer())
    layer = make_layer(stack, "Deps", tag="cp313-cp313-manylinux_2_17_x86_64")
    function(stack, architecture=lambda_.Architecture.X86_64 if fits else lambda_.Architecture.ARM_64, layers=[layer])
    if fits:
        _synth_stage(stack)
    else:
        with pytest.raises(RuntimeError, match="runs on arm64, and"):
            _synth_stage(stack)


APP = """
import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from layer_constructs import PythonDepsLayer

app = cdk.App()
stack = cdk.Stack({scope}, "Mine")
layer = PythonDepsLayer(stack, "Deps", requirements="req.txt", runtime=lambda_.Runtime.PYTHON_3_13)
lambda_.Function(stack, "Function", runtime=lambda_.Runtime.{runtime}, handler="index.handler",
                 code=lambda_.Code.from_inline("x"), architecture=lambda_.Architecture.{architecture}, layers=[layer])
app.synth()
"""


@pytest.mark.parametrize("scope", ["app", "cdk.Stage(app, 'Stage')"])
@pytest.mark.parametrize("architecture", ["ARM_64", "X86_64"])
def test_cdk_synth(tmp_path: Path, scope: str, architecture: str) -> None:
    wheel = make_wheel(tmp_path, "alpha", "1.0", tag="cp313-cp313-manylinux_2_17_x86_64")
    (tmp_path / "req.txt").write_text(f"./{wheel.name}\n", encoding="utf-8")
    text = APP.format(scope=scope, runtime="PYTHON_3_13", architecture=architecture)
    (tmp_path / "app.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [str(CDK), "synth", "--quiet", "--app", f"{sys.executable} app.py"],
        cwd=tmp_path,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if architecture == "X86_64":
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode != 0
        assert "runs on arm64, and" in done.stdout + done.stderr
        assert "app.py:8" in done.stdout + done.stderr
        assert "Mine/Function" in done.stdout + done.stderr


def _environment() -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return {**mine, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{mine['PATH']}"}
