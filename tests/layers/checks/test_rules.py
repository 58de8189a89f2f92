"""Each rule with functions that fail and functions that pass."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_

from layer_constructs.layers import construct_names
from tests.layers.checks.functions import accept, function, refusal

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

    from tests.layers.checks.conftest import MakeLayer

X86_64_WHEEL = "cp313-cp313-manylinux_2_17_x86_64"


def cfn_function(stack: cdk.Stack, **more: Any) -> lambda_.CfnFunction:
    """One that nothing of the CDK's own looked at."""
    given: dict[str, Any] = {
        "role": "arn:aws:iam::111122223333:role/mine",
        "runtime": "python3.13",
        "handler": "index.handler",
        "code": lambda_.CfnFunction.CodeProperty(zip_file="x"),
        **more,
    }
    return lambda_.CfnFunction(stack, "Function", **given)


def foreign_arns(count: int) -> list[str]:
    return [f"arn:aws:lambda:eu-west-1:111122223333:layer:other{number}:1" for number in range(count)]


@pytest.mark.parametrize("others", [4, 5])
def test_a_function_has_at_most_five_layers(app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer, others: int) -> None:
    layer = make_layer(stack, "Deps")
    cfn_function(stack, layers=[layer.layer_version_arn, *foreign_arns(others)])
    if others == 4:
        app.synth()
    else:
        said = refusal(app)
        assert "Stack/Function: it has 6 layers, and Lambda takes 5" in said
        assert "arn:aws:lambda:eu-west-1:111122223333:layer:other4:1" in said
        assert re.search(r"Stack/Deps \(.*conftest\.py:\d+\)", said)


