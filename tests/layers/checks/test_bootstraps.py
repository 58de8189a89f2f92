"""A function of a custom runtime has one `bootstrap` that starts."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_

from layer_constructs import ContentLayer, CustomRuntimeLayer
from tests.layers.checks.functions import accept, function, refusal


@pytest.fixture
def runtime(stack: cdk.Stack, tmp_path: Path) -> CustomRuntimeLayer:
    return CustomRuntimeLayer(stack, "Runtime", entry=_folder(tmp_path / "runtime", "bootstrap", "#!/bin/sh\nexit\n"))


def _folder(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True)
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)
    return folder


def _bare(stack: cdk.Stack, name: str, code: Path, *layers: lambda_.LayerVersion) -> lambda_.Function:
    return function(
        stack,
        name,
        runtime=lambda_.Runtime.PROVIDED_AL2023,
        code=lambda_.Code.from_asset(str(code)),
        layers=list(layers),
    )


def test_several_functions_share_a_custom_runtime(
    app: cdk.App, stack: cdk.Stack, runtime: CustomRuntimeLayer, tmp_path: Path
) -> None:
    code = _folder(tmp_path / "code", "function.sh", "echo")
    _bare(stack, "One", code, runtime)
    _bare(stack, "Two", code, runtime)
    app.synth()


def test_a_bootstrap_in_the_code_starts_in_place_of_the_layers(
    app: cdk.App, stack: cdk.Stack, runtime: CustomRuntimeLayer, tmp_path: Path
) -> None:
    _bare(stack, "Function", _folder(tmp_path / "code", "bootstrap", "#!/bin/sh\n"), runtime)
    said = refusal(app)
    assert "its code has a bootstrap, which starts in place of the one of Stack/Runtime" in said
    assert "bootstrap-not-used:Stack/Runtime" in said


def test_a_bootstrap_in_the_code_can_be_accepted(
    app: cdk.App, stack: cdk.Stack, runtime: CustomRuntimeLayer, tmp_path: Path
) -> None:
    own = _bare(stack, "Function", _folder(tmp_path / "code", "bootstrap", "#!/bin/sh\n"), runtime)
    accept(own, "bootstrap-not-used:Stack/Runtime")
    app.synth()


def test_a_function_that_nothing_would_start_is_refused(app: cdk.App, stack: cdk.Stack, tmp_path: Path) -> None:
    tools = ContentLayer(stack, "Tools", entry=_folder(tmp_path / "tools", "tool", "#!/bin/sh\n"), into="bin")
    _bare(stack, "Function", _folder(tmp_path / "code", "function.sh", "echo"), tools)
    assert "it runs on provided.al2023, and neither its code nor a layer has a bootstrap" in refusal(app)


def test_a_runtime_that_is_laid_under_another_one_is_a_conflict(
    app: cdk.App, stack: cdk.Stack, runtime: CustomRuntimeLayer, tmp_path: Path
) -> None:
    other = CustomRuntimeLayer(stack, "Other", entry=_folder(tmp_path / "other", "bootstrap", "#!/bin/sh\necho\n"))
    _bare(stack, "Function", _folder(tmp_path / "code", "function.sh", "echo"), runtime, other)
    said = refusal(app)
    assert "Stack/Other" in said
    assert "wins over Stack/Runtime" in said
    assert "/opt/bootstrap" in said


def test_the_cdk_itself_refuses_a_custom_runtime_for_a_python_function(
    stack: cdk.Stack, runtime: CustomRuntimeLayer
) -> None:
    with pytest.raises(RuntimeError, match="incompatible with this layer"):
        function(stack, layers=[runtime])


def test_what_isnt_known_to_be_without_a_bootstrap_isnt_refused(app: cdk.App, stack: cdk.Stack, tmp_path: Path) -> None:
    tools = ContentLayer(stack, "Tools", entry=_folder(tmp_path / "tools", "tool", "#!/bin/sh\n"), into="bin")
    arn = "arn:aws:lambda:eu-west-1:111122223333:layer:runtime:1"
    foreign = lambda_.LayerVersion.from_layer_version_arn(stack, "Foreign", arn)
    function(
        stack,
        runtime=lambda_.Runtime.PROVIDED_AL2023,
        code=lambda_.Code.from_asset(str(_folder(tmp_path / "code", "function.sh", "echo"))),
        layers=[tools, foreign],
    )
    app.synth()
