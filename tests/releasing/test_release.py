"""LayerRelease as its users meet it: where consumers find the ARN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_lambda as lambda_
from syrupy.extensions.json import JSONSnapshotExtension

from layer_constructs import PythonDepsLayer, PythonDepsLayerSet
from layer_constructs.errors import ArgumentError
from layer_constructs.releasing.release import LayerRelease
from layer_constructs.sharing.lifecycle import Lifecycle
from layer_constructs.sharing.share import Share
from tests.support.layers import made_layer, resources

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

DATA = Path(__file__).parents[1] / "data"
PARAMETER, RAM_SHARE = "AWS::SSM::Parameter", "AWS::RAM::ResourceShare"
ORGANIZATION = "arn:aws:organizations::111122223333:organization/o-a1b2c3d4e5"
BOTH = [lambda_.Architecture.X86_64, lambda_.Architecture.ARM_64]


@pytest.fixture
def stack(tmp_path: Path) -> cdk.Stack:
    return cdk.Stack(cdk.App(outdir=str(tmp_path / "cdk.out")), "Stack")


@pytest.fixture
def layer(stack: cdk.Stack, tmp_path: Path) -> lambda_.LayerVersion:
    return made_layer(stack, tmp_path)


@dataclass(frozen=True)
class Named:
    """A set of layers, as the release sees it."""

    layers: Sequence[lambda_.LayerVersion]


def names(stack: cdk.Stack) -> dict[str, Any]:
    """The parameters' properties by name, with N for the version that only the deployment knows."""
    found = {}
    for parameter in resources(stack, PARAMETER).values():
        name = parameter["Properties"]["Name"]
        if isinstance(name, dict):
            folder, version = name["Fn::Join"][1]
            arn = {"Fn::Split": [":", parameter["Properties"]["Value"]]}
            assert version == {"Fn::Select": [7, arn]}
            name = f"{folder}N"
        found[name] = parameter
    return found


def test_a_release_is_a_parameter_for_the_version_and_one_for_the_latest(
    stack: cdk.Stack, layer: lambda_.LayerVersion, snapshot: SnapshotAssertion
) -> None:
    LayerRelease(stack, "Release", layer=layer)
    found = names(stack)
    folder = "/layers/deps/core/python3.13/x86_64"
    assert set(found) == {f"{folder}/N", f"{folder}/latest"}
    (layer_id,) = resources(stack, "AWS::Lambda::LayerVersion")
    assert all(each["Properties"]["Value"] == {"Ref": layer_id} for each in found.values())
    template = assertions.Template.from_stack(stack).to_json()
    shown = {"Outputs": template["Outputs"], "Resources": resources(stack, PARAMETER)}
    assert shown == snapshot.use_extension(JSONSnapshotExtension)


def test_the_parameter_of_a_version_is_kept_and_the_latest_is_not(
    stack: cdk.Stack, layer: lambda_.LayerVersion
) -> None:
    LayerRelease(stack, "Release", layer=layer)
    found = names(stack)
    policies = {
        name.rpartition("/")[2]: (each.get("UpdateReplacePolicy"), each.get("DeletionPolicy"))
        for name, each in found.items()
    }
    assert policies == {"N": ("Retain", "RetainExceptOnCreate"), "latest": (None, None)}


def test_nothing_tells_of_a_version_that_is_not_kept(stack: cdk.Stack, tmp_path: Path) -> None:
    layer = made_layer(stack, tmp_path, removal_policy=cdk.RemovalPolicy.DESTROY)
    LayerRelease(stack, "Release", layer=layer, share_parameters_with=[ORGANIZATION])
    kinds = [PARAMETER, RAM_SHARE]
    assert {each.get("UpdateReplacePolicy") for kind in kinds for each in resources(stack, kind).values()} <= {
        None,
        "Delete",
    }


def test_outputs_have_the_arn_and_lock_nothing(stack: cdk.Stack, layer: lambda_.LayerVersion) -> None:
    LayerRelease(stack, "Release", layer=layer)
    (output,) = assertions.Template.from_stack(stack).to_json()["Outputs"].values()
    (layer_id,) = resources(stack, "AWS::Lambda::LayerVersion")
    assert output["Value"] == {"Ref": layer_id}
    assert "Export" not in output


def test_a_layer_for_several_targets_is_found_under_each(stack: cdk.Stack, tmp_path: Path) -> None:
    runtimes = [lambda_.Runtime.PYTHON_3_12, lambda_.Runtime.PYTHON_3_13]
    layer = made_layer(stack, tmp_path, compatible_runtimes=runtimes, compatible_architectures=BOTH)
    LayerRelease(stack, "Release", layer=layer, parameter_prefix="/team/layers")
    assert set(names(stack)) == {
        f"/team/layers/core/{runtime}/{architecture}/{version}"
        for runtime in ("python3.12", "python3.13")
        for architecture in ("x86_64", "arm64")
        for version in ("N", "latest")
    }