def _sparse(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.truncate(size)


@pytest.mark.parametrize("over", [False, True])
def test_code_and_layers_stay_below_the_limit_together(
    app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer, tmp_path: Path, over: bool
) -> None:
    _sparse(tmp_path / "code" / "data.bin", 100_000_000)
    _sparse(tmp_path / "foreign" / "data.bin", 161_000_000 + over * 1_144_000)
    foreign = lambda_.LayerVersion(stack, "Foreign", code=lambda_.Code.from_asset(str(tmp_path / "foreign")))
    unknown = lambda_.LayerVersion.from_layer_version_arn(stack, "Unknown", foreign_arns(1)[0])
    layers = [make_layer(stack, "Deps"), foreign, unknown]
    function(stack, code=lambda_.Code.from_asset(str(tmp_path / "code")), layers=layers)
    if not over:
        app.synth()
        return
    said = refusal(app)
    assert "bytes unzipped, and Lambda takes 262,144,000" in said
    assert "95.4 MB  its own code" in said
    assert "154.6 MB  Stack/Foreign" in said
    assert re.search(r"0\.0 MB  Stack/Deps \(.*conftest\.py", said)
    assert "unknown  arn:aws:lambda:eu-west-1:111122223333:layer:other0:1" in said


@pytest.mark.parametrize("runtime", ["python3.12", "python3.13", "provided.al2023"])
def test_the_runtime_must_be_one_of_the_layers(
    app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer, runtime: str
) -> None:
    cfn_function(stack, runtime=runtime, layers=[make_layer(stack, "Deps").layer_version_arn])
    if runtime == "python3.13":
        app.synth()
    else:
        assert re.search(rf"it runs on {runtime}, and Stack/Deps \(.*\) is made for python3\.13", refusal(app))


def test_a_function_that_says_nothing_runs_on_x86_64(app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer) -> None:
    layer = make_layer(
        stack, "Deps", tag="cp313-cp313-manylinux_2_17_aarch64", architecture=lambda_.Architecture.ARM_64
    )
    function(stack, layers=[layer])
    assert "runs on x86_64, and" in refusal(app)


def test_a_pure_layer_fits_both_architectures(app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer) -> None:
    layer = make_layer(stack, "Deps")
    function(stack, "X", layers=[layer])
    function(stack, "A", architecture=lambda_.Architecture.ARM_64, layers=[layer])
    app.synth()


def test_what_only_the_deployment_decides_is_not_wrong(app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer) -> None:
    layer = make_layer(stack, "Deps", tag=X86_64_WHEEL)
    runtime, architecture, arn = (cdk.CfnParameter(stack, name).value_as_string for name in ("R", "A", "L"))
    cfn_function(stack, runtime=runtime, architectures=[architecture], layers=[layer.layer_version_arn, arn])
    app.synth()


def test_layers_that_are_a_parameter_altogether_are_unknown(
    app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer
) -> None:
    make_layer(stack, "Deps")
    cfn_function(stack, layers=cdk.CfnParameter(stack, "L", type="CommaDelimitedList").value_as_list)
    app.synth()


def test_two_versions_of_one_package_tell_which_one_wins_and_can_be_accepted(
    app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer
) -> None:
    older = make_layer(stack, "Older", {"alpha": "1.0", "beta": "1.0"})
    newer = make_layer(stack, "Newer", {"alpha": "2.0", "beta": "1.0"})
    function(stack, layers=[older, newer])
    said = refusal(app)
    assert re.search(r"Stack/Newer \(.*\) comes later and wins over Stack/Older \(.*\)\s+alpha: 2\.0 over 1\.0", said)
    assert "/opt/python/alpha/__init__.py" in said
    assert "beta" not in said
    assert "layer-constructs::conflict:Stack/Older:Stack/Newer" in said


def test_an_accepted_conflict_passes_and_another_order_is_another_one(make_layer: MakeLayer, tmp_path: Path) -> None:
    for number, accepted in enumerate(("conflict:Stack/A:Stack/B", "conflict:Stack/B:Stack/A")):
        app = cdk.App(outdir=str(tmp_path / f"{number}.out"))
        stack = cdk.Stack(app, "Stack")
        layers = [make_layer(stack, "A", {"alpha": "1.0"}), make_layer(stack, "B", {"alpha": "2.0"})]
        accept(function(stack, layers=layers), accepted)
        if number == 0:
            app.synth()
        else:
            assert "wins over" in refusal(app)


def test_different_files_at_one_path_are_a_conflict_whoever_brings_them(
    app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer, tmp_path: Path
) -> None:
    shared = tmp_path / "foreign" / "python" / "shared.py"
    shared.parent.mkdir(parents=True)
    shared.write_bytes(b"x = 2\n")
    (shared.parent / "same.py").write_bytes(b"x = 1\n")
    foreign = lambda_.LayerVersion(stack, "Foreign", code=lambda_.Code.from_asset(str(tmp_path / "foreign")))
    ours = make_layer(stack, "Deps", extra={"shared.py": b"x = 1\n", "same.py": b"x = 1\n"})
    function(stack, layers=[foreign, ours])
    said = refusal(app)
    assert "/opt/python/shared.py" in said
    assert "same.py" not in said


def test_layers_that_share_nothing_or_the_same_are_no_conflict(
    app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer
) -> None:
    layers = [
        make_layer(stack, "One", {"alpha": "1.0", "beta": "1.0"}),
        make_layer(stack, "Two", {"beta": "1.0"}),
        make_layer(stack, "Three", {"gamma": "1.0"}),
    ]
    function(stack, layers=layers)
    app.synth()


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["alpha-1.0.dist-info/METADATA", "alpha/__init__.py", "index.py"], "alpha 1.0"),
        (["alpha-0.9.dist-info/METADATA", "index.py"], "alpha 0.9, in the layer 1.0"),
        (["alpha/__init__.py", "index.py"], "alpha/"),
        (["mine/__init__.py", "index.py", "alpha.txt"], None),
    ],
)
def test_a_bundled_function_ships_nothing_that_its_layer_has(
    app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer, tmp_path: Path, names: list[str], says: str | None
) -> None:
    for name in names:
        (tmp_path / "code" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "code" / name).touch()
    layer = make_layer(stack, "Deps")
    used = function(stack, code=lambda_.Code.from_asset(str(tmp_path / "code")), layers=[layer])
    if says is None:
        app.synth()
        return
    accepted = cdk.Stack(app, "Accepted")
    again = function(
        accepted, code=lambda_.Code.from_asset(str(tmp_path / "code")), layers=[make_layer(accepted, "Again")]
    )
    accept(again, "ships-again:Accepted/Again")
    said = refusal(app)
    assert used.node.path in said
    assert re.search(rf"its code has again what Stack/Deps \(.*\) has; what is in the code is imported\s+{says}", said)


