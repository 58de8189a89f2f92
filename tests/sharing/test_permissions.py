"""Shared layers as templates: what is granted, what is kept, what is revoked."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_lambda as lambda_
from syrupy.extensions.json import JSONSnapshotExtension

from layer_constructs import PythonDepsLayer, PythonDepsLayerSet
from layer_constructs.errors import ArgumentError
from layer_constructs.sharing.share import Share

if TYPE_CHECKING:
    from constructs import Construct
    from syrupy.assertion import SnapshotAssertion

DATA = Path(__file__).parents[1] / "data"
SMALL = DATA / "small" / "requirements.txt"
COMPILED = DATA / "compiled" / "requirements.txt"  # a layer for each architecture
DISPOSABLE = "layer-constructs:disposable"
ACCOUNT, OTHER = Share.account("111122223333"), Share.account("444455556666")
ORGANIZATION, PUBLIC = Share.organization("o-a1b2c3d4e5"), Share.public()
KEPT = ("Retain", "Delete")
GONE = ("Delete", "Delete")


@pytest.fixture
def app(tmp_path: Path) -> cdk.App:
    return cdk.App(outdir=str(tmp_path / "cdk.out"))


@pytest.fixture
def stack(app: cdk.App) -> cdk.Stack:
    return cdk.Stack(app, "Stack")


def layer_in(scope: Construct, shares: Sequence[Share] = (), **more: Any) -> PythonDepsLayer:
    return PythonDepsLayer(scope, "Deps", requirements=SMALL, share_with=shares, **more)


def template(folder: Path, shares: Sequence[Share], **more: Any) -> dict[str, Any]:
    stack = cdk.Stack(cdk.App(outdir=str(folder)), "Stack")
    layer_in(stack, shares, **more)
    return resources(stack)


def resources(stack: cdk.Stack) -> dict[str, Any]:
    return dict(assertions.Template.from_stack(stack).to_json()["Resources"])


def permissions(stack: cdk.Stack) -> dict[str, Any]:
    return dict(assertions.Template.from_stack(stack).find_resources("AWS::Lambda::LayerVersionPermission"))


def whom(resource: Mapping[str, Any]) -> object:
    properties = resource["Properties"]
    return properties.get("OrganizationId") or properties["Principal"]


def policies(resource: Mapping[str, Any]) -> tuple[object, object]:
    return resource["UpdateReplacePolicy"], resource["DeletionPolicy"]


def test_a_shared_layer(stack: cdk.Stack, snapshot: SnapshotAssertion) -> None:
    layer = layer_in(stack, [ACCOUNT, ORGANIZATION, PUBLIC])
    assert layer.shares == (ACCOUNT, ORGANIZATION, PUBLIC)
    found = permissions(stack)
    assert [whom(each) for each in found.values()] == ["111122223333", "o-a1b2c3d4e5", "*"]
    assert {policies(each) for each in found.values()} == {KEPT}
    assert resources(stack) == snapshot.use_extension(JSONSnapshotExtension)


def test_the_template_is_the_same_in_whatever_order_they_are_listed(tmp_path: Path) -> None:
    orders = permutations([ACCOUNT, ORGANIZATION, PUBLIC])
    texts = {json.dumps(template(tmp_path / str(number), order)) for number, order in enumerate(orders)}
    assert len(texts) == 1


@pytest.mark.parametrize("left_out", [ACCOUNT, OTHER, ORGANIZATION, PUBLIC])
def test_taking_one_share_out_takes_exactly_its_permission_out(tmp_path: Path, left_out: Share) -> None:
    shares = [ACCOUNT, OTHER, ORGANIZATION, PUBLIC]
    before = template(tmp_path / "before", shares)
    after = template(tmp_path / "after", [share for share in shares if share != left_out])
    (gone,) = before.keys() - after.keys()
    assert whom(before[gone]) == (left_out.organization_id or left_out.principal)
    assert policies(before[gone])[1] == "Delete"
    assert after == {name: resource for name, resource in before.items() if name != gone}


def test_sharing_later_gives_the_same_template(tmp_path: Path, stack: cdk.Stack) -> None:
    layer = layer_in(stack, [ORGANIZATION])
    layer.share_with(PUBLIC, ACCOUNT)
    assert set(layer.shares) == {ACCOUNT, ORGANIZATION, PUBLIC}
    assert resources(stack) == template(tmp_path / "at once", [ACCOUNT, ORGANIZATION, PUBLIC])


@pytest.mark.parametrize("change", [{"layer_version_name": "core"}, {"description": "new"}, {"license": "MIT"}])
def test_what_replaces_a_version_replaces_and_so_keeps_its_permissions(tmp_path: Path, change: dict[str, str]) -> None:
    before = template(tmp_path / "before", [ACCOUNT])
    after = template(tmp_path / "after", [ACCOUNT], **change)
    (layer, permission) = before
    assert after[permission] == before[permission]
    assert after[permission]["Properties"]["LayerVersionArn"] == {"Ref": layer}
    assert policies(before[permission])[0] == policies(before[layer])[0] == "Retain"
    assert after[layer] != before[layer]


def test_a_version_outlives_its_stack_and_a_failed_first_create_leaves_nothing(stack: cdk.Stack) -> None:
    layer_in(stack)
    (layer,) = resources(stack).values()
    assert policies(layer) == ("Retain", "RetainExceptOnCreate")


@pytest.mark.parametrize("region", ["eu-central-1", "cn-north-1", "us-gov-west-1", None])
def test_no_partition_stands_in_a_permission(app: cdk.App, region: str | None) -> None:
    env = cdk.Environment(account="999988887777", region=region) if region else None
    stack = cdk.Stack(app, "Stack", env=env)
    layer_in(stack, [ACCOUNT, ORGANIZATION, PUBLIC])
    text = json.dumps(permissions(stack))
    assert "arn:" not in text
    assert "AWS::Partition" not in text


def test_the_stacks_own_account_may_be_among_them(app: cdk.App) -> None:
    stack = cdk.Stack(app, "Stack", env=cdk.Environment(account=ACCOUNT.principal, region="eu-west-1"))
    layer_in(stack, [ACCOUNT, OTHER])
    assert len(permissions(stack)) == 2


def test_stages_and_nested_stacks_share_too(app: cdk.App, stack: cdk.Stack) -> None:
    staged = cdk.Stack(cdk.Stage(app, "Stage"), "Stack")
    for each in (staged, cdk.NestedStack(stack, "Nested")):
        layer_in(each, [ACCOUNT])
        assert [policies(found) for found in permissions(each).values()] == [KEPT]


def test_sharing_twice_is_refused_and_adds_nothing(stack: cdk.Stack) -> None:
    with pytest.raises(ArgumentError, match=r"shared twice with Share.account\('111122223333'\)"):
        layer_in(stack, [ACCOUNT, ACCOUNT])
    assert stack.node.children == []
    layer = layer_in(stack, [ACCOUNT])
    with pytest.raises(ArgumentError, match=r"shared twice with Share.account\('111122223333'\)"):
        layer.share_with(OTHER, ACCOUNT)
    assert layer.shares == (ACCOUNT,)
    assert len(permissions(stack)) == 1


def test_a_list_given_later_is_refused_with_what_to_write(stack: cdk.Stack) -> None:
    with pytest.raises(ArgumentError, match="is no share"):
        layer_in(stack).share_with([ACCOUNT])  # type: ignore[arg-type]


@pytest.mark.parametrize("shares", [[ACCOUNT, OTHER], [ORGANIZATION]])
def test_only_what_is_public_is_reported(stack: cdk.Stack, shares: list[Share]) -> None:
    layer_in(stack, shares)
    assertions.Annotations.from_stack(stack).has_no_warning("*", assertions.Match.any_value())


@pytest.mark.parametrize("by", ["list", "later", "add_permission"])
def test_public_sharing_is_reported_when_the_app_is_synthesised(stack: cdk.Stack, by: str) -> None:
    layer = layer_in(stack, [PUBLIC] if by == "list" else [])
    if by == "later":
        layer.share_with(PUBLIC)
    if by == "add_permission":
        layer.add_permission("Everybody", account_id="*")
    assertions.Annotations.from_stack(stack).has_warning(
        "/Stack/Deps", assertions.Match.string_like_regexp("every AWS account may read this layer version")
    )


def test_public_sharing_can_be_acknowledged(stack: cdk.Stack) -> None:
    layer = layer_in(stack, [PUBLIC])
    cdk.Annotations.of(layer).acknowledge_warning("layer-constructs:public-share", "it is open source")
    assertions.Annotations.from_stack(stack).has_no_warning("*", assertions.Match.any_value())


def test_the_cdks_own_add_permission_is_kept_and_revoked_the_same_way(stack: cdk.Stack) -> None:
    layer = layer_in(stack)
    layer.add_permission("Consumer", account_id="111122223333")
    layer.add_permission("Organization", account_id="*", organization_id="o-a1b2c3d4e5")
    layer.add_permission("Token", account_id=cdk.Fn.import_value("consumer"))
    found = permissions(stack)
    assert [whom(each) for each in found.values()] == [
        "111122223333",
        "o-a1b2c3d4e5",
        {"Fn::ImportValue": "consumer"},
    ]
    assert {policies(each) for each in found.values()} == {KEPT}
    assertions.Annotations.from_stack(stack).has_no_warning("*", assertions.Match.any_value())


def test_add_permission_has_the_cdks_signature() -> None:
    ours, theirs = (
        [(each.name, each.kind, each.default) for each in inspect.signature(method).parameters.values()]
        for method in (PythonDepsLayer.add_permission, lambda_.LayerVersion.add_permission)
    )
    assert ours == theirs


def test_another_account_under_the_same_id_revokes_the_one_before(tmp_path: Path) -> None:
    names: list[str] = []
    for account in ("111122223333", "444455556666", "111122223333"):
        stack = cdk.Stack(cdk.App(outdir=str(tmp_path / f"out{len(names)}")), "Stack")
        layer_in(stack).add_permission("Consumer", account_id=account)
        names += permissions(stack)
    assert names[0] == names[2] != names[1]


def test_the_cdks_own_refusals_stay(stack: cdk.Stack) -> None:
    with pytest.raises(RuntimeError, match="OrganizationId can only be specified if AwsAccountId is"):
        layer_in(stack).add_permission("Both", account_id="111122223333", organization_id="o-a1b2c3d4e5")


@pytest.mark.parametrize(
    ("context", "given", "of_layer", "of_permission"),
    [
        (True, None, GONE, GONE),
        ("true", None, GONE, GONE),
        (False, None, ("Retain", "RetainExceptOnCreate"), KEPT),
        ("false", None, ("Retain", "RetainExceptOnCreate"), KEPT),
        (True, cdk.RemovalPolicy.RETAIN, ("Retain", "Retain"), KEPT),
        (None, cdk.RemovalPolicy.DESTROY, GONE, GONE),
    ],
)
def test_what_is_disposable(
    tmp_path: Path, context: object, given: cdk.RemovalPolicy | None, of_layer: object, of_permission: object
) -> None:
    stack = cdk.Stack(cdk.App(outdir=str(tmp_path / "cdk.out"), context={DISPOSABLE: context}), "Stack")
    layer_in(stack, [ACCOUNT], removal_policy=given).add_permission("Other", account_id="444455556666")
    layer, *shared = resources(stack).values()
    assert policies(layer) == of_layer
    assert [policies(each) for each in shared] == [of_permission, of_permission]


@pytest.mark.parametrize("given", ["yes", 1, []])
@pytest.mark.parametrize("removal_policy", [None, cdk.RemovalPolicy.RETAIN])
def test_a_context_that_is_neither_yes_nor_no_is_refused(
    tmp_path: Path, given: object, removal_policy: cdk.RemovalPolicy | None
) -> None:
    stack = cdk.Stack(cdk.App(outdir=str(tmp_path / "cdk.out"), context={DISPOSABLE: given}), "Stack")
    with pytest.raises(ArgumentError, match=f"the context key {DISPOSABLE} is "):
        layer_in(stack, removal_policy=removal_policy)


def set_in(scope: Construct, shares: Sequence[Share] = (), **more: Any) -> PythonDepsLayerSet:
    return PythonDepsLayerSet(
        scope,
        "Deps",
        requirements=COMPILED,
        runtimes=[lambda_.Runtime.PYTHON_3_12],
        architectures=[lambda_.Architecture.X86_64, lambda_.Architecture.ARM_64],
        share_with=shares,
        **more,
    )


def shares_by_layer(layers: PythonDepsLayerSet) -> dict[str, tuple[Share, ...]]:
    return {layer.node.id: layer.shares for layer in layers.layers}


def test_each_layer_of_a_set_is_shared(stack: cdk.Stack) -> None:
    layers = set_in(stack, [ORGANIZATION, ACCOUNT])
    layers.share_with(OTHER)
    expected = (ACCOUNT, ORGANIZATION, OTHER)
    assert shares_by_layer(layers) == {"Python312X86": expected, "Python312Arm64": expected}
    found = permissions(stack)
    assert {policies(each) for each in found.values()} == {KEPT}
    assert len(found) == len({(whom(each), str(each["Properties"]["LayerVersionArn"])) for each in found.values()}) == 6


def test_a_layer_that_a_set_makes_on_demand_is_shared(stack: cdk.Stack) -> None:
    layers = set_in(stack, [ACCOUNT], on_demand=True)
    layers.layer(lambda_.Runtime.PYTHON_3_12, lambda_.Architecture.ARM_64)
    layers.share_with(ORGANIZATION)
    layers.layer(lambda_.Runtime.PYTHON_3_12, lambda_.Architecture.X86_64)
    assert shares_by_layer(layers) == dict.fromkeys(["Python312X86", "Python312Arm64"], (ACCOUNT, ORGANIZATION))


def test_sharing_a_set_twice_is_refused_and_adds_nothing(stack: cdk.Stack) -> None:
    layers = set_in(stack, [ACCOUNT])
    layers.layers[1].share_with(OTHER)
    for again in (ACCOUNT, OTHER):
        with pytest.raises(ArgumentError, match="shared twice with"):
            layers.share_with(ORGANIZATION, again)
    assert shares_by_layer(layers) == {"Python312X86": (ACCOUNT,), "Python312Arm64": (ACCOUNT, OTHER)}


def test_a_set_is_disposable(tmp_path: Path) -> None:
    stack = cdk.Stack(cdk.App(outdir=str(tmp_path / "cdk.out"), context={DISPOSABLE: "true"}), "Stack")
    set_in(stack, [ACCOUNT])
    assert [policies(each) for each in resources(stack).values()] == 4 * [GONE]