def test_another_runtime_changes_no_logical_id(tmp_path: Path) -> None:
    found = []
    for runtimes in ([lambda_.Runtime.PYTHON_3_13], [lambda_.Runtime.PYTHON_3_12, lambda_.Runtime.PYTHON_3_13]):
        stack = cdk.Stack(cdk.App(), "Stack")
        LayerRelease(stack, "Release", layer=made_layer(stack, tmp_path, compatible_runtimes=runtimes))
        found.append(set(resources(stack, PARAMETER)))
    assert found[0] < found[1]


def test_a_layer_of_ours_is_released_as_it_is(stack: cdk.Stack) -> None:
    layer = PythonDepsLayer(
        stack,
        "Deps",
        requirements=DATA / "small" / "requirements.txt",
        runtime=lambda_.Runtime.PYTHON_3_13,
        layer_version_name="core",
    )
    LayerRelease(stack, "Release", layer=layer)
    assert f"/layers/deps/core/python3.13/{layer.target.architecture}/latest" in names(stack)


def test_a_set_is_released_by_one_declaration_under_one_name(stack: cdk.Stack) -> None:
    layers = PythonDepsLayerSet(
        stack,
        "Deps",
        requirements=DATA / "compiled" / "requirements.txt",
        runtimes=[lambda_.Runtime.PYTHON_3_12],
        architectures=BOTH,
        layer_version_name="core",
    )
    assert len(layers.layers) == 2
    LayerRelease(stack, "Release", layer=layers, library="core")
    # Versions are counted by the layer's own name; under another one, a version could come twice.
    assert set(names(stack)) == {
        f"/layers/deps/{library}/python3.12/{architecture}/{version}"
        for architecture in ("x86_64", "arm64")
        for library, version in ((f"core-python312-{architecture}", "N"), ("core", "latest"))
    }
    assert len(assertions.Template.from_stack(stack).to_json()["Outputs"]) == 2


def test_parameters_are_shared_by_ram_and_advanced(
    stack: cdk.Stack, layer: lambda_.LayerVersion, snapshot: SnapshotAssertion
) -> None:
    LayerRelease(stack, "Release", layer=layer, share_parameters_with=[ORGANIZATION, Share.account("444455556666")])
    assert {each["Properties"]["Tier"] for each in names(stack).values()} == {"Advanced"}
    shares = resources(stack, RAM_SHARE)
    assert all(each["Properties"]["Principals"] == ["444455556666", ORGANIZATION] for each in shares.values())
    assert shares == snapshot.use_extension(JSONSnapshotExtension)


def test_what_is_not_shared_costs_nothing(stack: cdk.Stack, layer: lambda_.LayerVersion) -> None:
    LayerRelease(stack, "Release", layer=layer)
    assert {each["Properties"]["Tier"] for each in names(stack).values()} == {"Standard"}
    assert not resources(stack, RAM_SHARE)


def test_the_share_of_a_replaced_version_stays_and_that_of_the_latest_moves(tmp_path: Path) -> None:
    ids: list[set[str]] = []
    for text, principals in (("one", [ORGANIZATION]), ("one", ["444455556666"]), ("two", [ORGANIZATION])):
        stack = cdk.Stack(cdk.App(outdir=str(tmp_path / "cdk.out")), "Stack")
        layer = made_layer(stack, tmp_path, description=text)
        LayerRelease(stack, "Release", layer=layer, share_parameters_with=principals)
        shares = resources(stack, RAM_SHARE)
        kept = {key for key, each in shares.items() if each.get("DeletionPolicy") == "RetainExceptOnCreate"}
        assert len(kept) == 1
        assert len(shares) == 2
        ids.append(set(shares))
    assert ids[0] == ids[1], "whom it is shared with changes the share that is there"
    assert len(ids[0] & ids[2]) == 1, "a new version gets a share of its own, the latest keeps its own"


def test_the_text_of_the_lifecycle_stands_in_the_descriptions(stack: cdk.Stack, layer: lambda_.LayerVersion) -> None:
    LayerRelease(stack, "Release", layer=layer, lifecycle=Lifecycle(deprecated=date(2027, 1, 1), successor="other"))
    described = [str(each["Properties"]["Description"]) for each in names(stack).values()]
    assert len(described) == 2
    assert all("; deprecated from 2027-01-01 on; use other instead" in text for text in described)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"layer_version_name": None}, r"has no layer_version_name[^\n]*\n  fix: write layer_version_name='core'"),
        ({"layer_version_name": cdk.Aws.STACK_NAME}, "the layer_version_name of Stack/Bad is a token"),
        ({"compatible_runtimes": None}, "has no compatible_runtimes"),
        ({"compatible_architectures": None}, "has no compatible_architectures"),
    ],
)
def test_a_layer_whose_names_nobody_could_know_is_refused(
    given: dict[str, Any], says: str, stack: cdk.Stack, tmp_path: Path
) -> None:
    layer = made_layer(stack, tmp_path, "Bad", **given)
    with pytest.raises(ArgumentError, match=says):
        LayerRelease(stack, "Release", layer=layer)
    assert stack.node.try_find_child("Release") is None