@pytest.mark.parametrize(
    "more",
    [
        {"package_type": "Image"},
        {"code": lambda_.CfnFunction.CodeProperty(image_uri="111122223333.dkr.ecr.eu-west-1.amazonaws.com/mine:1")},
    ],
)
def test_a_container_image_has_no_layers(
    app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer, more: dict[str, Any]
) -> None:
    cfn_function(stack, layers=[make_layer(stack, "Deps").layer_version_arn], **more)
    assert "a function that is a container image can't have layers" in refusal(app)


def test_what_aws_refuses_can_not_be_accepted(app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer) -> None:
    used = cfn_function(stack, package_type="Image", layers=[make_layer(stack, "Deps").layer_version_arn])
    cdk.Validations.of(used).acknowledge(cdk.Acknowledgment(id="layer-constructs::no-layers-here", reason="no"))
    assert "can't have layers" in refusal(app)


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_lambda_at_edge_has_no_layers(app: cdk.App, make_layer: MakeLayer, region: str) -> None:
    from aws_cdk import aws_cloudfront as cloudfront

    where = cdk.Environment(region=region, account="111122223333")
    stack = cdk.Stack(app, "Site", env=where)
    if region == "us-east-1":
        layer = make_layer(stack, "Deps")
    else:  # the CDK puts the function into a stack of its own
        layer = make_layer(
            cdk.Stack(app, "There", env=cdk.Environment(region="us-east-1", account=where.account)), "Deps"
        )
    cloudfront.experimental.EdgeFunction(
        stack,
        "Edge",
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="index.handler",
        code=lambda_.Code.from_inline("x"),
        layers=[layer],
    )
    assert re.search(r"Edge.*Lambda@Edge takes no layers", refusal(app))


def test_functions_without_a_layer_of_ours_are_left_alone(
    app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer
) -> None:
    make_layer(stack, "Deps")
    cfn_function(stack, package_type="Image", layers=foreign_arns(6))
    app.synth()


def test_a_layer_that_was_not_built_is_unknown(make_layer: MakeLayer, tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path / "cdk.out"), context={"aws:cdk:bundling-stacks": []})
    stack = cdk.Stack(app, "Stack")
    layers = [make_layer(stack, "A", {"alpha": "1.0"}), make_layer(stack, "B", {"alpha": "2.0"})]
    function(stack, layers=layers)
    app.synth()


def test_what_is_said_of_a_function_with_several_faults(
    app: cdk.App, make_layer: MakeLayer, snapshot: SnapshotAssertion
) -> None:
    stack = cdk.Stack(cdk.Stage(app, "Stage"), "Stack")
    older = make_layer(stack, "Older", {"alpha": "1.0"}, tag=X86_64_WHEEL)
    newer = make_layer(stack, "Newer", {"alpha": "2.0"})
    function(stack, architecture=lambda_.Architecture.ARM_64, layers=[older, newer])
    assert re.sub(r"[^\s(]*conftest\.py:\d+", "stacks/core.py:12", refusal(app)) == snapshot


def test_an_app_without_layers_of_ours_is_not_looked_at(app: cdk.App, stack: cdk.Stack) -> None:
    from layer_constructs.layers import function_checks

    before = len(function_checks._WATCHES)
    cfn_function(stack, layers=foreign_arns(6))
    app.synth()
    assert len(function_checks._WATCHES) == before


@pytest.mark.parametrize("staged", [False, True])
def test_the_tree_is_asked_for_no_name_where_nothing_is_wrong(
    staged: bool, app: cdk.App, make_layer: MakeLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = cdk.Stage(app, "Stage") if staged else app
    stack = cdk.Stack(stage, "Stack")
    function(stack, layers=[make_layer(stack, "Deps")])

    def asked(*_: object) -> None:
        raise AssertionError("each question goes over jsii")

    monkeypatch.setattr(construct_names, "_functions_and_layers", asked)
    stage.synth()
