"""A function and the released layer that it uses are made for the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_

from layer_constructs import ReleasedLayer
from tests.layers.checks.functions import function
from tests.layers.checks.test_entry_points import ENTRY_POINTS, Synth

ARN = "arn:aws:lambda:eu-west-1:111122223333:layer:core:7"
PYTHON, ARM = lambda_.Runtime.PYTHON_3_13, lambda_.Architecture.ARM_64


def by_arn(stack: cdk.Stack) -> ReleasedLayer:
    return ReleasedLayer.from_arn(stack, "Core", ARN, compatible_runtimes=[PYTHON], compatible_architectures=[ARM])


def by_regional_arn(stack: cdk.Stack) -> ReleasedLayer:
    arn = ARN.replace("eu-west-1", cdk.Aws.REGION)
    return ReleasedLayer.from_arn(stack, "Core", arn, compatible_runtimes=[PYTHON], compatible_architectures=[ARM])


def by_parameter(stack: cdk.Stack) -> ReleasedLayer:
    return ReleasedLayer.from_parameter(stack, "Core", library="core", version=7, runtime=PYTHON, architecture=ARM)


def latest(stack: cdk.Stack) -> ReleasedLayer:
    return ReleasedLayer.from_latest_at_deploy(stack, "Core", library="core", runtime=PYTHON, architecture=ARM)


WAYS = [by_arn, by_regional_arn, by_parameter, latest]


@pytest.mark.parametrize(("made", "synth"), ENTRY_POINTS)
def test_a_function_of_the_other_architecture_is_refused(
    made: Callable[[Path], cdk.Stack], synth: Synth, tmp_path: Path
) -> None:
    stack = made(tmp_path)
    function(stack, layers=[by_parameter(stack)])
    with pytest.raises(RuntimeError, match=r"Function: it runs on x86_64, and .*Core is made for arm64"):
        synth(stack)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("architecture", [ARM, lambda_.Architecture.X86_64])
def test_however_it_was_found(
    way: Callable[[cdk.Stack], ReleasedLayer], architecture: lambda_.Architecture, app: cdk.App, stack: cdk.Stack
) -> None:
    function(stack, layers=[way(stack)], architecture=architecture)
    if architecture == ARM:
        app.synth()
    else:
        with pytest.raises(RuntimeError, match=r"Stack/Function: it runs on x86_64, and Stack/Core is made for arm64"):
            app.synth()


def test_a_runtime_that_an_escape_hatch_changed_is_refused(app: cdk.App, stack: cdk.Stack) -> None:
    used = function(stack, layers=[by_arn(stack)], architecture=ARM)
    used.node.default_child.add_property_override("Runtime", "python3.12")  # type: ignore[union-attr]
    with pytest.raises(RuntimeError, match=r"it runs on python3\.12, and Stack/Core is made for python3\.13"):
        app.synth()


def test_it_can_be_accepted(app: cdk.App, stack: cdk.Stack) -> None:
    used = function(stack, layers=[by_arn(stack)])
    accepted = cdk.Acknowledgment(id="layer-constructs::wrong-architecture:Stack/Core", reason="it is pure Python")
    cdk.Validations.of(used).acknowledge(accepted)
    app.synth()


def test_another_functions_layers_are_no_matter(app: cdk.App, stack: cdk.Stack) -> None:
    by_arn(stack)
    function(stack)
    app.synth()


@pytest.fixture
def app(tmp_path: Path) -> cdk.App:
    return cdk.App(outdir=str(tmp_path / "cdk.out"))


@pytest.fixture
def stack(app: cdk.App) -> cdk.Stack:
    return cdk.Stack(app, "Stack")