def test_a_layer_that_somebody_else_makes_is_refused(stack: cdk.Stack) -> None:
    arn = "arn:aws:lambda:us-east-1:111122223333:layer:core:7"
    imported: Any = lambda_.LayerVersion.from_layer_version_arn(stack, "Imported", arn)
    wrong: Any
    for wrong in (imported, "core", None, []):
        with pytest.raises(ArgumentError, match="must be a layer version that this app makes, or a set of them"):
            LayerRelease(stack, "Release", layer=wrong)


def test_a_layer_of_another_stack_is_refused(layer: lambda_.LayerVersion, stack: cdk.Stack) -> None:
    other = cdk.Stack(cdk.App(), "Other")
    with pytest.raises(ArgumentError, match="fix: declare the release in the layer's stack"):
        LayerRelease(other, "Release", layer=layer)
    with pytest.raises(ArgumentError, match=r"and its release would be in Stack/Nested"):
        LayerRelease(cdk.NestedStack(stack, "Nested"), "Release", layer=layer)


def test_a_set_needs_a_name_for_all_its_layers(stack: cdk.Stack, tmp_path: Path) -> None:
    arm = {"compatible_architectures": [lambda_.Architecture.ARM_64]}
    layers = Named(
        [
            made_layer(stack, tmp_path, "X86", layer_version_name="core-x86"),
            made_layer(stack, tmp_path, "Arm", layer_version_name="core-arm", **arm),
        ]
    )
    with pytest.raises(ArgumentError, match=r"core-x86\n  core-arm\n  fix: write library='core'"):
        LayerRelease(stack, "Release", layer=layers)
    with pytest.raises(ArgumentError, match="what they are called together"):
        LayerRelease(stack, "Release", layer=Named(layers.layers[:1]))


@pytest.mark.parametrize("argument", ["library", "parameter_prefix"])
def test_names_are_known_at_synth(argument: str, stack: cdk.Stack, layer: lambda_.LayerVersion) -> None:
    given: dict[str, Any] = {argument: cdk.Aws.STACK_NAME}
    with pytest.raises(ArgumentError, match=f"{argument} is a token"):
        LayerRelease(stack, "Release", layer=layer, **given)


def test_two_layers_for_one_target_are_refused(stack: cdk.Stack, tmp_path: Path) -> None:
    layers = Named([made_layer(stack, tmp_path, name, layer_version_name=name.lower()) for name in ("One", "Two")])
    with pytest.raises(ArgumentError, match=r"one and two are both for python3\.13/x86_64"):
        LayerRelease(stack, "Release", layer=layers, library="core")


def test_a_set_that_has_made_nothing_yet_is_refused(stack: cdk.Stack) -> None:
    with pytest.raises(ArgumentError, match="fix: make the release after the functions"):
        LayerRelease(stack, "Release", layer=Named([]))


def test_a_name_that_is_too_long_is_refused_before_anything_is_added(
    stack: cdk.Stack, layer: lambda_.LayerVersion
) -> None:
    with pytest.raises(ArgumentError, match=r"too long[^\n]*\n  allowed: 947[^\n]*\n  fix: write a shorter"):
        LayerRelease(stack, "Release", layer=layer, parameter_prefix=f"/{'x' * 950}")
    assert stack.node.try_find_child("Release") is None


@pytest.mark.parametrize(
    "principal",
    ["o-a1b2c3d4e5", Share.organization("o-a1b2c3d4e5"), Share.public(), "1111", 111122223333, cdk.Aws.ACCOUNT_ID, "*"],
)
def test_whom_ram_would_not_share_with_is_refused_in_its_own_terms(
    principal: Any, stack: cdk.Stack, layer: lambda_.LayerVersion
) -> None:
    with pytest.raises(ArgumentError, match=r"AWS RAM can't share with[\s\S]*arn:aws:organizations::"):
        LayerRelease(stack, "Release", layer=layer, share_parameters_with=[principal])


def test_principals_are_a_list_without_doubles(stack: cdk.Stack, layer: lambda_.LayerVersion) -> None:
    with pytest.raises(ArgumentError, match="and must be a list"):
        LayerRelease(stack, "Release", layer=layer, share_parameters_with="111122223333")
    with pytest.raises(ArgumentError, match="has 111122223333 twice"):
        LayerRelease(
            stack, "Release", layer=layer, share_parameters_with=["111122223333", Share.account("111122223333")]
        )


@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1", "us-gov-west-1"])
def test_a_template_names_no_partition_of_its_own(region: str, tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path / "cdk.out"))
    stack = cdk.Stack(app, "Stack", env=cdk.Environment(account="111122223333", region=region))
    layer = made_layer(stack, tmp_path)
    LayerRelease(stack, "Release", layer=layer, share_parameters_with=["444455556666"])
    shared = [each["Properties"]["ResourceArns"] for each in resources(stack, RAM_SHARE).values()]
    assert len(shared) == 2
    assert all("AWS::Partition" in str(arns) and "arn:aws" not in str(arns) for arns in shared)
