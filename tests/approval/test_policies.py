"""The policies as they stand in templates."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from syrupy.extensions.json import JSONSnapshotExtension

from layer_constructs.approval.approved_layer import ApprovedLayer
from layer_constructs.approval.catalog import LayerCatalog
from layer_constructs.approval.policies import ApprovedLayersBoundary, ApprovedLayersPolicy, ApprovedLayersScp
from layer_constructs.approval.policy_size import PolicyTooLargeError
from layer_constructs.errors import ArgumentError

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

CORE = ApprovedLayer.named("core", account="111122223333", min_version=100, required_as="Base")
CATALOG = LayerCatalog(CORE, ApprovedLayer.own_account())
PUBLISHERS = ["arn:aws:iam::*:role/layer-pipeline"]
POLICY, SCP = "AWS::IAM::ManagedPolicy", "AWS::Organizations::Policy"


@pytest.fixture
def snapshot_json(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(JSONSnapshotExtension)


@pytest.fixture
def stack() -> cdk.Stack:
    return cdk.Stack(cdk.App(), "Stack")


def only(stack: cdk.Stack, wanted: str) -> dict[str, Any]:
    """The one resource of a type."""
    (found,) = assertions.Template.from_stack(stack).find_resources(wanted).values()
    return dict(found["Properties"])


def test_a_managed_policy_denies_what_the_catalog_denies(stack: cdk.Stack, snapshot_json: SnapshotAssertion) -> None:
    role = iam.Role(stack, "Deployer", assumed_by=iam.AccountRootPrincipal())
    ApprovedLayersPolicy(stack, "Approved", catalog=CATALOG, publishers=PUBLISHERS, roles=[role])
    made = only(stack, POLICY)
    statements = made["PolicyDocument"]["Statement"]
    assert statements[0] == CATALOG.deny_statements()[0]
    assert {statement["Effect"] for statement in statements} == {"Deny"}
    assert made == snapshot_json


def test_a_boundary_allows_the_rest_and_can_be_applied(stack: cdk.Stack, snapshot_json: SnapshotAssertion) -> None:
    role = iam.Role(stack, "Deployer", assumed_by=iam.AccountRootPrincipal())
    boundary = ApprovedLayersBoundary(stack, "Boundary", catalog=CATALOG, managed_policy_name="approved-layers")
    iam.PermissionsBoundary.of(role).apply(boundary)
    made = only(stack, POLICY)
    assert made["PolicyDocument"]["Statement"][0]["Effect"] == "Allow"
    assert "PermissionsBoundary" in only(stack, "AWS::IAM::Role")
    assert made == snapshot_json


def test_an_scp_has_its_targets(stack: cdk.Stack, snapshot_json: SnapshotAssertion) -> None:
    made = ApprovedLayersScp(stack, "Scp", catalog=CATALOG, targets=["ou-ab12-11112222", "111122223333"])
    cdk.CfnOutput(stack, "Id", value=made.policy_id)
    properties = only(stack, SCP)
    assert properties["Type"] == "SERVICE_CONTROL_POLICY"
    assert properties["Content"]["Statement"][:1] == CATALOG.deny_statements("scp")
    assert properties == snapshot_json


@pytest.mark.parametrize("construct", [ApprovedLayersPolicy, ApprovedLayersBoundary])
def test_what_is_required_is_in_every_policy(construct: type[ApprovedLayersPolicy], stack: cdk.Stack) -> None:
    construct(stack, "Policy", catalog=CATALOG)
    sids = [statement["Sid"] for statement in only(stack, POLICY)["PolicyDocument"]["Statement"]]
    assert sids[-2:] == ["RequiresBaseAtCreation", "RequiresBaseAtUpdate"]


def test_nobody_may_publish_with_an_empty_list_and_who_may_is_left_alone_without_one(stack: cdk.Stack) -> None:
    ApprovedLayersScp(stack, "Silent", catalog=CATALOG, targets=["r-ab12"])
    ApprovedLayersScp(stack, "Nobody", catalog=CATALOG, targets=["r-ab12"], publishers=[])
    found = assertions.Template.from_stack(stack).find_resources(SCP)
    publishing = {
        logical_id[:6]: [
            statement.get("Condition", "none")
            for statement in resource["Properties"]["Content"]["Statement"]
            if statement["Action"] == "lambda:PublishLayerVersion"
        ]
        for logical_id, resource in found.items()
    }
    assert publishing == {"Silent": [], "Nobody": ["none"]}


def test_the_cdk_may_merge_statements_and_changes_nothing_by_it() -> None:
    documents = []
    for merges in (False, True):
        app = cdk.App(context={"@aws-cdk/aws-iam:minimizePolicies": merges})
        stack = cdk.Stack(app, "Stack")
        expiring = LayerCatalog(CORE, ApprovedLayer.account("444455556666", expires=date(2027, 1, 1)))
        ApprovedLayersBoundary(stack, "Boundary", catalog=expiring, publishers=PUBLISHERS)
        documents.append(only(stack, POLICY)["PolicyDocument"])
    assert documents[0] == documents[1]


def test_a_layer_of_the_app_is_its_name_in_the_account_of_its_stack(stack: cdk.Stack) -> None:
    layer = lambda_.LayerVersion(stack, "Layer", code=lambda_.Code.from_asset("docs"), layer_version_name="core")
    ApprovedLayersPolicy(stack, "Policy", catalog=LayerCatalog(ApprovedLayer.of(layer)))
    condition = only(stack, POLICY)["PolicyDocument"]["Statement"][0]["Condition"]
    (pattern,) = condition["ForAnyValue:StringNotLike"]["lambda:Layer"]
    assert pattern == {"Fn::Join": ["", ["arn:aws*:lambda:*:", {"Ref": "AWS::AccountId"}, ":layer:core:*"]]}


def test_a_layer_without_a_name_is_an_error_before_anything_is_made(stack: cdk.Stack) -> None:
    layer = lambda_.LayerVersion(stack, "Layer", code=lambda_.Code.from_asset("docs"))
    with pytest.raises(ArgumentError, match="has no layer_version_name"):
        ApprovedLayersScp(stack, "Scp", catalog=LayerCatalog(ApprovedLayer.of(layer)), targets=["r-ab12"])
    assert stack.node.try_find_child("Scp") is None


def test_what_fits_alone_and_not_together_says_by_how_much(stack: cdk.Stack) -> None:
    names = [f"layer-{number:03}-{'x' * 20}" for number in range(30)]
    catalog = LayerCatalog(*(ApprovedLayer.named(name, account="111122223333", required_as="Base") for name in names))
    catalog.deny_statements()
    with pytest.raises(PolicyTooLargeError, match="what is required") as caught:
        ApprovedLayersPolicy(stack, "Policy", catalog=catalog)
    assert caught.value.over > 0
    assert f"{caught.value.over:,} more than the 6,144" in str(caught.value)


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ([], "targets is empty"),
        ("r-ab12", "must be a list"),
        (["my-account"], "allowed: 111122223333"),
        (["o-a1b2c3d4e5"], "allowed: 111122223333"),
    ],
)
def test_a_target_is_an_account_a_unit_or_the_root(targets: Any, said: str, stack: cdk.Stack) -> None:
    with pytest.raises(ArgumentError, match=said):
        ApprovedLayersScp(stack, "Scp", catalog=CATALOG, targets=targets)


def test_a_target_may_be_a_token(stack: cdk.Stack) -> None:
    ApprovedLayersScp(stack, "Scp", catalog=CATALOG, targets=[cdk.Aws.ACCOUNT_ID])
    assert only(stack, SCP)["TargetIds"] == [{"Ref": "AWS::AccountId"}]


def test_everybody_is_no_publisher(stack: cdk.Stack) -> None:
    with pytest.raises(ArgumentError, match="which is everybody"):
        ApprovedLayersPolicy(stack, "Policy", catalog=CATALOG, publishers=["arn:aws:iam::*:role/*"])


def test_the_order_of_the_entries_changes_nothing() -> None:
    texts = set()
    for entries in ([CORE, ApprovedLayer.own_account()], [ApprovedLayer.own_account(), CORE]):
        stack = cdk.Stack(cdk.App(), "Stack")
        ApprovedLayersPolicy(stack, "Policy", catalog=LayerCatalog(*entries))
        ApprovedLayersScp(stack, "Scp", catalog=LayerCatalog(*entries), targets=["r-ab12"])
        texts.add(json.dumps(assertions.Template.from_stack(stack).to_json()))
    assert len(texts) == 1
