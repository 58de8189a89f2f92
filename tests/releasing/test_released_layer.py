"""ReleasedLayer as its users meet it: a layer that somebody else released."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_lambda as lambda_

from layer_constructs.errors import ArgumentError
from layer_constructs.releasing.parameter_names import LATEST
from layer_constructs.releasing.release import LayerRelease
from layer_constructs.releasing.released_layer import ReleasedLayer
from tests.support.layers import ARN, function, made_layer, resources

PYTHON, ARM, X86 = lambda_.Runtime.PYTHON_3_13, lambda_.Architecture.ARM_64, lambda_.Architecture.X86_64
TARGET: dict[str, Any] = {"runtime": PYTHON, "architecture": ARM}
MADE_FOR: dict[str, Any] = {"compatible_runtimes": [PYTHON], "compatible_architectures": [ARM]}
FROM_SSM = "AWS::SSM::Parameter::Value<String>"


def in_region(region: str | None = None, account: str | None = None) -> cdk.Stack:
    return cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(account=account, region=region))


@pytest.fixture
def stack() -> cdk.Stack:
    return in_region()


def layers_of_function(stack: cdk.Stack) -> list[Any]:
    (found,) = resources(stack, "AWS::Lambda::Function").values()
    listed: list[Any] = found["Properties"]["Layers"]
    return listed


def parameters(stack: cdk.Stack) -> dict[str, Any]:
    """Those that are ours, by logical id."""
    found = assertions.Template.from_stack(stack).to_json().get("Parameters", {})
    return {name: each for name, each in found.items() if name != "BootstrapVersion"}


def test_an_arn_goes_into_a_function_as_it_is(stack: cdk.Stack) -> None:
    layer = ReleasedLayer.from_arn(stack, "Core", ARN, **MADE_FOR)
    assert (layer.library, layer.version, layer.layer_version_arn, layer.lifecycle) == ("core", 7, ARN, None)
    assert [each.name for each in layer.compatible_architectures] == ["arm64"]
    function(stack, architecture=ARM, layers=[layer])
    assert layers_of_function(stack) == [ARN]


def test_it_can_be_added_to_a_function_later_and_to_an_l1(stack: cdk.Stack) -> None:
    layer = ReleasedLayer.from_arn(stack, "Core", ARN, **MADE_FOR)
    function(stack, architecture=ARM).add_layers(layer)
    assert layers_of_function(stack) == [ARN]
    assert layer.layer_version_ref.layer_version_arn == ARN


def test_the_cdk_refuses_a_function_on_another_runtime(stack: cdk.Stack) -> None:
    for name, layer in (
        ("One", ReleasedLayer.from_arn(stack, "Core", ARN, **MADE_FOR)),
        ("Two", ReleasedLayer.from_parameter(stack, "Pinned", library="core", version=7, **TARGET)),
    ):
        with pytest.raises(RuntimeError, match=r"incompatible with this layer \(python3.12 is not in \[python3.13\]\)"):
            function(stack, name, runtime=lambda_.Runtime.PYTHON_3_12, layers=[layer])


def test_a_version_is_read_from_its_parameter(stack: cdk.Stack) -> None:
    layer = ReleasedLayer.from_parameter(stack, "Core", library="core", version=7, **TARGET)
    function(stack, architecture=ARM, layers=[layer])
    ((logical_id, parameter),) = parameters(stack).items()
    assert (parameter["Type"], parameter["Default"]) == (FROM_SSM, "/layers/deps/core/python3.13/arm64/7")
    assert layers_of_function(stack) == [{"Ref": logical_id}]
    assert layer.version == 7


def test_another_version_is_another_template_parameter() -> None:
    """Of one that the stack has already, ``cdk deploy`` keeps the value and not the new default."""
    ids = []
    for version in (1, 2, 10):
        stack = in_region()
        ReleasedLayer.from_parameter(stack, "Core", library="core", version=version, **TARGET)
        ids += list(parameters(stack))
    assert len(set(ids)) == 3


def test_names_of_any_length_give_logical_ids_that_cloudformation_takes() -> None:
    ids = []
    for version in (1, 2):
        stack = in_region()
        ReleasedLayer.from_parameter(
            stack, "Core", library="core", version=version, parameter_prefix=f"/{'x' * 900}", **TARGET
        )
        ids += list(parameters(stack))
    assert len(set(ids)) == 2
    assert all(len(each) <= 255 and each.isalnum() for each in ids)


def test_the_latest_is_asked_for_by_name_and_is_no_version(stack: cdk.Stack) -> None:
    layer = ReleasedLayer.from_latest_at_deploy(stack, "Core", library="core", **TARGET)
    (parameter,) = parameters(stack).values()
    assert (parameter["Type"], parameter["Default"]) == (FROM_SSM, f"/layers/deps/core/python3.13/arm64/{LATEST}")
    assert layer.version is None


def test_it_reads_what_a_release_writes(tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path / "cdk.out"))
    publisher, consumer = cdk.Stack(app, "Publisher"), cdk.Stack(app, "Consumer")
    LayerRelease(publisher, "Release", layer=made_layer(publisher, tmp_path), parameter_prefix="/team")
    given: dict[str, Any] = {"library": "core", "runtime": PYTHON, "architecture": X86, "parameter_prefix": "/team"}
    ReleasedLayer.from_latest_at_deploy(consumer, "Latest", **given)
    ReleasedLayer.from_parameter(consumer, "Pinned", version=7, **given)
    latest, pinned = (each["Default"] for each in parameters(consumer).values())
    written = [each["Properties"]["Name"] for each in resources(publisher, "AWS::SSM::Parameter").values()]
    assert latest in written
    assert pinned.removesuffix("7") in [name["Fn::Join"][1][0] for name in written if isinstance(name, dict)]


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_another_accounts_parameter_is_named_by_its_full_arn(region: str, partition: str) -> None:
    wanted = f"arn:{partition}:ssm:{region}:111122223333:parameter/layers/deps/core/python3.13/arm64/7"
    for stack, said in (
        (in_region(region, "444455556666"), None),
        (in_region(region), None),
        (in_region(), region),
        (in_region(region), region),
    ):
        layer = ReleasedLayer.from_parameter(
            stack, "Core", library="core", version=7, account="111122223333", region=said, **TARGET
        )
        function(stack, architecture=ARM, layers=[layer])
        ((logical_id, parameter),) = parameters(stack).items()
        assert (parameter["Type"], parameter["Default"]) == (FROM_SSM, wanted)
        assert layers_of_function(stack) == [{"Ref": logical_id}]
        assert "{{resolve:" not in str(assertions.Template.from_stack(stack).to_json())


def test_the_stacks_own_account_needs_no_arn() -> None:
    stack = in_region("eu-west-1", "111122223333")
    ReleasedLayer.from_parameter(stack, "Core", library="core", version=7, account="111122223333", **TARGET)
    assert [each["Default"] for each in parameters(stack).values()] == ["/layers/deps/core/python3.13/arm64/7"]


def test_it_works_in_a_stage_and_a_nested_stack() -> None:
    app = cdk.App()
    outer = cdk.Stack(cdk.Stage(app, "Prod"), "Outer")
    nested = cdk.NestedStack(outer, "Nested")
    layer = ReleasedLayer.from_parameter(nested, "Core", library="core", version=7, **TARGET)
    function(nested, architecture=ARM, layers=[layer])
    app.synth()
    (logical_id,) = parameters(nested)
    assert layers_of_function(nested) == [{"Ref": logical_id}]
    assert parameters(outer) == {}


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:{cdk.Aws.PARTITION}:lambda:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}:layer:core:7",
        f"arn:aws:lambda:{cdk.Aws.REGION}:111122223333:layer:core:7",
    ],
)
def test_partition_region_and_account_may_be_tokens(arn: str) -> None:
    stack = in_region("eu-west-1")
    layer = ReleasedLayer.from_arn(stack, "Core", arn, **MADE_FOR)
    assert (layer.library, layer.version) == ("core", 7)
    function(stack, architecture=ARM, layers=[layer])
    assert ":layer:core:7" in str(layers_of_function(stack))


@pytest.mark.parametrize(
    ("arn", "says"),
    [
        (ARN.removesuffix(":7"), rf"without a version\n  fix: write the version that is meant: '{ARN}'"),
        (ARN[:-1] + "0", "is '0', and must be a number from 1 on"),
        (ARN[:-1] + "latest", "is 'latest', and must be a number from 1 on"),
        (ARN[:-1] + "-1", "is '-1'"),
        (ARN + "7*", r"is '77\*'"),
        (ARN + ":8", "is not the ARN of a layer version"),
        (ARN.replace("111122223333", "1111"), "is '1111', and must have 12 digits"),
        (ARN.replace("layer", "function"), "is not the ARN of a layer version"),
        ("arn:aws:lambda:::awslayer:AmazonLinux1803", "is not the ARN of a layer version"),
        ("core:7", "is not the ARN of a layer version"),
        ("", "is not the ARN of a layer version"),
        (7, "is not the ARN of a layer version"),
        (ARN.replace("us-east-1", "cn-north-1"), "the partition is aws, and cn-north-1 is in aws-cn"),
        (cdk.Fn.import_value("Core"), "the layer's ARN is a token"),
        (ARN[:-1] + cdk.Fn.import_value("Version"), "the version in the ARN of a layer is a token"),
        (ARN.replace("core", cdk.Fn.import_value("Name")), "the name in the ARN of a layer is a token"),
    ],
)
def test_an_arn_that_pins_nothing_is_refused(arn: Any, says: str, stack: cdk.Stack) -> None:
    with pytest.raises(ArgumentError, match=says):
        ReleasedLayer.from_arn(stack, "Core", arn, **MADE_FOR)
    assert stack.node.try_find_child("Core") is None


@pytest.mark.parametrize(
    ("arn", "region", "says"),
    [
        (ARN, "eu-west-1", "layer core:7 is in us-east-1, and stack Stack in eu-west-1"),
        (ARN, "cn-north-1", "layer core:7 is in partition aws, and stack Stack in aws-cn"),
        (
            f"arn:aws:lambda:{cdk.Aws.REGION}:111122223333:layer:core:7",
            "us-gov-east-1",
            "layer core:7 is in partition aws, and stack Stack in aws-us-gov",
        ),
    ],
)
def test_an_arn_of_another_region_or_partition_is_refused(arn: str, region: str, says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        ReleasedLayer.from_arn(in_region(region), "Core", arn, **MADE_FOR)


def test_another_region_or_partition_is_fine_where_the_stacks_is_not_known(stack: cdk.Stack) -> None:
    ReleasedLayer.from_arn(
        stack, "Core", ARN.replace("arn:aws:lambda:us-east-1", "arn:aws-cn:lambda:cn-north-1"), **MADE_FOR
    )


@pytest.mark.parametrize("version", [0, -1, True, "7", "latest", LATEST, None, 7.0, cdk.Token.as_number({"Ref": "V"})])
def test_a_version_that_is_no_number_from_1_on_is_refused(version: Any, stack: cdk.Stack) -> None:
    with pytest.raises(ArgumentError, match=r"allowed: a number from 1 on[^\n]*\n[^\n]*from_latest_at_deploy"):
        ReleasedLayer.from_parameter(stack, "Core", library="core", version=version, **TARGET)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"library": cdk.Aws.STACK_NAME}, "library is a token"),
        ({"library": "a/b"}, "can't be part of a parameter's name"),
        ({"parameter_prefix": cdk.Aws.STACK_NAME}, "parameter_prefix is a token"),
        ({"parameter_prefix": f"/{'x' * 950}"}, "is too long"),
        ({"account": "1111"}, "account is '1111'\n  allowed: 12 digits"),
        ({"account": 111122223333}, "allowed: 12 digits, as text"),
        ({"account": cdk.Aws.ACCOUNT_ID}, "account is a token"),
        ({"account": "111122223333"}, "doesn't tell its region\n  fix: write region="),
        ({"account": "111122223333", "region": cdk.Aws.REGION}, "region is a token"),
        ({"runtime": "python3.13"}, "fix: write runtime=lambda_.Runtime.PYTHON_3_13"),
        ({"architecture": "arm64"}, "fix: write architecture=lambda_.Architecture.ARM_64"),
        ({"runtime": lambda_.Runtime(cdk.Aws.STACK_NAME)}, "runtime is '"),
    ],
)
def test_what_names_no_parameter_is_refused(given: dict[str, Any], says: str, stack: cdk.Stack) -> None:
    with pytest.raises(ArgumentError, match=says):
        ReleasedLayer.from_parameter(stack, "Core", **{"library": "core", "version": 7, **TARGET, **given})
    assert stack.node.try_find_child("Core") is None


def test_a_parameter_of_another_region_is_refused() -> None:
    with pytest.raises(ArgumentError, match="region is 'us-east-1', and stack Stack is in eu-west-1"):
        ReleasedLayer.from_latest_at_deploy(
            in_region("eu-west-1"), "Core", library="core", region="us-east-1", **TARGET
        )


@pytest.mark.parametrize("given", [[], "python3.13", ["python3.13"], None])
def test_what_it_is_made_for_must_be_said(given: Any, stack: cdk.Stack) -> None:
    for argument in MADE_FOR:
        with pytest.raises(ArgumentError, match=rf"fix: write {argument}=\[lambda_\."):
            ReleasedLayer.from_arn(stack, "Core", ARN, **{**MADE_FOR, argument: given})


def test_only_the_publisher_can_share_it(stack: cdk.Stack) -> None:
    layer = ReleasedLayer.from_arn(stack, "Core", ARN, **MADE_FOR)
    with pytest.raises(ArgumentError, match="only its publisher can share it"):
        layer.add_permission("Share", account_id="111122223333")
